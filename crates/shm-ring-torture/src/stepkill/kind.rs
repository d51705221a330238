//! Owns: what is carried, values of several sizes, and how each operation on them is called. Each payload follows from its
//! sequence number, so that a lost, torn, repeated or reordered record shows. Knows nothing of: what is killed.

use std::os::fd::BorrowedFd;
use std::time::Duration;

use shm_ring::{
    Consumer, Error, Item, Options, Peer, PopError, Producer, PushError, Region, Ring, Wait,
};
use shm_ring_outsider::Header;
use zerocopy::{FromBytes, Immutable, IntoBytes};

use super::op::Op;
use crate::rng::Rng;

/// Records of a batch or slice.
pub(crate) const BATCH: usize = 3;

/// The waiting forms need not wait here: longer than this is a hang.
pub(crate) const HANG: Duration = Duration::from_secs(5);

/// So long a wait has no time to find what is not there.
pub(crate) const BRIEF: Duration = Duration::from_micros(1);

/// `len` bytes that only record `sequence` has.
pub(super) fn bytes(sequence: u64, len: usize) -> Vec<u8> {
    let mut rng = Rng::new(sequence);
    let mut bytes: Vec<u8> = (0..len.div_ceil(8)).flat_map(|_| rng.next().to_le_bytes()).collect();
    bytes.truncate(len);
    bytes
}

/// How all rings here are created and opened.
pub(super) fn options() -> Options {
    // A side that finds nothing asks about its peer at once: no check has to wait. One thread each: a second one would
    // run while its process is stepped.
    Options::new().wait(Wait::PARK).death_notice(false)
}

/// An operation of a producer on its first records: a function of its own, as it would be compiled into a user's program.
pub(crate) type Put<K> = fn(&mut <K as Kind>::Tx, &[<K as Kind>::Own]) -> Result<(), PushError>;

/// An operation of a consumer, which leaves what it has read where somebody may look at it from outside.
pub(crate) type Take<K> =
    fn(&mut <K as Kind>::Rx, &mut [<K as Kind>::Unit]) -> Result<(), PopError>;

/// A kind of record, with the operations on it.
pub(crate) trait Kind: Sized {
    type Ring;
    type Tx;
    type Rx;
    /// What is handed to a push.
    type Own;
    /// What a consumer keeps what it reads in.
    type Unit: Item + Copy;
    const NAME: &'static str;
    /// Sequence numbers to start from: one for each length.
    const STARTS: u64;

    fn options() -> Options;
    /// The header of such a ring, but for what is never the same twice.
    fn header() -> Header;
    /// Bytes of record `sequence`.
    fn len(sequence: u64) -> usize;
    fn own(sequence: u64) -> Self::Own;
    /// Room for what a consumer reads.
    fn kept() -> Vec<Self::Unit>;

    /// The payload of record `sequence`.
    fn payload(sequence: u64) -> Vec<u8> {
        bytes(sequence, Self::len(sequence))
    }

    fn create(region: Region, options: &Options) -> Result<Self::Ring, Error>;
    fn open(region: Region, options: &Options) -> Result<Self::Ring, Error>;
    fn descriptor(ring: &Self::Ring) -> BorrowedFd<'_>;
    fn producer(ring: &Self::Ring) -> Result<Self::Tx, Error>;
    fn consumer(ring: &Self::Ring) -> Result<Self::Rx, Error>;
    fn producer_of(rx: &Self::Rx) -> Peer;
    fn consumer_of(tx: &Self::Tx) -> Peer;

    /// How `op` is called, if there is one of this kind.
    fn put(op: Op) -> Option<Put<Self>>;
    fn take(op: Op) -> Option<Take<Self>>;

    /// The next record, for those who check.
    fn next(rx: &mut Self::Rx) -> Result<Vec<u8>, PopError>;
    fn next_timeout(rx: &mut Self::Rx, timeout: Duration) -> Result<Vec<u8>, PopError>;
}

/// A value of so many words.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub(crate) struct Words<const N: usize> {
    words: [u64; N],
}

/// A value that can be made from its bytes.
pub(crate) trait Value: Item + Copy {
    const NAME: &'static str;
    /// How many the ring holds. With few of them the limit is far below the capacity.
    const ITEMS: usize;
}

macro_rules! values {
    ($($value:ty, $name:literal, $items:literal;)*) => {
        $(impl Value for $value {
            const NAME: &'static str = $name;
            const ITEMS: usize = $items;
        })*
    };
}

values! {
    u8, "1 byte", 61;
    [u8; 5], "5 bytes", 100;
    u64, "8 bytes", 512;
    Words<3>, "24 bytes", 170;
    Words<8>, "64 bytes", 64;
    Words<25>, "200 bytes", 20;
}

fn value<T: Value>(sequence: u64) -> T {
    // As many bytes as a `T` has: that cannot fail.
    T::read_from_bytes(&bytes(sequence, size_of::<T>())).unwrap_or_else(|_| T::new_zeroed())
}

impl<T: Value> Kind for T {
    type Ring = Ring<T>;
    type Tx = Producer<T>;
    type Rx = Consumer<T>;
    type Own = T;
    type Unit = T;
    const NAME: &'static str = <T as Value>::NAME;
    const STARTS: u64 = 1;

    fn options() -> Options {
        options().items(T::ITEMS)
    }

    fn header() -> Header {
        Header::values(size_of::<T>() as u64, align_of::<T>() as u64, T::ITEMS as u64)
    }

    fn len(_: u64) -> usize {
        size_of::<T>()
    }

    fn own(sequence: u64) -> T {
        value(sequence)
    }

    fn kept() -> Vec<T> {
        vec![T::new_zeroed(); BATCH]
    }

    fn create(region: Region, options: &Options) -> Result<Ring<T>, Error> {
        Ring::create(region, options)
    }

    fn open(region: Region, options: &Options) -> Result<Ring<T>, Error> {
        Ring::open_with(region, options)
    }

    fn descriptor(ring: &Ring<T>) -> BorrowedFd<'_> {
        ring.descriptor()
    }

    fn producer(ring: &Ring<T>) -> Result<Producer<T>, Error> {
        ring.producer()
    }

    fn consumer(ring: &Ring<T>) -> Result<Consumer<T>, Error> {
        ring.consumer()
    }

    fn producer_of(rx: &Consumer<T>) -> Peer {
        rx.peer()
    }

    fn consumer_of(tx: &Producer<T>) -> Peer {
        tx.peer()
    }

    fn put(op: Op) -> Option<Put<Self>> {
        let put: Put<Self> = match op {
            Op::Push | Op::PushLook | Op::PushRing => |tx, items| tx.push(items[0]),
            Op::PushFrom => |tx, items| tx.push_from(&items[0]),
            Op::TryPush => |tx, items| tx.try_push(items[0]),
            Op::PushTimeout => |tx, items| tx.push_timeout(items[0], HANG),
            Op::PushPark | Op::PushParkRing => |tx, items| tx.push_timeout(items[0], BRIEF),
            Op::PushSlice | Op::PushSliceRing => {
                |tx, items| tx.push_slice(items).map(drop).map_err(|failed| failed.error)
            }
            Op::TryPushSlice => |tx, items| tx.try_push_slice(items).map(drop),
            Op::PushBatch | Op::PushBatchRing => |tx, items| {
                tx.push_batch(items.iter().copied()).map(drop).map_err(|failed| failed.error)
            },
            Op::TryPushBatch => |tx, items| tx.try_push_batch(items.iter().copied()).map(drop),
            Op::Reserve | Op::ReserveRing => |tx, items| {
                let mut room = tx.reserve(1)?;
                room.write(0, &items[0]);
                room.commit(1);
                Ok(())
            },
            Op::TryReserve => |tx, items| {
                let mut room = tx.try_reserve(1)?;
                room.write(0, &items[0]);
                room.commit(1);
                Ok(())
            },
            Op::ReserveMore => |tx, items| {
                let mut room = tx.reserve(items.len())?;
                room.write_slice(0, items);
                room.commit(items.len() - 1);
                Ok(())
            },
            Op::ReserveDrop => |tx, items| {
                let mut room = tx.reserve(items.len())?;
                room.write_slice(0, items);
                Ok(())
            },
            Op::ReservePark => {
                |tx, _| tx.wait(1, Some(BRIEF)).and_then(|()| tx.try_reserve(1)).map(drop)
            }
            _ => return None,
        };
        Some(put)
    }

    fn take(op: Op) -> Option<Take<Self>> {
        let take: Take<Self> = match op {
            Op::Pop | Op::PopRing => |rx, kept| {
                kept[0] = rx.pop()?;
                Ok(())
            },
            Op::TryPop => |rx, kept| {
                kept[0] = rx.try_pop()?;
                Ok(())
            },
            Op::PopTimeout => |rx, kept| {
                kept[0] = rx.pop_timeout(HANG)?;
                Ok(())
            },
            Op::PopPark => |rx, _| rx.pop_timeout(BRIEF).map(drop),
            Op::PopInto => |rx, kept| rx.pop_into(&mut kept[0]),
            Op::TryPopInto => |rx, kept| rx.try_pop_into(&mut kept[0]),
            Op::PopSlice | Op::PopSliceRing => |rx, kept| rx.pop_slice(kept).map(drop),
            Op::TryPopSlice => |rx, kept| rx.try_pop_slice(kept).map(drop),
            Op::PopBatch | Op::PopBatchRing => |rx, kept| {
                let mut places = kept.iter_mut();
                rx.pop_batch(BATCH, |item| keep(&mut places, item)).map(drop)
            },
            Op::TryPopBatch => |rx, kept| {
                let mut places = kept.iter_mut();
                rx.try_pop_batch(BATCH, |item| keep(&mut places, item)).map(drop)
            },
            Op::PopBatchPark => |rx, _| rx.pop_batch_timeout(BATCH, BRIEF, drop).map(drop),
            Op::Peek => |rx, kept| {
                let view = rx.peek(BATCH)?;
                view.copy_to(0, &mut kept[..view.len()]);
                Ok(())
            },
            Op::PeekRelease | Op::ReleaseRing => |rx, kept| {
                let view = rx.peek(BATCH)?;
                let count = view.len();
                view.copy_to(0, &mut kept[..count]);
                view.release(count.min(2));
                Ok(())
            },
            Op::TryPeekRelease => |rx, kept| {
                let view = rx.try_peek(BATCH)?;
                let mut places = kept.iter_mut();
                view.iter().for_each(|item| keep(&mut places, item));
                let count = view.len();
                view.release(count.min(2));
                Ok(())
            },
            Op::PeekPark => {
                |rx, _| rx.wait(1, Some(BRIEF)).and_then(|()| rx.try_peek(BATCH)).map(drop)
            }
            _ => return None,
        };
        Some(take)
    }

    fn next(rx: &mut Consumer<T>) -> Result<Vec<u8>, PopError> {
        rx.try_pop().map(|item| item.as_bytes().to_vec())
    }

    fn next_timeout(rx: &mut Consumer<T>, timeout: Duration) -> Result<Vec<u8>, PopError> {
        rx.pop_timeout(timeout).map(|item| item.as_bytes().to_vec())
    }
}

fn keep<T>(places: &mut std::slice::IterMut<'_, T>, item: T) {
    if let Some(place) = places.next() {
        *place = item;
    }
}
