//! Explores the models, and shows how a planted fault breaks a rule, step by step.

use std::process::ExitCode;

use shm_ring_world::catalogue::scenarios;
use shm_ring_world::planted::planted;

const HELP: &str = "\
shm-ring-world                    explores the scenarios of the test
shm-ring-world --all              explores the long ones too
shm-ring-world --list             names the planted faults
shm-ring-world --variant NAME     shows the shortest way by which a planted fault breaks its rule
shm-ring-world --variants         looks for all of them";

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
    let fine = match arguments[..] {
        [] => correct(false),
        ["--all"] => correct(true),
        ["--list"] => {
            for fault in planted() {
                println!("{:30} {:25} {}", fault.name, fault.rule, fault.seen);
            }
            true
        }
        ["--variant", name] => match planted().into_iter().find(|fault| fault.name == name) {
            Some(fault) => {
                let found = fault.world.explore(Some(fault.rule));
                println!("{found}");
                found.breaks(fault.rule)
            }
            None => {
                eprintln!("no planted fault is called {name}: --list names them");
                false
            }
        },
        ["--variants"] => planted().into_iter().fold(true, |fine, fault| {
            let found = fault.world.explore(Some(fault.rule));
            let rules: Vec<_> = found.broken.iter().map(|(rule, _)| *rule).collect();
            let breaks = found.breaks(fault.rule);
            let miss = if breaks { "" } else { "  MISSED" };
            let (name, states, seconds) = (fault.name, found.states, found.took.as_secs_f64());
            println!("{name:30} breaks {rules:?}; {states} states, {seconds:.1} s{miss}");
            fine && breaks
        }),
        _ => {
            println!("{HELP}");
            arguments == ["--help"]
        }
    };
    if fine { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn correct(long: bool) -> bool {
    let chosen = scenarios().into_iter().filter(|scenario| long || !scenario.long);
    chosen.fold(true, |fine, scenario| {
        let found = scenario.world.explore(None);
        println!("{}: {found}", scenario.name);
        let same = found.states == scenario.states;
        if !same {
            println!("  {} states are expected", scenario.states);
        }
        fine && same && found.holds()
    })
}
