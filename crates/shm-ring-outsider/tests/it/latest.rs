//! The latest value: versions in slots, and each rule of its judge.

use shm_ring_outsider::{
    BELL, Header, Latest, NEVER, Next, POSITION_END, Reader, Region, Rule, Side, Word, Writable,
    cells, changes, consumer, data, follows_latest, fresh, judge_latest, lay_version, name,
    producer, version, wild_versions,
};

use crate::{Moving, flip, payload};

fn published(header: &Header, last: u64) -> Vec<u8> {
    let mut image = fresh(header);
    for version in 1..=last {
        let item = payload(version as usize, header.item_size as usize);
        lay_version(cells(&mut image), header, version, &item);
    }
    cells(&mut image).set(producer(), last);
    image
}

#[test]
fn the_latest_version_stands_in_its_slot() {
    for (size, align, slot) in [(5, 1, 128), (128, 8, 128), (300, 4, 512), (4096, 4096, 4096)] {
        let header = Header::latest(size, align);
        assert_eq!((header.slot(), header.slots()), (slot, header.capacity / slot));
        assert_eq!(judge_latest(&published(&header, 0)[..], &header).unwrap().item, None);
        for last in [1, 3, header.slots(), 2 * header.slots() + 1] {
            let image = published(&header, last);
            let found = judge_latest(&image[..], &header).unwrap();
            assert_eq!(found.item, Some(payload(last as usize, size as usize)));
            assert_eq!(version(&image[..], &header, last), found.item.unwrap());
            assert_eq!(header.slot_at(last), data() + last % header.slots() * slot);
        }
    }
}

#[test]
fn each_rule_refuses_what_breaks_it() {
    let header = Header::latest(5, 1);
    let image = published(&header, 40);
    let refused = |rule: Rule, damage: &dyn Fn(&crate::Cells)| {
        let mut image = image.clone();
        damage(cells(&mut image));
        let violation = judge_latest(&image[..], &header).expect_err("damaged");
        assert_eq!(violation.rule, rule, "{violation}");
    };
    let slot = header.slot_at(40);
    refused(Rule::Slot, &|region| flip(region, slot + 5, 1));
    refused(Rule::Slot, &|region| flip(region, slot + 7, 1));
    refused(Rule::Position, &|region| region.set(producer(), POSITION_END));
    refused(Rule::Position, &|region| region.set(producer(), 40 | 1 << 63));
    refused(Rule::Reserved, &|region| region.set(consumer(), 1));
    refused(Rule::Reserved, &|region| region.set_half(consumer() + BELL, 1));
    refused(Rule::Reserved, &|region| region.set_named(Side::Consumer, Word::WakeAt, 0));
    refused(Rule::Reserved, &|region| region.set_named(Side::Producer, Word::Front, 1));
    refused(Rule::WakeAt, &|region| region.set_named(Side::Producer, Word::WakeAt, NEVER - 1));
    refused(Rule::Header, &|region| flip(region, 160, 1));
    // Behind the fill anything may stand.
    let mut image = image;
    flip(cells(&mut image), slot + 8, 1);
    judge_latest(&image[..], &header).unwrap();
}

#[test]
fn versions_only_rise_and_stay_what_they_are() {
    let header = Header::latest(24, 8);
    let (before, now) = (published(&header, 3), published(&header, 4));
    let judged = |image: &[u8]| judge_latest(image, &header).unwrap();
    follows_latest(&judged(&before), &judged(&now)).unwrap();
    let undone = follows_latest(&judged(&now), &judged(&before)).unwrap_err();
    assert_eq!(undone.rule, Rule::Undone);
    assert_eq!(changes(&header, &before, &now), ["published", "slot 4"]);
    let mut other = before.clone();
    flip(cells(&mut other), header.slot_at(3), 1);
    assert!(follows_latest(&judged(&before), &judged(&other)).is_err());
    assert_eq!(name(&header, 57), "header's capacity");
    assert_eq!(name(&header, 300), "reserved bytes");
}

#[test]
fn a_reader_believes_what_can_be() {
    let header = Header::latest(24, 8);
    let image = published(&header, 9);
    let mut reader = Reader::default();
    assert_eq!(reader.read(&fresh(&header)[..], &header), Some(None));
    assert_eq!(reader.read(&image[..], &header), Some(Some(payload(9, 24))));
    assert_eq!(reader.version, 9);
    for wild in wild_versions(&header, 9) {
        let mut image = image.clone();
        cells(&mut image).set(producer(), wild);
        let mut reader = Reader { version: 9, ..Reader::default() };
        let believed = (9..POSITION_END).contains(&wild);
        assert_eq!(reader.look(&image[..], &header), believed.then_some(wild));
        assert_eq!(reader.corrupt, !believed);
        let again = reader.look(&published(&header, 9)[..], &header);
        assert_eq!(again, believed.then_some(9), "permanently");
    }
    assert_eq!(Latest::ATTACH_END, 1 << 61);
    assert_eq!(image.size(), header.region_bytes());
}

#[test]
fn a_copy_is_whole_until_the_slot_may_have_been_begun_again() {
    let header = Header::latest(24, 8);
    let slots = header.slots();
    for (moved, whole) in [(0, true), (slots - 2, true), (slots - 1, false), (slots, false)] {
        let region = Moving::new(published(&header, 9), moved);
        let mut reader = Reader::default();
        let item = whole.then(|| Some(payload(9, 24)));
        assert_eq!(reader.read(&region, &header), item, "{moved} of {slots}");
        assert_eq!(reader.version, if whole { 9 } else { 0 });
        assert!(!reader.corrupt);
    }
}

#[test]
fn each_version_comes_next_or_is_lost() {
    let header = Header::latest(24, 8);
    let slots = header.slots();
    let before = published(&header, 9);
    for moved in [0, 1, 5, slots - 1, slots, slots + 5, 3 * slots] {
        let mut reader = Reader::attach(&before[..], &header);
        assert_eq!(reader.next(&before[..], &header), Next::Nothing);
        let last = 9 + moved;
        let image = published(&header, last);
        let mut next = 10;
        if moved > slots - 1 {
            let Next::Lost(lost) = reader.next(&image[..], &header) else { panic!("{moved}") };
            next += lost;
            assert_eq!(next, last - (slots - 2) / 2);
        }
        for version in next..=last {
            let item = payload(version as usize, 24);
            assert_eq!(reader.next(&image[..], &header), Next::Item(item));
            assert_eq!((reader.version, reader.position()), (version, version));
        }
        assert_eq!(reader.next(&image[..], &header), Next::Nothing);
    }
    // Of a slot that may have been begun again nothing counts.
    for (moved, whole) in [(slots - 2, true), (slots - 1, false)] {
        let region = Moving::new(published(&header, 9), moved);
        let mut reader = Reader { passed: 8, ..Reader::default() };
        match reader.next(&region, &header) {
            Next::Item(item) => assert!(whole && item == payload(9, 24)),
            other => assert!(!whole && matches!(other, Next::Lost(_)), "{other:?}"),
        }
    }
    for wild in wild_versions(&header, 9) {
        let mut image = image_of(&header, 9, wild);
        let mut reader = Reader { version: 9, ..Reader::default() };
        let found = reader.next(&image[..], &header);
        let believed = (9..POSITION_END).contains(&wild);
        assert_eq!(found != Next::Corrupt, believed, "{wild:#x}: {found:?}");
        cells(&mut image).set(producer(), 9);
        let again = reader.next(&image[..], &header);
        assert!(believed || again == Next::Corrupt, "permanently");
    }
}

/// Versions up to `last`, and a count that says something else.
fn image_of(header: &Header, last: u64, count: u64) -> Vec<u8> {
    let mut image = published(header, last);
    cells(&mut image).set(producer(), count);
    image
}
