//! Owns: a handle: who may use what it holds now, what it has lent, and whether it is closed. Knows nothing of: what a call
//! does.
//!
//! The lock of CPython is given up while a call waits or copies much, so several threads can come to one handle. One of
//! them is let in; the others are refused, except that `close` ends the wait of the one that is in.

use core::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use core::time::Duration;
use std::sync::{Mutex, MutexGuard, TryLockError};

use pyo3::exceptions::PyBufferError;
use pyo3::prelude::*;
use shm_ring::{Interrupt, Process};

use crate::errors::{Busy, EndClosed, Forked};

pub(crate) struct Handle<E> {
    process: Process,
    inner: Mutex<Inner<E>>,
    /// The thread that is in, or 0.
    owner: AtomicUsize,
    /// `close` was called: whoever is in leaves, and nobody enters.
    closing: AtomicBool,
    /// Buffers of what is lent that Python holds.
    exports: AtomicUsize,
    interrupt: Option<Interrupt>,
}

struct Inner<E> {
    /// On the heap: an end is aligned to lines of the cache, and an object of Python to less.
    end: Option<Box<E>>,
    lent: Option<Loan>,
    loans: u64,
}

/// Records or room that a view or a reservation leads to.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Loan {
    number: u64,
    pub(crate) count: usize,
}

/// How long `close` sleeps between its looks for the one that is in to leave.
const LOOK_AGAIN: Duration = Duration::from_micros(200);

/// A number of the thread that runs.
fn this_thread() -> usize {
    thread_local!(static PLACE: u8 = const { 0 });
    PLACE.with(|place| core::ptr::from_ref(place).addr())
}

#[cold]
fn forked() -> PyErr {
    Forked::new_err(
        "this end belongs to the process that this one was forked from: attach after forking, or start \
         processes by \"spawn\"",
    )
}

#[cold]
fn closed() -> PyErr {
    EndClosed::new_err("this end was closed here: attach anew")
}

#[cold]
fn busy(lent: bool) -> PyErr {
    Busy::new_err(if lent {
        "this end has lent records or room: release, commit or cancel them first"
    } else {
        "this end is in a call of another thread, or of this one: one thread at a time uses an end"
    })
}

/// One that is in.
struct Call<'a, E> {
    inner: MutexGuard<'a, Inner<E>>,
    owner: &'a AtomicUsize,
}

impl<E> Drop for Call<'_, E> {
    fn drop(&mut self) {
        self.owner.store(0, Ordering::Relaxed);
    }
}

impl<E: Send> Handle<E> {
    /// `interrupt` ends waits of `end`, where it has such a thing.
    pub(crate) fn holding(end: E, interrupt: Option<Interrupt>) -> Self {
        Self {
            process: Process::this(),
            inner: Mutex::new(Inner { end: Some(Box::new(end)), lent: None, loans: 0 }),
            owner: AtomicUsize::new(0),
            closing: AtomicBool::new(false),
            exports: AtomicUsize::new(0),
            interrupt,
        }
    }

    #[inline]
    fn enter(&self) -> PyResult<Call<'_, E>> {
        // First: in a child the lock may be held by nobody.
        if !self.process.is_this() {
            return Err(forked());
        }
        let inner = match self.inner.try_lock() {
            Ok(inner) => inner,
            Err(TryLockError::Poisoned(inner)) => inner.into_inner(),
            Err(TryLockError::WouldBlock) => return Err(busy(false)),
        };
        self.owner.store(this_thread(), Ordering::Relaxed);
        let call = Call { inner, owner: &self.owner };
        if self.closing.load(Ordering::Relaxed) {
            return Err(closed());
        }
        Ok(call)
    }

    /// Uses what it holds, whether or not something is lent.
    #[inline]
    pub(crate) fn with<R>(&self, call: impl FnOnce(&mut E) -> R) -> PyResult<R> {
        let mut entered = self.enter()?;
        Ok(call(entered.inner.end.as_mut().ok_or_else(closed)?))
    }

    /// Uses what it holds, if nothing is lent.
    #[inline]
    pub(crate) fn idle<R>(&self, call: impl FnOnce(&mut E) -> R) -> PyResult<R> {
        let mut entered = self.enter()?;
        if entered.inner.lent.is_some() {
            return Err(busy(true));
        }
        Ok(call(entered.inner.end.as_mut().ok_or_else(closed)?))
    }

    /// Lends what `call` finds, and how much that is.
    pub(crate) fn lend<R>(
        &self,
        call: impl FnOnce(&mut E) -> PyResult<(R, usize)>,
    ) -> PyResult<(R, Loan)> {
        let mut entered = self.enter()?;
        let inner = &mut *entered.inner;
        if inner.lent.is_some() {
            return Err(busy(true));
        }
        let (lent, count) = call(inner.end.as_mut().ok_or_else(closed)?)?;
        inner.loans += 1;
        let loan = Loan { number: inner.loans, count };
        inner.lent = Some(loan);
        Ok((lent, loan))
    }

    /// Ends a loan by `call`, unless Python holds a buffer of it.
    pub(crate) fn settle<R>(&self, loan: Loan, call: impl FnOnce(&mut E) -> R) -> PyResult<R> {
        let mut entered = self.enter()?;
        let inner = &mut *entered.inner;
        if inner.lent != Some(loan) {
            return Err(Busy::new_err("this was released, committed or cancelled before"));
        }
        self.check_exports()?;
        inner.lent = None;
        Ok(call(inner.end.as_mut().ok_or_else(closed)?))
    }

    /// Ends a loan of which nobody is left, if it was not ended before: nothing is released or published.
    pub(crate) fn abandon(&self, loan: Loan) {
        let _ = self.settle(loan, |_| ());
    }

    /// Whether a loan is still one.
    pub(crate) fn check_loan(&self, loan: Loan) -> PyResult<()> {
        let entered = self.enter()?;
        if entered.inner.end.is_none() {
            return Err(closed());
        }
        if entered.inner.lent != Some(loan) {
            return Err(Busy::new_err(
                "these records or this room are no longer lent: peek or reserve anew",
            ));
        }
        Ok(())
    }

    fn check_exports(&self) -> PyResult<()> {
        match self.exports.load(Ordering::Relaxed) {
            0 => Ok(()),
            count => Err(PyBufferError::new_err(format!(
                "{count} arrays or memoryviews of what is lent are in use: drop them first (del), or copy them"
            ))),
        }
    }

    /// Python holds one buffer more, or one less.
    pub(crate) fn export(&self) {
        self.exports.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn unexport(&self) {
        self.exports.fetch_sub(1, Ordering::Relaxed);
    }

    /// Whether calls are refused for ever: it was closed.
    pub(crate) fn is_closed(&self) -> bool {
        self.closing.load(Ordering::Relaxed)
    }

    /// Refuses if it was closed while a call waited.
    pub(crate) fn check_open(&self) -> PyResult<()> {
        if self.is_closed() { Err(closed()) } else { Ok(()) }
    }

    /// Closes it. A wait of another thread ends first.
    pub(crate) fn close(&self, py: Python<'_>) -> PyResult<()> {
        if !self.process.is_this() {
            // The parent's end is not a child's to close.
            return Ok(());
        }
        self.check_exports()?;
        self.closing.store(true, Ordering::Relaxed);
        let end = loop {
            match self.inner.try_lock() {
                Ok(mut inner) => break inner.end.take(),
                Err(TryLockError::Poisoned(inner)) => break inner.into_inner().end.take(),
                Err(TryLockError::WouldBlock) => {}
            }
            if self.owner.load(Ordering::Relaxed) == this_thread() {
                return Err(busy(false));
            }
            if let Some(interrupt) = &self.interrupt {
                interrupt.interrupt();
            }
            py.detach(|| std::thread::sleep(LOOK_AGAIN));
            // What is raised here leaves it closing: nobody enters any more, and the next close ends it.
            py.check_signals()?;
        };
        py.detach(|| drop(end));
        Ok(())
    }
}
