//! What stands below the tables: the goals, what was measured how, and what was discarded. It must
//! not compute anything.

use std::fmt::Write;

use comfy_table::{CellAlignment, Table, presets};

use super::Report;
use super::table::{BASELINE, digits};
use crate::plan::goals::{Goal, NOT_BUILT, Verdict};
use crate::plan::state::{Seen, State};
use crate::plan::stats::Excluded;

pub(super) fn render(report: &Report) -> String {
    let mut text = String::new();
    if !report.goals.is_empty() {
        let _ = writeln!(
            text,
            "\nGoals of the project (ratios of medians of this comparison, by the state of the machine)"
        );
        for line in goals(&report.goals).lines() {
            let _ = writeln!(text, "{}", line.trim_end());
        }
        for state in State::ALL {
            let unseen =
                |goal: &Goal| goal.verdict == Verdict::NotJudged && goal.state == Some(state);
            if report.goals.iter().any(unseen) {
                let _ = writeln!(text, "The machine was never {state}: nothing is judged there.");
            }
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
    table.set_header(["", "measure", "", "value", "(runs)", "must", "aim", ""]);
    for goal in goals.iter().filter(|goal| goal.verdict != Verdict::NotJudged) {
        let value = goal.value.map_or_else(|| "-".to_owned(), digits);
        let range = |[least, most]: [f64; 2]| format!("({}-{})", digits(least), digits(most));
        let verdict = match goal.verdict {
            Verdict::AimReached => "aim reached",
            Verdict::MustReached => "must reached",
            Verdict::Missed => "MISSED",
            Verdict::NotMeasured => "not measured",
            Verdict::NotJudged => "not judged",
        };
        let verdict = match &goal.note {
            Some(why) => format!("{verdict}: {why}"),
            None => verdict.to_owned(),
        };
        table.add_row([
            goal.id.clone(),
            goal.measured(),
            goal.state.map(|state| state.to_string()).unwrap_or_default(),
            value,
            goal.range.map(range).unwrap_or_default(),
            goal.must.clone(),
            goal.aim.clone(),
            verdict,
        ]);
    }
    if let Some(value) = table.column_mut(3) {
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
        "Above: the median of the valid runs; below it the minimum and the maximum of them.\n\
         {}, {} processors, Linux {}, commit {}.\n\
         Sender and receiver are processes pinned to processors {b} and {a} ({}).",
        machine.cpu, machine.cores, machine.kernel, machine.commit, machine.topology
    );
    for Seen { state, floor_ns, runs } in &report.states {
        let [median, min, max] = [floor_ns.median, floor_ns.min, floor_ns.max].map(digits);
        let _ = writeln!(
            text,
            "State {state}: {runs} runs beside a floor of {median} ns ({min}-{max})."
        );
    }
    if !report.states.is_empty() {
        let clock =
            if machine.clock.tsc { "the time stamp counter" } else { "the monotonic clock" };
        let _ = writeln!(
            text,
            "The floor is a ping-pong of two lines between them. It and every round trip include one \
             reading\nof {clock}, {} ns. Runs of one state are compared with no others.",
            digits(machine.clock.read_ns)
        );
    }
    text
}

fn left_out(report: &Report) -> String {
    let mut text = String::new();
    let Excluded { floor, preempted, failed } = report.excluded();
    let _ = writeln!(
        text,
        "Discarded: {floor} runs beside a floor that fits no state, {preempted} in which a side that does \
         not sleep\nhad less than 0.85 of its processor, {failed} that failed."
    );
    let empty = report.results.iter().filter(|row| row.runs == 0 && row.excluded > 0).count();
    if empty > 0 {
        let _ = writeln!(
            text,
            "{empty} of {} rows have no valid run: other work had the processors, here or, beside a \
             virtual machine,\non its host. Measure again when it is quiet; `doctor` says what else may be \
             in the way.",
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
    for row in report.rows_once() {
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
    fn rows_without_a_valid_run_are_reported() {
        let mut report = report();
        assert!(!left_out(&report).contains("no valid run"));
        report.results[0].runs = 0;
        assert!(left_out(&report).contains("1 of 2 rows have no valid run"));
    }
}
