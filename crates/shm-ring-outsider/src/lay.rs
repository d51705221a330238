//! Regions built by hand.
//!
//! Owns: writing of records, versions and positions into a region at rest.
//! Knows nothing of: the order of stores, which only a live region needs.

use crate::header::{Header, Kind};
use crate::record::{pack, record_header, unpack};
use crate::region::{Writable, cells};
use crate::words::{FRONT, NEVER, POSITION, Side, WAKE_AT};

/// The image of a region that its creator has just left.
pub fn fresh(header: &Header) -> Vec<u8> {
    let mut image = vec![0; header.region_bytes() as usize];
    let region = cells(&mut image);
    region.write(0, &header.to_bytes());
    for side in Side::BOTH {
        region.set(side.page(header.page.into()) + WAKE_AT, NEVER);
    }
    image
}

/// Writes a record at `position` of the data, without publishing it. The position behind it.
pub fn lay<R: Writable + ?Sized>(
    region: &R,
    header: &Header,
    position: u64,
    payload: &[u8],
) -> u64 {
    if header.kind() == Some(Kind::Messages) {
        region.set(header.at(position), record_header(position, payload.len() as u32));
    }
    write_data(region, header, position + header.payload_offset(), payload);
    position + header.stride(payload.len() as u64)
}

/// Publishes all that was laid before `tail`. With a `newest` record, its position and payload, that one is
/// copied into the front; it must be short enough.
#[track_caller]
pub fn publish<R: Writable + ?Sized>(
    region: &R,
    header: &Header,
    tail: u64,
    newest: Option<(u64, &[u8])>,
) {
    let page = Side::Producer.page(header.page.into());
    if let Some((position, payload)) = newest {
        let mut front =
            header.front_of(position, payload).expect("a record that the front can hold");
        front.resize(front.len().next_multiple_of(8), 0x5a);
        region.write(page + FRONT, &front);
    }
    region.set(page + POSITION, pack(tail, newest.is_some()));
}

/// Moves a ring that has not been used to `position`: empty, and without a front.
pub fn start_at<R: Writable + ?Sized>(region: &R, header: &Header, position: u64) {
    let page = header.page.into();
    region.set(Side::Producer.page(page) + POSITION, pack(position, position == 0));
    region.set(Side::Consumer.page(page) + POSITION, position);
}

/// Fills all that a producer may write now with the worst that former records can have left there. With a
/// length that is, for messages, at each place the record header of a message of so many bytes that may come to
/// stand there. Otherwise it is what is never a record.
pub fn poison<R: Writable + ?Sized>(region: &R, header: &Header, len: Option<u32>) {
    let page = header.page.into();
    let head = region.word(Side::Consumer.page(page) + POSITION);
    let (tail, _) = unpack(region.word(Side::Producer.page(page) + POSITION));
    let free = (head + header.limit).saturating_sub(tail);
    write_data(region, header, tail, &vec![0xff; free as usize]);
    if let (Some(len), Some(Kind::Messages)) = (len, header.kind()) {
        for position in (tail..tail + free / 8 * 8).step_by(header.message_align() as usize) {
            region.set(header.at(position), record_header(position, len));
        }
    }
}

/// Writes `item` into the slot of `version`, filled up to whole words with zeros, without publishing it.
pub fn lay_version<R: Writable + ?Sized>(region: &R, header: &Header, version: u64, item: &[u8]) {
    let mut whole = item.to_vec();
    whole.resize(whole.len().next_multiple_of(8), 0);
    region.write(header.slot_at(version), &whole);
}

/// Writes `bytes` at `position` of the data, around its end.
pub(crate) fn write_data<R: Writable + ?Sized>(
    region: &R,
    header: &Header,
    position: u64,
    bytes: &[u8],
) {
    let at = header.at(position);
    let (first, second) = bytes.split_at(bytes.len().min((header.region_bytes() - at) as usize));
    region.write(at, first);
    region.write(header.at(0), second);
}
