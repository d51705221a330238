//! Each rule of the judge of rings refuses a region that breaks it and nothing else.

use shm_ring_outsider::{
    Header, Kind, Life, NEVER, NO_FRONT, POSITION_END, Rule, Side, SideWords, Word, Writable,
    cells, changes, follows, fresh, judge, judge_latest, poison, record_header,
};

use crate::{flip, refused, ring};

const VALUES: &[usize] = &[24, 24];
const START: u64 = 24 * 1000;

fn values() -> (Header, Vec<u8>) {
    let header = Header::values(24, 8, 3).labelled("judged");
    (header, ring(&header, START, VALUES, false))
}

fn tail_is(word: u64) -> impl Fn(&crate::Cells) {
    move |region| region.set_named(Side::Producer, Word::Position, word)
}

fn head_is(word: u64) -> impl Fn(&crate::Cells) {
    move |region| region.set_named(Side::Consumer, Word::Position, word)
}

#[test]
fn a_fresh_region_is_right_and_holds_nothing() {
    for header in [Header::values(5, 1, 3), Header::messages(64, 640)] {
        let ring = judge(&fresh(&header)[..], &header).unwrap();
        assert_eq!((ring.tail, ring.head, ring.records.len()), (0, 0, 0));
        assert_eq!(ring.producer.fate(), Life::Absent);
        assert_eq!(judge_latest(&fresh(&header)[..], &header).unwrap_err().rule, Rule::Header);
    }
    let latest = Header::latest(5, 1);
    assert_eq!(latest.kind(), Some(Kind::Latest));
    assert_eq!(judge(&fresh(&latest)[..], &latest).unwrap_err().rule, Rule::Header);
}

#[test]
fn wild_positions_are_refused() {
    let (header, image) = values();
    let tail = START + 48;
    refused(&image, &header, Rule::Position, tail_is(POSITION_END));
    refused(&image, &header, Rule::Position, tail_is(u64::MAX));
    refused(&image, &header, Rule::Position, head_is(POSITION_END));
    // `head` has no bit.
    refused(&image, &header, Rule::Position, head_is(START | NO_FRONT));
    refused(&image, &header, Rule::Multiple, tail_is((tail + 8) | NO_FRONT));
    refused(&image, &header, Rule::Multiple, head_is(START + 8));
    refused(&image, &header, Rule::Order, head_is(tail + 24));
    refused(&image, &header, Rule::Order, tail_is((START - 24) | NO_FRONT));
    refused(&image, &header, Rule::Limit, tail_is((START + 96) | NO_FRONT));
    refused(&image, &header, Rule::Limit, head_is(START - 48));
    let messages = Header::messages(64, 640);
    let image = ring(&messages, 64 * 50, &[10], false);
    refused(&image, &messages, Rule::Multiple, head_is(64 * 50 - 8));
}

#[test]
fn a_limit_of_three_holds_three() {
    let (header, _) = values();
    assert_eq!(header.limit, 72);
    assert_eq!(judge(&ring(&header, 0, &[24; 3], true)[..], &header).unwrap().records.len(), 3);
    let four = ring(&header, 0, &[24; 4], true);
    assert_eq!(judge(&four[..], &header).unwrap_err().rule, Rule::Limit);
}

#[test]
fn message_headers_that_cannot_be_are_refused() {
    let header = Header::messages(8, 256);
    let image = ring(&header, 4096 - 8, &[16, 3], false);
    let (first, second) = (header.at(4096 - 8), header.at(4096 + 16));
    let forged = |at: u64, word: u64| move |region: &crate::Cells| region.set(at, word);
    for (at, word) in [
        (first, 0),
        (first, u64::MAX),
        (first, record_header(4096, 16)),
        (first, record_header(4096 - 8, 16) & !(1 << 63)),
        // It would end beyond the tail, or where the second has its payload.
        (first, record_header(4096 - 8, 40)),
        (first, record_header(4096 - 8, 24)),
        (second, record_header(4096 + 16, 9)),
        // It ends before the tail, where nothing begins.
        (second, record_header(4096 + 16, 0)),
    ] {
        refused(&image, &header, Rule::RecordHeader, forged(at, word));
    }
    refused(&image, &header, Rule::RecordHeader, tail_is((4096 + 24) | NO_FRONT));
}

#[test]
fn the_header_and_reserved_bytes_stay() {
    let (header, image) = values();
    for at in [0, 9, 27, 33, 41, 50, 57, 80, 95, 96, 161, 168, 255] {
        refused(&image, &header, Rule::Header, |region| flip(region, at, 1));
    }
    let page = u64::from(header.page);
    let reserved = [256, page - 1, page + 64, page + 136, page + 144, page + 260, page + 408];
    let more = [page + 516, page + 680, 2 * page - 1, 2 * page + 8, 2 * page + 63, 2 * page + 640];
    for at in reserved.into_iter().chain(more).chain([2 * page + 672, 3 * page - 1]) {
        refused(&image, &header, Rule::Reserved, |region| flip(region, at, 0x80));
    }
    for len in [0, image.len() - 1] {
        assert_eq!(judge(&image[..len], &header).unwrap_err().rule, Rule::Length);
    }
    assert_eq!(judge(&[&image[..], &[0]].concat()[..], &header).unwrap_err().rule, Rule::Length);
    // What is not looked at may hold anything.
    let mut image = image;
    cells(&mut image).set_named(Side::Consumer, Word::Hint, 77);
    cells(&mut image).set_named(Side::Producer, Word::Pid, 77);
    judge(&image[..], &header).unwrap();
}

#[test]
fn sleepers_ask_for_what_can_come() {
    let (header, image) = values();
    let tail = START + 48;
    let set = |side, word| move |region: &crate::Cells| region.set_named(side, Word::WakeAt, word);
    for wrong in [0, START, START + 73, NEVER - 1] {
        refused(&image, &header, Rule::WakeAt, set(Side::Consumer, wrong));
    }
    for wrong in [0, tail - 73, tail + 1, NEVER - 1] {
        refused(&image, &header, Rule::WakeAt, set(Side::Producer, wrong));
    }
    let mut image = image;
    for (side, right) in [
        (Side::Consumer, START + 24),
        (Side::Consumer, START + 72),
        (Side::Producer, tail - 72 + 36),
        (Side::Producer, tail),
    ] {
        set(side, right)(cells(&mut image));
        assert!(judge(&image[..], &header).unwrap().side(side).is_asleep());
    }
    // A producer of a young ring asks for a head of 0 rather than a negative one.
    let mut young = ring(&header, 0, &[24], false);
    set(Side::Producer, 0)(cells(&mut young));
    judge(&young[..], &header).unwrap();
}

#[test]
fn words_of_one_side_are_refused_by_themselves() {
    let (header, image) = values();
    let set = |side, word, value| move |region: &crate::Cells| region.set_named(side, word, value);
    for side in Side::BOTH {
        refused(&image, &header, Rule::FenceMode, set(side, Word::FenceMode, 3));
        for wrong in [1, 0x4000_0001, 0x8000_0000] {
            refused(&image, &header, Rule::Liveness, set(side, Word::Liveness, wrong));
        }
        for right in [0, 0x8000_1234, 0xc000_0000, 0xc000_1234, 0x4000_0000] {
            let mut image = image.clone();
            set(side, Word::Liveness, right)(cells(&mut image));
            judge(&image[..], &header).unwrap();
        }
    }
    refused(&image, &header, Rule::HighWater, set(Side::Producer, Word::HighWater, 73));
}

#[test]
fn sessions_say_how_a_side_ended() {
    let (header, mut image) = values();
    for (session, fate) in [(0, Life::Absent), (1, Life::Dead), (2, Life::Closed), (7, Life::Dead)]
    {
        cells(&mut image).set_named(Side::Consumer, Word::Session, session);
        assert_eq!(judge(&image[..], &header).unwrap().consumer.fate(), fate);
        assert_eq!(SideWords::of(&image[..], &header, Side::Consumer).session, session);
    }
}

#[test]
fn nothing_comes_undone() {
    let (header, image) = values();
    let before = judge(&image[..], &header).unwrap();
    let after = |damage: &dyn Fn(&crate::Cells)| {
        let mut now = image.clone();
        damage(cells(&mut now));
        (judge(&now[..], &header).unwrap(), changes(&header, &image, &now))
    };
    let taken = after(&|region| head_is(START + 24)(region));
    follows(&before, &taken.0).unwrap();
    assert_eq!(taken.1, ["consumer's head"]);
    assert_eq!(follows(&taken.0, &before).unwrap_err().rule, Rule::Undone);
    let rung = after(&|region| region.set_named(Side::Producer, Word::Bell, 5));
    follows(&before, &rung.0).unwrap();
    assert_eq!(rung.1, ["producer's bell"]);
    assert_eq!(follows(&rung.0, &before).unwrap_err().rule, Rule::Undone);
    let other = after(&|region| flip(region, header.at(START + 24), 1));
    assert_eq!(follows(&before, &other.0).unwrap_err().rule, Rule::Undone);
    assert_eq!(other.1, ["data"]);
    let session = after(&|region| region.set_named(Side::Consumer, Word::Session, 3));
    assert_eq!(follows(&session.0, &before).unwrap_err().rule, Rule::Undone);
}

#[test]
fn poison_reaches_what_is_free_and_nothing_else() {
    for (header, lens) in
        [(Header::values(5, 1, 100), vec![5; 20]), (Header::messages(64, 640), vec![3, 100])]
    {
        for start in [0, header.unit() * 819] {
            let mut image = ring(&header, start, &lens, true);
            let before = judge(&image[..], &header).unwrap();
            for len in [None, Some(3)] {
                poison(cells(&mut image), &header, len);
                assert_eq!(judge(&image[..], &header).unwrap(), before);
                let at = header.at(before.tail) as usize;
                assert_ne!(image[at..at + 5], [0; 5]);
            }
        }
    }
}
