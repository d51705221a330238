//! The campaign `stepkill`.
#![cfg_attr(not(target_arch = "x86_64"), allow(dead_code))]

mod asleep;
mod create;
mod judge;
mod kind;
mod perform;
mod plan;
mod raw;
mod scene;
mod successors;
mod tally;
mod window;

use crate::How;
use crate::report::Report;

pub(crate) fn run(how: &How) -> Report {
    let mut report = Report::new("stepkill");
    if cfg!(debug_assertions) {
        report.violation(
            "this is a debug build: its instructions are not those that run in earnest; build with --release",
        );
        return report;
    }
    plan::run(how, &mut report);
    report
}
