//! `record`: everything that a ring carries is in the file once, in order, whoever ends and however; and what cannot be is said.

use std::process::Stdio;

use shm_ring::{Consumer, Latest, MessageProducer, Observer, Options, Producer, Ring};
use shm_ring_recording::{Header, Kind, Reason};

use crate::house::{Name, Process, expect, json, noise, program, run, state, told, until};
use crate::recordings::{File, block, payloads, recorded, terminate};

/// Waits until the consumer of a ring has given everything back.
fn until_read(name: &Name) {
    let snapshot = || Observer::open(name.as_str()).unwrap().snapshot();
    until("it is read", || snapshot().tail > 0 && snapshot().unread_bytes() == 0);
}

#[test]
fn values_of_any_size_are_in_the_file_as_they_were_pushed() {
    let (name, file) = (Name::new("record-values"), File::new("values"));
    let options = Options::new().bytes(10_000).label("numbers").schema(7);
    let mut tx = Producer::<[u8; 13]>::create(name.as_str(), &options).unwrap();
    let bytes = noise(13 * 20_000);
    let recorder = Process::start(&["record", name.as_str(), "-o", file.as_str()]);
    until("the recorder is there", || state(&name, "consumer") == "alive");
    for value in bytes.chunks_exact(13) {
        tx.push(value.try_into().unwrap()).unwrap();
    }
    tx.close();
    told(0, &recorder.end());
    let found = recorded(&file.bytes());
    assert!(found.records.iter().flat_map(|(_, value)| value).eq(&bytes), "in order");
    assert!(found.records.iter().enumerate().all(|(index, (at, _))| *at == 13 * index as u64));
    assert_eq!((found.gaps, found.ends), (vec![], vec![(bytes.len() as u64, Reason::Closed)]));
    let Header { kind, size, align, schema, label, limit, id, .. } = found.header;
    assert_eq!((kind, size, align, schema, &label[..]), (Kind::Values, 13, 1, 7, "numbers"));
    let snapshot = Observer::open(name.as_str()).unwrap().snapshot();
    assert_eq!((limit, id), (snapshot.limit, snapshot.id));
    assert!(file.path().metadata().is_ok_and(|stat| stat.len() > 0));
}

#[test]
fn messages_of_any_length_are_in_the_file_at_their_positions() {
    let (name, file) = (Name::new("record-messages"), File::new("messages"));
    let options = Options::new().bytes(64 * 1024).align(64);
    let mut tx = MessageProducer::create(name.as_str(), &options).unwrap();
    let bytes = noise(60_000);
    // Empty ones, and one that is nearly as long as the ring, and so than some blocks.
    let lens = [0, 1, 7, 64, 60_000, 0, 4096, 20_000, 3];
    let recorder = Process::start(&["record", name.as_str(), "-o", file.as_str()]);
    let mut sent = Vec::new();
    for round in 0..50 {
        for len in lens {
            sent.push((tx.position(), bytes[round..(round + len).min(bytes.len())].to_vec()));
            tx.push(&sent.last().unwrap().1).unwrap();
        }
    }
    tx.close();
    told(0, &recorder.end());
    let found = recorded(&file.bytes());
    assert!(found.records == sent, "each once, in order, where it was");
    assert_eq!(found.header.align, 64);
}

#[test]
fn a_byte_stream_goes_through_a_pipe_of_recordings() {
    let (name, other, input) =
        (Name::new("record-stream"), Name::new("record-stream-2"), File::new("in"));
    let bytes = noise(3_000_000);
    std::fs::write(input.path(), &bytes).unwrap();
    let mut sender = Process::of(&mut program(&["send", name.as_str(), "--from", input.as_str()]));
    until("the sender is there", || state(&name, "producer") == "alive");
    let (reader, writer) = std::io::pipe().unwrap();
    let mut command = program(&["record", name.as_str()]);
    let recorder = Process::from(command.stdout(writer).stderr(Stdio::piped()).spawn().unwrap());
    // It holds the other end of the pipe, too.
    drop(command);
    let mut replay = program(&["replay", "-", other.as_str(), "--fast"]);
    let replayed = Process::of(replay.stdin(reader));
    drop(replay);
    until("the ring is there", || other.path().exists());
    let received = run(&["recv", other.as_str()]);
    told(0, &received);
    assert!(received.stdout == bytes, "cmp says that they differ");
    told(0, &replayed.end());
    told(0, &recorder.end());
    until("it has ended", || state(&name, "producer") == "closed");
    sender.kill();
    assert!(name.path().exists(), "the recorder leaves it where it is");
}

#[test]
fn a_recorder_that_was_killed_goes_on_where_its_file_ends() {
    let (name, file) = (Name::new("record-again"), File::new("again"));
    let mut tx = Producer::<u64>::create(name.as_str(), &Options::new().items(64)).unwrap();
    let arguments = ["record", name.as_str(), "-o", file.as_str(), "--sync"];
    let mut recorder = Process::start(&arguments);
    tx.push_slice(&[0, 1, 2]).unwrap();
    until_read(&name);
    recorder.kill();
    tx.push_slice(&[3, 4]).unwrap();
    // The next one was killed after it had written two records, and before it gave them back; and while it wrote one more.
    let whole = recorded(&file.bytes());
    let mut bytes = file.bytes();
    let written = [3_u64.to_ne_bytes(), 4_u64.to_ne_bytes()];
    bytes.extend(block(&whole.header, 24, 1, &[&written[0], &written[1]]));
    let half = block(&whole.header, 40, 1, &[&5_u64.to_ne_bytes()]);
    bytes.extend(&half[..half.len() - 1]);
    std::fs::write(file.path(), &bytes).unwrap();
    tx.push(5).unwrap();
    let recorder = Process::start(&arguments);
    until_read(&name);
    tx.push(6).unwrap();
    tx.close();
    told(0, &recorder.end());
    let found = recorded(&file.bytes());
    let numbers: Vec<_> = (0..7_u64).map(|n| (8 * n, n.to_ne_bytes().to_vec())).collect();
    assert_eq!(found.records, numbers);
    assert_eq!((found.gaps, found.ends), (vec![], vec![(56, Reason::Closed)]));
    assert!(found.error.is_none(), "{:?}", found.error);
    // Once more, when there is nothing.
    tx = Producer::open(name.as_str()).unwrap();
    tx.close();
    told(0, &run(&arguments));
    assert_eq!(recorded(&file.bytes()).records, numbers);
}

/// The kernel ends the recorder in the middle of a write: a half block is in the file.
#[test]
fn a_recorder_that_was_killed_while_it_wrote_goes_on_before_the_half_block() {
    let (name, file) = (Name::new("record-half"), File::new("half"));
    let options = Options::new().bytes(64 * 1024);
    let mut tx = MessageProducer::create(name.as_str(), &options).unwrap();
    let bytes = noise(10_000);
    let limited = format!(
        "ulimit -c 0; ulimit -f 24; exec {} record {} -o {}",
        env!("CARGO_BIN_EXE_shm-ring"),
        name.as_str(),
        file.as_str()
    );
    let recorder =
        Process::of(std::process::Command::new("bash").args(["-c", &limited]).stdin(Stdio::null()));
    for _ in 0..5 {
        tx.push(&bytes).unwrap();
    }
    let output = recorder.end();
    assert_eq!(output.status.code(), None, "SIGXFSZ: {output:?}");
    let cut = recorded(&file.bytes());
    assert!(cut.error.is_some() && cut.records.len() < 5, "{:?}", cut.error);
    assert_eq!(file.bytes().len(), 24 * 1024);
    tx.close();
    told(0, &run(&["record", name.as_str(), "-o", file.as_str()]));
    let found = recorded(&file.bytes());
    assert_eq!(payloads(&found.records), [&bytes[..]; 5]);
    assert!(found.error.is_none(), "{:?}", found.error);
}

/// Half of a block fits, and the other half is refused.
#[test]
fn what_the_disk_has_no_room_for_stays_in_the_ring() {
    let (name, file) = (Name::new("record-room"), File::new("room"));
    let mut tx = Producer::<u64>::create(name.as_str(), &Options::new().items(8192)).unwrap();
    let numbers: Vec<u64> = (0..2000).collect();
    tx.push_slice(&numbers).unwrap();
    tx.close();
    let arguments = ["record", name.as_str(), "-o", file.as_str()];
    let limited = "trap '' XFSZ; ulimit -f 8; exec \"$0\" \"$@\"";
    let mut limited_recorder = std::process::Command::new("bash");
    limited_recorder.args(["-c", limited, env!("CARGO_BIN_EXE_shm-ring")]).args(arguments);
    let error = told(1, &limited_recorder.stdin(Stdio::null()).output().unwrap());
    assert!(error.contains("cannot be written") && error.contains("still in the ring"), "{error}");
    let found = recorded(&file.bytes());
    assert!(
        found.error.is_none() && found.records.is_empty(),
        "half a block is no block: {found:?}"
    );
    assert_eq!(Observer::open(name.as_str()).unwrap().snapshot().head, 0);
    expect(0, &arguments);
    let all: Vec<_> = numbers.iter().map(|n| (8 * n, n.to_ne_bytes().to_vec())).collect();
    assert_eq!(recorded(&file.bytes()).records, all);
}

#[test]
fn a_file_of_another_ring_or_with_a_hole_is_refused_with_both_values() {
    let (name, file) = (Name::new("record-hole"), File::new("hole"));
    let ring = Ring::<u64>::create(name.as_str(), &Options::new().items(64).label("mine")).unwrap();
    let mut tx = ring.producer().unwrap();
    let arguments = ["record", name.as_str(), "-o", file.as_str()];
    let mut recorder = Process::start(&arguments);
    tx.push_slice(&[0, 1]).unwrap();
    until_read(&name);
    recorder.kill();
    // Somebody else reads in between.
    tx.push_slice(&[2, 3, 4]).unwrap();
    let mut rx = ring.consumer().unwrap();
    assert_eq!([rx.pop(), rx.pop()], [Ok(2), Ok(3)]);
    drop(rx);
    let before = file.bytes();
    let error = expect(1, &arguments);
    for said in ["ends at position 16", "read up to 32", "16 bytes", "--accept-gap"] {
        assert!(error.contains(said), "{said}: {error}");
    }
    assert_eq!(file.bytes(), before);
    drop(tx);
    expect(0, &[&arguments[..], &["--accept-gap"]].concat());
    let found = recorded(&file.bytes());
    assert_eq!(found.gaps, [(16, 32, 2)]);
    assert_eq!(found.records.iter().map(|(at, _)| *at).collect::<Vec<_>>(), [0, 8, 32]);

    // A position that the ring has not come to, and one inside a value.
    for end in [8 * 8, 5 * 8 + 3] {
        let mut header = found.header.clone();
        header.base = end / 8 * 8;
        let mut bytes = header.encode().unwrap().to_vec();
        if end % 8 > 0 {
            (header.size, header.unit, header.base) = (1, 1, end);
            bytes = header.encode().unwrap().to_vec();
        }
        std::fs::write(file.path(), &bytes).unwrap();
        let error = expect(4, &arguments);
        for said in [&format!("ends at position {end}"), "has read 40 and published 40"] {
            assert!(error.contains(said), "{said}: {error}");
        }
        assert_eq!(file.bytes(), bytes);
    }

    // Created anew, under the same name.
    let old = found.header.id;
    std::fs::write(file.path(), &before).unwrap();
    drop(ring);
    expect(0, &["rm", name.as_str()]);
    expect(0, &["create", name.as_str(), "--item", "8:8", "--label", "yours"]);
    let new = Observer::open(name.as_str()).unwrap().snapshot().id;
    let error = expect(4, &arguments);
    for said in [&format!("{old:032x} (\"mine\")"), &format!("{new:032x} (\"yours\")")[..]] {
        assert!(error.contains(said), "{said}: {error}");
    }
    assert_eq!(file.bytes(), before);
}

#[test]
fn nothing_is_written_behind_damage_or_into_another_file() {
    let (name, file) = (Name::new("record-damage"), File::new("damage"));
    let mut tx = Producer::<u64>::create(name.as_str(), &Options::new().items(64)).unwrap();
    let arguments = ["record", name.as_str(), "-o", file.as_str()];
    tx.push(7).unwrap();
    tx.close();
    expect(0, &arguments);
    let whole = file.bytes();
    for (at, code, said) in [
        (100, 7, "damaged at byte 0"),
        (256 + 10, 7, "damaged at byte 256, behind position 0"),
        (whole.len() - 1, 7, "damaged at byte 320, behind position 8"),
        (0, 4, "is no recording"),
    ] {
        let mut bytes = whole.clone();
        bytes[at] ^= 0x10;
        std::fs::write(file.path(), &bytes).unwrap();
        let error = expect(code, &arguments);
        assert!(error.contains(said), "{said}: {error}");
        assert_eq!(file.bytes(), bytes, "it is as it was");
    }
    // The payload of the last block, where no end stands behind it.
    let mut bytes = whole[..320].to_vec();
    bytes[256 + 56] ^= 0x10;
    std::fs::write(file.path(), &bytes).unwrap();
    let error = expect(7, &arguments);
    assert!(
        error.contains("damaged at byte 256") && error.contains("records of a block"),
        "{error}"
    );
    assert_eq!(file.bytes(), bytes, "it is as it was");
    for text in ["notes of mine", ""] {
        std::fs::write(file.path(), text).unwrap();
        let code = if text.is_empty() { 0 } else { 4 };
        drop(Producer::<u64>::open(name.as_str()).unwrap());
        expect(code, &arguments);
    }
    assert_eq!(recorded(&file.bytes()).header.base, 8, "an empty file is begun");
}

#[test]
fn a_producer_that_dies_ends_the_recording_by_its_code_or_the_next_is_followed() {
    let (name, file) = (Name::new("record-died"), File::new("died"));
    expect(0, &["create", name.as_str()]);
    let arguments = ["record", name.as_str(), "-o", file.as_str()];
    let mut sender = Process::start(&["send", name.as_str(), "--lines"]);
    let recorder = Process::start(&arguments);
    sender.say(b"one\n");
    until_read(&name);
    sender.kill();
    assert!(told(5, &recorder.end()).contains("all that it had published is recorded"));
    let mut recorder = Process::start(&[&arguments[..], &["--follow"]].concat());
    until("the recorder is there", || state(&name, "consumer") == "alive");
    for round in ["two\n", "three\n"] {
        let mut sender = Process::start(&["send", name.as_str(), "--lines"]);
        sender.say(round.as_bytes());
        told(0, &sender.end());
        let ends = if round == "two\n" { 2 } else { 3 };
        until("its end is in the file", || recorded(&file.bytes()).ends.len() >= ends);
    }
    assert_eq!(state(&name, "consumer"), "alive");
    terminate(&mut recorder);
    told(0, &recorder.end());
    let found = recorded(&file.bytes());
    assert_eq!(payloads(&found.records), [&b"one"[..], b"two", b"three"]);
    let reasons: Vec<_> = found.ends.iter().map(|(_, reason)| *reason).collect();
    assert_eq!(reasons, [Reason::Died, Reason::Closed, Reason::Closed, Reason::Stopped]);
}

#[test]
fn a_signal_ends_a_recording_in_order_and_it_is_shown_by_its_name() {
    let (name, file) = (Name::new("record-signal"), File::new("signal"));
    let mut tx = Producer::<u64>::create(name.as_str(), &Options::new().items(64)).unwrap();
    let mut recorder = Process::start(&["record", name.as_str(), "-o", file.as_str()]);
    tx.push(1).unwrap();
    until_read(&name);
    let shown = format!("\tshm-ring-record {}\t", recorder.id());
    let listed = String::from_utf8(run(&["ls"]).stdout).unwrap();
    let line = listed.lines().find(|line| line.starts_with(name.as_str())).unwrap();
    assert!(line.contains(&shown), "{line}");
    assert_eq!(json(&["stat", name.as_str()])["consumer"]["command"], "shm-ring-record");
    // Nobody else writes there.
    let other = Name::new("record-signal-2");
    expect(0, &["create", other.as_str()]);
    let error = expect(1, &["record", other.as_str(), "-o", file.as_str()]);
    assert!(error.contains("another process records into"), "{error}");
    terminate(&mut recorder);
    told(0, &recorder.end());
    assert_eq!(state(&name, "consumer"), "closed");
    assert_eq!(recorded(&file.bytes()).ends, [(8, Reason::Stopped)]);
}

#[test]
fn what_cannot_be_recorded_is_said_and_stays_in_the_ring() {
    let (name, latest, file) =
        (Name::new("record-not"), Name::new("record-latest"), File::new("not"));
    drop(Latest::<u64>::create(latest.as_str(), &Options::new()).unwrap());
    let error = expect(4, &["record", latest.as_str(), "-o", file.as_str()]);
    assert!(error.contains("no consumer") && error.contains("shm-ring tap"), "{error}");
    expect(3, &["record", name.as_str(), "-o", file.as_str()]);
    assert!(!file.path().exists(), "nothing is made for what is not there");

    let mut tx = Producer::<u64>::create(name.as_str(), &Options::new().items(64)).unwrap();
    tx.push_slice(&[1, 2, 3]).unwrap();
    expect(2, &["record", name.as_str(), "-o", "/dev/null", "--sync"]);
    expect(1, &["record", name.as_str(), "-o", "/dev/full"]);
    expect(1, &["record", name.as_str(), "-o", "/nowhere/at/all"]);
    expect(6, &["record", name.as_str(), "--timeout", "10ms", "-o", file.as_str()]);
    assert_eq!(recorded(&file.bytes()).records.len(), 3, "what was there is recorded");
    // Standard output that is a file already.
    let to = std::fs::OpenOptions::new().append(true).open(file.path()).unwrap();
    let output = program(&["record", name.as_str()]).stdout(to).output().unwrap();
    assert!(told(2, &output).contains("holds"), "{output:?}");
    drop(tx);
    let mut tx = Producer::<u64>::open(name.as_str()).unwrap();
    tx.push(4).unwrap();
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let output = program(&["record", name.as_str()]).stdout(full).output().unwrap();
    told(1, &output);
    tx.close();
    let mut rx = Consumer::<u64>::open(name.as_str()).unwrap();
    assert_eq!(rx.pop(), Ok(4), "it is for the next one");
}

#[test]
fn the_doctor_knows_recorders_at_work_and_what_a_dead_one_left() {
    let (name, file) = (Name::new("record-doctor"), File::new("doctor"));
    let mut tx = Producer::<u64>::create(name.as_str(), &Options::new().items(64)).unwrap();
    let mut recorder = Process::start(&["record", name.as_str(), "-o", file.as_str()]);
    until("the recorder is there", || state(&name, "consumer") == "alive");
    let pid = recorder.id();
    let report = expect(0, &["doctor"]);
    assert!(report.contains(&format!("{} (shm-ring-record {pid})", name.as_str())), "{report}");
    recorder.kill();
    tx.push(1).unwrap();
    let report = json(&["doctor"]);
    let about =
        |check: &&serde_json::Value| check["found"].as_str().unwrap().contains(name.as_str());
    let found = report["checks"].as_array().unwrap().iter().find(about).expect("it is found");
    assert_eq!((&found["what"], &found["verdict"]), (&"a dead consumer".into(), &"note".into()));
    let text = found["found"].as_str().unwrap();
    assert!(text.contains(&format!("process {pid}, died at position 0 with 8 B unread")), "{text}");
    let goes_on = format!("`shm-ring record {} -o FILE`", name.as_str());
    assert!(found["advice"].as_str().unwrap().contains(&goes_on), "{found}");
}
