//! `tap`: a recording by somebody who takes no part, which says what it lacks.

use shm_ring::{Latest, MessageRing, Observer, Options, Ring};
use shm_ring_recording::{Kind, Maker, Reason};

use crate::house::{Name, Process, json, program, run, state, told, until};
use crate::recordings::{File, payloads, recorded, terminate};

/// Waits until as many records are in a file.
fn until_seen(file: &File, records: usize) {
    until("they are in the file", || {
        std::fs::read(file.path())
            .is_ok_and(|bytes| bytes.len() > 255 && recorded(&bytes).records.len() == records)
    });
}

#[test]
fn what_is_unread_is_recorded_and_nobody_notices() {
    let (name, file) = (Name::new("tap"), File::new("tap"));
    let options = Options::new().bytes(1 << 16).label("words");
    let ring = MessageRing::create(name.as_str(), &options).unwrap();
    let (mut tx, mut rx) = (ring.producer().unwrap(), ring.consumer().unwrap());
    tx.push_batch(&["one", "two", "", "four"]).unwrap();
    let before = Observer::open(name.as_str()).unwrap().snapshot();
    let mut tap = Process::start(&["tap", name.as_str(), "-o", file.as_str()]);
    until_seen(&file, 4);
    tx.push(b"five").unwrap();
    until_seen(&file, 5);
    let comm = std::fs::read_to_string(format!("/proc/{}/comm", tap.id())).unwrap();
    assert_eq!(comm.trim(), "shm-ring-tap");
    let after = Observer::open(name.as_str()).unwrap().snapshot();
    assert_eq!((before.producer, before.head), (after.producer, after.head));
    assert_eq!(before.consumer, after.consumer);
    terminate(&mut tap);
    told(0, &tap.end());
    let found = recorded(&file.bytes());
    assert_eq!(payloads(&found.records), [&b"one"[..], b"two", b"", b"four", b"five"]);
    assert_eq!((found.header.kind, found.header.maker), (Kind::Messages, Maker::Tap));
    assert_eq!((found.gaps, found.ends), (vec![], vec![(72, Reason::Stopped)]));
    assert_eq!((0..5).map(|_| rx.pop().unwrap().len()).sum::<usize>(), 14, "all is still there");
}

#[test]
fn what_the_consumer_took_unseen_is_a_gap_and_is_counted() {
    let (name, file) = (Name::new("tap-gap"), File::new("gap"));
    let ring = Ring::<u64>::create(name.as_str(), &Options::new().items(64)).unwrap();
    let (mut tx, mut rx) = (ring.producer().unwrap(), ring.consumer().unwrap());
    let arguments = ["tap", name.as_str(), "-o", file.as_str()];
    tx.push_slice(&[0, 1, 2]).unwrap();
    let mut tap = Process::start(&arguments);
    until_seen(&file, 3);
    terminate(&mut tap);
    told(0, &tap.end());
    // Nobody looks: three that were seen are taken, and two that were not.
    tx.push_slice(&[3, 4, 5]).unwrap();
    assert_eq!(rx.try_iter().take(5).count(), 5);
    tx.close();
    let output = run(&arguments);
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert!(said.contains("missed 2 records, 16 B in 1 gaps"), "{said}");
    let found = recorded(&file.bytes());
    assert_eq!(found.gaps, [(24, 40, 2)]);
    assert_eq!(found.records.last().unwrap(), &(40, 5_u64.to_ne_bytes().to_vec()));
    assert_eq!(found.ends, [(24, Reason::Stopped), (48, Reason::Closed)]);
    // All of the next stream is taken before anybody looks: nothing stands behind that gap.
    let mut tx = ring.producer().unwrap();
    tx.push_slice(&[6, 7]).unwrap();
    tx.close();
    assert_eq!(rx.try_iter().count(), 3);
    let said = String::from_utf8(run(&arguments).stderr).unwrap();
    assert!(said.contains("missed 2 records, 16 B in 1 gaps"), "{said}");
    assert_eq!(recorded(&file.bytes()).gaps, [(24, 40, 2), (48, 64, 2)]);
}

#[test]
fn each_of_the_latest_values_is_recorded_or_counted_as_missed() {
    let (name, file) = (Name::new("tap-latest"), File::new("latest"));
    let latest = Latest::<u64>::create(name.as_str(), &Options::new().history(100)).unwrap();
    let mut writer = latest.writer().unwrap();
    (1..=5).for_each(|n| writer.write(n));
    let arguments = ["tap", name.as_str(), "-o", file.as_str()];
    let mut tap = Process::start(&arguments);
    until_seen(&file, 5);
    (6..=7).for_each(|n| writer.write(n));
    until_seen(&file, 7);
    terminate(&mut tap);
    told(0, &tap.end());
    let found = recorded(&file.bytes());
    let numbers: Vec<_> = (1..=7_u64).map(|n| n.to_ne_bytes()).collect();
    assert_eq!(payloads(&found.records), numbers.iter().map(|n| &n[..]).collect::<Vec<_>>());
    assert_eq!((found.header.kind, found.gaps), (Kind::Latest, vec![]));
    // More than are kept are written while nobody looks.
    let kept = latest.history() as u64;
    let all = 7 + 10 * kept;
    (8..=all).for_each(|n| writer.write(n));
    drop(writer);
    let output = run(&arguments);
    assert_eq!(output.status.code(), Some(0));
    let said = String::from_utf8(output.stderr).unwrap();
    let found = recorded(&file.bytes());
    let missed: u64 = found.gaps.iter().map(|gap| gap.2).sum();
    assert!(said.contains(&format!("missed {missed} records")), "{said}");
    assert_eq!(found.records.len() as u64 + missed, all);
    // Each value is where its number says.
    let unit = found.header.unit;
    let in_place = found
        .records
        .iter()
        .all(|(at, value)| u64::from_ne_bytes(value[..].try_into().unwrap()) == at / unit + 1);
    assert!(in_place && found.records.last().unwrap().0 == (all - 1) * unit);
    assert_eq!(found.ends.last(), Some(&(all * unit, Reason::Closed)));
    assert_eq!(json(&["info", file.as_str()])["recorded_by"], "tap");
}

#[test]
fn a_producer_that_dies_ends_a_tap_by_its_code_or_the_next_is_followed() {
    let (name, file) = (Name::new("tap-died"), File::new("died"));
    let mut sender = Process::start(&["send", name.as_str(), "--lines"]);
    sender.say(b"one\n");
    until("it is published", || {
        Observer::open(name.as_str()).is_ok_and(|ring| ring.snapshot().tail == 16)
    });
    let tap = Process::start(&["tap", name.as_str(), "-o", file.as_str()]);
    until_seen(&file, 1);
    sender.kill();
    told(5, &tap.end());
    let mut tap = Process::start(&["tap", name.as_str(), "-o", file.as_str(), "--follow"]);
    let ends =
        |count| until("an end is in the file", || recorded(&file.bytes()).ends.len() == count);
    // It finds the end of the one that was killed once more.
    ends(2);
    let mut next = program(&["send", name.as_str(), "--lines"]);
    let mut next = Process::of(next.stdin(std::process::Stdio::piped()));
    next.say(b"two\n");
    until_seen(&file, 2);
    let _ = next.end();
    ends(3);
    terminate(&mut tap);
    told(0, &tap.end());
    let found = recorded(&file.bytes());
    let reasons: Vec<_> = found.ends.iter().map(|(_, reason)| *reason).collect();
    assert_eq!(reasons, [Reason::Died, Reason::Died, Reason::Closed, Reason::Stopped]);
    assert_eq!(state(&name, "consumer"), "absent");
}
