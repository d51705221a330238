//! What an attachment with a death notice costs while nothing happens: processor time, wake-ups and memory
//! of an idle process, and the time to attach.

use std::fs;
use std::time::{Duration, Instant};

use shm_ring::{Options, Region, Ring};

use super::victim::{End, Role, Victim};
use crate::region::Name;
use crate::report::Report;

const IDLE: Duration = Duration::from_secs(2);
const ATTACHMENTS: usize = 300;

pub(crate) fn measure(report: &mut Report) -> Result<(), String> {
    for (what, more) in [("with the notice", None), ("without", Some("--quiet"))] {
        let name = Name::new("notice-cost");
        let ring = Ring::<u64>::create(name.as_str(), &Options::new().bytes(4096).unlink_on_drop())
            .map_err(|error| error.to_string())?;
        let victim = Victim::start_with(name.as_str(), End::Kill, Role::Consumer, more)?;
        let before = Idle::of(victim.pid())?;
        std::thread::sleep(IDLE);
        let after = Idle::of(victim.pid())?;
        drop(ring);
        let share = (after.nanos - before.nanos) as f64 / IDLE.as_nanos() as f64 * 100.0;
        report.figure(format!("idle, {what}: processor"), share, "% of one");
        let switches = (after.switches - before.switches) as f64;
        report.figure(format!("idle, {what}: wake-ups in {IDLE:?}"), switches, "");
        report.figure(format!("idle, {what}: threads"), after.threads as f64, "");
        report.figure(format!("idle, {what}: private memory"), after.private_kib as f64, "KiB");
    }
    for (what, notice) in [("with the notice", true), ("without", false)] {
        let ring = Ring::<u64>::create(Region::memfd("cost"), &Options::new().death_notice(notice))
            .map_err(|error| error.to_string())?;
        let mut took: Vec<u128> = (0..ATTACHMENTS)
            .map(|_| {
                let start = Instant::now();
                drop(ring.consumer());
                start.elapsed().as_nanos()
            })
            .collect();
        took.sort_unstable();
        let median = took[ATTACHMENTS / 2] as f64 / 1000.0;
        report.figure(format!("attach and close, {what}: median"), median, "us");
    }
    Ok(())
}

struct Idle {
    nanos: u64,
    switches: u64,
    threads: usize,
    private_kib: u64,
}

impl Idle {
    fn of(pid: u32) -> Result<Self, String> {
        let read =
            |path: String| fs::read_to_string(&path).map_err(|error| format!("{path}: {error}"));
        let number = |text: &str, label: &str| -> u64 {
            let lines = text.lines().filter_map(|line| line.strip_prefix(label));
            lines.filter_map(|rest| rest.split_whitespace().next()?.parse::<u64>().ok()).sum()
        };
        let (mut nanos, mut switches, mut threads) = (0, 0, 0);
        for task in fs::read_dir(format!("/proc/{pid}/task")).map_err(|error| error.to_string())? {
            let task = task.map_err(|error| error.to_string())?.path();
            let task = task.display();
            let ran = read(format!("{task}/schedstat"))?;
            nanos += ran.split(' ').next().and_then(|ran| ran.parse::<u64>().ok()).unwrap_or(0);
            switches += number(&read(format!("{task}/status"))?, "voluntary_ctxt_switches:");
            threads += 1;
        }
        let private_kib = number(&read(format!("/proc/{pid}/smaps_rollup"))?, "Private_Dirty:");
        Ok(Self { nanos, switches, threads, private_kib })
    }
}
