//! What the last process of a round does, when nobody else is there: it takes every role, reads everything and removes
//! every name.
//!
//! Owns: the end of a round. Knows nothing of: the storm before it.

use shm_ring::{Error, PopError, Ring};

use super::ends::{Item, item};
use super::entry::{CONSUMER, How, PRODUCER};
use super::ledger::{Count, Ledger};
use super::places::Places;

/// Takes over at each place, as the life with `stamp`.
pub(super) fn settle(places: &Places, ledger: Ledger, stamp: u64) -> i32 {
    for place in 0..places.count() {
        match settle_one(places, place, ledger, (stamp << 20) | (place as u64 + 1)) {
            Ok(()) | Err(Error::NotFound { .. }) => {}
            Err(error) => {
                ledger.violation(&format!(
                    "nobody is at place {place}, and its last user: {error:?}"
                ));
            }
        }
    }
    0
}

fn settle_one(places: &Places, place: usize, ledger: Ledger, word: u64) -> Result<(), Error> {
    let options = places.options(place);
    let ring = Ring::<Item>::open_with(places.region(place), &options)?;
    let Some(entry) = ledger.entry(ring.id() as u64, place) else { return Ok(()) };
    let mut rx = ring.consumer()?;
    entry.attached(CONSUMER, word);
    let mut tx = ring.producer()?;
    entry.attached(PRODUCER, word);
    ledger.add(Count::Attachments);
    ledger.add(Count::Attachments);
    let mut pushed = false;
    loop {
        let popped = rx.try_pop();
        match popped {
            Ok([number, check]) => {
                if [number, check] != item(number, entry.id()) {
                    ledger.violation(&format!("what was left is no record: {number:x} {check:x}"));
                }
                entry.settle(number);
            }
            Err(PopError::Empty) if !pushed => {
                // The ring goes on.
                let number = entry.offer();
                let taken = tx.try_push(item(number, entry.id()));
                entry.offered(number, taken.is_ok());
                if taken.is_err() {
                    ledger.violation(&format!("an empty ring takes nothing: {taken:?}"));
                }
                pushed = true;
            }
            Err(PopError::Empty) => break,
            Err(error) => {
                ledger.violation(&format!("what was left at place {place}: {error:?}"));
                break;
            }
        }
    }
    entry.leaves(CONSUMER, word, How::Closing);
    entry.leaves(PRODUCER, word, How::Closing);
    drop((rx, tx, ring));
    places.region(place).unlink_unused(&options)
}
