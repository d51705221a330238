//! Kills beside a peer that really sleeps: a second child, parked in the kernel while the first one dies
//! between publishing and ringing. Only limits against hangs are timed. It must not know of other scenes.

use std::time::{Duration, Instant};

use shm_ring::{PopError, PushError, Ring};

use super::judge::Seen;
use super::kind::{HANG, Kind};
use super::raw::{CAPACITY, Image, Side, stride};
use super::scene::{Op, Scene, Start};
use super::successors::{Survivor, after_consumer, after_producer};
use super::window::{Outcome, Stage, Window, advance, os};
use crate::trace::{Step, Traced};

/// A sleeper found an end where a record was to come, and that may be right.
const ONLY_THE_END: i32 = 10;
/// A sleeper saw what must not be.
const WRONG: i32 = 11;

/// The scene of a killed producer, or consumer, whose peer sleeps.
pub(crate) fn scene(victim: Side) -> Scene {
    let op = if victim == Side::Producer { Op::PushRing } else { Op::PopRing };
    Scene { op, at: 4 * CAPACITY - 16, sequence: 60_000 }
}

/// Kills the child of [`scene`] after `steps` instructions, with its peer parked. How long the peer slept on.
pub(crate) fn kill<K: Kind>(
    stage: &Stage<K>,
    victim: Side,
    steps: u64,
    path: &[u64],
) -> Outcome<Duration> {
    let at = |what: String| format!("killed after instruction {steps} beside a sleeper: {what}");
    let scene = scene(victim);
    let start = match victim {
        Side::Producer => scene.start::<K>(&stage.blank),
        Side::Consumer => full::<K>(scene, &stage.blank),
    };
    stage.set(&start)?;
    let ring = &stage.ring;
    let mut sleeper = match victim {
        Side::Producer => Traced::start(|| pops::<K>(ring, &start, scene.sequence)),
        Side::Consumer => Traced::start(|| pushes::<K>(ring, start.first + start.records)),
    }
    .map_err(os("tracing"))?;
    sleeper.resume().map_err(os("tracing"))?;
    await_sleep(stage, victim, &sleeper)?;
    let mut diary = K::diary();
    let mut child = stage.child(scene, &start, &mut diary)?;
    // Attaching has woken it once.
    await_sleep(stage, victim, &sleeper)?;
    advance(&mut child, steps, path).map_err(at)?;
    drop(child);
    let killed = Instant::now();
    let before = Image::of(ring.descriptor()).map_err(os("reading a region"))?;
    let code = match sleeper.wait_within(HANG).map_err(os("tracing"))? {
        Some(Step::Exited(code)) => code,
        Some(other) => return Err(at(format!("the sleeper: {other:?}"))),
        None => return Err(at("the sleeper sleeps on".to_owned())),
    };
    let slept = killed.elapsed();
    let image = Image::of(ring.descriptor()).map_err(os("reading a region"))?;
    let (head, session) = (image.position(Side::Consumer), image.session(victim));
    let passed = (head - start.head) / stride(K::len(0));
    let records = image.published().0.len() as u64;
    let seen = Seen { added: 0, taken: 0, session, first: start.first + passed, records };
    match victim {
        Side::Producer => {
            let published = before.position(Side::Producer) != start.tail
                || before.position(Side::Consumer) > scene.at
                || !before.published().0.is_empty();
            match (code, published) {
                (0, true) | (ONLY_THE_END, false) => {}
                _ => return Err(at(format!("published: {published}; the sleeper said {code}"))),
            }
            after_producer::<K>(ring, Survivor::Nobody { victim_first: false }, seen)
                .map_err(at)?;
        }
        Side::Consumer => {
            if code != 0 {
                return Err(at(format!("the sleeping producer said {code}")));
            }
            after_consumer::<K>(ring, Survivor::Nobody { victim_first: true }, seen).map_err(at)?;
        }
    }
    Ok(slept)
}

/// Kills a side in its sleep, beside a peer that lives.
pub(crate) fn kill_sleeper<K: Kind>(stage: &Stage<K>, victim: Side) -> Outcome<()> {
    let at = |what: String| format!("killed asleep: {what}");
    let scene = scene(victim);
    let (start, survivor) = match victim {
        Side::Consumer => {
            let start = Scene { op: Op::PopPark, ..scene }.start::<K>(&stage.blank);
            stage.set(&start)?;
            let tx = stage.ring.producer().map_err(os("a survivor"))?;
            (start, Survivor::<K>::Producer(tx))
        }
        Side::Producer => {
            let start = full::<K>(scene, &stage.blank);
            stage.set(&start)?;
            let rx = stage.ring.consumer().map_err(os("a survivor"))?;
            (start, Survivor::Consumer(rx))
        }
    };
    let ring = &stage.ring;
    let sleeper = match victim {
        Side::Consumer => Traced::start(|| pops::<K>(ring, &start, scene.sequence)),
        Side::Producer => Traced::start(|| pushes::<K>(ring, start.first + start.records)),
    }
    .map_err(os("tracing"))?;
    sleeper.resume().map_err(os("tracing"))?;
    let peer = if victim == Side::Producer { Side::Consumer } else { Side::Producer };
    await_sleep(stage, peer, &sleeper)?;
    drop(sleeper);
    let image = Image::of(ring.descriptor()).map_err(os("reading a region"))?;
    let (records, session) = (image.published().0.len() as u64, image.session(victim));
    if records != start.records {
        return Err(at(format!("{records} records and not {}", start.records)));
    }
    let seen = Seen { added: 0, taken: 0, session, first: start.first, records };
    match victim {
        Side::Producer => after_producer::<K>(ring, survivor, seen).map_err(at),
        Side::Consumer => after_consumer::<K>(ring, survivor, seen).map_err(at),
    }
}

/// The instructions after which a kill shows something: from the publishing or releasing store on.
pub(crate) fn from_store(window: &Window) -> u64 {
    let store = |(_, what): &&(u64, Vec<&str>)| {
        what.iter().any(|what| matches!(*what, "commit word" | "head"))
    };
    window.sites.iter().find(store).map_or(0, |&(step, _)| step)
}

/// A full ring, of which the child takes so much before the window opens that one record more is what a
/// producer waits for.
fn full<K: Kind>(scene: Scene, blank: &Image) -> Start {
    let laid = Scene { op: Op::PushPark, ..scene };
    let mut start = laid.start::<K>(blank);
    let wake_at = scene.at - CAPACITY / 2;
    start.skip = (wake_at - start.head).div_ceil(stride(K::len(0))) - 1;
    start
}

/// Until the peer of `victim` sleeps in the kernel.
fn await_sleep<K: Kind>(stage: &Stage<K>, victim: Side, sleeper: &Traced) -> Outcome<()> {
    let side = if victim == Side::Producer { Side::Consumer } else { Side::Producer };
    let start = Instant::now();
    while start.elapsed() < HANG {
        let image = Image::of(stage.ring.descriptor()).map_err(os("reading a region"))?;
        if image.is_asleep(side) && sleeper.is_asleep() {
            return Ok(());
        }
        std::thread::sleep(Duration::from_micros(200));
    }
    Err("a peer that has nothing to do does not sleep".to_owned())
}

/// A consumer that takes everything up to record `last`, which is not there yet, and learns of the end.
fn pops<K: Kind>(ring: &Ring<K::P>, start: &Start, last: u64) -> i32 {
    let Ok(mut rx) = ring.consumer() else { return WRONG };
    for sequence in start.first..last {
        if K::take(&mut rx) != Ok(K::payload(sequence)) {
            return WRONG;
        }
    }
    let mut diary = K::diary();
    match K::pop_into(&mut rx, &mut diary) {
        Ok(()) => match K::pop(&mut rx) {
            Err(PopError::PeerDead) => 0,
            _ => WRONG,
        },
        Err(PopError::PeerDead) => ONLY_THE_END,
        Err(_) => WRONG,
    }
}

/// A producer that pushes from record `next` on until nobody takes anything any more.
fn pushes<K: Kind>(ring: &Ring<K::P>, mut next: u64) -> i32 {
    let Ok(mut tx) = ring.producer() else { return WRONG };
    for _ in 0..=CAPACITY {
        match K::push(&mut tx, &K::own(next)) {
            Ok(()) => next += 1,
            Err(PushError::PeerDead) => return 0,
            Err(_) => return WRONG,
        }
    }
    WRONG
}
