//! The forms of messages.

use shm_ring::{Consumer, Item, PopError, Producer, PushError, Record};
use zerocopy::IntoBytes;

use super::{Kind, NOW, Put, Room, Take, UNTOUCHED, in_two};
use crate::items::elements;
use crate::system;

/// A message in three parts, one of them possibly empty.
fn parts<T: Item>(message: &[T]) -> [&[T]; 3] {
    let (first, rest) = message.split_at(message.len() / 3);
    let (second, third) = rest.split_at(message.len() % 5 % (rest.len() + 1));
    [first, second, third]
}

impl<T: Item> Kind for [T] {
    const ALIGN: usize = if align_of::<T>() > 8 { align_of::<T>() } else { 8 };
    const UNIT: usize = size_of::<T>();
    const LEN: Option<usize> = None;
    const PUSHES: &'static [Put] = &[
        Put::Try,
        Put::Wait,
        Put::Timeout,
        Put::TryParts,
        Put::Parts,
        Put::PartsTimeout,
        Put::TryBatch,
        Put::Batch,
        Put::Reserve(Room::Write),
        Put::Reserve(Room::Pieces),
        Put::Reserve(Room::Slice),
    ];
    const PUSHES_THAT_RETURN: &'static [Put] =
        &[Put::Try, Put::Timeout, Put::TryParts, Put::PartsTimeout, Put::TryBatch];
    const POPS: &'static [Take] = &[
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
    const POPS_THAT_RETURN: &'static [Take] = &[
        Take::Try,
        Take::Timeout,
        Take::TryInto,
        Take::IntoTimeout,
        Take::TryTo,
        Take::ToTimeout,
        Take::TryIterate,
        Take::TryBatch,
    ];

    fn push(tx: &mut Producer<[T]>, form: Put, bytes: &[u8]) -> Result<(), PushError> {
        let message = &elements::<T>(bytes)[..];
        let one = |count| assert_eq!(count, 1);
        match form {
            Put::Try => tx.try_push(message),
            Put::Wait => tx.push(message),
            Put::Timeout => tx.push_timeout(message, NOW),
            Put::TryParts => tx.try_push_vectored(&parts(message)),
            Put::Parts => tx.push_vectored(&parts(message)),
            Put::PartsTimeout => tx.push_vectored_timeout(&parts(message), NOW),
            Put::TryBatch => tx.try_push_batch(&[message]).map(one),
            Put::Batch => Self::push_batch(tx, &[bytes.to_vec()]).map(one),
            Put::Reserve(room) => Self::reserve(tx, 2, room, bytes, bytes.len() / 2).map(drop),
            form => panic!("{form:?} is for values or for bytes"),
        }
    }

    fn reserve(
        tx: &mut Producer<[T]>,
        way: usize,
        how: Room,
        bytes: &[u8],
        part: usize,
    ) -> Result<Option<usize>, PushError> {
        let len = bytes.len() / size_of::<T>();
        let mut room = match way {
            0 => tx.try_reserve(len)?,
            1 => tx.reserve_timeout(len, NOW)?,
            _ => tx.reserve(len)?,
        };
        assert_eq!((room.size(), room.len(), room.is_empty()), (bytes.len(), len, len == 0));
        match how {
            Room::Slice => {
                let address = system::write_slice(&mut room, elements::<T>(bytes));
                assert_eq!(address % align_of::<T>(), 0);
            }
            Room::Write => room.write_at(0, bytes).unwrap(),
            _ => {
                let (first, second) = bytes.split_at(part % (bytes.len() + 1));
                room.write_at(first.len(), second).unwrap();
                room.write_at(0, first).unwrap();
            }
        }
        match how {
            Room::Drop => drop(room),
            // The same as dropping as long as a reservation has no `Drop`, which may change.
            #[allow(clippy::forget_non_drop)]
            Room::Forget => std::mem::forget(room),
            Room::More => assert!(room.commit_len(len + 1).is_err()),
            Room::Less => {
                let less = part % (len + 1);
                room.commit_len(less).unwrap();
                return Ok(Some(less * size_of::<T>()));
            }
            _ => {
                room.commit();
                return Ok(Some(bytes.len()));
            }
        }
        Ok(None)
    }

    fn push_batch(tx: &mut Producer<[T]>, batch: &[Vec<u8>]) -> Result<usize, PushError> {
        let messages: Vec<Vec<T>> = batch.iter().map(|bytes| elements(bytes)).collect();
        tx.push_batch(&messages).map_err(|told| told.error)
    }

    fn try_push_batch(tx: &mut Producer<[T]>, batch: &[Vec<u8>]) -> Result<usize, PushError> {
        let messages: Vec<Vec<T>> = batch.iter().map(|bytes| elements(bytes)).collect();
        tx.try_push_batch(&messages)
    }

    fn pop(rx: &mut Consumer<[T]>, form: Take, buffer: usize) -> Result<Vec<u8>, PopError> {
        let mut place: Vec<T> = elements(&vec![UNTOUCHED; buffer * size_of::<T>()]);
        let mut batch = Vec::new();
        let len = match form {
            Take::TryInto => rx.try_pop_into(&mut place),
            Take::Into => rx.pop_into(&mut place),
            Take::IntoTimeout => rx.pop_into_timeout(&mut place, NOW),
            Take::TryTo => rx.try_pop_to(&mut place),
            Take::To => rx.pop_to(&mut place),
            Take::ToTimeout => rx.pop_to_timeout(&mut place, NOW),
            Take::Peek => return Self::peek(rx, 2, buffer, true),
            Take::TryBatch => {
                return Self::pop_batch(rx, 0, 1, |bytes| batch = bytes).map(|_| batch);
            }
            Take::Batch => return Self::pop_batch(rx, 2, 1, |bytes| batch = bytes).map(|_| batch),
            form => {
                let message = match form {
                    Take::Try => rx.try_pop(),
                    Take::Wait => rx.pop(),
                    Take::Timeout => rx.pop_timeout(NOW),
                    Take::TryIterate => rx.try_iter().next().unwrap_or(Err(PopError::Empty)),
                    _ => rx.iter().next().unwrap_or(Err(PopError::Closed)),
                };
                return message.map(|message| message.as_bytes().to_vec());
            }
        };
        let touched = len.map_or(0, |len| len * size_of::<T>());
        let rest = &place.as_bytes()[touched..];
        assert!(rest.iter().all(|byte| *byte == UNTOUCHED), "{form:?} wrote beyond {len:?}");
        if form.needs_room() || len.is_err() {
            assert_eq!(place.len(), buffer);
        } else {
            assert_eq!(Ok(place.len()), len);
        }
        len.map(|_| place.as_bytes()[..touched].to_vec())
    }

    fn peek(
        rx: &mut Consumer<[T]>,
        way: usize,
        form: usize,
        release: bool,
    ) -> Result<Vec<u8>, PopError> {
        let view = match way {
            0 => rx.try_peek()?,
            1 => rx.peek_timeout(NOW)?,
            _ => rx.peek()?,
        };
        assert_eq!(view.len() * size_of::<T>(), view.size());
        assert_eq!(view.is_empty(), view.size() == 0);
        let bytes = match form % 3 {
            0 => view.to_vec().as_bytes().to_vec(),
            1 => system::slice_bytes(&view).1,
            _ => in_two(&view, form / 3),
        };
        if release {
            view.release();
        }
        Ok(bytes)
    }

    fn pop_batch(
        rx: &mut Consumer<[T]>,
        way: usize,
        max: usize,
        mut each: impl FnMut(Vec<u8>),
    ) -> Result<usize, PopError> {
        let each = |record: &Record<'_, [T]>| each(record.to_vec().as_bytes().to_vec());
        match way {
            0 => rx.try_pop_batch(max, each),
            1 => rx.pop_batch_timeout(max, NOW, each),
            _ => rx.pop_batch(max, each),
        }
    }

    fn room(_: &mut Producer<[T]>) -> Option<u64> {
        None
    }

    fn ready(rx: &Consumer<[T]>) -> u64 {
        rx.ready_bytes_at_least()
    }
}
