//! Owns: [`Engine`], which sleeps for ends and wakes their tasks: its threads, and whose process it is. Knows nothing of: what
//! an end waits for.

mod clock;
#[cfg(feature = "tokio")]
mod reactor;
pub(crate) mod table;
mod uring;
mod waitv;
mod worker;

use core::fmt;
use core::mem::forget;
use core::sync::atomic::{AtomicU64, Ordering};
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};

use shm_ring::{Armed, Process};

#[cfg(feature = "tokio")]
use self::reactor::Reactor;
use self::uring::Uring;
use self::worker::Worker;
use crate::sleeper::Place;
use crate::slot::Slot;

/// Sleeps for ends while their tasks do other things, and wakes the tasks.
///
/// All ends of a process share one ([`Engine::of_process`]), unless they are given another. It has one helper thread, which is
/// started when the first end goes to sleep and ends a second after the last one was dropped or woken; more if there are too
/// many ends for one. A message that finds its reader awake concerns no engine.
///
/// ```
/// use shm_ring::{Options, Ring};
/// use shm_ring_async::{Async, Engine};
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let (_tx, rx) = Ring::<u64>::pair(&Options::new())?;
/// let engine = Engine::io_uring().unwrap_or_else(|_| Engine::thread());
/// let rx = Async::with_engine(rx, &engine)?;
/// assert_eq!(engine.sleepers(), 0);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Engine {
    inner: Arc<Inner>,
}

/// By which system call an [`Engine`] sleeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Kind {
    /// `futex_waitv`, on the words of up to 63 ends at once.
    Thread,
    /// io_uring, with a request for each end (Linux 6.7).
    IoUring,
    /// The same, in the threads of a runtime of tokio.
    #[cfg(feature = "tokio")]
    Tokio,
}

/// A [`Kind`], and what it needs.
enum Way {
    Thread,
    IoUring,
    #[cfg(feature = "tokio")]
    Tokio(tokio::runtime::Handle),
}

impl Way {
    fn kind(&self) -> Kind {
        match self {
            Self::Thread => Kind::Thread,
            Self::IoUring => Kind::IoUring,
            #[cfg(feature = "tokio")]
            Self::Tokio(_) => Kind::Tokio,
        }
    }
}

struct Inner {
    process: Process,
    way: Way,
    workers: Mutex<Vec<Arc<Worker>>>,
    ids: AtomicU64,
}

/// Where an end sleeps: in a worker of its engine, once it has slept.
pub(crate) struct Bunk {
    engine: Engine,
    seat: Option<Seat>,
}

struct Seat {
    worker: Arc<Worker>,
    id: u64,
}

/// That of the process that made it, and of its children none.
static OF_PROCESS: Mutex<Option<Engine>> = Mutex::new(None);
/// How often it is tried to lock that: nobody holds it for longer, unless it is locked for ever in a child that was forked
/// while another thread held it.
const TRIES: u32 = 1000;

impl Engine {
    fn of(way: Way) -> Self {
        let (workers, ids) = (Mutex::new(Vec::new()), AtomicU64::new(0));
        Self { inner: Arc::new(Inner { process: Process::this(), way, workers, ids }) }
    }

    /// An engine that sleeps in `futex_waitv`. Where that is refused, it looks once a millisecond.
    #[must_use]
    pub fn thread() -> Self {
        Self::of(Way::Thread)
    }

    /// An engine that sleeps in io_uring.
    ///
    /// # Errors
    /// If the kernel has no io_uring for this process (`kernel.io_uring_disabled`, a sandbox), or none that knows
    /// IORING_OP_FUTEX_WAITV, which came with Linux 6.7. That is found out by trying.
    pub fn io_uring() -> io::Result<Self> {
        Uring::new()?;
        Ok(Self::of(Way::IoUring))
    }

    /// An engine without a thread of its own: the runtime of tokio in which this is called sleeps for the ends too, by
    /// io_uring's descriptor. An end that is rung is woken without a change of threads. The tasks may be those of any
    /// runtime. When this one ends, a helper thread takes over.
    ///
    /// # Errors
    /// As [`io_uring`](Self::io_uring); if this is not called in a runtime of tokio.
    ///
    /// # Panics
    /// If the runtime was built without [`enable_io`](tokio::runtime::Builder::enable_io), as with all that it watches.
    ///
    /// ```
    /// # use shm_ring::{Options, Ring};
    /// use shm_ring_async::{Async, Engine};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let engine = Engine::tokio().unwrap_or_else(|_| Engine::thread());
    /// let (mut tx, rx) = Ring::<u64>::pair(&Options::new())?;
    /// let mut rx = Async::with_engine(rx, &engine)?;
    /// tx.push(7)?;
    /// assert_eq!(rx.recv().await?, 7);
    /// # Ok(())
    /// # }
    /// ```
    #[cfg(feature = "tokio")]
    pub fn tokio() -> io::Result<Self> {
        Ok(Self::of(Way::Tokio(Reactor::probe()?)))
    }

    /// The engine of this process. A child that was forked has its own.
    #[must_use]
    pub fn of_process() -> Self {
        for _ in 0..TRIES {
            let mut there = match OF_PROCESS.try_lock() {
                Ok(there) => there,
                Err(TryLockError::Poisoned(there)) => there.into_inner(),
                Err(TryLockError::WouldBlock) => {
                    std::thread::yield_now();
                    continue;
                }
            };
            return match &*there {
                Some(engine) if engine.is_ours() => engine.clone(),
                _ => there.insert(Self::thread()).clone(),
            };
        }
        Self::thread()
    }

    /// By which system call it sleeps.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.inner.way.kind()
    }

    /// How many ends sleep in it now; 0 in a process that was forked from the one that made it.
    #[must_use]
    pub fn sleepers(&self) -> usize {
        if !self.is_ours() {
            return 0;
        }
        self.inner.workers().iter().map(|worker| worker.sleepers()).sum()
    }

    pub(crate) fn is_ours(&self) -> bool {
        self.inner.process.is_this()
    }

    /// Whether it is of this process, which may have been forked from that.
    pub(crate) fn check_process(&self) -> io::Result<()> {
        match self.is_ours() {
            true => Ok(()),
            false => Err(io::Error::new(
                io::ErrorKind::PermissionDenied,
                "this engine belongs to the process that we were forked from: make one after forking",
            )),
        }
    }

    /// Sleeps on `armed` in a worker that has a place for that, and wakes the waker in `slot`.
    fn watch(&self, slot: &Arc<Slot>, armed: &Armed) -> Seat {
        let id = self.inner.ids.fetch_add(1, Ordering::Relaxed) + 1;
        let mut workers = self.inner.workers();
        let found = workers.iter().find(|worker| worker.watch(id, slot, armed)).cloned();
        let worker = found.unwrap_or_else(|| {
            let fresh = Arc::new(Worker::new(&self.inner.way));
            fresh.watch(id, slot, armed);
            workers.push(fresh.clone());
            fresh
        });
        Seat { worker, id }
    }
}

impl Bunk {
    pub(crate) fn new(engine: Engine) -> Self {
        Self { engine, seat: None }
    }

    pub(crate) fn engine(&self) -> &Engine {
        &self.engine
    }
}

impl Place for Bunk {
    type Armed = Armed;

    fn is_ours(&self) -> bool {
        self.engine.is_ours()
    }

    fn watch(&mut self, slot: &Arc<Slot>, armed: &Armed) {
        let stays = self.seat.as_ref().is_some_and(|seat| seat.worker.watch(seat.id, slot, armed));
        if !stays {
            self.seat = Some(self.engine.watch(slot, armed));
        }
    }

    fn unwatch(&mut self) {
        if let Some(Seat { worker, id }) = &self.seat {
            worker.unwatch(*id);
        }
    }

    fn leave(&mut self) {
        match self.seat.take() {
            Some(Seat { worker, id }) if self.is_ours() => worker.remove(id),
            // A child has no such threads, and their locks may be held by nobody.
            seat => forget(seat),
        }
    }
}

impl Inner {
    fn workers(&self) -> MutexGuard<'_, Vec<Arc<Worker>>> {
        self.workers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        let workers =
            core::mem::take(self.workers.get_mut().unwrap_or_else(PoisonError::into_inner));
        if self.process.is_this() {
            workers.iter().for_each(|worker| worker.stop());
        } else {
            // As in `Bunk::leave`.
            forget(workers);
        }
    }
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sleepers = self.sleepers();
        f.debug_struct("Engine").field("kind", &self.kind()).field("sleepers", &sleepers).finish()
    }
}
