//! Two saved comparisons row by row: the ratio of the medians, and whether it is more than noise. It
//! must not know how that is shown.
//!
//! Noise is what the runs of one comparison differ by. If the minimum and the maximum of one file reach into
//! those of the other, the ratio of the two medians says nothing, whatever it is.

mod text;

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;
use shm_ring_console::terminal::{print, say};

use crate::cli;
use crate::commands::saved;
use crate::complaint::Complaint;
use crate::plan::ENOUGH;
use crate::plan::figure::Figure;
use crate::plan::state::Seen;
use crate::report::{Outcome, Report};

/// What tells a row from others: how it was run, not what came of it.
type Key = BTreeMap<String, Value>;

/// What differs between two comparisons.
#[derive(Debug, Serialize)]
struct Diff {
    schema: u32,
    /// What the numbers were measured on, where it is not the same.
    differing: Vec<Differing>,
    /// The states that each saw, with their floors.
    states: [Vec<Seen>; 2],
    rows: Vec<Compared>,
    only_in_a: Vec<Key>,
    only_in_b: Vec<Key>,
}

#[derive(Debug, PartialEq, Serialize)]
struct Differing {
    what: &'static str,
    a: String,
    b: String,
}

/// One figure of one row in both.
#[derive(Debug, Serialize)]
struct Compared {
    #[serde(flatten)]
    key: Key,
    measure: Measure,
    a: Option<Figure>,
    b: Option<Figure>,
    /// The median of B over that of A.
    ratio: Option<f64>,
    /// The minimum and the maximum that the ratio of two runs can be.
    range: Option<[f64; 2]>,
    /// How much worse B is, in percent: by how much longer a message takes, or more is used.
    worse_percent: Option<f64>,
    verdict: Verdict,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
enum Measure {
    MsgsPerS,
    P50Ns,
    P99Ns,
    BlockedCpu,
    HeldBytes,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
enum Verdict {
    Better,
    Worse,
    WithinNoise,
    /// Fewer than three runs are valid in one of them.
    TooFewRuns,
    /// None is valid in one of them.
    NoValidRun,
    /// The row has figures in A; in B its runs failed.
    FailsNow,
}

/// Compares the two files and says whether B holds what --fail-above forbids.
pub(crate) fn run(asked: &cli::Diff) -> Result<bool, Complaint> {
    let (a, b) = (saved::read(&asked.a)?, saved::read(&asked.b)?);
    let diff = Diff::between(&a, &b);
    if diff.rows.is_empty() {
        let what = format!("{} and {} have no row in common", asked.a.display(), asked.b.display());
        let hint =
            "compare files that the same options measured; `shm-ring-bench report` shows them";
        return Err(Complaint::failed(what, hint));
    }
    let regressions = asked.fail_above.map(|percent| diff.regressions(percent));
    let text = match asked.output.json {
        true => serde_json::to_string_pretty(&diff)
            .map_err(|error| Complaint::unwritten(format!("differences as JSON: {error}")))?,
        false => text::render(&diff, [&asked.a, &asked.b]),
    };
    print(&text).map_err(Complaint::unwritten)?;
    let regressions = regressions.unwrap_or_default();
    for row in &regressions {
        let percent = asked.fail_above.unwrap_or_default();
        say(&text::regression(row, percent));
    }
    Ok(!regressions.is_empty())
}

impl Diff {
    fn between(a: &Report, b: &Report) -> Self {
        let keyed = |report: &Report| -> Vec<(Key, Outcome)> {
            report.results.iter().map(|row| (key(row), row.clone())).collect()
        };
        let (of_a, of_b) = (keyed(a), keyed(b));
        let mut rows = Vec::new();
        for (key, in_a) in &of_a {
            if let Some(in_b) = find(&of_b, key) {
                rows.extend(compared(key, in_a, in_b));
            }
        }
        let missing = |from: &[(Key, Outcome)], other: &[(Key, Outcome)]| {
            let missing = from.iter().filter(|row| find(other, &row.0).is_none());
            missing.map(|row| row.0.clone()).collect()
        };
        Self {
            schema: 2,
            differing: differing(a, b),
            states: [a.states.clone(), b.states.clone()],
            rows,
            only_in_a: missing(&of_a, &of_b),
            only_in_b: missing(&of_b, &of_a),
        }
    }

    /// What is worse by more than noise and by more than `percent`, or fails.
    fn regressions(&self, percent: f64) -> Vec<&Compared> {
        let is_one = |row: &&Compared| match row.verdict {
            // From nothing to something is more than any percentage.
            Verdict::Worse => row.worse_percent.is_none_or(|worse| worse > percent),
            Verdict::FailsNow => true,
            _ => false,
        };
        self.rows.iter().filter(is_one).collect()
    }
}

/// The row with that key. One whose runs all failed saw no state, so it stands for each.
fn find<'a>(rows: &'a [(Key, Outcome)], key: &Key) -> Option<&'a Outcome> {
    let mut stateless = key.clone();
    stateless.remove("state");
    let is_it = |(other, row): &&(Key, Outcome)| {
        other == key || (*other == stateless && !row.failures.is_empty())
    };
    rows.iter().find(is_it).map(|(_, row)| row)
}

/// How the row was run: every plain field of it that is not an outcome. What is added to a row later is
/// part of this by itself.
fn key(row: &Outcome) -> Key {
    const OUTCOMES: [&str; 3] = ["messages", "runs", "excluded"];
    let Ok(Value::Object(fields)) = serde_json::to_value(row) else {
        return Key::new();
    };
    let is_plain = |value: &Value| value.is_string() || value.is_number() || value.is_boolean();
    let fields = fields.into_iter();
    fields.filter(|(name, value)| is_plain(value) && !OUTCOMES.contains(&name.as_str())).collect()
}

fn figures(row: &Outcome) -> Vec<(Measure, Figure)> {
    let quantile = |part: f64| {
        let quantile = row.latency.iter().find(|quantile| quantile.part == part);
        quantile.map(|quantile| quantile.ns)
    };
    // Older files have no quantiles beside these.
    let p50 = quantile(0.5).or(row.rtt_ns.map(|rtt| rtt.p50)).or(row.wake_ns);
    let p99 = quantile(0.99).or(row.rtt_ns.map(|rtt| rtt.p99));
    let all = [
        (Measure::MsgsPerS, row.msgs_per_s),
        (Measure::P50Ns, p50),
        (Measure::P99Ns, p99),
        (Measure::BlockedCpu, row.blocked_cpu),
        (Measure::HeldBytes, row.held_bytes),
    ];
    all.into_iter().filter_map(|(measure, figure)| Some((measure, figure?))).collect()
}

fn compared(key: &Key, a: &Outcome, b: &Outcome) -> Vec<Compared> {
    let (of_a, of_b) = (figures(a), figures(b));
    let of = |figures: &[(Measure, Figure)], measure| {
        figures.iter().find(|figure| figure.0 == measure).map(|figure| figure.1)
    };
    let mut measures: Vec<Measure> = of_a.iter().chain(&of_b).map(|figure| figure.0).collect();
    // Where both have figures, those are compared that both have.
    if !of_a.is_empty() && !of_b.is_empty() {
        measures.retain(|&measure| of(&of_a, measure).and(of(&of_b, measure)).is_some());
    }
    measures.sort_by_key(|&measure| measure as u8);
    measures.dedup();
    let fails_now = of_b.is_empty() && !b.failures.is_empty();
    let few = a.runs.min(b.runs) < ENOUGH;
    let row = |measure| {
        let (a, b) = (of(&of_a, measure), of(&of_b, measure));
        let key = key.clone();
        let (Some(before), Some(after)) = (a, b) else {
            let verdict = if fails_now { Verdict::FailsNow } else { Verdict::NoValidRun };
            let (ratio, range, worse_percent) = (None, None, None);
            return Compared { key, measure, a, b, ratio, range, worse_percent, verdict };
        };
        let worse = match measure.more_is_better() {
            true => before.median / after.median,
            false => after.median / before.median,
        };
        let range = [after.min / before.max, after.max / before.min];
        Compared {
            key,
            measure,
            a,
            b,
            ratio: finite(after.median / before.median),
            range: range.iter().all(|ratio| ratio.is_finite()).then_some(range),
            worse_percent: finite((worse - 1.0) * 100.0),
            verdict: if few { Verdict::TooFewRuns } else { judged(measure, before, after) },
        }
    };
    measures.into_iter().map(row).collect()
}

fn finite(value: f64) -> Option<f64> {
    Some(value).filter(|value| value.is_finite())
}

fn judged(measure: Measure, before: Figure, after: Figure) -> Verdict {
    match (after.min > before.max, after.max < before.min) {
        (true, _) if measure.more_is_better() => Verdict::Better,
        (_, true) if !measure.more_is_better() => Verdict::Better,
        (true, _) | (_, true) => Verdict::Worse,
        _ => Verdict::WithinNoise,
    }
}

impl Measure {
    fn more_is_better(self) -> bool {
        self == Self::MsgsPerS
    }
}

fn differing(a: &Report, b: &Report) -> Vec<Differing> {
    let facts = |report: &Report| {
        let machine = &report.machine;
        let clock = if machine.clock.tsc { "time stamp counter" } else { "monotonic" };
        [
            ("cpu", machine.cpu.clone()),
            ("cores", machine.cores.to_string()),
            ("kernel", machine.kernel.clone()),
            ("commit", machine.commit.clone()),
            ("pinned", format!("{} and {}", machine.pinned[0], machine.pinned[1])),
            ("topology", machine.topology.clone()),
            ("clock", clock.to_owned()),
        ]
    };
    let both = facts(a).into_iter().zip(facts(b));
    both.filter(|((_, a), (_, b))| a != b)
        .map(|((what, a), (_, b))| Differing { what, a, b })
        .collect()
}

#[cfg(test)]
mod tests;
