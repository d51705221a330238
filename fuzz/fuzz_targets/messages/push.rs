//! Owns: each form of publishing a message, against the queue. Knows nothing of: how messages are taken.

use std::cell::Cell;

use shm_ring::{BatchError, PushError};
use shm_ring_fuzz::choice::{How, NO_TIME, Place, Side, Then, fill};
use shm_ring_fuzz::model::within;

use super::{Len, Messages};

impl Messages {
    /// [`Pair::prompt`] for a message: one that never fits is refused at once.
    fn prompt(&self, how: How, len: usize) -> How {
        self.pair.prompt(Side::Producer, how, self.fits(len) || len > self.most)
    }

    /// `error` is why a message of `len` bytes, which does not fit now, was not pushed.
    fn check_not_pushed(&self, how: How, len: usize, error: PushError) {
        assert!(!self.fits(len), "{error:?}");
        if len > self.most {
            assert_eq!(error, PushError::TooLarge { len, max: self.most });
        } else {
            self.pair.check_not_pushed(how, error);
        }
    }

    fn pushed(&mut self, how: How, message: &[u8], pushed: Result<(), PushError>) {
        match pushed {
            Ok(()) => self.model.push(message, self.pair.memory),
            Err(error) => self.check_not_pushed(how, message.len(), error),
        }
    }

    pub(super) fn push(&mut self, how: How, len: Len) {
        let len = self.len(len);
        let (how, message) = (self.prompt(how, len), self.message(len));
        let Some(tx) = &mut self.pair.tx else { return };
        let pushed = match how {
            How::Try => tx.try_push(&message),
            How::AtOnce => tx.push_timeout(&message, NO_TIME),
            How::Wait => tx.push(&message),
        };
        self.pushed(how, &message, pushed);
    }

    pub(super) fn push_vectored(&mut self, how: How, len: Len, cuts: [u16; 2]) {
        let len = self.len(len);
        let (how, message) = (self.prompt(how, len), self.message(len));
        let Some(tx) = &mut self.pair.tx else { return };
        let second = usize::from(cuts[0]) % (len + 1);
        let third = second + usize::from(cuts[1]) % (len - second + 1);
        let parts = [&message[..second], &message[second..third], &[], &message[third..]];
        let pushed = match how {
            How::Try => tx.try_push_vectored(&parts),
            How::AtOnce => tx.push_vectored_timeout(&parts, NO_TIME),
            How::Wait => tx.push_vectored(&parts),
        };
        self.pushed(how, &message, pushed);
    }

    pub(super) fn reserve(
        &mut self,
        how: How,
        len: Len,
        place: Place,
        commit: Option<Len>,
        then: Then,
    ) {
        let len = self.len(len);
        let commit = commit.map(|len| self.len(len));
        let (how, mut message) = (self.prompt(how, len), self.message(len));
        let Some(tx) = &mut self.pair.tx else { return };
        let reserved = match how {
            How::Try => tx.try_reserve(len),
            How::AtOnce => tx.wait(len, Some(NO_TIME)).and_then(|()| tx.try_reserve(len)),
            How::Wait => tx.reserve(len),
        };
        let mut room = match reserved {
            Ok(room) => room,
            Err(error) => return self.check_not_pushed(how, len, error),
        };
        assert_eq!((room.len(), room.is_empty()), (len, len == 0));
        assert_eq!(room.write_at(0, &message[..]), Ok(()));
        let mut part = vec![0; place.len.into()];
        fill(&mut part, !self.made);
        let offset = place.offset();
        let should = within(offset, part.len(), len);
        assert_eq!(room.write_at(offset, &part[..]), should);
        if should.is_ok() {
            message[offset..offset + part.len()].copy_from_slice(&part);
        }
        // SAFETY: both sides are ours, and the other one writes no data.
        assert_eq!(unsafe { room.as_mut_slice() }, message);
        let fewer = commit.map_or(len, |fewer| fewer.min(len));
        match then {
            Then::Finish => {
                room.commit(fewer);
                self.model.push(&message[..fewer], self.pair.memory);
            }
            Then::Drop => drop(room),
            Then::Forget => std::mem::forget(room),
        }
    }

    /// Lengths whose bytes no one could have, or no number could count.
    pub(super) fn reserve_too_much(&mut self, how: How, len: u64) {
        let len = (len as usize).max(self.most + 1);
        let how = self.prompt(how, len);
        let Some(tx) = &mut self.pair.tx else { return };
        let reserved = match how {
            How::Try => tx.try_reserve(len),
            How::AtOnce => tx.wait(len, Some(NO_TIME)).and_then(|()| tx.try_reserve(len)),
            How::Wait => tx.reserve(len),
        };
        let error = reserved.err().expect("room for a message that never fits");
        self.check_not_pushed(how, len, error);
    }

    pub(super) fn push_batch(&mut self, how: How, lens: &[Len]) {
        let lens: Vec<_> = lens.iter().take(32).map(|&len| self.len(len)).collect();
        let messages: Vec<_> = lens.iter().map(|&len| self.message(len)).collect();
        // How many fit, and whether the next one would be waited for.
        let (mut fit, mut room) = (0, self.model.room());
        for &len in &lens {
            let stride = self.model.stride(len);
            if len > self.most || stride > room {
                break;
            }
            (fit, room) = (fit + 1, room - stride);
        }
        let next = lens.get(fit);
        let refused = next.is_none_or(|&len| len > self.most);
        let how = self.pair.prompt(Side::Producer, how, refused);
        let Self { pair, model, .. } = self;
        let Some(tx) = &mut pair.tx else { return };
        let model = &*model;
        let (memory, early) = (pair.memory, &Cell::new(false));
        let messages: Vec<_> = messages
            .iter()
            .enumerate()
            .map(|(index, message)| {
                // None of the batch exists before all of it does.
                let asked = move || {
                    let came = index < fit && model.something_came(memory);
                    early.set(early.get() || came);
                };
                Asked { message, asked }
            })
            .collect();
        let (pushed, error) = match how {
            How::Wait => match tx.push_batch(&messages) {
                Ok(pushed) => (pushed, None),
                Err(BatchError { pushed, error }) => (pushed, Some(error)),
            },
            _ => match tx.try_push_batch(&messages) {
                Ok(pushed) => (pushed, None),
                Err(error) => (0, Some(error)),
            },
        };
        assert_eq!(pushed, fit);
        let messages: Vec<_> = messages.iter().map(|asked| asked.message).collect();
        assert!(!early.get(), "half a batch");
        messages[..pushed].iter().for_each(|message| self.model.push_together(message));
        match (error, next) {
            (None, None) => {}
            (None, Some(_)) => assert!(how != How::Wait && pushed > 0),
            (Some(error), Some(&len)) => {
                let how = if how == How::Wait { How::Wait } else { How::Try };
                assert!(how == How::Wait || pushed == 0);
                self.check_not_pushed(how, len, error);
            }
            (Some(error), None) => panic!("all were pushed: {error:?}"),
        }
    }
}

/// A message that tells when it is asked for.
struct Asked<'a, F> {
    message: &'a Vec<u8>,
    asked: F,
}

impl<F: Fn()> AsRef<[u8]> for Asked<'_, F> {
    fn as_ref(&self) -> &[u8] {
        (self.asked)();
        self.message
    }
}
