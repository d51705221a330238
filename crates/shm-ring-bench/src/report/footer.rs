//! What stands below the tables: the goals, what was measured how, and what was left out. It must
//! not compute anything.

use std::fmt::Write;

use comfy_table::{CellAlignment, Table, presets};

use super::table::{BASELINE, digits};
use super::{Outcome, Report};
use crate::goals::{Goal, NOT_BUILT, Verdict};

pub(super) fn render(report: &Report) -> String {
    let mut text = String::new();
    if !report.goals.is_empty() {
        let _ = writeln!(text, "\nGoals of the project (ratios of medians of this comparison)");
        for line in goals(&report.goals).lines() {
            let _ = writeln!(text, "{}", line.trim_end());
        }
        let notes = || report.goals.iter().filter_map(|goal| goal.note.as_deref());
        if notes().any(|note| note.ends_with(NOT_BUILT)) {
            let _ = writeln!(
                text,
                "To measure them all: cargo run --release --features peers -- goals"
            );
        }
    }
    text.push('\n');
    text.push_str(&conditions(report));
    text.push_str(&left_out(report));
    text
}

fn goals(goals: &[Goal]) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header(["", "measure", "value", "(runs)", "must", "aim", ""]);
    for goal in goals {
        let value = goal.value.map_or_else(|| "-".to_owned(), digits);
        let range = |[least, most]: [f64; 2]| format!("({}-{})", digits(least), digits(most));
        let verdict = match goal.verdict {
            Verdict::AimReached => "aim reached",
            Verdict::MustReached => "must reached",
            Verdict::Missed => "MISSED",
            Verdict::NotMeasured => "not measured",
        };
        let verdict = match &goal.note {
            Some(why) => format!("{verdict}: {why}"),
            None => verdict.to_owned(),
        };
        table.add_row([
            goal.id.clone(),
            goal.measure.clone(),
            value,
            goal.range.map(range).unwrap_or_default(),
            goal.must.clone(),
            goal.aim.clone(),
            verdict,
        ]);
    }
    if let Some(value) = table.column_mut(2) {
        value.set_cell_alignment(CellAlignment::Right);
    }
    table.to_string()
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
    let empty = report.results.iter().filter(|row| row.runs == 0 && row.excluded > 0).count();
    if empty > 0 {
        let _ = writeln!(
            text,
            "{empty} of {} rows have no run that counts: other work had the processors, here or, beside a \
             virtual machine,\non its host. Measure again when it is quiet; `doctor` says what else may be in \
             the way.",
            report.results.len()
        );
    }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::tests::report;

    #[test]
    fn rows_without_a_run_that_counts_are_owned_up_to() {
        let mut report = report();
        assert!(!left_out(&report).contains("no run that counts"));
        report.results[0].runs = 0;
        assert!(left_out(&report).contains("1 of 2 rows have no run that counts"));
    }
}
