//! Whatever is written, the judge and both sides answer.

use shm_ring_outsider::{
    Head, Header, NEVER, NO_FRONT, POSITION_END, Rule, Side, Tail, Word, Writable, cells, judge,
    record_header, wild_positions, wild_record_headers,
};

use crate::ring;

#[test]
fn wild_values_in_any_word_are_answered() {
    for (header, len) in [(Header::values(24, 8, 3), 24), (Header::messages(64, 640), 40)] {
        let start = header.unit() * 700;
        let image = ring(&header, start, &[len], true);
        let (mut refused, mut passed) = (0, 0);
        for side in Side::BOTH {
            for word in Word::ALL {
                for value in wild_positions(&header, start) {
                    let mut image = image.clone();
                    cells(&mut image).set_named(side, word, value);
                    let judged = judge(&image[..], &header);
                    *if judged.is_ok() { &mut passed } else { &mut refused } += 1;
                    if let Some(mut head) = Head::attach(&image[..], &header) {
                        head.look(&image[..], &header);
                    }
                    if let Some(mut tail) = Tail::attach(&image[..], &header) {
                        assert!(tail.room(&image[..], &header) <= header.limit);
                    }
                }
            }
        }
        assert!(refused > 100 && passed > 100, "{refused} refused, {passed} passed");
    }
}

#[test]
fn wild_record_headers_are_refused_but_for_the_right_one() {
    let header = Header::messages(8, 640);
    let (start, len) = (8 * 700, 8);
    let image = ring(&header, start, &[len], false);
    let mut right = 0;
    for word in wild_record_headers(&header, start) {
        let mut image = image.clone();
        cells(&mut image).set(header.at(start), word);
        match judge(&image[..], &header) {
            // A record of 1 to 8 bytes ends at the tail.
            Ok(_) => right += 1,
            Err(violation) => assert_eq!(violation.rule, Rule::RecordHeader),
        }
    }
    assert_eq!(right, 2);
    assert!(wild_record_headers(&header, start).contains(&record_header(start, 632)));
}

#[test]
fn the_borders_are_among_the_wild_positions() {
    let header = Header::values(24, 8, 3);
    let values = wild_positions(&header, 2400);
    for wanted in [2400 + 72, 2400 - 96, POSITION_END, NEVER, 2400 | NO_FRONT, 2400 + 4096] {
        assert!(values.contains(&wanted), "{wanted:#x}");
    }
}
