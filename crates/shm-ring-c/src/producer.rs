//! Owns: the calls that publish. Knows nothing of: how a producer is made, or what both ends can do.
#![allow(unsafe_code)]

use core::ffi::{c_int, c_void};
use core::mem::MaybeUninit;
use std::time::Instant;

use shm_ring::{AtHand, BatchError, PushError, UntypedProducer};

use crate::border::{Span, Timeout, bytes, guard, guard_int, invalid, product, spans, usual};
use crate::code::{Failure, SHMR_KIND};
use crate::handle::{Call, Handle, ProducerEnd, When};

type End<'a> = Call<'a, ProducerEnd>;

/// `shmr_push`.
///
/// # Safety
/// As the header says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn shmr_push(
    producer: Option<&Handle>,
    data: *const c_void,
    len: usize,
    timeout_ns: i64,
) -> c_int {
    guard_int(|| {
        let mut call: End<'_> = Handle::enter(producer, When::Idle)?;
        if let ProducerEnd::Values(tx) = &mut *call {
            // SAFETY: the header's contract.
            if let Some(value) = unsafe { usual(data, len) } {
                match tx.push_at_hand(value) {
                    AtHand::Done => return Ok(0),
                    AtHand::Asked => return end_push(call),
                    AtHand::Not => {}
                }
            }
        }
        // SAFETY: the header's contract.
        unsafe { push_otherwise(call, data, len, timeout_ns) }
    })
}

/// The consumer asked to be woken for the value that was pushed. Like `push_otherwise` it takes the call with it: the push of
/// a value for which there is room has nothing to keep, and saves no register.
#[cold]
#[inline(never)]
fn end_push(mut call: End<'_>) -> Result<i64, Failure> {
    if let ProducerEnd::Values(tx) = &mut *call {
        tx.end_push_at_hand()?;
    }
    Ok(0)
}

/// A push that looks for room or waits, of an unusual length, or of a message.
///
/// # Safety
/// As the header says.
#[inline(never)]
unsafe fn push_otherwise(
    mut call: End<'_>,
    data: *const c_void,
    len: usize,
    timeout_ns: i64,
) -> Result<i64, Failure> {
    // SAFETY: the contract.
    let record = unsafe { bytes(data, len) }?;
    match (&mut *call, Timeout::of(timeout_ns)) {
        (ProducerEnd::Values(tx), Timeout::Try) => tx.try_push(record),
        (ProducerEnd::Values(tx), Timeout::Forever) => tx.push(record),
        (ProducerEnd::Values(tx), Timeout::For(time)) => tx.push_timeout(record, time),
        (ProducerEnd::Messages(tx), Timeout::Try) => tx.try_push(record),
        (ProducerEnd::Messages(tx), Timeout::Forever) => tx.push(record),
        (ProducerEnd::Messages(tx), Timeout::For(time)) => tx.push_timeout(record, time),
    }?;
    Ok(0)
}

/// `shmr_push_values`.
///
/// # Safety
/// As the header says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn shmr_push_values(
    producer: Option<&Handle>,
    values: *const c_void,
    count: usize,
    timeout_ns: i64,
) -> i64 {
    guard(|| {
        let mut call: End<'_> = Handle::enter(producer, When::Idle)?;
        let ProducerEnd::Values(tx) = &mut *call else { return Err(Failure::plain(SHMR_KIND)) };
        // SAFETY: the header's contract.
        let values = unsafe { bytes(values, product(count, tx.item().size)?) }?;
        let pushed = match Timeout::of(timeout_ns) {
            Timeout::Try => tx.try_push_slice(values)?,
            Timeout::Forever => as_far_as(tx.push_slice(values))?,
            Timeout::For(time) => {
                let deadline = Instant::now().checked_add(time);
                as_far_as(push_until(tx, values, deadline))?
            }
        };
        Ok(pushed as i64)
    })
}

/// What was pushed counts more than why the rest was not: the next call says that.
fn as_far_as(answer: Result<usize, BatchError>) -> Result<usize, PushError> {
    match answer {
        Err(BatchError { pushed: 0, error }) => Err(error),
        Ok(pushed) | Err(BatchError { pushed, .. }) => Ok(pushed),
    }
}

/// Pushes values as long as there is time: what the library has for single values only.
fn push_until(
    tx: &mut UntypedProducer,
    values: &[u8],
    deadline: Option<Instant>,
) -> Result<usize, BatchError> {
    let size = tx.item().size;
    let (mut pushed, mut rest) = (0, values);
    while !rest.is_empty() {
        let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
        let count = tx.wait(1, left).and_then(|()| tx.try_push_slice(rest));
        let count = count.map_err(|error| BatchError { pushed, error })?;
        rest = rest.get(count * size..).unwrap_or_default();
        pushed += count;
    }
    Ok(pushed)
}

/// `shmr_push_messages`.
///
/// # Safety
/// As the header says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn shmr_push_messages(
    producer: Option<&Handle>,
    messages: *const Span,
    count: usize,
    timeout_ns: i64,
) -> i64 {
    guard(|| {
        let mut call: End<'_> = Handle::enter(producer, When::Idle)?;
        let ProducerEnd::Messages(tx) = &mut *call else { return Err(Failure::plain(SHMR_KIND)) };
        // SAFETY: the header's contract.
        let messages = unsafe { spans(messages, count) }?;
        let pushed = match Timeout::of(timeout_ns) {
            Timeout::Try => tx.try_push_batch(messages)?,
            Timeout::Forever => as_far_as(tx.push_batch(messages))?,
            Timeout::For(_) => return Err(no_time_for_batches()),
        };
        Ok(pushed as i64)
    })
}

fn no_time_for_batches() -> Failure {
    invalid("a batch of messages waits not at all or for ever")
}

/// `shmr_push_all`.
///
/// # Safety
/// As the header says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn shmr_push_all(
    producer: Option<&Handle>,
    messages: *const Span,
    count: usize,
    timeout_ns: i64,
) -> c_int {
    guard_int(|| {
        let mut call: End<'_> = Handle::enter(producer, When::Idle)?;
        let ProducerEnd::Messages(tx) = &mut *call else { return Err(Failure::plain(SHMR_KIND)) };
        // SAFETY: the header's contract.
        let messages = unsafe { spans(messages, count) }?;
        match Timeout::of(timeout_ns) {
            Timeout::Try => tx.try_push_all(messages),
            Timeout::Forever => tx.push_all(messages),
            Timeout::For(_) => return Err(no_time_for_batches()),
        }?;
        Ok(0)
    })
}

/// `shmr_push_parts`.
///
/// # Safety
/// As the header says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn shmr_push_parts(
    producer: Option<&Handle>,
    parts: *const Span,
    count: usize,
    timeout_ns: i64,
) -> c_int {
    guard_int(|| {
        let mut call: End<'_> = Handle::enter(producer, When::Idle)?;
        let ProducerEnd::Messages(tx) = &mut *call else { return Err(Failure::plain(SHMR_KIND)) };
        // SAFETY: the header's contract.
        let parts = unsafe { spans(parts, count) }?;
        match Timeout::of(timeout_ns) {
            Timeout::Try => tx.try_push_vectored(parts),
            Timeout::Forever => tx.push_vectored(parts),
            Timeout::For(time) => tx.push_vectored_timeout(parts, time),
        }?;
        Ok(0)
    })
}

/// `shmr_reserve`.
#[unsafe(no_mangle)]
pub extern "C" fn shmr_reserve(
    producer: Option<&Handle>,
    amount: usize,
    room: Option<&mut MaybeUninit<*mut c_void>>,
    timeout_ns: i64,
) -> c_int {
    guard_int(|| {
        let mut call: End<'_> = Handle::enter(producer, When::Idle)?;
        let room = room.ok_or_else(|| invalid("the place for the address is NULL"))?;
        let timeout = Timeout::of(timeout_ns);
        // Waiting takes the time-out, and what has been waited for is there.
        let address = match &mut *call {
            ProducerEnd::Values(tx) => {
                if timeout != Timeout::Try {
                    tx.wait(amount, timeout.option())?;
                }
                tx.try_reserve(amount)?.as_mut_ptr()
            }
            ProducerEnd::Messages(tx) => {
                if timeout != Timeout::Try {
                    tx.wait(amount, timeout.option())?;
                }
                tx.try_reserve(amount)?.as_mut_ptr()
            }
        };
        room.write(address.cast());
        call.lend(amount);
        Ok(0)
    })
}

/// `shmr_commit`.
#[unsafe(no_mangle)]
pub extern "C" fn shmr_commit(producer: Option<&Handle>, amount: usize) -> c_int {
    guard_int(|| {
        let mut call: End<'_> = Handle::enter(producer, When::Lent)?;
        let lent = call.lent();
        if amount > lent {
            return Err(invalid(format!("{amount} to commit of {lent} that were reserved")));
        }
        call.end_loan();
        // The same room again: nobody has published since, so it is where it was.
        match &mut *call {
            ProducerEnd::Values(tx) => tx.try_reserve(lent)?.commit(amount),
            ProducerEnd::Messages(tx) => tx.try_reserve(lent)?.commit(amount),
        }
        Ok(0)
    })
}

/// `shmr_cancel`.
#[unsafe(no_mangle)]
pub extern "C" fn shmr_cancel(producer: Option<&Handle>) -> c_int {
    guard_int(|| {
        let mut call: End<'_> = Handle::enter(producer, When::Lent)?;
        call.end_loan();
        Ok(0)
    })
}

/// Evaluates an expression for the producer inside.
macro_rules! each {
    ($call:expr, $tx:ident => $value:expr) => {
        match &mut *$call {
            ProducerEnd::Values($tx) => $value,
            ProducerEnd::Messages($tx) => $value,
        }
    };
}

/// `shmr_wait_room`.
#[unsafe(no_mangle)]
pub extern "C" fn shmr_wait_room(
    producer: Option<&Handle>,
    amount: usize,
    timeout_ns: i64,
) -> c_int {
    guard_int(|| {
        let mut call: End<'_> = Handle::enter(producer, When::Idle)?;
        let timeout = Timeout::of(timeout_ns).option();
        each!(call, tx => tx.wait(amount, timeout))?;
        Ok(0)
    })
}

/// `shmr_room`.
#[unsafe(no_mangle)]
pub extern "C" fn shmr_room(producer: Option<&Handle>) -> i64 {
    guard(|| {
        let mut call: End<'_> = Handle::enter(producer, When::Idle)?;
        Ok(each!(call, tx => tx.room_at_least()) as i64)
    })
}

/// `shmr_producer_set_threshold`.
#[unsafe(no_mangle)]
pub extern "C" fn shmr_producer_set_threshold(producer: Option<&Handle>, amount: usize) -> c_int {
    guard_int(|| {
        let mut call: End<'_> = Handle::enter(producer, When::Idle)?;
        let amount = Some(amount).filter(|amount| *amount > 0);
        each!(call, tx => tx.set_threshold(amount));
        Ok(0)
    })
}

/// `shmr_count_dropped`.
#[unsafe(no_mangle)]
pub extern "C" fn shmr_count_dropped(producer: Option<&Handle>, records: u64) -> c_int {
    guard_int(|| {
        let mut call: End<'_> = Handle::enter(producer, When::Any)?;
        each!(call, tx => tx.count_dropped(records));
        Ok(0)
    })
}
