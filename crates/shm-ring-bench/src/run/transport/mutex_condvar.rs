//! A buffer for one message in shared memory under a mutex and a condition variable that processes share.
//! The mutex is robust: should its owner die, whoever comes next is told, and so is whoever waits for
//! the condition, since that one looks after the mutex now and then.
//!
//! Invariant of the unsafe blocks: the page of a `Shared` starts with a `Monitor` that the parent made
//! before anyone else knew of it, and an end keeps it mapped; `full` and the slot are touched only
//! by the owner of the mutex.
#![allow(unsafe_code)]

use std::io;
use std::mem::{MaybeUninit, offset_of};

use super::shared::Shared;
use super::slot::Slot;
use super::{Fault, Handle, Inherited, Made, Receiver, Sender, Transport};

/// What both sides share beside the message.
#[repr(C)]
struct Monitor {
    mutex: libc::pthread_mutex_t,
    changed: libc::pthread_cond_t,
    full: u32,
}

/// How long somebody waits for the condition before it asks for the mutex, seconds.
const SLICE: libc::time_t = 1;

pub(crate) struct MutexCondvar;

/// One end: the same on both sides.
pub(crate) struct End<const W: usize> {
    slot: Slot<W>,
    shared: Shared,
}

/// The answer of a pthread function.
fn check(doing: &str, answer: libc::c_int) -> Result<(), Fault> {
    match answer {
        0 => Ok(()),
        libc::EOWNERDEAD => Err(Fault::new(doing, "the other side died with the mutex")),
        error => Err(Fault::new(doing, io::Error::from_raw_os_error(error))),
    }
}

fn mutex(shared: &Shared) -> *mut libc::pthread_mutex_t {
    shared.start().wrapping_add(offset_of!(Monitor, mutex)).cast()
}

fn changed(shared: &Shared) -> *mut libc::pthread_cond_t {
    shared.start().wrapping_add(offset_of!(Monitor, changed)).cast()
}

fn full(shared: &Shared) -> *mut u32 {
    shared.start().wrapping_add(offset_of!(Monitor, full)).cast()
}

/// Makes the monitor of a mapping that nobody else knows of yet.
fn make(shared: &Shared) -> Result<(), Fault> {
    let mut attributes = MaybeUninit::<libc::pthread_mutexattr_t>::uninit();
    let of_mutex = attributes.as_mut_ptr();
    // SAFETY: made here.
    check("mutexattr", unsafe { libc::pthread_mutexattr_init(of_mutex) })?;
    // SAFETY: made above.
    let between =
        unsafe { libc::pthread_mutexattr_setpshared(of_mutex, libc::PTHREAD_PROCESS_SHARED) };
    check("mutexattr_setpshared", between)?;
    // SAFETY: made above.
    let robust = unsafe { libc::pthread_mutexattr_setrobust(of_mutex, libc::PTHREAD_MUTEX_ROBUST) };
    check("mutexattr_setrobust", robust)?;
    // SAFETY: in a page that is mapped, aligned; the attributes were made above.
    check("mutex_init", unsafe { libc::pthread_mutex_init(mutex(shared), of_mutex) })?;

    let mut attributes = MaybeUninit::<libc::pthread_condattr_t>::uninit();
    let of_condition = attributes.as_mut_ptr();
    // SAFETY: made here.
    check("condattr", unsafe { libc::pthread_condattr_init(of_condition) })?;
    // SAFETY: made above.
    let between =
        unsafe { libc::pthread_condattr_setpshared(of_condition, libc::PTHREAD_PROCESS_SHARED) };
    check("condattr_setpshared", between)?;
    // SAFETY: made above.
    let clock = unsafe { libc::pthread_condattr_setclock(of_condition, libc::CLOCK_MONOTONIC) };
    check("condattr_setclock", clock)?;
    // SAFETY: as above.
    check("cond_init", unsafe { libc::pthread_cond_init(changed(shared), of_condition) })
}

/// The mutex, held.
struct Held<'a>(&'a Shared);

impl<'a> Held<'a> {
    fn take(shared: &'a Shared) -> Result<Self, Fault> {
        // SAFETY: the invariant.
        check("mutex_lock", unsafe { libc::pthread_mutex_lock(mutex(shared)) })?;
        Ok(Self(shared))
    }

    /// Waits until the buffer is full, or until it is not.
    fn until(&self, wanted: u32) -> Result<(), Fault> {
        let (mutex, changed) = (mutex(self.0), changed(self.0));
        // SAFETY: the invariant, and this is the owner.
        let now = || unsafe { full(self.0).read_volatile() };
        while now() != wanted {
            let mut end = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
            end.tv_sec += SLICE;
            let end = libc::timespec { tv_sec: end.tv_sec, tv_nsec: end.tv_nsec };
            // SAFETY: the invariant, and this is the owner.
            match unsafe { libc::pthread_cond_timedwait(changed, mutex, &raw const end) } {
                libc::ETIMEDOUT => {}
                answer => check("cond_timedwait", answer)?,
            }
        }
        Ok(())
    }

    fn give(self, now: u32) -> Result<(), Fault> {
        // SAFETY: the invariant, and this is the owner.
        unsafe { full(self.0).write_volatile(now) };
        // SAFETY: the invariant.
        check("cond_signal", unsafe { libc::pthread_cond_signal(changed(self.0)) })
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        // SAFETY: the invariant, and this is the owner.
        let _ = unsafe { libc::pthread_mutex_unlock(mutex(self.0)) };
    }
}

impl<const W: usize> Sender<W> for End<W> {
    fn send(&mut self, message: &[u64; W]) -> Result<(), Fault> {
        let held = Held::take(&self.shared)?;
        held.until(0)?;
        self.slot.fill(message);
        held.give(1)
    }
}

impl<const W: usize> Receiver<W> for End<W> {
    fn receive(&mut self, message: &mut [u64; W]) -> Result<(), Fault> {
        let held = Held::take(&self.shared)?;
        held.until(1)?;
        self.slot.copy_to(message);
        held.give(0)
    }
}

impl<const W: usize> End<W> {
    fn open(handle: &Handle) -> Result<Self, Fault> {
        Shared::open(handle).map(|(shared, slot)| Self { slot, shared })
    }
}

impl Transport for MutexCondvar {
    type Sender<const W: usize> = End<W>;
    type Receiver<const W: usize> = End<W>;

    fn make(bytes: usize) -> Result<Box<dyn Made>, Fault> {
        let (memory, shared) = Shared::make("shm-ring-bench-mutex", bytes)?;
        make(&shared)?;
        Ok(Box::new(Inherited::new(vec![memory]).holding(bytes as u64)))
    }

    fn sender<const W: usize>(handle: &Handle) -> Result<End<W>, Fault> {
        End::open(handle)
    }

    fn receiver<const W: usize>(handle: &Handle) -> Result<End<W>, Fault> {
        End::open(handle)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::time::Duration;

    use super::*;

    /// What a receive says that began at a time of the owner's choice, or that it said nothing.
    fn received(handle: Handle) -> mpsc::Receiver<String> {
        let (tell, told) = mpsc::channel();
        std::thread::spawn(move || {
            let mut rx = MutexCondvar::receiver::<1>(&handle).unwrap();
            let said = rx.receive(&mut [0; 1]).err().map(|fault| fault.to_string());
            let _ = tell.send(said.unwrap_or_default());
        });
        told
    }

    /// Takes the mutex and dies with it, as far as the kernel knows.
    fn die_owning(handle: Handle) {
        std::thread::spawn(move || {
            let tx = std::mem::ManuallyDrop::new(MutexCondvar::sender::<1>(&handle).unwrap());
            std::mem::forget(Held::take(&tx.shared).unwrap());
        })
        .join()
        .unwrap();
    }

    const DIED: &str = "the other side died with the mutex";

    #[test]
    fn an_owner_that_died_is_an_error_for_who_comes_next() {
        let made = MutexCondvar::make(8).unwrap();
        die_owning(made.handle());
        let said = received(made.handle()).recv_timeout(Duration::from_secs(20)).unwrap();
        assert_eq!(said, format!("mutex_lock: {DIED}"));
    }

    #[test]
    fn an_owner_that_died_is_an_error_for_who_waits_already() {
        let made = MutexCondvar::make(8).unwrap();
        let told = received(made.handle());
        std::thread::sleep(Duration::from_millis(50));
        die_owning(made.handle());
        let said = told.recv_timeout(Duration::from_secs(20)).unwrap();
        assert!(said.ends_with(DIED), "{said}");
    }
}
