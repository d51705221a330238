//! What a buggy or hostile peer writes: every call of the library over anything that a region can hold, alone
//! with the bytes, where each answer can be foretold, and beside a process that writes all the time.
//!
//! Each victim is a child. Its mappings lie between reservations of 4 GiB that nobody may touch, which is as
//! far as a 32-bit length leads, and its buffers end at such memory: an access outside ends it by a signal,
//! which is a violation, as are a panic, a wrong answer, and a call that takes too much time. What is right is
//! asked of the outsider.

mod headers;
mod latest;
mod scribble;

use std::time::{Duration, Instant};

use shm_ring::{Latest, MessageRing};
use shm_ring_hostile::board::{Board, Count, OPS, OUTCOMES, Op, Outcome};
use shm_ring_hostile::drive::Drive;
use shm_ring_hostile::kind::{Aligned, Kind, Messages, Values};

use crate::How;
use crate::forked::{End, Forked, PANICKED};
use crate::report::Report;
use crate::rng::Rng;

/// No call here waits for more than a few slices of a tenth of a second. One that uses the processor for two
/// seconds, or gets nowhere for twenty on however busy a machine, does not return.
const CALL_TICKS: u64 = 200;
const CALL_LIMIT: Duration = Duration::from_secs(20);

/// Calls of a full run, over all victims.
const FULL_CALLS: u64 = 120_000_000;

/// At least so many in any other run.
const SHORT_CALLS: u64 = 300_000;

/// One victim.
struct Victim {
    name: String,
    /// Its part of the time, in hundredths.
    share: u64,
    /// Its part of the calls of a full run, in hundredths.
    calls: u64,
    /// What its work must reach.
    must: &'static [(Op, &'static [Outcome])],
    /// One for each of its rings, each in a process of its own.
    jobs: &'static [Job],
}

/// From a seed, until a moment and for so many calls at least.
type Job = fn(Board, u64, Instant, u64) -> Result<(), String>;

pub(crate) fn run(how: &How) -> Report {
    let mut report = Report::new("hostile");
    let seed = how.seed(&mut report);
    let seconds = how.seconds.unwrap_or(if how.full { 60 } else { 20 });
    let started = Instant::now();
    let mut calls = 0;
    for victim in victims() {
        let until = Instant::now() + Duration::from_millis(seconds * 10 * victim.share);
        // On a busy machine the time alone would not reach everything.
        let least = match how {
            How { full: true, .. } => FULL_CALLS / 100 * victim.calls,
            _ => SHORT_CALLS / 100 * victim.calls,
        };
        match Board::new() {
            Ok(board) => {
                attack(&mut report, &victim, board, seed, until, least);
                calls += board.get(Count::Calls);
            }
            Err(error) => report.violation(format!("{}: {error}", victim.name)),
        }
    }
    let least = if how.full { 100_000_000 } else { 100_000 };
    report.at_least("calls in all", calls, least, "calls");
    report.figure("time", started.elapsed().as_secs_f64(), "s");
    report
}

fn victims() -> [Victim; 8] {
    use shm_ring_hostile::board::{Op::*, Outcome::*};
    const NOW: &[Outcome] = &[Success, NotNow, Corrupt];
    const NOW_OR_NEVER: &[Outcome] = &[Success, NotNow, Corrupt, Misfit];
    const WAIT: &[Outcome] = &[Success, TimedOut, Closed, PeerDead, Corrupt];
    const ALIVE: &[Outcome] = &[Success, TimedOut, Corrupt];
    const ALONE: &[Outcome] = &[Success, Closed, PeerDead, Corrupt];
    const LOOK: &[Outcome] = &[Absent, Alive, Closed, PeerDead];
    const ATTACH: &[Outcome] = &[Success, Corrupt];
    const OPENING: &[(Op, &[Outcome])] =
        &[(Open, &[Success, Refused]), (AttachProducer, &[Success])];
    const VALUES: &[(Op, &[Outcome])] = &[
        (AttachProducer, ATTACH),
        (AttachConsumer, ATTACH),
        (Close, &[Success]),
        (TryPush, NOW),
        (TryPushFrom, NOW),
        (PushTimeout, WAIT),
        (Push, ALONE),
        (TryReserve, NOW_OR_NEVER),
        (ReserveTimeout, ALIVE),
        (TryPushBatch, NOW),
        (PushBatch, ALONE),
        (TryPushSlice, NOW),
        (PushSlice, ALONE),
        (Room, &[Success]),
        (TryPop, NOW),
        (TryPopInto, NOW),
        (PopTimeout, WAIT),
        (Pop, ALONE),
        (TryPeek, NOW),
        (PeekTimeout, ALIVE),
        (TryPopBatch, NOW),
        (PopBatchTimeout, ALIVE),
        (TryPopSlice, NOW),
        (PopSliceTimeout, ALIVE),
        (PopThreshold, WAIT),
        (TryIter, NOW),
        (Iter, ALONE),
        (Ready, &[Success]),
        (WaitAny, &[Success, TimedOut]),
        (Peer, LOOK),
    ];
    const MESSAGES: &[(Op, &[Outcome])] = &[
        (AttachProducer, ATTACH),
        (AttachConsumer, ATTACH),
        (Close, &[Success]),
        (TryPush, NOW_OR_NEVER),
        (TryPushFrom, NOW_OR_NEVER),
        (PushTimeout, WAIT),
        (Push, ALONE),
        (TryReserve, NOW_OR_NEVER),
        (ReserveTimeout, ALIVE),
        (TryPushBatch, NOW),
        (PushBatch, ALONE),
        (WriteStream, ALONE),
        (Room, &[Success]),
        (TryPop, NOW),
        (TryPopInto, NOW),
        (TryPopTo, NOW_OR_NEVER),
        (PopTimeout, &[Success, TimedOut, Closed, PeerDead, Corrupt, Misfit]),
        (Pop, &[Success, Closed, PeerDead, Corrupt, Misfit]),
        (TryPeek, NOW),
        (PeekTimeout, ALIVE),
        (TryPopBatch, NOW),
        (PopBatchTimeout, ALIVE),
        (PopThreshold, WAIT),
        (TryIter, NOW),
        (Iter, ALONE),
        (ReadStream, ALONE),
        (Ready, &[Success]),
        (WaitAny, &[Success, TimedOut]),
        (Peer, LOOK),
    ];
    // What the writer's speed decides is not asked for.
    const LIVE: &[(Op, &[Outcome])] = &[
        (AttachProducer, &[Success]),
        (AttachConsumer, &[Success]),
        (TryPush, NOW),
        (TryReserve, NOW),
        (TryPushBatch, NOW),
        (PushTimeout, &[Success, TimedOut]),
        (TryPop, NOW),
        (TryPeek, NOW),
        (TryPopBatch, NOW),
        (PopTimeout, &[Success, TimedOut]),
        (Peer, &[Alive]),
    ];
    const OPENING_LATEST: &[(Op, &[Outcome])] =
        &[(Open, &[Success, Refused]), (AttachWriter, &[Success]), (AttachReader, &[Success])];
    const LATEST: &[(Op, &[Outcome])] = &[
        (AttachWriter, ATTACH),
        (AttachReader, &[Success]),
        (Close, &[Success]),
        (Write, &[Success]),
        (WriteFrom, &[Success]),
        (Notify, &[Success]),
        (Read, &[Success, NotNow, Corrupt]),
        (ReadInto, &[Success, NotNow, Corrupt]),
        (ReadNewer, WAIT),
        (Next, &[Success, NotNow, Overrun, Corrupt]),
        (HasNewer, &[Success, Corrupt]),
        (WriterOf, LOOK),
    ];
    const LIVE_LATEST: &[(Op, &[Outcome])] = &[
        (AttachWriter, &[Success]),
        (AttachReader, &[Success]),
        (Write, &[Success]),
        (Read, &[Success, Corrupt]),
        (ReadInto, &[Success, Corrupt]),
        (ReadNewer, &[Success]),
        (Next, &[Overrun, Corrupt]),
        (HasNewer, &[Success]),
        (WriterOf, &[Alive]),
    ];
    let victim = |name: String, share, calls, must, jobs| Victim { name, share, calls, must, jobs };
    [
        victim("headers".to_owned(), 12, 1, OPENING, &[headers::run::<MessageRing>]),
        victim(
            "headers, latest".to_owned(),
            5,
            1,
            OPENING_LATEST,
            &[headers::run::<Latest<headers::Long>>],
        ),
        victim("alone, values".to_owned(), 22, 40, VALUES, VALUES_ALONE),
        victim("alone, messages".to_owned(), 22, 40, MESSAGES, MESSAGES_ALONE),
        victim("alone, latest".to_owned(), 6, 4, LATEST, &[latest::alone]),
        victim("beside a writer, values".to_owned(), 12, 10, LIVE, VALUES_BESIDE),
        victim("beside a writer, messages".to_owned(), 15, 10, LIVE, MESSAGES_BESIDE),
        victim("beside a writer, latest".to_owned(), 6, 2, LIVE_LATEST, &[latest::beside]),
    ]
}

/// With what fills the least, what fills no word, what just fits the front and what does not, and what is aligned to
/// more than a word; with limits that are the capacity, and that are not.
const VALUES_ALONE: &[Job] = &[
    alone::<Values<[u64; 3], 170>>,
    alone::<Values<u64, 512>>,
    alone::<Values<[u8; 3], 1000>>,
    alone::<Values<[u64; 7], 73>>,
    alone::<Values<[u8; 300], 13>>,
    alone::<Values<Aligned, 40>>,
];
const VALUES_BESIDE: &[Job] = &[beside::<Values<[u64; 3], 170>>, beside::<Values<[u8; 300], 13>>];
const MESSAGES_ALONE: &[Job] = &[alone::<Messages<1, 4096>>, alone::<Messages<64, 4000>>];
const MESSAGES_BESIDE: &[Job] = &[beside::<Messages<1, 4096>>, beside::<Messages<64, 4000>>];

/// Alone with the bytes.
fn alone<K: Kind>(board: Board, seed: u64, until: Instant, calls: u64) -> Result<(), String> {
    Drive::<K>::new(board, seed, true)?.run(until, calls);
    Ok(())
}

/// Beside a process of its own that writes all the time.
fn beside<K: Kind>(board: Board, seed: u64, until: Instant, calls: u64) -> Result<(), String> {
    let mut drive = Drive::<K>::new(board, seed, false)?;
    let (region, header) = (drive.region, drive.header);
    let writer = Forked::start(|| {
        scribble::run(board, Rng::new(seed ^ 1), region, &header);
        0
    });
    let mut writer = writer.map_err(|errno| format!("fork: {errno}"))?;
    drive.run(until, calls);
    match writer.poll() {
        None => Ok(()),
        Some(end) => Err(format!("the writer ended: {end:?}")),
    }
}

/// How often a victim whose work has not reached everything goes on, and for how long each time: some
/// outcomes need luck.
const FURTHER_ROUNDS: u64 = 10;
const FURTHER_ROUND: Duration = Duration::from_secs(2);

/// Attacks `victim` until the time is over and everything that it must reach was reached.
fn attack(
    report: &mut Report,
    victim: &Victim,
    board: Board,
    seed: u64,
    until: Instant,
    least: u64,
) {
    let Victim { name, must, jobs, .. } = victim;
    let everything = || {
        let mut all = must.iter().flat_map(|(op, those)| those.iter().map(move |one| (*op, *one)));
        all.all(|(op, outcome)| board.reached(op, outcome) > 0)
    };
    let (from, count) = (Instant::now(), jobs.len() as u64);
    let mut fine = true;
    for (job, part) in jobs.iter().zip(1..) {
        let until = from + until.saturating_duration_since(from) * part as u32 / count as u32;
        fine = fine && attack_once(report, name, job, board, (seed, until, least * part / count));
    }
    for round in 1..=FURTHER_ROUNDS {
        for job in *jobs {
            if !fine || everything() {
                break;
            }
            let (seed, until) = (seed.wrapping_add(round << 32), Instant::now() + FURTHER_ROUND);
            fine = attack_once(report, name, job, board, (seed, until, 0));
        }
    }
    figures(report, name, board, must);
}

/// Runs a `job` in a child and watches it. Whether nothing was violated.
fn attack_once(
    report: &mut Report,
    name: &str,
    job: &Job,
    board: Board,
    (seed, until, least): (u64, Instant, u64),
) -> bool {
    let child = Forked::start(|| {
        std::panic::set_hook(Box::new(move |info| {
            let told = info.to_string().replace('\n', " ");
            board.violation(&format!("in {:?}: {told}", board.now()));
        }));
        match job(board, seed, until, least) {
            Ok(()) => 0,
            Err(what) => {
                board.violation(&what);
                1
            }
        }
    });
    let ended = match child {
        Ok(child) => watch(child, board),
        Err(errno) => Err(format!("fork: {errno}")),
    };
    let told = board.told().unwrap_or_default();
    match ended {
        Ok(End::Exited(0)) => return true,
        Ok(End::Exited(PANICKED)) => report.violation(format!("{name}: panicked {told}")),
        Ok(End::Exited(_)) => report.violation(format!("{name}: {told}")),
        Ok(End::Killed(signal)) => {
            report.violation(format!("{name}: {signal} in {:?}", board.now()));
        }
        Err(hang) => report.violation(format!("{name}: {hang}")),
    }
    false
}

/// Waits for the end of a victim, or for a call of it that does not return.
fn watch(mut child: Forked, board: Board) -> Result<End, String> {
    let (mut calls, mut since, mut ticks) = (u64::MAX, Instant::now(), 0);
    loop {
        if let Some(end) = child.wait(Duration::from_millis(100)) {
            return Ok(end);
        }
        let now = board.get(Count::Calls);
        if now != calls {
            (calls, since, ticks) = (now, Instant::now(), child.ticks());
        }
        let used = child.ticks().saturating_sub(ticks);
        if used > CALL_TICKS || since.elapsed() > CALL_LIMIT {
            let (op, lasts) = (board.now(), since.elapsed());
            child.kill();
            return Err(format!(
                "{op:?} hangs: after {lasts:.1?} and {used} ticks of processor time it had not returned"
            ));
        }
    }
}

fn figures(report: &mut Report, name: &str, board: Board, must: &[(Op, &[Outcome])]) {
    report.figure(format!("{name}: calls"), board.get(Count::Calls) as f64, "calls");
    for (what, count, unit) in [
        ("hostile writes", Count::Writes, "writes"),
        ("attachments between guards", Count::Guarded, "attachments"),
        ("answers foretold", Count::Foretold, "answers"),
        ("calls after Corrupt", Count::StayedCorrupt, "calls"),
    ] {
        let expected = match count {
            Count::Writes => true,
            Count::Foretold => !name.starts_with("beside"),
            _ => !name.starts_with("headers"),
        };
        if expected {
            report.at_least(format!("{name}: {what}"), board.get(count), 1, unit);
        }
    }
    for &op in OPS {
        for outcome in OUTCOMES {
            let (reached, figure) =
                (board.reached(op, outcome), format!("{name}: {op:?} {outcome:?}"));
            let wanted =
                must.iter().any(|(wanted, those)| *wanted == op && those.contains(&outcome));
            if wanted {
                report.at_least(figure, reached, 1, "calls");
            } else if reached > 0 {
                report.figure(figure, reached as f64, "calls");
            }
        }
    }
}
