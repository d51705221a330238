//! The campaign `system`: the operating system's faults, each a named case that passes, fails with
//! what was seen, or is skipped with the reason. Each runs in a process of its own, which may break
//! itself: fill a file system, lose its privileges, have system calls refused, die. This file knows
//! the list of cases and how one is run, and nothing of any case.

pub(crate) mod case;
mod cgroup;
mod cut;
mod fallback;
mod forks;
mod kernel;
mod limits;
mod memory;
pub(crate) mod mounts;
mod names;
mod owners;
mod planted;
mod process;
mod refused;
mod scene;
mod signals;
mod steps;
mod strace;
mod streams;

use std::time::{Duration, Instant};

use nix::sys::wait::WaitStatus;

use self::case::{Case, Needs, Stop};
use self::process::{fork, show};
use self::scene::Scene;
use crate::How;
use crate::report::Report;

/// In the order in which they run.
const CASES: &[&[Case]] = &[
    memory::CASES,
    cgroup::CASES,
    limits::CASES,
    cut::CASES,
    planted::CASES,
    names::CASES,
    owners::CASES,
    forks::CASES,
    refused::CASES,
    signals::CASES,
    steps::CASES,
    fallback::CASES,
    strace::CASES,
];

/// Cases that run anywhere: without root, namespaces, control groups and strace. Fewer than this and
/// the list was lost, whatever else passed.
const LEAST: u64 = 62;

/// No case takes longer: one that does hangs.
const LIMIT: Duration = Duration::from_secs(30);

/// The same in the full form.
const FULL_LIMIT: Duration = Duration::from_secs(120);

/// What to run, in place of everything.
#[derive(Clone, Debug, Default, clap::Args)]
pub(crate) struct Which {
    /// Only the cases whose name contains this.
    #[arg(long, value_name = "TEXT")]
    case: Option<String>,

    /// What a traced process of a case does.
    #[arg(long, hide = true, num_args = 2, value_names = ["JOB", "NAME"])]
    job: Option<Vec<String>>,
}

pub(crate) fn run(how: &How, which: &Which) -> Report {
    if let Some(words) = &which.job {
        crate::trace::exit_now(i32::from(!strace::job(words)));
    }
    let mut report = Report::new("system");
    let wanted = |case: &&Case| {
        which.case.as_ref().is_none_or(|text| case.name.contains(text)) && (how.full || !case.full)
    };
    let end = how.seconds.map(|seconds| Instant::now() + Duration::from_secs(seconds));
    let (mut ran, mut failed, mut skipped) = (0, 0, 0);
    for (number, case) in CASES.iter().copied().flatten().filter(wanted).enumerate() {
        if end.is_some_and(|end| Instant::now() > end) {
            skipped += 1;
            report.case(case.name, "skipped", "the time was up".to_owned());
            continue;
        }
        match run_case(case, number, how.full) {
            Ok(seen) => {
                ran += 1;
                report.case(case.name, "ok", seen);
            }
            Err(Stop::Violated(what)) => {
                (ran, failed) = (ran + 1, failed + 1);
                report.violation(format!("{}: {what}", case.name));
                report.case(case.name, "FAILED", what);
            }
            Err(Stop::Skipped(why)) => {
                skipped += 1;
                if case.needs == Needs::Nothing {
                    report.violation(format!("{} needs nothing and was skipped: {why}", case.name));
                }
                report.case(case.name, "skipped", why);
            }
        }
    }
    let least = if which.case.is_some() { 1 } else { LEAST };
    report.at_least("cases that ran", ran, least, "cases");
    report.figure("cases that passed", (ran - failed) as f64, "cases");
    report.figure("cases that failed", failed as f64, "cases");
    report.figure("cases that were skipped", skipped as f64, "cases");
    report
}

/// In a process of its own; whatever becomes of that, its names and its control group go.
fn run_case(case: &Case, number: usize, full: bool) -> Result<String, Stop> {
    let scene = Scene::new(number, full)?;
    let answer = in_child(case, &scene);
    cgroup::sweep(&scene);
    answer
}

fn in_child(case: &Case, scene: &Scene) -> Result<String, Stop> {
    let mut child = fork(|line| {
        let seen = (case.run)(scene)?;
        line.say(&seen)
    })?;
    let limit = if scene.full { FULL_LIMIT } else { LIMIT };
    let status = child.end_within(limit);
    let said = child.last_words().unwrap_or_default();
    if let Some(stop) = process::Child::stop_of(&said) {
        return Err(stop);
    }
    match status {
        Some(WaitStatus::Exited(_, 0)) => Ok(said),
        Some(status) => Err(Stop::Violated(format!("its process {}", show(status)))),
        None => Err(Stop::Violated(format!("hung: had not ended after {limit:?}"))),
    }
}
