//! Byte streams over messages: whatever pieces are written, the same bytes are read, in whatever pieces;
//! the end of the stream is an orderly close and nothing else.

use std::io::{self, BufRead, ErrorKind, IoSlice, Read, Write};
use std::thread::JoinHandle;
use std::time::Duration;

use shm_ring::{
    MessageConsumer, MessageProducer, MessageRing, Options, Region, StreamReader, StreamWriter,
    Wait,
};
use shm_ring_outsider::{POSITION, consumer, producer};

use crate::bytes::Bytes;
use crate::harness::{Child, Home, LIMIT, Name, SOON, within};
use crate::items::{Random, text};

const CAPACITY: usize = 4096;
/// The longest message that a writer makes of what it is given.
const QUARTER: usize = CAPACITY / 4;

fn ring(wait: Wait) -> MessageRing {
    crate::harness::watch();
    MessageRing::create(Region::memfd("adapters"), &Options::new().bytes(CAPACITY).wait(wait))
        .unwrap()
}

fn stream(wait: Wait) -> (StreamWriter, StreamReader) {
    let ring = ring(wait);
    (ring.producer().unwrap().into_writer(), ring.consumer().unwrap().into_reader())
}

/// The messages that are there, as a consumer sees them.
fn lens(rx: &mut MessageConsumer) -> Vec<usize> {
    rx.try_iter().map(|message| message.unwrap().len()).collect()
}

fn join<R: Send + 'static>(what: &str, thread: JoinHandle<R>) -> R {
    within(LIMIT, what, || thread.join().unwrap())
}

#[test]
fn pieces_of_any_size_are_read_in_pieces_of_any_other() {
    for (seed, wait) in [Wait::SPIN, Wait::BALANCED, Wait::PARK].into_iter().enumerate() {
        let (mut writer, mut reader) = stream(wait);
        let sent = text(seed as u64, 300_000);
        let expected = sent.clone();
        let writing = std::thread::spawn(move || {
            let mut random = Random::new(seed as u64);
            let mut left = &sent[..];
            while !left.is_empty() {
                let most = random.one_of(&[0, 1, 7, 100, 1024, 1025, 9000]);
                let piece = &left[..most.min(left.len())];
                let took = writer.write(piece).unwrap();
                assert_eq!(took, piece.len().min(QUARTER));
                left = &left[took..];
            }
        });
        let mut random = Random::new(!(seed as u64));
        let mut read = Vec::new();
        loop {
            let most = random.one_of(&[1, 3, 50, 1023, 1024, 5000]);
            if random.below(3) == 0 {
                let there = reader.fill_buf().unwrap();
                let used = there.len().min(most);
                read.extend_from_slice(&there[..used]);
                let over = there.is_empty();
                reader.consume(used);
                if over {
                    break;
                }
            } else {
                let mut buffer = vec![0xa5; most + 8];
                let len = reader.read(&mut buffer[..most]).unwrap();
                assert!(buffer[len..].iter().all(|byte| *byte == 0xa5), "written beyond {len}");
                read.extend_from_slice(&buffer[..len]);
                if len == 0 {
                    break;
                }
            }
        }
        join("writing", writing);
        assert!(read == expected, "{} bytes of {}", read.len(), expected.len());
        assert_eq!(reader.into_inner().1, b"");
    }
}

/// Job: copies one stream to another until it ends.
pub(crate) fn copy_on(mut home: Home) {
    let mut reader = MessageConsumer::open(home.argument(0)).unwrap().into_reader();
    let mut writer = MessageProducer::open(home.argument(1)).unwrap().into_writer();
    home.say("attached");
    let copied = io::copy(&mut reader, &mut writer).unwrap();
    drop(writer);
    home.say(&copied.to_string());
}

#[test]
fn copying_goes_through_another_process_and_back() {
    const LEN: usize = 1_000_000;
    let (there, back) = (Name::new("copy-there"), Name::new("copy-back"));
    let options = || Options::new().bytes(CAPACITY);
    let tx = MessageProducer::create(there.as_str(), &options()).unwrap();
    let rx = MessageConsumer::create(back.as_str(), &options()).unwrap();
    let mut child = Child::spawn("copy-on", &[there.as_str(), back.as_str()]);
    child.expect("attached");
    let writing = std::thread::spawn(move || {
        let mut writer = tx.into_writer();
        io::copy(&mut &text(1, LEN)[..], &mut writer).unwrap()
    });
    let reading = std::thread::spawn(move || {
        let mut read = Vec::new();
        io::copy(&mut rx.into_reader(), &mut read).unwrap();
        read
    });
    assert_eq!(join("writing", writing), LEN as u64);
    assert!(join("reading", reading) == text(1, LEN));
    child.expect(&LEN.to_string());
    child.finish();
}

#[test]
fn lines_do_not_care_where_messages_end() {
    let ring = ring(Wait::PARK);
    let (mut tx, rx) = (ring.producer().unwrap(), ring.consumer().unwrap());
    let pieces = ["one\ntw", "", "o\n", "\n", "th", "r", "", "ee", "\nfour\nfive\n", "six"];
    for piece in pieces {
        tx.push(piece.as_bytes()).unwrap();
    }
    tx.close();
    let lines = within(LIMIT, "reading lines", move || {
        rx.into_reader().lines().collect::<Result<Vec<_>, _>>().unwrap()
    });
    assert_eq!(lines, ["one", "two", "", "three", "four", "five", "six"]);
}

#[test]
fn read_exact_gathers_messages_and_says_when_there_are_too_few() {
    let (mut writer, mut reader) = stream(Wait::PARK);
    for n in 0..10_u8 {
        writer.write_all(&[n; 3]).unwrap();
    }
    drop(writer);
    let mut buffer = [0; 8];
    reader.read_exact(&mut buffer).unwrap();
    assert_eq!(buffer, [0, 0, 0, 1, 1, 1, 2, 2]);
    reader.read_exact(&mut []).unwrap();
    let mut rest = [0; 22];
    reader.read_exact(&mut rest[..21]).unwrap();
    assert_eq!((rest[0], rest[20]), (2, 9));
    let error = reader.read_exact(&mut rest[..2]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UnexpectedEof);
}

#[test]
fn a_write_is_one_message_of_at_most_a_quarter_and_empty_ones_are_none() {
    let ring = ring(Wait::PARK);
    let mut rx = ring.consumer().unwrap();
    let mut writer = ring.producer().unwrap().into_writer();
    for len in [1, 2, QUARTER - 1, QUARTER, QUARTER + 1, 3 * QUARTER] {
        assert_eq!(writer.write(&text(1, len)).unwrap(), len.min(QUARTER));
        assert_eq!(rx.try_pop(), Ok(text(1, len)[..len.min(QUARTER)].to_vec()));
    }
    let position = Bytes::of(ring.descriptor()).tail();
    assert_eq!(writer.write(&[]).unwrap(), 0);
    assert_eq!(writer.write_vectored(&[]).unwrap(), 0);
    assert_eq!(writer.write_vectored(&[IoSlice::new(&[]), IoSlice::new(&[])]).unwrap(), 0);
    writer.flush().unwrap();
    let bytes = Bytes::of(ring.descriptor());
    assert_eq!(bytes.tail(), position);
    // The producer itself is still what it was.
    let mut tx = writer.into_inner();
    tx.push(b"").unwrap();
    assert_eq!(lens(&mut rx), [0]);
}

#[test]
fn a_vectored_write_is_one_message_of_the_parts_that_fit() {
    let ring = ring(Wait::PARK);
    let mut rx = ring.consumer().unwrap();
    let mut writer = ring.producer().unwrap().into_writer();
    let whole = text(1, 4 * QUARTER);
    for (parts, expected) in [
        (&[5][..], 5),
        (&[5, 7, 11], 23),
        (&[5, 0, 7], 12),
        (&[0, 0, 7, 0], 7),
        (&[QUARTER], QUARTER),
        (&[QUARTER, 1], QUARTER),
        (&[QUARTER - 1, 1], QUARTER),
        (&[QUARTER - 1, 2, 1], QUARTER - 1),
        (&[QUARTER + 1], QUARTER),
        (&[QUARTER + 1, 4], QUARTER),
        // Nothing would say that nothing more can be written.
        (&[0, QUARTER + 1], QUARTER),
        (&[0, 0, 2 * QUARTER, 3], QUARTER),
        (&[0, 3, 2 * QUARTER], 3),
    ] {
        let mut left = &whole[..];
        let slices: Vec<_> = parts
            .iter()
            .map(|len| {
                let (part, rest) = left.split_at(*len);
                left = rest;
                IoSlice::new(part)
            })
            .collect();
        assert_eq!(writer.write_vectored(&slices).unwrap(), expected, "{parts:?}");
        assert_eq!(rx.try_pop().as_deref(), Ok(&whole[..expected]), "{parts:?}");
        assert_eq!(lens(&mut rx), [0; 0], "{parts:?}");
    }
}

#[test]
fn the_stream_ends_with_an_orderly_close_and_goes_on_with_the_next_producer() {
    let ring = ring(Wait::PARK);
    let mut reader = ring.consumer().unwrap().into_reader();
    let mut buffer = [0; 16];
    for round in 0..3 {
        let mut tx = ring.producer().unwrap();
        // Empty messages are no end, wherever they stand.
        for message in [&b""[..], b"", &[round; 5], b"", &[round; 20], b""] {
            tx.push(message).unwrap();
        }
        tx.close();
        assert_eq!(reader.read(&mut []).unwrap(), 0);
        assert_eq!(reader.read(&mut buffer).unwrap(), 5);
        assert_eq!(reader.read(&mut buffer).unwrap(), 16);
        assert_eq!(reader.fill_buf().unwrap(), [round; 4]);
        assert_eq!(reader.read(&mut buffer).unwrap(), 4);
        for _ in 0..3 {
            assert_eq!(reader.read(&mut buffer).unwrap(), 0);
            assert_eq!(reader.fill_buf().unwrap(), b"");
        }
    }
}

/// Job: writes what its parent can work out, and stays.
pub(crate) fn write_and_stay(mut home: Home) {
    let mut writer = MessageProducer::open(home.argument(0)).unwrap().into_writer();
    writer.write_all(&text(7, home.number(1) as usize)).unwrap();
    home.say("written");
    home.stay();
}

#[test]
fn a_writer_that_is_killed_is_a_broken_pipe_after_all_that_it_published() {
    for len in [0, 3000] {
        let name = Name::new("killed-writer");
        let options = Options::new().bytes(CAPACITY).wait(Wait::PARK);
        let ring = MessageRing::create(name.as_str(), &options).unwrap();
        let mut reader = ring.consumer().unwrap().into_reader();
        let mut child = Child::spawn("write-and-stay", &[name.as_str(), &len.to_string()]);
        child.expect("written");
        let reading = std::thread::spawn(move || {
            let mut read = Vec::new();
            let told = reader.read_to_end(&mut read).unwrap_err().kind();
            let again = reader.read(&mut [0; 5]).unwrap_err().kind();
            let there = reader.fill_buf().unwrap_err().kind();
            (read, [told, again, there], reader)
        });
        Bytes::of(ring.descriptor()).until_parked(consumer());
        child.kill();
        let (read, told, mut reader) = within(SOON, "reading", || reading.join().unwrap());
        assert!(read == text(7, len), "{} bytes of {len}", read.len());
        assert_eq!(told, [ErrorKind::BrokenPipe; 3]);
        // That is not final either.
        ring.producer().unwrap().into_writer().write_all(b"next").unwrap();
        read_to_string(&mut reader, "next");
    }
}

fn read_to_string(reader: &mut StreamReader, expected: &str) {
    let mut read = String::new();
    reader.read_to_string(&mut read).unwrap();
    assert_eq!(read, expected);
}

#[test]
fn a_reader_that_goes_is_a_broken_pipe_once_the_ring_is_full() {
    let (mut writer, reader) = stream(Wait::PARK);
    drop(reader);
    let sent = text(1, 3 * CAPACITY);
    let told = within(LIMIT, "writing to nobody", move || writer.write_all(&sent));
    assert_eq!(told.unwrap_err().kind(), ErrorKind::BrokenPipe);
    // And what the library finds wrong is wrong here too.
    let ring = ring(Wait::PARK);
    let mut reader = ring.consumer().unwrap().into_reader();
    Bytes::of(ring.descriptor()).set(producer() + POSITION, 8 | 1 << 40);
    let told = within(LIMIT, "reading", move || {
        (reader.read(&mut [0; 4]).unwrap_err().kind(), reader.fill_buf().unwrap_err().kind())
    });
    assert_eq!(told, (ErrorKind::InvalidData, ErrorKind::InvalidData));
}

#[test]
fn what_was_taken_and_not_read_comes_back_with_the_consumer() {
    let (mut writer, reader) = stream(Wait::PARK);
    writer.write_all(b"0123456789").unwrap();
    writer.write_all(b"next").unwrap();
    let (rx, left) = reader.into_inner();
    assert_eq!(left, b"", "nothing was taken");
    let mut reader = rx.into_reader();
    let mut buffer = [0; 3];
    reader.read_exact(&mut buffer).unwrap();
    let (rx, left) = reader.into_inner();
    assert_eq!((&buffer, &left[..]), (b"012", &b"3456789"[..]));
    let mut reader = rx.into_reader();
    assert_eq!(reader.fill_buf().unwrap(), b"next");
    reader.consume(1);
    assert_eq!(reader.fill_buf().unwrap(), b"ext");
    let (mut rx, left) = reader.into_inner();
    assert_eq!(left, b"ext");
    writer.write_all(b"last").unwrap();
    assert_eq!(rx.try_pop().unwrap(), b"last");
}

#[test]
fn a_slow_reader_gets_all_of_what_is_larger_than_the_ring() {
    let (mut writer, mut reader) = stream(Wait::PARK);
    let sent = text(3, 10 * CAPACITY);
    let expected = sent.clone();
    let writing = std::thread::spawn(move || writer.write_all(&sent));
    let mut read = Vec::new();
    let mut random = Random::new(3);
    loop {
        let mut piece = vec![0; 1 + random.below(300) as usize];
        let len = reader.read(&mut piece).unwrap();
        if len == 0 {
            break;
        }
        read.extend_from_slice(&piece[..len]);
        std::thread::sleep(Duration::from_micros(random.below(300)));
    }
    join("writing", writing).unwrap();
    assert!(read == expected, "{} bytes of {}", read.len(), expected.len());
}
