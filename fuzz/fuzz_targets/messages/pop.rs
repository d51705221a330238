//! Taking messages: each form of a pop against the queue.

use std::fmt::Debug;

use shm_ring::{Item, PopError, Record};
use shm_ring_fuzz::bytes::CONSUMER;
use shm_ring_fuzz::choice::{How, NO_TIME, Place, Side, Then};
use shm_ring_fuzz::model::check_place;

use zerocopy::IntoBytes;

use super::{Len, Messages};

impl<T: Item + Copy + Debug + PartialEq> Messages<T> {
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
            Ok(message) => assert_eq!(message.as_bytes(), self.model.pop()),
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
                assert_eq!(message.as_bytes(), self.model.pop());
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
                assert_eq!(buffer[..popped].as_bytes(), self.model.pop());
                assert_eq!(buffer[popped..], untouched[popped..]);
            }
            Err(error) => {
                assert_eq!(buffer, untouched);
                match self.model.first() {
                    Some(payload) => {
                        let needed = payload.len() / size_of::<T>();
                        assert_eq!(error, PopError::TooSmall { len, needed });
                        assert!(needed > len);
                    }
                    None => self.not_popped(how, error),
                }
            }
        }
    }

    pub(super) fn peek(&mut self, how: How, place: Place, then: Then) {
        let how = self.there(how);
        let Some(rx) = &mut self.pair.rx else { return };
        let peeked = match how {
            How::Try => rx.try_peek(),
            How::AtOnce => rx.peek_timeout(NO_TIME),
            How::Wait => rx.peek(),
        };
        let view = match peeked {
            Ok(view) => view,
            Err(error) => return self.not_popped(how, error),
        };
        let payload = self.model.first().unwrap();
        assert_eq!(view.to_vec().as_bytes(), payload);
        assert_eq!(view.len(), payload.len() / size_of::<T>());
        // SAFETY: both sides are ours, and the other one does nothing now.
        assert_eq!(unsafe { view.as_slice() }.as_bytes(), payload);
        check_place(&view, payload, place);
        match then {
            Then::Finish => {
                view.release();
                self.model.pop();
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
        let (head, bytes, max) = (model.head(), &pair.bytes, usize::from(max));
        let expected = max.min(model.len());
        let mut seen = 0;
        let each = |record: &Record<'_, [T]>| {
            // The room of all of them is given back at the end.
            assert_eq!(bytes.word(CONSUMER), head, "room given back too early");
            let payload = model.pop();
            assert_eq!(record.to_vec().as_bytes(), payload);
            check_place(record, &payload, place);
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
            assert_eq!(message.unwrap().as_bytes(), self.model.pop());
            seen += 1;
        }
        assert_eq!(seen, expected);
    }
}
