//! What the last process of a round does, when nobody else is there: it takes every role, reads everything and removes
//! every name.
//!
//! Owns: the end of a round. Knows nothing of: the storm before it.

use shm_ring::{Error, PopError, ReadError};

use super::entry::{CONSUMER, How, PRODUCER};
use super::forms::{Form, Messages, Named, Newest, Values, item};
use super::ledger::{Count, Ledger};
use super::places::{Carries, Places};

/// Takes over at each place, as the life with `stamp`.
pub(super) fn settle(places: &Places, ledger: Ledger, stamp: u64) -> i32 {
    for place in 0..places.count() {
        let word = (stamp << 20) | (place as u64 + 1);
        let settled = match places.carries(place) {
            Carries::Values => settle_one::<Values>(places, place, ledger, word),
            Carries::Messages => settle_one::<Messages>(places, place, ledger, word),
            Carries::Newest => settle_newest(places, place, ledger, word),
        };
        match settled {
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

fn settle_one<F: Form>(
    places: &Places,
    place: usize,
    ledger: Ledger,
    word: u64,
) -> Result<(), Error> {
    let options = places.options(place);
    let ring = F::open(places.region(place), &options)?;
    let Some(entry) = ledger.entry(F::id(&ring), place) else { return Ok(()) };
    let mut rx = F::consumer(&ring)?;
    entry.attached(CONSUMER, word);
    let mut tx = F::producer(&ring)?;
    entry.attached(PRODUCER, word);
    ledger.add(Count::Attachments);
    ledger.add(Count::Attachments);
    let mut pushed = false;
    loop {
        let popped = F::try_pop(&mut rx);
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
                let taken = F::try_push(&mut tx, item(number, entry.id()));
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
    match places.has_name(place) {
        true => places.remove(place),
        false => Ok(()),
    }
}

/// Reads what is there, and goes on from it.
fn settle_newest(places: &Places, place: usize, ledger: Ledger, word: u64) -> Result<(), Error> {
    let options = places.options(place);
    let latest = Newest::open(places.region(place), &options)?;
    let Some(entry) = ledger.entry(Newest::id(&latest), place) else { return Ok(()) };
    let (mut reader, mut writer) = (latest.reader()?, latest.writer()?);
    entry.attached(PRODUCER, word);
    ledger.add(Count::Attachments);
    let (published, begun) = entry.versions();
    let is_right = match reader.read() {
        Ok(read) => (published..=begun).contains(&read[0]) && read == item(read[0], entry.id()),
        Err(ReadError::Empty) => published == 0,
        Err(_) => false,
    };
    let next = item(writer.version() + 1, entry.id());
    writer.write(next);
    if !is_right || reader.read() != Ok(next) {
        ledger.violation(&format!(
            "latest value at place {place}: version {}, where {published} was published and {begun} begun",
            reader.version()
        ));
    }
    entry.leaves(PRODUCER, word, How::Closing);
    drop((reader, writer, latest));
    places.remove(place)
}
