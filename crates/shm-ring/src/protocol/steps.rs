//! Owns: the other face of the atomics facade, under `--cfg shm_ring_steps`: every access to shared memory, and every
//! system call by which the sides meet, is put to a machine that decides when it happens. With it a fuzzer stops a side
//! between any two accesses, kills it there, and holds stores back. Knows nothing of: what any word means, who takes turns.
//!
//! An ordinary build has none of this. Without a machine (see [`install`]) accesses are what they
//! always are, and nobody sleeps.
//!
//! Invariant of the unsafe blocks: a [`Word`] is made from an atomic that is there, and is accessed only
//! while the mapping that it lies in is.
#![allow(unsafe_code)]

use core::cell::Cell;

pub(crate) use core::sync::atomic::Ordering;
use core::sync::atomic::{self as real};

/// A word in shared memory, where one attachment maps it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Word {
    address: usize,
    bytes: u8,
}

impl Word {
    /// What stands there.
    ///
    /// # Safety
    /// The mapping that the word lies in is still there.
    #[must_use]
    pub unsafe fn load(self) -> u64 {
        let at = core::ptr::with_exposed_provenance_mut::<u8>(self.address);
        match self.bytes {
            // SAFETY: the contract above; made from an atomic of this width.
            1 => unsafe { real::AtomicU8::from_ptr(at) }.load(Ordering::Relaxed).into(),
            // SAFETY: the same.
            4 => unsafe { real::AtomicU32::from_ptr(at.cast()) }.load(Ordering::Relaxed).into(),
            // SAFETY: the same.
            _ => unsafe { real::AtomicU64::from_ptr(at.cast()) }.load(Ordering::Relaxed),
        }
    }

    /// Makes it `value`, as far as that fits.
    ///
    /// # Safety
    /// As [`load`](Self::load), and the mapping is writable.
    pub unsafe fn store(self, value: u64) {
        let at = core::ptr::with_exposed_provenance_mut::<u8>(self.address);
        match self.bytes {
            // SAFETY: the contract above; made from an atomic of this width.
            1 => unsafe { real::AtomicU8::from_ptr(at) }.store(value as u8, Ordering::Relaxed),
            4 => {
                // SAFETY: the same.
                let word = unsafe { real::AtomicU32::from_ptr(at.cast()) };
                word.store(value as u32, Ordering::Relaxed);
            }
            // SAFETY: the same.
            _ => unsafe { real::AtomicU64::from_ptr(at.cast()) }.store(value, Ordering::Relaxed),
        }
    }
}

/// What a side is about to do.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Step {
    /// Loads a word: the answer is its value.
    Load(Word),
    /// Stores into a word.
    Store(Word, u64),
    /// Stores into a word by a locked instruction: the answer is the value before.
    Swap(Word, u64),
    /// A full fence.
    Fence,
    /// A membarrier: a full fence on every processor that runs either side.
    Membarrier,
    /// Asks whether this side, as a waker, may rely on the sleeper's membarrier: 0 or 1.
    Relies,
    /// Another system call: takes, gives up or asks about a lease, unmaps the region.
    Call,
    /// Reads the clock: the answer is nanoseconds.
    Now,
    /// Sleeps while the word is `count`, until that many nanoseconds on the clock at most.
    Sleep {
        /// The other side's bell.
        bell: Word,
        /// What it was.
        count: u32,
        /// When the sleep ends by itself.
        until: u64,
    },
    /// Wakes whoever sleeps on the word.
    Wake(Word),
}

/// Who does the steps of this thread. It returns when the step is done, and its answer.
pub type Machine = fn(Step) -> u64;

thread_local! {
    static MACHINE: Cell<Option<Machine>> = const { Cell::new(None) };
}

/// Has `machine` do all further steps of this thread, or nobody.
pub fn install(machine: Option<Machine>) {
    MACHINE.set(machine);
}

fn ask(step: Step) -> Option<u64> {
    MACHINE.get().map(|machine| machine(step))
}

macro_rules! stepped {
    ($name:ident, $bits:ty) => {
        #[repr(transparent)]
        pub(crate) struct $name(real::$name);

        impl $name {
            /// # Safety
            /// As the standard one's.
            #[allow(dead_code)]
            pub(crate) unsafe fn from_ptr<'a>(at: *mut $bits) -> &'a Self {
                // SAFETY: the contract; `repr(transparent)`.
                unsafe { &*at.cast::<Self>() }
            }

            #[allow(dead_code)]
            pub(crate) const fn new(value: $bits) -> Self {
                Self(real::$name::new(value))
            }

            /// Of words of this process alone, about which nobody decides.
            #[allow(dead_code)]
            pub(crate) fn fetch_add(&self, value: $bits, order: Ordering) -> $bits {
                self.0.fetch_add(value, order)
            }

            fn word(&self) -> Word {
                let address = core::ptr::from_ref(self).expose_provenance();
                Word { address, bytes: size_of::<$bits>() as u8 }
            }

            pub(crate) fn load(&self, order: Ordering) -> $bits {
                match ask(Step::Load(self.word())) {
                    Some(value) => value as $bits,
                    None => self.0.load(order),
                }
            }

            pub(crate) fn store(&self, value: $bits, order: Ordering) {
                if ask(Step::Store(self.word(), value.into())).is_none() {
                    self.0.store(value, order);
                }
            }

            #[allow(dead_code)]
            pub(crate) fn swap(&self, value: $bits, order: Ordering) -> $bits {
                match ask(Step::Swap(self.word(), value.into())) {
                    Some(value) => value as $bits,
                    None => self.0.swap(value, order),
                }
            }
        }
    };
}

stepped!(AtomicU8, u8);
stepped!(AtomicU32, u32);
stepped!(AtomicU64, u64);

/// Weaker fences order nothing that a machine with store buffers does not keep in order by itself.
pub(crate) fn fence(order: Ordering) {
    if order != Ordering::SeqCst || ask(Step::Fence).is_none() {
        real::fence(order);
    }
}

pub(crate) fn membarrier() {
    ask(Step::Membarrier);
}

pub(crate) fn relies_on_membarrier() -> bool {
    ask(Step::Relies).unwrap_or(1) == 1
}

/// A system call comes next by which the sides do not meet.
pub(crate) fn system_call() {
    ask(Step::Call);
}

pub(crate) fn now() -> Option<u64> {
    ask(Step::Now)
}

/// Without a machine nobody sleeps: returning says nothing.
pub(crate) fn sleep(bell: &AtomicU32, count: u32, until: u64) {
    ask(Step::Sleep { bell: bell.word(), count, until });
}

pub(crate) fn wake(bell: &AtomicU32) {
    ask(Step::Wake(bell.word()));
}
