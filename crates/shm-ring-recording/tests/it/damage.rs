//! A file that is cut anywhere or changed anywhere is read up to there and no further, and going on is refused where something
//! but the last block is wrong.

use std::io::Cursor;

use shm_ring_recording::{Damage, Kind, ReadError, Reason, find_end};

use crate::files::{file, header, read};

const KINDS: [Kind; 3] = [Kind::Values, Kind::Messages, Kind::Latest];

fn damage(error: Option<ReadError>) -> Damage {
    match error {
        Some(ReadError::Damaged(damage)) => damage,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_whole_file_is_read_as_it_was_written() {
    for kind in KINDS {
        let file = file(kind);
        let read = read(&file.bytes);
        assert!(read.error.is_none(), "{:?}", read.error);
        assert_eq!(read.records, file.records);
        assert_eq!(read.reason, Some(Reason::Stopped));
        let (first, unit) = (&file.records[0], header(kind).unit);
        let behind = first.0 + unit;
        assert_eq!(read.gaps, [(behind, behind + 3 * unit, 3)]);
        assert_eq!(file.records.len(), 6);
    }
}

#[test]
fn a_file_cut_at_any_byte_is_read_up_to_there() {
    for kind in KINDS {
        let file = file(kind);
        for len in 0..file.bytes.len() {
            let read = read(&file.bytes[..len]);
            let whole = file.borders.iter().take_while(|&&border| border <= len).count();
            let at_border = file.borders.contains(&len);
            assert!(file.records.starts_with(&read.records), "cut at {len}");
            // All of the blocks that are whole, the gap being the second.
            let records = [0, 0, 1, 1, 3, 6][whole];
            assert_eq!(read.records.len(), records, "cut at {len}");
            if at_border {
                assert!(read.error.is_none() && read.reason.is_none(), "cut at {len}");
                continue;
            }
            let damage = damage(read.error);
            assert!(damage.is_a_cut(), "cut at {len}: {damage}");
            let begun = if whole == 0 { 0 } else { file.borders[whole - 1] };
            assert_eq!(damage.byte, begun as u64, "cut at {len}");
            // Going on begins behind the last whole block.
            let end = find_end(Cursor::new(&file.bytes[..len]), len as u64).unwrap();
            match end {
                None => assert_eq!(whole, 0),
                Some(end) => {
                    assert_eq!((end.byte, end.half), (begun as u64, (len - begun) as u64));
                    assert_eq!(end.position, damage.position);
                }
            }
        }
    }
}

#[test]
fn any_byte_that_is_changed_is_found() {
    for kind in KINDS {
        let file = file(kind);
        for at in 0..file.bytes.len() {
            for bit in [0x01, 0x80, 0xff] {
                let mut bytes = file.bytes.clone();
                bytes[at] ^= bit;
                let read = read(&bytes);
                let damage = damage(read.error);
                let whole = file.borders.iter().take_while(|&&border| border <= at).count();
                let begun = if whole == 0 { 0 } else { file.borders[whole - 1] };
                assert_eq!(damage.byte, begun as u64, "byte {at}: {damage}");
                assert!(!damage.is_a_cut(), "byte {at}: {damage}");
                assert_eq!(read.records, file.records[..[0, 0, 1, 1, 3, 6][whole]], "byte {at}");
                // The head of a block in the middle, or anything of the last one, keeps others from writing behind it.
                let in_head = at - begun < 56 || whole == 0 || whole == 5;
                let end = find_end(Cursor::new(&bytes), bytes.len() as u64);
                assert_eq!(end.is_err(), in_head, "byte {at}: {end:?}");
            }
        }
    }
}

#[test]
fn a_block_that_is_missing_or_twice_there_is_found() {
    for kind in KINDS {
        let file = file(kind);
        let [_, first, gap, second, ..] = file.borders[..] else { panic!() };
        let mut missing = file.bytes[..gap].to_vec();
        missing.extend_from_slice(&file.bytes[second..]);
        let mut twice = file.bytes[..first].to_vec();
        twice.extend_from_slice(&file.bytes[256..]);
        for (bytes, begun) in [(missing, gap), (twice, first)] {
            let damage = damage(read(&bytes).error);
            assert_eq!(damage.byte, begun as u64, "{damage}");
            assert!(damage.to_string().contains("a block begins at position"), "{damage}");
        }
    }
}

#[test]
fn what_is_no_recording_is_said() {
    for (bytes, said) in [
        (&b""[..], "256 bytes belong there, and the file has 0"),
        (b"shmr", "256 bytes belong there, and the file has 4"),
        (b"shm-ring", "it begins with \"shm-ring\""),
        (b"\x7fELF", "it begins with \"\\x7fELF\""),
    ] {
        let text = damage(read(bytes).error).to_string();
        assert!(text.contains(said), "{text}");
    }
    let mut newer = file(Kind::Values).bytes;
    newer[8] = 2;
    let text = damage(read(&newer).error).to_string();
    assert!(text.contains("has version 2, and this release knows 1"), "{text}");
}
