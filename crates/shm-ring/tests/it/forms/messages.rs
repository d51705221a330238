//! The forms of messages.

use shm_ring::{
    BatchError, Error, Message, MessageConsumer, MessageProducer, MessageRing, Options, PopError,
    PushError, Region,
};

use super::{Kind, Put, Room, Take, UNTOUCHED, patience, slices};

/// Messages whose payloads are aligned to `A` bytes.
pub(crate) struct Aligned<const A: usize>;

/// A message in three parts, one of them possibly empty.
fn parts(message: &[u8]) -> [&[u8]; 3] {
    let (first, rest) = message.split_at(message.len() / 3);
    let (second, third) = rest.split_at(message.len() % 5 % (rest.len() + 1));
    [first, second, third]
}

const PUSHES: &[Put] = &[
    Put::Try,
    Put::Wait,
    Put::Timeout,
    Put::TryParts,
    Put::Parts,
    Put::PartsTimeout,
    Put::TryBatch,
    Put::Batch,
    Put::TryAll,
    Put::All,
    Put::Reserve(Room::Write),
    Put::Reserve(Room::Pieces),
    Put::Reserve(Room::Slice),
];
const PUSHES_THAT_RETURN: &[Put] =
    &[Put::Try, Put::Timeout, Put::TryParts, Put::PartsTimeout, Put::TryBatch, Put::TryAll];
const POPS: &[Take] = &[
    Take::Try,
    Take::Wait,
    Take::Timeout,
    Take::TryInto,
    Take::Into,
    Take::IntoTimeout,
    Take::TryTo,
    Take::To,
    Take::ToTimeout,
    Take::TryIterate,
    Take::Iterate,
    Take::Peek,
    Take::TryBatch,
    Take::Batch,
];
const POPS_THAT_RETURN: &[Take] = &[
    Take::Try,
    Take::Timeout,
    Take::TryInto,
    Take::IntoTimeout,
    Take::TryTo,
    Take::ToTimeout,
    Take::TryIterate,
    Take::TryBatch,
];

fn push(tx: &mut MessageProducer, form: Put, message: &[u8]) -> Result<(), PushError> {
    let one = |count| assert_eq!(count, 1);
    match form {
        Put::Try => tx.try_push(message),
        Put::Wait => tx.push(message),
        Put::Timeout => tx.push_timeout(message, patience()),
        Put::TryParts => tx.try_push_vectored(&parts(message)),
        Put::Parts => tx.push_vectored(&parts(message)),
        Put::PartsTimeout => tx.push_vectored_timeout(&parts(message), patience()),
        Put::TryBatch => tx.try_push_batch(&[message]).map(one),
        Put::Batch => tx.push_batch(&[message]).map(one).map_err(|told| told.error),
        Put::TryAll => tx.try_push_all(&[message]),
        Put::All => tx.push_all(&[message]),
        Put::Reserve(room) => reserve(tx, 2, room, message, message.len() / 2).map(drop),
        form => panic!("{form:?} is for values"),
    }
}

fn reserve(
    tx: &mut MessageProducer,
    way: usize,
    how: Room,
    bytes: &[u8],
    part: usize,
) -> Result<Option<usize>, PushError> {
    let len = bytes.len();
    let mut room = match way {
        0 => tx.try_reserve(len)?,
        1 => tx.wait(len, Some(patience())).and_then(|()| tx.try_reserve(len))?,
        _ => tx.reserve(len)?,
    };
    assert_eq!((room.len(), room.is_empty()), (len, len == 0));
    match how {
        Room::Slice => drop(slices::write_message(&mut room, bytes)),
        Room::Write => room.write_at(0, bytes).unwrap(),
        _ => {
            let (first, second) = bytes.split_at(part % (len + 1));
            room.write_at(first.len(), second).unwrap();
            room.write_at(0, first).unwrap();
        }
    }
    match how {
        Room::Drop => drop(room),
        // The same as dropping as long as a reservation has no `Drop`, which may change.
        #[allow(clippy::forget_non_drop)]
        Room::Forget => std::mem::forget(room),
        Room::More => super::must_panic(move || room.commit(len + 1)),
        Room::Less => {
            let less = part % (len + 1);
            room.commit(less);
            return Ok(Some(less));
        }
        _ => {
            room.commit(len);
            return Ok(Some(len));
        }
    }
    Ok(None)
}

fn pop(rx: &mut MessageConsumer, form: Take, buffer: usize) -> Result<Vec<u8>, PopError> {
    let mut place = vec![UNTOUCHED; buffer];
    let mut batch = Vec::new();
    let len = match form {
        Take::TryInto => rx.try_pop_into(&mut place),
        Take::Into => rx.pop_into(&mut place),
        Take::IntoTimeout => rx.pop_into_timeout(&mut place, patience()),
        Take::TryTo => rx.try_pop_to(&mut place),
        Take::To => rx.pop_to(&mut place),
        Take::ToTimeout => rx.pop_to_timeout(&mut place, patience()),
        Take::Peek => return peek(rx, 2, buffer, 1, |_| 1).map(|mut seen| seen.remove(0)),
        Take::TryBatch => {
            return pop_batch(rx, 0, 1, |bytes| batch = bytes).map(|_| batch);
        }
        Take::Batch => return pop_batch(rx, 2, 1, |bytes| batch = bytes).map(|_| batch),
        Take::Try => return rx.try_pop(),
        Take::Wait => return rx.pop(),
        Take::Timeout => return rx.pop_timeout(patience()),
        Take::TryIterate => return rx.try_iter().next().unwrap_or(Err(PopError::Empty)),
        Take::Iterate => return rx.iter().next().unwrap_or(Err(PopError::Closed)),
        form => panic!("{form:?} is for values"),
    };
    let touched = len.unwrap_or(0);
    let rest = &place[touched..];
    assert!(rest.iter().all(|byte| *byte == UNTOUCHED), "{form:?} wrote beyond {len:?}");
    if form.needs_room() || len.is_err() {
        assert_eq!(place.len(), buffer);
    } else {
        assert_eq!(Ok(place.len()), len);
    }
    len.map(|_| place[..touched].to_vec())
}

fn peek(
    rx: &mut MessageConsumer,
    way: usize,
    form: usize,
    max: usize,
    release: impl FnOnce(&[Vec<u8>]) -> usize,
) -> Result<Vec<Vec<u8>>, PopError> {
    let view = match way {
        0 => rx.try_peek(max)?,
        1 => rx.wait(1, Some(patience())).and_then(|()| rx.try_peek(max))?,
        _ => rx.peek(max)?,
    };
    let copy = |message: &Message<'_>| {
        assert_eq!(message.is_empty(), message.to_vec().is_empty());
        match form % 3 {
            0 => message.to_vec(),
            1 => slices::message_bytes(message).1,
            _ => in_two(message, form / 3),
        }
    };
    let seen: Vec<_> = view.iter().map(|message| copy(&message)).collect();
    assert_eq!(copy(&view.first()), seen[0]);
    let release = release(&seen);
    assert_eq!(view.release(release), release.min(seen.len()));
    Ok(seen)
}

/// All bytes of a message, in two copies whose border is anywhere.
fn in_two(message: &Message<'_>, form: usize) -> Vec<u8> {
    let mut bytes = vec![UNTOUCHED; message.len()];
    let border = form % (message.len() + 1);
    let (first, second) = bytes.split_at_mut(border);
    message.copy_to(border, second).unwrap();
    message.copy_to(0, first).unwrap();
    bytes
}

fn pop_batch(
    rx: &mut MessageConsumer,
    way: usize,
    max: usize,
    mut each: impl FnMut(Vec<u8>),
) -> Result<usize, PopError> {
    let each = |message: &Message<'_>| each(message.to_vec());
    match way {
        0 => rx.try_pop_batch(max, each),
        1 => rx.pop_batch_timeout(max, patience(), each),
        _ => rx.pop_batch(max, each),
    }
}

macro_rules! messages {
    ([$($generics:tt)*], $kind:ty, $align:expr) => {
        impl<$($generics)*> Kind for $kind {
            type Ring = MessageRing;

            const UNIT: usize = if $align > 8 { $align } else { 8 };
            const LEN: Option<usize> = None;
            const PUSHES: &'static [Put] = PUSHES;
            const PUSHES_THAT_RETURN: &'static [Put] = PUSHES_THAT_RETURN;
            const POPS: &'static [Take] = POPS;
            const POPS_THAT_RETURN: &'static [Take] = POPS_THAT_RETURN;

            fn create(region: impl Into<Region>, options: &Options) -> Result<MessageRing, Error> {
                MessageRing::create(region, &options.clone().align($align))
            }

            fn stride(len: usize) -> u64 {
                (Self::UNIT + len.next_multiple_of(Self::UNIT)) as u64
            }

            fn push(tx: &mut MessageProducer, form: Put, bytes: &[u8]) -> Result<(), PushError> {
                push(tx, form, bytes)
            }

            fn reserve(
                tx: &mut MessageProducer,
                way: usize,
                room: Room,
                bytes: &[u8],
                part: usize,
            ) -> Result<Option<usize>, PushError> {
                reserve(tx, way, room, bytes, part)
            }

            fn push_batch(
                tx: &mut MessageProducer,
                batch: &[Vec<u8>],
            ) -> Result<usize, BatchError> {
                tx.push_batch(batch)
            }

            fn try_push_batch(
                tx: &mut MessageProducer,
                batch: &[Vec<u8>],
            ) -> Result<usize, PushError> {
                tx.try_push_batch(batch)
            }

            fn pop(
                rx: &mut MessageConsumer,
                form: Take,
                buffer: usize,
            ) -> Result<Vec<u8>, PopError> {
                pop(rx, form, buffer)
            }

            fn peek(
                rx: &mut MessageConsumer,
                way: usize,
                form: usize,
                max: usize,
                release: impl FnOnce(&[Vec<u8>]) -> usize,
            ) -> Result<Vec<Vec<u8>>, PopError> {
                peek(rx, way, form, max, release)
            }

            fn pop_batch(
                rx: &mut MessageConsumer,
                way: usize,
                max: usize,
                each: impl FnMut(Vec<u8>),
            ) -> Result<usize, PopError> {
                pop_batch(rx, way, max, each)
            }

            fn try_iter(
                rx: &mut MessageConsumer,
            ) -> impl Iterator<Item = Result<Vec<u8>, PopError>> {
                rx.try_iter()
            }

            fn room(tx: &mut MessageProducer) -> usize {
                tx.room_at_least()
            }

            fn ready(rx: &MessageConsumer) -> usize {
                rx.len_bytes()
            }
        }
    };
}

messages!([], [u8], 1);
messages!([const A: usize], Aligned<A>, A);
