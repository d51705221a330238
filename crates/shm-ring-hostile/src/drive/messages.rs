//! Calls of the producer of a ring of messages. It must not choose which call is made.

use std::cell::Cell;
use std::io::Write as _;
use std::ops::Deref;

use shm_ring::PushError;

use super::{Drive, inside};
use crate::board::Op;
use crate::hand;
use crate::kind::Messages;
use crate::truth::Truth;

/// What there is for a message of `len` bytes.
fn room_for(truth: &mut Truth, len: usize) -> Result<(), PushError> {
    let max = truth.longest();
    if len > max {
        return Err(PushError::TooLarge { len, max });
    }
    truth.room_for(truth.stride(len))
}

/// A part of a message that is another one when it is asked for a second time.
struct Liar<'a> {
    answers: [&'a [u8]; 2],
    asked: Cell<bool>,
}

impl Deref for Liar<'_> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.answers[usize::from(self.asked.replace(true))]
    }
}

impl<const ALIGN: u64, const LIMIT: u64> Drive<Messages<ALIGN, LIMIT>> {
    pub fn push_messages(&mut self, op: Op) {
        self.made += 1;
        match op {
            Op::TryReserve | Op::ReserveTimeout => self.reserve_message(op),
            Op::TryPushBatch | Op::TryPushSlice => self.try_push_messages(),
            Op::TryPushAll => self.try_push_all_messages(),
            Op::PushBatch | Op::PushSlice => self.push_all_messages(),
            op => self.push_message(op),
        }
    }

    fn len(&mut self) -> usize {
        let most = self.truth.longest();
        match self.rng.below(64) {
            0 if !self.sober => most + 1 + self.rng.below(3000) as usize,
            1 => most - self.rng.below(64) as usize,
            2..6 => self.rng.below(most as u64) as usize,
            _ => self.rng.below(96) as usize,
        }
    }

    fn push_message(&mut self, op: Op) {
        let len = self.len();
        // A stream takes as much as a quarter of the ring at once.
        let len = if op == Op::WriteStream { len.clamp(1, (LIMIT / 4) as usize) } else { len };
        let timeout = self.timeout();
        let room = self.foretell(|truth| room_for(truth, len));
        let room = if len > self.truth.longest() {
            Some(Err(PushError::TooLarge { len, max: self.truth.longest() }))
        } else {
            room
        };
        let bytes = self.source.last(len);
        let tx = self.tx.as_mut().expect("attached");
        self.board.begin(op);
        let pushed = match op {
            Op::TryPushFrom => {
                let (half, more) = bytes.split_at(len / 3);
                let part = |answers| Liar { answers, asked: Cell::new(false) };
                tx.try_push_vectored(&[part([half, bytes]), part([more, half])])
            }
            Op::PushTimeout => tx.push_timeout(bytes, timeout),
            Op::Push => tx.push(bytes),
            Op::WriteStream => {
                let mut writer = self.tx.take().expect("attached").into_writer();
                let written = writer.write(bytes);
                self.tx = Some(writer.into_inner());
                written.map(|_| ()).map_err(|error| inside(&error))
            }
            _ => tx.try_push(bytes),
        };
        if self.pushed(op, pushed, room) {
            self.published(self.truth.stride(len));
        }
    }

    fn reserve_message(&mut self, op: Op) {
        let (len, timeout) = (self.len(), self.timeout());
        let max = self.truth.longest();
        let room = match len <= max {
            true => self.foretell(|truth| room_for(truth, len)),
            false => Some(Err(PushError::TooLarge { len, max })),
        };
        let commit = self.rng.below(len as u64 + 1) as usize;
        let drops = self.rng.below(4) == 0;
        let part = self.source.last(8 * self.rng.below(9) as usize);
        let tx = self.tx.as_mut().expect("attached");
        self.board.begin(op);
        let reserved = match op {
            Op::ReserveTimeout => tx.wait(len, Some(timeout)).and_then(|()| tx.try_reserve(len)),
            _ => tx.try_reserve(len),
        };
        let answer = reserved.as_ref().map(|_| ()).map_err(|&error| error);
        if let Ok(mut reserved) = reserved {
            for offset in [0, self.rng.below(len as u64 + 9) as usize, len, usize::MAX - 3] {
                let written = reserved.write_at(offset, part);
                let inside = offset.checked_add(part.len()).is_some_and(|end| end <= len);
                assert!(written.is_ok() == inside, "write_at({offset}) of {len} bytes");
            }
            if self.exact && self.rng.below(4) == 0 {
                hand::hurt(&mut self.rng, self.region, &self.header);
            }
            if !drops {
                reserved.commit(commit);
            }
        }
        if self.pushed(op, answer, room) && !drops {
            self.published(self.truth.stride(commit));
        }
    }

    /// Lengths of a batch.
    fn lens(&mut self) -> Vec<usize> {
        let count = 1 + self.rng.below(24);
        (0..count).map(|_| self.len()).collect()
    }

    fn try_push_messages(&mut self) {
        let lens = self.lens();
        let longest = self.truth.longest();
        let strides: Vec<_> = lens.iter().map(|&len| self.truth.stride(len)).collect();
        let fit = self.foretell(|truth| {
            room_for(truth, lens[0])?;
            // One that is too long for the ring ends the batch.
            let possible = lens.iter().take_while(|&&len| len <= longest).count();
            Ok(truth.fit(&strides[..possible]))
        });
        let bytes = &*self.source.last(*lens.iter().max().unwrap_or(&0));
        let messages: Vec<_> = lens.iter().map(|&len| &bytes[bytes.len() - len..]).collect();
        let tx = self.tx.as_mut().expect("attached");
        self.board.begin(Op::TryPushBatch);
        let pushed = tx.try_push_batch(&messages);
        let truth = fit.map(|fit| fit.map(|_| ()));
        if self.pushed(Op::TryPushBatch, pushed.map(|_| ()), truth) {
            if let Some(Ok((count, _))) = fit {
                assert!(pushed == Ok(count), "a batch pushed {pushed:?} where {count} fit");
            }
            self.published(strides[..pushed.unwrap_or(0)].iter().sum());
        }
    }

    fn try_push_all_messages(&mut self) {
        let lens = self.lens();
        let (longest, limit) = (self.truth.longest(), self.header.limit);
        let bytes = lens.iter().map(|&len| self.truth.stride(len)).sum();
        let room = match lens.iter().find(|&&len| len > longest) {
            Some(&len) => Some(Err(PushError::TooLarge { len, max: longest })),
            None if bytes > limit => {
                Some(Err(PushError::TooLarge { len: bytes as usize, max: limit as usize }))
            }
            None => self.foretell(|truth| truth.room_for(bytes)),
        };
        let text = &*self.source.last(*lens.iter().max().unwrap_or(&0));
        let messages: Vec<_> = lens.iter().map(|&len| &text[text.len() - len..]).collect();
        let tx = self.tx.as_mut().expect("attached");
        self.board.begin(Op::TryPushAll);
        let pushed = tx.try_push_all(&messages);
        if self.pushed(Op::TryPushAll, pushed, room) {
            self.published(bytes);
        }
    }

    fn push_all_messages(&mut self) {
        let longest = self.truth.longest();
        let lens: Vec<_> = self.lens().into_iter().map(|len| len.min(longest)).collect();
        let strides: Vec<_> = lens.iter().map(|&len| self.truth.stride(len)).collect();
        let done = self.foretell(|truth| truth.all(&strides));
        let bytes = &*self.source.last(*lens.iter().max().unwrap_or(&0));
        let messages: Vec<_> = lens.iter().map(|&len| &bytes[bytes.len() - len..]).collect();
        let tx = self.tx.as_mut().expect("attached");
        self.board.begin(Op::PushBatch);
        let pushed = tx.push_batch(&messages);
        let number = pushed.as_ref().map_or_else(|failed| failed.pushed, |&pushed| pushed);
        let answer = pushed.map(|_| ()).map_err(|failed| failed.error);
        self.pushed(Op::PushBatch, answer, done.map(|done| done.1));
        if let Some((done, _)) = done {
            assert!(number == done, "PushBatch pushed {number} where {done} fit");
            if done > 0 {
                self.truth.stands();
            }
        }
    }
}
