//! Owns: waiting for any of several ends. Knows nothing of: what each waits for.
#![allow(unsafe_code)]
#![allow(non_camel_case_types, reason = "the name that C has for it")]

use shm_ring::{AnyEnd, AwaitedPeer, WAIT_ANY_MAX, WaitAnyError, wait_any};

use crate::border::{Timeout, array, guard, invalid};
use crate::code::Failure;
use crate::handle::{Call, ConsumerEnd, Handle, ProducerEnd, When};

/// `shmr_end`.
#[derive(Clone, Copy)]
#[repr(C)]
#[allow(missing_docs, reason = "the header explains each")]
pub struct shmr_end<'a> {
    pub producer: Option<&'a Handle>,
    pub consumer: Option<&'a Handle>,
    pub awaits_peer: u32,
    pub unused: u32,
}

enum Entered<'a> {
    Producer(Call<'a, ProducerEnd>),
    Consumer(Call<'a, ConsumerEnd>),
}

enum Waited<'a> {
    End(&'a mut dyn AnyEnd),
    Peer(AwaitedPeer<'a>),
}

impl<'a> Entered<'a> {
    fn of(end: &shmr_end<'a>) -> Result<Self, Failure> {
        match (end.producer, end.consumer) {
            (producer @ Some(_), None) => Ok(Self::Producer(Handle::enter(producer, When::Idle)?)),
            (None, consumer @ Some(_)) => Ok(Self::Consumer(Handle::enter(consumer, When::Idle)?)),
            _ => Err(invalid("an end with a producer and a consumer, or with neither")),
        }
    }

    fn waited(&mut self, awaits_peer: bool) -> Waited<'_> {
        use Waited::{End, Peer};
        match self {
            Self::Producer(call) => match (&mut **call, awaits_peer) {
                (ProducerEnd::Values(tx), true) => Peer(tx.awaited_peer()),
                (ProducerEnd::Values(tx), false) => End(tx),
                (ProducerEnd::Messages(tx), true) => Peer(tx.awaited_peer()),
                (ProducerEnd::Messages(tx), false) => End(tx),
            },
            Self::Consumer(call) => match (&mut **call, awaits_peer) {
                (ConsumerEnd::Values(rx), true) => Peer(rx.awaited_peer()),
                (ConsumerEnd::Values(rx), false) => End(rx),
                (ConsumerEnd::Messages(rx), true) => Peer(rx.awaited_peer()),
                (ConsumerEnd::Messages(rx), false) => End(rx),
            },
        }
    }
}

/// `shmr_wait_any`.
///
/// # Safety
/// As the header says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn shmr_wait_any(
    ends: *const shmr_end<'_>,
    count: usize,
    timeout_ns: i64,
) -> i64 {
    guard(|| {
        if count == 0 || count > WAIT_ANY_MAX {
            return Err(WaitAnyError::Count { count }.into());
        }
        // SAFETY: the header's contract.
        let ends = unsafe { array(ends, count) }?;
        // One that is named twice is in a call already.
        let entered: Result<Vec<_>, _> = ends.iter().map(Entered::of).collect();
        let mut entered = entered?;
        let mut waited: Vec<_> = entered
            .iter_mut()
            .zip(ends)
            .map(|(entered, end)| entered.waited(end.awaits_peer != 0))
            .collect();
        let mut all: Vec<&mut dyn AnyEnd> = waited
            .iter_mut()
            .map(|waited| match waited {
                Waited::End(end) => &mut **end,
                Waited::Peer(peer) => peer as &mut dyn AnyEnd,
            })
            .collect();
        Ok(wait_any(&mut all, Timeout::of(timeout_ns).option())? as i64)
    })
}
