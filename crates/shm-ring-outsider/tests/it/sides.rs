//! What a producer and a consumer must answer.

use shm_ring_outsider::{
    FRONT, Head, Header, Look, NO_FRONT, POSITION_END, Room, Side, Tail, Word, Writable, cells,
    fresh, page, record_header, start_at,
};

use crate::{Moving, payload, ring};

#[test]
fn a_producer_fills_the_limit_and_looks_only_when_it_must() {
    let header = Header::values(24, 8, 3);
    let mut image = fresh(&header);
    let mut tail = Tail::attach(&image[..], &header).unwrap();
    for _ in 0..3 {
        assert_eq!(tail.room_for(&image[..], &header, 24), Room::Enough);
        tail.advance(24);
    }
    assert_eq!(tail.room_for(&image[..], &header, 24), Room::Full);
    cells(&mut image).set_named(Side::Consumer, Word::Position, 48);
    assert_eq!(tail.room(&image[..], &header), 48);
    cells(&mut image).set_named(Side::Consumer, Word::Position, 25);
    // The head that it saw is enough for two.
    assert_eq!(tail.room_for(&image[..], &header, 48), Room::Enough);
    assert_eq!(tail.room_for(&image[..], &header, 72), Room::Corrupt);
    cells(&mut image).set_named(Side::Consumer, Word::Position, 72);
    assert_eq!(tail.room_for(&image[..], &header, 24), Room::Corrupt, "permanently");
    assert_eq!(tail.room(&image[..], &header), 0);
}

#[test]
fn heads_and_tails_that_cannot_be_are_corrupt() {
    let header = Header::values(24, 8, 3);
    let tail = 24 * 100;
    for head in [tail + 24, tail - 96, tail - 8, POSITION_END, tail | NO_FRONT, u64::MAX] {
        let mut image = ring(&header, tail - 72, &[24; 3], false);
        let mut producer = Tail::attach(&image[..], &header).unwrap();
        assert_eq!((producer.position, producer.head), (tail, tail - 72));
        cells(&mut image).set_named(Side::Consumer, Word::Position, head);
        assert_eq!(producer.room_for(&image[..], &header, 24), Room::Corrupt, "{head}");
        assert_eq!(Tail::attach(&image[..], &header), None, "{head}");
    }
    for at in [POSITION_END, POSITION_END + 24, 25, u64::MAX] {
        let mut image = fresh(&header);
        start_at(cells(&mut image), &header, at);
        assert_eq!(Tail::attach(&image[..], &header), None, "{at}");
        assert_eq!(Head::attach(&image[..], &header), None, "{at}");
    }
    // The last position is right, and nothing follows it.
    let header = Header::values(1, 1, 3);
    let mut image = fresh(&header);
    start_at(cells(&mut image), &header, POSITION_END - 2);
    let mut producer = Tail::attach(&image[..], &header).unwrap();
    assert_eq!(producer.room_for(&image[..], &header, 1), Room::Enough);
    producer.advance(1);
    assert_eq!(producer.room_for(&image[..], &header, 1), Room::Corrupt);
}

#[test]
fn a_consumer_reads_all_that_is_there_and_no_more() {
    for (header, lens) in
        [(Header::values(5, 1, 3), vec![5, 5, 5]), (Header::messages(64, 1024), vec![0, 49, 48])]
    {
        let start = page() * 5 * 64 - 320;
        let image = ring(&header, start, &lens, true);
        let mut head = Head::attach(&image[..], &header).unwrap();
        for (n, &len) in lens.iter().enumerate() {
            // More than one is new: the front is not for the first, and the tail is not loaded again.
            let data = Some(payload(n, len));
            assert_eq!(head.look(&image[..], &header), Look::Record { front: None, data });
            head.step(&header, len as u64);
        }
        assert_eq!(head.look(&image[..], &header), Look::Empty);
        head.release();
        let one = ring(&header, start, &lens[..1], true);
        let mut head = Head::attach(&one[..], &header).unwrap();
        let (front, data) = (Some(payload(0, lens[0])), Some(payload(0, lens[0])));
        assert_eq!(head.look(&one[..], &header), Look::Record { front, data });
        let one = ring(&header, start, &lens[..1], false);
        let mut head = Head::attach(&one[..], &header).unwrap();
        let data = Some(payload(0, lens[0]));
        assert_eq!(head.look(&one[..], &header), Look::Record { front: None, data });
    }
}

#[test]
fn a_consumer_does_not_believe_a_wild_tail() {
    let header = Header::values(24, 8, 3);
    let start = 24 * 100;
    for (word, believed) in [
        (start + 24, true),
        ((start + 72) | NO_FRONT, true),
        (start + 96, false),
        (start - 24, false),
        (start + 8, false),
        (POSITION_END, false),
        (POSITION_END | NO_FRONT, false),
        (u64::MAX, false),
    ] {
        let mut image = ring(&header, start, &[], false);
        let mut head = Head::attach(&image[..], &header).unwrap();
        cells(&mut image).set_named(Side::Producer, Word::Position, word);
        let corrupt = head.look(&image[..], &header) == Look::Corrupt;
        assert_eq!((corrupt, head.corrupt), (!believed, !believed), "{word:#x}");
        cells(&mut image).set_named(Side::Producer, Word::Position, start | NO_FRONT);
        let again = head.look(&image[..], &header);
        assert_eq!(again == Look::Corrupt, !believed, "permanently");
    }
    // What was read and not released counts against the limit.
    let image = ring(&header, start, &[24; 3], false);
    let mut head = Head::attach(&image[..], &header).unwrap();
    for _ in 0..3 {
        assert!(matches!(head.look(&image[..], &header), Look::Record { .. }));
        head.step(&header, 24);
    }
    let more = ring(&header, start, &[24; 4], false);
    assert_eq!(head.look(&more[..], &header), Look::Corrupt);
}

#[test]
fn a_message_that_cannot_be_is_corrupt_in_the_data() {
    let header = Header::messages(8, 1024);
    let image = ring(&header, 0, &[8, 8], false);
    for word in [0, record_header(8, 8), record_header(0, 25), record_header(0, u32::MAX)] {
        let mut image = image.clone();
        cells(&mut image).set(header.at(0), word);
        let mut head = Head::attach(&image[..], &header).unwrap();
        assert_eq!(head.look(&image[..], &header), Look::Record { front: None, data: None });
    }
    // Two are new: a front for the first is none of the newest, and is not taken.
    let mut forged = image.clone();
    cells(&mut forged).set(page() + FRONT, record_header(0, 8));
    cells(&mut forged).set_named(Side::Producer, Word::Position, 32);
    let mut head = Head::attach(&forged[..], &header).unwrap();
    let data = Some(payload(0, 8));
    assert_eq!(head.look(&forged[..], &header), Look::Record { front: None, data });
    // A length that can be is the length, whatever was written once.
    let mut image = image;
    cells(&mut image).set(header.at(0), record_header(0, 24));
    let mut head = Head::attach(&image[..], &header).unwrap();
    let Look::Record { data: Some(data), .. } = head.look(&image[..], &header) else { panic!() };
    assert_eq!(data.len(), 24);
}

#[test]
fn a_front_is_discarded_if_the_tail_word_has_changed_meanwhile() {
    for (header, len) in [(Header::values(24, 8, 3), 24), (Header::messages(8, 256), 24)] {
        let image = ring(&header, header.unit() * 90, &[len], true);
        for (by, whole) in [(0, true), (header.stride(24), false), (NO_FRONT, false)] {
            let region = Moving::new(image.clone(), by);
            let mut head = Head::attach(&region, &header).unwrap();
            let data = Some(payload(0, len));
            let front = data.clone().filter(|_| whole);
            assert_eq!(head.look(&region, &header), Look::Record { front, data }, "by {by:#x}");
        }
    }
}
