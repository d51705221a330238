//! Attach to arbitrary bytes: whatever a region holds, opening it ends in an error or in a ring
//! whose every call returns. The bytes go to the start of the header and of both sides' pages and of
//! the data, half of the time over a valid header, so that the checks behind it are reached.
#![no_main]

use std::os::fd::OwnedFd;
use std::time::Duration;

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use rustix::fs::{MemfdFlags, SealFlags, fcntl_add_seals, ftruncate, memfd_create};
use rustix::io::{pread, pwrite};
use shm_ring::{Consumer, Options, PopError, Producer, PushError, Region, Ring, Wait};

const PAGE: u64 = 4096;

#[derive(Arbitrary, Debug)]
struct Input {
    valid_header: bool,
    header: Vec<u8>,
    producer: Vec<u8>,
    consumer: Vec<u8>,
    data: Vec<u8>,
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
    let Some(fd) = region(&input) else { return };
    let options = Options::new().wait(Wait::PARK);
    let scribbler = fd.try_clone().unwrap();
    let Ok(ring) = Ring::<u64>::open_with(Region::descriptor(fd), options) else { return };
    let mut tx = ring.producer().ok();
    let mut rx = ring.consumer().ok();
    for call in input.calls.iter().take(64) {
        run(call, tx.as_mut(), rx.as_mut(), &scribbler);
    }
});

fn region(input: &Input) -> Option<OwnedFd> {
    let fd = memfd_create("fuzz", MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING).unwrap();
    let len = input.len.map_or(4 * PAGE, u64::from);
    ftruncate(&fd, len).unwrap();
    if input.valid_header {
        let whole = Ring::<u64>::create(Region::memfd("whole"), Options::new().bytes(PAGE)).ok()?;
        let mut header = [0; 256];
        pread(whole.descriptor(), &mut header, 0).unwrap();
        write(&fd, 0, &header, len);
    }
    write(&fd, if input.valid_header { 200 } else { 0 }, &input.header, len);
    write(&fd, PAGE, &input.producer, len);
    write(&fd, 2 * PAGE, &input.consumer, len);
    write(&fd, 3 * PAGE, &input.data, len);
    fcntl_add_seals(&fd, SealFlags::SHRINK | SealFlags::GROW).unwrap();
    Some(fd)
}

/// Writes what fits: the length of the region is part of the input.
fn write(fd: &OwnedFd, at: u64, bytes: &[u8], len: u64) {
    let room = usize::try_from(len.saturating_sub(at)).unwrap();
    let _ = pwrite(fd, &bytes[..bytes.len().min(room)], at);
}

fn run(
    call: &Call,
    tx: Option<&mut Producer<u64>>,
    rx: Option<&mut Consumer<u64>>,
    scribbler: &OwnedFd,
) {
    let moment = Duration::from_micros(50);
    match (call, tx, rx) {
        (Call::Push(item), Some(tx), _) => {
            let pushed = tx.try_push(*item);
            assert!(matches!(pushed, Ok(()) | Err(PushError::Full | PushError::Corrupt)));
        }
        (Call::PushTimeout(item), Some(tx), _) => {
            assert_ne!(tx.push_timeout(*item, moment), Err(PushError::Full));
        }
        (Call::Pop, _, Some(rx)) => {
            let popped = rx.try_pop();
            assert!(matches!(popped, Ok(_) | Err(PopError::Empty | PopError::Corrupt)));
        }
        (Call::PopTimeout, _, Some(rx)) => {
            let popped = rx.pop_timeout(moment);
            assert_ne!(popped, Err(PopError::Empty));
            if popped == Err(PopError::Corrupt) {
                assert_eq!(rx.try_pop(), Err(PopError::Corrupt), "corruption is final");
            }
        }
        (Call::Questions, Some(tx), Some(rx)) => {
            let capacity = tx.capacity();
            assert!(tx.room_at_least() <= capacity && rx.ready_at_least() <= capacity + 1);
            let _ = (tx.peer(), rx.peer());
        }
        (Call::Scribble { at, bytes }, ..) => write(scribbler, u64::from(*at), bytes, 4 * PAGE),
        _ => {}
    }
}
