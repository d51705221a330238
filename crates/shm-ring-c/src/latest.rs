//! Owns: the calls on a latest value. Knows nothing of: rings.
#![allow(unsafe_code)]

use core::ffi::{c_int, c_void};
use core::mem::MaybeUninit;
use std::os::fd::AsRawFd;

use shm_ring::{NextError, UntypedLatest, UntypedLatestReader, UntypedLatestWriter};

use crate::border::{Timeout, answer, bytes, guard, guard_int, invalid, place};
use crate::common::shmr_peer;
use crate::handle::{Call, Handle, Out, When, give};
use crate::options::{Carried, chosen, shmr_options};
use crate::place::{region, shmr_place};

macro_rules! make {
    ($($name:ident: $method:ident),* $(,)?) => {$(
        #[doc = concat!("`", stringify!($name), "`.")]
        ///
        /// # Safety
        /// As the header says.
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn $name(
            place: shmr_place,
            options: *const shmr_options,
            out: Out<'_>,
        ) -> c_int {
            guard_int(|| {
                give(out, || {
                    // SAFETY: the header's contract.
                    let region = unsafe { region(place) }?;
                    // SAFETY: the header's contract.
                    let chosen = unsafe { chosen(options) }?;
                    let Carried::Values(item) = chosen.carried else {
                        return Err(invalid("a latest value has a size: say .item_size and .align"));
                    };
                    Ok(UntypedLatest::$method(region, item, &chosen.options)?)
                })
            })
        }
    )*};
}

make!(
    shmr_latest_create: create,
    shmr_latest_open: open_with,
    shmr_latest_open_or_create: open_or_create,
    shmr_latest_replace_if_unused: replace_if_unused,
);

/// `shmr_latest_writer`.
#[unsafe(no_mangle)]
pub extern "C" fn shmr_latest_writer(latest: Option<&Handle>, out: Out<'_>) -> c_int {
    guard_int(|| give(out, || Ok(Handle::enter::<UntypedLatest>(latest, When::Idle)?.writer()?)))
}

/// `shmr_latest_reader`.
#[unsafe(no_mangle)]
pub extern "C" fn shmr_latest_reader(latest: Option<&Handle>, out: Out<'_>) -> c_int {
    guard_int(|| give(out, || Ok(Handle::enter::<UntypedLatest>(latest, When::Idle)?.reader()?)))
}

/// `shmr_latest_fd`.
#[unsafe(no_mangle)]
pub extern "C" fn shmr_latest_fd(latest: Option<&Handle>) -> c_int {
    guard_int(|| {
        let call: Call<'_, UntypedLatest> = Handle::enter(latest, When::Idle)?;
        Ok(call.descriptor().as_raw_fd().into())
    })
}

/// `shmr_latest_history`.
#[unsafe(no_mangle)]
pub extern "C" fn shmr_latest_history(latest: Option<&Handle>) -> i64 {
    guard(|| {
        let call: Call<'_, UntypedLatest> = Handle::enter(latest, When::Idle)?;
        Ok(call.history() as i64)
    })
}

/// `shmr_latest_close`.
#[unsafe(no_mangle)]
pub extern "C" fn shmr_latest_close(latest: Option<&'static Handle>) -> c_int {
    guard_int(|| Handle::close::<UntypedLatest>(latest))
}

/// `shmr_write`.
///
/// # Safety
/// As the header says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn shmr_write(
    writer: Option<&Handle>,
    value: *const c_void,
    len: usize,
) -> c_int {
    guard_int(|| {
        let mut call: Call<'_, UntypedLatestWriter> = Handle::enter(writer, When::Idle)?;
        // SAFETY: the header's contract.
        let value = unsafe { bytes(value, len) }?;
        call.write(value)?;
        Ok(0)
    })
}

/// `shmr_notify`.
#[unsafe(no_mangle)]
pub extern "C" fn shmr_notify(writer: Option<&Handle>) -> c_int {
    guard_int(|| {
        let mut call: Call<'_, UntypedLatestWriter> = Handle::enter(writer, When::Idle)?;
        call.notify();
        Ok(0)
    })
}

/// `shmr_writer_version`.
#[unsafe(no_mangle)]
pub extern "C" fn shmr_writer_version(
    writer: Option<&Handle>,
    out: Option<&mut MaybeUninit<u64>>,
) -> c_int {
    guard_int(|| {
        let call: Call<'_, UntypedLatestWriter> = Handle::enter(writer, When::Idle)?;
        answer(out, call.version())
    })
}

/// `shmr_writer_close`.
#[unsafe(no_mangle)]
pub extern "C" fn shmr_writer_close(writer: Option<&'static Handle>) -> c_int {
    guard_int(|| Handle::close::<UntypedLatestWriter>(writer))
}

type Reader<'a> = Call<'a, UntypedLatestReader>;

/// `shmr_read`.
///
/// # Safety
/// As the header says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn shmr_read(
    reader: Option<&Handle>,
    value: *mut c_void,
    len: usize,
) -> c_int {
    guard_int(|| {
        let mut call: Reader<'_> = Handle::enter(reader, When::Idle)?;
        // SAFETY: the header's contract.
        let value = unsafe { place(value, len) }?;
        call.read_into(value)?;
        Ok(0)
    })
}

/// `shmr_read_newer`.
///
/// # Safety
/// As the header says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn shmr_read_newer(
    reader: Option<&Handle>,
    value: *mut c_void,
    len: usize,
    timeout_ns: i64,
) -> c_int {
    guard_int(|| {
        let mut call: Reader<'_> = Handle::enter(reader, When::Idle)?;
        // SAFETY: the header's contract.
        let value = unsafe { place(value, len) }?;
        call.read_newer_into(value, Timeout::of(timeout_ns).option())?;
        Ok(0)
    })
}

/// `shmr_next`.
///
/// # Safety
/// As the header says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn shmr_next(
    reader: Option<&Handle>,
    value: *mut c_void,
    len: usize,
    timeout_ns: i64,
    lost: Option<&mut MaybeUninit<u64>>,
) -> c_int {
    guard_int(|| {
        let mut call: Reader<'_> = Handle::enter(reader, When::Idle)?;
        // SAFETY: the header's contract.
        let value = unsafe { place(value, len) }?;
        let answer = match Timeout::of(timeout_ns) {
            Timeout::Try => call.try_next_into(value),
            timeout => call.next_into(value, timeout.option()),
        };
        if let Some(lost) = lost {
            lost.write(if let Err(NextError::Lagged(values)) = answer { values } else { 0 });
        }
        answer?;
        Ok(0)
    })
}

/// `shmr_start_at_oldest`.
#[unsafe(no_mangle)]
pub extern "C" fn shmr_start_at_oldest(reader: Option<&Handle>) -> c_int {
    guard_int(|| {
        let mut call: Reader<'_> = Handle::enter(reader, When::Idle)?;
        call.start_at_oldest()?;
        Ok(0)
    })
}

/// `shmr_has_newer`.
#[unsafe(no_mangle)]
pub extern "C" fn shmr_has_newer(reader: Option<&Handle>) -> c_int {
    guard_int(|| {
        let mut call: Reader<'_> = Handle::enter(reader, When::Idle)?;
        Ok(call.has_newer()?.into())
    })
}

/// `shmr_reader_version`.
#[unsafe(no_mangle)]
pub extern "C" fn shmr_reader_version(
    reader: Option<&Handle>,
    out: Option<&mut MaybeUninit<u64>>,
) -> c_int {
    guard_int(|| {
        let call: Reader<'_> = Handle::enter(reader, When::Idle)?;
        answer(out, call.version())
    })
}

/// `shmr_reader_writer`.
#[unsafe(no_mangle)]
pub extern "C" fn shmr_reader_writer(
    reader: Option<&Handle>,
    out: Option<&mut MaybeUninit<shmr_peer>>,
) -> c_int {
    guard_int(|| {
        let call: Reader<'_> = Handle::enter(reader, When::Idle)?;
        answer(out, call.writer().into())
    })
}

/// `shmr_reader_has_lost_its_name`.
#[unsafe(no_mangle)]
pub extern "C" fn shmr_reader_has_lost_its_name(reader: Option<&Handle>) -> c_int {
    guard_int(|| {
        let call: Reader<'_> = Handle::enter(reader, When::Idle)?;
        Ok(call.has_lost_its_name().into())
    })
}

/// `shmr_reader_close`.
#[unsafe(no_mangle)]
pub extern "C" fn shmr_reader_close(reader: Option<&'static Handle>) -> c_int {
    guard_int(|| Handle::close::<UntypedLatestReader>(reader))
}
