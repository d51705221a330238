//! Owns: the border itself: what stops a panic, and the addresses, lengths and times that C gives. Knows nothing of: what a
//! call does, and handles.
#![allow(unsafe_code)]

use core::ffi::{CStr, c_char, c_void};
use core::mem::MaybeUninit;
use core::ops::Deref;
use core::ptr::NonNull;
use core::time::Duration;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::code::{self, Failure, SHMR_INVALID};

/// Runs a call. Nothing unwinds out of it: a panic, which is a fault of ours, becomes `SHMR_INTERNAL`.
#[inline(always)]
pub(crate) fn guard(call: impl FnOnce() -> Result<i64, Failure>) -> i64 {
    // One word crosses, so that it stays in a register.
    let call = || call().unwrap_or_else(Failure::code);
    catch_unwind(AssertUnwindSafe(call)).unwrap_or_else(code::panicked)
}

/// [`guard`] of calls that answer 0 or an error.
#[inline(always)]
pub(crate) fn guard_int(call: impl FnOnce() -> Result<i64, Failure>) -> i32 {
    guard(call) as i32
}

/// Writes an answer to where C wants it.
pub(crate) fn answer<T>(out: Option<&mut MaybeUninit<T>>, value: T) -> Result<i64, Failure> {
    out.ok_or_else(|| invalid("the place for the answer is NULL"))?.write(value);
    Ok(0)
}

#[cold]
pub(crate) fn invalid(why: impl Into<String>) -> Failure {
    Failure::told(SHMR_INVALID, why)
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

/// Whether [`check`] lets `len` bytes at `address` pass, unless it would have to think. No call.
#[inline(always)]
fn is_usual(address: *const c_void, len: usize) -> bool {
    // Neither is negative as a signed number: their sum is no more than the last address.
    address as isize > 0 && len as isize >= 0
}

/// [`bytes`] where that is usual.
///
/// # Safety
/// As [`bytes`].
#[inline(always)]
pub(crate) unsafe fn usual<'a>(address: *const c_void, len: usize) -> Option<&'a [u8]> {
    // SAFETY: not NULL, not too long, and the contract above.
    is_usual(address, len).then(|| unsafe { core::slice::from_raw_parts(address.cast(), len) })
}

/// [`place`] where that is usual.
///
/// # Safety
/// As [`place`].
#[inline(always)]
pub(crate) unsafe fn usual_place<'a>(address: *mut c_void, len: usize) -> Option<&'a mut [u8]> {
    // SAFETY: not NULL, not too long, and the contract above.
    is_usual(address, len).then(|| unsafe { core::slice::from_raw_parts_mut(address.cast(), len) })
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
