//! Attach to arbitrary bytes: whatever a region holds, opening it, as values or as messages, ends in an
//! error or in a ring whose every call returns. The bytes go to the start of the header and of both
//! sides' pages and of the data; half of the time into a valid header, somewhere, and with a commit word
//! at the tail that is right but for its length, so that the checks behind those are reached.
#![no_main]

use std::time::Duration;

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use rustix::io::pread;
use shm_ring::{Consumer, Options, Payload, PopError, Producer, PushError, Region, Ring, Wait};
use shm_ring_fuzz::bytes::{Bytes, CONSUMER, DATA, PAGE, PRODUCER, commit_word};

#[derive(Arbitrary, Debug)]
struct Input {
    messages: bool,
    /// Where in a valid header the bytes of `header` go, if it is to be one.
    valid_until: Option<u8>,
    header: Vec<u8>,
    producer: Vec<u8>,
    consumer: Vec<u8>,
    data: Vec<u8>,
    /// The length that the record at the tail says it has.
    committed: Option<u32>,
    len: Option<u16>,
    calls: Vec<Call>,
}

#[derive(Arbitrary, Debug)]
enum Call {
    Push(u64),
    PushTimeout(u64),
    Pop,
    PopTimeout,
    Questions,
    /// Somebody writes into the region while it is in use.
    Scribble {
        at: u16,
        bytes: Vec<u8>,
    },
}

fuzz_target!(|input: Input| {
    if input.messages { play::<[u8]>(&input) } else { play::<u64>(&input) }
});

const MOMENT: Duration = Duration::from_micros(50);

/// The calls that are made, of one kind or the other.
trait Carried: Payload {
    fn push(tx: &mut Producer<Self>, number: u64) -> Result<(), PushError>;
    fn push_timeout(tx: &mut Producer<Self>, number: u64) -> Result<(), PushError>;
    fn pop(rx: &mut Consumer<Self>) -> Result<(), PopError>;
    fn pop_timeout(rx: &mut Consumer<Self>) -> Result<(), PopError>;
    fn questions(tx: &mut Producer<Self>, rx: &Consumer<Self>);
}

impl Carried for u64 {
    fn push(tx: &mut Producer<u64>, number: u64) -> Result<(), PushError> {
        tx.try_push(number)
    }

    fn push_timeout(tx: &mut Producer<u64>, number: u64) -> Result<(), PushError> {
        tx.push_timeout(number, MOMENT)
    }

    fn pop(rx: &mut Consumer<u64>) -> Result<(), PopError> {
        rx.try_pop().map(|_| ())
    }

    fn pop_timeout(rx: &mut Consumer<u64>) -> Result<(), PopError> {
        rx.pop_timeout(MOMENT).map(|_| ())
    }

    fn questions(tx: &mut Producer<u64>, rx: &Consumer<u64>) {
        let capacity = tx.capacity();
        assert!(tx.room_at_least() <= capacity && rx.ready_at_least() <= capacity + 1);
    }
}

/// A message whose length is a part of its number.
fn message(number: u64) -> Vec<u8> {
    number.to_le_bytes().repeat((number >> 56) as usize)
}

impl Carried for [u8] {
    fn push(tx: &mut Producer<[u8]>, number: u64) -> Result<(), PushError> {
        tx.try_push(&message(number))
    }

    fn push_timeout(tx: &mut Producer<[u8]>, number: u64) -> Result<(), PushError> {
        tx.push_timeout(&message(number), MOMENT)
    }

    fn pop(rx: &mut Consumer<[u8]>) -> Result<(), PopError> {
        rx.try_pop().map(|popped| assert!(popped.len() <= rx.max_len()))
    }

    fn pop_timeout(rx: &mut Consumer<[u8]>) -> Result<(), PopError> {
        rx.pop_timeout(MOMENT).map(|popped| assert!(popped.len() <= rx.max_len()))
    }

    fn questions(tx: &mut Producer<[u8]>, rx: &Consumer<[u8]>) {
        assert_eq!(tx.max_len(), rx.max_len());
        // The longest message fills the ring, with its commit word and the zero behind it.
        assert!(rx.ready_bytes_at_least() <= rx.max_len() as u64 + 16);
    }
}

fn play<P: Carried + ?Sized>(input: &Input) {
    let bytes = region::<P>(input);
    let options = Options::new().wait(Wait::PARK);
    let opened = Ring::<P>::open_with(Region::descriptor(bytes.sealed()), options);
    let Ok(ring) = opened else { return };
    let capacity = ring.capacity_bytes();
    assert!(capacity.is_power_of_two() && capacity >= PAGE, "a capacity of {capacity}");
    let mut tx = ring.producer().ok();
    let mut rx = ring.consumer().ok();
    for call in input.calls.iter().take(64) {
        run(call, tx.as_mut(), rx.as_mut(), &bytes);
    }
}

fn region<P: Carried + ?Sized>(input: &Input) -> Bytes {
    let mut header = [0; 256];
    if input.valid_until.is_some() {
        let options = Options::new().bytes(PAGE);
        let whole = Ring::<P>::create(Region::memfd("whole"), options).unwrap();
        pread(whole.descriptor(), &mut header, 0).unwrap();
    }
    let there = &mut header[input.valid_until.unwrap_or(0).into()..];
    let len = input.header.len().min(there.len());
    there[..len].copy_from_slice(&input.header[..len]);
    // As long as the header says, where that can be afforded, unless the input says otherwise.
    let capacity = u64::from_le_bytes(header[56..64].try_into().unwrap());
    let capacity = if capacity <= 16 * PAGE { capacity } else { PAGE };
    let bytes = Bytes::empty(input.len.map_or(DATA + capacity, u64::from));
    bytes.write(0, &header);
    bytes.write(PRODUCER, &input.producer);
    bytes.write(CONSUMER, &input.consumer);
    bytes.write(DATA, &input.data);
    let tail = input.producer.first_chunk().map_or(0, |&first| u64::from_le_bytes(first));
    if let Some(len) = input.committed {
        bytes.set(DATA + tail % PAGE, commit_word(tail, len));
    }
    bytes
}

fn run<P: Carried + ?Sized>(
    call: &Call,
    tx: Option<&mut Producer<P>>,
    rx: Option<&mut Consumer<P>>,
    bytes: &Bytes,
) {
    match (call, tx, rx) {
        (Call::Push(number), Some(tx), _) => {
            let pushed = P::push(tx, *number);
            let may_be = matches!(
                pushed,
                Ok(()) | Err(PushError::Full | PushError::Corrupt | PushError::TooLarge { .. })
            );
            assert!(may_be, "{pushed:?}");
        }
        (Call::PushTimeout(number), Some(tx), _) => {
            assert_ne!(P::push_timeout(tx, *number), Err(PushError::Full));
        }
        (Call::Pop, _, Some(rx)) => {
            let popped = P::pop(rx);
            assert!(matches!(popped, Ok(()) | Err(PopError::Empty | PopError::Corrupt)));
        }
        (Call::PopTimeout, _, Some(rx)) => {
            let popped = P::pop_timeout(rx);
            assert_ne!(popped, Err(PopError::Empty));
            if popped == Err(PopError::Corrupt) {
                assert_eq!(P::pop(rx), Err(PopError::Corrupt), "corruption is final");
            }
        }
        (Call::Questions, Some(tx), Some(rx)) => {
            P::questions(tx, rx);
            let _ = (tx.peer(), rx.peer());
        }
        (Call::Scribble { at, bytes: wild }, ..) => bytes.write(u64::from(*at), wild),
        _ => {}
    }
}
