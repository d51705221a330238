//! Owns: how long a waiting consumer stays away from a ring that ran dry, and a producer from one that is full. Knows
//! nothing of: sleeping; this is about streams in which both sides are awake.
//!
//! A consumer that looks again at once takes each record the moment it appears, and both sides pay
//! for moving its line each time. Staying away for a few pauses lets the producer run ahead, and
//! the same lines carry several records. It pays only while looks return few records; when they
//! return one at a time (a conversation) it must fade, or it would add to every round trip.

/// Longest stay in processor pauses.
const PAUSES_MAX: u32 = 64;
/// From this many records in a run on the ring is a stream as it is, and stays do not grow. Well above
/// the usual batch: a stream of batches runs dry after one batch as one of records after a few.
const RUN_MAX: u64 = 256;
/// Looks after a stay before the ring counts as idle.
const LOOKS: u32 = 2;

#[derive(Debug)]
pub(crate) struct Backoff {
    pauses: u32,
    /// The head when the ring last ran dry.
    dry_at: u64,
}

impl Backoff {
    pub(crate) fn starting_at(head: u64) -> Self {
        Self { pauses: 0, dry_at: head }
    }

    /// The ring ran dry at `head`: adapts, stays away, and looks again a few times. Whether
    /// there is something.
    #[inline]
    pub(crate) fn on_empty(
        &mut self,
        head: u64,
        stride: u64,
        has_changed: impl Fn() -> bool,
    ) -> bool {
        let bytes = head - self.dry_at;
        self.dry_at = head;
        if bytes <= stride {
            self.pauses /= 2;
        } else if bytes < RUN_MAX * stride {
            self.pauses = (self.pauses + 1 + self.pauses / 2).min(PAUSES_MAX);
        }
        for _ in 0..self.pauses {
            core::hint::spin_loop();
        }
        for _ in 0..=LOOKS {
            if has_changed() {
                return true;
            }
            core::hint::spin_loop();
        }
        self.pauses /= 2;
        false
    }
}

/// Looks for the answer in a conversation: as long as the longest round trip between two caches takes. Where
/// somebody decides about each look one is as good as many.
const ANSWER_LOOKS: u32 = if cfg!(shm_ring_steps) { 1 } else { 32 };

/// Looks some more before the wait begins that also watches the clock and the peer: an answer that is found
/// here is a tenth of a round trip sooner in the caller's hands (EXPERIMENTS.md, "Layout v2").
#[inline]
pub(crate) fn on_answer(has_changed: impl Fn() -> bool) -> bool {
    (0..ANSWER_LOOKS).any(|_| {
        core::hint::spin_loop();
        has_changed()
    })
}

/// Looks for more room before any is good enough.
const DRAIN_LOOKS: u32 = 32;
/// Longest stay between two of them in processor pauses.
const DRAIN_PAUSES_MAX: u32 = 32;
/// What is worth waiting for: this part of the ring.
pub(crate) const PLENTY: u64 = 4;

/// The ring is full: stays away until `room` says that `plenty` of bytes are free, or that nothing is to be expected
/// (`None`), or for a few looks.
///
/// A producer that goes on at the first free slot is full again at once. Each of its looks takes
/// the line of head from the consumer, which needs it for every release, and both creep at the pace
/// of that line. There is no hurry: the consumer has the rest of the ring to read.
pub(crate) fn on_full(plenty: u64, mut room: impl FnMut() -> Option<u64>) {
    let mut pauses = 1;
    for _ in 0..DRAIN_LOOKS {
        for _ in 0..pauses {
            core::hint::spin_loop();
        }
        pauses = (2 * pauses).min(DRAIN_PAUSES_MAX);
        match room() {
            Some(room) if room < plenty => {}
            _ => return,
        }
    }
}
