//! What the calls of all ends have in common: how an answer is noted down and judged. It must not know how a call is
//! made.

use shm_ring::{PopError, PushError, wait_any};

use super::{BLANK, Drive, FRONT};
use crate::board::{Count, Op, Outcome};
use crate::kind::{Kind, Reads as _, Writes as _};
use crate::truth::Truth;

impl<K: Kind> Drive<K> {
    /// What the words in the region call for, if nobody else writes.
    pub fn foretell<R>(&mut self, ask: impl FnOnce(&mut Truth) -> R) -> Option<R> {
        self.exact.then(|| {
            self.board.add(Count::Foretold, 1);
            ask(&mut self.truth)
        })
    }

    /// The producer's `op` has answered, and `truth` is what the words called for. Whether it published.
    pub fn pushed(
        &mut self,
        op: Op,
        answer: Result<(), PushError>,
        truth: Option<Result<(), PushError>>,
    ) -> bool {
        let outcome = match answer {
            Ok(()) => Outcome::Success,
            Err(PushError::Full) => Outcome::NotNow,
            Err(PushError::TimedOut) => Outcome::TimedOut,
            Err(PushError::Closed) => Outcome::Closed,
            Err(PushError::PeerDead) => Outcome::PeerDead,
            Err(PushError::Corrupt) => Outcome::Corrupt,
            _ => Outcome::Misfit,
        };
        self.board.end(op, outcome);
        if self.tx_corrupt && outcome != Outcome::Misfit {
            assert!(
                outcome == Outcome::Corrupt,
                "{op:?} answered {answer:?}: it was Corrupt before, permanently"
            );
        }
        self.tx_corrupt |= outcome == Outcome::Corrupt;
        if let Some(truth) = truth {
            // A call that waited in vain says why.
            let right = match answer {
                Err(PushError::TimedOut) => op.waits() && !op.waits_for_ever(),
                Err(PushError::Closed | PushError::PeerDead) => op.waits(),
                Err(PushError::Full) => !op.waits(),
                _ => true,
            };
            let in_vain = matches!(
                answer,
                Err(PushError::TimedOut | PushError::Closed | PushError::PeerDead)
            );
            let said = if in_vain { Err(PushError::Full) } else { answer };
            assert!(
                right && said == truth,
                "{op:?} answered {answer:?} and {truth:?} is true: {}; the last calls: {}",
                self.truth.words(),
                self.board.recent()
            );
        }
        outcome == Outcome::Success
    }

    /// The producer has published `bytes` of records.
    pub fn published(&mut self, bytes: u64) {
        if self.exact {
            self.truth.published(bytes);
        }
    }

    /// The consumer's `op` has answered. Whether it took, or showed.
    pub fn popped(
        &mut self,
        op: Op,
        answer: Result<(), PopError>,
        truth: Option<Result<(), PopError>>,
    ) -> bool {
        let outcome = match answer {
            Ok(()) => Outcome::Success,
            Err(PopError::Empty) => Outcome::NotNow,
            Err(PopError::TimedOut) => Outcome::TimedOut,
            Err(PopError::Closed) => Outcome::Closed,
            Err(PopError::PeerDead) => Outcome::PeerDead,
            Err(PopError::Corrupt) => Outcome::Corrupt,
            _ => Outcome::Misfit,
        };
        self.board.end(op, outcome);
        if self.rx_corrupt {
            assert!(
                outcome == Outcome::Corrupt,
                "{op:?} answered {answer:?}: it was Corrupt before, permanently"
            );
        }
        self.rx_corrupt |= outcome == Outcome::Corrupt;
        if let Some(truth) = truth {
            let right = match answer {
                Err(PopError::TimedOut) => op.waits() && !op.waits_for_ever(),
                Err(PopError::Closed | PopError::PeerDead) => op.waits(),
                Err(PopError::Empty) => !op.waits(),
                _ => true,
            };
            let in_vain =
                matches!(answer, Err(PopError::TimedOut | PopError::Closed | PopError::PeerDead));
            let said = if in_vain { Err(PopError::Empty) } else { answer };
            assert!(
                right && said == truth,
                "{op:?} answered {answer:?} and {truth:?} is true: {}; the last calls: {}",
                self.truth.words(),
                self.board.recent()
            );
        }
        outcome == Outcome::Success
    }

    /// The consumer has taken a record with this payload.
    pub fn took(&mut self, payload: &[u8]) {
        self.truth.step(payload.len());
        self.truth.released();
    }

    /// The last `len` bytes of the caller's buffer, blank, as is what lies in front of them.
    pub fn blank(&mut self, len: usize) {
        self.buffer.last(len + FRONT).fill(BLANK);
    }

    /// What lies in front of the last `len` bytes of the buffer, and behind the first `taken` of them, is as it was.
    pub fn untouched(&mut self, op: Op, len: usize, taken: usize) {
        let (front, buffer) = self.buffer.last(len + FRONT).split_at(FRONT);
        let right = front.iter().chain(&buffer[taken..]).all(|&byte| byte == BLANK);
        assert!(right, "{op:?} into {len} bytes, {taken} of them taken, wrote others too");
    }

    /// No batch is longer than a ring.
    pub fn bounded(&self, op: Op, count: usize) {
        let most = self.header.limit / self.header.unit();
        assert!(count as u64 <= most, "{op:?} went on for {count} records, of {most}");
    }

    pub fn room(&mut self) {
        let Some(tx) = &mut self.tx else { return };
        self.board.begin(Op::Room);
        let room = tx.room();
        self.board.end(Op::Room, Outcome::Success);
        let unit = if K::VALUES { self.header.unit() } else { 1 };
        if let Some(right) = self.foretell(|truth| truth.room() / unit * unit) {
            assert!(
                room == right,
                "Room answered {room} bytes, of {right}: {}",
                self.truth.words()
            );
        }
        assert!(room <= self.header.limit, "Room answered {room} bytes");
    }

    pub fn ready(&mut self) {
        let Some(rx) = &self.rx else { return };
        self.board.begin(Op::Ready);
        let ready = rx.ready();
        self.board.end(Op::Ready, Outcome::Success);
        let unit = if K::VALUES { self.header.unit() } else { 1 };
        if let Some(right) = self.foretell(|truth| truth.ready() / unit * unit) {
            assert!(ready == right, "Ready answered {ready}, of {right}: {}", self.truth.words());
        }
        assert!(ready <= self.header.limit, "Ready answered {ready} bytes");
    }

    /// Waits on this ring alone: whether it has something to say.
    pub fn wait_any(&mut self) {
        let timeout = self.timeout();
        let stirs = self.foretell(|truth| truth.stirs());
        let Some(rx) = &mut self.rx else { return };
        self.board.begin(Op::WaitAny);
        let found = wait_any(&mut [rx], Some(timeout)).is_ok();
        let outcome = if found { Outcome::Success } else { Outcome::TimedOut };
        self.board.end(Op::WaitAny, outcome);
        assert!(found || stirs != Some(true), "WaitAny: there is something at the head");
    }
}
