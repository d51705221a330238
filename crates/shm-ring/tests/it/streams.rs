//! How much a read of a byte stream takes at once, and how long its calls wait.

use std::io::{BufRead, ErrorKind, Read, Write};
use std::time::Duration;

use shm_ring::{MessageConsumer, MessageProducer, MessageRing, Options, PopError, Wait};

fn pair() -> (MessageProducer, MessageConsumer) {
    crate::harness::watch();
    MessageRing::pair(&Options::new().bytes(4096).wait(Wait::PARK)).unwrap()
}

#[test]
fn a_read_takes_all_messages_that_are_there_and_fit() {
    let (mut tx, rx) = pair();
    let mut reader = rx.into_reader();
    let mut buffer = [0; 16];
    tx.push_batch(&["one", "two", "three"]).unwrap();
    assert_eq!(reader.read(&mut buffer).unwrap(), 11);
    assert_eq!(&buffer[..11], b"onetwothree");
    // One that does not fit behind the others stays whole.
    tx.push_batch(&["four", "fifteen letters"]).unwrap();
    assert_eq!(reader.read(&mut buffer).unwrap(), 4);
    assert_eq!(reader.read(&mut buffer).unwrap(), 15);
    assert_eq!(&buffer[..15], b"fifteen letters");
    // What is left of one that did not fit comes before those behind it.
    tx.push_batch(&["21 letters, or so, no", "tten", "and"]).unwrap();
    assert_eq!(reader.read(&mut buffer).unwrap(), 16);
    assert_eq!(reader.read(&mut buffer).unwrap(), 5 + 4 + 3);
    assert_eq!(&buffer[..12], b"o, nottenand");
}

#[test]
fn what_ends_a_stream_is_told_after_what_was_read() {
    let (mut tx, rx) = pair();
    let mut reader = rx.into_reader();
    tx.push_batch(&["last", ""]).unwrap();
    tx.push(b"words").unwrap();
    drop(tx);
    let mut text = String::new();
    let mut buffer = [0; 64];
    assert_eq!(reader.read(&mut buffer).unwrap(), 4, "an empty message ends a read and no stream");
    reader.read_to_string(&mut text).unwrap();
    assert_eq!(text, "words");
    assert_eq!(reader.read(&mut buffer).unwrap(), 0);
    // However many there are.
    let (mut tx, rx) = pair();
    tx.push_batch(&["", "", "", "", "after"]).unwrap();
    assert_eq!(rx.into_reader().read(&mut buffer).unwrap(), 5);
}

#[test]
fn a_reader_waits_as_long_as_it_is_told() {
    let (mut tx, rx) = pair();
    let mut reader = rx.into_reader();
    let mut buffer = [0; 8];
    for (timeout, kind) in [
        (Duration::ZERO, ErrorKind::WouldBlock),
        (Duration::from_nanos(1), ErrorKind::TimedOut),
        (Duration::from_millis(1), ErrorKind::TimedOut),
    ] {
        reader.set_timeout(Some(timeout));
        assert_eq!(reader.read(&mut buffer).unwrap_err().kind(), kind);
        assert_eq!(reader.fill_buf().unwrap_err().kind(), kind);
        tx.push(b"there").unwrap();
        assert_eq!(reader.read(&mut buffer).unwrap(), 5);
        tx.push(b"longer than that").unwrap();
        assert_eq!(reader.read(&mut buffer).unwrap(), 8);
        assert_eq!(reader.read(&mut buffer).unwrap(), 8, "what is left is not waited for");
    }
    reader.set_timeout(None);
    tx.push(b"there").unwrap();
    drop(tx);
    let mut text = String::new();
    reader.read_to_string(&mut text).unwrap();
    assert_eq!(text, "there");
}

/// A producer could go on like that without end.
#[test]
fn empty_messages_do_not_keep_a_read_that_must_return() {
    let (mut tx, rx) = MessageRing::pair(&Options::new().bytes(1 << 16)).unwrap();
    let mut reader = rx.into_reader();
    let mut buffer = [0; 8];
    for (timeout, empty, kind) in [
        (Duration::ZERO, 1500, ErrorKind::WouldBlock),
        (Duration::from_nanos(1), 1, ErrorKind::TimedOut),
    ] {
        reader.set_timeout(Some(timeout));
        tx.push_batch(&vec![""; empty]).unwrap();
        tx.push(b"text").unwrap();
        assert_eq!(reader.read(&mut buffer).unwrap_err().kind(), kind);
        assert_eq!(reader.read(&mut buffer).unwrap(), 4);
    }
}

#[test]
fn a_writer_waits_as_long_as_it_is_told_and_publishes_nothing_of_what_failed() {
    for (timeout, kind) in
        [(Duration::ZERO, ErrorKind::WouldBlock), (Duration::from_millis(1), ErrorKind::TimedOut)]
    {
        let (tx, mut rx) = pair();
        let mut writer = tx.into_writer();
        writer.set_timeout(Some(timeout));
        // Three quarters with their headers, and what is left is less than another.
        for _ in 0..3 {
            assert_eq!(writer.write(&[7; 2000]).unwrap(), 1024);
        }
        assert_eq!(writer.write(&[8; 2000]).unwrap_err().kind(), kind);
        let parts = [b"a".as_slice(), &[9; 1000]].map(std::io::IoSlice::new);
        assert_eq!(writer.write_vectored(&parts).unwrap_err().kind(), kind);
        for _ in 0..3 {
            assert_eq!(rx.try_pop(), Ok(vec![7; 1024]));
        }
        assert_eq!(rx.try_pop(), Err(PopError::Empty));
        writer.write_all(b"goes on").unwrap();
        assert_eq!(rx.try_pop(), Ok(b"goes on".to_vec()));
    }
}
