//! Calls of the consumer of a ring of messages. It must not choose which call is made.

use std::io::Read as _;

use shm_ring::{Message, OutOfBounds, PopError};
use shm_ring_outsider::{Head, Region as _, SESSION, START_BYTES, STARTS, producer};

use super::{Drive, inside};
use crate::board::Op;
use crate::hand;
use crate::kind::Messages;
use crate::rng::Rng;
use crate::truth::Truth;

/// Reads at places that are inside, across the end and far outside. A copy of all of it.
fn read_somewhere(message: &Message<'_>, rng: &mut Rng) -> Vec<u8> {
    let size = message.len();
    let len = rng.below(64) as usize;
    for offset in [0, rng.below(size as u64 + 9) as usize, size, usize::MAX - 3] {
        let inside = |len: usize| match offset.checked_add(len) {
            Some(end) if end <= size => Ok(()),
            _ => Err(OutOfBounds { offset, len, size }),
        };
        let mut copy = vec![0x55; len];
        let copied = message.copy_to(offset, &mut copy);
        assert!(copied == inside(len), "copy_to({offset}) of {size} bytes answered {copied:?}");
        let read = message.read_at::<u64>(offset).map(|_| ());
        assert!(read == inside(8), "read_at({offset}) of {size} bytes answered {read:?}");
    }
    message.to_vec()
}

impl<const ALIGN: u64, const LIMIT: u64> Drive<Messages<ALIGN, LIMIT>> {
    pub fn pop_messages(&mut self, op: Op) {
        match op {
            Op::TryPeek | Op::PeekTimeout => self.peek_messages(op),
            Op::TryPopBatch | Op::TryPopSlice => self.pop_some_messages(Op::TryPopBatch),
            Op::PopBatchTimeout | Op::PopSliceTimeout => {
                self.pop_some_messages(Op::PopBatchTimeout);
            }
            Op::TryIter => self.try_iter_messages(),
            Op::ReadStream => self.read_stream(),
            op => self.pop_message(op),
        }
    }

    fn pop_message(&mut self, op: Op) {
        let timeout = self.timeout();
        let to_buffer = matches!(op, Op::TryPopTo | Op::PopTimeout | Op::Pop);
        let len = match self.rng.below(8) {
            0 => self.truth.longest(),
            _ => self.rng.below(128) as usize,
        };
        let there = self.foretell(|truth| truth.look(true));
        self.blank(len);
        let threshold = (op == Op::PopThreshold).then(|| self.threshold(timeout)).flatten();
        let buffer = self.buffer.last(len);
        let rx = self.rx.as_mut().expect("attached");
        rx.set_threshold(threshold);
        let mut message = Vec::new();
        self.board.begin(op);
        let popped = match op {
            Op::TryPopTo => rx.try_pop_to(buffer),
            Op::PopTimeout => rx.pop_to_timeout(buffer, timeout),
            Op::Pop => rx.pop_to(buffer),
            Op::TryPopInto => rx.try_pop_into(&mut message),
            Op::PopThreshold => rx.pop_into_timeout(&mut message, timeout),
            Op::Iter => {
                let next = rx.iter().next().unwrap_or(Err(PopError::Closed));
                next.map(|next| (next.len(), message = next).0)
            }
            _ => rx.try_pop().map(|next| (next.len(), message = next).0),
        };
        rx.set_threshold(None);
        let truth = there.as_ref().map(|there| match there {
            Ok(payload) if to_buffer && payload.len() > len => {
                Err(PopError::TooSmall { len, needed: payload.len() })
            }
            Ok(_) => Ok(()),
            Err(error) => Err(*error),
        });
        self.popped(op, popped.map(|_| ()), truth);
        let taken = popped.unwrap_or(0);
        assert!(taken <= self.truth.longest(), "{op:?} took {taken} bytes");
        self.untouched(op, len, if to_buffer { taken } else { 0 });
        if let (Ok(_), Some(Ok(there))) = (popped, there) {
            let took = if to_buffer { &self.buffer.last(len)[..taken] } else { &message };
            assert!(took == there, "{op:?} took something else than stood there");
            self.took(&there);
        }
    }

    fn says_that_a_stream_ended_within_what_was_seen(&self) -> bool {
        let word = |at| self.region.word(producer() + at);
        let session = word(SESSION);
        let begun = if session % 2 == 1 { session } else { session.saturating_sub(1) };
        let start = STARTS + (begun >> 1 & 1) * START_BYTES;
        begun != 0 && word(start) == begun && word(start + 8) < self.truth.head.tail
    }

    /// An empty message is no bytes: it goes over any number of them.
    fn read_stream(&mut self) {
        // Then that decides what is read, or that it is corrupt, and only the library knows what it has reported.
        if self.exact && self.says_that_a_stream_ended_within_what_was_seen() {
            return self.pop_message(Op::Pop);
        }
        let len = self.truth.longest() + 1;
        let there = self.foretell(|truth| {
            loop {
                match truth.look(true) {
                    Ok(empty) if empty.is_empty() => {
                        truth.step(0);
                        truth.head.release();
                    }
                    other => break other,
                }
            }
        });
        self.blank(len);
        let mut reader = self.rx.take().expect("attached").into_reader();
        self.board.begin(Op::ReadStream);
        let read = reader.read(self.buffer.last(len));
        self.rx = Some(reader.into_inner().0);
        let answer = match read {
            Ok(0) => Err(PopError::Closed),
            Ok(_) => Ok(()),
            Err(ref error) => Err(inside(error)),
        };
        let truth = there.as_ref().map(|there| there.as_ref().map(|_| ()).map_err(|&error| error));
        self.popped(Op::ReadStream, answer, truth);
        let taken = read.unwrap_or(0);
        self.untouched(Op::ReadStream, len, taken);
        if let (Ok(()), Some(Ok(mut there))) = (answer, there) {
            self.truth.step(there.len());
            self.truth.head.release();
            // What else was there and fitted, up to an empty message.
            while let (true, Ok(next)) = (there.len() < len, self.truth.look(true)) {
                if next.len() > len - there.len() {
                    break;
                }
                self.truth.step(next.len());
                self.truth.head.release();
                if next.is_empty() {
                    break;
                }
                there.extend(next);
            }
            let took = &self.buffer.last(len)[..taken];
            assert!(took == there, "ReadStream took something else than stood there");
            self.truth.released();
        }
    }

    fn peek_messages(&mut self, op: Op) {
        let timeout = self.timeout();
        let few = self.rng.below(16) as usize;
        let max = if self.rng.below(8) == 0 { usize::MAX } else { few };
        let there = self.foretell(|truth| {
            truth.look_at_tail();
            truth.look(false)
        });
        let release = self.rng.below(max.min(64) as u64 + 1) as usize;
        let (leaves, meddles) = (self.rng.below(4) == 0, self.exact && self.rng.below(8) == 0);
        let Self { rx, truth, rng, region, header, exact, .. } = self;
        let rx = rx.as_mut().expect("attached");
        self.board.begin(op);
        let peeked = match op {
            Op::PeekTimeout => rx.wait(1, Some(timeout)).and_then(|()| rx.try_peek(max)),
            _ => rx.try_peek(max),
        };
        let answer = peeked.as_ref().map(|_| ()).map_err(|&error| error);
        let (mut ends, mut released) = (Vec::new(), 0);
        if let (Ok(view), true) = (&peeked, meddles) {
            let _ = view.first();
            hand::anything(rng, region, header);
        }
        if let Ok(view) = peeked {
            let mut head = truth.head;
            let (exact, mut count) = (*exact && matches!(there, Some(Ok(_))), 0);
            for message in view.iter() {
                count += 1;
                let copy = read_somewhere(&message, rng);
                if exact {
                    check(truth, &head, &copy, count == 1, &there, op);
                    head.step(header, copy.len() as u64);
                    ends.push(head);
                }
                assert!(count as u64 <= header.limit / header.unit(), "{op:?} goes on and on");
            }
            let over = count == max.max(1) || head.position == head.tail;
            if exact && !over {
                assert!(truth.next(&mut head).is_none(), "{op:?}: a view that ended early");
            }
            if !leaves {
                released = view.release(release);
                assert!(
                    !exact || released == count.min(release),
                    "{op:?} released {released} of {count}"
                );
            }
        }
        let truth = there.map(|there| there.map(|_| ()));
        self.popped(op, answer, truth);
        if self.exact && released > 0 {
            self.truth.head = ends[released - 1];
            self.truth.released();
        }
    }

    /// The hand writes while the messages are looked at.
    fn pop_some_messages(&mut self, op: Op) {
        let timeout = self.timeout();
        let few = 1 + self.rng.below(16) as usize;
        let max = if self.rng.below(8) == 0 { usize::MAX } else { few };
        let there = self.foretell(|truth| {
            truth.look_at_tail();
            truth.look(false)
        });
        let exact = self.exact && matches!(there, Some(Ok(_)));
        let meddles = self.exact && self.rng.below(8) == 0;
        let Self { rx, truth, rng, region, header, .. } = self;
        let (mut seen, mut head) = (0, truth.head);
        let each = |message: &Message<'_>| {
            seen += 1;
            let most = header.limit / header.unit();
            assert!(seen as u64 <= most, "{op:?} goes on beyond {most} messages");
            let copy = read_somewhere(message, rng);
            if exact && head.position < head.tail {
                check(truth, &head, &copy, false, &there, op);
                head.step(header, copy.len() as u64);
            }
            if meddles {
                hand::anything(rng, region, header);
            }
        };
        let rx = rx.as_mut().expect("attached");
        self.board.begin(op);
        let popped = match op {
            Op::PopBatchTimeout => rx.pop_batch_timeout(max, timeout, each),
            _ => rx.try_pop_batch(max, each),
        };
        self.popped(op, popped.map(|_| ()), there.map(|there| there.map(|_| ())));
        if let (Ok(popped), true) = (popped, exact) {
            assert!(popped == seen && seen > 0, "{op:?} answered {popped} and showed {seen}");
            let over = seen == max || head.position == head.tail;
            // One that is none ends it, for ever.
            let none = over || self.truth.next(&mut Head { ..head }).is_none();
            assert!(none, "{op:?} ended after {seen}, and there are more");
            head.corrupt |= !over;
            self.truth.head = head;
            self.truth.released();
        }
    }

    fn try_iter_messages(&mut self) {
        let few = 1 + self.rng.below(24) as usize;
        let max = if self.rng.below(8) == 0 { usize::MAX } else { few };
        let rx = self.rx.as_mut().expect("attached");
        self.board.begin(Op::TryIter);
        let iter = rx.try_iter();
        if self.exact {
            self.truth.look_at_tail();
        }
        let (end, mut seen, mut last) = (self.truth.head.tail, 0, Err(PopError::Empty));
        let mut right = None;
        let meddles = self.exact && !self.sober && self.rng.below(8) == 0;
        let most = self.header.limit / self.header.unit();
        for popped in iter.take(max) {
            seen += 1;
            assert!(seen as u64 <= most, "TryIter goes on beyond {most} messages");
            last = popped.as_ref().map(|_| ()).map_err(|&error| error);
            if self.exact {
                let there = self.truth.look(false);
                assert!(
                    popped == there,
                    "an iterator gave something else than stood there, as number {seen}: {popped:?} and {there:?}, {}; the last calls: {}",
                    self.truth.words(),
                    self.board.recent()
                );
                right = Some(there.as_ref().map(|_| ()).map_err(|&error| error));
                if let Ok(there) = there {
                    self.truth.step(there.len());
                    self.truth.released();
                }
            }
            if meddles {
                hand::anything(&mut self.rng, self.region, &self.header);
            }
        }
        self.popped(Op::TryIter, last, right);
        let over = self.truth.head.corrupt || self.truth.head.position == end;
        assert!(!self.exact || over || seen == max, "an iteration that ended early");
    }
}

/// Checks what a call shows of the message at `head`. The length of the first of a view was looked at once, before the
/// hand wrote: its bytes, and the others, are what they are by now.
fn check(
    truth: &Truth,
    head: &Head,
    copy: &[u8],
    fixed: bool,
    there: &Option<Result<Vec<u8>, PopError>>,
    op: Op,
) {
    let right = match there {
        Some(Ok(first)) if fixed => {
            assert!(copy.len() == first.len(), "{op:?}: a length that was read twice");
            truth.payload(head, first.len())
        }
        _ => truth.next(&mut Head { ..*head }).expect("a message that is none"),
    };
    assert!(copy == right, "{op:?} shows {} bytes that are not there", copy.len());
}
