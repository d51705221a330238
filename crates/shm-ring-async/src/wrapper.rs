//! Owns: [`Async`], an end that tasks wait for: what all kinds of end have in common. Knows nothing of: what they carry.

use core::fmt;
use core::task::{Context, Poll};
use std::io;

use shm_ring::Armed;

use crate::end::End;
use crate::engine::{Bunk, Engine};
use crate::sleeper::{Sleeper, Wait};

/// An end of a ring that tasks wait for, instead of threads. For any runtime: it asks for nothing but a waker.
///
/// | end | waits |
/// |---|---|
/// | [`Consumer`](shm_ring::Consumer), [`MessageConsumer`](shm_ring::MessageConsumer), [`UntypedConsumer`](shm_ring::UntypedConsumer) | `recv`, `recv_into`, `recv_many`, `readable`, `poll_pop` |
/// | [`Producer`](shm_ring::Producer), [`MessageProducer`](shm_ring::MessageProducer), [`UntypedProducer`](shm_ring::UntypedProducer) | `send`, `writable`, `poll_push` |
/// | all of these | `peer_changed`, `wait_for_peer` |
/// | [`LatestReader`](shm_ring::LatestReader) | `changed`, `next` |
///
/// A call that finds something costs what the end's own `try_` call costs, and a few instructions. One that finds nothing arms
/// the end, so that the other side rings for it, and leaves it to the [`Engine`]. After 128 answers in a row a call
/// lets the other tasks have their turn.
///
/// A future that is dropped has taken nothing from the ring and published nothing, and leaves nothing armed.
///
/// ```
/// use shm_ring::{Options, Ring};
/// use shm_ring_async::Async;
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let (tx, rx) = Ring::<u64>::pair(&Options::new())?;
/// let (mut tx, mut rx) = (Async::new(tx), Async::new(rx));
/// let reading = tokio::spawn(async move { rx.recv().await });
/// tx.send(7).await?;
/// assert_eq!(reading.await?, Ok(7));
/// # Ok(())
/// # }
/// ```
pub struct Async<E: End> {
    /// Taken by [`into_inner`](Self::into_inner) alone.
    end: Option<E>,
    sleeper: Sleeper<Bunk>,
}

impl<E: End> Async<E> {
    /// Has the engine of this process sleep for `end`.
    #[must_use]
    pub fn new(end: E) -> Self {
        Self { end: Some(end), sleeper: Sleeper::new(Bunk::new(Engine::of_process())) }
    }

    /// Has `engine` sleep for `end`.
    ///
    /// # Errors
    /// Of kind [`PermissionDenied`](io::ErrorKind::PermissionDenied) if the engine is that of the process that this one
    /// was forked from. An end that is, is refused by each of its calls.
    ///
    /// ```
    /// # use shm_ring::{Options, Ring};
    /// use shm_ring_async::{Async, Engine};
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let (tx, rx) = Ring::<u64>::pair(&Options::new())?;
    /// let engine = Engine::thread();
    /// let (tx, rx) = (Async::with_engine(tx, &engine)?, Async::with_engine(rx, &engine)?);
    /// # Ok(())
    /// # }
    /// ```
    pub fn with_engine(end: E, engine: &Engine) -> io::Result<Self> {
        engine.check_process()?;
        Ok(Self { end: Some(end), sleeper: Sleeper::new(Bunk::new(engine.clone())) })
    }

    /// The end.
    ///
    /// # Panics
    /// Never: it is there until [`into_inner`](Self::into_inner) takes both.
    #[must_use]
    pub fn get_ref(&self) -> &E {
        self.end.as_ref().expect("the end stays until it is taken")
    }

    /// The end, for its other calls. Those that wait block the thread.
    ///
    /// # Panics
    /// Never: as [`get_ref`](Self::get_ref).
    ///
    /// ```
    /// # use shm_ring::{Options, Ring};
    /// # use shm_ring_async::Async;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let (tx, mut rx) = Ring::<u64>::pair(&Options::new())?;
    /// let mut tx = Async::new(tx);
    /// tx.writable(2).await?;
    /// let mut room = tx.get_mut().try_reserve(2)?;
    /// room.write(0, &7);
    /// room.commit(1);
    /// assert_eq!(rx.pop()?, 7);
    /// # Ok(())
    /// # }
    /// ```
    pub fn get_mut(&mut self) -> &mut E {
        self.end.as_mut().expect("the end stays until it is taken")
    }

    /// The end, awake.
    ///
    /// # Panics
    /// Never: as [`get_ref`](Self::get_ref).
    #[must_use]
    pub fn into_inner(mut self) -> E {
        self.rise();
        self.end.take().expect("the end stays until it is taken")
    }

    /// Sets how often a wait looks again, each time after a turn of the other tasks, before the end sleeps: 32 times
    /// unless it is set. In a loop whose turns take longer than a sleep, none is best. An end that is not to spin
    /// ([`Wait::PARK`](shm_ring::Wait::PARK)) never does.
    ///
    /// ```
    /// # use shm_ring::{Options, Ring};
    /// # use shm_ring_async::Async;
    /// let (_tx, rx) = Ring::<u64>::pair(&Options::new())?;
    /// let mut rx = Async::new(rx);
    /// rx.set_looks(0);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn set_looks(&mut self, looks: u32) {
        self.sleeper.set_looks(looks);
    }

    /// The engine that sleeps for it.
    #[must_use]
    pub fn engine(&self) -> &Engine {
        self.sleeper.place().engine()
    }

    /// Ends a wait that was polled and is not polled on, as dropping a future does: nobody rings for the end any more, and
    /// no waker is called.
    #[inline]
    pub fn rise(&mut self) {
        if let Some(end) = &self.end {
            self.sleeper.rise(end, E::disarm);
        }
    }

    /// The answer of the end, if there is one and it is awake.
    #[inline(always)]
    pub(crate) fn at_once<R>(&mut self, answer: impl FnOnce(&mut E) -> Option<R>) -> Option<R> {
        let Self { end, sleeper } = self;
        sleeper.at_once(|| answer(end.as_mut()?))
    }

    pub(crate) fn poll_wait<R>(
        &mut self,
        cx: &Context<'_>,
        mut wait: impl Wait<E, Armed, R>,
    ) -> Poll<R> {
        let end = self.end.as_mut().expect("the end stays until it is taken");
        self.sleeper.poll(end, cx, &mut wait, E::disarm)
    }

    /// Polls `wait` until it is ready. If the future is dropped before, the end rises.
    pub(crate) async fn wait<R>(
        &mut self,
        mut poll: impl FnMut(&mut Self, &mut Context<'_>) -> Poll<R>,
    ) -> R {
        let waiting = Waiting(self);
        core::future::poll_fn(|cx| poll(waiting.0, cx)).await
    }
}

/// A wait, which ends when this is dropped.
struct Waiting<'a, E: End>(&'a mut Async<E>);

impl<E: End> Drop for Waiting<'_, E> {
    #[inline]
    fn drop(&mut self) {
        self.0.rise();
    }
}

impl<E: End> Drop for Async<E> {
    fn drop(&mut self) {
        self.rise();
    }
}

impl<E: End + fmt::Debug> fmt::Debug for Async<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Async").field("end", &self.end).field("engine", self.engine()).finish()
    }
}

/// A wait for what the end itself is armed for.
pub(crate) struct For<F>(pub(crate) F);

impl<E: End, R, F: FnMut(&mut E, bool) -> Option<R>> Wait<E, Armed, R> for For<F> {
    fn answer(&mut self, end: &mut E, thorough: bool) -> Option<R> {
        (self.0)(end, thorough)
    }

    fn stay_away(&self, end: &mut E) -> bool {
        end.stay_away()
    }

    fn spins(&self, end: &E) -> bool {
        end.spins()
    }

    fn arm(&mut self, end: &mut E, long: bool) -> Option<Armed> {
        end.arm(long)
    }

    fn is_armed(&self, end: &E, long: bool) -> bool {
        end.is_armed(long)
    }
}
