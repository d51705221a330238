//! Storms of processes around few names: they create, attach, restart, remove, replace, fork, execute, panic, stop and die,
//! some of them slowly, some in pid namespaces, some where there is memory for one ring alone. A judge outside keeps books
//! of what each was answered, and looks at locks and names by itself.
//!
//! Owns: the campaign: its rounds and its figures. Knows nothing of: what one process does.

mod children;
mod ends;
mod entry;
mod forms;
mod last;
mod ledger;
mod life;
mod mounts;
mod names;
mod namespaces;
mod newest;
mod outsider;
mod places;
mod storm;

use std::time::{Duration, Instant};

use nix::sys::prctl::set_child_subreaper;

use self::ledger::{Count, Ledger};
use self::life::Kind;
use self::places::{LINES, Places};
use self::storm::{Counts, Storm};
use crate::How;
use crate::forked::{End, Forked};
use crate::report::Report;
use crate::rng::Rng;

/// One round: longer than a role may be held that nobody has.
const ROUND: Duration = Duration::from_millis(2500);
/// The last process of a round hangs if it takes longer.
const LIMIT: Duration = Duration::from_secs(10);

pub(crate) fn run(how: &How) -> Report {
    let mut report = Report::new("world");
    let seed = how.seed(&mut report);
    let seconds = how.seconds.unwrap_or(if how.full { 900 } else { 36 });
    if let Err(error) = campaign(&mut report, seed, Duration::from_secs(seconds), how.full) {
        report.violation(error);
    }
    report
}

fn campaign(report: &mut Report, seed: u64, time: Duration, full: bool) -> Result<(), String> {
    // Children that outlive their parents are ours to find and to end.
    set_child_subreaper(true).map_err(|errno| format!("prctl(PR_SET_CHILD_SUBREAPER): {errno}"))?;
    let ledger = Ledger::new().map_err(|error| format!("memory for the books: {error}"))?;
    let places = Places::new().map_err(|error| format!("a directory for the names: {error}"))?;
    let namespaces = Forked::start_in_pid_namespace(|| 0).map(|mut child| child.wait(LIMIT));
    match &places.small {
        Ok(()) => report.case("little memory", "ok", "a tmpfs with room for one ring".to_owned()),
        Err(why) => report.case("little memory", "skipped", why.clone()),
    }
    match &namespaces {
        Ok(_) => report.case("pid namespaces", "ok", "one process in six is process 1".to_owned()),
        Err(errno) => report.case("pid namespaces", "skipped", errno.to_string()),
    }
    let mut storm = Storm {
        places: &places,
        ledger,
        rng: Rng::new(seed),
        namespaces: namespaces.is_ok(),
        counts: Counts::default(),
        stamp: 0,
    };
    let start = Instant::now();
    let mut rounds = 0_usize;
    let mut temporary = 0;
    while start.elapsed() < time && ledger.violations().is_empty() {
        let kinds =
            [Kind::Removing(LINES), Kind::Replacing(1), Kind::Removing(0), Kind::Replacing(LINES)];
        let kind =
            if rounds.is_multiple_of(2) { Kind::Mixed } else { kinds[rounds / 2 % kinds.len()] };
        storm.round(ROUND.min(time), kind)?;
        storm.stamp += 1;
        let stamp = storm.stamp;
        let last = Forked::start(|| last::settle(&places, ledger, stamp));
        let end = last.map_err(|errno| format!("fork: {errno}"))?.wait(LIMIT);
        if end != Some(End::Exited(0)) {
            ledger.violation(&format!("the last process of a round: {end:?}"));
        }
        let whole = ledger.entries().filter(|entry| !places.is_torn(entry.place()));
        whole.for_each(|entry| entry.conclude());
        let (left, temporary_ones) = places.left_and_swept();
        temporary += temporary_ones;
        if !left.is_empty() {
            ledger.violation(&format!("left behind: {left:?}"));
        }
        rounds += 1;
    }
    if temporary > storm.counts.replacing {
        let killed = storm.counts.replacing;
        ledger.violation(&format!(
            "{temporary} temporary names, and {killed} killed while replacing"
        ));
    }
    report.figure("time", start.elapsed().as_secs_f64(), "s");
    report.figure("rounds", rounds as f64, "");
    figures(report, ledger, &storm.counts, full);
    report.figure("temporary names left by processes killed while replacing", temporary as f64, "");
    ledger.violations().into_iter().for_each(|violation| report.violation(violation));
    Ok(())
}

fn figures(report: &mut Report, ledger: Ledger, counts: &Counts, full: bool) {
    let by_themselves = ledger.count(Count::Exited) + ledger.count(Count::Executed);
    // A violation ends the campaign before it has tried enough.
    let is_clean = ledger.violations().is_empty();
    let [attachments, deaths] = match (is_clean, full) {
        (false, _) => [0, 0],
        (true, false) => [1000, 100],
        (true, true) => [100_000, 10_000],
    };
    report.at_least("attachments", ledger.count(Count::Attachments), attachments, "");
    report.at_least("deaths", counts.killed + by_themselves, deaths, "");
    for (what, value) in [
        ("of them by exit or exec, with an end", by_themselves),
        ("processes", counts.started),
        ("stopped and continued", counts.stops),
        ("children that misused what they inherited", ledger.count(Count::Children)),
        ("children of which no handler knew", ledger.count(Count::Unknown)),
        ("panics that dropped an end", ledger.count(Count::Panicked)),
        ("closed in order", ledger.count(Count::Closed)),
        ("roles refused as taken", ledger.count(Count::Refused)),
        ("handles that had lost their name", ledger.count(Count::NameGone)),
        ("removed", ledger.count(Count::Removed)),
        ("removals refused: unread", ledger.count(Count::Unread)),
        ("replaced", ledger.count(Count::Replaced)),
        ("records pushed", ledger.count(Count::Pushed)),
        ("records popped", ledger.count(Count::Popped)),
        ("ends reported to a consumer", ledger.count(Count::Ends)),
        ("ends reported on a full ring", ledger.count(Count::EndsOnFull)),
        ("waits for the next one", ledger.count(Count::Waits)),
        ("ends that knew that their name was removed by other means", ledger.count(Count::Torn)),
        ("processes of much memory", ledger.count(Count::Large)),
        ("versions of a latest value written", ledger.count(Count::Written)),
        ("versions read", ledger.count(Count::Read)),
        ("roles taken of a description that was handed on", ledger.count(Count::Handed)),
    ] {
        report.at_least(what, value, is_clean.into(), "");
    }
    report.figure("killed while they waited for the other side", counts.killed_waiting as f64, "");
    report.figure("as process 1 of a namespace", counts.namespaced as f64, "");
    report.figure("that could open nothing", ledger.count(Count::ShutIn) as f64, "");
    report.figure("in a user namespace", ledger.count(Count::Users) as f64, "");
    let latest = ledger.count(Count::Latest) as f64 / 1000.0;
    report.figure("latest report of an end, after the reaping", latest, "ms");
    report.figure("refused for lack of memory", ledger.count(Count::NoSpace) as f64, "");
    report.figure("longest end of a round", counts.longest_end as f64, "ms");
}
