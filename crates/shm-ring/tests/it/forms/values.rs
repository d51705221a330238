//! The forms of values.

use shm_ring::{Consumer, Item, PopError, Producer, PushError};

use super::{Kind, NOW, Put, Room, Take, UNTOUCHED, in_two};
use crate::system;

fn element<T: Item>(bytes: &[u8]) -> T {
    T::read_from_bytes(bytes).unwrap()
}

impl<T: Item> Kind for T {
    const ALIGN: usize = if align_of::<T>() > 8 { align_of::<T>() } else { 8 };
    const UNIT: usize = size_of::<T>();
    const LEN: Option<usize> = Some(1);
    const PUSHES: &'static [Put] = &[
        Put::Try,
        Put::Wait,
        Put::Timeout,
        Put::TryFrom,
        Put::From,
        Put::TryBatch,
        Put::Batch,
        Put::Reserve(Room::Write),
        Put::Reserve(Room::Pieces),
        Put::Reserve(Room::Slice),
    ];
    const PUSHES_THAT_RETURN: &'static [Put] =
        &[Put::Try, Put::Timeout, Put::TryFrom, Put::TryBatch];
    const POPS: &'static [Take] = &[
        Take::Try,
        Take::Wait,
        Take::Timeout,
        Take::TryInto,
        Take::Into,
        Take::TryIterate,
        Take::Iterate,
        Take::Peek,
        Take::TryBatch,
        Take::Batch,
    ];
    const POPS_THAT_RETURN: &'static [Take] =
        &[Take::Try, Take::Timeout, Take::TryInto, Take::TryIterate, Take::TryBatch];

    fn push(tx: &mut Producer<T>, form: Put, bytes: &[u8]) -> Result<(), PushError> {
        let value = element::<T>(bytes);
        match form {
            Put::Try => tx.try_push(value),
            Put::Wait => tx.push(value),
            Put::Timeout => tx.push_timeout(value, NOW),
            Put::TryFrom => tx.try_push_from(&value),
            Put::From => tx.push_from(&value),
            Put::TryBatch => tx.try_push_batch([value]).map(|count| assert_eq!(count, 1)),
            Put::Batch => Self::push_batch(tx, &[bytes.to_vec()]).map(|count| assert_eq!(count, 1)),
            Put::Reserve(room) => Self::reserve(tx, 2, room, bytes, bytes.len() / 2).map(drop),
            form => panic!("{form:?} is for messages"),
        }
    }

    fn reserve(
        tx: &mut Producer<T>,
        way: usize,
        how: Room,
        bytes: &[u8],
        part: usize,
    ) -> Result<Option<usize>, PushError> {
        let mut room = match way {
            0 => tx.try_reserve()?,
            1 => tx.reserve_timeout(NOW)?,
            _ => tx.reserve()?,
        };
        assert_eq!(room.size(), bytes.len());
        match how {
            Room::Write => room.write(&element(bytes)),
            Room::Slice => {
                let address = system::write_value(&mut room, element::<T>(bytes));
                assert_eq!(address % align_of::<T>(), 0);
            }
            _ => {
                let (first, second) = bytes.split_at(part % (bytes.len() + 1));
                room.write_at(first.len(), second).unwrap();
                room.write_at(0, first).unwrap();
            }
        }
        match how {
            Room::Drop | Room::More | Room::Less => drop(room),
            // The same as dropping as long as a reservation has no `Drop`, which may change.
            #[allow(clippy::forget_non_drop)]
            Room::Forget => std::mem::forget(room),
            _ => {
                room.commit();
                return Ok(Some(bytes.len()));
            }
        }
        Ok(None)
    }

    fn push_batch(tx: &mut Producer<T>, batch: &[Vec<u8>]) -> Result<usize, PushError> {
        let items = batch.iter().map(|bytes| element::<T>(bytes));
        tx.push_batch(items).map_err(|told| told.error)
    }

    fn try_push_batch(tx: &mut Producer<T>, batch: &[Vec<u8>]) -> Result<usize, PushError> {
        let mut items = batch.iter().map(|bytes| element::<T>(bytes));
        let pushed = tx.try_push_batch(&mut items);
        // What was not pushed is still there.
        assert_eq!(items.count(), batch.len() - pushed.unwrap_or(0));
        pushed
    }

    fn pop(rx: &mut Consumer<T>, form: Take, _: usize) -> Result<Vec<u8>, PopError> {
        let mut place = T::new_zeroed();
        place.as_mut_bytes().fill(UNTOUCHED);
        let mut batch = Vec::new();
        let into = match form {
            Take::TryInto => rx.try_pop_into(&mut place),
            Take::Into => rx.pop_into(&mut place),
            Take::Peek => return Self::peek(rx, 2, 0, true),
            Take::TryBatch => {
                return Self::pop_batch(rx, 0, 1, |bytes| batch = bytes).map(|_| batch);
            }
            Take::Batch => return Self::pop_batch(rx, 2, 1, |bytes| batch = bytes).map(|_| batch),
            form => {
                let value = match form {
                    Take::Try => rx.try_pop(),
                    Take::Wait => rx.pop(),
                    Take::Timeout => rx.pop_timeout(NOW),
                    Take::TryIterate => rx.try_iter().next().unwrap_or(Err(PopError::Empty)),
                    Take::Iterate => rx.iter().next().unwrap_or(Err(PopError::Closed)),
                    form => panic!("{form:?} is for messages"),
                };
                return value.map(|value| value.as_bytes().to_vec());
            }
        };
        if into.is_err() {
            assert!(place.as_bytes().iter().all(|byte| *byte == UNTOUCHED));
        }
        into.map(|()| place.as_bytes().to_vec())
    }

    fn peek(
        rx: &mut Consumer<T>,
        way: usize,
        form: usize,
        release: bool,
    ) -> Result<Vec<u8>, PopError> {
        let view = match way {
            0 => rx.try_peek()?,
            1 => rx.peek_timeout(NOW)?,
            _ => rx.peek()?,
        };
        let bytes = match form % 4 {
            0 => view.read().as_bytes().to_vec(),
            1 => system::value_bytes(&view).1,
            2 => view.read_at::<T>(0).unwrap().as_bytes().to_vec(),
            _ => in_two(&view, form / 4),
        };
        if release {
            view.release();
        }
        Ok(bytes)
    }

    fn pop_batch(
        rx: &mut Consumer<T>,
        way: usize,
        max: usize,
        mut each: impl FnMut(Vec<u8>),
    ) -> Result<usize, PopError> {
        let each = |value: T| each(value.as_bytes().to_vec());
        match way {
            0 => rx.try_pop_batch(max, each),
            1 => rx.pop_batch_timeout(max, NOW, each),
            _ => rx.pop_batch(max, each),
        }
    }

    fn room(tx: &mut Producer<T>) -> Option<u64> {
        Some(tx.room_at_least())
    }

    fn ready(rx: &Consumer<T>) -> u64 {
        rx.ready_at_least()
    }
}
