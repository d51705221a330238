//! Owns: the calls that both ends have: the other side, counts, waiting, closing. Knows nothing of: records.
#![allow(unsafe_code)]
#![allow(non_camel_case_types, reason = "the name that C has for it")]

use core::ffi::{c_char, c_int};
use core::mem::MaybeUninit;

use shm_ring::{Clock, Peer, Stats};

use crate::border::{Timeout, answer, guard, guard_int};
use crate::handle::{Call, ConsumerEnd, Handle, Out, ProducerEnd, When, give};
use crate::options::waiting;

/// `shmr_peer`.
#[repr(C)]
#[allow(missing_docs, reason = "the header explains each")]
pub struct shmr_peer {
    pub state: u32,
    pub pid: u32,
    pub session: u64,
    pub released: u32,
    pub unused: u32,
}

impl From<Peer> for shmr_peer {
    fn from(peer: Peer) -> Self {
        let (state, session, pid, released) = match peer {
            Peer::Absent => (0, 0, None, true),
            Peer::Attaching => (1, 0, None, false),
            Peer::Alive { session, pid } => (2, session, pid, false),
            Peer::Closed { session } => (3, session, None, true),
            Peer::Dead { session, pid, released } => (4, session, pid, released),
            // A later library knows more than this interface.
            _ => (5, 0, None, false),
        };
        Self { state, pid: pid.unwrap_or(0), session, released: released.into(), unused: 0 }
    }
}

/// `shmr_stats`.
#[repr(C)]
#[allow(missing_docs, reason = "the header explains each")]
pub struct shmr_stats {
    pub waits: u64,
    pub sleeps: u64,
    pub wakes_sent: u64,
    pub high_water: u64,
    pub dropped: u64,
}

impl From<Stats> for shmr_stats {
    fn from(stats: Stats) -> Self {
        let Stats { waits, sleeps, wakes_sent, high_water, dropped, .. } = stats;
        Self { waits, sleeps, wakes_sent, high_water, dropped }
    }
}

/// `shmr_version`.
#[unsafe(no_mangle)]
pub extern "C" fn shmr_version() -> *const c_char {
    concat!(env!("CARGO_PKG_VERSION"), "\0").as_ptr().cast()
}

/// `shmr_clock_ns`.
#[unsafe(no_mangle)]
pub extern "C" fn shmr_clock_ns() -> u64 {
    guard(|| Ok(Clock::now() as i64)) as u64
}

/// Evaluates an expression for the end inside.
macro_rules! each {
    ($end:ident, $call:expr, $inner:ident => $value:expr) => {
        match &mut *$call {
            $end::Values($inner) => $value,
            $end::Messages($inner) => $value,
        }
    };
}

/// A call that answers into a place.
macro_rules! asks {
    ($end:ident, $name:ident, $out:ty, $inner:ident => $value:expr) => {
        #[doc = concat!("`", stringify!($name), "`.")]
        #[unsafe(no_mangle)]
        pub extern "C" fn $name(end: Option<&Handle>, out: Option<&mut MaybeUninit<$out>>) -> c_int {
            guard_int(|| {
                let mut call: Call<'_, $end> = Handle::enter(end, When::Any)?;
                answer(out, each!($end, call, $inner => $value).into())
            })
        }
    };
}

/// A call that waits for something about the other side.
macro_rules! awaits {
    ($end:ident, $name:ident, $wait:ident) => {
        #[doc = concat!("`", stringify!($name), "`.")]
        #[unsafe(no_mangle)]
        pub extern "C" fn $name(
            end: Option<&Handle>,
            timeout_ns: i64,
            out: Option<&mut MaybeUninit<shmr_peer>>,
        ) -> c_int {
            guard_int(|| {
                let mut call: Call<'_, $end> = Handle::enter(end, When::Idle)?;
                let time = Timeout::of(timeout_ns).time();
                answer(out, each!($end, call, inner => inner.$wait(time)).into())
            })
        }
    };
}

/// A call that answers by 0 or 1.
macro_rules! holds {
    ($end:ident, $name:ident, $question:ident) => {
        #[doc = concat!("`", stringify!($name), "`.")]
        #[unsafe(no_mangle)]
        pub extern "C" fn $name(end: Option<&Handle>) -> c_int {
            guard_int(|| {
                let mut call: Call<'_, $end> = Handle::enter(end, When::Any)?;
                Ok(each!($end, call, inner => inner.$question()).into())
            })
        }
    };
}

macro_rules! common {
    (
        $end:ident, $size:ident, $capacity:ident, $peer:ident, $await:ident, $end_of:ident, $is_closed:ident,
        $position:ident, $session:ident, $stats:ident, $lost:ident, $set_wait:ident, $interrupt:ident, $close:ident
    ) => {
        #[doc = concat!("`", stringify!($size), "`.")]
        #[unsafe(no_mangle)]
        pub extern "C" fn $size(end: Option<&Handle>) -> i64 {
            guard(|| {
                let call: Call<'_, $end> = Handle::enter(end, When::Any)?;
                Ok(match &*call {
                    $end::Values(values) => values.item().size as i64,
                    $end::Messages(_) => 0,
                })
            })
        }

        #[doc = concat!("`", stringify!($capacity), "`.")]
        #[unsafe(no_mangle)]
        pub extern "C" fn $capacity(end: Option<&Handle>) -> i64 {
            guard(|| {
                let call: Call<'_, $end> = Handle::enter(end, When::Any)?;
                Ok(match &*call {
                    $end::Values(values) => values.capacity() as i64,
                    $end::Messages(messages) => messages.max_len() as i64,
                })
            })
        }

        asks!($end, $peer, shmr_peer, inner => inner.peer());
        asks!($end, $position, u64, inner => inner.position());
        asks!($end, $session, u64, inner => inner.session());
        asks!($end, $stats, shmr_stats, inner => inner.stats());
        awaits!($end, $await, wait_for_peer);
        awaits!($end, $end_of, wait_for_end);
        holds!($end, $is_closed, is_closed);
        holds!($end, $lost, has_lost_its_name);

        #[doc = concat!("`", stringify!($set_wait), "`.")]
        #[unsafe(no_mangle)]
        pub extern "C" fn $set_wait(
            end: Option<&Handle>,
            wait: u32,
            spins: u32,
            spin_for_ns: u64,
            yields: u32,
        ) -> c_int {
            guard_int(|| {
                let mut call: Call<'_, $end> = Handle::enter(end, When::Any)?;
                let wait = waiting(wait, spins, spin_for_ns, yields)?;
                each!($end, call, inner => inner.set_wait(wait));
                Ok(0)
            })
        }

        #[doc = concat!("`", stringify!($interrupt), "`.")]
        #[unsafe(no_mangle)]
        pub extern "C" fn $interrupt(end: Option<&Handle>, out: Out<'_>) -> c_int {
            guard_int(|| {
                give(out, || {
                    let mut call: Call<'_, $end> = Handle::enter(end, When::Any)?;
                    Ok(each!($end, call, inner => inner.interrupt_handle()))
                })
            })
        }

        #[doc = concat!("`", stringify!($close), "`.")]
        #[unsafe(no_mangle)]
        pub extern "C" fn $close(end: Option<&'static Handle>) -> c_int {
            guard_int(|| Handle::close::<$end>(end))
        }
    };
}

common!(
    ProducerEnd,
    shmr_producer_item_size,
    shmr_producer_capacity,
    shmr_producer_peer,
    shmr_producer_wait_for_peer,
    shmr_producer_wait_for_end,
    shmr_producer_is_closed,
    shmr_producer_position,
    shmr_producer_session,
    shmr_producer_stats,
    shmr_producer_has_lost_its_name,
    shmr_producer_set_wait,
    shmr_producer_interrupt,
    shmr_producer_close
);
common!(
    ConsumerEnd,
    shmr_consumer_item_size,
    shmr_consumer_capacity,
    shmr_consumer_peer,
    shmr_consumer_wait_for_peer,
    shmr_consumer_wait_for_end,
    shmr_consumer_is_closed,
    shmr_consumer_position,
    shmr_consumer_session,
    shmr_consumer_stats,
    shmr_consumer_has_lost_its_name,
    shmr_consumer_set_wait,
    shmr_consumer_interrupt,
    shmr_consumer_close
);
