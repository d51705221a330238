//! The rules hold in each scenario, and each planted fault is seen to break its rule.
//!
//! Owns: what is explored by an ordinary test run. Knows nothing of: the long scenarios, which
//! `cargo run -p shm-ring-world -- --all` explores.

use shm_ring_world::catalogue::scenarios;
use shm_ring_world::planted::planted;

#[test]
fn the_rules_hold() {
    for scenario in scenarios().into_iter().filter(|scenario| !scenario.long) {
        let found = scenario.world.explore(None);
        println!("{}: {found}", scenario.name);
        assert!(found.holds(), "{}:\n{found}", scenario.name);
        // Fewer would be rules that hold because less can happen.
        assert_eq!(found.states, scenario.states, "{} has another number of states", scenario.name);
    }
}

#[test]
fn each_planted_fault_breaks_its_rule() {
    for fault in planted() {
        let found = fault.world.explore(Some(fault.rule));
        println!("{} breaks {}: {} states", fault.name, fault.rule, found.states);
        assert!(found.breaks(fault.rule), "{} does not break {}", fault.name, fault.rule);
    }
}

#[test]
fn each_variant_that_is_no_protocol_is_planted() {
    let names: Vec<_> = planted().into_iter().map(|fault| fault.name).collect();
    let sources = include_str!("../src/variants.rs");
    for line in sources.lines().filter_map(|line| line.trim().strip_suffix(',')) {
        let keeps_the_rules = ["Correct", "LinksBeforeItLocks", "EndsItsPredecessor"];
        let is_variant = line.chars().all(char::is_alphanumeric);
        if is_variant && !keeps_the_rules.contains(&line) {
            assert!(names.iter().any(|name| name == line), "{line} is not planted");
        }
    }
}
