//! Owns: kills beside a peer that really sleeps: a second child, parked in the kernel while the first one dies between
//! publishing and ringing. Only limits against hangs are timed. Knows nothing of: other scenes.

use std::time::{Duration, Instant};

use shm_ring::{PopError, PushError};
use shm_ring_outsider::{Life, Region as _, Side, Word, life};

use super::judge::Seen;
use super::kind::{HANG, Kind};
use super::knife::{Outcome, Window, advance, child, os};
use super::op::Op;
use super::rings::{Fixture, Stage};
use super::scene::{Newest, Scene, Start, stride};
use super::successors::{Survivor, after};
use crate::trace::{Step, Traced};

/// A sleeper saw what must not be.
const WRONG: i32 = 99;
/// Added to how many records a sleeper got, once it learned that its peer closed; if it died, nothing is added.
const CLOSED: i32 = 50;

/// The operations whose side is killed beside a sleeper.
pub(crate) const OPS: [Op; 9] = [
    Op::PushRing,
    Op::PushSliceRing,
    Op::PushBatchRing,
    Op::ReserveRing,
    Op::CloseProducer,
    Op::PopRing,
    Op::PopBatchRing,
    Op::ReleaseRing,
    Op::CloseConsumer,
];

/// The scene of a killed side whose peer sleeps.
pub(crate) fn scene(op: Op) -> Scene {
    let newest = if op.side() == Side::Producer { Newest::InFront } else { Newest::Among };
    Scene { op, newest, at: 4 * 4096 - 16, sequence: 60_000 }
}

/// Kills the child of `op` after `steps` instructions, with its peer parked. How long the peer slept on.
pub(crate) fn kill<K: Kind>(
    fixture: &Fixture<K>,
    op: Op,
    steps: u64,
    path: &[u64],
) -> Outcome<Duration> {
    let at = |what: String| format!("killed after instruction {steps} beside a sleeper: {what}");
    let (scene, victim) = (scene(op), op.side());
    let arena = &fixture.arena;
    let start = match victim {
        Side::Producer => fixture.start(scene),
        Side::Consumer => full(fixture, scene),
    };
    arena.set(&start.image);
    let mut sleeper = sleeper(fixture, victim.other(), &start)?;
    let mut child = child(fixture, &mut Stage::new(scene, start.clone()))?;
    // Attaching has woken it once.
    await_sleep(fixture, victim.other(), &sleeper)?;
    advance(&mut child, steps, path).map_err(at)?;
    drop(child);
    let killed = Instant::now();
    let before = arena.judged().map_err(at)?;
    let code = match sleeper.wait_within(HANG).map_err(os("tracing"))? {
        Some(Step::Exited(code)) => code,
        Some(other) => return Err(at(format!("the sleeper: {other:?}"))),
        None => return Err(at("the sleeper sleeps on".to_owned())),
    };
    let slept = killed.elapsed();
    let ring = arena.judged().map_err(at)?;
    let (session, records) = (ring.side(victim).session, ring.records.len() as u64);
    let end = if life(session, false) == Life::Closed { CLOSED } else { 0 };
    let passed = (ring.head - start.head) / stride::<K>(&arena.header, 0);
    let seen = Seen { added: 0, taken: 0, session, first: start.first + passed, records };
    let got = match victim {
        Side::Producer => (before.tail - start.tail) / stride::<K>(&arena.header, 0),
        Side::Consumer => 0,
    };
    if code != end + got as i32 {
        return Err(at(format!("{got} records were published; the sleeper answered {code}")));
    }
    let survivor = Survivor::Nobody { victim_first: victim == Side::Consumer };
    after(arena, victim, survivor, &seen).map_err(at)?;
    Ok(slept)
}

/// Kills a side in its sleep, beside a peer that lives.
pub(crate) fn kill_sleeper<K: Kind>(fixture: &Fixture<K>, victim: Side) -> Outcome<()> {
    let at = |what: String| format!("killed asleep: {what}");
    let arena = &fixture.arena;
    let (start, survivor) = match victim {
        Side::Consumer => {
            let start = fixture.start(Scene { op: Op::PopPark, ..scene(Op::PopRing) });
            arena.set(&start.image);
            let tx = K::producer(&arena.ring).map_err(os("a survivor"))?;
            (start, Survivor::<K>::Producer(tx, arena.ends(Side::Producer, false)))
        }
        Side::Producer => {
            let start = full(fixture, scene(Op::PushRing));
            arena.set(&start.image);
            let rx = K::consumer(&arena.ring).map_err(os("a survivor"))?;
            (start, Survivor::Consumer(rx, arena.ends(Side::Consumer, false)))
        }
    };
    drop(sleeper(fixture, victim, &start)?);
    let ring = arena.judged().map_err(at)?;
    let (records, session) = (ring.records.len() as u64, ring.side(victim).session);
    if records != start.records {
        return Err(at(format!("{records} records and not {}", start.records)));
    }
    let seen = Seen { added: 0, taken: 0, session, first: start.first, records };
    after(arena, victim, survivor, &seen).map_err(at)
}

/// The instructions after which a kill shows something: from the publishing or releasing store on, or all.
pub(crate) fn from_store(window: &Window) -> u64 {
    window.moved.unwrap_or(0)
}

/// A full ring, of which the child takes so much before the window opens that one record more is what a producer waits
/// for.
fn full<K: Kind>(fixture: &Fixture<K>, scene: Scene) -> Start {
    let mut start = fixture.start(Scene { op: Op::PushPark, newest: Newest::InFront, ..scene });
    let wake_at = start.tail - fixture.arena.header.limit / 2;
    start.skip = (wake_at - start.head).div_ceil(stride::<K>(&fixture.arena.header, 0)) - 1;
    start
}

/// A child that is `side`, and sleeps in the kernel.
fn sleeper<K: Kind>(fixture: &Fixture<K>, side: Side, start: &Start) -> Outcome<Traced> {
    let ring = &fixture.arena.ring;
    let sleeper = match side {
        Side::Consumer => Traced::start(|| pops::<K>(ring, start)),
        Side::Producer => Traced::start(|| pushes::<K>(ring, start.first + start.records)),
    }
    .map_err(os("tracing"))?;
    sleeper.resume().map_err(os("tracing"))?;
    await_sleep(fixture, side, &sleeper)?;
    Ok(sleeper)
}

/// Until `side` sleeps in the kernel.
fn await_sleep<K: Kind>(fixture: &Fixture<K>, side: Side, sleeper: &Traced) -> Outcome<()> {
    let start = Instant::now();
    while start.elapsed() < HANG {
        let wake_at = fixture.arena.region.named(side, Word::WakeAt);
        if wake_at != shm_ring_outsider::NEVER && sleeper.is_asleep() {
            return Ok(());
        }
        std::thread::sleep(Duration::from_micros(200));
    }
    Err("a peer that has nothing to do does not sleep".to_owned())
}

/// A consumer that takes everything, sleeps, and goes on until the end: how many records came after the first sleep.
fn pops<K: Kind>(ring: &K::Ring, start: &Start) -> i32 {
    let Ok(mut rx) = K::consumer(ring) else { return WRONG };
    let laid = start.first + start.records;
    for sequence in start.first.. {
        match K::next_timeout(&mut rx, Duration::MAX) {
            Ok(payload) if payload == K::payload(sequence) => {}
            Err(PopError::PeerDead) => return (sequence - laid) as i32,
            Err(PopError::Closed) => return (sequence - laid) as i32 + CLOSED,
            _ => return WRONG,
        }
    }
    WRONG
}

/// A producer that pushes from record `next` on until nobody takes anything any more.
fn pushes<K: Kind>(ring: &K::Ring, next: u64) -> i32 {
    let Ok(mut tx) = K::producer(ring) else { return WRONG };
    let Some(push) = K::put(Op::Push) else { return WRONG };
    for sequence in next..next + 10_000 {
        match push(&mut tx, &[K::own(sequence)]) {
            Ok(()) => {}
            Err(PushError::PeerDead) => return 0,
            Err(PushError::Closed) => return CLOSED,
            Err(_) => return WRONG,
        }
    }
    WRONG
}
