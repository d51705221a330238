//! Owns: [`Alarm`], what sleeps for an end outside of tasks: when it arms, and when it has to arm again. Knows nothing of: what
//! the end carries, what the waker does, and how an engine sleeps.

use core::fmt;
use core::task::Waker;
use std::io;
use std::sync::Arc;

use shm_ring::{AnyEnd, Armed, arm, disarm, is_armed};

use crate::engine::{Bunk, Engine};
use crate::sleeper::Place;
use crate::slot::{Slot, State};

/// Has an [`Engine`] sleep for an end whose owner is no task: an event loop that waits for descriptors, say, whose waker
/// writes to one. What is done with the end between two waits concerns nobody here.
///
/// One alarm is for one end, or for [`awaited_peer`](shm_ring::Consumer::awaited_peer) and its kin of that end.
///
/// ```
/// use std::sync::Arc;
/// use std::sync::mpsc::{Sender, channel};
/// use std::task::Wake;
/// use shm_ring::{Options, Ring};
/// use shm_ring_async::Alarm;
///
/// struct Tells(Sender<()>);
/// impl Wake for Tells {
///     fn wake(self: Arc<Self>) {
///         let _ = self.0.send(());
///     }
/// }
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let (mut tx, mut rx) = Ring::<u64>::pair(&Options::new())?;
/// let (tells, told) = channel();
/// let mut alarm = Alarm::new(Arc::new(Tells(tells)).into());
/// assert!(alarm.arm(&rx), "there is nothing, and the waker is called when there is");
/// tx.push(7)?;
/// told.recv()?;
/// assert!(!alarm.arm(&rx), "there is something");
/// assert_eq!(rx.try_pop()?, 7);
/// # Ok(())
/// # }
/// ```
pub struct Alarm {
    place: Bunk,
    slot: Arc<Slot>,
    waker: Waker,
    /// What it sleeps on, if it armed, and did not disarm since.
    armed: Option<Armed>,
    /// Whether the wait is older than a sleep.
    long: bool,
}

impl Alarm {
    /// Has the engine of this process sleep.
    #[must_use]
    pub fn new(waker: Waker) -> Self {
        Self::of(waker, Engine::of_process())
    }

    /// Has `engine` sleep.
    ///
    /// # Errors
    /// As [`Async::with_engine`](crate::Async::with_engine).
    pub fn with_engine(waker: Waker, engine: &Engine) -> io::Result<Self> {
        engine.check_process()?;
        Ok(Self::of(waker, engine.clone()))
    }

    fn of(waker: Waker, engine: Engine) -> Self {
        let slot = Arc::new(Slot::new());
        Self { place: Bunk::new(engine), slot, waker, armed: None, long: false }
    }

    /// Whether it is of this process, which may have been forked from that. Another's neither arms nor disarms.
    #[must_use]
    pub fn is_ours(&self) -> bool {
        self.place.is_ours()
    }

    /// Arms `end`: whether it did, and then the waker is called once. `false` if the next call on `end` has an answer, or an
    /// interrupt is up ([`take_interrupt`](shm_ring::take_interrupt)), or this process was forked from that of the alarm.
    ///
    /// The waker is called by another thread when the other side does what the end waits for, closes or dies, and at the
    /// latest after a second: then the end is to be asked, and armed again if it has nothing to say. It is called at once if
    /// no helper thread can be started. A call that finds it armed for the same changes nothing.
    #[must_use]
    pub fn arm(&mut self, end: &dyn AnyEnd) -> bool {
        if !self.place.is_ours() {
            return false;
        }
        let mut state = State::Awake;
        if let Some(armed) = &self.armed {
            state = self.slot.sleeps_on(&self.waker);
            // What has been rung is not slept on for longer than the engine takes to see it.
            if state == State::Asleep && is_armed(end, self.long) && !armed.is_rung() {
                return true;
            }
        }
        self.long = state == State::Late;
        let Some(armed) = arm(end, self.long) else {
            self.rise();
            return false;
        };
        self.slot.sleep(&self.waker);
        self.place.watch(&self.slot, &armed);
        self.armed = Some(armed);
        true
    }

    /// Disarms `end`. The waker is not called any more, unless that is under way.
    pub fn disarm(&mut self, end: &dyn AnyEnd) {
        if self.armed.is_some() && self.place.is_ours() {
            disarm(end);
            self.rise();
        }
    }

    /// Nobody sleeps for the end any more.
    fn rise(&mut self) {
        if self.armed.take().is_some() {
            self.slot.rise();
            self.place.unwatch();
        }
        self.long = false;
    }
}

impl Drop for Alarm {
    fn drop(&mut self) {
        if self.place.is_ours() {
            self.rise();
        }
        self.place.leave();
    }
}

impl fmt::Debug for Alarm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Alarm").field("armed", &self.armed.is_some()).finish_non_exhaustive()
    }
}
