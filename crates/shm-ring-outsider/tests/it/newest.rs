//! The front: right, unused, stale and torn.

use shm_ring_outsider::{
    FRONT, Header, NO_FRONT, Region, Rule, Side, Word, Writable, cells, judge, page, poison,
    producer, record_header,
};

use crate::{flip, refused, ring};

/// Marks the front as not to be used.
fn unused(region: &crate::Cells) {
    let word = region.named(Side::Producer, Word::Position);
    region.set_named(Side::Producer, Word::Position, word | NO_FRONT);
}

fn take_all(region: &crate::Cells) {
    let tail = region.named(Side::Producer, Word::Position) & !NO_FRONT;
    region.set_named(Side::Consumer, Word::Position, tail);
}

#[test]
fn a_torn_front_is_refused_with_a_clear_bit_and_only_then() {
    for size in [1, 5, 8, 24, 56] {
        let header = Header::values(size, 1, 3);
        let image = ring(&header, size * 1000, &[size as usize; 2], true);
        for byte in 0..size {
            let tear = |region: &crate::Cells| flip(region, producer() + FRONT + byte, 0x10);
            refused(&image, &header, Rule::Front, tear);
            let mut image = image.clone();
            tear(cells(&mut image));
            unused(cells(&mut image));
            judge(&image[..], &header).unwrap();
        }
        // The fill is anything.
        if size < 56 {
            let mut image = image.clone();
            flip(cells(&mut image), producer() + FRONT + size, 0xff);
            judge(&image[..], &header).unwrap();
        }
    }
}

#[test]
fn the_front_of_a_message_is_its_header_and_payload() {
    for align in [8, 64] {
        let header = Header::messages(align, 1024);
        for len in [0, 1, 47, 48] {
            let image = ring(&header, 64 * 63, &[7, len], true);
            for byte in (0..8).chain(8..8 + len as u64) {
                refused(&image, &header, Rule::Front, |region| {
                    flip(region, producer() + FRONT + byte, 1);
                });
            }
        }
    }
}

#[test]
fn a_front_that_is_an_older_record_is_refused() {
    // The producer publishes a second record, and neither copies it nor sets the bit.
    let header = Header::values(8, 8, 4);
    let image = ring(&header, 0, &[8], true);
    refused(&image, &header, Rule::Front, |region| {
        region.set(header.at(8), 99);
        region.set_named(Side::Producer, Word::Position, 16);
    });
    let header = Header::messages(8, 1024);
    let image = ring(&header, 0, &[8], true);
    refused(&image, &header, Rule::Front, |region| {
        region.set(header.at(16), record_header(16, 0));
        region.set_named(Side::Producer, Word::Position, 24);
    });
}

#[test]
fn a_record_that_is_too_long_never_has_a_clear_bit() {
    for (header, len) in [(Header::values(57, 1, 3), 57), (Header::messages(8, 1024), 49)] {
        let image = ring(&header, 57 * 8, &[len], true);
        let clear = |region: &crate::Cells| {
            let word = region.named(Side::Producer, Word::Position);
            region.set_named(Side::Producer, Word::Position, word & !NO_FRONT);
        };
        refused(&image, &header, Rule::Front, clear);
        let mut taken = image.clone();
        take_all(cells(&mut taken));
        refused(&taken, &header, Rule::Front, clear);
    }
}

#[test]
fn the_front_of_a_record_that_was_taken_is_judged_while_its_data_is_whole() {
    // A page holds many more than three.
    for (header, len) in [(Header::values(24, 8, 3), 24), (Header::messages(64, 640), 40)] {
        let mut image = ring(&header, 24 * 64, &[len, len], true);
        take_all(cells(&mut image));
        refused(&image, &header, Rule::Front, |region| flip(region, producer() + FRONT + 9, 1));
        poison(cells(&mut image), &header, None);
        judge(&image[..], &header).unwrap();
    }
    // Here the room for the next record is that of the newest.
    let header = Header::values(8, 8, page() / 8);
    let mut image = ring(&header, 0, &[8, 8], true);
    take_all(cells(&mut image));
    poison(cells(&mut image), &header, None);
    assert!(judge(&image[..], &header).unwrap().front);
    // The front of a message says by itself where it ends.
    let header = Header::messages(8, page());
    let mut image = ring(&header, 0, &[8, 8], true);
    take_all(cells(&mut image));
    refused(&image, &header, Rule::Front, |region| {
        region.set(producer() + FRONT, record_header(16, 17));
    });
    refused(&image, &header, Rule::Front, |region| {
        region.set(producer() + FRONT, u64::MAX);
    });
    poison(cells(&mut image), &header, None);
    judge(&image[..], &header).unwrap();
}

/// The room for the next record is the whole data area, and still a front that is too short cannot be right.
#[test]
fn the_front_of_a_full_ring_is_no_longer_than_it_can_be() {
    let header = Header::values(64, 1, page() / 64);
    let mut image = ring(&header, 0, &[64], false);
    take_all(cells(&mut image));
    refused(&image, &header, Rule::Front, |region| {
        region.set_named(Side::Producer, Word::Position, 64);
    });
    let header = Header::messages(8, page());
    let mut image = ring(&header, 0, &[49], false);
    take_all(cells(&mut image));
    refused(&image, &header, Rule::Front, |region| {
        region.set(producer() + FRONT, record_header(0, 49));
        region.set_named(Side::Producer, Word::Position, 64);
    });
}
