//! Owns: waiting for any of several ends. Knows nothing of: what each waits for.
#![allow(unsafe_code)]
#![allow(non_camel_case_types, reason = "the name that C has for it")]

use core::cell::Cell;
use core::time::Duration;

use shm_ring::{
    AnyEnd, AwaitedPeer, Peer, PopError, PushError, WAIT_ANY_MAX, WaitAnyError, wait_any,
};

use crate::border::{Timeout, array, guard, invalid};
use crate::code::Failure;
use crate::event::Event;
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

pub(crate) enum Entered<'a> {
    Producer(Call<'a, ProducerEnd>),
    Consumer(Call<'a, ConsumerEnd>),
}

pub(crate) enum Waited<'a> {
    End(&'a mut dyn AnyEnd),
    Peer(AwaitedPeer<'a>),
}

impl<'a> Entered<'a> {
    pub(crate) fn of(end: &shmr_end<'a>, when: When) -> Result<Self, Failure> {
        match (end.producer, end.consumer) {
            (producer @ Some(_), None) => Ok(Self::Producer(Handle::enter(producer, when)?)),
            (None, consumer @ Some(_)) => Ok(Self::Consumer(Handle::enter(consumer, when)?)),
            _ => Err(invalid("an end with a producer and a consumer, or with neither")),
        }
    }

    pub(crate) fn waited(&mut self, awaits_peer: bool) -> Waited<'_> {
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

impl Entered<'_> {
    /// How many bytes the end has moved.
    pub(crate) fn position(&self) -> u64 {
        match self {
            Self::Producer(call) => match &**call {
                ProducerEnd::Values(tx) => tx.position(),
                ProducerEnd::Messages(tx) => tx.position(),
            },
            Self::Consumer(call) => match &**call {
                ConsumerEnd::Values(rx) => rx.position(),
                ConsumerEnd::Messages(rx) => rx.position(),
            },
        }
    }

    /// 1 if the end has something to say, or how the other side went where that is all there is. `again` if it had something
    /// to say before and has not moved: room that is too little for its owner is no answer then.
    pub(crate) fn ask(&mut self, again: bool) -> Result<i64, Failure> {
        let at_once = Some(Duration::ZERO);
        match self {
            Self::Producer(call) => {
                let (asked, peer) = match &mut **call {
                    ProducerEnd::Values(tx) => (tx.wait(1, at_once), tx.peer()),
                    ProducerEnd::Messages(tx) => (tx.wait(1, at_once), tx.peer()),
                };
                match (asked, peer) {
                    (Ok(()), Peer::Closed { .. }) if again => Err(PushError::Closed.into()),
                    (Ok(()), Peer::Dead { .. }) if again => Err(PushError::PeerDead.into()),
                    (Ok(()) | Err(PushError::TimedOut), _) => Ok(1),
                    (Err(error), _) => Err(error.into()),
                }
            }
            Self::Consumer(call) => {
                let asked = match &mut **call {
                    ConsumerEnd::Values(rx) => rx.wait(1, at_once),
                    ConsumerEnd::Messages(rx) => rx.wait(1, at_once),
                };
                match asked {
                    Ok(()) | Err(PopError::TimedOut) => Ok(1),
                    Err(error) => Err(error.into()),
                }
            }
        }
    }

    /// Where the handle keeps its event.
    pub(crate) fn event(&self) -> &Cell<Option<Box<Event>>> {
        match self {
            Self::Producer(call) => call.event(),
            Self::Consumer(call) => call.event(),
        }
    }
}

impl Waited<'_> {
    pub(crate) fn end(&mut self) -> &mut dyn AnyEnd {
        match self {
            Self::End(end) => &mut **end,
            Self::Peer(peer) => peer,
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
        let entered: Result<Vec<_>, _> =
            ends.iter().map(|end| Entered::of(end, When::Idle)).collect();
        let mut entered = entered?;
        let mut waited: Vec<_> = entered
            .iter_mut()
            .zip(ends)
            .map(|(entered, end)| entered.waited(end.awaits_peer != 0))
            .collect();
        let mut all: Vec<&mut dyn AnyEnd> = waited.iter_mut().map(Waited::end).collect();
        Ok(wait_any(&mut all, Timeout::of(timeout_ns).option())? as i64)
    })
}
