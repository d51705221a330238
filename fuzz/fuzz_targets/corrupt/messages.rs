//! Calls of the ends of a ring of messages that somebody writes into.
//!
//! Owns: what each of them must answer. Knows nothing of: the wire format.

use std::cell::Cell;
use std::ops::Deref;

use shm_ring::{Message, PopError, PushError};
use shm_ring_fuzz::DATA_BYTES;
use shm_ring_fuzz::choice::{NO_TIME, Place, Then, message};
use shm_ring_fuzz::kind::Messages;
use shm_ring_fuzz::model::{check_parts, within};
use shm_ring_outsider::{Head, Header, Look};

use crate::ends::{CALLS, Ends};
use crate::scribble::Scribble;
use crate::truth::Truth;
use crate::{Call, Input};

pub(crate) fn play(input: &Input, align: u64) {
    let least = align.max(8);
    let header = Header::messages(align, least - 1 + input.limit.of(DATA_BYTES - least + 1));
    let mut ends = Ends::<Messages>::new(header, input.start);
    for call in input.calls.iter().take(CALLS) {
        match *call {
            Call::Push { timed, lent, len } => push(&mut ends, timed, lent, len),
            Call::Reserve { timed, len, place, commit, then } => {
                reserve(&mut ends, timed, (len, commit), place, then);
            }
            Call::PushBatch { ref lens, .. } => push_batch(&mut ends, lens),
            Call::Pop { timed, into, buffer } => pop(&mut ends, timed, into, buffer),
            Call::Peek { timed, max, place, release, then, ref meanwhile } => {
                let (max, release) = (usize::from(max), usize::from(release));
                peek(&mut ends, timed, (max, release), place, then, meanwhile.as_ref());
            }
            Call::PopBatch { timed, max, place, ref meanwhile } => {
                pop_batch(&mut ends, timed, max.into(), place, meanwhile.as_ref());
            }
            Call::Iterate { max } => iterate(&mut ends, max),
            Call::Ask { .. } => {
                ends.call(call);
                let Ends { tx, rx, truth, .. } = &mut ends;
                if let Some(tx) = tx {
                    assert_eq!(tx.room_at_least() as u64, truth.room());
                }
                if let Some(rx) = rx {
                    assert_eq!(rx.len_bytes() as u64, truth.ready());
                }
            }
            ref other => ends.call(other),
        }
        ends.check_final(|tx| tx.try_reserve(0).map(drop), |rx| rx.try_peek(1).map(drop));
    }
}

/// A length in bytes: few, or anything up to a little too long.
fn bytes_of(truth: &Truth, len: u16) -> usize {
    let len = usize::from(len);
    if len < 0x8000 { len % 64 } else { len % (truth.longest() + 3) }
}

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

fn push(ends: &mut Ends<Messages>, timed: bool, lies: bool, len: u16) {
    let Ends { tx, truth, made, .. } = ends;
    let Some(tx) = tx else { return };
    let len = bytes_of(truth, len);
    *made += 1;
    let message = message(len, *made);
    let room = room_for(truth, len);
    let (half, more) = (&message[..len / 2], &message[len / 2..]);
    let part = |answers| Liar { answers, asked: Cell::new(false) };
    let parts = [part([half, &message[..]]), part([more, half])];
    let pushed = match (timed, lies) {
        (true, true) => tx.push_vectored_timeout(&parts, NO_TIME),
        (false, true) => tx.try_push_vectored(&parts),
        (true, false) => tx.push_timeout(&message, NO_TIME),
        (false, false) => tx.try_push(&message),
    };
    Truth::agree_push(timed, room, pushed);
    if pushed.is_ok() {
        truth.pushed(truth.stride(len));
    }
}

fn reserve(
    ends: &mut Ends<Messages>,
    timed: bool,
    (len, commit): (u16, u16),
    place: Place,
    then: Then,
) {
    let Ends { tx, truth, .. } = ends;
    let Some(tx) = tx else { return };
    let len = bytes_of(truth, len);
    let should = room_for(truth, len);
    let reserved = if timed {
        tx.wait(len, Some(NO_TIME)).and_then(|()| tx.try_reserve(len))
    } else {
        tx.try_reserve(len)
    };
    Truth::agree_push(timed, should, reserved.as_ref().map(|_| ()).map_err(|&error| error));
    let Ok(mut room) = reserved else { return };
    let part = vec![0x77_u8; place.len.into()];
    let should = within(place.offset(), part.len(), len);
    assert_eq!(room.write_at(place.offset(), &part[..]), should);
    match then {
        Then::Finish => {
            let commit = usize::from(commit) % (len + 1);
            room.commit(commit);
            truth.pushed(truth.stride(commit));
        }
        Then::Drop => drop(room),
        Then::Forget => std::mem::forget(room),
    }
}

fn push_batch(ends: &mut Ends<Messages>, lens: &[u16]) {
    let Ends { tx, truth, made, .. } = ends;
    let Some(tx) = tx else { return };
    let lens: Vec<_> = lens.iter().take(32).map(|&len| bytes_of(truth, len)).collect();
    let messages: Vec<_> = lens.iter().map(|&len| message(len, *made)).collect();
    *made += 1;
    let (mut fit, mut strides, mut why) = (0, 0, Ok(()));
    for &len in &lens {
        let stride = truth.stride(len);
        why = match len > truth.longest() {
            true => room_for(truth, len),
            false => truth.room_for(strides + stride),
        };
        if why.is_err() {
            break;
        }
        (fit, strides) = (fit + 1, strides + stride);
    }
    match (tx.try_push_batch(&messages), why) {
        (Ok(pushed), _) => {
            assert!(pushed == fit && (fit > 0 || lens.is_empty()));
            truth.pushed(strides);
        }
        (Err(error), why) => assert!(fit == 0 && why == Err(error)),
    }
}

fn pop(ends: &mut Ends<Messages>, timed: bool, into: bool, buffer: Option<u16>) {
    let Ends { rx, truth, made, .. } = ends;
    let Some(rx) = rx else { return };
    let there = truth.look(true);
    let len = buffer.map_or(5, |len| bytes_of(truth, len));
    let mut message = message(len, *made);
    let answer = match (timed, into, buffer) {
        (true, _, Some(_)) => rx.pop_to_timeout(&mut message, NO_TIME),
        (false, _, Some(_)) => rx.try_pop_to(&mut message),
        (true, true, None) => rx.pop_into_timeout(&mut message, NO_TIME),
        (false, true, None) => rx.try_pop_into(&mut message),
        (true, false, None) => rx.pop_timeout(NO_TIME).map(|new| (new.len(), message = new).0),
        (false, false, None) => rx.try_pop().map(|new| (new.len(), message = new).0),
    };
    match (answer, &there) {
        (Err(PopError::TooSmall { len: told, needed }), Ok(payload)) => {
            assert!(buffer.is_some() && told == len && needed > len && needed == payload.len());
        }
        (Ok(len), Ok(payload)) => {
            assert_eq!(message[..len], *payload);
            truth.step(payload.len());
            truth.released();
        }
        _ => Truth::agree_pop(timed, &there, answer.err()),
    }
}

/// What stands where the next message does, if that may be one.
fn next(truth: &Truth, head: &mut Head) -> Option<Vec<u8>> {
    match head.look(truth.memory, &truth.header) {
        Look::Record { front: None, data } => data,
        look => panic!("a message that was known is {look:?}"),
    }
}

fn peek(
    ends: &mut Ends<Messages>,
    timed: bool,
    (max, release): (usize, usize),
    place: Place,
    then: Then,
    meanwhile: Option<&Scribble>,
) {
    let Ends { rx, truth, .. } = ends;
    let Some(rx) = rx else { return };
    truth.look_at_tail();
    let there = truth.look(false);
    let peeked = if timed {
        rx.wait(1, Some(NO_TIME)).and_then(|()| rx.try_peek(max))
    } else {
        rx.try_peek(max)
    };
    Truth::agree_pop(timed, &there, peeked.as_ref().err().copied());
    let (Ok(view), Ok(first)) = (peeked, there) else { return };
    if let Some(scribble) = meanwhile {
        scribble.write(truth.memory, &truth.header);
    }
    // The length of the first was looked at once; its bytes, and the others, are what they are by now.
    let mut head = Head { tail: truth.head.tail, ..truth.head };
    assert_eq!(view.first().len(), first.len());
    check_parts(&view.first(), &view.first().to_vec(), place);
    let mut count = 0;
    let mut ends_at = Vec::new();
    for message in view.iter() {
        if count > 0 {
            let payload = next(truth, &mut head).expect("a message that is none");
            assert_eq!(message.to_vec(), payload);
        }
        head.step(&truth.header, message.len() as u64);
        ends_at.push(head);
        count += 1;
    }
    let over = count == max.max(1) || head.position == head.tail;
    assert!(over || next(truth, &mut head).is_none(), "a view that ended early");
    match then {
        Then::Finish => {
            let released = view.release(release);
            assert_eq!(released, count.min(release));
            if released > 0 {
                truth.head = ends_at[released - 1];
                truth.released();
            }
        }
        Then::Drop => drop(view),
        Then::Forget => std::mem::forget(view),
    }
}

fn pop_batch(
    ends: &mut Ends<Messages>,
    timed: bool,
    max: usize,
    place: Place,
    meanwhile: Option<&Scribble>,
) {
    let Ends { rx, truth, .. } = ends;
    let Some(rx) = rx else { return };
    let mut there = Ok(Vec::new());
    if max > 0 {
        truth.look_at_tail();
        there = truth.look(false);
    }
    let (mut seen, mut head) = (0, truth.head);
    let each = |message: &Message<'_>| {
        let payload = next(truth, &mut head).expect("a message that is none");
        assert_eq!(message.len(), payload.len());
        if let Some(scribble) = meanwhile {
            scribble.write(truth.memory, &truth.header);
        }
        check_parts(message, &message.to_vec(), place);
        head.step(&truth.header, payload.len() as u64);
        seen += 1;
    };
    let popped = match timed {
        true => rx.pop_batch_timeout(max, NO_TIME, each),
        false => rx.try_pop_batch(max, each),
    };
    Truth::agree_pop(timed, &there, popped.err());
    if let Ok(popped) = popped {
        assert!(popped == seen && (seen > 0 || max == 0));
        let over = seen == max || head.position == head.tail;
        // One that is none ends it, for ever.
        head.corrupt |= !over;
        assert!(over || next(truth, &mut Head { corrupt: false, ..head }).is_none());
        truth.head = head;
        if seen > 0 {
            truth.released();
        }
    }
}

fn iterate(ends: &mut Ends<Messages>, max: u8) {
    let Ends { rx, truth, .. } = ends;
    let Some(rx) = rx else { return };
    let iter = rx.try_iter();
    truth.look_at_tail();
    let end = truth.head.tail;
    let mut seen = 0;
    for popped in iter.take(max.into()) {
        seen += 1;
        let there = truth.look(false);
        assert_eq!(popped, there);
        if let Ok(payload) = there {
            truth.step(payload.len());
            truth.released();
        }
    }
    let over = truth.head.corrupt || truth.head.position == end;
    assert!(over || seen == usize::from(max), "an iteration that ended early");
}
