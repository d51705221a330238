//! Owns: numbered records with a checksum, the programs that send and check them, and that the number follows from the
//! position: a record that is lost, or comes twice, moves all behind it. Knows nothing of: bridges.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use shm_ring::{Consumer, MessageConsumer, MessageProducer, Options, PopError, Producer};

use crate::house::Process;

/// What the records of a run are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Values of 64 bytes.
    Values,
    /// Messages of `LENGTHS`, again and again.
    Messages,
}

/// Lengths of messages: short ones, one of each residue by 8, and one that is longer than a batch.
const LENGTHS: [usize; 8] = [16, 17, 31, 64, 1000, 23, 150_000, 48];
/// Bytes of records in either ring.
pub(crate) const BYTES: usize = 512 << 10;

type Value = [u64; 8];

fn mix(number: u64) -> u64 {
    let mut mixed = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ mixed >> 31
}

pub(crate) fn value(number: u64) -> Value {
    std::array::from_fn(|index| if index == 0 { number } else { mix(number + index as u64) })
}

pub(crate) fn message(number: u64, bytes: &mut Vec<u8>) {
    let len = LENGTHS[(number % LENGTHS.len() as u64) as usize];
    bytes.clear();
    bytes.extend_from_slice(&number.to_le_bytes());
    let mut word = number;
    while bytes.len() < len {
        word = mix(word);
        bytes.extend_from_slice(&word.to_le_bytes());
    }
    bytes.truncate(len);
}

/// From a message to the next, as LAYOUT.md says for an alignment of 8.
fn stride(len: usize) -> u64 {
    8 + (len as u64).next_multiple_of(8)
}

/// The number of the record at a position.
pub(crate) fn number_at(kind: Kind, position: u64) -> u64 {
    if kind == Kind::Values {
        return position / size_of::<Value>() as u64;
    }
    let all: u64 = LENGTHS.iter().map(|&len| stride(len)).sum();
    let mut number = position / all * LENGTHS.len() as u64;
    let mut rest = position % all;
    for len in LENGTHS {
        if rest == 0 {
            break;
        }
        rest = rest.checked_sub(stride(len)).expect("a boundary");
        number += 1;
    }
    number
}

/// This program, as the one that does `what` with `ring`.
pub(crate) fn program(what: &str, kind: Kind, ring: &str, stop: &Path, said: &Path) -> Process {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["numbers::role", "--exact", "--nocapture", "--test-threads", "1"]);
    command.env("SHM_RING_BRIDGE_ROLE", format!("{what} {kind:?} {ring}"));
    command.env("SHM_RING_BRIDGE_STOP", stop);
    Process::start(&mut command, said)
}

/// Not a test: what `program` starts.
#[test]
fn role() {
    let Ok(role) = std::env::var("SHM_RING_BRIDGE_ROLE") else { return };
    let stop = std::env::var("SHM_RING_BRIDGE_STOP").unwrap();
    let mut words = role.split(' ');
    let (what, kind, ring) = (words.next(), words.next(), words.next().unwrap());
    let kind = if kind == Some("Values") { Kind::Values } else { Kind::Messages };
    match what {
        Some("produce") => produce(kind, ring, Path::new(&stop)),
        Some("check") => check(kind, ring),
        _ => panic!("no role: {role}"),
    }
}

/// Publishes records until there is a file `stop`, from where the last one that did this stopped.
fn produce(kind: Kind, ring: &str, stop: &Path) {
    let options = Options::new().bytes(BYTES);
    // A file is looked for seldom.
    const TURN: usize = 64;
    match kind {
        Kind::Values => {
            let mut tx = Producer::<Value>::open_or_create(ring, &options).unwrap();
            while !stop.exists() {
                for _ in 0..TURN {
                    let number = number_at(kind, tx.position());
                    if tx.push_timeout(value(number), Duration::from_millis(50)).is_err() {
                        break;
                    }
                }
            }
        }
        Kind::Messages => {
            let mut tx = MessageProducer::open_or_create(ring, &options).unwrap();
            let mut bytes = Vec::new();
            while !stop.exists() {
                for _ in 0..TURN {
                    message(number_at(kind, tx.position()), &mut bytes);
                    if tx.push_timeout(&bytes, Duration::from_millis(50)).is_err() {
                        break;
                    }
                }
            }
        }
    }
}

/// Reads for ever, and fails at a record that is not the one that belongs to its position. It gives back what it has checked.
fn check(kind: Kind, ring: &str) {
    let again = |error: PopError| match error {
        PopError::Closed | PopError::PeerDead | PopError::TimedOut => {}
        error => panic!("{error}"),
    };
    match kind {
        Kind::Values => {
            let mut rx = Consumer::<Value>::open(ring).unwrap();
            loop {
                let first = number_at(kind, rx.position());
                match rx.peek(256) {
                    Ok(view) => {
                        for (number, item) in (first..).zip(view.iter()) {
                            assert_eq!(item, value(number), "LOST OR TWICE: not record {number}");
                        }
                        let count = view.len();
                        view.release(count);
                    }
                    Err(error) => again(error),
                }
            }
        }
        Kind::Messages => {
            let mut rx = MessageConsumer::open(ring).unwrap();
            let mut wanted = Vec::new();
            loop {
                let number = number_at(kind, rx.position());
                match rx.peek(1) {
                    Ok(view) => {
                        message(number, &mut wanted);
                        let found = view.first().to_vec();
                        assert!(found == wanted, "LOST OR TWICE: not message {number}");
                        view.release(1);
                    }
                    Err(error) => again(error),
                }
            }
        }
    }
}

#[test]
fn the_number_of_a_record_follows_from_its_position() {
    let mut position = 0;
    for number in 0..100 {
        assert_eq!(number_at(Kind::Messages, position), number);
        let mut bytes = Vec::new();
        message(number, &mut bytes);
        position += stride(bytes.len());
    }
    assert_eq!(number_at(Kind::Values, 640), 10);
}
