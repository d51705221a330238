//! Owns: creating and opening rings and their ends. Knows nothing of: records.
#![allow(unsafe_code)]
#![allow(non_camel_case_types, reason = "the name that C has for it")]

use core::ffi::c_int;
use core::mem::MaybeUninit;
use std::os::fd::{AsRawFd, IntoRawFd};

use shm_ring::{
    MessageConsumer, MessageProducer, MessageRing, UntypedConsumer, UntypedProducer, UntypedRing,
};

use crate::border::{answer, guard_int, invalid};
use crate::handle::{AnyRing, ConsumerEnd, Handle, Out, ProducerEnd, When, give};
use crate::options::{Carried, chosen, shmr_options};
use crate::place::{region, shmr_place};

macro_rules! make {
    ($name:ident, $into:ident, $values:ident, $messages:ident, $method:ident, $any:expr) => {
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
                    let options = &chosen.options;
                    Ok(match chosen.carried {
                        Carried::Messages => $into::Messages($messages::$method(region, options)?),
                        Carried::Values(item) => {
                            $into::Values($values::$method(region, item, options)?)
                        }
                        Carried::AnyValues => $into::Values(($any)(region, options)?),
                    })
                })
            })
        }
    };
}

macro_rules! opened {
    ($create:ident, $open:ident, $either:ident, $into:ident, $values:ident, $messages:ident) => {
        make!($create, $into, $values, $messages, create, |_, _| Err(only_to_open()));
        make!($open, $into, $values, $messages, open_with, $values::open_any);
        make!($either, $into, $values, $messages, open_or_create, |_, _| Err(only_to_open()));
    };
}

fn only_to_open() -> crate::code::Failure {
    invalid("SHMR_ANY_VALUES can be opened, not created")
}

opened!(
    shmr_ring_create,
    shmr_ring_open,
    shmr_ring_open_or_create,
    AnyRing,
    UntypedRing,
    MessageRing
);
make!(shmr_ring_replace_if_unused, AnyRing, UntypedRing, MessageRing, replace_if_unused, |_, _| {
    Err(only_to_open())
});
opened!(
    shmr_producer_create,
    shmr_producer_open,
    shmr_producer_open_or_create,
    ProducerEnd,
    UntypedProducer,
    MessageProducer
);
opened!(
    shmr_consumer_create,
    shmr_consumer_open,
    shmr_consumer_open_or_create,
    ConsumerEnd,
    UntypedConsumer,
    MessageConsumer
);

/// Evaluates an expression for the ring inside.
macro_rules! each {
    ($any:expr, $ring:ident => $value:expr) => {
        match &*$any {
            AnyRing::Values($ring) => $value,
            AnyRing::Messages($ring) => $value,
        }
    };
}

/// `shmr_ring_producer`.
#[unsafe(no_mangle)]
pub extern "C" fn shmr_ring_producer(ring: Option<&Handle>, out: Out<'_>) -> c_int {
    guard_int(|| {
        give(out, || {
            Ok(match &*Handle::enter::<AnyRing>(ring, When::Idle)? {
                AnyRing::Values(ring) => ProducerEnd::Values(ring.producer()?),
                AnyRing::Messages(ring) => ProducerEnd::Messages(ring.producer()?),
            })
        })
    })
}

/// `shmr_ring_consumer`.
#[unsafe(no_mangle)]
pub extern "C" fn shmr_ring_consumer(ring: Option<&Handle>, out: Out<'_>) -> c_int {
    guard_int(|| {
        give(out, || {
            Ok(match &*Handle::enter::<AnyRing>(ring, When::Idle)? {
                AnyRing::Values(ring) => ConsumerEnd::Values(ring.consumer()?),
                AnyRing::Messages(ring) => ConsumerEnd::Messages(ring.consumer()?),
            })
        })
    })
}

/// `shmr_ring_fd`.
#[unsafe(no_mangle)]
pub extern "C" fn shmr_ring_fd(ring: Option<&Handle>) -> c_int {
    guard_int(|| {
        let call = Handle::enter::<AnyRing>(ring, When::Idle)?;
        Ok(each!(call, ring => ring.descriptor().as_raw_fd()).into())
    })
}

/// `shmr_ring_fd_for_one_role`.
#[unsafe(no_mangle)]
pub extern "C" fn shmr_ring_fd_for_one_role(ring: Option<&Handle>) -> c_int {
    guard_int(|| {
        let call = Handle::enter::<AnyRing>(ring, When::Idle)?;
        let fd = each!(call, ring => ring.descriptor_for_one_role())?;
        Ok(fd.into_raw_fd().into())
    })
}

/// `shmr_ring_info`.
#[repr(C)]
#[allow(missing_docs, reason = "the header explains each")]
pub struct shmr_info {
    pub item_size: usize,
    pub align: usize,
    pub schema: u64,
    pub limit_bytes: usize,
    pub id: [u8; 16],
}

/// `shmr_ring_describe`.
#[unsafe(no_mangle)]
pub extern "C" fn shmr_ring_describe(
    ring: Option<&Handle>,
    out: Option<&mut MaybeUninit<shmr_info>>,
) -> c_int {
    guard_int(|| {
        let call = Handle::enter::<AnyRing>(ring, When::Idle)?;
        let (item_size, align, schema) = match &*call {
            AnyRing::Values(ring) => (ring.item().size, ring.item().align, ring.item().schema),
            AnyRing::Messages(_) => (0, 0, 0),
        };
        let limit_bytes = each!(call, ring => ring.limit_bytes());
        let id = each!(call, ring => ring.id()).to_le_bytes();
        answer(out, shmr_info { item_size, align, schema, limit_bytes, id })
    })
}

/// `shmr_ring_has_lost_its_name`.
#[unsafe(no_mangle)]
pub extern "C" fn shmr_ring_has_lost_its_name(ring: Option<&Handle>) -> c_int {
    guard_int(|| {
        let call = Handle::enter::<AnyRing>(ring, When::Idle)?;
        Ok(each!(call, ring => ring.has_lost_its_name()).into())
    })
}

/// `shmr_ring_close`.
#[unsafe(no_mangle)]
pub extern "C" fn shmr_ring_close(ring: Option<&'static Handle>) -> c_int {
    guard_int(|| Handle::close::<AnyRing>(ring))
}
