//! What stands below the tables: the goals, what was measured how, and what was left out. It must
//! not compute anything.

use std::fmt::Write;

use super::table::{BASELINE, digits};
use super::{Outcome, Report};

pub(super) fn render(report: &Report) -> String {
    let mut text = String::new();
    if !report.goals.is_empty() {
        let _ = writeln!(text, "\nGoals of the project (ratios of medians of this comparison)");
    }
    for goal in &report.goals {
        let value = goal.value.map_or_else(|| "-".to_owned(), digits);
        let verdict = match (&goal.note, goal.reached) {
            (Some(why), _) => format!("not measured: {why}"),
            (None, true) => "reached".to_owned(),
            (None, false) => "MISSED".to_owned(),
        };
        let (id, measure, must) = (&goal.id, &goal.measure, &goal.must);
        let _ = writeln!(text, "  {id:<4} {measure:<39} {value:>7}   must be {must:<7}  {verdict}");
    }
    text.push('\n');
    text.push_str(&conditions(report));
    text.push_str(&left_out(report));
    text
}

fn conditions(report: &Report) -> String {
    let machine = &report.machine;
    let [a, b] = machine.pinned;
    let mut text = String::new();
    let _ = writeln!(
        text,
        "Above: the median of the runs that count; below it the least and the most of them.\n\
         {}, {} processors, Linux {}, commit {}.\n\
         Sender and receiver are processes pinned to processors {b} and {a} ({}).",
        machine.cpu, machine.cores, machine.kernel, machine.commit, machine.topology
    );
    if let Some(floor) = report.floor_ns {
        let [median, min, max] = [floor.median, floor.min, floor.max].map(digits);
        let clock =
            if machine.clock.tsc { "the time stamp counter" } else { "the monotonic clock" };
        let _ = writeln!(
            text,
            "Floor: {median} ns ({min}-{max}), a ping-pong of two lines between them. It and every round \
             trip\ninclude one reading of {clock}, {} ns.",
            digits(machine.clock.read_ns)
        );
    }
    text
}

fn left_out(report: &Report) -> String {
    let mut text = String::new();
    let count = |of: fn(&Outcome) -> u32| report.results.iter().map(of).sum::<u32>();
    let (floor, preempted, failed) = (
        count(|row| row.excluded_for.floor),
        count(|row| row.excluded_for.preempted),
        count(|row| row.excluded_for.failed),
    );
    let _ = writeln!(
        text,
        "Left out: {floor} runs beside a floor outside 0.6 to 1.6 of its median, {preempted} in which a \
         side that does not\nsleep had less than 0.85 of its processor, {failed} that failed."
    );
    if report.has(BASELINE) {
        let _ = writeln!(
            text,
            "{BASELINE} is kept below 32,767 handoffs a run: with SEM_UNDO, as it is taught, it fails \
             there."
        );
    }
    for row in &report.results {
        for failure in &row.failures {
            let _ = writeln!(text, "{} {} {} B: {failure}", row.transport, row.workload, row.bytes);
        }
    }
    text
}
