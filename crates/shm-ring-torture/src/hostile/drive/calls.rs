//! One call each, and the judgement of its answer. It must not choose which call is made.

use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use shm_ring::{Peer, PopError, PushError};

use super::super::board::{Count, Op, Outcome};
use super::super::kind::{Kind, Popped, Popping, Pushing, pattern, threshold};
use super::super::wire::{CONSUMER, Look, PRODUCER, Room, Shape};
use super::{CAPACITY, Drive, FRONT, Judged};

impl<K: Kind> Drive<K> {
    pub(super) fn counted(&self, side: u64, at: u64, op: Op) -> Judged {
        let stored = self.hand.word(side).load(Relaxed);
        match stored == at {
            true => Ok(()),
            false => Err(format!("{op:?} left position {stored:#x} where {at:#x} was right")),
        }
    }

    pub(super) fn push(&mut self, op: Op) -> Judged {
        let most = self.shape.len_max as usize;
        let len = match K::FIXED {
            Some(len) => len,
            None => match self.rng.below(64) {
                0 => most + 1 + self.rng.below(3000) as usize,
                1 => most - self.rng.below(64) as usize,
                2..6 => self.rng.below(most as u64) as usize,
                _ => 1 + self.rng.below(96) as usize,
            },
        };
        let len = if op == Op::WriteStream { len.min(CAPACITY as usize / 4) } else { len };
        let stride = Shape::stride(len as u64);
        let count = match op {
            Op::TryPushBatch | Op::PushBatch => 1 + self.rng.below(24) as usize,
            _ => 1,
        };
        let misfit = len > most;
        let (room, fit) = if misfit || !self.exact {
            (Room::Corrupt, 0)
        } else {
            self.foretell(op, stride, count)
        };
        let timeout = Duration::from_micros([0, 10, 30, 500][self.rng.below(4) as usize]);
        self.board.begin(op);
        let how = Pushing { bytes: self.source.last(len), count, timeout, rng: &mut self.rng };
        let answer = K::push(&mut self.tx, op, how);
        let outcome = match answer {
            Ok(_) => Outcome::Success,
            Err(PushError::Full) => Outcome::NotNow,
            Err(PushError::TimedOut) => Outcome::TimedOut,
            Err(PushError::Closed) => Outcome::Closed,
            Err(PushError::PeerDead) => Outcome::PeerDead,
            Err(PushError::Corrupt) => Outcome::Corrupt,
            _ => Outcome::Misfit,
        };
        self.board.end(op, outcome);
        let recent = || self.board.recent();
        let wrong = |why: String| {
            Err(format!(
                "{op:?} of {len} bytes answered {answer:?}: {why}; the last calls: {}",
                recent()
            ))
        };
        if (outcome == Outcome::Misfit) != misfit {
            return wrong(format!("the longest message has {most}"));
        }
        if misfit {
            return Ok(());
        }
        if self.tx_corrupt && outcome != Outcome::Corrupt {
            return wrong("it was Corrupt before, for good".to_owned());
        }
        self.tx_corrupt |= outcome == Outcome::Corrupt;
        if !self.exact {
            return Ok(());
        }
        self.board.add(Count::Foretold, 1);
        let right = match (room, answer) {
            (Room::Enough, Ok(pushed)) if op == Op::TryReserve || op == Op::ReserveTimeout => {
                pushed <= 1
            }
            (Room::Enough, Ok(pushed)) => pushed == fit,
            (Room::TooLittle, Err(PushError::Full)) => is_try(op),
            (
                Room::TooLittle,
                Err(PushError::TimedOut | PushError::Closed | PushError::PeerDead),
            ) => !is_try(op),
            (Room::Corrupt, Err(PushError::Corrupt)) => true,
            _ => false,
        };
        if !right {
            let head = self.hand.word(CONSUMER).load(Relaxed);
            let (tail, limit) = (self.tail.at, self.tail.limit);
            return wrong(format!(
                "tail {tail:#x}, head {head:#x}, limit {limit:#x}, so {room:?} room for {fit} of {count}"
            ));
        }
        if let Ok(pushed @ 1..) = answer {
            self.tail.at += stride * pushed as u64;
            self.counted(PRODUCER, self.tail.at, op)?;
            if self.hand.word(self.shape.at(self.tail.at)).load(Relaxed) != 0 {
                return wrong("no zero ahead".to_owned());
            }
            if op == Op::PushBatch && pushed < count {
                // It went on to wait for room behind what it had published, and by that looked again: a head
                // that fell back since the look before may be more than a ring behind only now.
                self.tail.room(self.shape, &self.hand, stride);
            }
        }
        Ok(())
    }

    /// Whether there is room for a record of `stride` bytes, and for how many of `count`.
    fn foretell(&mut self, op: Op, stride: u64, count: usize) -> (Room, usize) {
        let room = self.tail.room(self.shape, &self.hand, stride);
        let mut fit = usize::from(room == Room::Enough);
        // A batch of values looks for room before it asks whether there is another one.
        let batch = matches!(op, Op::TryPushBatch | Op::PushBatch);
        let looks = count + usize::from(batch && K::FIXED.is_some());
        while (1..looks).contains(&fit)
            && self.tail.room(self.shape, &self.hand, stride * (fit as u64 + 1)) == Room::Enough
        {
            fit += 1;
        }
        (room, fit.min(count))
    }

    pub(super) fn pop(&mut self, op: Op) -> Judged {
        let most = self.shape.len_max as usize;
        let len = match (K::FIXED, op) {
            (Some(len), _) => len,
            (None, Op::ReadStream) => most + 1,
            (None, Op::Pop | Op::TryPopTo | Op::PopTimeout) if self.rng.below(8) == 0 => most,
            _ => self.rng.below(128) as usize,
        };
        if op == Op::ReadStream && self.exact {
            // What it read is told by where it left the head.
            self.hand.word(CONSUMER).store(self.head.at, Relaxed);
        }
        let max = 1 + self.rng.below(16) as usize;
        let waits = Duration::from_micros([0, 10, 30, 500][self.rng.below(4) as usize]);
        if op == Op::PopThreshold
            && let Some(rx) = &mut self.rx
        {
            rx.set_threshold(threshold(&mut self.rng, waits));
        }
        let before = self.head;
        let look = if self.exact { self.head.look(self.shape, &self.hand) } else { Look::Nothing };
        pattern(self.buffer.last(len + FRONT));
        self.lens.clear();
        self.board.begin(op);
        let how = Popping {
            buffer: self.buffer.last(len),
            max,
            timeout: waits,
            lens: &mut self.lens,
            rng: &mut self.rng,
        };
        let answer = K::pop(&mut self.rx, op, how);
        if let Some(rx) = &mut self.rx {
            rx.set_threshold(None);
        }
        let outcome = match answer {
            Ok(_) => Outcome::Success,
            Err(PopError::Empty) => Outcome::NotNow,
            Err(PopError::TimedOut) => Outcome::TimedOut,
            Err(PopError::Closed) => Outcome::Closed,
            Err(PopError::PeerDead) => Outcome::PeerDead,
            Err(PopError::Corrupt) => Outcome::Corrupt,
            _ => Outcome::Misfit,
        };
        self.board.end(op, outcome);
        let wrong =
            |why: String| Err(format!("{op:?} into {len} bytes answered {answer:?}: {why}"));
        if let Some(long) = self.lens.iter().find(|one| **one > self.shape.len_max) {
            return wrong(format!("{long} bytes were taken, and the longest record has {most}"));
        }
        if matches!(answer, Ok(taken) if taken > max) {
            return wrong(format!("more than {max}"));
        }
        self.untouched(op, answer, len)?;
        if op == Op::WaitAny {
            let stirs = look != Look::Nothing || self.head.corrupt;
            self.head.corrupt = before.corrupt;
            return match stirs && outcome != Outcome::Success && self.exact {
                true => wrong("there is something at the head".to_owned()),
                false => Ok(()),
            };
        }
        if self.rx_corrupt && outcome != Outcome::Corrupt {
            return wrong("it was Corrupt before, for good".to_owned());
        }
        self.rx_corrupt |= outcome == Outcome::Corrupt;
        if !self.exact {
            return Ok(());
        }
        self.board.add(Count::Foretold, 1);
        self.judge_pop(op, answer, look, len, max).or_else(wrong)
    }

    /// What lies in front of the buffer and behind what was taken is as it was.
    fn untouched(&mut self, op: Op, answer: Popped, len: usize) -> Judged {
        let shown =
            matches!(op, Op::TryPeek | Op::PeekTimeout | Op::TryPopBatch | Op::PopBatchTimeout);
        let to_buffer = answer.is_ok()
            && matches!(
                (K::FIXED, op),
                (None, Op::TryPopTo | Op::PopTimeout | Op::Pop | Op::ReadStream)
                    | (Some(_), Op::TryPopInto | Op::TryPopTo)
            );
        let taken = match (shown, to_buffer) {
            (true, _) => len,
            (_, true) => self.lens.last().map_or(len, |one| (*one as usize).min(len)),
            _ => 0,
        };
        let bytes = self.buffer.last(len + FRONT);
        let (front, buffer) = bytes.split_at(FRONT);
        match front.iter().chain(&buffer[taken..]).all(|byte| *byte == 0xa5) {
            true => Ok(()),
            false => {
                Err(format!("{op:?} into {len} bytes, {taken} of them taken, wrote others too"))
            }
        }
    }

    fn judge_pop(&mut self, op: Op, answer: Popped, look: Look, len: usize, max: usize) -> Judged {
        let narrow = K::FIXED.is_none() && matches!(op, Op::TryPopTo | Op::PopTimeout | Op::Pop);
        let at = self.head.at;
        let found = Err(format!("at head {at:#x} stands {look:?}"));
        match (look, answer) {
            (_, answer) if op == Op::ReadStream => {
                // Empty messages are no bytes: it may have gone over any number of them.
                self.head.at = self.hand.word(CONSUMER).load(Relaxed);
                self.head.corrupt |= answer == Err(PopError::Corrupt);
                return match (look, answer) {
                    (Look::Record(1..), Ok(1)) | (Look::Record(0), _) => Ok(()),
                    (Look::Corrupt, Err(PopError::Corrupt)) => Ok(()),
                    (Look::Nothing, Err(PopError::Closed | PopError::PeerDead)) => Ok(()),
                    _ => found,
                };
            }
            (Look::Record(needed), Err(PopError::TooSmall { len: told, needed: wanted })) => {
                let right = narrow && needed > len as u64 && wanted as u64 == needed && told == len;
                return if right { Ok(()) } else { found };
            }
            (Look::Record(needed), Ok(_)) if narrow && needed > len as u64 => return found,
            (Look::Record(first), Ok(taken)) => {
                let batch = matches!(op, Op::TryPopBatch | Op::PopBatchTimeout);
                let peek = matches!(op, Op::TryPeek | Op::PeekTimeout);
                let mut lens = vec![first];
                self.head.step(first);
                while batch
                    && lens.len() < max
                    && let Look::Record(len) = self.head.look(self.shape, &self.hand)
                {
                    lens.push(len);
                    self.head.step(len);
                }
                if peek && taken == 0 {
                    self.head.at = at;
                } else if taken != lens.len() {
                    return Err(format!("at head {at:#x} stand records of {lens:?} bytes"));
                } else {
                    self.counted(CONSUMER, self.head.at, op)?;
                }
                if lens != self.lens {
                    return Err(format!("records of {:?} and not {lens:?} bytes", self.lens));
                }
                return Ok(());
            }
            (Look::Nothing, Err(PopError::Empty)) if is_try(op) => {}
            (Look::Nothing, Err(PopError::TimedOut | PopError::Closed | PopError::PeerDead))
                if !is_try(op) => {}
            (Look::Nothing, Err(PopError::Corrupt)) if op == Op::PopThreshold => {
                // A tail that cannot be: a threshold is the one thing that looks at it.
                self.head.corrupt = true;
            }
            (Look::Corrupt, Err(PopError::Corrupt)) => {}
            _ => return found,
        }
        Ok(())
    }

    pub(super) fn room(&mut self) -> Judged {
        let Some(tx) = &mut self.tx else { return Ok(()) };
        self.board.begin(Op::Room);
        let room = K::room(tx).unwrap_or(0);
        self.board.end(Op::Room, Outcome::Success);
        if self.exact {
            self.tail.look(self.shape, &self.hand, Shape::stride(self.shape.len_min));
        }
        if room > CAPACITY || (self.tx_corrupt || self.exact && self.tail.corrupt) && room > 0 {
            return Err(format!("Room answered {room} bytes, of {CAPACITY}"));
        }
        Ok(())
    }

    pub(super) fn ready(&mut self) -> Judged {
        let Some(rx) = &self.rx else { return Ok(()) };
        self.board.begin(Op::Ready);
        let ready = K::ready(rx);
        self.board.end(Op::Ready, Outcome::Success);
        if ready > CAPACITY {
            Err(format!("Ready answered {ready} bytes, of {CAPACITY}"))
        } else {
            Ok(())
        }
    }

    pub(super) fn peer(&mut self, of_tx: bool) -> Judged {
        self.board.begin(Op::Peer);
        let peer = match (of_tx, &self.tx, &self.rx) {
            (true, Some(tx), _) => tx.peer(),
            (_, _, Some(rx)) => rx.peer(),
            _ => return Ok(()),
        };
        let (outcome, there) = match peer {
            Peer::Absent => (Outcome::Absent, false),
            Peer::Alive { .. } => (Outcome::Alive, true),
            Peer::Closed { .. } => (Outcome::Closed, false),
            _ => (Outcome::PeerDead, false),
        };
        self.board.end(Op::Peer, outcome);
        // A session that changes all the time is somebody's who is alive.
        let both = self.tx.is_some() && self.rx.is_some();
        // An even one, but for 0, is that of a side which has closed, though it holds the lease yet.
        let closing = matches!(peer, Peer::Closed { session } if session != 0 && session % 2 == 0);
        if there != both && (both || self.exact) && !(both && closing) {
            return Err(format!("Peer answered {peer:?}, and the lease says otherwise"));
        }
        Ok(())
    }
}

fn is_try(op: Op) -> bool {
    use Op::*;
    matches!(
        op,
        TryPush
            | TryPushFrom
            | TryReserve
            | TryPushBatch
            | TryPop
            | TryPopInto
            | TryPopTo
            | TryPeek
            | TryPopBatch
            | TryIter
    )
}
