//! Owns: the bell, a futex word that its owner rings and the other side sleeps on, and sleeping on several words at once.
//! Knows nothing of: why anyone sleeps.
//!
//! The futex is shared (no PRIVATE flag), since the two sides are two processes; the sleeper waits
//! through a read-only mapping, which FUTEX_WAIT allows.

#[cfg(not(loom))]
use core::time::Duration;

use crate::protocol::clock::Deadline;
use crate::protocol::sync::{AtomicU32, Foreign, Ordering};

/// How many words the kernel lets one thread sleep on (FUTEX_WAITV_MAX).
pub(crate) const WORDS_MAX: usize = 128;

/// How long a sleep may last that nothing ends if the other side dies.
#[cfg(not(loom))]
pub(crate) const SLICE: Duration = Duration::from_millis(100);

/// The futex word of one side.
#[cfg_attr(not(loom), repr(transparent))]
pub(crate) struct Bell {
    word: AtomicU32,
    #[cfg(loom)]
    bucket: modelled::Bucket,
}

impl Bell {
    #[cfg(not(loom))]
    pub(crate) const fn new() -> Self {
        Self { word: AtomicU32::new(0) }
    }

    #[cfg(loom)]
    pub(crate) fn new() -> Self {
        Self { word: AtomicU32::new(0), bucket: modelled::Bucket::default() }
    }

    /// A bell on which a thread may sleep together with `other`.
    #[cfg(loom)]
    pub(crate) fn beside(other: &Self) -> Self {
        Self { word: AtomicU32::new(0), bucket: other.bucket.clone() }
    }

    /// The futex word.
    pub(crate) fn word(&self) -> &AtomicU32 {
        &self.word
    }

    /// Counts one ring and wakes whoever sleeps on it.
    pub(crate) fn ring(&self) {
        let rung = self.word.load(Ordering::Relaxed).wrapping_add(1);
        self.word.store(rung, Ordering::Release); // edge `bell`
        self.wake();
    }

    /// [`ring`](Self::ring) of a bell that has more than one owner: threads and signal handlers of this process.
    pub(crate) fn ring_by_any(&self) {
        self.word.fetch_add(1, Ordering::Release); // edge `interrupt`
        self.wake();
    }
}

#[cfg(loom)]
pub(crate) use modelled::Words;
#[cfg(not(any(loom, shm_ring_steps)))]
pub(crate) use real::Words;
#[cfg(shm_ring_steps)]
pub(crate) use stepped::Words;

#[cfg(not(any(loom, shm_ring_steps)))]
mod real {
    use core::marker::PhantomData;
    use core::num::NonZeroU32;

    use rustix::io::Errno;
    use rustix::thread::futex;
    use rustix::time::ClockId;

    use super::{AtomicU32, Bell, Deadline, Duration, Foreign, SLICE};

    /// Up to `N` words to sleep on, and the value of each for as long as the sleep goes on.
    pub(crate) struct Words<'a, const N: usize> {
        waits: [futex::Wait; N],
        len: usize,
        /// The first one, which must be that of a bell.
        first: Option<(&'a AtomicU32, u32)>,
        bells: usize,
        words: PhantomData<&'a AtomicU32>,
    }

    impl<'a, const N: usize> Words<'a, N> {
        pub(crate) fn new() -> Self {
            let waits = [futex::Wait::new(); N];
            Self { waits, len: 0, first: None, bells: 0, words: PhantomData }
        }

        /// Adds a bell, to be slept on for as long as its count is what it is now. What follows the call, a heavy barrier
        /// or a fence, is the acquire end of edge `bell`.
        pub(crate) fn add_bell(&mut self, bell: Foreign<'a, Bell>) {
            let word = bell.map(|bell| &bell.word);
            self.bells += 1;
            let _has_place = self.add(word, word.relaxed());
        }

        /// Adds a word, if there is a place left: whether there was.
        pub(crate) fn add(&mut self, word: Foreign<'a, AtomicU32>, value: u32) -> bool {
            self.first.get_or_insert((word.get(), value));
            let Some(wait) = self.waits.get_mut(self.len) else {
                return false;
            };
            wait.val = u64::from(value);
            let address = core::ptr::from_ref(word.get()).cast_mut();
            wait.uaddr = address.cast::<core::ffi::c_void>().into();
            wait.flags = futex::WaitFlags::SIZE_U32;
            self.len += 1;
            true
        }

        /// For which value `word` is slept on, if it is.
        pub(crate) fn value_of(&self, word: &AtomicU32) -> Option<u32> {
            let address = core::ptr::from_ref(word).cast_mut().cast::<core::ffi::c_void>();
            let mut waits = self.waits[..self.len].iter();
            waits.find(|wait| wait.uaddr.ptr == address).map(|wait| wait.val as u32)
        }

        /// Sleeps while every word is as it was, until `until` at most. Returning says nothing: the
        /// caller looks again, whether it was rung, interrupted, late or woken for no reason.
        pub(crate) fn sleep(&self, until: Deadline) {
            if self.len > 1 && waitv(&self.waits[..self.len], until) {
                return;
            }
            match self.first {
                // Without the word that tells of a death: slices do.
                Some((word, value)) if self.bells == 1 => {
                    wait(word, value, until.min(Deadline::now().plus(SLICE)));
                }
                _ => poll_gently(),
            }
        }
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

    fn wait(word: &AtomicU32, value: u32, until: Deadline) {
        let (flags, until) = (futex::Flags::empty(), until.timespec());
        match futex::wait_bitset(word, flags, value, Some(&until), NonZeroU32::MAX) {
            Ok(()) | Err(Errno::AGAIN | Errno::INTR | Errno::TIMEDOUT) => {}
            // A sandbox that refuses futexes, or a page that is gone.
            Err(_) => poll_gently(),
        }
    }

    /// In place of a sleep that the kernel refuses.
    fn poll_gently() {
        std::thread::sleep(Duration::from_millis(1));
    }

    impl Bell {
        pub(super) fn wake(&self) {
            // Ours is mapped. It fails all the same beside one who waits on it by FUTEX_WAIT_REQUEUE_PI: slices help then.
            let _ = futex::wake(&self.word, futex::Flags::empty(), i32::MAX as u32);
        }
    }
}

#[cfg(shm_ring_steps)]
mod stepped {
    use super::{AtomicU32, Bell, Deadline, Foreign};
    use crate::protocol::steps;

    /// The bell of one ring: who decides about each step knows of no other words.
    pub(crate) struct Words<'a, const N: usize> {
        bell: Option<(&'a AtomicU32, u32)>,
    }

    impl<'a, const N: usize> Words<'a, N> {
        pub(crate) fn new() -> Self {
            Self { bell: None }
        }

        pub(crate) fn add_bell(&mut self, bell: Foreign<'a, Bell>) {
            let word = bell.map(|bell| &bell.word);
            self.bell = Some((word.get(), word.relaxed()));
        }

        /// Nobody watches it.
        pub(crate) fn add(&mut self, _word: Foreign<'a, AtomicU32>, _value: u32) -> bool {
            false
        }

        pub(crate) fn value_of(&self, word: &AtomicU32) -> Option<u32> {
            self.bell.filter(|(bell, _)| core::ptr::eq(*bell, word)).map(|(_, count)| count)
        }

        pub(crate) fn sleep(&self, until: Deadline) {
            if let Some((word, count)) = self.bell {
                steps::sleep(word, count, until.nanos());
            }
        }
    }

    impl Bell {
        pub(super) fn wake(&self) {
            steps::wake(&self.word);
        }
    }
}

#[cfg(loom)]
mod modelled {
    use loom::sync::{Arc, Condvar, Mutex};

    use super::{AtomicU32, Bell, Deadline, Foreign};
    use crate::protocol::sync::Ordering;

    /// In place of the kernel's hash bucket: a lock and a condition. There is no time-out: a lost
    /// wake-up is a deadlock, which loom reports.
    pub(super) type Bucket = Arc<(Mutex<()>, Condvar)>;

    /// Bells to sleep on, which must be in one bucket.
    pub(crate) struct Words<'a, const N: usize> {
        bells: Vec<(&'a Bell, u32)>,
    }

    impl<'a, const N: usize> Words<'a, N> {
        pub(crate) fn new() -> Self {
            Self { bells: Vec::new() }
        }

        pub(crate) fn add_bell(&mut self, bell: Foreign<'a, Bell>) {
            assert!(self.bells.len() < N, "more bells than places");
            self.bells.push((bell.get(), bell.map(|bell| &bell.word).relaxed()));
        }

        /// Adds a bell, to be slept on for as long as its count is `count`.
        pub(crate) fn add_counted(&mut self, bell: &'a Bell, count: u32) {
            self.bells.push((bell, count));
        }

        pub(crate) fn value_of(&self, word: &AtomicU32) -> Option<u32> {
            let mut bells = self.bells.iter();
            bells.find(|(bell, _)| core::ptr::eq(&bell.word, word)).map(|(_, count)| *count)
        }

        /// Loom has no kernel that changes words by itself.
        pub(crate) fn add(&mut self, _word: Foreign<'a, AtomicU32>, _value: u32) -> bool {
            false
        }

        pub(crate) fn sleep(&self, _until: Deadline) {
            let (first, _) = self.bells[0];
            let bucket = &first.bucket;
            assert!(self.bells.iter().all(|(bell, _)| Arc::ptr_eq(&bell.bucket, bucket)));
            let held = bucket.0.lock().unwrap();
            if self.bells.iter().all(|(bell, count)| bell.word.load(Ordering::Relaxed) == *count) {
                drop(bucket.1.wait(held).unwrap());
            }
        }
    }

    impl Bell {
        pub(crate) fn wake(&self) {
            drop(self.bucket.0.lock().unwrap());
            self.bucket.1.notify_all();
        }
    }
}
