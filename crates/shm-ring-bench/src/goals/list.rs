//! The goals themselves: what each compares, what must be reached and what is aimed at. It must not
//! know what was measured.

use super::{Bound, Key, Measure, Wanted};
use crate::spec::Workload::{
    self, Batch, Echo, IdleReceiver, IdleSender, Lines, Memory, Stream, Wake,
};
use crate::transport::lines;

use Bound::{AtLeast, AtMost, Below};
use Measure::{Held, OverFloor, Ratio, Spent, SystemCalls, Worst};

const fn key(transport: &'static str, workload: Workload, bytes: usize) -> Key {
    Key { transport, workload, bytes }
}

/// The ring against another transport, in the same workload.
const fn against(other: &'static str, workload: Workload, bytes: usize) -> Measure {
    Ratio(key("shm-ring", workload, bytes), key(other, workload, bytes))
}

const fn against_lines(bytes: usize) -> Measure {
    Ratio(key("shm-ring", Stream, bytes), key("lines", Lines, lines::BLOCK))
}

const fn goal(
    id: &'static str,
    measure: &'static str,
    of: Measure,
    must: Bound,
    aim: Bound,
) -> Wanted {
    Wanted { id, measure, of, must, aim }
}

/// Every goal, in order.
pub(super) const GOALS: &[Wanted] = &[
    goal(
        "P1",
        "round trip 8 B / floor",
        OverFloor(key("shm-ring", Echo, 8)),
        AtMost(1.1),
        AtMost(0.95),
    ),
    goal(
        "P2",
        "round trip 64 B / floor",
        OverFloor(key("shm-ring", Echo, 64)),
        AtMost(1.45),
        AtMost(1.2),
    ),
    goal("P2", "round trip 64 B / shaq", against("shaq", Echo, 64), AtMost(1.05), AtMost(0.95)),
    goal("P3", "stream 8 B / rtrb", against("rtrb", Stream, 8), AtLeast(3.0), AtLeast(5.0)),
    goal("P3", "stream 8 B / omango", against("omango", Stream, 8), AtLeast(1.5), AtLeast(2.4)),
    goal("P4", "stream 64 B / rtrb", against("rtrb", Stream, 64), AtLeast(1.7), AtLeast(2.4)),
    goal("P4", "stream 64 B / shaq", against("shaq", Stream, 64), AtLeast(1.2), AtLeast(1.7)),
    goal("P5", "stream 256 B / rtrb", against("rtrb", Stream, 256), AtLeast(1.4), AtLeast(2.0)),
    goal(
        "P6",
        "batches of 32, 64 B / rtrb",
        against("rtrb", Batch, 64),
        AtLeast(1.5),
        AtLeast(2.0),
    ),
    goal("P6", "batches of 32, 8 B / rtrb", against("rtrb", Batch, 8), AtLeast(0.95), AtLeast(1.2)),
    goal("P7", "4 KiB in 1 MiB / line stream", against_lines(4096), AtLeast(0.75), AtLeast(0.95)),
    goal(
        "P7",
        "64 KiB in 1 MiB / line stream",
        against_lines(65_536),
        AtLeast(0.75),
        AtLeast(0.95),
    ),
    goal(
        "P8",
        "stream 64 B / sysv-binary",
        against("sysv-binary", Stream, 64),
        AtLeast(200.0),
        AtLeast(900.0),
    ),
    goal(
        "P8",
        "round trip 64 B / sysv-binary",
        against("sysv-binary", Echo, 64),
        AtMost(1.0 / 20.0),
        AtMost(1.0 / 27.0),
    ),
    goal(
        "P9",
        "4 KiB / sysv-binary",
        against("sysv-binary", Stream, 4096),
        AtLeast(50.0),
        AtLeast(80.0),
    ),
    goal(
        "P9",
        "64 KiB / sysv-binary",
        against("sysv-binary", Stream, 65_536),
        AtLeast(60.0),
        AtLeast(80.0),
    ),
    goal(
        "P10",
        "round trip 64 B / iceoryx2",
        against("iceoryx2", Echo, 64),
        AtMost(0.4),
        AtMost(0.27),
    ),
    goal(
        "P10",
        "stream 64 B / iceoryx2",
        against("iceoryx2", Stream, 64),
        AtLeast(10.0),
        AtLeast(60.0),
    ),
    goal(
        "P11",
        "to a sleeper every 100 us / pipe",
        Ratio(key("shm-ring-park", Wake, 64), key("pipe", Wake, 64)),
        AtMost(1.4),
        AtMost(1.05),
    ),
    goal(
        "P12",
        "stream 64 B able to sleep / not able",
        Ratio(key("shm-ring-balanced", Stream, 64), key("shm-ring-bare", Stream, 64)),
        AtLeast(0.9),
        AtLeast(1.0),
    ),
    goal("P13", "system calls in half a million messages", SystemCalls, AtMost(0.0), AtMost(0.0)),
    goal(
        "P14",
        "stream 64 B, worst of 7 runs / median",
        Worst(key("shm-ring", Stream, 64)),
        AtLeast(0.5),
        AtLeast(0.8),
    ),
    goal(
        "P15",
        "blocked receiver, % of a core",
        Spent(key("shm-ring-park", IdleReceiver, 64)),
        Below(0.1),
        Below(0.02),
    ),
    goal(
        "P15",
        "blocked sender, % of a core",
        Spent(key("shm-ring-park", IdleSender, 64)),
        Below(0.1),
        Below(0.02),
    ),
    goal(
        "P16",
        "held beyond the ring's bytes, KiB",
        Held(key("shm-ring", Memory, 64)),
        AtMost(64.0),
        AtMost(16.0),
    ),
];
