//! Every call in every plain state, some times: what a run reaches does not hang on its luck. It must not judge.

use shm_ring_outsider::{Side, Word, Writable as _};

use super::{CAPACITY, Drive};
use crate::board::{Count, Op};
use crate::hand::{self, pick};
use crate::kind::Kind;

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

impl<K: Kind> Drive<K> {
    pub fn sweep(&mut self) {
        use Op::*;
        let pushes = [
            TryPush,
            TryPushFrom,
            PushTimeout,
            Push,
            TryReserve,
            ReserveTimeout,
            TryPushBatch,
            PushBatch,
            TryPushSlice,
            PushSlice,
            TryPushAll,
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
            TryPopSlice,
            PopSliceTimeout,
            SkipUnread,
            ReleaseTo,
            PopThreshold,
            TryIter,
            Iter,
            ReadStream,
            WaitAny,
            Peer,
        ];
        let all = pushes.map(|op| (op, true)).into_iter().chain(pops.map(|op| (op, false)));
        for (op, producer) in all {
            for session in GONE {
                if session == 0 && op.waits_for_ever() {
                    continue;
                }
                for state in [State::Good, State::Stuck, State::Corrupt] {
                    for _ in 0..TIMES {
                        self.plainly(op, producer, session, state);
                    }
                }
            }
        }
    }

    /// One attachment, one call.
    fn plainly(&mut self, op: Op, producer: bool, session: u64, state: State) {
        let (unit, limit, region) = (self.header.unit(), self.header.limit, self.region);
        let (start, whole) = (64 * CAPACITY * unit, limit / unit * unit);
        hand::heal(region, &self.header, start);
        if producer {
            // All of the ring is in flight.
            hand::set_position(region, Side::Consumer, start - whole);
        }
        self.attach(producer, !producer);
        let other = if producer { Side::Consumer } else { Side::Producer };
        region.set_named(other, Word::Session, session);
        match state {
            State::Good if producer => hand::set_position(region, Side::Consumer, start),
            State::Good => hand::forge(&mut self.rng, region, &self.header, start, limit),
            State::Stuck => {}
            State::Corrupt => {
                // Too far, too far behind, no position at all.
                let impossible = match producer {
                    true => [start + unit, start - whole - unit, 1 << 62, u64::MAX],
                    false => [start - unit, start + whole + unit, 1 << 62, u64::MAX],
                };
                hand::set_position(region, other, pick(&mut self.rng, &impossible));
            }
        }
        self.board.add(Count::Writes, 1);
        self.call(op, producer);
        (self.tx, self.rx) = (None, None);
    }
}
