//! `replay` and `info`: a recording becomes what the ring was, at its times, in part, and up to what is damaged.

use std::time::{Duration, Instant};

use shm_ring::{Consumer, Latest, MessageConsumer, Observer, Options, PopError};
use shm_ring_recording::{BlockHead, Header, Kind, Reason};

use crate::house::{Name, Process, expect, json, run, state, told, until};
use crate::recordings::{File, block, terminate};

const SECOND: u64 = 1_000_000_000;

fn header() -> Header {
    Header {
        kind: Kind::Values,
        size: 8,
        align: 8,
        unit: 8,
        schema: 7,
        capacity: 4096,
        limit: 4000,
        label: "numbers".to_owned(),
        ..Header::default()
    }
}

/// Numbers from `from` on.
fn numbers(from: u64, count: u64) -> Vec<[u8; 8]> {
    (from..from + count).map(u64::to_ne_bytes).collect()
}

/// Blocks of the numbers 0 to 9, 10 to 19 and 20 to 29, at these times in nanoseconds, and an end.
fn three_blocks(times: [u64; 3]) -> Vec<Vec<u8>> {
    let header = header();
    let mut parts = vec![header.encode().unwrap().to_vec()];
    for (index, time) in (0..).zip(times) {
        let numbers = numbers(10 * index, 10);
        let payloads: Vec<&[u8]> = numbers.iter().map(|number| &number[..]).collect();
        parts.push(block(&header, 80 * index, time, &payloads));
    }
    parts.push(Reason::Closed.at(240, times[2]).to_vec());
    parts
}

fn file(what: &str, parts: &[Vec<u8>]) -> File {
    let file = File::new(what);
    std::fs::write(file.path(), parts.concat()).unwrap();
    file
}

/// What is in a ring of numbers.
fn taken(name: &Name) -> Vec<u64> {
    let options = Options::new().schema(7).label("numbers");
    let mut rx = Consumer::<u64>::open_with(name.as_str(), &options).unwrap();
    rx.try_iter().map(Result::unwrap).collect()
}

#[test]
fn a_ring_that_is_not_there_is_made_as_the_recorded_one_was() {
    let (name, file) = (Name::new("replay-made"), file("made", &three_blocks([1, 2, 3])));
    expect(0, &["replay", file.as_str(), name.as_str()]);
    let found = json(&["stat", name.as_str()]);
    let number = |field: &str| found[field].as_u64().unwrap();
    assert_eq!(["item_size", "item_align", "schema_id", "limit"].map(number), [8, 8, 7, 4000]);
    assert_eq!((&found["label"], &found["kind"]), (&"numbers".into(), &"values".into()));
    assert_eq!(found["producer"]["state"], "closed");
    assert_eq!(taken(&name), (0..30).collect::<Vec<_>>());
    // Behind what it had published before, in the same ring.
    expect(0, &["replay", file.as_str(), name.as_str()]);
    assert_eq!(taken(&name), (0..30).collect::<Vec<_>>());
}

#[test]
fn messages_and_latest_values_become_what_they_were() {
    let (name, other) = (Name::new("replay-messages"), Name::new("replay-latest"));
    let messages = Header {
        kind: Kind::Messages,
        size: 1,
        align: 64,
        unit: 64,
        capacity: 1 << 16,
        limit: 1 << 16,
        ..Header::default()
    };
    let long = vec![9; 5000];
    let parts =
        [messages.encode().unwrap().to_vec(), block(&messages, 0, 1, &[b"", b"one", &long])];
    let recording = file("messages", &parts);
    let output = run(&["replay", recording.as_str(), name.as_str()]);
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success() && said.contains("has no end"), "{said}");
    let mut rx = MessageConsumer::open_with(name.as_str(), &Options::new().align(64)).unwrap();
    assert_eq!([rx.pop(), rx.pop(), rx.pop()], [Ok(vec![]), Ok(b"one".to_vec()), Ok(long)]);
    assert_eq!(rx.pop(), Err(PopError::Closed));

    let latest = Header {
        kind: Kind::Latest,
        size: 8,
        align: 8,
        unit: 16,
        capacity: 4096,
        limit: 4096,
        ..Header::default()
    };
    let all = numbers(1, 5);
    let payloads: Vec<&[u8]> = all.iter().map(|number| &number[..]).collect();
    let end = Reason::Closed.at(80, 2).to_vec();
    let parts = [latest.encode().unwrap().to_vec(), block(&latest, 0, 1, &payloads), end];
    let recording = file("latest", &parts);
    expect(0, &["replay", recording.as_str(), other.as_str()]);
    let latest = Latest::<u64>::open(other.as_str()).unwrap();
    assert_eq!((latest.history(), latest.reader().unwrap().read()), (255, Ok(5)));
    let mut reader = latest.reader().unwrap();
    reader.start_at_oldest().unwrap();
    assert_eq!(reader.try_next(), Ok(1));
}

#[test]
fn a_ring_of_another_shape_is_refused_with_both_values() {
    let file = file("shape", &three_blocks([1, 2, 3]));
    for (arguments, said) in [
        (&["--item", "16:8"][..], "values of 8 bytes, and NAME has 16"),
        (&["--item", "8:4"], "an alignment of 8, and NAME has 4"),
        (&["--item", "8:8", "--schema", "9"], "schema id 7, and NAME has 9"),
        (
            &["--item", "8:8", "--schema", "7", "--label", "x"],
            "label \"numbers\", and NAME has \"x\"",
        ),
        (&[], "values, and NAME has messages"),
    ] {
        let name = Name::new("replay-shape");
        expect(0, &[&["create", name.as_str()], arguments].concat());
        let error = expect(4, &["replay", file.as_str(), name.as_str()]);
        assert!(error.contains(&said.replace("NAME", name.as_str())), "{said}: {error}");
        assert_eq!(Observer::open(name.as_str()).unwrap().snapshot().tail, 0);
    }
    // Payloads that are aligned to more are aligned to less; one that is too long is named.
    let messages =
        |align: u64| Header { kind: Kind::Messages, size: 1, align, unit: 16, ..header() };
    let header = messages(16);
    let long = vec![1; 5000];
    let parts = [header.encode().unwrap().to_vec(), block(&header, 0, 1, &[b"short", &long])];
    let file = self::file("aligned", &parts);
    let name = Name::new("replay-aligned");
    let options = |align| Options::new().align(align).bytes(4096).schema(7).label("numbers");
    drop(shm_ring::MessageRing::create(name.as_str(), &options(8)).unwrap());
    let error = expect(4, &["replay", file.as_str(), name.as_str()]);
    assert!(error.contains("an alignment of 16, and") && error.contains("has 8"), "{error}");
    expect(0, &["rm", name.as_str()]);
    drop(shm_ring::MessageRing::create(name.as_str(), &options(64)).unwrap());
    let error = expect(4, &["replay", file.as_str(), name.as_str()]);
    assert!(error.contains("a message of 5000 bytes") && error.contains("takes 4032"), "{error}");
    assert!(
        expect(0, &["dump", name.as_str()]).contains("5 bytes"),
        "what came before it is there"
    );
}

#[test]
fn times_are_kept_scaled_and_left_out() {
    let ten_years = 315_360_000 * SECOND;
    let far = file("far", &three_blocks([0, ten_years, ten_years + SECOND / 4]));
    for arguments in [&["--fast"][..], &["--max-wait", "1ms"], &["--from", "80"]] {
        let name = Name::new("replay-far");
        let start = Instant::now();
        expect(0, &[&["replay", far.as_str(), name.as_str()], arguments].concat());
        if arguments[0] == "--from" {
            assert!(start.elapsed() >= Duration::from_millis(250), "the last two are apart");
        }
        assert_eq!(taken(&name).last(), Some(&29));
    }
    let name = Name::new("replay-slow");
    let start = Instant::now();
    expect(0, &["replay", far.as_str(), name.as_str(), "--from", "80", "--speed", "0.5"]);
    assert!(start.elapsed() >= Duration::from_millis(500));
    // A signal ends the longest wait, in order.
    let name = Name::new("replay-stopped");
    let mut replay = Process::start(&["replay", far.as_str(), name.as_str()]);
    until("the first block is there", || {
        Observer::open(name.as_str()).is_ok_and(|ring| ring.snapshot().tail == 80)
    });
    terminate(&mut replay);
    told(0, &replay.end());
    assert_eq!(state(&name, "producer"), "closed");
    assert_eq!(taken(&name), (0..10).collect::<Vec<_>>());
}

#[test]
fn a_full_ring_holds_a_replay_back_until_it_is_read_or_told_to_end() {
    let file = file("full", &three_blocks([1, 2, 3]));
    let arguments = |name: &Name, more: &[&str]| -> Vec<String> {
        let all = [&["replay", file.as_str(), name.as_str()], more].concat();
        all.iter().map(|&text| text.to_owned()).collect()
    };
    let create = |name: &Name| {
        let shape = ["--item", "8:8", "--schema", "7", "--label", "numbers", "--bytes", "120"];
        expect(0, &[&["create", name.as_str()], &shape[..]].concat());
    };
    let start = |arguments: &[String]| {
        Process::start(&arguments.iter().map(String::as_str).collect::<Vec<_>>())
    };
    let name = Name::new("replay-full");
    create(&name);
    let mut replay = start(&arguments(&name, &[]));
    let is_full = || Observer::open(name.as_str()).unwrap().snapshot().unread_bytes() == 120;
    until("the ring is full", is_full);
    terminate(&mut replay);
    told(0, &replay.end());
    assert_eq!(state(&name, "producer"), "closed");
    assert_eq!(taken(&name), (0..15).collect::<Vec<_>>());
    told(6, &start(&arguments(&name, &["--timeout", "10ms"])).end());
    assert_eq!(taken(&name), (0..15).collect::<Vec<_>>());
    let replay = start(&arguments(&name, &[]));
    let mut all = Vec::new();
    until("all is read", || {
        all.extend(taken(&name));
        all.len() == 30
    });
    told(0, &replay.end());
    assert_eq!(all, (0..30).collect::<Vec<_>>());
}

#[test]
fn a_part_is_chosen_by_positions_and_by_times() {
    let file = file("part", &three_blocks([5 * SECOND, 6 * SECOND, 8 * SECOND]));
    for (arguments, from, to) in [
        (&["--from", "80"][..], 10, 30),
        (&["--from", "81", "--to", "200"], 11, 25),
        (&["--from", "16", "--to", "24"], 2, 3),
        (&["--to", "0"], 0, 0),
        (&["--from", "+1"], 10, 30),
        (&["--from", "+1ms", "--to", "+3s"], 10, 20),
        (&["--from", "@6.5"], 20, 30),
        (&["--to", "@6.000000001"], 0, 20),
        (&["--from", "@9"], 0, 0),
    ] {
        let name = Name::new("replay-part");
        let replay = [&["replay", file.as_str(), name.as_str(), "--fast"], arguments].concat();
        expect(0, &replay);
        assert_eq!(taken(&name), (from..to).collect::<Vec<_>>(), "{arguments:?}");
        let found = json(&[&["info", file.as_str()], arguments].concat());
        assert_eq!(found["records"], to - from, "{arguments:?}");
        if to > from {
            assert_eq!((&found["from"], &found["to"]), (&(8 * from).into(), &(8 * to).into()));
        }
    }
}

#[test]
fn what_is_cut_or_damaged_is_played_and_shown_up_to_there() {
    let parts = three_blocks([1, 2, 3]);
    let whole = parts.concat();
    let borders: Vec<usize> =
        (0..parts.len()).map(|last| parts[..=last].iter().map(Vec::len).sum()).collect();
    let play = |bytes: &[u8]| {
        let (name, file) = (Name::new("replay-cut"), File::new("cut"));
        std::fs::write(file.path(), bytes).unwrap();
        let played = run(&["replay", file.as_str(), name.as_str()]);
        let info = run(&["info", file.as_str(), "--json"]);
        assert_eq!(info.status.code(), played.status.code());
        let numbers = if name.path().exists() { taken(&name) } else { Vec::new() };
        let state = state(&name, "producer");
        (played, numbers, state, String::from_utf8(info.stdout).unwrap())
    };
    // Beside each border, and in the middle of each part.
    for (part, &border) in borders.iter().enumerate() {
        let begun = if part == 0 { 0 } else { borders[part - 1] };
        let blocks = part.saturating_sub(1) as u64;
        for len in [begun + 1, (begun + border) / 2, border - 1] {
            let (played, numbers, state, info) = play(&whole[..len]);
            let error = told(7, &played);
            let said = format!("is cut at byte {begun}, behind position {}", 80 * blocks);
            assert!(error.contains(&said), "{said}: {error}");
            assert_eq!(numbers, (0..10 * blocks).collect::<Vec<_>>());
            assert_eq!(state, if part == 0 { "" } else { "dead" }, "it has not the whole");
            assert!(part == 0 || info.contains(&format!("\"byte\":{begun},")), "{info}");
        }
        let mut bytes = whole.clone();
        bytes[(begun + border) / 2] ^= 4;
        let error = told(7, &play(&bytes).0);
        let said = format!("is damaged at byte {begun}, behind position {}", 80 * blocks);
        assert!(error.contains(&said), "{said}: {error}");
    }
    let error = expect(4, &["replay", env!("CARGO_BIN_EXE_shm-ring"), "shm-ring-cli-it-none"]);
    assert!(error.contains("no recording") && error.contains("ELF"), "{error}");
    for command in ["replay", "info"] {
        let all = [command, "/nowhere/at/all", "shm-ring-cli-it-none"];
        expect(1, &all[..if command == "info" { 2 } else { 3 }]);
    }
}

#[test]
fn info_says_what_is_in_a_file() {
    let mut parts =
        three_blocks([1_700_000_000 * SECOND, 1_700_000_001 * SECOND, 1_700_000_003 * SECOND]);
    parts[4] = BlockHead::gap(240, 320, 10, 5).to_vec();
    let file = file("info", &parts);
    let text = expect(0, &["info", file.as_str()]);
    for line in [
        "carries      values of 8 B, aligned to 8",
        "label        \"numbers\"",
        "schema id    7",
        "recorded by  its consumer: record",
        "positions    0 to 320",
        "records      30 of 240 B, in 4 blocks",
        "times        @1700000000.000000000 to @1700000003.000000000, 3.000 s",
        "gaps         80 B in 1",
        "             240 to 320, 10 records",
        "ends         at 320, not in order",
    ] {
        assert!(text.contains(line), "{line}: {text}");
    }
    let found = json(&["info", file.as_str()]);
    assert_eq!((&found["records"], &found["missing_bytes"]), (&30.into(), &80.into()));
    assert_eq!((&found["ended"], &found["damage"]), (&false.into(), &serde_json::Value::Null));
    assert_eq!(found["gaps"][0]["from"], 240);
    let shown = expect(0, &["info", file.as_str(), "--records", "--from", "+2", "--limit", "2"]);
    assert_eq!(shown.lines().count(), 4, "{shown}");
    assert!(shown.starts_with("at 160, 8 bytes, @1700000003.000000\n00000000  14 00 "), "{shown}");
    let all = expect(0, &["info", file.as_str(), "--records"]);
    assert!(all.ends_with("240 to 320 are missing\n"), "{all}");
    let replayed = run(&["replay", file.as_str(), Name::new("info").as_str(), "--fast"]);
    let said = String::from_utf8(replayed.stderr).unwrap();
    assert!(said.contains("80 B in 1 gaps were not recorded"), "{said}");
}
