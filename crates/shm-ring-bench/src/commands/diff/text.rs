//! The differences as people read them. It must not compare anything.

use std::fmt::Write;
use std::path::Path;

use comfy_table::{CellAlignment, Table, presets};
use shm_ring_console::terminal::{BAD, DOUBTFUL, GOOD};

use super::{Compared, Diff, Key, Measure, Verdict};
use crate::plan::figure::Figure;
use crate::plan::state::{Seen, State};
use crate::report::digits;

pub(super) fn render(diff: &Diff, files: [&Path; 2]) -> String {
    let mut text = String::new();
    let [a, b] = files.map(Path::display);
    let _ = writeln!(text, "A is {a}, B is {b}.");
    if !diff.differing.is_empty() {
        let _ = writeln!(
            text,
            "{DOUBTFUL}warning:{DOUBTFUL:#} not measured under the same conditions, which the ratios include:"
        );
    }
    for differing in &diff.differing {
        let _ = writeln!(text, "  {}: A {}, B {}", differing.what, differing.a, differing.b);
    }
    for state in State::ALL {
        let floor = |of: &[Seen]| match of.iter().find(|seen| seen.state == state) {
            Some(Seen { floor_ns, .. }) => {
                format!("{} ns ({})", digits(floor_ns.median), range(*floor_ns, 1.0))
            }
            None => "not seen".to_owned(),
        };
        let [a, b] = &diff.states;
        if a.iter().chain(b).any(|seen| seen.state == state) {
            let _ = writeln!(text, "Floor, {state}: A {}, B {}", floor(a), floor(b));
        }
    }
    text.push('\n');
    for line in table(&diff.rows).lines() {
        let _ = writeln!(text, "{}", line.trim_end());
    }
    let _ = writeln!(
        text,
        "\nAbove: medians, B over A, in brackets the minimum and the maximum of the ratio of two runs. Only \
         what lies\noutside of all runs of the other file is more than noise."
    );
    for (file, rows) in [("A", &diff.only_in_a), ("B", &diff.only_in_b)] {
        for key in rows {
            let _ = writeln!(text, "only in {file}: {}", name(key));
        }
    }
    text
}

fn table(rows: &[Compared]) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header(["", "", "A", "B", "B / A", "(runs)", ""]);
    let mut last = None;
    for row in rows {
        let (unit, scale) = row.measure.unit();
        let median = |figure: Option<Figure>| {
            figure.map_or_else(|| "-".to_owned(), |figure| digits(figure.median * scale))
        };
        let range = |[least, most]: [f64; 2]| format!("({}-{})", digits(least), digits(most));
        // A row of several figures is named once.
        let named = if last == Some(&row.key) { String::new() } else { name(&row.key) };
        last = Some(&row.key);
        table.add_row([
            named,
            unit.to_owned(),
            median(row.a),
            median(row.b),
            row.ratio.map_or_else(|| "-".to_owned(), digits),
            row.range.map(range).unwrap_or_default(),
            verdict(row),
        ]);
    }
    for column in 2..5 {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table.to_string()
}

fn verdict(row: &Compared) -> String {
    let used = matches!(row.measure, Measure::BlockedCpu | Measure::HeldBytes);
    match row.verdict {
        Verdict::Better => format!("{GOOD}{}{GOOD:#}", if used { "less" } else { "faster" }),
        Verdict::Worse => format!("{BAD}{}{BAD:#}", if used { "more" } else { "slower" }),
        Verdict::WithinNoise => "within noise".to_owned(),
        Verdict::TooFewRuns => "too few runs to tell (three of each at least)".to_owned(),
        Verdict::NoValidRun if row.a.is_none() => "no valid run in A".to_owned(),
        Verdict::NoValidRun => "no valid run in B".to_owned(),
        Verdict::FailsNow => format!("{BAD}fails in B{BAD:#}"),
    }
}

/// Why a row is more than --fail-above allows.
pub(super) fn regression(row: &Compared, allowed: f64) -> String {
    let (name, (unit, _)) = (name(&row.key), row.measure.unit());
    match (row.verdict, row.worse_percent) {
        (Verdict::FailsNow, _) => format!("{name}: its runs fail in B"),
        (_, Some(worse)) => {
            format!("{name}, {unit}: worse by {} %, allowed are {allowed} %", digits(worse))
        }
        (_, None) => format!("{name}, {unit}: worse than nothing, allowed are {allowed} %"),
    }
}

fn range(figure: Figure, scale: f64) -> String {
    format!("{}-{}", digits(figure.min * scale), digits(figure.max * scale))
}

impl Measure {
    /// The unit that people read, and how many of it one of ours is.
    fn unit(self) -> (&'static str, f64) {
        match self {
            Self::MsgsPerS => ("million/s", 1e-6),
            Self::P50Ns => ("p50 us", 1e-3),
            Self::P99Ns => ("p99 us", 1e-3),
            Self::BlockedCpu => ("% of a core", 100.0),
            Self::HeldBytes => ("KiB", 1.0 / 1024.0),
        }
    }
}

/// A row in words: transport, workload and size, then whatever else it was run with.
fn name(key: &Key) -> String {
    let plain = |field: &str| {
        key.get(field).map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned))
    };
    let [transport, workload, bytes] =
        ["transport", "workload", "bytes"].map(|field| plain(field).unwrap_or_default());
    let mut name = format!("{transport} {workload} {bytes} B");
    for (field, value) in key {
        let _ = match (field.as_str(), value.as_f64()) {
            ("transport" | "workload" | "bytes", _) => Ok(()),
            ("state", _) => write!(name, ", {}", plain(field).unwrap_or_default()),
            ("interval_ns", Some(ns)) => write!(name, ", {} us", ns / 1000.0),
            _ => write!(name, ", {field} {}", plain(field).unwrap_or_default()),
        };
    }
    name
}
