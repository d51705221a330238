//! Owns: the bell, a futex word that its owner rings and the other side sleeps on. Knows nothing of: why anyone sleeps.
//!
//! The futex is shared (no PRIVATE flag), since the two sides are two processes; the sleeper waits
//! through a read-only mapping, which FUTEX_WAIT allows.

use crate::protocol::clock::Deadline;
use crate::protocol::sync::{AtomicU32, Foreign, Ordering};

/// The futex word of one side.
#[cfg_attr(not(loom), repr(transparent))]
pub(crate) struct Bell {
    word: AtomicU32,
    #[cfg(loom)]
    bucket: modelled::Bucket,
}

impl Bell {
    #[cfg(loom)]
    pub(crate) fn new() -> Self {
        Self { word: AtomicU32::new(0), bucket: modelled::Bucket::new() }
    }

    /// Counts one ring and wakes whoever sleeps on it.
    pub(crate) fn ring(&self) {
        let rung = self.word.load(Ordering::Relaxed).wrapping_add(1);
        self.word.store(rung, Ordering::Release); // edge `bell`
        self.wake();
    }
}

impl Foreign<'_, Bell> {
    /// The count of rings. The heavy barrier that follows is the acquire end of edge `bell`.
    pub(crate) fn count(self) -> u32 {
        self.map(|bell| &bell.word).relaxed()
    }

    /// Sleeps while the count is `count`, until `until` at most. Returning says nothing: the
    /// caller looks again, whether it was rung, interrupted, late or woken for no reason.
    pub(crate) fn wait(self, count: u32, until: Deadline) {
        self.get().sleep(count, until);
    }

    /// [`wait`](Self::wait) that ends too when `word` is no longer `value`, where the kernel can do
    /// that.
    pub(crate) fn wait_with(
        self,
        count: u32,
        word: Foreign<'_, AtomicU32>,
        value: u32,
        until: Deadline,
    ) {
        #[cfg(not(any(loom, shm_ring_steps)))]
        if real::sleep_on_both([self.while_at(count), Sleep { word, value }], until) {
            return;
        }
        #[cfg(any(loom, shm_ring_steps))]
        let _ = (word, value);
        self.wait(count, until);
    }
}

#[cfg(not(loom))]
pub(crate) use real::{ANY_MAX, Sleep, wait_any};

#[cfg(not(loom))]
mod real {
    use core::time::Duration;

    use rustix::io::Errno;
    use rustix::thread::futex;
    use rustix::time::ClockId;

    use super::{Bell, Deadline};
    use crate::protocol::sync::{AtomicU32, Foreign};

    /// How many bells the kernel lets one thread sleep on (FUTEX_WAITV_MAX).
    pub(crate) const ANY_MAX: usize = 128;

    /// A word, and the value that it has for as long as the sleep on it goes on.
    #[derive(Clone, Copy)]
    pub(crate) struct Sleep<'a> {
        pub(crate) word: Foreign<'a, AtomicU32>,
        pub(crate) value: u32,
    }

    impl<'a> Foreign<'a, Bell> {
        /// A sleep for as long as the count is `count`.
        pub(crate) fn while_at(self, count: u32) -> Sleep<'a> {
            Sleep { word: self.map(|bell| &bell.word), value: count }
        }
    }

    /// Sleeps while every word has the value beside it, until `until` at most. Returning says
    /// nothing, as with [`Foreign::wait`].
    pub(crate) fn wait_any<'a>(words: impl Iterator<Item = Sleep<'a>>, until: Deadline) {
        let waits: Vec<_> = words.map(as_the_kernel_wants).collect();
        if !waitv(&waits, until) {
            // Poll gently instead.
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// [`wait_any`] of two. False if the kernel cannot do it: then nobody slept.
    #[cfg(not(shm_ring_steps))]
    pub(super) fn sleep_on_both(words: [Sleep<'_>; 2], until: Deadline) -> bool {
        waitv(&words.map(as_the_kernel_wants), until)
    }

    fn as_the_kernel_wants(Sleep { word, value }: Sleep<'_>) -> futex::Wait {
        let mut wait = futex::Wait::new();
        wait.val = u64::from(value);
        wait.uaddr = core::ptr::from_ref(word.get()).cast_mut().cast::<core::ffi::c_void>().into();
        wait.flags = futex::WaitFlags::SIZE_U32;
        wait
    }

    /// False if it is not to be had: before Linux 5.16, in a sandbox, or for a page that is gone. That is
    /// not remembered: a sandbox may be one thread's, and a page one ring's.
    fn waitv(waits: &[futex::Wait], until: Deadline) -> bool {
        let flags = futex::WaitvFlags::empty();
        match futex::waitv(waits, flags, Some(&until.timespec()), ClockId::Monotonic) {
            Ok(_) | Err(Errno::AGAIN | Errno::INTR | Errno::TIMEDOUT) => true,
            Err(_) => false,
        }
    }

    #[cfg(not(shm_ring_steps))]
    impl Bell {
        pub(super) fn wake(&self) {
            // FUTEX_WAKE can fail only for a bad address, and ours is mapped.
            let _ = futex::wake(&self.word, futex::Flags::empty(), i32::MAX as u32);
        }

        pub(super) fn sleep(&self, count: u32, until: Deadline) {
            let until = until.timespec();
            let flags = futex::Flags::empty();
            let any = core::num::NonZeroU32::MAX;
            match futex::wait_bitset(&self.word, flags, count, Some(&until), any) {
                Ok(()) | Err(Errno::AGAIN | Errno::INTR | Errno::TIMEDOUT) => {}
                // A sandbox that refuses futexes, or a page that is gone: poll gently instead.
                Err(_) => std::thread::sleep(Duration::from_millis(1)),
            }
        }
    }
}

#[cfg(shm_ring_steps)]
impl Bell {
    fn wake(&self) {
        crate::protocol::steps::wake(&self.word);
    }

    fn sleep(&self, count: u32, until: Deadline) {
        crate::protocol::steps::sleep(&self.word, count, until.nanos());
    }
}

#[cfg(loom)]
mod modelled {
    use loom::sync::{Condvar, Mutex};

    use super::{Bell, Deadline};
    use crate::protocol::sync::Ordering;

    /// In place of the kernel's hash bucket: a lock and a condition. There is no time-out: a lost
    /// wake-up is a deadlock, which loom reports.
    pub(super) struct Bucket(Mutex<()>, Condvar);

    impl Bucket {
        pub(super) fn new() -> Self {
            Self(Mutex::new(()), Condvar::new())
        }
    }

    impl Bell {
        pub(super) fn wake(&self) {
            drop(self.bucket.0.lock().unwrap());
            self.bucket.1.notify_all();
        }

        pub(super) fn sleep(&self, count: u32, _until: Deadline) {
            let held = self.bucket.0.lock().unwrap();
            if self.word.load(Ordering::Relaxed) == count {
                drop(self.bucket.1.wait(held).unwrap());
            }
        }
    }
}
