//! `send` and `recv` as two processes: every byte arrives, in the messages that were asked for.

use std::process::Stdio;

use shm_ring::{MessageConsumer, MessageProducer, MessageRing, Options};

use crate::house::{Name, Process, expect, noise, program, run, state, told, until};

/// Sends `input` and receives it, whoever comes first.
fn through(input: &[u8], send: &[&str], recv: &[&str], reader_first: bool) -> Vec<u8> {
    let name = Name::new("through");
    let sender = || {
        let mut sender = Process::start(&[&["send", name.as_str()], send].concat());
        let input = input.to_vec();
        // In pieces of any size, and beside the reader.
        std::thread::spawn(move || {
            let mut size = 1;
            let mut rest = &input[..];
            while !rest.is_empty() {
                let (piece, others) = rest.split_at(size.min(rest.len()));
                sender.say(piece);
                rest = others;
                size = size * 3 % 100_003 + 1;
            }
            sender.end()
        })
    };
    let receiver = || Process::start(&[&["recv", name.as_str()], recv].concat());
    let (sending, receiving) = if reader_first {
        let receiving = receiver();
        until("the reader is there", || state(&name, "consumer") == "alive");
        (sender(), receiving)
    } else {
        let sending = sender();
        until("the writer is there", || !state(&name, "producer").is_empty());
        (sending, receiver())
    };
    let received = receiving.end();
    told(0, &received);
    told(0, &sending.join().unwrap());
    assert!(!name.path().exists(), "a ring that was made on demand goes with its stream");
    received.stdout
}

#[test]
fn every_byte_arrives_whoever_comes_first() {
    let input = noise(3_000_000);
    for reader_first in [false, true] {
        assert!(through(&input, &[], &[], reader_first) == input);
        assert!(through(&input, &["--bytes", "4K"], &["--bytes", "4K"], reader_first) == input);
        assert_eq!(through(b"", &[], &[], reader_first), b"");
        assert_eq!(
            through(b"no end of line", &["--raw"], &["--raw"], reader_first),
            b"no end of line"
        );
    }
}

#[test]
fn lines_and_prefixed_messages_keep_their_ends() {
    let lines: String = (0..5000).map(|n| format!("{}\n", "x".repeat(n % 200))).collect();
    assert_eq!(through(lines.as_bytes(), &["--lines"], &["--lines"], false), lines.as_bytes());
    let joined = lines.replace('\n', "");
    assert_eq!(through(lines.as_bytes(), &["--lines"], &[], true), joined.as_bytes());
    assert_eq!(through(b"a\n\nlast", &["--lines"], &["--lines"], false), b"a\n\nlast\n");
    let mut prefixed = Vec::new();
    for n in 0..3000 {
        let message = noise(n % 300);
        prefixed.extend((message.len() as u32).to_le_bytes());
        prefixed.extend(message);
    }
    let arguments = ["--length-prefixed"];
    assert!(through(&prefixed, &arguments, &arguments, true) == prefixed);
}

#[test]
fn messages_are_those_of_the_library() {
    let name = Name::new("library");
    let options = || Options::new().bytes(4096).label("orders").schema(5);
    let ring = MessageRing::create(name.as_str(), &options()).unwrap();
    let mut sender = Process::start(&["send", name.as_str(), "--lines"]);
    sender.say(b"one\ntwo and a half\n\n");
    told(0, &sender.end());
    let mut rx = ring.consumer().unwrap();
    let read: Vec<_> = rx.iter().map(Result::unwrap).collect();
    assert_eq!(read, [&b"one"[..], b"two and a half", b""]);
    drop(rx);
    let mut tx = MessageProducer::open_with(name.as_str(), &options()).unwrap();
    tx.push(b"three").unwrap();
    let mut receiver = Process::start(&["recv", name.as_str(), "--length-prefixed"]);
    // What is there comes at once, before the producer has closed.
    assert_eq!(receiver.hear(9), b"\x05\0\0\0three");
    tx.close();
    assert_eq!(told(0, &receiver.end()), "");
    assert!(name.path().exists(), "a ring that somebody made is not ours to remove");
}

#[test]
fn a_file_can_be_named_on_both_sides_and_a_descriptor() {
    let (name, input) = (Name::new("file"), Name::new("input"));
    std::fs::write(input.path(), noise(70_000)).unwrap();
    let path = name.path();
    let by_path = format!("/dev/shm/../shm/{}", name.as_str());
    let input = input.path();
    let sender = Process::of(&mut program(&["send", &by_path, "--from", input.to_str().unwrap()]));
    let received = run(&["recv", path.to_str().unwrap()]);
    told(0, &received);
    assert!(received.stdout == noise(70_000));
    told(0, &sender.end());

    let ring = MessageRing::create(shm_ring::Region::memfd("cli"), &Options::new()).unwrap();
    let fd = std::os::fd::AsRawFd::as_raw_fd(&ring.descriptor());
    let descriptor = format!("{}:{fd}", std::process::id());
    let mut sender = Process::start(&["send", &descriptor]);
    sender.say(b"to a memfd");
    told(0, &sender.end());
    assert_eq!(ring.consumer().unwrap().pop().unwrap(), b"to a memfd");
}

#[test]
fn a_ring_that_is_kept_serves_one_stream_after_another() {
    let name = Name::new("kept");
    expect(0, &["create", name.as_str(), "--bytes", "4K"]);
    for round in 0..3 {
        let input = noise(20_000 + round);
        let receiver = Process::start(&["recv", name.as_str()]);
        if round == 1 {
            // It does not take the end of the last stream for its own.
            until("the reader is there", || state(&name, "consumer") == "alive");
        }
        let mut sender = Process::start(&["send", name.as_str()]);
        let copy = input.clone();
        let sending = std::thread::spawn(move || {
            sender.say(&copy);
            sender.end()
        });
        let received = receiver.end();
        told(0, &received);
        assert!(received.stdout == input, "round {round}: {} bytes", received.stdout.len());
        told(0, &sending.join().unwrap());
    }
    // Nor does a writer that finds no room take the end of the last reader for its own.
    let mut sender = Process::start(&["send", name.as_str(), "--lines"]);
    until("the writer is there", || state(&name, "producer") == "alive");
    let writing = std::thread::spawn(move || {
        sender.say(&[[b'x'; 999].as_slice(), b"\n"].concat().repeat(10));
        sender.end()
    });
    until("the ring is full", || {
        shm_ring::Observer::open(name.as_str()).unwrap().snapshot().unread_bytes() > 2000
    });
    let mut rx = MessageConsumer::open(name.as_str()).unwrap();
    assert_eq!(rx.iter().map(|message| message.unwrap().len()).sum::<usize>(), 9990);
    told(0, &writing.join().unwrap());
}

#[test]
fn what_does_not_fit_is_refused_and_what_stood_before_it_arrives() {
    for (arguments, input, expected) in [
        ("--lines", [b"short\n".to_vec(), vec![b'x'; 5000], b"\n".to_vec()].concat(), "4088 bytes"),
        ("--lines", [b"short\n".to_vec(), vec![b'x'; 200_000]].concat(), "4088 bytes"),
        (
            "--length-prefixed",
            b"\x05\0\0\0short\xff\xff\xff\xffand".to_vec(),
            "7 bytes into a message",
        ),
        ("--length-prefixed", b"\x05\0\0\0short\x01\0".to_vec(), "2 bytes into a message"),
    ] {
        let name = Name::new("refused");
        let mut sender = Process::of(
            program(&["send", name.as_str(), arguments, "--bytes", "4K"]).stdin(Stdio::piped()),
        );
        // It may have ended before it has read everything.
        let _ = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| sender.say(&input)));
        let error = told(1, &sender.end());
        assert!(error.contains(expected), "{error}");
        // What the reader has is not the whole, and it is told so.
        let received = run(&["recv", name.as_str()]);
        assert_eq!((told(5, &received).is_empty(), &received.stdout[..]), (false, &b"short"[..]));
        assert!(name.path().exists(), "another sender may go on");
    }
}
