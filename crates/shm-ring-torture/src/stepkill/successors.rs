//! Owns: what those see who come after a kill, or lived through it: asked of the library as any process would, with the
//! outsider's judgement of the region in between. Knows nothing of: which operation was killed, only how far it had come.

use shm_ring::{Peer, PopError, PushError};
use shm_ring_outsider::{Ends, Life, Side};

use super::judge::Seen;
use super::kind::{BRIEF, HANG, Kind};
use super::op::Op;
use super::rings::Arena;

/// The side that was not killed.
pub(crate) enum Survivor<K: Kind> {
    /// Both sides are new; the flag says whether the killed one is followed before anyone takes the other.
    Nobody {
        victim_first: bool,
    },
    /// With what it knew of the other side when it attached.
    Consumer(K::Rx, Ends),
    Producer(K::Tx, Ends),
}

/// Checks a ring whose `victim` was killed, by going on on the other side, and on both.
pub(crate) fn after<K: Kind>(
    arena: &Arena<K>,
    victim: Side,
    survivor: Survivor<K>,
    seen: &Seen,
) -> Result<(), String> {
    match victim {
        Side::Producer => after_producer(arena, survivor, seen),
        Side::Consumer => after_consumer(arena, survivor, seen),
    }
}

/// Of a producer, by reading on.
fn after_producer<K: Kind>(
    arena: &Arena<K>,
    survivor: Survivor<K>,
    seen: &Seen,
) -> Result<(), String> {
    // The words say which end a consumer reports: that depends on whom it met and whose records it reads.
    let (mut rx, mut ends, early) = match survivor {
        Survivor::Consumer(rx, knows) => (rx, knows, None),
        Survivor::Nobody { victim_first: true } => {
            let tx = producer(arena)?;
            let rx = consumer(arena)?;
            (rx, arena.ends(Side::Consumer, true), Some(tx))
        }
        _ => (consumer(arena)?, arena.ends(Side::Consumer, false), None),
    };
    if early.is_none() {
        expect_peer(K::producer_of(&rx), seen.fate())?;
    }
    let mut reads = seen.first;
    read_up_to::<K>(&mut rx, &mut reads, seen.first + seen.records)?;
    match K::next(&mut rx) {
        Err(PopError::Empty) => {}
        other => return Err(format!("after the last published record: {other:?} and not Empty")),
    }
    if early.is_none() {
        let (wanted, timeout) = match arena.told(&mut ends) {
            Life::Dead => (PopError::PeerDead, HANG),
            Life::Closed => (PopError::Closed, HANG),
            _ => (PopError::TimedOut, BRIEF),
        };
        match K::next_timeout(&mut rx, timeout) {
            Err(error) if error == wanted => {}
            other => {
                return Err(format!("a pop from what the dead left: {other:?} and not {wanted:?}"));
            }
        }
    }
    let tx = match early {
        Some(tx) => tx,
        None => producer(arena)?,
    };
    go_on(arena, tx, rx, Some(ends), reads)
}

/// Of a consumer, by publishing on.
fn after_consumer<K: Kind>(
    arena: &Arena<K>,
    survivor: Survivor<K>,
    seen: &Seen,
) -> Result<(), String> {
    let (mut reads, mut writes) = (seen.first, seen.first + seen.records);
    let (mut ends, mut met) = (None, None);
    let (mut tx, early) = match survivor {
        Survivor::Producer(tx, knows) => {
            met = Some(knows);
            (tx, None)
        }
        Survivor::Nobody { victim_first: true } => {
            let mut rx = consumer(arena)?;
            ends = Some(arena.ends(Side::Consumer, false));
            read_up_to::<K>(&mut rx, &mut reads, writes)?;
            (producer(arena)?, Some(rx))
        }
        _ => (producer(arena)?, None),
    };
    let mut rx = match early {
        Some(rx) => rx,
        None => {
            expect_peer(K::consumer_of(&tx), seen.fate())?;
            fill(arena, &mut tx, &mut writes)?;
            // One that comes after the kill waits for the next.
            let (wanted, op) = match met.map_or(Life::Alive, |mut met| arena.told(&mut met)) {
                Life::Dead => (PushError::PeerDead, Op::PushTimeout),
                Life::Closed => (PushError::Closed, Op::PushTimeout),
                _ => (PushError::TimedOut, Op::PushPark),
            };
            match put::<K>(&mut tx, op, writes) {
                Err(error) if error == wanted => {}
                other => return Err(format!("a push to the dead: {other:?} and not {wanted:?}")),
            }
            let rx = consumer(arena)?;
            ends = Some(arena.ends(Side::Consumer, true));
            rx
        }
    };
    read_up_to::<K>(&mut rx, &mut reads, writes)?;
    go_on(arena, tx, rx, ends, writes)
}

/// A pair talks, goes round the ring twice, talks again, and ends in order. The ring is empty, and `next` is the sequence
/// number that comes next.
fn go_on<K: Kind>(
    arena: &Arena<K>,
    mut tx: K::Tx,
    mut rx: K::Rx,
    ends: Option<Ends>,
    next: u64,
) -> Result<(), String> {
    for (peer, whose) in [(K::producer_of(&rx), "producer"), (K::consumer_of(&tx), "consumer")] {
        if !matches!(peer, Peer::Alive { .. }) {
            return Err(format!("the new {whose} is {peer:?} and not alive"));
        }
    }
    let (mut reads, mut writes) = (next, next);
    talk(arena, &mut tx, &mut rx, &mut reads, &mut writes)?;
    for _ in 0..2 {
        let before = writes;
        fill(arena, &mut tx, &mut writes)?;
        if writes == before {
            return Err("an empty ring has no room".to_owned());
        }
        read_up_to::<K>(&mut rx, &mut reads, writes)?;
        match K::next(&mut rx) {
            Err(PopError::Empty) => {}
            other => return Err(format!("behind a successor's records: {other:?} and not Empty")),
        }
    }
    // After a run the consumer does not want the front: nothing of it may be left.
    talk(arena, &mut tx, &mut rx, &mut reads, &mut writes)?;
    drop(tx);
    // That of a dead producer whose records it read, and of which it was not told, counts with it.
    let wanted = match ends.map(|mut ends| arena.told(&mut ends)) {
        Some(Life::Dead) => PopError::PeerDead,
        _ => PopError::Closed,
    };
    match K::next_timeout(&mut rx, HANG) {
        Err(error) if error == wanted => Ok(()),
        other => Err(format!("after the successor closed: {other:?} and not {wanted:?}")),
    }
}

/// Records one by one, the region judged beside each.
fn talk<K: Kind>(
    arena: &Arena<K>,
    tx: &mut K::Tx,
    rx: &mut K::Rx,
    reads: &mut u64,
    writes: &mut u64,
) -> Result<(), String> {
    for _ in 0..3 {
        put::<K>(tx, Op::Push, *writes).map_err(|error| format!("a successor's push: {error}"))?;
        let ring = arena.judged().map_err(|what| format!("after a successor's push: {what}"))?;
        if ring.payloads() != [K::payload(*writes)] {
            return Err(format!("after a successor's push of record {writes} it is not there"));
        }
        *writes += 1;
        read::<K>(rx, reads)?;
        // A look that finds nothing is what changes the hint.
        match K::next(rx) {
            Err(PopError::Empty) => {}
            other => return Err(format!("behind a successor's record: {other:?} and not Empty")),
        }
    }
    Ok(())
}

fn producer<K: Kind>(arena: &Arena<K>) -> Result<K::Tx, String> {
    let tx = K::producer(&arena.ring).map_err(|error| format!("a producer cannot attach: {error}"));
    arena.judged().map_err(|what| format!("after a producer attached: {what}"))?;
    tx
}

fn consumer<K: Kind>(arena: &Arena<K>) -> Result<K::Rx, String> {
    let rx = K::consumer(&arena.ring).map_err(|error| format!("a consumer cannot attach: {error}"));
    arena.judged().map_err(|what| format!("after a consumer attached: {what}"))?;
    rx
}

fn expect_peer(peer: Peer, fate: Life) -> Result<(), String> {
    match (peer, fate) {
        (Peer::Absent, Life::Absent)
        | (Peer::Dead { .. }, Life::Dead)
        | (Peer::Closed { .. }, Life::Closed) => Ok(()),
        (peer, fate) => Err(format!("the killed side is {peer:?} and must be {fate:?}")),
    }
}

fn put<K: Kind>(tx: &mut K::Tx, op: Op, sequence: u64) -> Result<(), PushError> {
    // Every kind has these.
    K::put(op).map_or(Err(PushError::Corrupt), |put| put(tx, &[K::own(sequence)]))
}

fn fill<K: Kind>(arena: &Arena<K>, tx: &mut K::Tx, writes: &mut u64) -> Result<(), String> {
    for _ in 0..=arena.header.limit / arena.header.shortest_record() {
        match put::<K>(tx, Op::TryPush, *writes) {
            Ok(()) => *writes += 1,
            Err(PushError::Full) => {
                arena.judged().map_err(|what| format!("after the ring was filled: {what}"))?;
                return Ok(());
            }
            Err(error) => return Err(format!("filling the ring: {error}")),
        }
    }
    Err("the ring takes more than it can hold".to_owned())
}

fn read<K: Kind>(rx: &mut K::Rx, reads: &mut u64) -> Result<(), String> {
    match K::next(rx) {
        Ok(payload) if payload == K::payload(*reads) => {
            *reads += 1;
            Ok(())
        }
        Ok(_) => Err(format!("a record came that is not record {reads}")),
        Err(error) => Err(format!("record {reads} was published and cannot be read: {error}")),
    }
}

fn read_up_to<K: Kind>(rx: &mut K::Rx, reads: &mut u64, end: u64) -> Result<(), String> {
    while *reads < end {
        read::<K>(rx, reads)?;
    }
    Ok(())
}
