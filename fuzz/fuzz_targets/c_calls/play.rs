//! A ring and its two ends, and what was put into it. Owns: the calls that publish and those that ask. Knows nothing of: the
//! calls that read.

use std::collections::VecDeque;
use std::ffi::c_void;
use std::mem::MaybeUninit;
use std::ptr::null;

use shmring::*;

use crate::{CALLS, Call, H, NO_ROOM, NONE_NOW, Number, Place, TOLD, h, is, known, make, time};

pub(crate) struct Play {
    pub(crate) ring: H,
    pub(crate) tx: H,
    pub(crate) rx: H,
    /// Of values.
    pub(crate) size: usize,
    pub(crate) messages: bool,
    pub(crate) most: usize,
    pub(crate) queue: VecDeque<Vec<u8>>,
    pub(crate) made: u8,
    pub(crate) reserved: Option<(usize, *mut c_void)>,
    pub(crate) peeked: Option<usize>,
    pub(crate) old: Vec<H>,
}

pub(crate) fn play(ring: H, size: usize, calls: &[Call]) {
    let tx = make(|out| shmr_ring_producer(h(ring), out)).unwrap();
    let rx = make(|out| shmr_ring_consumer(h(ring), out)).unwrap();
    let most = known(shmr_producer_capacity(h(tx))) as usize;
    let mut play = Play {
        ring,
        tx,
        rx,
        size,
        messages: size == 0,
        most,
        queue: VecDeque::new(),
        made: 0,
        reserved: None,
        peeked: None,
        old: Vec::new(),
    };
    for call in calls.iter().take(CALLS) {
        play.call(*call);
    }
    is(shmr_producer_close(h(play.tx)).into(), &[0]);
    is(shmr_consumer_close(h(play.rx)).into(), &[0]);
    is(shmr_ring_close(h(ring)).into(), &[0]);
}

impl Play {
    pub(crate) fn record(&mut self, len: usize) -> Vec<u8> {
        self.made = self.made.wrapping_add(1);
        vec![self.made; len]
    }

    /// What a call on an end without its state answers, if it does not get further.
    pub(crate) fn refused(&self, producer: bool) -> Option<i32> {
        let (handle, lent) = match producer {
            true => (self.tx, self.reserved.is_some()),
            false => (self.rx, self.peeked.is_some()),
        };
        match (handle.is_null(), lent) {
            (true, _) => Some(SHMR_HANDLE),
            (false, true) => Some(SHMR_BUSY),
            (false, false) => None,
        }
    }

    /// Whether another record must fit: always into an empty ring, and values exactly.
    pub(crate) fn must_fit(&self) -> bool {
        self.queue.is_empty() || (!self.messages && self.queue.len() < self.most)
    }

    pub(crate) fn call(&mut self, call: Call) {
        match call {
            Call::Push { place, wait } => self.push(place, wait),
            Call::PushMany { count, huge, wait } => self.push_many(count.into(), huge, wait),
            Call::PushParts { lens } => self.push_parts(lens),
            Call::Reserve { amount } => self.reserve(amount.of(1)),
            Call::Commit { amount } => self.commit(amount),
            Call::Cancel => {
                let expected = match (self.tx.is_null(), self.reserved.take()) {
                    (true, _) => SHMR_HANDLE,
                    (_, None) => SHMR_NOT_LENT,
                    _ => 0,
                };
                is(shmr_cancel(h(self.tx)).into(), &[expected]);
            }
            Call::Pop { place, wait } => self.pop(place, wait),
            Call::PopMany { count, room, wait } => self.pop_many(count.into(), room.into(), wait),
            Call::NextLen => {
                let answer = shmr_next_len(h(self.rx), 0);
                match (self.refused(false), self.queue.front()) {
                    (Some(code), _) => is(answer, &[code]),
                    (None, None) => is(answer, NONE_NOW),
                    (None, Some(next)) => assert_eq!(answer, next.len() as i64),
                }
            }
            Call::Peek { max } => self.peek(max.into()),
            Call::Release { count } => self.release(count),
            Call::ReleaseTo { ahead } => self.release_to(ahead),
            Call::Skip => {
                let answer = shmr_skip_unread(h(self.rx));
                match self.refused(false) {
                    Some(code) => is(answer, &[code]),
                    None => {
                        // Of messages it is bytes, with a header each.
                        let bytes: usize = self.queue.iter().map(|record| 8 + record.len()).sum();
                        assert!(self.messages || answer == self.queue.len() as i64);
                        assert!(!self.messages || answer >= bytes as i64);
                        self.queue.clear();
                    }
                }
            }
            Call::WaitAny { twice, both, peer } => self.wait_any(twice, both, peer),
            Call::Ask { which } => self.ask(which),
            Call::Event { producer, peer, which } => self.event(producer, peer, which),
            Call::Close { producer } => self.close(producer),
            Call::Attach { producer } => self.attach(producer),
            Call::Wrong { which, old } => self.wrong(which, old.into()),
            Call::Write { .. } => is(shmr_notify(h(self.tx)).into(), &[SHMR_HANDLE]),
            Call::Read { .. } => is(shmr_has_newer(h(self.rx)).into(), &[SHMR_HANDLE]),
        }
    }

    pub(crate) fn push(&mut self, place: Place, wait: bool) {
        let right = if self.messages { 40 } else { self.size };
        let (address, len, record) = match place {
            Place::Right => (None, right, self.record(right)),
            Place::Long(len) => (None, len.into(), self.record(len.into())),
            Place::Null => (Some(null()), right, Vec::new()),
            Place::Huge => (None, usize::MAX, self.record(1)),
        };
        let record = record.into_boxed_slice();
        let address = address.unwrap_or(record.as_ptr().cast());
        // SAFETY: what is not refused has as many bytes as it says.
        let answer = unsafe { shmr_push(h(self.tx), address, len, time(wait)) }.into();
        let wrong = match place {
            Place::Null | Place::Huge => Some(SHMR_INVALID),
            _ if !self.messages && len != self.size => Some(SHMR_WRONG_LENGTH),
            _ if self.messages && len > self.most => Some(SHMR_TOO_LARGE),
            _ => None,
        };
        match self.refused(true).or(wrong) {
            Some(code) => is(answer, &[code]),
            None if answer == 0 => self.queue.push_back(record.into_vec()),
            None => {
                assert!(!self.must_fit());
                is(answer, NO_ROOM);
            }
        }
    }

    pub(crate) fn push_many(&mut self, count: usize, huge: bool, wait: bool) {
        let records: Vec<Vec<u8>> = (0..count)
            .map(|at| self.record(if self.messages { at % 50 } else { self.size }))
            .collect();
        let answer = if self.messages {
            let spans: Box<[Span]> = records
                .iter()
                .map(|record| Span { data: record.as_ptr().cast(), len: record.len() })
                .collect();
            let count = if huge { usize::MAX } else { count };
            if wait {
                // SAFETY: as below.
                let answer = unsafe { shmr_push_all(h(self.tx), spans.as_ptr(), count, 0) };
                return self.pushed_all(records, huge, answer.into());
            }
            // SAFETY: what is not refused is as long as it says.
            unsafe { shmr_push_messages(h(self.tx), spans.as_ptr(), count, 0) }
        } else {
            let values = records.concat().into_boxed_slice();
            let count = if huge { usize::MAX } else { count };
            // SAFETY: as above.
            unsafe { shmr_push_values(h(self.tx), values.as_ptr().cast(), count, time(wait)) }
        };
        match self.refused(true) {
            Some(code) => is(answer, &[code]),
            None if huge => is(answer, &[SHMR_INVALID]),
            None if answer >= 0 => {
                assert!(answer as usize <= count);
                self.queue.extend(records.into_iter().take(answer as usize));
                assert!(self.messages || answer as usize == count || self.queue.len() == self.most);
            }
            None => {
                assert!(count > 0 && !self.must_fit());
                is(answer, NO_ROOM);
            }
        }
    }

    /// All of `records` were published, or none.
    fn pushed_all(&mut self, records: Vec<Vec<u8>>, huge: bool, answer: i64) {
        match self.refused(true) {
            Some(code) => is(answer, &[code]),
            None if huge => is(answer, &[SHMR_INVALID]),
            None if answer == 0 => self.queue.extend(records),
            None => {
                assert!(records.len() > 1 || !self.must_fit());
                is(answer, &[&[SHMR_TOO_LARGE], NO_ROOM].concat());
            }
        }
    }

    pub(crate) fn push_parts(&mut self, lens: [u8; 3]) {
        let parts = lens.map(|len| self.record(len.into()).into_boxed_slice());
        let spans =
            parts.each_ref().map(|part| Span { data: part.as_ptr().cast(), len: part.len() });
        // SAFETY: all of it is as long as it says.
        let answer = unsafe { shmr_push_parts(h(self.tx), spans.as_ptr(), 3, 0) }.into();
        let kind = (!self.messages).then_some(SHMR_KIND);
        match self.refused(true).or(kind) {
            Some(code) => is(answer, &[code]),
            None if answer == 0 => self.queue.push_back(parts.concat()),
            None => {
                assert!(!self.must_fit());
                is(answer, NO_ROOM);
            }
        }
    }

    pub(crate) fn reserve(&mut self, amount: usize) {
        let mut room = MaybeUninit::new(std::ptr::null_mut());
        let answer = shmr_reserve(h(self.tx), amount, Some(&mut room), 0).into();
        let large = (amount > self.most).then_some(SHMR_TOO_LARGE);
        match self.refused(true).or(large) {
            Some(code) => is(answer, &[code]),
            None if answer == 0 => {
                // SAFETY: it was given a value.
                self.reserved = Some((amount, unsafe { room.assume_init() }));
            }
            None => {
                assert!(!self.queue.is_empty());
                is(answer, NO_ROOM);
            }
        }
    }

    pub(crate) fn commit(&mut self, amount: Number) {
        let Some((reserved, room)) = self.reserved.filter(|_| !self.tx.is_null()) else {
            let expected = if self.tx.is_null() { SHMR_HANDLE } else { SHMR_NOT_LENT };
            return is(shmr_commit(h(self.tx), amount.of(1)).into(), &[expected]);
        };
        let amount = amount.of(reserved);
        if amount > reserved {
            return is(shmr_commit(h(self.tx), amount).into(), &[SHMR_INVALID]);
        }
        let records = match self.messages {
            true => vec![self.record(amount)],
            false => (0..amount).map(|_| self.record(self.size)).collect(),
        };
        let bytes = records.concat();
        // SAFETY: as much was lent.
        unsafe { bytes.as_ptr().copy_to(room.cast(), bytes.len()) };
        is(shmr_commit(h(self.tx), amount).into(), &[0]);
        self.reserved = None;
        self.queue.extend(records);
    }

    pub(crate) fn wait_any(&mut self, twice: bool, both: bool, peer: bool) {
        let end = |producer, consumer| shmr_end {
            producer: h(producer),
            consumer: h(consumer),
            awaits_peer: peer.into(),
            unused: 0,
        };
        let mut ends = vec![end(null(), self.rx), end(self.tx, null())];
        if twice {
            ends.push(end(self.tx, null()));
        }
        if both {
            ends.push(end(self.tx, self.rx));
        }
        // SAFETY: they are as many as it says.
        let answer = known(unsafe { shmr_wait_any(ends.as_ptr(), ends.len(), 0) });
        let whole = !self.tx.is_null() && !self.rx.is_null();
        let free = self.reserved.is_none() && self.peeked.is_none();
        if whole && free && !twice && !both {
            assert!((0..2).contains(&answer) || answer == i64::from(SHMR_TIMED_OUT), "{answer}");
        } else {
            assert!(answer < 0 && answer != i64::from(SHMR_TIMED_OUT), "{answer}");
        }
    }

    pub(crate) fn ask(&mut self, which: u8) {
        let (mut peer, mut stats) = (MaybeUninit::uninit(), MaybeUninit::uninit());
        let mut number = MaybeUninit::uninit();
        let (tx, rx) = (h(self.tx), h(self.rx));
        let (answer, handle) = match which % 12 {
            0 => (shmr_producer_peer(tx, Some(&mut peer)).into(), tx),
            1 => (shmr_consumer_peer(rx, Some(&mut peer)).into(), rx),
            2 => (shmr_producer_stats(tx, Some(&mut stats)).into(), tx),
            3 => (shmr_consumer_stats(rx, Some(&mut stats)).into(), rx),
            4 => (shmr_producer_position(tx, Some(&mut number)).into(), tx),
            5 => (shmr_consumer_session(rx, Some(&mut number)).into(), rx),
            6 => (shmr_producer_is_closed(tx).into(), tx),
            7 => (shmr_consumer_is_closed(rx).into(), rx),
            8 => (shmr_unread(rx), rx),
            9 => (shmr_count_dropped(tx, u64::MAX).into(), tx),
            10 => (shmr_producer_has_lost_its_name(tx).into(), tx),
            _ => (shmr_consumer_capacity(rx), rx),
        };
        known(answer);
        assert_eq!(answer < 0, handle.is_none(), "{answer}");
    }

    pub(crate) fn close(&mut self, producer: bool) {
        let handle = if producer { &mut self.tx } else { &mut self.rx };
        let handle = std::mem::replace(handle, null());
        let answer = match producer {
            true => shmr_producer_close(h(handle)),
            false => shmr_consumer_close(h(handle)),
        };
        is(answer.into(), &[0]);
        // What was lent is published or released by nobody.
        match producer {
            true => self.reserved = None,
            false => self.peeked = None,
        }
        if !handle.is_null() {
            self.old.push(handle);
        }
    }

    pub(crate) fn attach(&mut self, producer: bool) {
        let (handle, made) = match producer {
            true => (&mut self.tx, make(|out| shmr_ring_producer(h(self.ring), out))),
            false => (&mut self.rx, make(|out| shmr_ring_consumer(h(self.ring), out))),
        };
        match made {
            Ok(made) => {
                assert!(handle.is_null(), "two of one role");
                *handle = made;
            }
            Err(code) => {
                assert_eq!(code, SHMR_ROLE_TAKEN);
                assert!(!handle.is_null());
            }
        }
    }

    /// Calls on what is no handle of their kind.
    pub(crate) fn wrong(&mut self, which: u8, old: usize) {
        // Those closed last are told; the others may be somebody else's again.
        let told = &self.old[self.old.len().saturating_sub(TOLD)..];
        let handle = match old.checked_rem(told.len() + 1) {
            Some(index) if index < told.len() => told[index],
            _ => self.ring,
        };
        let mut byte = [0_u8; 1];
        let to = byte.as_mut_ptr().cast();
        let handle = h(handle);
        let answer = match which % 10 {
            // SAFETY: one byte is there.
            0 => unsafe { shmr_push(handle, to, 1, 0) }.into(),
            // SAFETY: one byte is there.
            1 => unsafe { shmr_pop(handle, to, 1, 0) },
            2 => shmr_commit(handle, 1).into(),
            3 => shmr_release(handle, 1),
            4 => shmr_producer_close(handle).into(),
            5 => shmr_consumer_close(handle).into(),
            6 => shmr_interrupt_raise(handle).into(),
            7 => shmr_latest_close(handle).into(),
            // SAFETY: one byte is there.
            8 => unsafe { shmr_read(handle, to, 1) }.into(),
            _ => shmr_producer_is_closed(handle).into(),
        };
        is(answer, &[SHMR_HANDLE]);
    }
}
