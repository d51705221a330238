//! The bell: a futex word that its owner rings and the other side sleeps on. It must not know why
//! anyone sleeps.
//!
//! The futex is shared (no PRIVATE flag), since the two sides are two processes; the sleeper waits
//! through a read-only mapping, which FUTEX_WAIT allows.

#[cfg(loom)]
pub(crate) use modelled::Bell;
#[cfg(not(loom))]
pub(crate) use real::Bell;

#[cfg(not(loom))]
mod real {
    use core::num::NonZeroU32;
    use core::time::Duration;

    use rustix::io::Errno;
    use rustix::thread::futex;

    use crate::clock::Moment;
    use crate::sync::{AtomicU32, Foreign, Ordering};

    /// The futex word of one side.
    #[repr(transparent)]
    pub(crate) struct Bell(AtomicU32);

    impl Bell {
        /// Counts one ring and wakes whoever sleeps on it.
        pub(crate) fn ring(&self) {
            let rung = self.0.load(Ordering::Relaxed).wrapping_add(1);
            // edge `bell`: whoever reads this count sees what was stored before it was rung.
            self.0.store(rung, Ordering::Release);
            // FUTEX_WAKE can fail only for a bad address, and ours is mapped.
            let _ = futex::wake(&self.0, futex::Flags::empty(), i32::MAX as u32);
        }
    }

    impl Foreign<'_, Bell> {
        /// The count of rings. The heavy barrier that follows is the acquire end of edge `bell`.
        pub(crate) fn count(self) -> u32 {
            self.map(|bell| &bell.0).relaxed()
        }

        /// Sleeps while the count is `count`, until `until` at most. Returning says nothing: the
        /// caller looks again, whether it was rung, interrupted, late or woken for no reason.
        pub(crate) fn wait(self, count: u32, until: Moment) {
            let word = &self.get().0;
            let until = until.timespec();
            let flags = futex::Flags::empty();
            match futex::wait_bitset(word, flags, count, Some(&until), NonZeroU32::MAX) {
                Ok(()) | Err(Errno::AGAIN | Errno::INTR | Errno::TIMEDOUT) => {}
                // A sandbox that refuses futexes, or a page that is gone: poll gently instead.
                Err(_) => std::thread::sleep(Duration::from_millis(1)),
            }
        }
    }
}

#[cfg(loom)]
mod modelled {
    use loom::sync::{Condvar, Mutex};

    use crate::sync::{AtomicU32, Foreign, Ordering};

    /// The futex word and, in place of the kernel's hash bucket, a lock and a condition. There is
    /// no time-out: a lost wake-up is a deadlock, which loom reports.
    pub(crate) struct Bell {
        word: AtomicU32,
        bucket: Mutex<()>,
        woken: Condvar,
    }

    impl Bell {
        pub(crate) fn new() -> Self {
            Self { word: AtomicU32::new(0), bucket: Mutex::new(()), woken: Condvar::new() }
        }

        pub(crate) fn ring(&self) {
            let rung = self.word.load(Ordering::Relaxed).wrapping_add(1);
            self.word.store(rung, Ordering::Release); // modelled edge `bell`
            drop(self.bucket.lock().unwrap());
            self.woken.notify_all();
        }
    }

    impl Foreign<'_, Bell> {
        pub(crate) fn count(self) -> u32 {
            self.map(|bell| &bell.word).relaxed()
        }

        pub(crate) fn wait(self, count: u32) {
            let bell = self.get();
            let held = bell.bucket.lock().unwrap();
            if bell.word.load(Ordering::Relaxed) == count {
                drop(bell.woken.wait(held).unwrap());
            }
        }
    }
}
