//! The words of one side, all at once.
//!
//! Owns: a copy of a side's words, and the rules for each alone. Knows nothing of: the other side.

use crate::header::Header;
use crate::lease::{Life, life};
use crate::record::unpack;
use crate::region::Region;
use crate::violation::{Rule, Violation};
use crate::words::{NEVER, Side, Word};

/// Where a session of the producer began.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Start {
    /// Which session; 0 if there was none.
    pub session: u64,
    /// Its tail.
    pub began: u64,
    /// The last session before it that had ended without a close.
    pub died_before: u64,
}

/// The words of a side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are those of the words")]
pub struct SideWords {
    /// The whole word, of the producer with its bit.
    pub position: u64,
    pub front: [u8; 56],
    pub wake_at: u64,
    pub hint: u64,
    pub bell: u32,
    pub session: u64,
    pub fence_mode: u32,
    pub pid: u32,
    pub pid_namespace: u64,
    pub liveness: u32,
    pub high_water: u64,
    pub sleeps: u64,
    pub wakes_sent: u64,
    pub waits: u64,
    pub dropped: u64,
    pub died: u64,
    /// That of a session whose number, halved, is even comes first.
    pub starts: [Start; 2],
    pub told: u64,
}

impl SideWords {
    /// What `side` of `region` holds.
    #[track_caller]
    pub fn of<R: Region + ?Sized>(region: &R, header: &Header, side: Side) -> Self {
        let page = side.page(header.page.into());
        let eight = |word: Word| region.word(page + word.offset());
        let four = |word: Word| region.half(page + word.offset());
        let mut front = [0; 56];
        for (index, word) in front.chunks_exact_mut(8).enumerate() {
            let at = page + Word::Front.offset() + 8 * index as u64;
            word.copy_from_slice(&region.word(at).to_le_bytes());
        }
        Self {
            position: eight(Word::Position),
            front,
            wake_at: eight(Word::WakeAt),
            hint: eight(Word::Hint),
            bell: four(Word::Bell),
            session: eight(Word::Session),
            fence_mode: four(Word::FenceMode),
            pid: four(Word::Pid),
            pid_namespace: eight(Word::PidNamespace),
            liveness: four(Word::Liveness),
            high_water: eight(Word::HighWater),
            sleeps: eight(Word::Sleeps),
            wakes_sent: eight(Word::WakesSent),
            waits: eight(Word::Waits),
            dropped: eight(Word::Dropped),
            died: eight(Word::Died),
            starts: [Word::StartEven, Word::StartOdd].map(|word| Start {
                session: region.word(page + word.offset()),
                began: region.word(page + word.offset() + 8),
                died_before: region.word(page + word.offset() + 16),
            }),
            told: eight(Word::Told),
        }
    }

    /// Whether it wants to be woken.
    pub fn is_asleep(&self) -> bool {
        self.wake_at != NEVER
    }

    /// What it is if nobody holds its lock.
    pub fn fate(&self) -> Life {
        life(self.session, false)
    }

    /// The rules that a word keeps by itself.
    pub(crate) fn check(&self, side: Side, header: &Header) -> Result<(), Violation> {
        Violation::unless(self.fence_mode <= 2, Rule::FenceMode, || {
            format!("the {side:?}'s fence mode is {} and none of 0, 1 and 2", self.fence_mode)
        })?;
        let liveness = self.liveness;
        let (died, thread) = (1 << 30, liveness & 0x3fff_ffff);
        let reported = liveness >> 31 == 1 && (thread != 0 || liveness & died != 0);
        let unreported = liveness == 0 || liveness == died;
        Violation::unless(reported || unreported, Rule::Liveness, || {
            format!("the {side:?}'s liveness word is {liveness:#x}: no thread and no death")
        })?;
        let limit = header.limit;
        Violation::unless(self.high_water <= limit, Rule::HighWater, || {
            format!("the high-water mark is {} with a limit of {limit}", self.high_water)
        })?;
        self.starts_and_deaths()
    }

    /// An attaching producer that was killed has stored what is said here of its own session, or some of it.
    fn starts_and_deaths(&self) -> Result<(), Violation> {
        let &Self { session, died, .. } = self;
        Violation::unless(died == 0 || died % 2 == 1 && died <= session, Rule::Ends, || {
            format!("session {died} is said to have died, and the last one is {session}")
        })?;
        let next = session.wrapping_add(1) | 1;
        let (tail, _) = unpack(self.position);
        for (place, start) in self.starts.iter().enumerate() {
            let of = start.session;
            let turn = of % 2 == 1 && of >> 1 & 1 == place as u64 && of <= next;
            let holds = of == 0 && start.began == 0 && start.died_before == 0
                || turn && start.began <= tail && start.died_before <= died;
            Violation::unless(holds, Rule::Ends, || {
                format!(
                    "place {place} has {start:?}, of session {session}, tail {tail}, died {died}"
                )
            })?;
        }
        Ok(())
    }
}
