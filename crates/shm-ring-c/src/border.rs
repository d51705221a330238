//! Owns: the border itself: handles and who may use one now, addresses and lengths that C gives, and what stops a panic.
//! Knows nothing of: what a call does.
#![allow(unsafe_code)]

use core::cell::{Cell, UnsafeCell};
use core::ffi::{CStr, c_char, c_void};
use core::mem::MaybeUninit;
use core::ops::Deref;
use core::ptr::NonNull;
use core::sync::atomic::{AtomicU32, Ordering};
use core::time::Duration;
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Mutex, PoisonError};

use shm_ring::{
    Interrupt, MessageConsumer, MessageProducer, MessageRing, UntypedConsumer, UntypedLatest,
    UntypedLatestReader, UntypedLatestWriter, UntypedProducer, UntypedRing,
};

use crate::code::{self, Failure, SHMR_BUSY, SHMR_HANDLE, SHMR_INVALID, SHMR_NOT_LENT};

/// Runs a call. Nothing unwinds out of it: a panic, which is a fault of ours, becomes `SHMR_INTERNAL`.
#[inline]
pub(crate) fn guard(call: impl FnOnce() -> Result<i64, Failure>) -> i64 {
    match catch_unwind(AssertUnwindSafe(call)) {
        Ok(Ok(answer)) => answer,
        Ok(Err(failure)) => code::failed(failure),
        Err(panic) => code::panicked(panic),
    }
}

/// [`guard`] of calls that answer 0 or an error.
#[inline]
pub(crate) fn guard_int(call: impl FnOnce() -> Result<i64, Failure>) -> i32 {
    guard(call) as i32
}

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
    fn of(value: &mut Value) -> Option<&mut Self>;
}

macro_rules! held {
    ($($kind:ident: $type:ty),* $(,)?) => {$(
        impl Held for $type {
            const KIND: Kind = Kind::$kind;
            fn into_value(self) -> Value {
                Value::$kind(self)
            }
            #[inline(always)]
            fn of(value: &mut Value) -> Option<&mut Self> {
                match value {
                    Value::$kind(held) => Some(held),
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
}

// SAFETY: the header says that one thread at a time uses a handle, and what is inside may move between threads. The
// word, by which misuse is told, is atomic.
unsafe impl Sync for Handle {}

/// Handles that were closed, the oldest first. One is used again when this many others have been closed after it: until
/// then who uses a closed handle is told.
static CLOSED_HANDLES: Mutex<VecDeque<&'static Handle>> = Mutex::new(VecDeque::new());
const KEPT_CLOSED: usize = 64;

impl Handle {
    /// A handle of `value`.
    pub(crate) fn holding<T: Held>(value: T) -> &'static Self {
        let mut closed = CLOSED_HANDLES.lock().unwrap_or_else(PoisonError::into_inner);
        let free = if closed.len() >= KEPT_CLOSED { closed.pop_front() } else { None };
        drop(closed);
        let handle = free.unwrap_or_else(|| {
            // Never given back: see the second law in lib.rs.
            Box::leak(Box::new(Self {
                word: AtomicU32::new(CLOSED),
                lent: Cell::new(0),
                value: UnsafeCell::new(None),
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
        let handle = handle.ok_or(Failure::Plain(SHMR_HANDLE))?;
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
        match value.as_mut().and_then(T::of) {
            Some(held) => Ok(Call { handle, held, after: found & STATE, kind: T::KIND }),
            None => Err(Failure::Plain(SHMR_HANDLE)),
        }
    }

    /// Raises an interrupt: the one call that may come at any time, from a signal handler too.
    pub(crate) fn interrupt(handle: Option<&Self>) -> Result<(), Failure> {
        let handle = handle.ok_or(Failure::Plain(SHMR_HANDLE))?;
        if handle.word.load(Ordering::Acquire) != word(Kind::Interrupt, IDLE) {
            return Err(Failure::Plain(SHMR_HANDLE));
        }
        // SAFETY: nothing changes what an interrupt's handle holds before it is closed, which the header says comes last.
        match unsafe { &*handle.value.get() } {
            Some(Value::Interrupt(interrupt)) => {
                interrupt.interrupt();
                Ok(())
            }
            _ => Err(Failure::Plain(SHMR_HANDLE)),
        }
    }

    /// Closes a handle; NULL is none. What it has lent is no longer to be touched.
    pub(crate) fn close<T: Held>(handle: Option<&'static Self>) -> Result<i64, Failure> {
        if handle.is_none() {
            return Ok(0);
        }
        let call = Self::enter::<T>(handle, When::Any)?;
        let handle = handle.ok_or(Failure::Plain(SHMR_HANDLE))?;
        core::mem::forget(call);
        // SAFETY: as in `enter`, and nobody enters before the word says so.
        let value = unsafe { (*handle.value.get()).take() };
        handle.word.store(CLOSED, Ordering::Release);
        CLOSED_HANDLES.lock().unwrap_or_else(PoisonError::into_inner).push_back(handle);
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
    Failure::Plain(code)
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

/// Writes an answer to where C wants it.
pub(crate) fn answer<T>(out: Option<&mut MaybeUninit<T>>, value: T) -> Result<i64, Failure> {
    out.ok_or_else(|| invalid("the place for the answer is NULL"))?.write(value);
    Ok(0)
}

#[cold]
pub(crate) fn invalid(why: impl Into<String>) -> Failure {
    Failure::Told(SHMR_INVALID, why.into())
}

/// Whether `len` bytes can stand at `address`.
fn check(address: *const c_void, len: usize) -> Result<(), Failure> {
    if address.is_null() && len > 0 {
        return Err(invalid(format!("{len} bytes at NULL")));
    }
    // What no object of C has either.
    if len > isize::MAX as usize || (address as usize).checked_add(len).is_none() {
        return Err(invalid(format!("{len} bytes are more than any object has")));
    }
    Ok(())
}

/// The bytes that C has there.
///
/// # Safety
/// That many can be read, and nobody writes them before the call returns.
#[inline]
pub(crate) unsafe fn bytes<'a>(address: *const c_void, len: usize) -> Result<&'a [u8], Failure> {
    check(address, len)?;
    let address = if len == 0 { NonNull::dangling().as_ptr() } else { address.cast::<u8>() };
    // SAFETY: not NULL, not too long, and the contract above.
    Ok(unsafe { core::slice::from_raw_parts(address, len) })
}

/// The place for bytes that C has there.
///
/// # Safety
/// That many can be written, and nobody else touches them before the call returns.
#[inline]
pub(crate) unsafe fn place<'a>(address: *mut c_void, len: usize) -> Result<&'a mut [u8], Failure> {
    check(address, len)?;
    let address = if len == 0 { NonNull::dangling().as_ptr() } else { address.cast::<u8>() };
    // SAFETY: not NULL, not too long, and the contract above.
    Ok(unsafe { core::slice::from_raw_parts_mut(address, len) })
}

/// Bytes of `count` values of `size` bytes.
pub(crate) fn product(count: usize, size: usize) -> Result<usize, Failure> {
    let bytes = count.checked_mul(size).filter(|bytes| *bytes <= isize::MAX as usize);
    bytes.ok_or_else(|| {
        invalid(format!("{count} values of {size} bytes are more than any object has"))
    })
}

/// `shmr_span`: some bytes of C's, or of the ring's.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct Span {
    /// Where they begin.
    pub data: *const c_void,
    /// How many they are.
    pub len: usize,
}

/// A [`Span`] that was checked, and whose bytes stay while the call is made.
#[derive(Clone, Copy)]
#[repr(transparent)]
pub(crate) struct Checked(Span);

impl Deref for Checked {
    type Target = [u8];
    fn deref(&self) -> &[u8] {
        if self.0.len == 0 {
            return &[];
        }
        // SAFETY: `spans` has checked it, and its contract holds until the call returns.
        unsafe { core::slice::from_raw_parts(self.0.data.cast(), self.0.len) }
    }
}

impl AsRef<[u8]> for Checked {
    fn as_ref(&self) -> &[u8] {
        self
    }
}

/// The spans that C has there.
///
/// # Safety
/// That many can be read, and what they lead to as well; nobody writes either before the call returns.
pub(crate) unsafe fn spans<'a>(
    address: *const Span,
    count: usize,
) -> Result<&'a [Checked], Failure> {
    check(address.cast(), product(count, size_of::<Span>())?)?;
    aligned(address)?;
    if count == 0 {
        return Ok(&[]);
    }
    // SAFETY: not NULL, aligned, not too long, and the contract above; `Checked` is a `Span`.
    let spans = unsafe { core::slice::from_raw_parts(address.cast::<Checked>(), count) };
    for span in spans {
        check(span.0.data, span.0.len)?;
    }
    Ok(spans)
}

/// The place for spans that C has there.
///
/// # Safety
/// That many can be written, and nobody else touches them before the call returns.
pub(crate) unsafe fn span_places<'a>(
    address: *mut Span,
    count: usize,
) -> Result<&'a mut [MaybeUninit<Span>], Failure> {
    check(address.cast(), product(count, size_of::<Span>())?)?;
    aligned(address)?;
    if count == 0 {
        return Ok(&mut []);
    }
    // SAFETY: not NULL, aligned, not too long, and the contract above.
    Ok(unsafe { core::slice::from_raw_parts_mut(address.cast(), count) })
}

/// The things of type `T` that C has there.
///
/// # Safety
/// That many can be read, and nobody writes them before the call returns. Any bytes are a `T`.
pub(crate) unsafe fn array<'a, T>(address: *const T, count: usize) -> Result<&'a [T], Failure> {
    check(address.cast(), product(count, size_of::<T>())?)?;
    aligned(address)?;
    if count == 0 {
        return Ok(&[]);
    }
    // SAFETY: not NULL, aligned, not too long, and the contract above.
    Ok(unsafe { core::slice::from_raw_parts(address, count) })
}

fn aligned<T>(address: *const T) -> Result<(), Failure> {
    if address.is_aligned() { Ok(()) } else { Err(invalid("an address that is not aligned")) }
}

/// A text of C's that ends with a NUL.
///
/// # Safety
/// It is NULL or leads to such a text, which nobody writes before the call returns.
pub(crate) unsafe fn text<'a>(address: *const c_char, what: &str) -> Result<&'a [u8], Failure> {
    if address.is_null() {
        return Err(invalid(format!("{what} is NULL")));
    }
    // SAFETY: not NULL, and the contract above.
    Ok(unsafe { CStr::from_ptr(address) }.to_bytes())
}

/// A time-out as C says it, in nanoseconds.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Timeout {
    /// 0.
    Try,
    /// Less than 0.
    Forever,
    For(Duration),
}

impl Timeout {
    #[inline(always)]
    pub(crate) fn of(nanoseconds: i64) -> Self {
        match nanoseconds {
            0 => Self::Try,
            ..0 => Self::Forever,
            1.. => Self::For(Duration::from_nanos(nanoseconds as u64)),
        }
    }

    /// As the library's calls that take an option want it.
    pub(crate) fn option(self) -> Option<Duration> {
        match self {
            Self::Try => Some(Duration::ZERO),
            Self::Forever => None,
            Self::For(time) => Some(time),
        }
    }

    /// As those want it that take a time.
    pub(crate) fn time(self) -> Duration {
        self.option().unwrap_or(Duration::MAX)
    }
}
