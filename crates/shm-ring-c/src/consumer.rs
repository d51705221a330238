//! Owns: the calls that read. Knows nothing of: how a consumer is made, or what both ends can do.
#![allow(unsafe_code)]

use core::ffi::{c_int, c_void};
use core::mem::MaybeUninit;
use core::time::Duration;

use shm_ring::{
    AtHand, MessageConsumer, MessageView, PopError, Threshold, UntypedConsumer, UntypedView,
};

use crate::border::{
    Span, Timeout, guard, guard_int, invalid, place, product, span_places, usual_place,
};
use crate::code::{Failure, SHMR_KIND, SHMR_TOO_SMALL};
use crate::handle::{Call, ConsumerEnd, Handle, When};

type End<'a> = Call<'a, ConsumerEnd>;

/// `shmr_pop`.
///
/// # Safety
/// As the header says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn shmr_pop(
    consumer: Option<&Handle>,
    buffer: *mut c_void,
    room: usize,
    timeout_ns: i64,
) -> i64 {
    guard(|| {
        let mut call: End<'_> = Handle::enter(consumer, When::Idle)?;
        if let ConsumerEnd::Values(rx) = &mut *call {
            let size = rx.item().size;
            // SAFETY: the header's contract.
            let buffer = unsafe { usual_place(buffer, room) };
            if let Some(value) = buffer.and_then(|buffer| buffer.get_mut(..size)) {
                match rx.pop_at_hand(value) {
                    AtHand::Done => return Ok(size as i64),
                    AtHand::Asked => return end_pop(call),
                    AtHand::Not => {}
                }
            }
        }
        // SAFETY: the header's contract.
        unsafe { pop_new(call, buffer, room, timeout_ns) }
    })
}

/// A pop of a value that is not known to be there: a look, and what else it takes. Not beside the pop of one that is, which
/// would save registers for it.
///
/// # Safety
/// As the header says.
#[inline(never)]
unsafe fn pop_new(
    mut call: End<'_>,
    buffer: *mut c_void,
    room: usize,
    timeout_ns: i64,
) -> Result<i64, Failure> {
    if let ConsumerEnd::Values(rx) = &mut *call {
        let size = rx.item().size;
        // SAFETY: the contract.
        let place = unsafe { usual_place(buffer, room) };
        if let Some(value) = place.and_then(|place| place.get_mut(..size)) {
            match rx.look_at_hand(value) {
                AtHand::Done => return Ok(size as i64),
                AtHand::Asked => return end_pop(call),
                AtHand::Not => {}
            }
        }
    }
    // SAFETY: the contract.
    unsafe { pop_otherwise(call, buffer, room, timeout_ns) }
}

/// The producer asked to be woken for the value that was popped: see `end_push`.
#[cold]
#[inline(never)]
fn end_pop(mut call: End<'_>) -> Result<i64, Failure> {
    let ConsumerEnd::Values(rx) = &mut *call else { return Ok(0) };
    rx.end_pop_at_hand()?;
    Ok(rx.item().size as i64)
}

/// A pop that waits, of an unusual length, or of a message: see `end_push`.
///
/// # Safety
/// As the header says.
#[inline(never)]
unsafe fn pop_otherwise(
    mut call: End<'_>,
    buffer: *mut c_void,
    room: usize,
    timeout_ns: i64,
) -> Result<i64, Failure> {
    // SAFETY: the contract.
    let buffer = unsafe { place(buffer, room) }?;
    let timeout = Timeout::of(timeout_ns);
    let len = match &mut *call {
        ConsumerEnd::Values(rx) => {
            let size = rx.item().size;
            let Some(value) = buffer.get_mut(..size) else { return Err(too_small(room, size)) };
            match timeout {
                Timeout::Try => rx.try_pop_into(value),
                Timeout::Forever => rx.pop_into(value),
                Timeout::For(time) => rx.pop_into_timeout(value, time),
            }?;
            size
        }
        ConsumerEnd::Messages(rx) => match timeout {
            Timeout::Try => rx.try_pop_to(buffer),
            Timeout::Forever => rx.pop_to(buffer),
            Timeout::For(time) => rx.pop_to_timeout(buffer, time),
        }?,
    };
    Ok(len as i64)
}

#[cold]
fn too_small(room: usize, size: usize) -> Failure {
    Failure::told(SHMR_TOO_SMALL, format!("a buffer of {room} bytes, and values have {size}"))
}

/// `shmr_pop_values`.
///
/// # Safety
/// As the header says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn shmr_pop_values(
    consumer: Option<&Handle>,
    values: *mut c_void,
    count: usize,
    timeout_ns: i64,
) -> i64 {
    guard(|| {
        let mut call: End<'_> = Handle::enter(consumer, When::Idle)?;
        let ConsumerEnd::Values(rx) = &mut *call else { return Err(Failure::plain(SHMR_KIND)) };
        if count == 0 {
            return Ok(0);
        }
        // SAFETY: the header's contract.
        let values = unsafe { place(values, product(count, rx.item().size)?) }?;
        let popped = match Timeout::of(timeout_ns) {
            Timeout::Try => rx.try_pop_slice(values),
            Timeout::Forever => rx.pop_slice(values),
            Timeout::For(time) => rx.pop_slice_timeout(values, time),
        }?;
        Ok(popped as i64)
    })
}

/// A view of values; the wait for the first is one of its own where it is limited.
fn view_values(
    rx: &mut UntypedConsumer,
    max: usize,
    timeout: Timeout,
) -> Result<UntypedView<'_>, PopError> {
    match timeout {
        Timeout::Try => rx.try_peek(max),
        Timeout::Forever => rx.peek(max),
        Timeout::For(time) => rx.wait(1, Some(time)).and_then(|()| rx.try_peek(max)),
    }
}

/// A view of messages, as [`view_values`].
fn view_messages(
    rx: &mut MessageConsumer,
    max: usize,
    timeout: Timeout,
) -> Result<MessageView<'_>, PopError> {
    match timeout {
        Timeout::Try => rx.try_peek(max),
        Timeout::Forever => rx.peek(max),
        Timeout::For(time) => rx.wait(1, Some(time)).and_then(|()| rx.try_peek(max)),
    }
}

/// `shmr_pop_messages`.
///
/// # Safety
/// As the header says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn shmr_pop_messages(
    consumer: Option<&Handle>,
    buffer: *mut c_void,
    room: usize,
    messages: *mut Span,
    count: usize,
    timeout_ns: i64,
) -> i64 {
    guard(|| {
        let mut call: End<'_> = Handle::enter(consumer, When::Idle)?;
        let ConsumerEnd::Messages(rx) = &mut *call else { return Err(Failure::plain(SHMR_KIND)) };
        // SAFETY: the header's contract.
        let mut rest = unsafe { place(buffer, room) }?;
        // SAFETY: the header's contract.
        let places = unsafe { span_places(messages, count) }?;
        if places.is_empty() {
            return Ok(0);
        }
        let view = view_messages(rx, count, Timeout::of(timeout_ns))?;
        let mut taken = 0;
        for (message, to) in view.iter().zip(places) {
            let len = message.len();
            if len > rest.len() {
                break;
            }
            let (copy, behind) = core::mem::take(&mut rest).split_at_mut(len);
            rest = behind;
            message.copy_to(0, copy).map_err(|error| invalid(error.to_string()))?;
            to.write(Span { data: copy.as_ptr().cast(), len });
            taken += 1;
        }
        if taken == 0 {
            let (len, needed) = (room, view.first().len());
            return Err(PopError::TooSmall { len, needed }.into());
        }
        Ok(view.release(taken) as i64)
    })
}

/// `shmr_next_len`.
#[unsafe(no_mangle)]
pub extern "C" fn shmr_next_len(consumer: Option<&Handle>, timeout_ns: i64) -> i64 {
    guard(|| {
        let mut call: End<'_> = Handle::enter(consumer, When::Idle)?;
        let timeout = Timeout::of(timeout_ns);
        let len = match &mut *call {
            ConsumerEnd::Values(rx) => {
                let size = rx.item().size;
                view_values(rx, 1, timeout).map(|_| size)
            }
            ConsumerEnd::Messages(rx) => {
                view_messages(rx, 1, timeout).map(|view| view.first().len())
            }
        }?;
        Ok(len as i64)
    })
}

/// `shmr_peek_values`.
#[unsafe(no_mangle)]
pub extern "C" fn shmr_peek_values(
    consumer: Option<&Handle>,
    values: Option<&mut MaybeUninit<*const c_void>>,
    max: usize,
    timeout_ns: i64,
) -> i64 {
    guard(|| {
        let mut call: End<'_> = Handle::enter(consumer, When::Idle)?;
        let values = values.ok_or_else(|| invalid("the place for the address is NULL"))?;
        let ConsumerEnd::Values(rx) = &mut *call else { return Err(Failure::plain(SHMR_KIND)) };
        if max == 0 {
            return Ok(0);
        }
        let view = view_values(rx, max, Timeout::of(timeout_ns))?;
        values.write(view.as_ptr().cast());
        let count = view.len();
        call.lend(count);
        Ok(count as i64)
    })
}

/// `shmr_peek_messages`.
///
/// # Safety
/// As the header says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn shmr_peek_messages(
    consumer: Option<&Handle>,
    messages: *mut Span,
    max: usize,
    timeout_ns: i64,
) -> i64 {
    guard(|| {
        let mut call: End<'_> = Handle::enter(consumer, When::Idle)?;
        let ConsumerEnd::Messages(rx) = &mut *call else { return Err(Failure::plain(SHMR_KIND)) };
        // SAFETY: the header's contract.
        let places = unsafe { span_places(messages, max) }?;
        if places.is_empty() {
            return Ok(0);
        }
        let view = view_messages(rx, max, Timeout::of(timeout_ns))?;
        let mut count = 0;
        for (message, to) in view.iter().zip(places) {
            to.write(Span { data: message.as_ptr().cast(), len: message.len() });
            count += 1;
        }
        call.lend(count);
        Ok(count as i64)
    })
}

/// `shmr_release`.
#[unsafe(no_mangle)]
pub extern "C" fn shmr_release(consumer: Option<&Handle>, count: usize) -> i64 {
    guard(|| {
        let mut call: End<'_> = Handle::enter(consumer, When::Lent)?;
        let lent = call.lent();
        if count > lent {
            return Err(invalid(format!("{count} to release of {lent} that were lent")));
        }
        call.end_loan();
        if count == 0 {
            return Ok(0);
        }
        // The same records again: nobody has released since, so they are where they were.
        let released = match &mut *call {
            ConsumerEnd::Values(rx) => {
                rx.try_peek(count)?.release(count);
                count
            }
            ConsumerEnd::Messages(rx) => rx.try_peek(count)?.release(count),
        };
        Ok(released as i64)
    })
}

/// Evaluates an expression for the consumer inside.
macro_rules! each {
    ($call:expr, $rx:ident => $value:expr) => {
        match &mut *$call {
            ConsumerEnd::Values($rx) => $value,
            ConsumerEnd::Messages($rx) => $value,
        }
    };
}

/// `shmr_release_to`.
#[unsafe(no_mangle)]
pub extern "C" fn shmr_release_to(consumer: Option<&Handle>, position: u64) -> i64 {
    guard(|| {
        let mut call: End<'_> = Handle::enter(consumer, When::Idle)?;
        Ok(each!(call, rx => rx.release_to(position))? as i64)
    })
}

/// `shmr_skip_unread`.
#[unsafe(no_mangle)]
pub extern "C" fn shmr_skip_unread(consumer: Option<&Handle>) -> i64 {
    guard(|| {
        let mut call: End<'_> = Handle::enter(consumer, When::Idle)?;
        Ok(each!(call, rx => rx.skip_unread())? as i64)
    })
}

/// `shmr_wait_records`.
#[unsafe(no_mangle)]
pub extern "C" fn shmr_wait_records(
    consumer: Option<&Handle>,
    count: usize,
    timeout_ns: i64,
) -> c_int {
    guard_int(|| {
        let mut call: End<'_> = Handle::enter(consumer, When::Idle)?;
        let timeout = Timeout::of(timeout_ns).option();
        each!(call, rx => rx.wait(count, timeout))?;
        Ok(0)
    })
}

/// `shmr_unread`.
#[unsafe(no_mangle)]
pub extern "C" fn shmr_unread(consumer: Option<&Handle>) -> i64 {
    guard(|| {
        let call: End<'_> = Handle::enter(consumer, When::Any)?;
        Ok(match &*call {
            ConsumerEnd::Values(rx) => rx.len(),
            ConsumerEnd::Messages(rx) => rx.len_bytes(),
        } as i64)
    })
}

/// `shmr_consumer_set_threshold`.
#[unsafe(no_mangle)]
pub extern "C" fn shmr_consumer_set_threshold(
    consumer: Option<&Handle>,
    bytes: usize,
    within_ns: u64,
) -> c_int {
    guard_int(|| {
        let mut call: End<'_> = Handle::enter(consumer, When::Idle)?;
        let threshold =
            (bytes > 0).then(|| Threshold::bytes(bytes, Duration::from_nanos(within_ns)));
        each!(call, rx => rx.set_threshold(threshold));
        Ok(0)
    })
}
