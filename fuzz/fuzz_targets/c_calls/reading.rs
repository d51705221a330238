//! The calls that read a ring, and what each must answer. Owns: those. Knows nothing of: the calls that publish.

use std::ffi::c_void;
use std::mem::MaybeUninit;
use std::ptr::null;

use shmring::*;

use crate::play::Play;
use crate::{NONE_NOW, Number, Place, h, is, known, time};

impl Play {
    pub(crate) fn pop(&mut self, place: Place, wait: bool) {
        let next = self.queue.front().map_or(self.size, Vec::len);
        let (null_address, room, bytes) = match place {
            Place::Right => (false, next, next),
            Place::Long(len) => (false, len.into(), len.into()),
            Place::Null => (true, next.max(1), 0),
            Place::Huge => (false, usize::MAX, 1),
        };
        let mut buffer = vec![0xee; bytes].into_boxed_slice();
        let address = if null_address { std::ptr::null_mut() } else { buffer.as_mut_ptr().cast() };
        // SAFETY: what is not refused has room for as much as it says.
        let answer = unsafe { shmr_pop(h(self.rx), address, room, time(wait)) };
        let wrong = match place {
            Place::Null | Place::Huge => Some(SHMR_INVALID),
            _ if !self.messages && room < self.size => Some(SHMR_TOO_SMALL),
            _ => None,
        };
        match (self.refused(false).or(wrong), self.queue.front()) {
            (Some(code), _) => is(answer, &[code]),
            (None, None) => is(answer, NONE_NOW),
            (None, Some(record)) if record.len() > room => is(answer, &[SHMR_TOO_SMALL]),
            (None, Some(record)) => {
                assert_eq!(answer, record.len() as i64);
                assert_eq!(buffer[..record.len()], **record);
                assert!(buffer[record.len()..].iter().all(|byte| *byte == 0xee));
                self.queue.pop_front();
                return;
            }
        }
        assert!(buffer.iter().all(|byte| *byte == 0xee), "touched");
    }

    pub(crate) fn pop_many(&mut self, count: usize, room: usize, wait: bool) {
        let answer;
        let taken: Vec<Vec<u8>>;
        let whole = if self.messages { room } else { count * self.size };
        let mut buffer = vec![0; whole].into_boxed_slice();
        let address = buffer.as_mut_ptr().cast();
        if self.messages {
            let mut spans = vec![Span { data: null(), len: 0 }; count].into_boxed_slice();
            let (to, rx) = (spans.as_mut_ptr(), h(self.rx));
            // SAFETY: all of it is as long as it says.
            answer = unsafe { shmr_pop_messages(rx, address, room, to, count, time(wait)) };
            let found = &spans[..usize::try_from(answer).unwrap_or(0)];
            // SAFETY: it says that they stand there.
            let bytes =
                |span: &Span| unsafe { std::slice::from_raw_parts(span.data.cast(), span.len) };
            taken = found.iter().map(|span| bytes(span).to_vec()).collect();
        } else {
            // SAFETY: as above.
            answer = unsafe { shmr_pop_values(h(self.rx), address, count, time(wait)) };
            let found = usize::try_from(answer).unwrap_or(0);
            taken = buffer.chunks(self.size).take(found).map(<[u8]>::to_vec).collect();
        }
        match self.refused(false) {
            Some(code) => is(answer, &[code]),
            None if count == 0 => assert_eq!(answer, 0),
            None if self.queue.is_empty() => is(answer, NONE_NOW),
            None if self.messages && self.queue[0].len() > room => is(answer, &[SHMR_TOO_SMALL]),
            None => {
                assert!(answer > 0 && self.queue.len() >= taken.len(), "{answer}");
                assert!(self.messages || taken.len() == count.min(self.queue.len()));
                taken
                    .iter()
                    .for_each(|record| assert_eq!(Some(record), self.queue.pop_front().as_ref()));
            }
        }
    }

    pub(crate) fn peek(&mut self, max: usize) {
        let (answer, found): (i64, Vec<Vec<u8>>);
        let copy = |data: *const c_void, len| {
            // SAFETY: as much is lent.
            unsafe { std::slice::from_raw_parts(data.cast::<u8>(), len) }.to_vec()
        };
        if self.messages {
            let mut spans = vec![Span { data: null(), len: 0 }; max].into_boxed_slice();
            // SAFETY: there is as much room as it says.
            answer = unsafe { shmr_peek_messages(h(self.rx), spans.as_mut_ptr(), max, 0) };
            let lent = &spans[..usize::try_from(answer).unwrap_or(0)];
            found = lent.iter().map(|span| copy(span.data, span.len)).collect();
        } else {
            let mut address = MaybeUninit::new(null());
            answer = shmr_peek_values(h(self.rx), Some(&mut address), max, 0);
            // SAFETY: it was given a value.
            let address: *const c_void = unsafe { address.assume_init() };
            let lent = usize::try_from(answer).unwrap_or(0);
            let at = |index| address.wrapping_byte_add(index * self.size);
            found = (0..lent).map(|index| copy(at(index), self.size)).collect();
        }
        match self.refused(false) {
            Some(code) => is(answer, &[code]),
            None if max == 0 => assert_eq!(answer, 0),
            None if self.queue.is_empty() => is(answer, NONE_NOW),
            None => {
                assert_eq!(found.len(), max.min(self.queue.len()));
                assert!(found.iter().eq(self.queue.iter().take(max)));
                self.peeked = Some(found.len());
            }
        }
    }

    pub(crate) fn release(&mut self, count: Number) {
        let Some(peeked) = self.peeked.filter(|_| !self.rx.is_null()) else {
            let expected = if self.rx.is_null() { SHMR_HANDLE } else { SHMR_NOT_LENT };
            return is(shmr_release(h(self.rx), count.of(1)), &[expected]);
        };
        let count = count.of(peeked);
        let answer = shmr_release(h(self.rx), count);
        if count > peeked {
            return is(answer, &[SHMR_INVALID]);
        }
        assert_eq!(answer, count as i64);
        self.queue.drain(..count);
        self.peeked = None;
    }

    pub(crate) fn release_to(&mut self, ahead: Number) {
        let mut position = MaybeUninit::new(0);
        known(shmr_consumer_position(h(self.rx), Some(&mut position)).into());
        // SAFETY: it was given a value.
        let position = unsafe { position.assume_init() };
        let to = position.wrapping_add(ahead.of(self.size) as u64);
        let answer = shmr_release_to(h(self.rx), to);
        match self.refused(false) {
            Some(code) => is(answer, &[code]),
            None if answer < 0 => is(answer, &[SHMR_NOT_A_BOUNDARY]),
            None => drop(self.queue.drain(..answer as usize)),
        }
    }
}
