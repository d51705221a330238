//! Owns: the campaign `stepkill`: a process that dies at any instruction of any operation leaves a ring that everybody else
//! can read, and go on with. Knows nothing of: other campaigns.
//!
//! # What it does
//!
//! The operation runs in a forked child of this very program, built for release, between two marks (signals to itself) and
//! under ptrace, one instruction at a time. Everything before the first mark, laying out the region and attaching, is done
//! by then. Values of 1, 5, 8, 24, 64 and 200 bytes are carried, and messages of 0 to 300 bytes, aligned to 8 and to 64
//! bytes. Each operation is begun at positions whose record ends before, at and across the end of the data area, in a lap
//! in the middle of nowhere and in the one in which the positions in record headers start over; with the newest record in
//! the front, with the front marked and holding what was never published, and with a consumer that does not want it. What
//! is free in the region holds the worst that former records can have left there: at every place the header of the message
//! that may come to stand at it, or what never is one; a dead producer has left all of a record but the tail behind it.
//!
//! - Images: after each instruction the region is copied, and each copy that differs from the one before is checked as one
//!   finds it whose peers are all dead. As soon as head has moved the room behind it is overwritten, as a producer may.
//! - Kills: a new child for each instruction is killed after it, in turn with a peer that lives through it in this process
//!   and without one. Values of 8 bytes and messages are killed after every instruction of a scene of each operation, the
//!   others as time allows; operations of thousands of instructions after every so many of them, unless `--full` is
//!   given. A breakpoint saves most of the steps on the way there.
//! - Creators, likewise: a name, and a file in a directory of its own, in memory and on a disk, whose listing shows
//!   whatever else appears.
//! - The latest value, its writer and its readers, likewise: `latest` says what is checked there.
//! - Sleepers: the other side is a second child that really sleeps in the kernel while the first is killed at an instruction
//!   between its store and the end of its operation.
//!
//! # What is checked
//!
//! First, by LAYOUT.md alone (`shm-ring-outsider`, `judge`): what was published is still there and whole; nothing appeared
//! that was not committed, and of a batch all or nothing; the front is the newest record whenever it may be used; head
//! moved past what was taken and no further, and only when the payload was in the reader's own memory; the bell rang only
//! when there was something to wake for; the session says what it must, and the lock of a dead side is free; no reserved
//! byte and no word of the other side was written; nothing that was done comes undone; at the end all of it was done, the
//! bell was rung exactly when somebody had asked, and nobody wants to be woken any more.
//!
//! Then, by the library (`successors`): the survivor reads exactly those records, in order, finds the ring empty, and learns
//! that its peer is dead (absent or closed if the session says so); or publishes until the ring is full and learns it then.
//! The role is taken over, and the new pair talks, goes round the ring twice, talks again and closes in order; the outsider
//! judges the region after each attachment and each record of the talks. A sleeper comes back by itself with as many
//! records as were published; how long the longest slept on is a figure, and only a hang is a violation.
//!
//! # What it does not show
//!
//! - Single-stepping is sequentially consistent: a store is visible to everyone before the next instruction. What a kill
//!   leaves on a machine that delays or reorders stores is what loom and the litmus shapes are for. (A store that an
//!   instruction has retired is not lost by a kill: memory outlives the process.)
//! - Two processes that both run are another campaign's matter: here the other side stands still.
//! - One compiler, one machine: the instructions are those of this build.
//! - A system call is one step. What a kill inside of one leaves is the kernel's promise, except for the futex, which
//!   sleepers are killed in.
//! - Machines that lose power, and file systems without O_TMPFILE, where a kill may leave a temporary name.
//!
//! # Figures
//!
//! The two marks take instructions too: as many as the operation `nothing` shows. They are part of every window. `shortest
//! window` and `kills` have minimums, so that an operation that was optimised away, or a mark at the wrong place, fails.

mod asleep;
mod create;
mod judge;
mod kind;
mod knife;
mod latest;
mod messages;
mod op;
mod perform;
mod plan;
mod rings;
mod scene;
mod successors;
mod tally;

use crate::How;
use crate::report::Report;

/// Which operations.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Which {
    /// Only what has this in its name, with dashes for spaces: `pop_into`, `really-asleep`.
    #[arg(long, value_name = "TEXT")]
    only: Option<String>,
}

impl Which {
    fn has(&self, name: &str) -> bool {
        self.only.as_ref().is_none_or(|only| name.replace(' ', "-").contains(only))
    }
}

pub(crate) fn run(how: &How, which: &Which) -> Report {
    let mut report = Report::new("stepkill");
    if cfg!(debug_assertions) {
        report.violation(
            "refused: this is a debug build, and its instructions are not those that run in earnest; build it \
             with --release",
        );
    } else {
        plan::run(how, which, &mut report);
    }
    report
}
