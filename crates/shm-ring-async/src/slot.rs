//! Owns: what a sleeping end and its engine share: whose waker to call, and whether it was called. Knows nothing of: rings,
//! what an engine sleeps on.
//!
//! `shm-ring-models` compiles this file too, under loom.

use core::task::Waker;

#[cfg(loom)]
use loom::sync::Mutex;
#[cfg(not(loom))]
use std::sync::Mutex;

/// How things stand with an end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// It did not go to sleep, or was woken by something else.
    Awake,
    Asleep,
    /// The engine woke it, since one of its words has changed.
    Rung,
    /// The engine woke it, since its time was over.
    Late,
}

/// The place of an end in an engine.
pub(crate) struct Slot {
    inner: Mutex<Inner>,
}

struct Inner {
    state: State,
    waker: Option<Waker>,
}

impl Slot {
    pub(crate) fn new() -> Self {
        Self { inner: Mutex::new(Inner { state: State::Awake, waker: None }) }
    }

    fn with<R>(&self, with: impl FnOnce(&mut Inner) -> R) -> R {
        // No code of a user runs while it is locked, but for the clone of a waker.
        let mut inner = self.inner.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        with(&mut inner)
    }

    /// Marks the end as asleep and stores its waker. This comes before the engine learns of the sleep: the engine then always
    /// finds a waker.
    pub(crate) fn sleep(&self, waker: &Waker) {
        let _old = self.with(|inner| {
            inner.state = State::Asleep;
            store(&mut inner.waker, waker)
        });
    }

    /// Polled again: whether it is still asleep. It is this waker that is called then.
    pub(crate) fn sleeps_on(&self, waker: &Waker) -> State {
        let (state, _old) = self.with(|inner| {
            let asleep = inner.state == State::Asleep;
            let old = if asleep { store(&mut inner.waker, waker) } else { None };
            (inner.state, old)
        });
        state
    }

    /// The end is awake, whatever the engine says from now on.
    pub(crate) fn rise(&self) {
        let _old = self.with(|inner| {
            inner.state = State::Awake;
            inner.waker.take()
        });
    }

    /// The engine wakes it, if it sleeps: the waker that is to be called, with no lock held.
    pub(crate) fn wake(&self, why: State) -> Option<Waker> {
        self.with(|inner| {
            if inner.state != State::Asleep {
                return None;
            }
            inner.state = why;
            inner.waker.take()
        })
    }
}

/// Stores `waker` unless it wakes the same task. What stood there is for the caller to drop when nothing is locked.
fn store(place: &mut Option<Waker>, waker: &Waker) -> Option<Waker> {
    match place {
        Some(there) if there.will_wake(waker) => None,
        _ => place.replace(waker.clone()),
    }
}
