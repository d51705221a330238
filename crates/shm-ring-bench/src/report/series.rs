//! What plots show of the results: which rows, which figure of each, and how it is written. It must not
//! know how it is drawn.

use super::figures::{
    BLOCKED, BYTES, COST, DRAIN, HELD, Kind, LATENCY, MESSAGES, Measured, RATIO, digits,
    percentile, size,
};
use super::{Outcome, Report};
use crate::plan::figure::Figure;
use crate::plan::state::State;
use crate::run::spec::Workload;

/// One figure of one row.
#[derive(Clone, Debug)]
pub(super) struct Shown<'a> {
    /// Which of the results it is of.
    pub(super) index: usize,
    pub(super) row: &'a Outcome,
    pub(super) measured: Measured,
}

impl Shown<'_> {
    pub(super) fn figure(&self) -> Figure {
        self.measured.figure
    }

    /// All of it in words.
    pub(super) fn said(&self) -> String {
        let figure = self.figure();
        let [median, min, max] = [figure.median, figure.min, figure.max]
            .map(|value| digits(value / self.measured.kind.scale));
        let part = self.measured.part.map_or_else(String::new, |part| percentile(part) + " ");
        format!(
            "{}, {} {}: {part}{median} {} ({min} to {max}, {} runs)",
            self.row.transport,
            self.row.doing(),
            size(self.row.bytes),
            self.measured.kind.shown,
            self.row.runs
        )
    }
}

/// All figures that plots are made of, read off the results once.
pub(super) struct Series<'a> {
    pub(super) report: &'a Report,
    shown: Vec<Shown<'a>>,
}

impl<'a> Series<'a> {
    /// Those of all rows but the yardstick, which is no transport.
    pub(super) fn of(report: &'a Report) -> Self {
        let rows = report.results.iter().enumerate();
        let transports = rows.filter(|(_, row)| row.workload != Workload::Lines);
        Self { report, shown: transports.flat_map(all_of).collect() }
    }

    /// The figure of that kind of each row that has one; of a latency, every part.
    pub(super) fn every(&self, kind: Kind) -> Vec<Shown<'a>> {
        self.shown.iter().filter(|shown| shown.measured.kind == kind).cloned().collect()
    }

    /// The figure of that kind (and of a latency, of that part) of each row that has one.
    pub(super) fn one(&self, kind: Kind, part: Option<f64>) -> Vec<Shown<'a>> {
        let mut shown = self.every(kind);
        shown.retain(|shown| shown.measured.part == part);
        shown
    }

    /// What the longest yardstick, which comes last, shows in a state: what moving bytes can cost.
    pub(super) fn yardstick(&self, state: Option<State>) -> Option<Shown<'a>> {
        let is_it = |row: &Outcome| row.workload == Workload::Lines && row.state == state;
        let lines = self.report.results.iter().enumerate().filter(|(_, row)| is_it(row));
        lines.flat_map(all_of).rfind(|shown| shown.measured.kind == BYTES)
    }
}

fn all_of((index, row): (usize, &Outcome)) -> impl DoubleEndedIterator<Item = Shown<'_>> {
    row.figures().into_iter().map(move |measured| Shown { index, row, measured })
}

/// What is shown, apart by `key`, in the order in which keys come.
pub(super) fn apart<'a, K: PartialEq>(
    shown: Vec<Shown<'a>>,
    key: impl Fn(&Shown<'a>) -> K,
) -> Vec<(K, Vec<Shown<'a>>)> {
    let mut groups: Vec<(K, Vec<Shown<'a>>)> = Vec::new();
    for one in shown {
        let key = key(&one);
        match groups.iter_mut().find(|(other, _)| *other == key) {
            Some((_, group)) => group.push(one),
            None => groups.push((key, vec![one])),
        }
    }
    groups
}

/// What is shown, apart by what is done.
pub(super) fn by_doing(shown: Vec<Shown>) -> Vec<(String, Vec<Shown>)> {
    apart(shown, |one| one.row.doing())
}

/// The different values of `key`, from the least.
pub(super) fn distinct<'a>(shown: &[Shown<'a>], key: impl Fn(&Shown<'a>) -> u64) -> Vec<u64> {
    let mut values: Vec<u64> = shown.iter().map(key).collect();
    values.sort_unstable();
    values.dedup();
    values
}

/// The size to look at first: what most programs send is small.
pub(super) fn usual_size(shown: &[Shown]) -> Option<u64> {
    let sizes = sizes(shown);
    sizes.iter().copied().find(|&bytes| bytes == 64).or_else(|| sizes.first().copied())
}

pub(super) fn sizes(shown: &[Shown]) -> Vec<u64> {
    distinct(shown, |one| one.row.bytes as u64)
}

/// Where a part of the messages stands on an axis of nines.
pub(super) fn axis_of_nines(part: f64) -> f64 {
    -(1.0 - part).log10()
}

/// Whether more of a figure is better.
pub(super) fn more_is_better(kind: Kind) -> bool {
    [MESSAGES, BYTES].contains(&kind)
}

/// How a value is written, short, with its unit, its number by the one given.
pub(super) type Write = fn(f64, Number) -> String;

/// How a number is written.
pub(super) type Number = fn(f64) -> String;

/// How values of that kind are written.
pub(super) fn writes(kind: Kind) -> Write {
    match kind {
        LATENCY | DRAIN | COST => |value, number| {
            scaled(value, number, &[(1.0, "ns"), (1e3, "us"), (1e6, "ms"), (1e9, "s")])
        },
        BYTES => {
            |value, number| scaled(value, number, &[(1e3, "kB/s"), (1e6, "MB/s"), (1e9, "GB/s")])
        }
        MESSAGES => |value, number| {
            scaled(value, number, &[(1.0, "/s"), (1e3, "k/s"), (1e6, "M/s"), (1e9, "G/s")])
        },
        HELD => |value, number| {
            scaled(value, number, &[(1.0, "B"), (1024.0, "KiB"), (1_048_576.0, "MiB")])
        },
        BLOCKED => |value, number| format!("{} %", number(value * 100.0)),
        RATIO => |value, number| format!("{}x", number(value)),
        _ => |value, number| number(value),
    }
}

/// Three digits without zeros that say nothing: for axes.
pub(super) fn short(value: f64) -> String {
    let said = digits(value);
    match said.contains('.') {
        true => said.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => said,
    }
}

fn scaled(value: f64, number: Number, units: &[(f64, &str)]) -> String {
    // A round value may be computed as a little less.
    let fitting = units.iter().rev().find(|(unit, _)| value >= unit * 0.999_999);
    let (unit, name) = fitting.unwrap_or(&units[0]);
    format!("{} {name}", number(value / unit))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_on_an_axis_are_short_and_have_their_unit() {
        let latency =
            [0.0, 50.0, 999.999_999_9, 1500.0, 2e6].map(|value| writes(LATENCY)(value, short));
        assert_eq!(latency, ["0 ns", "50 ns", "1 us", "1.5 us", "2 ms"]);
        assert_eq!([500.0, 2e8].map(|value| writes(MESSAGES)(value, short)), ["500 /s", "200 M/s"]);
        assert_eq!(
            [100.0, 1.25e10].map(|value| writes(BYTES)(value, short)),
            ["0.1 kB/s", "12.5 GB/s"]
        );
        assert_eq!([0.0002, 1.0].map(|value| writes(BLOCKED)(value, short)), ["0.02 %", "100 %"]);
        assert_eq!(writes(LATENCY)(1500.0, digits), "1.50 us");
        assert_eq!([20_480.0].map(|value| writes(HELD)(value, short)), ["20 KiB"]);
    }
}
