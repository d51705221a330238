//! What is carried: values of 8 and of 24 bytes, and messages of several lengths. Each payload follows from
//! its sequence number, so that a lost, torn, repeated or reordered record shows. It must not know what is
//! killed.

use std::hint::black_box;
use std::time::Duration;

use shm_ring::{Consumer, Item, Payload, PopError, Producer, PushError};
use zerocopy::{FromBytes, Immutable, IntoBytes};

use crate::rng::Rng;

/// Records of a batch.
pub(crate) const BATCH: usize = 3;

/// Lengths of the messages, in turn; the long one goes by the vector loop of the copy.
const LENS: [usize; 6] = [13, 0, 24, 8, 300, 1];

/// The waiting forms need not wait here: longer than this is a hang.
pub(crate) const HANG: Duration = Duration::from_secs(5);

/// `len` bytes that only record `sequence` has.
pub(super) fn bytes(sequence: u64, len: usize) -> Vec<u8> {
    let mut rng = Rng::new(sequence);
    let mut bytes: Vec<u8> = (0..len.div_ceil(8)).flat_map(|_| rng.next().to_le_bytes()).collect();
    bytes.truncate(len);
    bytes
}

/// A kind of record, with the operations on it. Each is a function of its own, as it would be compiled into a
/// user's program.
pub(crate) trait Kind {
    type P: Payload + ?Sized;
    /// What is handed to a push.
    type Own;
    /// Where a killed consumer put what it had read.
    type Diary;
    const NAME: &'static str;
    /// The record kind in the header.
    const RECORDS: u32;
    /// Sequence numbers to start from: one for each length.
    const STARTS: u64;

    /// Bytes of record `sequence`.
    fn len(sequence: u64) -> usize;
    fn own(sequence: u64) -> Self::Own;
    fn diary() -> Self::Diary;
    /// The address and the bytes of a diary.
    fn diary_at(diary: &Self::Diary) -> (usize, usize);

    /// The payload of record `sequence`.
    fn payload(sequence: u64) -> Vec<u8> {
        bytes(sequence, Self::len(sequence))
    }

    fn push(tx: &mut Producer<Self::P>, item: &Self::Own) -> Result<(), PushError>;
    fn try_push(tx: &mut Producer<Self::P>, item: &Self::Own) -> Result<(), PushError>;
    fn push_timeout(
        tx: &mut Producer<Self::P>,
        item: &Self::Own,
        d: Duration,
    ) -> Result<(), PushError>;
    fn reserve(tx: &mut Producer<Self::P>, item: &Self::Own, commit: bool)
    -> Result<(), PushError>;
    fn push_batch(tx: &mut Producer<Self::P>, items: &[Self::Own; BATCH]) -> Result<(), PushError>;

    fn pop(rx: &mut Consumer<Self::P>) -> Result<(), PopError>;
    fn try_pop(rx: &mut Consumer<Self::P>) -> Result<(), PopError>;
    fn pop_timeout(rx: &mut Consumer<Self::P>, d: Duration) -> Result<(), PopError>;
    fn pop_into(rx: &mut Consumer<Self::P>, diary: &mut Self::Diary) -> Result<(), PopError>;
    fn pop_batch(rx: &mut Consumer<Self::P>, diary: &mut Self::Diary) -> Result<(), PopError>;
    /// Reads in place, and gives the room back if `release` says so.
    fn peek(
        rx: &mut Consumer<Self::P>,
        diary: &mut Self::Diary,
        release: bool,
    ) -> Result<(), PopError>;

    /// The bytes of the next record, for those who check.
    fn take(rx: &mut Consumer<Self::P>) -> Result<Vec<u8>, PopError>;
}

/// A value of three words.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub(crate) struct Wide {
    words: [u64; 3],
}

/// A value that can be made from its bytes.
pub(crate) trait Value: Item + Copy {
    const NAME: &'static str;
}

impl Value for u64 {
    const NAME: &'static str = "8 bytes";
}

impl Value for Wide {
    const NAME: &'static str = "24 bytes";
}

fn value<T: Value>(sequence: u64) -> T {
    // As many bytes as a `T` has: that cannot fail.
    T::read_from_bytes(&bytes(sequence, size_of::<T>())).unwrap_or_else(|_| T::new_zeroed())
}

impl<T: Value> Kind for T {
    type P = T;
    type Own = T;
    type Diary = Box<[T; BATCH]>;
    const NAME: &'static str = <T as Value>::NAME;
    const RECORDS: u32 = 1;
    const STARTS: u64 = 1;

    fn len(_: u64) -> usize {
        size_of::<T>()
    }

    fn own(sequence: u64) -> T {
        value(sequence)
    }

    fn diary() -> Self::Diary {
        Box::new([T::new_zeroed(); BATCH])
    }

    fn diary_at(diary: &Self::Diary) -> (usize, usize) {
        (diary.as_ptr().addr(), size_of::<[T; BATCH]>())
    }

    #[inline(never)]
    fn push(tx: &mut Producer<T>, item: &T) -> Result<(), PushError> {
        tx.push(*item)
    }

    #[inline(never)]
    fn try_push(tx: &mut Producer<T>, item: &T) -> Result<(), PushError> {
        tx.try_push(*item)
    }

    #[inline(never)]
    fn push_timeout(tx: &mut Producer<T>, item: &T, d: Duration) -> Result<(), PushError> {
        tx.push_timeout(*item, d)
    }

    #[inline(never)]
    fn reserve(tx: &mut Producer<T>, item: &T, commit: bool) -> Result<(), PushError> {
        let mut room = tx.reserve()?;
        room.write(item);
        if commit {
            room.commit();
        }
        Ok(())
    }

    #[inline(never)]
    fn push_batch(tx: &mut Producer<T>, items: &[T; BATCH]) -> Result<(), PushError> {
        tx.push_batch(items.iter().copied()).map(|_| ()).map_err(|failed| failed.error)
    }

    #[inline(never)]
    fn pop(rx: &mut Consumer<T>) -> Result<(), PopError> {
        black_box(rx.pop()?);
        Ok(())
    }

    #[inline(never)]
    fn try_pop(rx: &mut Consumer<T>) -> Result<(), PopError> {
        black_box(rx.try_pop()?);
        Ok(())
    }

    #[inline(never)]
    fn pop_timeout(rx: &mut Consumer<T>, d: Duration) -> Result<(), PopError> {
        black_box(rx.pop_timeout(d)?);
        Ok(())
    }

    #[inline(never)]
    fn pop_into(rx: &mut Consumer<T>, diary: &mut Self::Diary) -> Result<(), PopError> {
        rx.pop_into(&mut diary[0])
    }

    #[inline(never)]
    fn pop_batch(rx: &mut Consumer<T>, diary: &mut Self::Diary) -> Result<(), PopError> {
        let mut places = diary.iter_mut();
        rx.pop_batch(BATCH, |item| {
            if let Some(place) = places.next() {
                *place = item;
            }
        })?;
        Ok(())
    }

    #[inline(never)]
    fn peek(rx: &mut Consumer<T>, diary: &mut Self::Diary, release: bool) -> Result<(), PopError> {
        let view = rx.peek()?;
        diary[0] = view.read();
        if release {
            view.release();
        }
        Ok(())
    }

    fn take(rx: &mut Consumer<T>) -> Result<Vec<u8>, PopError> {
        rx.try_pop().map(|item| item.as_bytes().to_vec())
    }
}

/// Messages of [`LENS`] bytes.
pub(crate) struct Messages;

impl Kind for Messages {
    type P = [u8];
    type Own = Vec<u8>;
    type Diary = Box<[u8; 1024]>;
    const NAME: &'static str = "messages";
    const RECORDS: u32 = 2;
    const STARTS: u64 = LENS.len() as u64;

    fn len(sequence: u64) -> usize {
        LENS[(sequence % LENS.len() as u64) as usize]
    }

    fn own(sequence: u64) -> Vec<u8> {
        Self::payload(sequence)
    }

    fn diary() -> Self::Diary {
        Box::new([0; 1024])
    }

    fn diary_at(diary: &Self::Diary) -> (usize, usize) {
        (diary.as_ptr().addr(), diary.len())
    }

    #[inline(never)]
    fn push(tx: &mut Producer<[u8]>, item: &Vec<u8>) -> Result<(), PushError> {
        tx.push(item)
    }

    #[inline(never)]
    fn try_push(tx: &mut Producer<[u8]>, item: &Vec<u8>) -> Result<(), PushError> {
        tx.try_push(item)
    }

    #[inline(never)]
    fn push_timeout(tx: &mut Producer<[u8]>, item: &Vec<u8>, d: Duration) -> Result<(), PushError> {
        tx.push_timeout(item, d)
    }

    #[inline(never)]
    fn reserve(tx: &mut Producer<[u8]>, item: &Vec<u8>, commit: bool) -> Result<(), PushError> {
        let mut room = tx.reserve(item.len())?;
        // As long as was reserved: it fits.
        let _ = room.write_at(0, item.as_slice());
        if commit {
            room.commit();
        }
        Ok(())
    }

    #[inline(never)]
    fn push_batch(tx: &mut Producer<[u8]>, items: &[Vec<u8>; BATCH]) -> Result<(), PushError> {
        tx.push_batch(items).map(|_| ()).map_err(|failed| failed.error)
    }

    #[inline(never)]
    fn pop(rx: &mut Consumer<[u8]>) -> Result<(), PopError> {
        black_box(rx.pop()?);
        Ok(())
    }

    #[inline(never)]
    fn try_pop(rx: &mut Consumer<[u8]>) -> Result<(), PopError> {
        black_box(rx.try_pop()?);
        Ok(())
    }

    #[inline(never)]
    fn pop_timeout(rx: &mut Consumer<[u8]>, d: Duration) -> Result<(), PopError> {
        black_box(rx.pop_timeout(d)?);
        Ok(())
    }

    #[inline(never)]
    fn pop_into(rx: &mut Consumer<[u8]>, diary: &mut Self::Diary) -> Result<(), PopError> {
        rx.pop_to(&mut diary[..])?;
        Ok(())
    }

    #[inline(never)]
    fn pop_batch(rx: &mut Consumer<[u8]>, diary: &mut Self::Diary) -> Result<(), PopError> {
        let mut at = 0;
        rx.pop_batch(BATCH, |message| {
            // Three messages are shorter than the diary, and a message is as long as itself.
            let _ = message.copy_to(0, &mut diary[at..at + message.len()]);
            at += message.len();
        })?;
        Ok(())
    }

    #[inline(never)]
    fn peek(
        rx: &mut Consumer<[u8]>,
        diary: &mut Self::Diary,
        release: bool,
    ) -> Result<(), PopError> {
        let view = rx.peek()?;
        // As above.
        let _ = view.copy_to(0, &mut diary[..view.len()]);
        if release {
            view.release();
        }
        Ok(())
    }

    fn take(rx: &mut Consumer<[u8]>) -> Result<Vec<u8>, PopError> {
        rx.try_pop()
    }
}
