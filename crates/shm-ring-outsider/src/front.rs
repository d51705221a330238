//! Whether the front holds the newest record, where that can still be told.
//!
//! Owns: the rule of bit 63. Knows nothing of: sleeping, sessions and counters.

use crate::header::{Header, Kind};
use crate::judge::{Record, Ring, data};
use crate::record::{FRONT_MESSAGE_MAX, message_len};
use crate::region::Region;
use crate::violation::{Rule, Violation};
use crate::words::FRONT_BYTES;

/// Refuses a front that may be used and is not the newest record.
pub(crate) fn check<R: Region + ?Sized>(
    region: &R,
    header: &Header,
    ring: &Ring,
) -> Result<(), Violation> {
    // A fresh region has a clear bit and no record.
    if !ring.front || ring.tail == 0 {
        return Ok(());
    }
    let newest = match ring.records.last() {
        Some(newest) => Some(newest.clone()),
        None => taken(region, header, ring)?,
    };
    let Some(newest) = newest else { return Ok(()) };
    let wrong = |why: &str| {
        let reason = format!("the front may be used and {why} at {}", newest.position);
        Err(Violation::new(Rule::Front, reason))
    };
    match header.front_of(newest.position, &newest.payload) {
        None => wrong("is too short for the record"),
        Some(wanted) if ring.producer.front[..wanted.len()] == wanted => Ok(()),
        Some(_) => wrong("is not the record"),
    }
}

/// The newest record, although it was taken: its data is whole as long as nobody may have written there since.
/// `None` if that is possible.
fn taken<R: Region + ?Sized>(
    region: &R,
    header: &Header,
    ring: &Ring,
) -> Result<Option<Record>, Violation> {
    let wrong = |why: String| Err(Violation::new(Rule::Front, why));
    let len = if header.kind() == Some(Kind::Messages) {
        let mut word = [0; 8];
        word.copy_from_slice(&ring.producer.front[..8]);
        let word = u64::from_le_bytes(word);
        let len = word & 0xffff_ffff;
        let start = ring.tail.checked_sub(header.stride(len));
        if start.and_then(|start| message_len(word, start)).is_none() || len > FRONT_MESSAGE_MAX {
            let tail = ring.tail;
            return wrong(format!(
                "the front may be used, and {word:#x} ends no message at {tail}"
            ));
        }
        len
    } else if header.item_size > FRONT_BYTES {
        return wrong(format!("the front may be used with values of {} bytes", header.item_size));
    } else {
        header.item_size
    };
    let position = ring.tail - header.stride(len);
    // A producer writes no further than this.
    if position + header.capacity < ring.head + header.limit {
        return Ok(None);
    }
    let start = position + header.payload_offset();
    Ok(Some(Record { position, payload: data(region, header, start, len as usize) }))
}
