//! Every call in every plain state, once: what a run reaches does not hang on its luck. It must not judge.

use std::sync::atomic::Ordering::Relaxed;

use super::super::board::{Count, Op};
use super::super::hand;
use super::super::kind::Kind;
use super::super::wire::{CONSUMER, PRODUCER, SESSION, heal};
use super::{CAPACITY, Drive, Judged};

/// The other side, which is not there: was never, died, has closed.
const GONE: [u64; 3] = [0, 1, 2];
/// Each state so many times, since lengths are random.
const TIMES: usize = 5;

#[derive(Clone, Copy, PartialEq)]
enum State {
    /// Records and room.
    Good,
    /// Neither.
    Stuck,
    /// A word that cannot be.
    Corrupt,
}

fn may_wait_for_ever(op: Op) -> bool {
    use Op::*;
    matches!(op, Push | PushBatch | WriteStream | Pop | Iter | ReadStream)
}

impl<K: Kind> Drive<K> {
    pub(super) fn sweep(&mut self) -> Judged {
        use Op::*;
        let streams = K::FIXED.is_none();
        let pushes = [
            TryPush,
            TryPushFrom,
            PushTimeout,
            Push,
            TryReserve,
            ReserveTimeout,
            TryPushBatch,
            PushBatch,
            WriteStream,
            Peer,
        ];
        let pops = [
            TryPop,
            TryPopInto,
            TryPopTo,
            PopTimeout,
            Pop,
            TryPeek,
            PeekTimeout,
            TryPopBatch,
            PopBatchTimeout,
            PopThreshold,
            TryIter,
            Iter,
            ReadStream,
            WaitAny,
            Peer,
        ];
        let all = pushes.map(|op| (op, true)).into_iter().chain(pops.map(|op| (op, false)));
        for (op, producer) in
            all.filter(|(op, _)| streams || !matches!(op, WriteStream | ReadStream))
        {
            for session in GONE {
                if session == 0 && may_wait_for_ever(op) {
                    continue;
                }
                for state in [State::Good, State::Stuck, State::Corrupt] {
                    for _ in 0..TIMES {
                        self.plainly(op, producer, session, state)?;
                    }
                }
            }
        }
        Ok(())
    }

    /// One attachment, one call.
    fn plainly(&mut self, op: Op, producer: bool, session: u64, state: State) -> Judged {
        let (start, shape) = (64 * CAPACITY, self.shape);
        heal(&self.hand, shape, start);
        if producer {
            // All of the ring is in flight.
            self.hand.word(CONSUMER).store(start - CAPACITY, Relaxed);
        }
        self.attach(producer, !producer)?;
        let (other, looked_at) = match producer {
            true => (CONSUMER, CONSUMER),
            false => (PRODUCER, shape.at(start)),
        };
        self.hand.word(other + SESSION).store(session, Relaxed);
        match state {
            State::Good if producer => self.hand.word(CONSUMER).store(start, Relaxed),
            State::Good => hand::forge(&mut self.rng, &self.hand, shape, start),
            State::Stuck => {}
            State::Corrupt => {
                // As a head: too far, too far behind, not aligned. As a commit word: of nothing.
                let impossible = [u64::MAX - 7, start + 8, start - CAPACITY - 8, start - 3];
                let value = impossible[self.rng.below(4) as usize];
                self.hand.word(looked_at).store(value, Relaxed);
            }
        }
        self.board.add(Count::Writes, 1);
        match op {
            Op::Peer => self.peer(producer)?,
            op if producer => self.push(op)?,
            op => self.pop(op)?,
        }
        (self.tx, self.rx) = (None, None);
        Ok(())
    }
}
