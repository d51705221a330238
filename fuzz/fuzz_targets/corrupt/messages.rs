//! Calls of the ends of a ring of messages that somebody writes into.

use std::cell::Cell;
use std::ops::Deref;

use shm_ring::{Item, PopError, PushError, Record};
use shm_ring_fuzz::bytes::Bytes;
use shm_ring_fuzz::choice::{NO_TIME, Place, Start, Then, elements};
use shm_ring_fuzz::model::{check_place, within};
use zerocopy::IntoBytes;

use crate::Call;
use crate::ends::{CALLS, Ends};
use crate::scribble::Scribble;
use crate::truth::Truth;

pub(crate) fn play<T: Item + Copy>(start: Start, calls: &[Call]) {
    let mut ends = Ends::<[T]>::new(start, align_of::<T>(), size_of::<T>(), None);
    for call in calls.iter().take(CALLS) {
        match *call {
            Call::Push { timed, lent, len } => push(&mut ends, timed, lent, len),
            Call::Reserve { timed, len, place, fewer, then } => {
                reserve(&mut ends, timed, (len, fewer), place, then)
            }
            Call::PushBatch { ref lens, .. } => push_batch(&mut ends, lens),
            Call::Pop { timed, into, buffer } => pop(&mut ends, timed, into, buffer),
            Call::Peek { timed, place, then, ref meanwhile } => {
                peek(&mut ends, timed, place, then, meanwhile.as_ref())
            }
            Call::PopBatch { timed, max, place, ref meanwhile } => {
                pop_batch(&mut ends, timed, max, place, meanwhile.as_ref())
            }
            Call::Iterate { max } => iterate(&mut ends, max),
            Call::Ask => {
                ends.call(call);
                if let Some(rx) = &ends.rx {
                    assert_eq!(rx.ready_bytes_at_least(), ends.truth.ready(&ends.bytes));
                }
            }
            ref other => ends.call(other),
        }
        ends.check_final(|tx| tx.try_reserve(0).map(drop), |rx| rx.try_peek().map(drop));
    }
}

/// A length in elements: few, or anything up to a little too long.
fn elements_of<T>(truth: &Truth, len: u16) -> usize {
    let most = truth.longest() / size_of::<T>();
    let len = usize::from(len);
    if len < 0x8000 { len % 64 } else { len % (most + 3) }
}

/// What there is for a message of `len` elements.
fn room_for<T>(truth: &mut Truth, bytes: &Bytes, len: usize) -> Result<(), PushError> {
    let max = truth.longest() / size_of::<T>();
    if len > max {
        return Err(PushError::TooLarge { len, max });
    }
    truth.room_for(bytes, truth.stride(len * size_of::<T>()))
}

/// A part of a message that is another one when it is asked for a second time.
struct Liar<'a, T> {
    answers: [&'a [T]; 2],
    asked: Cell<bool>,
}

impl<T> Deref for Liar<'_, T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        self.answers[usize::from(self.asked.replace(true))]
    }
}

fn push<T: Item>(ends: &mut Ends<[T]>, timed: bool, lies: bool, len: u16) {
    let Ends { tx, bytes, truth, made, .. } = ends;
    let Some(tx) = tx else { return };
    let len = elements_of::<T>(truth, len);
    *made += 1;
    let message = elements::<T>(len, *made);
    let room = room_for::<T>(truth, bytes, len);
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
        truth.pushed(bytes, truth.stride(len * size_of::<T>()));
    }
}

fn reserve<T: Item>(
    ends: &mut Ends<[T]>,
    timed: bool,
    (len, fewer): (u16, Option<u16>),
    place: Place,
    then: Then,
) {
    let Ends { tx, bytes, truth, .. } = ends;
    let Some(tx) = tx else { return };
    let len = elements_of::<T>(truth, len);
    let fewer = fewer.map(|fewer| elements_of::<T>(truth, fewer));
    let truly = room_for::<T>(truth, bytes, len);
    let reserved = if timed { tx.reserve_timeout(len, NO_TIME) } else { tx.try_reserve(len) };
    Truth::agree_push(timed, truly, reserved.as_ref().map(|_| ()).map_err(|&error| error));
    let Ok(mut room) = reserved else { return };
    let part = vec![0x77_u8; place.len.into()];
    let should = within(place.offset(), part.len(), len * size_of::<T>());
    assert_eq!(room.write_at(place.offset(), &part[..]), should);
    match (then, fewer) {
        (Then::Finish, None) => {
            room.commit();
            truth.pushed(bytes, truth.stride(len * size_of::<T>()));
        }
        (Then::Finish, Some(fewer)) => {
            let committed = room.commit_len(fewer);
            assert_eq!(committed.is_ok(), fewer <= len);
            if committed.is_ok() {
                truth.pushed(bytes, truth.stride(fewer * size_of::<T>()));
            }
        }
        (Then::Drop, _) => drop(room),
        (Then::Forget, _) => std::mem::forget(room),
    }
}

fn push_batch<T: Item>(ends: &mut Ends<[T]>, lens: &[u16]) {
    let Ends { tx, bytes, truth, made, .. } = ends;
    let Some(tx) = tx else { return };
    let lens: Vec<_> = lens.iter().take(32).map(|&len| elements_of::<T>(truth, len)).collect();
    let messages: Vec<_> = lens.iter().map(|&len| elements::<T>(len, *made)).collect();
    *made += 1;
    let (mut fit, mut strides, mut why) = (0, 0, Ok(()));
    for &len in &lens {
        let stride = truth.stride(len * size_of::<T>());
        why = match room_for::<T>(truth, bytes, len) {
            Err(error @ PushError::TooLarge { .. }) => Err(error),
            _ => truth.room_for(bytes, strides + stride),
        };
        if why.is_err() {
            break;
        }
        (fit, strides) = (fit + 1, strides + stride);
    }
    match (tx.try_push_batch(&messages), why) {
        (Ok(pushed), _) => {
            assert!(pushed == fit && (fit > 0 || lens.is_empty()));
            truth.pushed(bytes, strides);
        }
        (Err(error), why) => assert!(fit == 0 && why == Err(error)),
    }
}

fn pop<T: Item>(ends: &mut Ends<[T]>, timed: bool, into: bool, buffer: Option<u16>) {
    let Ends { rx, bytes, truth, made, .. } = ends;
    let Some(rx) = rx else { return };
    let there = truth.look(bytes);
    let len = buffer.map_or(5, |len| elements_of::<T>(truth, len));
    let mut message = elements::<T>(len, *made);
    let mut answer = match (timed, into, buffer) {
        (true, _, Some(_)) => rx.pop_to_timeout(&mut message, NO_TIME),
        (false, _, Some(_)) => rx.try_pop_to(&mut message),
        (true, true, None) => rx.pop_into_timeout(&mut message, NO_TIME),
        (false, true, None) => rx.try_pop_into(&mut message),
        (true, false, None) => rx.pop_timeout(NO_TIME).map(|new| (new.len(), message = new).0),
        (false, false, None) => rx.try_pop().map(|new| (new.len(), message = new).0),
    };
    if let Err(PopError::TooSmall { len: told, needed }) = answer {
        assert!(buffer.is_some() && told == len && needed > len);
        answer = Ok(needed);
    } else if let (Ok(len), Ok(payload)) = (answer, there) {
        assert_eq!(message[..len].as_bytes(), truth.payload(bytes, payload));
        truth.step(payload);
        truth.released(bytes);
    }
    truth.agree_pop(timed, there, answer.map(|len| len * size_of::<T>()));
}

fn peek<T: Item>(
    ends: &mut Ends<[T]>,
    timed: bool,
    place: Place,
    then: Then,
    meanwhile: Option<&Scribble>,
) {
    let Ends { rx, bytes, truth, .. } = ends;
    let Some(rx) = rx else { return };
    let there = truth.look(bytes);
    let peeked = if timed { rx.peek_timeout(NO_TIME) } else { rx.try_peek() };
    let answer = peeked.as_ref().map(|view| view.size()).map_err(|&error| error);
    truth.agree_pop(timed, there, answer);
    let Ok(view) = peeked else { return };
    if let Some(scribble) = meanwhile {
        scribble.write(bytes, truth.capacity);
    }
    let size = there.unwrap();
    let payload = truth.payload(bytes, size);
    assert_eq!(view.to_vec().as_bytes(), payload);
    check_place(&view, &payload, place);
    match then {
        Then::Finish => {
            view.release();
            truth.step(size);
            truth.released(bytes);
        }
        Then::Drop => drop(view),
        Then::Forget => std::mem::forget(view),
    }
}

fn pop_batch<T: Item>(
    ends: &mut Ends<[T]>,
    timed: bool,
    max: u8,
    place: Place,
    meanwhile: Option<&Scribble>,
) {
    let Ends { rx, bytes, truth, .. } = ends;
    let Some(rx) = rx else { return };
    let (mut seen, max) = (0, usize::from(max).max(1));
    let there = truth.look(bytes);
    let each = |record: &Record<'_, [T]>| {
        let size = truth.look(bytes).unwrap();
        assert_eq!(record.size(), size);
        if let Some(scribble) = meanwhile {
            scribble.write(bytes, truth.capacity);
        }
        let payload = truth.payload(bytes, size);
        assert_eq!(record.to_vec().as_bytes(), payload);
        check_place(record, &payload, place);
        truth.step(size);
        seen += 1;
    };
    let popped = match timed {
        true => rx.pop_batch_timeout(max, NO_TIME, each),
        false => rx.try_pop_batch(max, each),
    };
    match popped {
        Ok(popped) => {
            assert!(there.is_ok() && popped == seen && seen > 0);
            assert!(seen == max || truth.look(bytes).is_err());
            truth.released(bytes);
        }
        Err(error) => truth.agree_pop(timed, there, Err(error)),
    }
}

fn iterate<T: Item>(ends: &mut Ends<[T]>, max: u8) {
    let Ends { rx, bytes, truth, .. } = ends;
    let Some(rx) = rx else { return };
    for popped in rx.try_iter().take(max.into()) {
        let there = truth.look(bytes);
        assert_eq!(there.map(|_| ()), popped.as_ref().map(|_| ()).map_err(|&error| error));
        if let (Ok(message), Ok(size)) = (popped, there) {
            assert_eq!(message.as_bytes(), truth.payload(bytes, size));
            truth.step(size);
            truth.released(bytes);
        }
    }
}
