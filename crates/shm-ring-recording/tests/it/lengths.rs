//! Every length that a head can hold: the reader allocates no more than the bytes that come.

use shm_ring_recording::{Batch, BlockHead, Content, Kind, NoMemory, ReadError};

use crate::files::{header, read};

/// What somebody makes of a head, and what is said of it.
type Change = (fn(&mut BlockHead), &'static str);

/// A head whose checksum is right, and whatever else.
fn forged(kind: Kind, change: impl FnOnce(&mut BlockHead)) -> Vec<u8> {
    let header = header(kind);
    let mut bytes = header.encode().unwrap().to_vec();
    let (position, end) = (header.base, header.base + header.unit);
    let count = 1;
    let mut head = BlockHead {
        content: Content::Records,
        position,
        end,
        time: 0,
        count,
        bytes: 12,
        checksum: crc32fast::hash(&[0; 12]),
    };
    change(&mut head);
    bytes.extend(head.encode());
    bytes.extend([0; 12]);
    bytes
}

#[test]
fn a_head_that_contradicts_itself_is_refused_before_its_payload_is_read() {
    let changes: [Change; 9] = [
        (|head| head.count = 2, "bytes of records 12"),
        (|head| head.count = 0, "the number of records cannot be 0"),
        (|head| head.count = u64::MAX, "bytes of records"),
        (|head| head.end += 1, "that they end at"),
        (|head| head.bytes = u32::MAX, "bytes of records 4294967295"),
        (|head| head.position += 12, "a block begins at position"),
        (|head| head.content = Content::Gap, "bytes of a gap 12"),
        (
            |head| (head.content, head.bytes, head.end) = (Content::Gap, 0, 24),
            "the end of a gap cannot be 24",
        ),
        (
            |head| head.content = Content::End(shm_ring_recording::Reason::Closed),
            "bytes at an end 12",
        ),
    ];
    for (change, said) in changes {
        let error = read(&forged(Kind::Values, change)).error.expect("it is damaged");
        assert!(error.to_string().contains(said), "{said}: {error}");
    }
    assert!(read(&forged(Kind::Values, |_| {})).error.is_none(), "the rest is right");
    // Three empty messages, one of which is not counted; and an end elsewhere.
    for (count, units, said) in
        [(2, 3, "a number of records: 2"), (3, 2, "that they end at 64"), (4, 4, "cannot be 4")]
    {
        let change =
            |head: &mut BlockHead| (head.count, head.end) = (count, head.position + units * 16);
        let error = read(&forged(Kind::Messages, change)).error.expect("it is damaged");
        assert!(error.to_string().contains(said), "{said}: {error}");
    }
    let three = |head: &mut BlockHead| (head.count, head.end) = (3, head.position + 48);
    assert!(read(&forged(Kind::Messages, three)).error.is_none(), "the rest is right");
}

#[test]
fn a_length_without_its_bytes_is_a_cut_and_takes_no_memory() {
    let four_gib = |head: &mut BlockHead| (head.count, head.bytes) = (1, u32::MAX);
    let error = read(&forged(Kind::Messages, four_gib)).error;
    let Some(ReadError::Damaged(damage)) = error else { panic!("{error:?}") };
    assert!(
        damage.is_a_cut() && damage.to_string().contains("4294967351 bytes belong there"),
        "{damage}"
    );
}

#[test]
fn a_block_has_less_than_4_gib_and_is_as_it_was_if_there_is_no_room() {
    let mut batch = Batch::new(&header(Kind::Messages));
    batch.begin(32);
    batch.message(3).unwrap().copy_from_slice(b"one");
    let before = (batch.len(), batch.count(), batch.end());
    assert_eq!(before, (7, 1, 64));
    assert_eq!(
        batch.message(u32::MAX as usize),
        Err(NoMemory { needed: 56 + 7 + 4 + u32::MAX as usize })
    );
    assert_eq!((batch.len(), batch.count(), batch.end()), before);
}

#[test]
fn a_label_that_is_too_long_is_refused() {
    let mut header = header(Kind::Values);
    header.label = "x".repeat(64);
    assert!(header.encode().is_ok());
    header.label.push('x');
    assert!(header.encode().unwrap_err().to_string().contains("65 bytes"));
}
