//! The state of the ring that every schedule of a case begins with.
//!
//! Owns: the bytes of that state, written by LAYOUT.md. Knows nothing of: the library, and what comes then.

use shm_ring::Role;
use shm_ring_outsider as outsider;
use shm_ring_outsider::{Descriptor, Header, Region as _, Side, Word, Writable as _};

use super::case::{CAPACITY, Case, Kind};
use super::payload::Records;
use super::stepped::Wrong;

/// Some times around, and not a multiple of the size of values that do not divide the data: there one is over its
/// end.
const AROUND: u64 = 5 * CAPACITY;
/// A record that was there long before.
const FORMER: u64 = 99;

/// The tail before the first record that a schedule pushes.
pub(crate) fn tail(case: &Case) -> u64 {
    match case.kind {
        Kind::Values(size) => (AROUND / size - case.before_wrap) * size,
        Kind::Messages(..) => AROUND - case.before_wrap,
    }
}

/// All bytes of `region`, which nobody has used, brought into the state of `case`.
pub(crate) fn image(case: &Case, records: &Records, region: &Descriptor) -> Result<Vec<u8>, Wrong> {
    let header = Header::of(region);
    let mut at = tail(case) - records.distance(&header, case.prefill);
    outsider::start_at(region, &header, at);
    // A former record is in the front, and what is in the data looks like records.
    if let Some(mut front) = header.front_of(at, &records.bytes(FORMER)) {
        front.resize(front.len().next_multiple_of(8), 0x5a);
        region.write(outsider::producer() + outsider::FRONT, &front);
    }
    outsider::poison(region, &header, Some(8));
    let mut newest = None;
    for number in 0..case.prefill {
        let record = records.bytes(number);
        let next = outsider::lay(region, &header, at, &record);
        newest = Some((at, record));
        at = next;
    }
    let newest = newest.filter(|(at, record)| case.front && header.front_of(*at, record).is_some());
    let newest = newest.as_ref().map(|(at, record)| (*at, &record[..]));
    outsider::publish(region, &header, tail(case), newest);
    if case.after_death {
        bury(case, region, &header);
    }
    let image = region.all();
    match outsider::judge(&image[..], &header) {
        Ok(_) => Ok(image),
        Err(violation) => Err(format!("the fixture is wrong: {violation}")),
    }
}

/// As if the predecessor had been killed in its sleep. Nobody has reported that: a sleeper that hears of a death
/// while the lease is held sleeps for microseconds, and time would decide what happens.
fn bury(case: &Case, region: &Descriptor, header: &Header) {
    for role in case.ops.iter().filter_map(|op| op.succeeds()) {
        let head = region.named(Side::Consumer, Word::Position);
        let (side, wake_at) = match role {
            Role::Producer => (Side::Producer, head),
            _ => (Side::Consumer, head + header.unit()),
        };
        region.set_named(side, Word::Session, 1);
        region.set_named(side, Word::WakeAt, wake_at);
        region.set_named(Side::Consumer, Word::Hint, case.front.into());
    }
}
