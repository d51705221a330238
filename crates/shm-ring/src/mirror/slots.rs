//! A mapping seen as records: the word at a position, a side's page, and copying payloads to and
//! from a position. It must not know when a record exists. The invariants of the unsafe blocks
//! stand at the top of `mirror`.
#![allow(unsafe_code)]

use core::marker::PhantomData;
use core::mem::MaybeUninit;
use core::ptr::NonNull;

use super::Mapping;
use crate::copy;
use crate::cursor::Words;
use crate::item::{Item, Payload};
use crate::layout::{CONTROL_PAGES, SidePage};
use crate::record;
use crate::sync::{AtomicU64, Foreign};

/// A mapping seen as records of `P`: addresses worked out once, kept together for the hot path.
pub(crate) struct Slots<P: ?Sized> {
    data: *mut u8,
    mask: u64,
    /// Bytes of the longest payload.
    len_max: u64,
    mine: NonNull<SidePage>,
    theirs: NonNull<SidePage>,
    /// Keeps the addresses above valid.
    mapping: Mapping,
    payload: PhantomData<fn(&P) -> *const P>,
}

// SAFETY: the pointers lead into a mapping that the value owns and that every thread of the process
// sees at the same address; what is behind them is accessed as atomic words or by `copy`.
unsafe impl<P: ?Sized> Send for Slots<P> {}

/// How far ahead of the tail the producer asks for lines: 16 lines of 64 bytes, or as many records if
/// they are short. Lines that are asked for long before they are needed are taken away again.
const PREFETCH_AHEAD: usize = 1024;
const PREFETCH_RECORDS: usize = 32;
const CACHE_LINE: usize = 64;

impl<P: ?Sized> Slots<P> {
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

    /// Bytes of the longest payload.
    #[inline(always)]
    pub(crate) fn len_max(&self) -> u64 {
        self.len_max
    }

    /// What belongs into our liveness word: see [`Mapping::liveness`].
    pub(crate) fn liveness(&self) -> u32 {
        self.mapping.liveness()
    }
}

impl<P: Payload + ?Sized> Slots<P> {
    /// The record alignment, and the distance from a record to its payload.
    pub(crate) const ALIGN: u64 = record::alignment(align_of::<P::Element>() as u64);
    /// Bytes of an element: payloads are multiples of it.
    pub(crate) const UNIT: u32 = size_of::<P::Element>() as u32;

    /// Bytes from a record with a payload of `len` bytes to the next.
    #[inline(always)]
    pub(crate) const fn stride(len: u64) -> u64 {
        record::stride(Self::ALIGN, len)
    }

    /// `None` if not even the shortest record fits the mapping, or an element's alignment is beyond
    /// a page.
    pub(crate) fn over(mapping: Mapping) -> Option<Self> {
        let unit = u64::from(Self::UNIT).max(1);
        let most = record::longest(mapping.capacity as u64, Self::ALIGN, unit)?;
        let len_max = match P::FIXED {
            Some(len) => u64::from(len),
            None => most,
        };
        if len_max > most || align_of::<P::Element>() > mapping.page {
            return None;
        }
        Some(Self {
            data: mapping.at(CONTROL_PAGES as usize * mapping.page).cast(),
            mask: mapping.capacity as u64 - record::COMMIT_WORD,
            len_max,
            mine: mapping.side(mapping.role),
            theirs: mapping.side(mapping.role.peer()),
            mapping,
            payload: PhantomData,
        })
    }

    /// The data area, to be kept at hand by whoever reads or writes several records: what the
    /// compiler knows of a copy it need not load again after a fence.
    #[inline(always)]
    pub(crate) fn area(&self) -> Area<'_, P> {
        Area { data: self.data, mask: self.mask, len_max: self.len_max, slots: PhantomData }
    }
}

/// The data area of [`Slots`].
pub(crate) struct Area<'a, P: ?Sized> {
    data: *mut u8,
    mask: u64,
    len_max: u64,
    slots: PhantomData<&'a Slots<P>>,
}

impl<P: ?Sized> Clone for Area<'_, P> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<P: ?Sized> Copy for Area<'_, P> {}

impl<P: Payload + ?Sized> Area<'_, P> {
    /// Bytes of the longest payload.
    #[inline(always)]
    pub(crate) fn len_max(&self) -> u64 {
        self.len_max
    }

    /// Where the payload of the record at `position` stands: `len_max` bytes from here are mapped.
    #[inline(always)]
    pub(crate) fn payload(&self, position: u64) -> *mut u8 {
        let offset = (position & self.mask) as usize + Slots::<P>::ALIGN as usize;
        let payload = self.data.wrapping_add(offset);
        debug_assert!(payload.addr() % align_of::<P::Element>() == 0, "payloads are aligned");
        payload
    }

    /// Asks for the lines of a record of `stride` bytes that will come some way behind `position`.
    #[inline(always)]
    pub(crate) fn prefetch(&self, position: u64, stride: u64) {
        let ahead = PREFETCH_AHEAD.min(PREFETCH_RECORDS * stride as usize);
        let first = (position & self.mask) as usize + ahead;
        for line in 0..(stride as usize).div_ceil(CACHE_LINE) {
            copy::prefetch_write(self.data.wrapping_add(first + line * CACHE_LINE));
        }
    }

    /// Copies `elements` to the payload of the record at `position`. The caller owns the data area.
    ///
    /// # Panics
    /// If they are longer than the longest payload: callers have refused that before.
    #[inline(always)]
    pub(crate) fn put_all(&self, position: u64, elements: &[P::Element]) {
        let len = size_of_val(elements);
        assert!(len as u64 <= self.len_max, "longer than the longest payload");
        // SAFETY: invariants 1 and 3: the payload is mapped and 8-byte aligned, and `len` is at
        // most `len_max`.
        unsafe { copy::put(self.payload(position), elements.as_ptr().cast(), len) };
    }

    /// Copies `elements` into the payload of the record at `position`, from its byte `at` on.
    ///
    /// # Panics
    /// As [`put_all`](Self::put_all).
    pub(crate) fn put_part(&self, position: u64, at: usize, elements: &[P::Element]) {
        let len = size_of_val(elements);
        let fits = at.checked_add(len).is_some_and(|end| end as u64 <= self.len_max);
        assert!(fits, "longer than the longest payload");
        let to = self.payload(position).wrapping_add(at);
        // SAFETY: invariants 1 and 3: `at + len` is at most `len_max`.
        unsafe { copy::put_at(to, elements.as_ptr().cast(), len) };
    }

    /// Zeros what is between a payload of `len` bytes and the next multiple of 8.
    ///
    /// # Panics
    /// As [`put_all`](Self::put_all).
    #[inline]
    pub(crate) fn fill_up(&self, position: u64, len: usize) {
        assert!(len as u64 <= self.len_max, "longer than the longest payload");
        let zeros = [0; record::COMMIT_WORD as usize];
        let missing = len.next_multiple_of(zeros.len()) - len;
        let to = self.payload(position).wrapping_add(len);
        // SAFETY: invariants 1 and 3: up to `len_max` rounded up to 8 the payload is mapped.
        unsafe { copy::put_at(to, zeros.as_ptr(), missing) };
    }

    /// Copies the payload of the record at `position` to the start of `elements`: `len` bytes.
    ///
    /// # Panics
    /// If `len` is more than the longest payload or than `elements`: callers have refused that.
    #[inline(always)]
    pub(crate) fn take_all(&self, position: u64, len: usize, elements: &mut [P::Element]) {
        assert!(len as u64 <= self.len_max && len <= size_of_val(elements), "beyond an end");
        let to = elements.as_mut_ptr().cast();
        // SAFETY: invariants 1 and 3, as in `put_all`; any bytes are elements (FromBytes).
        unsafe { copy::take(to, self.payload(position), len) };
    }

    /// Copies the payload of the record at `position`, `len` bytes, in place of what `elements`
    /// holds.
    ///
    /// # Panics
    /// If `len` is more than the longest payload; callers have refused that.
    #[inline]
    pub(crate) fn take_vec(&self, position: u64, len: usize, elements: &mut Vec<P::Element>) {
        assert!(len as u64 <= self.len_max, "longer than the longest payload");
        let unit = (Slots::<P>::UNIT as usize).max(1);
        assert!(len % unit == 0, "not whole elements");
        let count = len / unit;
        elements.clear();
        elements.reserve(count);
        // SAFETY: invariants 1 and 3; the capacity has just been reserved.
        unsafe { copy::take(elements.as_mut_ptr().cast(), self.payload(position), len) };
        // SAFETY: `count` elements have been written whole, and any bytes are elements (FromBytes).
        unsafe { elements.set_len(count) };
    }
}

impl<T: Item> Slots<T> {
    /// Bytes of an item.
    pub(crate) const LEN: u32 = T::FIXED.unwrap();
}

impl<T: Item> Area<'_, T> {
    /// Copies an item to the payload of the record at `position`. The caller owns the data area.
    #[inline(always)]
    pub(crate) fn put(&self, position: u64, item: &T) {
        let from = core::ptr::from_ref(item).cast();
        // SAFETY: invariants 1 and 3: the payload is mapped and 8-byte aligned (a masked position
        // plus a multiple of 8), its length rounded up to 8 is inside the record.
        unsafe { copy::put(self.payload(position), from, size_of::<T>()) };
    }

    /// Copies an item to the start of the slot at `position`, which is a multiple of the size of a slot: no
    /// commit word stands before it. The caller owns the data area.
    #[inline(always)]
    pub(crate) fn put_slot(&self, position: u64, item: &T) {
        let to = self.data.wrapping_add((position & self.mask) as usize);
        debug_assert!(to.addr() % align_of::<T>() == 0, "slots are aligned");
        let from = core::ptr::from_ref(item).cast();
        // SAFETY: invariants 1 to 3: a masked position is an aligned word below `capacity`, and from there
        // a payload, its length rounded up to 8, ends below `2 * capacity`.
        unsafe { copy::put(to, from, size_of::<T>()) };
    }

    /// Copies the item out of the record at `position`: whatever bytes stand there.
    #[inline(always)]
    pub(crate) fn take(&self, position: u64) -> T {
        let mut item = MaybeUninit::<T>::uninit();
        // SAFETY: invariants 1 and 3, as in `put`; `item` is our own.
        unsafe { copy::take(item.as_mut_ptr().cast(), self.payload(position), size_of::<T>()) };
        // SAFETY: all of its bytes have been written, and any bytes are a `T` (FromBytes).
        unsafe { item.assume_init() }
    }

    /// `take` into a place that is there already.
    #[inline(always)]
    pub(crate) fn take_into(&self, position: u64, item: &mut T) {
        let to = core::ptr::from_mut(item).cast();
        // SAFETY: invariants 1 and 3, as in `put`; any bytes are a `T`, so `item` stays valid.
        unsafe { copy::take(to, self.payload(position), size_of::<T>()) };
    }
}

impl<P: ?Sized> Words for Area<'_, P> {
    #[inline(always)]
    fn word(&self, position: u64) -> &AtomicU64 {
        let address = self.data.wrapping_add((position & self.mask) as usize);
        // SAFETY: invariants 1 and 2: an aligned word of the data area, accessed atomically; a
        // consumer, whose mapping is read-only, wraps it in `Foreign`.
        unsafe { AtomicU64::from_ptr(address.cast()) }
    }
}
