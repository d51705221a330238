//! Owns: an end of a ring as an event loop waits for it: armed by a poll, and a bell that its loop watches. Knows nothing of: what
//! is carried; event loops.

use core::ops::{Deref, DerefMut};
use core::task::{Context, Poll, Waker};
use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::Arc;
use std::task::Wake;

use pyo3::exceptions::PyOSError;
use pyo3::prelude::*;
use rustix::event::{EventfdFlags, eventfd};
use shm_ring::Process;
use shm_ring_async::{Async, End};

/// An end, and whose bell is to be rung should it be closed.
pub(crate) struct Awaited<E: End> {
    end: Async<E>,
    /// Room for a short message on its way, where the end takes such.
    short: Box<[u8]>,
    waker: Option<Waker>,
    process: Process,
}

impl<E: End> Awaited<E> {
    pub(crate) fn new(end: E) -> Self {
        Self::with_room(end, 0)
    }

    /// With room for messages of up to `len` bytes.
    pub(crate) fn with_room(end: E, len: usize) -> Self {
        let short = vec![0; len].into();
        let mut end = Async::new(end);
        // A turn of asyncio takes longer than a sleep.
        end.set_looks(0);
        Self { end, short, waker: None, process: Process::this() }
    }

    /// The end, and the room for a short message.
    pub(crate) fn parts(&mut self) -> (&mut E, &mut [u8]) {
        (self.end.get_mut(), &mut self.short)
    }

    /// Polls the end by `poll`: whether there is something, or else the bell is rung then.
    pub(crate) fn poll<X>(
        &mut self,
        bell: &Bell,
        poll: impl FnOnce(&mut Async<E>, &mut Context<'_>) -> Poll<Result<(), X>>,
    ) -> Result<bool, X> {
        match poll(&mut self.end, &mut Context::from_waker(&bell.waker)) {
            Poll::Ready(answer) => {
                self.waker = None;
                answer.map(|()| true)
            }
            Poll::Pending => {
                self.waker = Some(bell.waker.clone());
                Ok(false)
            }
        }
    }

    /// Nobody waits any more: the other side need not ring.
    pub(crate) fn rise(&mut self) {
        self.waker = None;
        self.end.rise();
    }
}

impl<E: End> Deref for Awaited<E> {
    type Target = E;
    #[inline(always)]
    fn deref(&self) -> &E {
        self.end.get_ref()
    }
}

impl<E: End> DerefMut for Awaited<E> {
    #[inline(always)]
    fn deref_mut(&mut self) -> &mut E {
        self.end.get_mut()
    }
}

impl<E: End> Drop for Awaited<E> {
    fn drop(&mut self) {
        // A child has the descriptor of its parent's bell, and nobody there waits for its copy of the end.
        match self.waker.take() {
            Some(waker) if self.process.is_this() => waker.wake(),
            _ => {}
        }
    }
}

struct Rung {
    fd: OwnedFd,
}

impl Wake for Rung {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        // It fails only if it was rung 2^64 - 2 times.
        let _ = rustix::io::write(&self.fd, &1_u64.to_ne_bytes());
    }
}

/// A descriptor that is readable when an end has something: what an event loop watches. For `shm_ring.aio`.
#[pyclass(frozen, module = "shm_ring._native")]
pub(crate) struct Bell {
    rung: Arc<Rung>,
    waker: Waker,
}

#[pymethods]
impl Bell {
    #[new]
    fn new() -> PyResult<Self> {
        let flags = EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK;
        let fd = eventfd(0, flags).map_err(|errno| PyOSError::new_err(errno.raw_os_error()))?;
        let rung = Arc::new(Rung { fd });
        Ok(Self { waker: Waker::from(rung.clone()), rung })
    }

    /// The descriptor.
    fn fileno(&self) -> i32 {
        self.rung.fd.as_raw_fd()
    }

    /// Makes it unreadable until it is rung again.
    fn hush(&self) {
        let _ = rustix::io::read(&self.rung.fd, &mut [0; 8]);
    }
}
