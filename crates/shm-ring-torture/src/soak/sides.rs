//! The two processes: a producer that publishes numbers and a consumer that settles them, each in random ways,
//! until it is killed or asked to close.
//!
//! Owns: the lives of the two. Knows nothing of: when they end.

use std::sync::atomic::Ordering::Relaxed;
use std::time::Instant;

use shm_ring::{Options, PopError, PushError, Threshold, Wait};

use super::ledger::{Field, Ledger, Taking, inherit, settle};
use super::load::{Load, Pop, Push, TIMEOUT, any_pop, any_push, has_room, most, number, pop, push};
use crate::forms::{AnyRing, PATIENCE, Rx, RxOf, TxOf};
use crate::rng::Rng;

/// What `Field::Close` holds to ask one of them to close.
pub(super) const PRODUCER: u64 = 1;
pub(super) const CONSUMER: u64 = 2;

const WAITS: [Wait; 3] = [Wait::SPIN, Wait::BALANCED, Wait::PARK];

fn one_of<T: Copy>(rng: &mut Rng, all: &[T]) -> T {
    all[rng.below(all.len() as u64) as usize]
}

fn open<L: Load + ?Sized>(name: &str, rng: &mut Rng) -> Result<L::Ring, String> {
    let options = Options::new().wait(one_of(rng, &WAITS));
    PATIENCE.store(TIMEOUT.as_micros() as u64, Relaxed);
    L::Ring::open_with(name, &options).map_err(|error| error.to_string())
}

/// Publishes until it is asked to close.
pub(super) fn produce<L: Load + ?Sized>(
    name: &str,
    ledger: Ledger,
    mut rng: Rng,
) -> Result<(), String> {
    let ring = open::<L>(name, &mut rng)?;
    let mut tx = ring.producer().map_err(|error| error.to_string())?;
    ledger.add(Field::Producers, 1);
    // Some push as fast as they can all their life, others talk: the front is for those.
    let talks = rng.below(3) == 0;
    // Asking for room looks at the head: what a push knows without that is tried too.
    let asks = rng.below(2) == 0;
    while ledger.get(Field::Close) != PRODUCER {
        publish::<L>(&mut tx, ledger, &mut rng, asks)?;
        if talks {
            await_the_answer(ledger);
        }
        // Now and then the ring runs dry.
        match rng.below(20_000) {
            0 => std::thread::sleep(TIMEOUT),
            1..10 => std::thread::yield_now(),
            _ => {}
        }
    }
    // The role ends in order.
    drop(tx);
    Ok(())
}

/// Waits until everything was taken, if that is soon.
fn await_the_answer(ledger: Ledger) {
    let start = Instant::now();
    while ledger.get(Field::Settled) < ledger.get(Field::Next) && start.elapsed() < TIMEOUT / 8 {
        core::hint::spin_loop();
    }
}

fn publish<L: Load + ?Sized>(
    tx: &mut TxOf<L>,
    ledger: Ledger,
    rng: &mut Rng,
    asks: bool,
) -> Result<(), String> {
    let how = any_push::<L>(rng);
    let from = ledger.get(Field::Next);
    let count = 1 + rng.below(most::<L>(how));
    // What has room is published by one store, and what is written in place has room or is not published.
    let whole = asks && has_room::<L>(tx, from, count);
    ledger.publishing(from, count, whole || how == Push::InPlace);
    let (done, failed) = push::<L>(tx, how, from, count);
    ledger.published(from, count, done);
    ledger.add(Field::Pushes, 1);
    // A message in place asks for more than it needs.
    if whole && done < count && how != Push::InPlace {
        return Err(format!("{how:?}: room for {count} records, and {done} were published"));
    }
    match failed {
        None | Some(PushError::Full | PushError::TimedOut) => {}
        Some(PushError::PeerDead) => gone(ledger, Field::ConsumerDead),
        Some(PushError::Closed) => gone(ledger, Field::ConsumerClosed),
        Some(error) => return Err(format!("{how:?} answered {error:?}")),
    }
    Ok(())
}

/// Nobody is there for now: somebody will come.
fn gone(ledger: Ledger, field: Field) {
    ledger.add(field, 1);
    std::thread::sleep(TIMEOUT / 20);
}

/// Takes and settles until it is asked to close, or everything was taken.
pub(super) fn consume<L: Load + ?Sized>(
    name: &str,
    ledger: Ledger,
    mut rng: Rng,
) -> Result<(), String> {
    let ring = open::<L>(name, &mut rng)?;
    let mut rx = ring.consumer().map_err(|error| error.to_string())?;
    inherit(&ledger);
    ledger.add(Field::Consumers, 1);
    if rng.below(4) == 0 {
        let bytes = 16 << rng.below(8);
        rx.set_threshold(Some(Threshold::bytes(bytes, TIMEOUT / 4)));
    }
    // Some take one way all their life, others change.
    let kept = any_pop::<L>(&mut rng);
    let changes = rng.below(2) == 0;
    while ledger.get(Field::Close) != CONSUMER {
        let how = match (ledger.get(Field::Drain), changes) {
            (0, true) => any_pop::<L>(&mut rng),
            (0, false) => kept,
            // One that says when there is nothing to come.
            _ => Pop::LAST,
        };
        let most = 1 + rng.below(16) as usize;
        match take::<L>(&mut rx, ledger, how, most)? {
            Ok(_) | Err(PopError::Empty | PopError::TimedOut) => {}
            Err(PopError::Closed | PopError::PeerDead) if ledger.get(Field::Drain) != 0 => break,
            Err(PopError::PeerDead) => gone(ledger, Field::ProducerDead),
            Err(PopError::Closed) => gone(ledger, Field::ProducerClosed),
            Err(error) => return Err(format!("{how:?} answered {error:?}")),
        }
        // Now and then the ring fills up.
        match rng.below(20_000) {
            0 => std::thread::sleep(TIMEOUT),
            1..10 => std::thread::yield_now(),
            _ => {}
        }
    }
    // The role ends in order.
    drop(rx);
    Ok(())
}

fn take<L: Load + ?Sized>(
    rx: &mut RxOf<L>,
    ledger: Ledger,
    how: Pop,
    most: usize,
) -> Result<Result<usize, PopError>, String> {
    let (taking, most) = match how {
        Pop::One(_) => (Taking::Pop, 1),
        Pop::Batch => (Taking::Pop, most),
        // An even number is not taken as a slice.
        Pop::BatchSeen => (Taking::Peek, most.next_multiple_of(2)),
        Pop::Peek => (Taking::Peek, most),
    };
    let mut wrong = None;
    ledger.taking(taking, most as u64);
    let taken = pop::<L>(rx, how, most, &mut |record| {
        let settled = number::<L>(record).and_then(|number| settle(&ledger, number));
        wrong = wrong.take().or(settled.err());
    });
    ledger.taken();
    ledger.add(Field::Pops, 1);
    match wrong {
        Some(wrong) => Err(format!("{how:?}: {wrong}")),
        None => Ok(taken),
    }
}
