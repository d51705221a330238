//! The wire format by example: the bytes of a ring with three records, and of a latest value, committed. What this version
//! writes must be that image, and what it reads may be that image.

use std::fmt::Write as _;
use std::os::fd::BorrowedFd;
use std::path::Path;

use shm_ring::{Latest, Options, Peer, PopError, Producer, Region, Ring};
use shm_ring_outsider::{FENCE_MODE, NEVER, PID, WAKE_AT, consumer, page, producer};

use crate::bytes::Bytes;
use crate::harness::Dir;

type Item = [u8; 12];

const ITEMS: [&Item; 3] = [b"first record", b"then another", b"and a third."];
/// Creation time and random id in the header.
const VARIES_IN_HEADER: std::ops::Range<usize> = 72..96;
const GOLDEN: &str = include_str!("golden/v1-three-records.hex");
const LATEST: &str = include_str!("golden/v1-latest.hex");

fn options() -> Options {
    Options::new().bytes(4096).schema(0x0807_0605_0403_0201).label("golden")
}

/// Lines of 16 bytes with their offset and their text; lines of zeros are left out.
fn dump(bytes: &[u8]) -> String {
    let mut text = String::new();
    for (index, line) in
        bytes.chunks(16).enumerate().filter(|(_, line)| line.iter().any(|b| *b != 0))
    {
        write!(text, "{:06x} ", 16 * index).unwrap();
        line.iter().for_each(|byte| write!(text, " {byte:02x}").unwrap());
        let shown =
            line.iter().map(|b| if b.is_ascii_graphic() || *b == b' ' { *b as char } else { '.' });
        writeln!(text, "  |{}|", shown.collect::<String>()).unwrap();
    }
    writeln!(text, "{:06x}", bytes.len()).unwrap();
    text
}

fn undump(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let (offset, rest) = line.split_once("  ").unwrap_or((line, ""));
        bytes.resize(usize::from_str_radix(offset, 16).unwrap(), 0);
        let hex = rest.split("  |").next().unwrap();
        bytes.extend(
            hex.split(' ').filter(|h| !h.is_empty()).map(|h| u8::from_str_radix(h, 16).unwrap()),
        );
    }
    bytes
}

fn same_page_size() -> bool {
    let same = page() == 4096;
    if !same {
        eprintln!("skipped, since the golden image has pages of 4096 bytes");
    }
    same
}

#[test]
fn a_fresh_region_is_zero_but_for_the_header_and_two_words() {
    let ring = Ring::<Item>::create(Region::memfd("fresh"), &options()).unwrap();
    let mut bytes = Bytes::of(ring.descriptor()).all();
    for side in [producer(), consumer()] {
        let word = (side + WAKE_AT) as usize;
        assert_eq!(bytes[word..word + 8], NEVER.to_le_bytes());
        bytes[word..word + 8].fill(0);
    }
    assert!(bytes[160..].iter().all(|byte| *byte == 0));
}

#[test]
fn three_records_are_written_as_the_golden_image() {
    if !same_page_size() {
        return;
    }
    let ring = Ring::<Item>::create(Region::memfd("golden"), &options()).unwrap();
    let mut tx = ring.producer().unwrap();
    for item in ITEMS {
        tx.push(*item).unwrap();
    }
    tx.close();
    assert_is(ring.descriptor(), GOLDEN);
}

#[track_caller]
fn assert_is(region: BorrowedFd<'_>, golden: &str) {
    let mut bytes = Bytes::of(region).all();
    assert!(bytes[VARIES_IN_HEADER].iter().any(|byte| *byte != 0));
    bytes[VARIES_IN_HEADER].fill(0);
    // Whether membarrier is to be had here, and the process id.
    let life = (producer() + FENCE_MODE) as usize..(producer() + PID) as usize + 4;
    bytes[life].fill(0);
    let found = dump(&bytes);
    let golden: String = golden
        .lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| format!("{line}\n"))
        .collect();
    assert!(found == golden, "layout v1 has changed; now it is\n{found}");
}

/// 12 bytes that say which value it is, and 100 more.
fn value(index: usize) -> [u8; 112] {
    let mut value = [b'.'; 112];
    value[..12].copy_from_slice(ITEMS[index % 3]);
    value
}

#[test]
fn a_latest_value_is_written_as_the_golden_image() {
    if !same_page_size() {
        return;
    }
    let latest = Latest::<[u8; 112]>::create(Region::memfd("golden"), &options()).unwrap();
    let mut writer = latest.writer().unwrap();
    // There are 32 slots: the 33rd stands where the first stood.
    for index in 0..33 {
        if index == 32 || index < 2 {
            writer.write(value(index));
        } else {
            writer.write([0; 112]);
        }
    }
    writer.close();
    assert_is(latest.descriptor(), LATEST);
}

#[test]
fn the_golden_image_of_a_latest_value_opens_and_reads() {
    if !same_page_size() {
        return;
    }
    let dir = Dir::new("golden-latest");
    let path = dir.join("latest");
    std::fs::write(&path, undump(LATEST)).unwrap();
    let latest = Latest::<[u8; 112]>::open_with(Region::file(&path), &options()).unwrap();
    let mut reader = latest.reader().unwrap();
    assert_eq!((reader.read(), reader.version()), (Ok(value(32)), 33));
    assert_eq!(reader.writer(), Peer::Closed { session: 2 });
    let mut writer = latest.writer().unwrap();
    assert_eq!((writer.session(), writer.version()), (3, 33));
    writer.write(value(0));
    assert_eq!(reader.read(), Ok(value(0)));
}

#[test]
fn the_golden_image_opens_and_reads() {
    if !same_page_size() {
        return;
    }
    let dir = Dir::new("golden");
    let path = dir.join("ring");
    std::fs::write(&path, undump(GOLDEN)).unwrap();
    reads(&path);
    // And as a producer finds it that takes the ring over.
    std::fs::write(&path, undump(GOLDEN)).unwrap();
    let mut tx = Producer::<Item>::open_with(Region::file(&path), &options()).unwrap();
    assert_eq!((tx.session(), tx.room_at_least()), (3, tx.capacity() - 3));
    assert_eq!(tx.peer(), Peer::Absent);
    tx.push(*b"and a fourth").unwrap();
}

fn reads(path: &Path) {
    let ring = Ring::<Item>::open_with(Region::file(path), &options()).unwrap();
    assert_eq!((ring.limit_bytes(), ring.id()), (4096, 0));
    let mut rx = ring.consumer().unwrap();
    assert_eq!((rx.session(), rx.ready_at_least()), (1, 3));
    for item in ITEMS {
        assert_eq!(rx.pop().unwrap(), *item);
    }
    assert_eq!(rx.pop(), Err(PopError::Closed));
    let head = Bytes::at(path).get(consumer());
    assert_eq!(head, 3 * 24);
}
