//! Owns: the descriptor of an end, which is readable when the end has something to say: its calls, and who writes to it. Knows
//! nothing of: what the end carries, and how is slept for it.
//!
//! Nobody's readiness is lost: the descriptor is cleared before the end is armed, whose last look comes after. A wake-up of
//! an arming before, which comes late, may make it readable once more.
#![allow(unsafe_code)]

use core::ffi::c_int;
use core::mem::MaybeUninit;
use core::task::Waker;
use core::time::Duration;
use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::{AsRawFd, RawFd};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};
use std::task::Wake;

use rustix::event::{EventfdFlags, eventfd};
use shm_ring::{AnyEnd, WaitAnyError, take_interrupt, wait_any};
use shm_ring_async::Alarm;

use crate::border::{guard_int, invalid};
use crate::code::{Failure, SHMR_FORKED, SHMR_INTERRUPTED, SHMR_OS};
use crate::handle::When;
use crate::wait_any::{Entered, shmr_end};

/// What a handle keeps for its descriptor.
pub(crate) struct Event {
    alarm: Alarm,
    signal: Arc<Signal>,
    fd: RawFd,
    /// What it was armed for last: the end itself, or its other side.
    awaits_peer: bool,
    /// Where the end stood when it was last found to have something to say.
    answered_at: Option<u64>,
}

/// What the engine's thread writes to. Locked for a system call at most.
struct Signal(Mutex<State>);

struct State {
    /// An event descriptor; none once the handle is closed.
    file: Option<File>,
    /// Whether somebody waits for it.
    armed: bool,
}

impl Signal {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether somebody waits from now on. What was written before is forgotten.
    fn set(&self, armed: bool) {
        let mut state = self.lock();
        state.armed = armed;
        if let Some(mut file) = state.file.as_ref() {
            // Nothing to read is an error, and none.
            let _ = file.read(&mut [0; 8]);
        }
    }
}

impl Wake for Signal {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        let mut state = self.lock();
        if core::mem::take(&mut state.armed) {
            if let Some(mut file) = state.file.as_ref() {
                // It has been cleared, so there is room for one.
                let _ = file.write(&1_u64.to_ne_bytes());
            }
        }
    }
}

impl Event {
    fn new() -> Result<Self, Failure> {
        let fd = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK).map_err(|error| {
            Failure::told(
                SHMR_OS,
                format!("eventfd: {error}: close descriptors, or raise `ulimit -n`"),
            )
        })?;
        let file = File::from(fd);
        let fd = file.as_raw_fd();
        let signal = Arc::new(Signal(Mutex::new(State { file: Some(file), armed: false })));
        let alarm = Alarm::new(Waker::from(Arc::clone(&signal)));
        Ok(Self { alarm, signal, fd, awaits_peer: false, answered_at: None })
    }

    fn arm(&mut self, end: &dyn AnyEnd) -> bool {
        self.signal.set(true);
        let armed = without_signals(|| self.alarm.arm(end));
        if !armed {
            self.signal.set(false);
        }
        armed
    }

    fn disarm(&mut self, end: &dyn AnyEnd) {
        self.alarm.disarm(end);
        self.signal.set(false);
    }
}

impl Drop for Event {
    fn drop(&mut self) {
        // In a child the thread that has it locked does not exist: then its copy of the descriptor stays open.
        let mut state = match self.signal.0.try_lock() {
            Err(TryLockError::WouldBlock) if !self.alarm.is_ours() => return,
            Err(TryLockError::WouldBlock) => self.signal.lock(),
            Err(TryLockError::Poisoned(state)) => state.into_inner(),
            Ok(state) => state,
        };
        state.armed = false;
        state.file = None;
    }
}

/// Has the thread that an alarm may start take no signal: handlers are for the threads of the program.
fn without_signals<R>(start: impl FnOnce() -> R) -> R {
    let mut all = MaybeUninit::<libc::sigset_t>::uninit();
    let mut before = MaybeUninit::<libc::sigset_t>::uninit();
    // SAFETY: a place for a set, which it fills.
    unsafe { libc::sigfillset(all.as_mut_ptr()) };
    // SAFETY: a set that was filled, and a place for one.
    let blocked =
        unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, all.as_ptr(), before.as_mut_ptr()) };
    let started = start();
    if blocked == 0 {
        // SAFETY: the call above has filled it.
        unsafe {
            libc::pthread_sigmask(libc::SIG_SETMASK, before.as_ptr(), core::ptr::null_mut());
        }
    }
    started
}

/// Runs `call` with an end and its event, which is made if there is none.
fn with_event(
    end: Option<&shmr_end<'_>>,
    when: When,
    call: impl FnOnce(&mut Event, &mut Entered<'_>, bool) -> Result<i64, Failure>,
) -> Result<i64, Failure> {
    let end = end.ok_or_else(|| invalid("the end is NULL"))?;
    let mut entered = Entered::of(end, when)?;
    let mut event = match entered.event().take() {
        Some(event) => event,
        None => {
            let asked = wait_any(&mut [entered.waited(false).end()], Some(Duration::ZERO));
            if asked == Err(WaitAnyError::Forked) {
                return Err(Failure::plain(SHMR_FORKED));
            }
            Box::new(Event::new()?)
        }
    };
    let answer = match event.alarm.is_ours() {
        true => call(&mut event, &mut entered, end.awaits_peer != 0),
        false => Err(Failure::plain(SHMR_FORKED)),
    };
    entered.event().set(Some(event));
    answer
}

/// `shmr_fd`.
#[unsafe(no_mangle)]
pub extern "C" fn shmr_fd(end: Option<&shmr_end<'_>>) -> c_int {
    guard_int(|| with_event(end, When::Any, |event, _, _| Ok(event.fd.into())))
}

/// `shmr_arm`.
#[unsafe(no_mangle)]
pub extern "C" fn shmr_arm(end: Option<&shmr_end<'_>>) -> c_int {
    guard_int(|| {
        with_event(end, When::Idle, |event, entered, awaits_peer| {
            if event.awaits_peer != awaits_peer {
                event.awaits_peer = awaits_peer;
                event.disarm(entered.waited(false).end());
            }
            let mut waited = entered.waited(awaits_peer);
            if event.arm(waited.end()) {
                event.answered_at = None;
                return Ok(0);
            }
            if take_interrupt(waited.end()) {
                return Err(Failure::plain(SHMR_INTERRUPTED));
            }
            if awaits_peer {
                return Ok(1);
            }
            let position = Some(entered.position());
            let again = core::mem::replace(&mut event.answered_at, position) == position;
            entered.ask(again)
        })
    })
}

/// `shmr_disarm`.
#[unsafe(no_mangle)]
pub extern "C" fn shmr_disarm(end: Option<&shmr_end<'_>>) -> c_int {
    guard_int(|| {
        with_event(end, When::Any, |event, entered, _| {
            // Nothing of the end is announced where its other side was awaited.
            event.disarm(entered.waited(false).end());
            Ok(0)
        })
    })
}
