//! Owns: one wait of a task for an end: look, go to sleep in an engine, look again, rise. Knows nothing of: what is waited for;
//! rings; how an engine sleeps. `shm-ring-models` compiles this file too, under loom.
//!
//! The order loses no wake-up. The waker is stored before the engine learns of the sleep. The engine sleeps on values that
//! were read before the last look (`arm`). A task that is polled again while it sleeps leaves its waker under the lock under
//! which the engine takes it.

use core::task::{Context, Poll};
use std::sync::Arc;

use crate::slot::{Slot, State};

/// How many answers in a row a task gets from an end before others have their turn.
const BUDGET: u32 = 128;
/// How often one poll arms, finds something on its last look, and then gets nothing. A hostile side can cause that; the bound
/// keeps it from holding up the task.
const ROUNDS: u32 = 8;
/// How many more times a task looks, each after a turn of the others, before an end that spins sleeps, unless it is set: the
/// other side may be about to go on, and then neither needs a system call.
const LOOKS: u32 = 32;

/// The place of an end in an engine.
pub(crate) trait Place {
    /// What an end that has armed sleeps on.
    type Armed;
    /// Whether it is of this process. In a child, locks may be held by nobody.
    fn is_ours(&self) -> bool;
    /// Sleeps on `armed`, and then wakes the waker in `slot`.
    fn watch(&mut self, slot: &Arc<Slot>, armed: &Self::Armed);
    /// Nobody waits for the end any more.
    fn unwatch(&mut self);
    /// The end goes.
    fn leave(&mut self);
}

/// What a wait asks an end.
pub(crate) trait Wait<E, A, R> {
    /// The answer, if there is one. With `thorough`, an end of the other side is one too.
    fn answer(&mut self, end: &mut E, thorough: bool) -> Option<R>;
    /// Stays away from the end for some microseconds: whether there is an answer then.
    fn stay_away(&self, _end: &mut E) -> bool {
        false
    }
    /// Whether it is worth some more looks before the end sleeps.
    fn spins(&self, _end: &E) -> bool {
        false
    }
    /// Arms for it, unless a last look finds that there is one.
    fn arm(&mut self, end: &mut E, long: bool) -> Option<A>;
    /// Whether the end is armed for just this.
    fn is_armed(&self, end: &E, long: bool) -> bool;
}

/// The part of an end that sleeps.
pub(crate) struct Sleeper<P: Place> {
    place: P,
    slot: Arc<Slot>,
    /// Whether it went to sleep and did not rise since.
    lies: bool,
    /// Whether the wait is older than a sleep.
    long: bool,
    /// What it sleeps on.
    armed: Option<P::Armed>,
    budget: u32,
    /// How often it looks before it sleeps; how often still, and the budget when that began.
    most_looks: u32,
    looks: u32,
    dry_at: u32,
}

impl<P: Place> Sleeper<P> {
    pub(crate) fn new(place: P) -> Self {
        let slot = Arc::new(Slot::new());
        Self {
            place,
            slot,
            lies: false,
            long: false,
            armed: None,
            budget: BUDGET,
            most_looks: LOOKS,
            looks: LOOKS,
            dry_at: BUDGET,
        }
    }

    pub(crate) fn place(&self) -> &P {
        &self.place
    }

    pub(crate) fn set_looks(&mut self, looks: u32) {
        (self.most_looks, self.looks) = (looks, looks);
    }

    /// The answer of an end that is awake and has its turn, if there is one: what a busy ring consists of. What else there
    /// is, `poll` does.
    #[inline(always)]
    pub(crate) fn at_once<R>(&mut self, answer: impl FnOnce() -> Option<R>) -> Option<R> {
        if self.lies || self.budget == 0 {
            return None;
        }
        let answer = answer()?;
        self.budget -= 1;
        Some(answer)
    }

    /// One poll of a wait. `rise` disarms the end.
    pub(crate) fn poll<E, R>(
        &mut self,
        end: &mut E,
        cx: &Context<'_>,
        wait: &mut impl Wait<E, P::Armed, R>,
        rise: impl Fn(&E),
    ) -> Poll<R> {
        if !self.place.is_ours() {
            // An end answers a child that it is refused. A reader of a latest value is a child's too, and nobody sleeps for it.
            let answer = wait.answer(end, true);
            return answer.map_or_else(|| look_again(cx), Poll::Ready);
        }
        if self.budget == 0 {
            self.budget = BUDGET;
            return look_again(cx);
        }
        for _ in 0..ROUNDS {
            if let Some(answer) = wait.answer(end, false) {
                return self.ready(end, answer, rise);
            }
            if !self.lies {
                if self.runs_dry() && wait.stay_away(end) {
                    continue;
                }
                if self.looks > 0 && wait.spins(end) {
                    self.looks -= 1;
                    return look_again(cx);
                }
            }
            let mut again = None;
            if self.lies {
                match self.slot.sleeps_on(cx.waker()) {
                    State::Asleep if wait.is_armed(end, self.long) => return Poll::Pending,
                    // It asks for the same as before, and none of the words has changed.
                    State::Late if self.long && wait.is_armed(end, true) => {
                        again = self.armed.take()
                    }
                    State::Late => self.long = true,
                    State::Asleep | State::Awake | State::Rung => {}
                }
            }
            if let Some(answer) = wait.answer(end, true) {
                return self.ready(end, answer, rise);
            }
            if let Some(armed) = again.or_else(|| wait.arm(end, self.long)) {
                self.slot.sleep(cx.waker());
                self.lies = true;
                // Looks begin anew after the next answer, and not if the wait is given up and begun again.
                (self.budget, self.dry_at) = (BUDGET, BUDGET);
                self.place.watch(&self.slot, &armed);
                self.armed = Some(armed);
                return Poll::Pending;
            }
        }
        look_again(cx)
    }

    /// Whether this is the first look since an answer that finds nothing.
    fn runs_dry(&mut self) -> bool {
        let first = self.dry_at != self.budget;
        if first {
            (self.dry_at, self.looks) = (self.budget, self.most_looks);
        }
        first
    }

    fn ready<E, R>(&mut self, end: &E, answer: R, rise: impl Fn(&E)) -> Poll<R> {
        self.budget -= 1;
        self.rise(end, rise);
        Poll::Ready(answer)
    }

    /// The end is awake: nobody rings for it, and no waker of its is called any more.
    #[inline]
    pub(crate) fn rise<E>(&mut self, end: &E, rise: impl Fn(&E)) {
        if core::mem::take(&mut self.lies) {
            self.rise_from_sleep(end, rise);
        }
    }

    #[cold]
    #[inline(never)]
    fn rise_from_sleep<E>(&mut self, end: &E, rise: impl Fn(&E)) {
        if self.place.is_ours() {
            rise(end);
            self.slot.rise();
            (self.long, self.armed) = (false, None);
            self.place.unwatch();
        }
    }
}

/// The task is polled again when others have had their turn.
fn look_again<R>(cx: &Context<'_>) -> Poll<R> {
    cx.waker().wake_by_ref();
    Poll::Pending
}

impl<P: Place> Drop for Sleeper<P> {
    fn drop(&mut self) {
        self.place.leave();
    }
}
