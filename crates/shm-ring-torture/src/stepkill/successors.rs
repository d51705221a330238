//! What those see who come after a kill, or lived through it: asked of the library as any process would. It
//! must not know which operation was killed, only how far it had come.

use std::time::Duration;

use shm_ring::{Consumer, Peer, PopError, Producer, PushError, Ring};

use super::judge::{Fate, Seen};
use super::kind::{HANG, Kind};
use super::raw::{ALIGN, CAPACITY};

/// The side that was not killed.
pub(crate) enum Survivor<K: Kind> {
    /// Both sides are new; the flag says whether the killed one is followed before anyone takes the other.
    Nobody {
        victim_first: bool,
    },
    Consumer(Consumer<K::P>),
    Producer(Producer<K::P>),
}

/// Checks a ring whose producer was killed, by reading on, and by going on.
pub(crate) fn after_producer<K: Kind>(
    ring: &Ring<K::P>,
    survivor: Survivor<K>,
    seen: Seen,
) -> Result<(), String> {
    let (mut rx, early) = match survivor {
        Survivor::Consumer(rx) => (rx, None),
        Survivor::Nobody { victim_first: true } => {
            let tx = ring.producer().map_err(|error| format!("no producer can follow: {error}"))?;
            (consumer::<K>(ring)?, Some(tx))
        }
        _ => (consumer::<K>(ring)?, None),
    };
    if early.is_none() {
        expect_peer(rx.peer(), seen.fate())?;
    }
    let mut reads = seen.first;
    for _ in 0..seen.records {
        read::<K>(&mut rx, &mut reads)?;
    }
    match K::take(&mut rx) {
        Err(PopError::Empty) => {}
        other => return Err(format!("after the last published record: {other:?} and not Empty")),
    }
    if early.is_none() {
        let wanted = match seen.fate() {
            Fate::Dead => PopError::PeerDead,
            Fate::Closed => PopError::Closed,
            Fate::Absent => PopError::TimedOut,
        };
        let patience = if seen.fate() == Fate::Absent { Duration::from_micros(1) } else { HANG };
        match K::pop_timeout(&mut rx, patience) {
            Err(error) if error == wanted => {}
            other => {
                return Err(format!("a pop from what the dead left: {other:?} and not {wanted:?}"));
            }
        }
    }
    let tx = match early {
        Some(tx) => tx,
        None => ring.producer().map_err(|error| format!("no producer can follow: {error}"))?,
    };
    go_on::<K>(tx, rx, reads)
}

/// Checks a ring whose consumer was killed, by publishing on, and by going on.
pub(crate) fn after_consumer<K: Kind>(
    ring: &Ring<K::P>,
    survivor: Survivor<K>,
    seen: Seen,
) -> Result<(), String> {
    let (mut reads, mut writes) = (seen.first, seen.first + seen.records);
    let (mut tx, early) = match survivor {
        Survivor::Producer(tx) => (tx, None),
        Survivor::Nobody { victim_first: true } => {
            let mut rx = consumer::<K>(ring)?;
            read_up_to::<K>(&mut rx, &mut reads, writes)?;
            (producer::<K>(ring)?, Some(rx))
        }
        _ => (producer::<K>(ring)?, None),
    };
    let rx = match early {
        Some(rx) => rx,
        None => {
            expect_peer(tx.peer(), seen.fate())?;
            fill::<K>(&mut tx, &mut writes)?;
            let wanted = match seen.fate() {
                Fate::Dead => PushError::PeerDead,
                Fate::Closed => PushError::Closed,
                Fate::Absent => PushError::TimedOut,
            };
            let absent = seen.fate() == Fate::Absent;
            let patience = if absent { Duration::from_micros(1) } else { HANG };
            match K::push_timeout(&mut tx, &K::own(writes), patience) {
                Err(error) if error == wanted => {}
                other => return Err(format!("a push to the dead: {other:?} and not {wanted:?}")),
            }
            consumer::<K>(ring)?
        }
    };
    let mut rx = rx;
    read_up_to::<K>(&mut rx, &mut reads, writes)?;
    go_on::<K>(tx, rx, writes)
}

/// A pair goes round the ring, twice, and ends in order. The ring is empty, and `next` is the sequence number
/// that comes next.
fn go_on<K: Kind>(mut tx: Producer<K::P>, mut rx: Consumer<K::P>, next: u64) -> Result<(), String> {
    for (peer, whose) in [(rx.peer(), "producer"), (tx.peer(), "consumer")] {
        if !matches!(peer, Peer::Alive { .. }) {
            return Err(format!("the new {whose} is {peer:?} and not alive"));
        }
    }
    let (mut reads, mut writes) = (next, next);
    for _ in 0..3 {
        K::push(&mut tx, &K::own(writes))
            .map_err(|error| format!("a successor's push: {error}"))?;
        writes += 1;
        read::<K>(&mut rx, &mut reads)?;
    }
    for _ in 0..2 {
        let before = writes;
        fill::<K>(&mut tx, &mut writes)?;
        if writes == before {
            return Err("an empty ring has no room".to_owned());
        }
        read_up_to::<K>(&mut rx, &mut reads, writes)?;
        match K::take(&mut rx) {
            Err(PopError::Empty) => {}
            other => return Err(format!("behind a successor's records: {other:?} and not Empty")),
        }
    }
    drop(tx);
    match K::pop_timeout(&mut rx, HANG) {
        Err(PopError::Closed) => Ok(()),
        other => Err(format!("after the successor closed: {other:?} and not Closed")),
    }
}

fn producer<K: Kind>(ring: &Ring<K::P>) -> Result<Producer<K::P>, String> {
    ring.producer().map_err(|error| format!("a producer cannot attach: {error}"))
}

fn consumer<K: Kind>(ring: &Ring<K::P>) -> Result<Consumer<K::P>, String> {
    ring.consumer().map_err(|error| format!("a consumer cannot attach: {error}"))
}

fn expect_peer(peer: Peer, fate: Fate) -> Result<(), String> {
    match (peer, fate) {
        (Peer::Absent, Fate::Absent)
        | (Peer::Dead { .. }, Fate::Dead)
        | (Peer::Closed { .. }, Fate::Closed) => Ok(()),
        (peer, fate) => Err(format!("the killed side is {peer:?} and must be {fate:?}")),
    }
}

fn fill<K: Kind>(tx: &mut Producer<K::P>, writes: &mut u64) -> Result<(), String> {
    for _ in 0..=CAPACITY / ALIGN {
        match K::try_push(tx, &K::own(*writes)) {
            Ok(()) => *writes += 1,
            Err(PushError::Full) => return Ok(()),
            Err(error) => return Err(format!("filling the ring: {error}")),
        }
    }
    Err("the ring takes more than it can hold".to_owned())
}

fn read<K: Kind>(rx: &mut Consumer<K::P>, reads: &mut u64) -> Result<(), String> {
    match K::take(rx) {
        Ok(payload) if payload == K::payload(*reads) => {
            *reads += 1;
            Ok(())
        }
        Ok(_) => Err(format!("a record came that is not record {reads}")),
        Err(error) => Err(format!("record {reads} was published and cannot be read: {error}")),
    }
}

fn read_up_to<K: Kind>(rx: &mut Consumer<K::P>, reads: &mut u64, end: u64) -> Result<(), String> {
    while *reads < end {
        read::<K>(rx, reads)?;
    }
    Ok(())
}
