//! The forms of values.

use shm_ring::{
    BatchError, Consumer, Error, Item, Options, PopError, Producer, PushError, Region, Ring,
};

use super::{Kind, Put, Room, Take, UNTOUCHED, patience, slices};

fn element<T: Item>(bytes: &[u8]) -> T {
    T::read_from_bytes(bytes).unwrap()
}

/// A place that a call must not have touched.
fn untouched<T: Item>() -> T {
    let mut place = T::new_zeroed();
    place.as_mut_bytes().fill(UNTOUCHED);
    place
}

#[track_caller]
fn assert_untouched<T: Item>(place: &T) {
    assert!(place.as_bytes().iter().all(|byte| *byte == UNTOUCHED), "a place was touched");
}

impl<T: Item + Send + 'static> Kind for T {
    type Ring = Ring<T>;

    const UNIT: usize = size_of::<T>();
    const LEN: Option<usize> = Some(size_of::<T>());
    const PUSHES: &'static [Put] = &[
        Put::Try,
        Put::Wait,
        Put::Timeout,
        Put::TryFrom,
        Put::From,
        Put::TryBatch,
        Put::Batch,
        Put::TrySlice,
        Put::Slice,
        Put::TryAll,
        Put::All,
        Put::Reserve(Room::Write),
        Put::Reserve(Room::Pieces),
        Put::Reserve(Room::Slice),
    ];
    const PUSHES_THAT_RETURN: &'static [Put] =
        &[Put::Try, Put::Timeout, Put::TryFrom, Put::TryBatch, Put::TrySlice, Put::TryAll];
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
        Take::TrySlice,
        Take::Slice,
        Take::SliceTimeout,
    ];
    const POPS_THAT_RETURN: &'static [Take] = &[
        Take::Try,
        Take::Timeout,
        Take::TryInto,
        Take::TryIterate,
        Take::TryBatch,
        Take::TrySlice,
        Take::SliceTimeout,
    ];

    fn create(region: impl Into<Region>, options: &Options) -> Result<Ring<T>, Error> {
        Ring::create(region, options)
    }

    fn stride(len: usize) -> u64 {
        assert_eq!(len, size_of::<T>());
        len as u64
    }

    fn push(tx: &mut Producer<T>, form: Put, bytes: &[u8]) -> Result<(), PushError> {
        let value = element::<T>(bytes);
        let one = |count| assert_eq!(count, 1);
        match form {
            Put::Try => tx.try_push(value),
            Put::Wait => tx.push(value),
            Put::Timeout => tx.push_timeout(value, patience()),
            Put::TryFrom => tx.try_push_from(&value),
            Put::From => tx.push_from(&value),
            Put::TryBatch => tx.try_push_batch([value]).map(one),
            Put::Batch => tx.push_batch([value]).map(one).map_err(|told| told.error),
            Put::TrySlice => tx.try_push_slice(&[value]).map(one),
            Put::Slice => tx.push_slice(&[value]).map(one).map_err(|told| told.error),
            Put::TryAll => tx.try_push_all(&[value]),
            Put::All => tx.push_all(&[value]),
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
        let count = bytes.len() / size_of::<T>();
        let mut room = match way {
            0 => tx.try_reserve(count)?,
            1 => tx.wait(count, Some(patience())).and_then(|()| tx.try_reserve(count))?,
            _ => tx.reserve(count)?,
        };
        assert_eq!((room.len(), room.is_empty()), (count, count == 0));
        let items: Vec<T> = bytes.chunks(size_of::<T>()).map(element).collect();
        match how {
            Room::Write => {
                items.iter().enumerate().rev().for_each(|(index, item)| room.write(index, item));
            }
            Room::Slice => {
                let address = slices::write_values(&mut room, items);
                assert_eq!(address % align_of::<T>(), 0);
            }
            _ => {
                let (first, second) = items.split_at(part % (count + 1));
                room.write_slice(first.len(), second);
                room.write_slice(0, first);
            }
        }
        match how {
            Room::Drop => drop(room),
            // The same as dropping as long as a reservation has no `Drop`, which may change.
            #[allow(clippy::forget_non_drop)]
            Room::Forget => std::mem::forget(room),
            Room::More => super::must_panic(move || room.commit(count + 1)),
            Room::Less => {
                let less = part % (count + 1);
                room.commit(less);
                return Ok(Some(less * size_of::<T>()));
            }
            _ => {
                room.commit(count);
                return Ok(Some(bytes.len()));
            }
        }
        Ok(None)
    }

    fn push_batch(tx: &mut Producer<T>, batch: &[Vec<u8>]) -> Result<usize, BatchError> {
        let items = batch.iter().map(|bytes| element::<T>(bytes));
        if batch.len() % 2 == 0 {
            tx.push_batch(items)
        } else {
            tx.push_slice(&items.collect::<Vec<_>>())
        }
    }

    fn try_push_batch(tx: &mut Producer<T>, batch: &[Vec<u8>]) -> Result<usize, PushError> {
        let mut items = batch.iter().map(|bytes| element::<T>(bytes));
        if batch.len() % 2 == 0 {
            let pushed = tx.try_push_batch(&mut items);
            // What was not pushed is still there.
            assert_eq!(items.count(), batch.len() - pushed.unwrap_or(0));
            pushed
        } else {
            tx.try_push_slice(&items.collect::<Vec<_>>())
        }
    }

    fn pop(rx: &mut Consumer<T>, form: Take, _: usize) -> Result<Vec<u8>, PopError> {
        let mut places = [untouched::<T>()];
        let place = &mut places[0];
        let mut batch = Vec::new();
        let one = |count| assert_eq!(count, 1);
        let into = match form {
            Take::TryInto => rx.try_pop_into(place),
            Take::Into => rx.pop_into(place),
            Take::TrySlice => rx.try_pop_slice(&mut places).map(one),
            Take::Slice => rx.pop_slice(&mut places).map(one),
            Take::SliceTimeout => rx.pop_slice_timeout(&mut places, patience()).map(one),
            Take::Peek => return Self::peek(rx, 2, 0, 1, |_| 1).map(|mut seen| seen.remove(0)),
            Take::TryBatch => {
                return batch_by_items(rx, 0, 1, |bytes| batch = bytes).map(|_| batch);
            }
            Take::Batch => return batch_by_items(rx, 2, 1, |bytes| batch = bytes).map(|_| batch),
            form => {
                let value = match form {
                    Take::Try => rx.try_pop(),
                    Take::Wait => rx.pop(),
                    Take::Timeout => rx.pop_timeout(patience()),
                    Take::TryIterate => rx.try_iter().next().unwrap_or(Err(PopError::Empty)),
                    Take::Iterate => rx.iter().next().unwrap_or(Err(PopError::Closed)),
                    form => panic!("{form:?} is for messages"),
                };
                return value.map(|value| value.as_bytes().to_vec());
            }
        };
        if into.is_err() {
            assert_untouched(&places[0]);
        }
        into.map(|()| places[0].as_bytes().to_vec())
    }

    fn peek(
        rx: &mut Consumer<T>,
        way: usize,
        form: usize,
        max: usize,
        release: impl FnOnce(&[Vec<u8>]) -> usize,
    ) -> Result<Vec<Vec<u8>>, PopError> {
        let view = match way {
            0 => rx.try_peek(max)?,
            1 => rx.wait(max.min(1), Some(patience())).and_then(|()| rx.try_peek(max))?,
            _ => rx.peek(max)?,
        };
        let len = view.len();
        assert_eq!(view.is_empty(), len == 0);
        let bytes = |items: &[T]| items.iter().map(|item| item.as_bytes().to_vec()).collect();
        let seen: Vec<Vec<u8>> = match form % 4 {
            0 => {
                assert!(view.get(len).is_none() && view.get(usize::MAX).is_none());
                (0..len).map(|index| view.get(index).unwrap().as_bytes().to_vec()).collect()
            }
            1 => {
                let (address, seen) = slices::view_bytes(&view);
                assert_eq!(address % align_of::<T>(), 0);
                seen
            }
            2 => view.iter().map(|item| item.as_bytes().to_vec()).collect(),
            _ => {
                let mut items: Vec<T> = (0..len).map(|_| untouched()).collect();
                let (first, second) = items.split_at_mut(form / 4 % (len + 1));
                view.copy_to(first.len(), second);
                view.copy_to(0, first);
                bytes(&items)
            }
        };
        let released = release(&seen).min(len);
        view.release(released);
        Ok(seen)
    }

    fn pop_batch(
        rx: &mut Consumer<T>,
        way: usize,
        max: usize,
        mut each: impl FnMut(Vec<u8>),
    ) -> Result<usize, PopError> {
        // A slice takes the same as a batch; one that is hardly ever filled shows what was touched.
        if max % 2 == 0 || max > 1000 {
            return batch_by_items(rx, way, max, each);
        }
        let mut items: Vec<T> = (0..max).map(|_| untouched()).collect();
        let taken = match way {
            0 => rx.try_pop_slice(&mut items),
            1 => rx.pop_slice_timeout(&mut items, patience()),
            _ => rx.pop_slice(&mut items),
        };
        let (seen, rest) = items.split_at(taken.unwrap_or(0));
        rest.iter().for_each(assert_untouched);
        seen.iter().for_each(|item| each(item.as_bytes().to_vec()));
        taken
    }

    fn try_iter(rx: &mut Consumer<T>) -> impl Iterator<Item = Result<Vec<u8>, PopError>> {
        rx.try_iter().map(|item| item.map(|item| item.as_bytes().to_vec()))
    }

    fn room(tx: &mut Producer<T>) -> usize {
        tx.room_at_least()
    }

    fn ready(rx: &Consumer<T>) -> usize {
        rx.len()
    }
}

fn batch_by_items<T: Item>(
    rx: &mut Consumer<T>,
    way: usize,
    max: usize,
    mut each: impl FnMut(Vec<u8>),
) -> Result<usize, PopError> {
    let each = |value: T| each(value.as_bytes().to_vec());
    match way {
        0 => rx.try_pop_batch(max, each),
        1 => rx.pop_batch_timeout(max, patience(), each),
        _ => rx.pop_batch(max, each),
    }
}
