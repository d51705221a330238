//! Owns: each form of taking messages, against the queue. Knows nothing of: how messages are published.

use shm_ring::{Message, PopError};
use shm_ring_fuzz::choice::{How, NO_TIME, Place, Side, Then};
use shm_ring_fuzz::model::check_message;
use shm_ring_outsider::{POSITION, Region, consumer};

use super::{Len, Messages};

impl Messages {
    fn not_popped(&self, how: How, error: PopError) {
        assert!(self.model.is_empty(), "{error:?}");
        self.pair.check_not_popped(how, error);
    }

    fn there(&self, how: How) -> How {
        self.pair.prompt(Side::Consumer, how, !self.model.is_empty())
    }

    pub(super) fn pop(&mut self, how: How) {
        let how = self.there(how);
        let Some(rx) = &mut self.pair.rx else { return };
        let popped = match how {
            How::Try => rx.try_pop(),
            How::AtOnce => rx.pop_timeout(NO_TIME),
            How::Wait => rx.pop(),
        };
        match popped {
            Ok(message) => self.model.pop(&message),
            Err(error) => self.not_popped(how, error),
        }
    }

    pub(super) fn pop_into(&mut self, how: How, before: u8) {
        let how = self.there(how);
        let mut message = self.message(before.into());
        let Some(rx) = &mut self.pair.rx else { return };
        let untouched = message.clone();
        let popped = match how {
            How::Try => rx.try_pop_into(&mut message),
            How::AtOnce => rx.pop_into_timeout(&mut message, NO_TIME),
            How::Wait => rx.pop_into(&mut message),
        };
        match popped {
            Ok(len) => {
                assert_eq!(len, message.len());
                self.model.pop(&message);
            }
            Err(error) => {
                assert_eq!(message, untouched);
                self.not_popped(how, error);
            }
        }
    }

    pub(super) fn pop_to(&mut self, how: How, buffer: Len) {
        let how = self.there(how);
        let len = self.len(buffer);
        let mut buffer = self.message(len);
        let Some(rx) = &mut self.pair.rx else { return };
        let untouched = buffer.clone();
        let popped = match how {
            How::Try => rx.try_pop_to(&mut buffer),
            How::AtOnce => rx.pop_to_timeout(&mut buffer, NO_TIME),
            How::Wait => rx.pop_to(&mut buffer),
        };
        match popped {
            Ok(popped) => {
                self.model.pop(&buffer[..popped]);
                assert_eq!(buffer[popped..], untouched[popped..]);
            }
            Err(error) => {
                assert_eq!(buffer, untouched);
                match self.model.first_len() {
                    Some(needed) => {
                        assert_eq!(error, PopError::TooSmall { len, needed });
                        assert!(needed > len);
                    }
                    None => self.not_popped(how, error),
                }
            }
        }
    }

    pub(super) fn peek(&mut self, how: How, max: u8, place: Place, release: u8, then: Then) {
        let how = self.there(how);
        let Some(rx) = &mut self.pair.rx else { return };
        let max = usize::from(max);
        let peeked = match how {
            How::Try => rx.try_peek(max),
            How::AtOnce => rx.wait(1, Some(NO_TIME)).and_then(|()| rx.try_peek(max)),
            How::Wait => rx.peek(max),
        };
        let view = match peeked {
            Ok(view) => view,
            Err(error) => return self.not_popped(how, error),
        };
        let count = max.max(1).min(self.model.len());
        check_message(&view.first(), &self.model, self.model.head(), place);
        let mut messages = self.model.messages();
        let mut seen = 0;
        for message in view.iter() {
            let position = messages.next().expect("a message that is not there");
            // SAFETY: both sides are ours, and the other one does nothing now.
            assert!(self.model.is_message(position, unsafe { message.as_slice() }));
            seen += 1;
        }
        drop(messages);
        assert_eq!(seen, count);
        match then {
            Then::Finish => {
                let released = view.release(release.into());
                assert_eq!(released, count.min(release.into()));
                self.model.release(released);
            }
            Then::Drop => drop(view),
            Then::Forget => std::mem::forget(view),
        }
    }

    pub(super) fn pop_batch(&mut self, how: How, place: Place, max: u8) {
        let there = !self.model.is_empty() || max == 0;
        let how = self.pair.prompt(Side::Consumer, how, there);
        let Self { pair, model, .. } = self;
        let Some(rx) = &mut pair.rx else { return };
        let (head, memory, max) = (model.head(), pair.memory, usize::from(max));
        let expected = max.min(model.len());
        let mut seen = 0;
        let each = |message: &Message<'_>| {
            // The room of all of them is given back at the end.
            assert_eq!(memory.word(consumer() + POSITION), head, "room given back too early");
            check_message(message, model, model.head(), place);
            model.release(1);
            seen += 1;
        };
        let popped = match how {
            How::Try => rx.try_pop_batch(max, each),
            How::AtOnce => rx.pop_batch_timeout(max, NO_TIME, each),
            How::Wait => rx.pop_batch(max, each),
        };
        assert_eq!(seen, expected);
        match popped {
            Ok(popped) => assert!(there && popped == expected),
            Err(error) => {
                assert!(!there);
                pair.check_not_popped(how, error);
            }
        }
    }

    pub(super) fn iterate(&mut self, max: u8) {
        let Some(rx) = &mut self.pair.rx else { return };
        let expected = self.model.len().min(max.into());
        let mut seen = 0;
        for message in rx.try_iter().take(max.into()) {
            self.model.pop(&message.unwrap());
            seen += 1;
        }
        assert_eq!(seen, expected);
    }
}
