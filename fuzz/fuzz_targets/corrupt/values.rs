//! Calls of the ends of a ring of values that somebody writes into.

use shm_ring::{Item, PushError};
use shm_ring_fuzz::choice::{NO_TIME, Place, Start, Then, elements};
use shm_ring_fuzz::model::{check_place, within};

use crate::Call;
use crate::ends::{CALLS, Ends};
use crate::scribble::Scribble;
use crate::truth::Truth;

pub(crate) fn play<T: Item + Copy>(start: Start, calls: &[Call]) {
    let size = size_of::<T>();
    let mut ends = Ends::<T>::new(start, align_of::<T>(), size, Some(size));
    for call in calls.iter().take(CALLS) {
        match *call {
            Call::Push { timed, lent, .. } => push(&mut ends, timed, lent),
            Call::Reserve { timed, place, then, .. } => reserve(&mut ends, timed, place, then),
            Call::PushBatch { ref lens, ref meanwhile } => {
                push_batch(&mut ends, lens.len() * 16, meanwhile.as_ref())
            }
            Call::Pop { timed, into, .. } => pop(&mut ends, timed, into),
            Call::Peek { timed, place, then, ref meanwhile } => {
                peek(&mut ends, timed, place, then, meanwhile.as_ref())
            }
            Call::PopBatch { timed, max, place: _, ref meanwhile } => {
                pop_batch(&mut ends, timed, max, meanwhile.as_ref())
            }
            Call::Iterate { max } => iterate(&mut ends, max),
            Call::Ask => {
                ends.call(call);
                count(&mut ends);
            }
            ref other => ends.call(other),
        }
        ends.check_final(|tx| tx.try_reserve().map(drop), |rx| rx.try_peek().map(drop));
    }
}

fn item<T: Item>(made: &mut u64) -> T {
    *made += 1;
    elements(1, *made).pop().unwrap()
}

fn count<T: Item>(ends: &mut Ends<T>) {
    let Ends { tx, rx, bytes, truth, .. } = ends;
    let stride = truth.stride(size_of::<T>());
    if let Some(tx) = tx {
        assert_eq!(tx.room_at_least(), truth.room(bytes) / stride);
    }
    if let Some(rx) = rx {
        assert_eq!(rx.ready_at_least(), truth.ready(bytes) / stride);
    }
}

fn push<T: Item>(ends: &mut Ends<T>, timed: bool, lent: bool) {
    let Ends { tx, bytes, truth, made, .. } = ends;
    let Some(tx) = tx else { return };
    let stride = truth.stride(size_of::<T>());
    let room = truth.room_for(bytes, stride);
    let item = item(made);
    let pushed = match (timed, lent) {
        (true, _) => tx.push_timeout(item, NO_TIME),
        (false, true) => tx.try_push_from(&item),
        (false, false) => tx.try_push(item),
    };
    Truth::agree_push(timed, room, pushed);
    if pushed.is_ok() {
        truth.pushed(bytes, stride);
    }
}

fn reserve<T: Item>(ends: &mut Ends<T>, timed: bool, place: Place, then: Then) {
    let Ends { tx, bytes, truth, made, .. } = ends;
    let Some(tx) = tx else { return };
    let stride = truth.stride(size_of::<T>());
    let truly = truth.room_for(bytes, stride);
    let reserved = if timed { tx.reserve_timeout(NO_TIME) } else { tx.try_reserve() };
    Truth::agree_push(timed, truly, reserved.as_ref().map(|_| ()).map_err(|&error| error));
    let Ok(mut room) = reserved else { return };
    room.write(&item(made));
    let part = vec![0x77_u8; place.len.into()];
    let should = within(place.offset(), part.len(), size_of::<T>());
    assert_eq!(room.write_at(place.offset(), &part[..]), should);
    match then {
        Then::Finish => {
            room.commit();
            truth.pushed(bytes, stride);
        }
        Then::Drop => drop(room),
        Then::Forget => std::mem::forget(room),
    }
}

fn push_batch<T: Item>(ends: &mut Ends<T>, count: usize, meanwhile: Option<&Scribble>) {
    let Ends { tx, bytes, truth, made, .. } = ends;
    let Some(tx) = tx else { return };
    let (stride, capacity) = (truth.stride(size_of::<T>()), truth.capacity);
    let (mut supplied, mut all) = (0, false);
    let supply = std::iter::from_fn(|| {
        // Nothing is asked for before there is room for it.
        assert_eq!(truth.room_for(bytes, (supplied + 1) * stride), Ok(()));
        if let Some(scribble) = meanwhile {
            scribble.write(bytes, capacity);
        }
        all = supplied as usize == count;
        supplied += u64::from(!all);
        (!all).then(|| item(made))
    });
    let pushed = tx.try_push_batch(supply);
    let more =
        if all { Err(PushError::Full) } else { truth.room_for(bytes, (supplied + 1) * stride) };
    match pushed {
        Ok(pushed) => {
            assert!(pushed as u64 == supplied && more.is_err());
            truth.pushed(bytes, supplied * stride);
        }
        Err(error) => assert!(supplied == 0 && !all && more == Err(error)),
    }
}

fn pop<T: Item + Copy>(ends: &mut Ends<T>, timed: bool, into: bool) {
    let Ends { rx, bytes, truth, made, .. } = ends;
    let Some(rx) = rx else { return };
    let there = truth.look(bytes);
    let mut popped = item::<T>(made);
    let answer = match (timed, into) {
        (true, _) => rx.pop_timeout(NO_TIME).map(|item| popped = item),
        (false, true) => rx.try_pop_into(&mut popped),
        (false, false) => rx.try_pop().map(|item| popped = item),
    };
    truth.agree_pop(timed, there, answer.map(|()| size_of::<T>()));
    if answer.is_ok() {
        assert_eq!(popped.as_bytes(), truth.payload(bytes, size_of::<T>()));
        truth.step(size_of::<T>());
        truth.released(bytes);
    }
}

fn peek<T: Item>(
    ends: &mut Ends<T>,
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
    let payload = truth.payload(bytes, size_of::<T>());
    assert_eq!(view.read().as_bytes(), payload);
    check_place(&view, &payload, place);
    match then {
        Then::Finish => {
            view.release();
            truth.step(size_of::<T>());
            truth.released(bytes);
        }
        Then::Drop => drop(view),
        Then::Forget => std::mem::forget(view),
    }
}

fn pop_batch<T: Item>(ends: &mut Ends<T>, timed: bool, max: u8, meanwhile: Option<&Scribble>) {
    let Ends { rx, bytes, truth, .. } = ends;
    let Some(rx) = rx else { return };
    let (mut seen, max) = (0, usize::from(max).max(1));
    let there = truth.look(bytes);
    let each = |item: T| {
        assert_eq!(truth.look(bytes), Ok(size_of::<T>()));
        assert_eq!(item.as_bytes(), truth.payload(bytes, size_of::<T>()));
        truth.step(size_of::<T>());
        seen += 1;
        if let Some(scribble) = meanwhile {
            scribble.write(bytes, truth.capacity);
        }
    };
    let popped = match timed {
        true => rx.pop_batch_timeout(max, NO_TIME, each),
        false => rx.try_pop_batch(max, each),
    };
    truth.agree_pop(timed, there, popped.map(|_| size_of::<T>()));
    if let Ok(popped) = popped {
        assert!(popped == seen && seen > 0);
        assert!(seen == max || truth.look(bytes).is_err());
        truth.released(bytes);
    }
}

fn iterate<T: Item>(ends: &mut Ends<T>, max: u8) {
    let Ends { rx, bytes, truth, .. } = ends;
    let Some(rx) = rx else { return };
    for popped in rx.try_iter().take(max.into()) {
        let there = truth.look(bytes);
        assert_eq!(there.map(|_| ()), popped.as_ref().map(|_| ()).map_err(|&error| error));
        if let Ok(item) = popped {
            assert_eq!(item.as_bytes(), truth.payload(bytes, size_of::<T>()));
            truth.step(size_of::<T>());
            truth.released(bytes);
        }
    }
}
