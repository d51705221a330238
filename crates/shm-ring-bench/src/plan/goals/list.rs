//! The goals themselves: what each compares, what must be reached and what is aimed at. It must not
//! know what was measured.

use super::{Bound, Key, Measure, Wanted};
use crate::run::spec::Workload::{
    self, Batch, Burst, Echo, IdleReceiver, IdleSender, Lines, Memory, Stream, Wake,
};
use crate::run::transport::{LARGE, items, lines};

use Bound::{AtLeast, AtMost, Below};
use Measure::{Best, Held, Instructions, OverFloor, Ratio, SleeperCpu, Spent, SystemCalls, Worst};

/// Queues of values: the peers of the ring. The fastest of them is the best peer.
const PEERS: &[&str] = &[
    "rtrb",
    "omango",
    "nexus-queue",
    "crossbeam-channel",
    "ringbuf",
    "gil",
    "shaq",
    "shmem-ipc",
    "iceoryx2",
    "ringfire",
    "cloudtoid-interprocess",
];
/// Queues of byte messages: the peers of the ring of messages.
const MESSAGE_PEERS: &[&str] = &["bbqueue", "cloudtoid-interprocess", "ipmpsc"];

const fn key(transport: &'static str, workload: Workload, bytes: usize) -> Key {
    Key { transport, workload, bytes, interval_ns: None }
}

/// Bursts at an interval.
const fn bursts(transport: &'static str, interval_ns: u64) -> Key {
    Key { interval_ns: Some(interval_ns), ..key(transport, Burst, 64) }
}

/// The ring against another transport, in the same workload.
const fn against(other: &'static str, workload: Workload, bytes: usize) -> Measure {
    Ratio(key("shm-ring-spin", workload, bytes), key(other, workload, bytes))
}

const fn against_best(workload: Workload, bytes: usize) -> Measure {
    Best(key("shm-ring-spin", workload, bytes), PEERS)
}

const fn messages(bytes: usize) -> Measure {
    Best(key("shm-ring-messages", Stream, bytes), MESSAGE_PEERS)
}

/// The ring against lines of memory in a buffer of its own length.
const fn against_lines(workload: Workload, bytes: usize) -> Measure {
    let lines = if items(bytes) * bytes < LARGE { "lines-short" } else { "lines" };
    Ratio(key("shm-ring-spin", workload, bytes), key(lines, Lines, lines::BLOCK))
}

const fn able_to_sleep(bytes: usize) -> Measure {
    Ratio(key("shm-ring-default", Stream, bytes), key("shm-ring-bare", Stream, bytes))
}

/// A goal: what must be reached, and what is aimed at.
const fn goal(
    id: &'static str,
    measure: &'static str,
    of: Measure,
    [must, aim]: [Bound; 2],
) -> Wanted {
    Wanted { id, measure, of, bounds: [must, aim], far: None }
}

const fn at_least(must: f64, aim: f64) -> [Bound; 2] {
    [AtLeast(must), AtLeast(aim)]
}

const fn at_most(must: f64, aim: f64) -> [Bound; 2] {
    [AtMost(must), AtMost(aim)]
}

const fn below(must: f64, aim: f64) -> [Bound; 2] {
    [Below(must), Below(aim)]
}

/// What another version of the compiler may add to a push and a pop without anyone having changed
/// anything, as in instructions/run.
const INSTRUCTIONS_MARGIN: f64 = 2.0;

/// Every goal, in order.
pub(super) const GOALS: &[Wanted] = &[
    goal("R1", "round trip 8 B / rtrb", against("rtrb", Echo, 8), at_most(0.95, 0.85)),
    goal("R1", "round trip 48 B / rtrb", against("rtrb", Echo, 48), at_most(0.85, 0.75)),
    goal("R2", "round trip 64 B / best peer", against_best(Echo, 64), at_most(0.95, 0.85)),
    goal(
        "R2",
        "round trip 64 B / floor",
        OverFloor(key("shm-ring-spin", Echo, 64)),
        at_most(1.25, 1.1),
    ),
    Wanted {
        far: Some(at_least(1.5, 2.0)),
        ..goal("S1", "stream 8 B / best peer", against_best(Stream, 8), at_least(1.0, 1.3))
    },
    goal("S2", "batches of 32, 8 B / rtrb", against("rtrb", Batch, 8), at_least(1.05, 1.3)),
    goal("S3", "stream 64 B / best peer", against_best(Stream, 64), at_least(1.25, 1.5)),
    goal("S4", "batches of 32, 64 B / rtrb", against("rtrb", Batch, 64), at_least(1.0, 1.2)),
    goal("S4", "batches of 32, 64 B / line stream", against_lines(Batch, 64), at_least(0.75, 0.9)),
    goal("S5", "stream 256 B / best peer", against_best(Stream, 256), at_least(1.4, 2.0)),
    goal("S6", "messages of 16 B / best peer", messages(16), at_least(2.0, 4.0)),
    goal("S6", "messages of 40 B / best peer", messages(40), at_least(2.0, 4.0)),
    goal("S6", "messages of 104 B / best peer", messages(104), at_least(2.0, 4.0)),
    goal("S6", "messages of 200 B / best peer", messages(200), at_least(2.0, 4.0)),
    goal("S7", "4 KiB / line stream", against_lines(Stream, 4096), at_least(0.95, 1.0)),
    goal("S7", "64 KiB / line stream", against_lines(Stream, 65_536), at_least(0.95, 1.0)),
    goal(
        "S8",
        "slices of 32 in place, 64 B / copying batches",
        Ratio(key("shm-ring-in-place", Batch, 64), key("shm-ring-spin", Batch, 64)),
        at_least(1.0, 1.2),
    ),
    goal("T1", "stream 8 B able to sleep / not able", able_to_sleep(8), at_least(0.95, 1.0)),
    goal("T1", "stream 64 B able to sleep / not able", able_to_sleep(64), at_least(0.95, 1.0)),
    goal("T2", "system calls in half a million messages", SystemCalls, at_most(0.0, 0.0)),
    goal(
        "T3",
        "stream 64 B, worst of 7 runs / median",
        Worst(key("shm-ring-spin", Stream, 64)),
        at_least(0.8, 0.9),
    ),
    goal(
        "W1",
        "to a sleeper every 100 us / pipe",
        Ratio(key("shm-ring-park", Wake, 64), key("pipe", Wake, 64)),
        at_most(1.05, 1.0),
    ),
    goal(
        "W2",
        "processor time of the sleeper a wake / Unix socket",
        SleeperCpu(key("shm-ring-park", Wake, 64), key("unix-stream", Wake, 64)),
        at_most(1.3, 1.0),
    ),
    goal(
        "W3",
        "bursts every 20 us, default / spinning",
        Ratio(bursts("shm-ring-default", 20_000), bursts("shm-ring-spin", 20_000)),
        at_most(1.5, 1.2),
    ),
    goal(
        "W4",
        "blocked receiver, % of a core",
        Spent(key("shm-ring-park", IdleReceiver, 64)),
        below(0.02, 0.005),
    ),
    goal(
        "W4",
        "blocked sender, % of a core",
        Spent(key("shm-ring-park", IdleSender, 64)),
        below(0.02, 0.005),
    ),
    goal(
        "M1",
        "held beyond the ring's bytes, KiB",
        Held(key("shm-ring-spin", Memory, 64)),
        at_most(32.0, 16.0),
    ),
    goal(
        "F1",
        "instructions of a push and a pop, above those recorded",
        Instructions,
        [AtMost(INSTRUCTIONS_MARGIN), Below(0.0)],
    ),
];
