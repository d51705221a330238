//! Owns: a mapping seen as records: a side's page, and copying records to and from a position or the front. Knows nothing
//! of: when a record exists. The invariants of the unsafe blocks stand at the top of `mapping`.
#![allow(unsafe_code)]

use core::marker::PhantomData;
use core::mem::MaybeUninit;
use core::ptr::NonNull;

use zerocopy::IntoBytes;

use super::{Mapping, copy};
use crate::item::{Item, Payload, Values};
use crate::protocol::layout::{CONTROL_PAGES, SidePage};
use crate::protocol::position::{FRONT_BYTES, FRONT_WORDS};
use crate::protocol::record::{self, RecordLayout};
use crate::protocol::sync::{AtomicU64, Foreign};

/// A mapping seen as records of `P`: addresses worked out once, kept together for the hot path.
pub(crate) struct RecordMap<P: ?Sized> {
    data: *mut u8,
    mask: u64,
    /// Bytes of the data area.
    capacity: u64,
    /// Of messages: bytes from one to its payload.
    align: u64,
    /// Bytes of a value, or of the longest message.
    len_max: u64,
    mine: NonNull<SidePage>,
    theirs: NonNull<SidePage>,
    /// Keeps the addresses above valid.
    mapping: Mapping,
    payload: PhantomData<fn(&P) -> *const P>,
}

// SAFETY: the pointers lead into a mapping that the value owns and that every thread of the process
// sees at the same address; what is behind them is accessed as atomic words or by `copy`.
unsafe impl<P: ?Sized> Send for RecordMap<P> {}

/// How far ahead of the tail the producer asks for lines, in bytes: as many as this many values take, between 8 and 16
/// lines. Lines that are asked for long before they are needed are taken away again.
const AHEAD_VALUES: u64 = 64;
const AHEAD_LEAST: u64 = 512;
const AHEAD_MOST: u64 = 1024;
/// The longest run of lines that is asked for at once.
const RUN_AHEAD_MOST: u64 = 4096;
/// How far ahead of its position the consumer asks for lines below the tail that it has seen.
const READ_AHEAD: u64 = 512;
/// Bytes of a record that may be asked for before it is there.
const EXPECTED_MOST: u64 = 256;
pub(crate) const CACHE_LINE: u64 = 64;

impl<P: ?Sized> RecordMap<P> {
    /// The page of the role that this mapping was made for.
    #[inline(always)]
    pub(crate) fn mine(&self) -> &SidePage {
        // SAFETY: invariants 1 and 2: a page-aligned page of ours, larger than `SidePage`, whose
        // words are only ever accessed atomically.
        unsafe { self.mine.as_ref() }
    }

    /// The other role's page.
    #[inline(always)]
    pub(crate) fn theirs(&self) -> Foreign<'_, SidePage> {
        // SAFETY: as in `mine`; it is mapped read-only, and `Foreign` only loads.
        Foreign::new(unsafe { self.theirs.as_ref() })
    }

    /// Of messages: bytes of the longest.
    #[inline(always)]
    pub(crate) fn len_max(&self) -> u64 {
        self.len_max
    }

    /// Bytes of a page of control words.
    pub(crate) fn page(&self) -> u64 {
        self.mapping.page as u64
    }

    /// What belongs into our liveness word: see [`Mapping::liveness`].
    pub(crate) fn liveness(&self) -> u32 {
        self.mapping.liveness()
    }

    /// The data area, to be kept at hand by whoever reads or writes several records: what the
    /// compiler knows of a copy it need not load again after a fence.
    #[inline(always)]
    pub(crate) fn area(&self) -> Area<'_, P> {
        let Self { data, mask, capacity, align, len_max, .. } = *self;
        Area { data, mask, capacity, align, len_max, map: PhantomData }
    }
}

impl<P: Payload + ?Sized> RecordMap<P> {
    /// `None` if not even the shortest record fits the layout, or its alignment is beyond a page. `align` is that of
    /// the payload.
    pub(crate) fn over(mapping: Mapping, layout: &RecordLayout, align: u64) -> Option<Self> {
        let capacity = mapping.capacity as u64;
        let align = record::alignment(align);
        let (shortest, len_max) = if P::MESSAGES {
            (align, record::longest(layout.limit, align)?)
        } else {
            let size = P::SIZE.unwrap_or(layout.unit);
            (size, size)
        };
        if shortest > layout.limit || layout.limit > capacity || align > mapping.page as u64 {
            return None;
        }
        Some(Self {
            data: mapping.at(CONTROL_PAGES as usize * mapping.page).cast(),
            mask: capacity - 1,
            capacity,
            align,
            len_max,
            mine: mapping.side(mapping.role),
            theirs: mapping.side(mapping.role.peer()),
            mapping,
            payload: PhantomData,
        })
    }

    /// Whether a record of `stride` bytes is too long for the front, whatever its payload.
    #[inline(always)]
    pub(crate) fn is_beyond_front(&self, stride: u64) -> bool {
        match P::MESSAGES {
            false => P::SIZE.unwrap_or(stride) > FRONT_BYTES,
            // One alignment lies before the payload, and less than one behind it.
            true => stride > FRONT_BYTES.max(2 * self.align),
        }
    }
}

/// The data area of a [`RecordMap`].
pub(crate) struct Area<'a, P: ?Sized> {
    data: *mut u8,
    mask: u64,
    capacity: u64,
    pub(super) align: u64,
    pub(super) len_max: u64,
    map: PhantomData<&'a RecordMap<P>>,
}

impl<P: ?Sized> Clone for Area<'_, P> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<P: ?Sized> Copy for Area<'_, P> {}

impl<P: ?Sized> Area<'_, P> {
    /// The address of `position`: `capacity` bytes from there are mapped.
    #[inline(always)]
    pub(crate) fn at(&self, position: u64) -> *mut u8 {
        self.data.wrapping_add((position & self.mask) as usize)
    }

    /// Asks for the lines of a record of `stride` bytes that will come some way behind `position`.
    #[inline(always)]
    pub(crate) fn prefetch(&self, position: u64, stride: u64) {
        let ahead = (AHEAD_VALUES * stride).clamp(AHEAD_LEAST, AHEAD_MOST);
        self.prefetch_lines(position, ahead, stride);
    }

    /// Asks for the lines of a run of `bytes` that will come some way behind `position`, as far as that is worth it.
    #[inline(always)]
    pub(crate) fn prefetch_run_ahead(&self, position: u64, bytes: u64) {
        self.prefetch_lines(position, AHEAD_MOST, bytes.min(RUN_AHEAD_MOST));
    }

    #[inline(always)]
    fn prefetch_lines(&self, position: u64, ahead: u64, bytes: u64) {
        let first = self.at(position).wrapping_add(ahead as usize);
        for line in 0..bytes.div_ceil(CACHE_LINE) {
            copy::prefetch_write(first.wrapping_add((line * CACHE_LINE) as usize));
        }
    }

    /// Asks for the lines from `position` on that a reader wants first, as far as `tail`.
    #[inline(always)]
    pub(crate) fn prefetch_run(&self, position: u64, tail: u64) {
        let first = self.at(position);
        let len = (tail - position).min(READ_AHEAD);
        for at in (0..len).step_by(CACHE_LINE as usize) {
            copy::prefetch_read(first.wrapping_add(at as usize));
        }
    }

    /// Asks for the lines of a record of `stride` bytes that is expected at `position`, whether it is there or not.
    /// From far to near: records are written from near to far, and a line that is asked for while it is written is
    /// taken away from who writes it.
    #[inline(always)]
    pub(crate) fn prefetch_expected(&self, position: u64, stride: u64) {
        let first = self.at(position);
        let len = stride.min(EXPECTED_MOST);
        // The last byte may stand in one more line.
        copy::prefetch_read(first.wrapping_add(len as usize - 1));
        for line in (0..len.div_ceil(CACHE_LINE)).rev() {
            copy::prefetch_read(first.wrapping_add((line * CACHE_LINE) as usize));
        }
    }

    /// Asks for the line that a reader at `position` wants after the next ones, if it is below `tail`.
    #[inline(always)]
    pub(crate) fn prefetch_below(&self, position: u64, tail: u64) {
        let ahead = position + READ_AHEAD;
        if ahead < tail {
            copy::prefetch_read(self.at(ahead));
        }
    }
}

impl<P: ?Sized> Area<'_, P> {
    /// Copies the bytes of a value to the start of the slot at `position`, a multiple of the size of a slot, as words. The
    /// caller owns the data area, and a slot of it is longer than these bytes rounded up to 8.
    ///
    /// # Panics
    /// If they are more than the data area holds.
    pub(crate) fn put_slot_bytes(&self, position: u64, value: &[u8]) {
        assert!(value.len() as u64 <= self.capacity, "more than the data area holds");
        // SAFETY: invariants 1 to 3: the place of a slot is a multiple of 8, and the mirror holds what is behind it.
        unsafe { copy::copy_in(self.at(position), value.as_ptr(), value.len()) };
    }
}

impl<V: Values + ?Sized> Area<'_, V> {
    /// Bytes of a value, and from one to the next.
    #[inline(always)]
    fn size(&self) -> usize {
        V::SIZE.unwrap_or(self.len_max) as usize
    }

    /// Copies the bytes of a value to `position`. The caller owns the data area.
    ///
    /// # Panics
    /// If they are not as many as a value has: callers have refused that before.
    #[inline(always)]
    pub(crate) fn put(&self, position: u64, value: &[u8]) {
        assert!(value.len() == self.size(), "not the bytes of one value");
        // SAFETY: invariants 1 and 3: a value at a masked position is mapped and aligned for its granule.
        unsafe { copy::value_in(self.at(position), value.as_ptr(), value.len()) };
    }

    /// Copies the bytes of values to `position` and on, and asks for the lines behind them meanwhile. The caller owns the
    /// data area.
    ///
    /// # Panics
    /// If they are more than the data area holds, or not those of whole values: callers have refused that before.
    #[inline(always)]
    pub(crate) fn put_run(&self, position: u64, values: &[u8]) {
        self.put_run_of(self.size(), position, values);
    }

    /// [`put_run`](Self::put_run) of values whose size the caller knows when it is compiled.
    ///
    /// # Panics
    /// As [`put_run`](Self::put_run), and if values have another size.
    #[inline(always)]
    pub(crate) fn put_run_of(&self, size: usize, position: u64, values: &[u8]) {
        assert!(size == self.size(), "not the size of a value");
        assert!(values.len() as u64 <= self.capacity, "more than the data area holds");
        assert!(values.len() % size == 0, "not the bytes of whole values");
        let (mut to, mut from, mut left) = (position, values.as_ptr(), values.len() / size);
        while left > 0 {
            let count = left.min((RUN_AHEAD_MOST as usize).div_ceil(size));
            // Said as a product, so that the compiler knows which lengths cannot be.
            let len = count * size;
            self.prefetch_run_ahead(to, len as u64);
            // SAFETY: invariants 1 and 3: as many bytes as all values have are mapped from a masked position on.
            unsafe { copy::values_in(self.at(to), from, len, size) };
            (to, from, left) = (to + len as u64, from.wrapping_add(len), left - count);
        }
    }

    /// Copies the value at `position` out, whatever bytes stand there, into a place that is there already.
    ///
    /// # Panics
    /// As [`put`](Self::put).
    #[inline(always)]
    pub(crate) fn take_into(&self, position: u64, value: &mut [u8]) {
        assert!(value.len() == self.size(), "not the bytes of one value");
        // SAFETY: invariants 1 and 3, as in `put`.
        unsafe { copy::value_out(value.as_mut_ptr(), self.at(position), value.len()) };
    }

    /// Copies the values at `position` and on out, as many as `values` holds.
    ///
    /// # Panics
    /// As [`put_run`](Self::put_run).
    #[inline(always)]
    pub(crate) fn take_run(&self, position: u64, values: &mut [u8]) {
        self.take_run_of(self.size(), position, values);
    }

    /// [`take_run`](Self::take_run) of values whose size the caller knows when it is compiled.
    ///
    /// # Panics
    /// As [`put_run_of`](Self::put_run_of).
    #[inline(always)]
    pub(crate) fn take_run_of(&self, size: usize, position: u64, values: &mut [u8]) {
        assert!(size == self.size(), "not the size of a value");
        assert!(values.len() as u64 <= self.capacity, "more than the data area holds");
        assert!(values.len() % size == 0, "not the bytes of whole values");
        let to = values.as_mut_ptr();
        // SAFETY: invariants 1 and 3, as in `put_run`.
        unsafe { copy::values_out(to, self.at(position), values.len(), size) };
    }
}

impl<T: Item> Area<'_, T> {
    /// Copies the value at `position` out: whatever bytes stand there.
    #[inline(always)]
    pub(crate) fn take(&self, position: u64) -> T {
        let mut item = MaybeUninit::<T>::uninit();
        // SAFETY: invariants 1 and 3, as in `put`; `item` is our own.
        unsafe { copy::value_out(item.as_mut_ptr().cast(), self.at(position), size_of::<T>()) };
        // SAFETY: all of its bytes have been written, and any bytes are a `T` (FromBytes).
        unsafe { item.assume_init() }
    }

    /// Copies a value to the start of the slot at `position`, a multiple of the size of a slot, as words: a slot is
    /// longer than the value rounded up to 8. The caller owns the data area.
    #[inline(always)]
    pub(crate) fn put_slot(&self, position: u64, item: &T) {
        let from = core::ptr::from_ref(item).cast();
        // SAFETY: invariants 1 to 3: the place of a slot is a multiple of 8, and the value, rounded up to 8, is
        // shorter than the slot.
        unsafe { copy::copy_in(self.at(position), from, size_of::<T>()) };
    }
}

/// The words of the front, as the address that copies want.
#[inline(always)]
pub(super) fn front(words: &[AtomicU64; FRONT_WORDS]) -> *mut u8 {
    words.as_ptr().cast_mut().cast()
}

/// Copies the bytes of a value into our front, as words.
///
/// # Panics
/// If they are more than the front has: callers have asked.
#[inline(always)]
pub(crate) fn put_front(words: &[AtomicU64; FRONT_WORDS], value: &[u8]) {
    assert!(value.len() as u64 <= FRONT_BYTES, "longer than the front");
    // SAFETY: the front is aligned words of our own page, as long as the value rounded up to 8.
    unsafe { copy::copy_in(front(words), value.as_ptr(), value.len()) };
}

/// The other side's front.
pub(crate) type Front<'a> = Foreign<'a, [AtomicU64; FRONT_WORDS]>;

/// The value in the other side's front: whatever bytes stand there.
///
/// # Panics
/// If it is longer than the front: callers have asked.
#[inline(always)]
pub(crate) fn take_front<T: Item>(words: Front<'_>) -> T {
    assert!(size_of::<T>() as u64 <= FRONT_BYTES, "longer than the front");
    let mut item = MaybeUninit::<T>::uninit();
    // SAFETY: the front is aligned words, as long as the value rounded up to 8; `item` is our own.
    unsafe { copy::copy_out(item.as_mut_ptr().cast(), front(words.get()), size_of::<T>()) };
    // SAFETY: all of its bytes have been written, and any bytes are a `T` (FromBytes).
    unsafe { item.assume_init() }
}

/// Words of a front that may hold a value.
pub(crate) struct FrontCopy([u64; FRONT_WORDS]);

/// Copies of the words of the other side's front that a value of `size` bytes takes.
#[inline(always)]
pub(crate) fn copy_front(words: Front<'_>, size: usize) -> FrontCopy {
    let mut copy = [0; FRONT_WORDS];
    for (index, word) in copy.iter_mut().enumerate().take(size.div_ceil(8)) {
        *word = words.map(|words| &words[index]).relaxed();
    }
    FrontCopy(copy)
}

impl FrontCopy {
    /// Writes the bytes of the value to `value`.
    ///
    /// # Panics
    /// If it is longer than the front: callers have asked.
    #[inline(always)]
    pub(crate) fn write_to(&self, value: &mut [u8]) {
        value.copy_from_slice(&self.0.as_bytes()[..value.len()]);
    }
}
