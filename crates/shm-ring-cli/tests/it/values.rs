//! Rings of values: created with `--item`, fed by `send`, read by `recv`, shown by `stat` and `dump`, and shared with
//! programs that know their type.

use std::process::Stdio;

use shm_ring::{Consumer, Observer, Options, Producer};

use crate::house::{Name, Process, expect, json, noise, program, run, state, told, until};

#[test]
fn a_file_of_values_arrives_whole() {
    let (name, input, output) = (Name::new("values"), Name::new("in"), Name::new("out"));
    // Of 12 bytes, so that values lie over the end of the data, many times as many as the ring holds.
    expect(0, &["create", name.as_str(), "--item", "12", "--schema", "7", "--bytes", "10000"]);
    let bytes = noise(12 * 50_000);
    std::fs::write(input.path(), &bytes).unwrap();
    let to = std::fs::File::create(output.path()).unwrap();
    let mut receiver = program(&["recv", name.as_str()]);
    let receiver = receiver.stdout(to).stderr(Stdio::piped()).spawn().unwrap();
    let from = input.path();
    let sender = Process::of(&mut program(&[
        "send",
        name.as_str(),
        "--raw",
        "--from",
        from.to_str().unwrap(),
    ]));
    told(0, &sender.end());
    told(0, &receiver.wait_with_output().unwrap());
    assert!(std::fs::read(output.path()).unwrap() == bytes, "cmp says that they differ");
    assert!(name.path().exists(), "it was made by `create`, and stays");
}

#[test]
fn programs_that_know_the_type_are_at_the_other_end() {
    let name = Name::new("typed");
    let text = name.as_str();
    expect(0, &["create", text, "--item", "16:8", "--schema", "7", "--label", "ticks"]);
    let options = Options::new().schema(7).label("ticks");
    let mut rx = Consumer::<[u64; 2]>::open_with(text, &options).unwrap();
    let mut sender = Process::start(&["send", text]);
    // In pieces that end inside a value.
    let bytes: Vec<u8> = (0..6_u64).flat_map(u64::to_ne_bytes).collect();
    for piece in bytes.chunks(11) {
        sender.say(piece);
    }
    told(0, &sender.end());
    assert_eq!([rx.pop(), rx.pop(), rx.pop()], [Ok([0, 1]), Ok([2, 3]), Ok([4, 5])]);
    // Told to it, that end is not that of the next stream.
    assert_eq!(rx.pop(), Err(shm_ring::PopError::Closed));
    drop(rx);
    let mut receiver = Process::start(&["recv", text]);
    until("the reader is there", || state(&name, "consumer") == "alive");
    let mut tx = Producer::<[u64; 2]>::open_with(text, &options).unwrap();
    tx.push([6, 7]).unwrap();
    // What is there comes at once, before the producer has closed.
    let heard = receiver.hear(16);
    assert_eq!(heard, [6, 7].map(u64::to_ne_bytes).concat());
    tx.close();
    told(0, &receiver.end());
}

#[test]
fn an_input_that_ends_inside_a_value_is_an_error_with_both_lengths() {
    let name = Name::new("inside");
    expect(0, &["create", name.as_str(), "--item", "12"]);
    let mut sender = Process::start(&["send", name.as_str()]);
    sender.say(&noise(12 * 3 + 5));
    let error = told(1, &sender.end());
    assert!(error.contains("5 bytes") && error.contains("has 12"), "{error}");
    // The whole ones are there, and the reader learns that they are not all.
    let received = run(&["recv", name.as_str()]);
    told(5, &received);
    assert!(received.stdout == noise(36));
}

#[test]
fn values_are_neither_lines_nor_prefixed() {
    let name = Name::new("framed");
    expect(0, &["create", name.as_str(), "--item", "12"]);
    for command in ["send", "recv"] {
        for framing in ["--lines", "--length-prefixed"] {
            let error = expect(2, &[command, name.as_str(), framing]);
            assert!(error.contains("values of 12 bytes"), "{error}");
        }
    }
}

#[test]
fn what_cannot_be_a_value_is_said() {
    let name = Name::new("cannot-be");
    for (item, said) in [
        ("0", "values of 0 bytes"),
        ("12:8", "12 bytes aligned to 8"),
        ("12:3", "alignment of 3 bytes"),
        ("16:64K", "at most a page"),
        ("u64", "a size is a number"),
    ] {
        let error = expect(2, &["create", name.as_str(), "--item", item]);
        assert!(error.contains(said), "{item}: {error}");
        assert!(!name.path().exists());
    }
}

#[test]
fn stat_and_dump_show_values() {
    let name = Name::new("shown");
    let text = name.as_str();
    expect(0, &["create", text, "--item", "12", "--schema", "70", "--bytes", "120"]);
    let said = expect(0, &["stat", text]);
    for line in
        ["carries      values of 12 B, aligned to 4", "schema id    70", "10 records, 120 B"]
    {
        assert!(said.contains(line), "{line}: {said}");
    }
    let said = json(&["stat", text]);
    let number = |field: &str| said[field].as_u64().unwrap();
    assert_eq!(["item_size", "item_align", "schema_id", "limit"].map(number), [12, 4, 70, 120]);
    let mut sender = Process::start(&["send", text]);
    sender.say(b"to be or not to be, that");
    told(0, &sender.end());
    assert_eq!(Observer::open(text).unwrap().snapshot().unread_records(), Some(2));
    let said = expect(0, &["dump", text]);
    for line in ["at 0, 12 bytes", "|to be or not|", "at 12, 12 bytes", "| to be, that|"] {
        assert!(said.contains(line), "{line}: {said}");
    }
}
