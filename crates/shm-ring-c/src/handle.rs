//! Owns: handles: what one leads to, who may use it now, what it has lent, and whether it is closed. Knows nothing of: what a
//! call does.
#![allow(unsafe_code)]

use core::cell::{Cell, UnsafeCell};
use core::mem::MaybeUninit;
use core::ops::Deref;
use core::sync::atomic::{AtomicU32, Ordering};
use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, TryLockError};

use shm_ring::{
    Interrupt, MessageConsumer, MessageProducer, MessageRing, UntypedConsumer, UntypedLatest,
    UntypedLatestReader, UntypedLatestWriter, UntypedProducer, UntypedRing,
};

use crate::border::invalid;
use crate::code::{Failure, SHMR_BUSY, SHMR_HANDLE, SHMR_NOT_LENT};
use crate::event::Event;

/// What a handle is for. The values are parts of [`Handle`]'s word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub(crate) enum Kind {
    Ring = 1,
    Producer,
    Consumer,
    Latest,
    Writer,
    Reader,
    Interrupt,
}

pub(crate) enum ProducerEnd {
    Values(UntypedProducer),
    Messages(MessageProducer),
}

pub(crate) enum ConsumerEnd {
    Values(UntypedConsumer),
    Messages(MessageConsumer),
}

pub(crate) enum AnyRing {
    Values(UntypedRing),
    Messages(MessageRing),
}

pub(crate) enum Value {
    Ring(AnyRing),
    Producer(ProducerEnd),
    Consumer(ConsumerEnd),
    Latest(UntypedLatest),
    Writer(UntypedLatestWriter),
    Reader(UntypedLatestReader),
    Interrupt(Interrupt),
}

/// A kind of value that a handle holds.
pub(crate) trait Held: Sized {
    const KIND: Kind;
    fn into_value(self) -> Value;
    /// What is held, if it is this.
    fn of(value: &mut Option<Value>) -> Option<&mut Self>;
}

macro_rules! held {
    ($($kind:ident: $type:ty),* $(,)?) => {$(
        impl Held for $type {
            const KIND: Kind = Kind::$kind;
            fn into_value(self) -> Value {
                Value::$kind(self)
            }
            #[inline(always)]
            fn of(value: &mut Option<Value>) -> Option<&mut Self> {
                match value {
                    Some(Value::$kind(held)) => Some(held),
                    _ => None,
                }
            }
        }
    )*};
}

held!(
    Ring: AnyRing,
    Producer: ProducerEnd,
    Consumer: ConsumerEnd,
    Latest: UntypedLatest,
    Writer: UntypedLatestWriter,
    Reader: UntypedLatestReader,
    Interrupt: Interrupt,
);

/// The word of a handle: a mark, its kind, and one of the states below. Kind 0 is closed.
const MARK: u32 = 0x5368_0000;
const IDLE: u32 = 0;
const IN_CALL: u32 = 1;
const LENT: u32 = 2;
const STATE: u32 = 3;
const CLOSED: u32 = MARK;

const fn word(kind: Kind, state: u32) -> u32 {
    MARK | (kind as u32) << 8 | state
}

/// In which state of a handle a call may come.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum When {
    /// Nothing is lent.
    Idle,
    /// Something is lent.
    Lent,
    /// Either: the call moves nothing.
    Any,
}

/// What a pointer to `shmr_producer` and its kin leads to. All kinds are of this one type, so that one of another kind can
/// be told too.
pub struct Handle {
    word: AtomicU32,
    /// Of an end: how much it has lent.
    lent: Cell<usize>,
    value: UnsafeCell<Option<Value>>,
    /// Of an end: what it has for event loops, once that was asked for.
    event: Cell<Option<Box<Event>>>,
}

// SAFETY: the header says that one thread at a time uses a handle, and what is inside may move between threads. The
// word that shows misuse is atomic.
unsafe impl Sync for Handle {}

/// Handles that were closed, the oldest first. One is used again when this many others have been closed after it. Until
/// then a call with a closed handle is refused.
static CLOSED_HANDLES: Mutex<VecDeque<&'static Handle>> = Mutex::new(VecDeque::new());
const KEPT_CLOSED: usize = 64;

/// They are locked for a moment only, so it is not long until they are free: but in a child that was forked while another
/// thread of its parent had them. There nobody waits for them, and a handle more is never used again.
fn closed_handles() -> Option<MutexGuard<'static, VecDeque<&'static Handle>>> {
    const TRIES: u32 = 1000;
    (0..TRIES).find_map(|_| match CLOSED_HANDLES.try_lock() {
        Ok(closed) => Some(closed),
        Err(TryLockError::Poisoned(closed)) => Some(closed.into_inner()),
        Err(TryLockError::WouldBlock) => {
            std::thread::yield_now();
            None
        }
    })
}

impl Handle {
    /// A handle of `value`.
    pub(crate) fn holding<T: Held>(value: T) -> &'static Self {
        let mut closed = closed_handles().filter(|closed| closed.len() >= KEPT_CLOSED);
        let free = closed.as_mut().and_then(|closed| closed.pop_front());
        drop(closed);
        let handle = free.unwrap_or_else(|| {
            // Never given back: see the second law in lib.rs.
            Box::leak(Box::new(Self {
                word: AtomicU32::new(CLOSED),
                lent: Cell::new(0),
                value: UnsafeCell::new(None),
                event: Cell::new(None),
            }))
        });
        handle.lent.set(0);
        // SAFETY: nobody but us knows of a handle that is free.
        unsafe { *handle.value.get() = Some(value.into_value()) };
        handle.word.store(word(T::KIND, IDLE), Ordering::Release);
        handle
    }

    /// Begins a call on a handle: nobody else is in one until it is dropped.
    #[inline]
    pub(crate) fn enter<T: Held>(
        handle: Option<&Self>,
        when: When,
    ) -> Result<Call<'_, T>, Failure> {
        let handle = handle.ok_or(Failure::plain(SHMR_HANDLE))?;
        let found = handle.word.load(Ordering::Relaxed);
        let allowed = match when {
            When::Idle => found == word(T::KIND, IDLE),
            When::Lent => found == word(T::KIND, LENT),
            When::Any => found == word(T::KIND, IDLE) || found == word(T::KIND, LENT),
        };
        if !allowed {
            return Err(refused(found, T::KIND, when));
        }
        handle.word.store(word(T::KIND, IN_CALL), Ordering::Relaxed);
        // A signal handler of this thread that uses the handle is refused from here on.
        core::sync::atomic::compiler_fence(Ordering::SeqCst);
        // SAFETY: the word says that no other call is under way, and one thread uses a handle.
        let value = unsafe { &mut *handle.value.get() };
        match T::of(value) {
            Some(held) => Ok(Call { handle, held, after: found & STATE, kind: T::KIND }),
            None => Err(Failure::plain(SHMR_HANDLE)),
        }
    }

    /// Raises an interrupt: the one call that may come at any time, from a signal handler too.
    pub(crate) fn interrupt(handle: Option<&Self>) -> Result<(), Failure> {
        let handle = handle.ok_or(Failure::plain(SHMR_HANDLE))?;
        if handle.word.load(Ordering::Acquire) != word(Kind::Interrupt, IDLE) {
            return Err(Failure::plain(SHMR_HANDLE));
        }
        // SAFETY: nothing changes what an interrupt's handle holds before it is closed, which the header says comes last.
        match unsafe { &*handle.value.get() } {
            Some(Value::Interrupt(interrupt)) => {
                interrupt.interrupt();
                Ok(())
            }
            _ => Err(Failure::plain(SHMR_HANDLE)),
        }
    }

    /// Closes a handle; NULL is none. What it has lent is no longer to be touched.
    pub(crate) fn close<T: Held>(handle: Option<&'static Self>) -> Result<i64, Failure> {
        if handle.is_none() {
            return Ok(0);
        }
        let call = Self::enter::<T>(handle, When::Any)?;
        let handle = handle.ok_or(Failure::plain(SHMR_HANDLE))?;
        core::mem::forget(call);
        // SAFETY: as in `enter`, and nobody enters before the word says so.
        let value = unsafe { (*handle.value.get()).take() };
        // While the end is there: nobody sleeps for it any more, and its descriptor is closed.
        drop(handle.event.take());
        handle.word.store(CLOSED, Ordering::Release);
        if let Some(mut closed) = closed_handles() {
            closed.push_back(handle);
        }
        drop(value);
        Ok(0)
    }
}

/// Why a handle with the word `found` was not to be used.
#[cold]
fn refused(found: u32, kind: Kind, when: When) -> Failure {
    let code = if found & !STATE != word(kind, 0) {
        SHMR_HANDLE
    } else if when == When::Lent && found & STATE == IDLE {
        SHMR_NOT_LENT
    } else {
        SHMR_BUSY
    };
    Failure::plain(code)
}

/// A call on a handle that is under way.
pub(crate) struct Call<'a, T> {
    handle: &'a Handle,
    held: &'a mut T,
    /// The state afterwards.
    after: u32,
    kind: Kind,
}

impl<T> Call<'_, T> {
    /// Says that `count` records or bytes are lent when the call is over.
    pub(crate) fn lend(&mut self, count: usize) {
        self.handle.lent.set(count);
        self.after = LENT;
    }

    /// How much is lent, which is over after this call if the caller says so by [`end_loan`](Self::end_loan).
    pub(crate) fn lent(&self) -> usize {
        self.handle.lent.get()
    }

    pub(crate) fn event(&self) -> &Cell<Option<Box<Event>>> {
        &self.handle.event
    }

    pub(crate) fn end_loan(&mut self) {
        self.after = IDLE;
    }
}

impl<T> Deref for Call<'_, T> {
    type Target = T;
    #[inline(always)]
    fn deref(&self) -> &T {
        self.held
    }
}

impl<T> core::ops::DerefMut for Call<'_, T> {
    #[inline(always)]
    fn deref_mut(&mut self) -> &mut T {
        self.held
    }
}

impl<T> Drop for Call<'_, T> {
    #[inline(always)]
    fn drop(&mut self) {
        core::sync::atomic::compiler_fence(Ordering::SeqCst);
        self.handle.word.store(MARK | (self.kind as u32) << 8 | self.after, Ordering::Relaxed);
    }
}

/// Where a new handle goes: a pointer to a pointer.
pub type Out<'a> = Option<&'a mut MaybeUninit<*const Handle>>;

/// Makes a handle of what `make` gives and tells C its address; NULL if it fails.
pub(crate) fn give<T: Held>(
    out: Out<'_>,
    make: impl FnOnce() -> Result<T, Failure>,
) -> Result<i64, Failure> {
    let out = out.ok_or_else(|| invalid("the place for the new handle is NULL"))?;
    out.write(core::ptr::null());
    out.write(Handle::holding(make()?));
    Ok(0)
}
