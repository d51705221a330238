//! Owns: what stands below the tables: the goals, what each row and each mark means, the machine, and last what all of it
//! comes to. Knows nothing of: how it was measured.

use std::fmt::Write;

use comfy_table::{CellAlignment, Table, presets};

use super::figures::digits;
use super::headline::{BRACKETS, QUIETER, headlines, not_judged};
use super::table::BASELINE;
use super::{Look, Report};
use crate::plan::goals::{Goal, NOT_BUILT, Verdict};
use crate::plan::state::{Seen, State};

/// Columns of a line of words.
const WIDTH: usize = 100;

pub(super) fn render(report: &Report, look: Look) -> String {
    let mut text = String::new();
    if !report.goals.is_empty() {
        text.push_str(&judged(report));
    }
    text.push_str(&rows(report));
    text.push_str(&marks(report, look));
    text.push_str(&conditions(report, look));
    text.push_str(&failures(report));
    text.push_str(&in_short(report, look));
    text
}

fn judged(report: &Report) -> String {
    let mut text = String::new();
    let _ = writeln!(
        text,
        "\nGoals of the project (ratios of medians of this comparison, by the state of the machine)"
    );
    for line in goals(&report.goals).lines() {
        let _ = writeln!(text, "{}", line.trim_end());
    }
    for state in State::ALL {
        let unseen = |goal: &Goal| goal.verdict == Verdict::NotJudged && goal.state == Some(state);
        if report.goals.iter().any(unseen) {
            let _ = writeln!(text, "The machine was never {state}: nothing is judged there.");
        }
    }
    let notes = || report.goals.iter().filter_map(|goal| goal.note.as_deref());
    if notes().any(|note| note.ends_with(NOT_BUILT)) {
        let _ =
            writeln!(text, "To measure them all: cargo run --release --features peers -- goals");
    }
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

/// What each row is.
fn rows(report: &Report) -> String {
    let explained = report.explained();
    let width = explained.iter().map(|(name, _)| name.chars().count()).max().unwrap_or_default();
    let mut text = "\nThe rows:\n".to_owned();
    for (name, what) in explained {
        let _ = writeln!(text, " {name:<width$}  {what}");
    }
    text
}

/// What each mark means that occurs.
fn marks(report: &Report, look: Look) -> String {
    let mut text =
        "\nEach figure is the median of the valid runs, then their minimum and maximum.".to_owned();
    if report.results.iter().any(|row| row.runs == 0 && report.tabled(row.state, look)) {
        text.push_str(" A dash: no run is valid.");
    }
    text.push('\n');
    let excluded = report.excluded();
    let reasons = [
        (excluded.floor, "floor", "the ping-pong beside the run fits no state of the machine"),
        (excluded.preempted, "preempted", "a side that spins had less than 0.85 of its processor"),
        (excluded.failed, "failed", "the run ended with an error or was stuck"),
    ];
    let occur = reasons.into_iter().filter(|(count, ..)| *count > 0);
    let occur: Vec<String> = occur
        .map(|(count, name, why)| match count {
            1 => format!("{name} (1 run): {why}"),
            many => format!("{name} ({many} runs): {why}"),
        })
        .collect();
    if !occur.is_empty() {
        text.push_str(&wrapped(&format!("Discarded - {}.", occur.join("; "))));
    }
    text
}

/// What it was measured on.
fn conditions(report: &Report, look: Look) -> String {
    let machine = &report.machine;
    let [a, b] = machine.pinned;
    let mut text = String::new();
    let of_machine = format!(
        "{}, {} processors, Linux {}, commit {}. Sender and receiver are pinned to processors {b} and {a} ({}).",
        machine.cpu, machine.cores, machine.kernel, machine.commit, machine.topology
    );
    text.push_str(&wrapped(&of_machine));
    for Seen { state, floor_ns, runs } in &report.states {
        let [median, min, max] = [floor_ns.median, floor_ns.min, floor_ns.max].map(digits);
        let what = match state {
            State::Near => "both processors share a cache that answers",
            State::Far => "they do not, as on a virtual machine at times",
        };
        let and = match report.tabled(Some(*state), look) {
            true => "",
            false => ", too few of each row for a table (--wide shows them)",
        };
        let runs = format!("{runs} runs, floor {median} ns ({min}-{max}){and}");
        text.push_str(&wrapped(&format!("State {state} ({what}): {runs}.")));
    }
    if !report.states.is_empty() {
        text.push_str(&wrapped(
            "The floor is what a round trip between the two processors costs without any queue: a ping-pong of \
             two cache lines. Runs of one state are compared with no others.",
        ));
    }
    if look.wide && !report.states.is_empty() {
        let clock =
            if machine.clock.tsc { "the time stamp counter" } else { "the monotonic clock" };
        let read = digits(machine.clock.read_ns);
        text.push_str(&wrapped(&format!(
            "The floor and every round trip include one reading of {clock}, {read} ns. CPU tx and CPU rx are \
             processor time over wall time of the sender and the receiver; ns, switches and calls are of both \
             sides for a message."
        )));
    }
    if look.wide && report.has(BASELINE) {
        text.push_str(&wrapped(&format!(
            "{BASELINE} is kept below 32,767 handoffs a run: with SEM_UNDO, as it is taught, it fails there."
        )));
    }
    text
}

fn failures(report: &Report) -> String {
    let mut text = String::new();
    for row in report.rows_once() {
        for failure in &row.failures {
            let _ = writeln!(text, "{} {} {} B: {failure}", row.transport, row.workload, row.bytes);
        }
    }
    text
}

/// What most readers want to know.
fn in_short(report: &Report, look: Look) -> String {
    let mut text = String::new();
    let all = headlines(report, look.baseline);
    for said in &all {
        text.push('\n');
        // One state goes without saying.
        if let Some(state) = said.state.as_ref().filter(|_| report.states.len() > 1) {
            let _ = writeln!(text, "In {state}:");
        }
        for sentence in &said.sentences {
            text.push_str(&wrapped(sentence));
        }
        if !said.sentences.is_empty() {
            text.push_str(&wrapped(&format!("Valid runs: {}.", said.runs)));
        }
        if let Some(what) = not_judged(said) {
            text.push_str(&wrapped(&what));
        }
    }
    if all.iter().any(|said| !said.sentences.is_empty()) {
        text.push_str(&wrapped(BRACKETS));
    }
    if all.iter().any(|said| !said.not_judged.is_empty()) {
        text.push_str(&wrapped(QUIETER));
    }
    text
}

/// Lines of words.
fn wrapped(text: &str) -> String {
    let mut lines = String::new();
    let mut width = 0;
    for word in text.split(' ') {
        let long = word.chars().count();
        if width > 0 && width + 1 + long > WIDTH {
            lines.push('\n');
            width = 0;
        }
        if width > 0 {
            lines.push(' ');
            width += 1;
        }
        lines.push_str(word);
        width += long;
    }
    lines.push('\n');
    lines
}
