//! Calls of the ends of a ring of values that somebody writes into.
//!
//! Owns: what each of them must answer. Knows nothing of: the wire format.

use shm_ring::{Item, PopError, PushError};
use shm_ring_fuzz::DATA_BYTES;
use shm_ring_fuzz::choice::{NO_TIME, Then, value};
use shm_ring_fuzz::kind::Values;
use shm_ring_outsider::Header;

use crate::ends::{CALLS, Ends};
use crate::scribble::Scribble;
use crate::truth::Truth;
use crate::{Call, Input};

pub(crate) fn play<T: Item + Copy>(input: &Input) {
    let size = size_of::<T>() as u64;
    let items = input.limit.of(DATA_BYTES / size);
    let header = Header::values(size, align_of::<T>() as u64, items);
    let mut ends = Ends::<Values<T>>::new(header, input.start);
    for call in input.calls.iter().take(CALLS) {
        match *call {
            Call::Push { timed, lent, .. } => push(&mut ends, timed, lent),
            Call::Reserve { timed, len, commit, then, .. } => {
                reserve(&mut ends, timed, usize::from(len % 512), usize::from(commit), then);
            }
            Call::PushBatch { ref lens, ref meanwhile } => {
                push_batch(&mut ends, lens.len() * 16, meanwhile.as_ref());
            }
            Call::PushSlice { count } => push_slice(&mut ends, count.into()),
            Call::Pop { timed, into, .. } => pop(&mut ends, timed, into),
            Call::Peek { timed, max, release, then, ref meanwhile, .. } => {
                peek(&mut ends, timed, max.into(), release.into(), then, meanwhile.as_ref());
            }
            Call::PopBatch { timed, max, ref meanwhile, .. } => {
                pop_batch(&mut ends, timed, max.into(), meanwhile.as_ref());
            }
            Call::PopSlice { timed, count } => pop_slice(&mut ends, timed, count.into()),
            Call::Iterate { max } => iterate(&mut ends, max),
            Call::Ask { .. } => {
                ends.call(call);
                count(&mut ends);
            }
            ref other => ends.call(other),
        }
        ends.check_final(|tx| tx.try_reserve(1).map(drop), |rx| rx.try_peek(1).map(drop));
    }
}

fn item<T: Item>(made: &mut u64) -> T {
    *made += 1;
    value(*made)
}

const fn size<T>() -> u64 {
    size_of::<T>() as u64
}

fn count<T: Item>(ends: &mut Ends<Values<T>>) {
    let Ends { tx, rx, truth, .. } = ends;
    if let Some(tx) = tx {
        assert_eq!(tx.room_at_least() as u64, truth.room() / size::<T>());
    }
    if let Some(rx) = rx {
        assert_eq!(rx.len() as u64, truth.ready() / size::<T>());
    }
}

fn push<T: Item>(ends: &mut Ends<Values<T>>, timed: bool, lent: bool) {
    let Ends { tx, truth, made, .. } = ends;
    let Some(tx) = tx else { return };
    let room = truth.room_for(size::<T>());
    let item = item(made);
    let pushed = match (timed, lent) {
        (true, _) => tx.push_timeout(item, NO_TIME),
        (false, true) => tx.try_push_from(&item),
        (false, false) => tx.try_push(item),
    };
    Truth::agree_push(timed, room, pushed);
    if pushed.is_ok() {
        truth.pushed(size::<T>());
    }
}

fn reserve<T: Item>(
    ends: &mut Ends<Values<T>>,
    timed: bool,
    count: usize,
    commit: usize,
    then: Then,
) {
    let Ends { tx, truth, made, .. } = ends;
    let Some(tx) = tx else { return };
    let (bytes, max) = (count as u64 * size::<T>(), tx.capacity());
    // Room for nothing is always there, but for one that was told of corruption.
    let should = match bytes <= truth.header.limit {
        true => truth.room_for(bytes),
        false => Err(PushError::TooLarge { len: count, max }),
    };
    let reserved = if timed {
        tx.wait(count, Some(NO_TIME)).and_then(|()| tx.try_reserve(count))
    } else {
        tx.try_reserve(count)
    };
    Truth::agree_push(timed, should, reserved.as_ref().map(|_| ()).map_err(|&error| error));
    let Ok(mut room) = reserved else { return };
    for index in (0..count).rev().take(4) {
        room.write(index, &item(made));
    }
    match then {
        Then::Finish => {
            let commit = commit % (count + 1);
            room.commit(commit);
            truth.pushed(commit as u64 * size::<T>());
        }
        Then::Drop => drop(room),
        Then::Forget => std::mem::forget(room),
    }
}

fn push_batch<T: Item>(ends: &mut Ends<Values<T>>, count: usize, meanwhile: Option<&Scribble>) {
    let Ends { tx, truth, made, .. } = ends;
    let Some(tx) = tx else { return };
    let (mut supplied, mut all) = (0, false);
    let supply = std::iter::from_fn(|| {
        // Nothing is asked for before there is room for it.
        assert_eq!(truth.room_for((supplied + 1) * size::<T>()), Ok(()));
        if let Some(scribble) = meanwhile {
            scribble.write(truth.memory, &truth.header);
        }
        all = supplied as usize == count;
        supplied += u64::from(!all);
        (!all).then(|| item(made))
    });
    let pushed = tx.try_push_batch(supply);
    let more =
        if all { Err(PushError::Full) } else { truth.room_for((supplied + 1) * size::<T>()) };
    match pushed {
        Ok(pushed) => {
            assert!(pushed as u64 == supplied && more.is_err());
            truth.pushed(supplied * size::<T>());
        }
        Err(error) => assert!(supplied == 0 && !all && more == Err(error)),
    }
}

fn push_slice<T: Item + Copy>(ends: &mut Ends<Values<T>>, count: usize) {
    let Ends { tx, truth, made, .. } = ends;
    let Some(tx) = tx else { return };
    let items = vec![item::<T>(made); count];
    let pushed = tx.try_push_slice(&items);
    if count == 0 {
        return assert_eq!(pushed, Ok(0));
    }
    // One, and then as many as there are.
    let first = truth.room_for(size::<T>());
    let all = first.and_then(|()| truth.room_for(count as u64 * size::<T>()));
    let fit = match (first, all) {
        (Err(error), _) => return assert_eq!(pushed, Err(error)),
        (Ok(()), Ok(())) => count,
        (Ok(()), Err(PushError::Full)) => {
            let room = truth.header.limit - (truth.tail.position - truth.tail.head);
            (room / size::<T>()) as usize
        }
        (Ok(()), Err(_)) => 0,
    };
    assert_eq!(pushed, Ok(fit));
    truth.pushed(fit as u64 * size::<T>());
}

fn pop<T: Item + Copy>(ends: &mut Ends<Values<T>>, timed: bool, into: bool) {
    let Ends { rx, truth, made, .. } = ends;
    let Some(rx) = rx else { return };
    let there = truth.look(true);
    let mut popped = item::<T>(made);
    let answer = match (timed, into) {
        (true, _) => rx.pop_timeout(NO_TIME).map(|item| popped = item),
        (false, true) => rx.try_pop_into(&mut popped),
        (false, false) => rx.try_pop().map(|item| popped = item),
    };
    Truth::agree_pop(timed, &there, answer.err());
    if let (Ok(()), Ok(payload)) = (answer, there) {
        assert_eq!(popped.as_bytes(), payload);
        truth.step(payload.len());
        truth.released();
    }
}

/// How many values there are, up to `max`: by a look if fewer are known.
fn up_to<T: Item>(truth: &mut Truth, max: usize) -> Result<usize, PopError> {
    let known = |truth: &Truth| (truth.known() / size::<T>()) as usize;
    if max == 0 {
        return Ok(0);
    }
    if known(truth) < max {
        truth.look_at_tail();
    }
    match known(truth) {
        _ if truth.head.corrupt => Err(PopError::Corrupt),
        0 => Err(PopError::Empty),
        known => Ok(known.min(max)),
    }
}

fn peek<T: Item>(
    ends: &mut Ends<Values<T>>,
    timed: bool,
    max: usize,
    release: usize,
    then: Then,
    meanwhile: Option<&Scribble>,
) {
    let Ends { rx, truth, .. } = ends;
    let Some(rx) = rx else { return };
    let there = up_to::<T>(truth, max);
    let peeked = if timed {
        rx.wait(max.min(1), Some(NO_TIME)).and_then(|()| rx.try_peek(max))
    } else {
        rx.try_peek(max)
    };
    Truth::agree_pop(timed, &there, peeked.as_ref().err().copied());
    let (Ok(view), Ok(count)) = (peeked, there) else { return };
    assert_eq!(view.len(), count);
    if let Some(scribble) = meanwhile {
        scribble.write(truth.memory, &truth.header);
    }
    let mut seen = truth.head;
    for item in view.iter().take(8) {
        assert_eq!(item.as_bytes(), next_data(truth, &mut seen));
    }
    match then {
        Then::Finish => {
            let release = release % (count + 1);
            view.release(release);
            (0..release).for_each(|_| truth.step(size_of::<T>()));
            // Nothing is stored for nothing: somebody may have written the word.
            if release > 0 {
                truth.released();
            }
        }
        Then::Drop => drop(view),
        Then::Forget => std::mem::forget(view),
    }
}

/// What stands where the next value does, which `head` then steps over.
fn next_data(truth: &Truth, head: &mut shm_ring_outsider::Head) -> Vec<u8> {
    match head.look(truth.memory, &truth.header) {
        shm_ring_outsider::Look::Record { front: None, data: Some(data) } => {
            head.step(&truth.header, data.len() as u64);
            data
        }
        look => panic!("a value that was known is {look:?}"),
    }
}

fn pop_batch<T: Item>(
    ends: &mut Ends<Values<T>>,
    timed: bool,
    max: usize,
    meanwhile: Option<&Scribble>,
) {
    let Ends { rx, truth, .. } = ends;
    let Some(rx) = rx else { return };
    let there = up_to::<T>(truth, max);
    let (mut seen, mut head) = (0, truth.head);
    let each = |item: T| {
        assert_eq!(item.as_bytes(), next_data(truth, &mut head));
        seen += 1;
        if let Some(scribble) = meanwhile {
            scribble.write(truth.memory, &truth.header);
        }
    };
    let popped = match timed {
        true => rx.pop_batch_timeout(max, NO_TIME, each),
        false => rx.try_pop_batch(max, each),
    };
    Truth::agree_pop(timed, &there, popped.err());
    if let (Ok(popped), Ok(count)) = (popped, there) {
        assert_eq!((popped, seen), (count, count));
        truth.head = head;
        if count > 0 {
            truth.released();
        }
    }
}

fn pop_slice<T: Item + Copy>(ends: &mut Ends<Values<T>>, timed: bool, count: usize) {
    let Ends { rx, truth, made, .. } = ends;
    let Some(rx) = rx else { return };
    let there = up_to::<T>(truth, count);
    let mut items = vec![item::<T>(made); count];
    let popped = match timed {
        true => rx.pop_slice_timeout(&mut items, NO_TIME),
        false => rx.try_pop_slice(&mut items),
    };
    Truth::agree_pop(timed, &there, popped.err());
    if let (Ok(popped), Ok(count)) = (popped, there) {
        assert_eq!(popped, count);
        let mut head = truth.head;
        for item in &items[..count] {
            assert_eq!(item.as_bytes(), next_data(truth, &mut head));
        }
        truth.head = head;
        if count > 0 {
            truth.released();
        }
    }
}

fn iterate<T: Item>(ends: &mut Ends<Values<T>>, max: u8) {
    let Ends { rx, truth, .. } = ends;
    let Some(rx) = rx else { return };
    let iter = rx.try_iter();
    truth.look_at_tail();
    let there = truth.known() / size::<T>();
    let corrupt = truth.head.corrupt;
    let mut seen = 0;
    for popped in iter.take(max.into()) {
        seen += 1;
        match popped {
            Ok(item) => {
                assert_eq!(Ok(item.as_bytes()), truth.look(false).as_deref());
                truth.step(size_of::<T>());
                truth.released();
            }
            Err(error) => assert!(corrupt && error == PopError::Corrupt),
        }
    }
    let expected = if corrupt { 1 } else { there };
    assert_eq!(seen, expected.min(max.into()));
}
