//! `ls` and `stat`: what they say is what is there, in words and as JSON.

use shm_ring::{Options, Ring};

use crate::house::{Name, Process, expect, json, program, state, told, until};

/// What `ls` says, whatever else is on this machine that it has to say something about.
fn listing() -> String {
    let output = crate::house::run(&["ls"]);
    assert_eq!(output.status.code(), Some(0));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn a_ring_is_listed_with_its_sides() {
    let name = Name::new("listed");
    let mut receiver = Process::start(&["recv", name.as_str(), "--bytes", "64K"]);
    until("the reader is there", || state(&name, "consumer") == "alive");
    let id = receiver.id();
    let listing = listing();
    let line = listing.lines().find(|line| line.starts_with(name.as_str())).unwrap();
    let fields: Vec<&str> = line.split('\t').collect();
    assert_eq!(fields[1..5], ["messages", "64 KiB", "0 %", "absent"]);
    assert_eq!(fields[5], format!("shm-ring {id}"));
    assert_eq!(fields.len(), 7);

    let rings = json(&["ls"]);
    let find = |ring: &&serde_json::Value| ring["name"] == name.as_str();
    let ring = rings["rings"].as_array().unwrap().iter().find(find).unwrap();
    assert_eq!(ring["kind"], "messages");
    assert_eq!((ring["limit"].as_u64(), ring["unread_bytes"].as_u64()), (Some(65536), Some(0)));
    assert_eq!(ring["consumer"]["pid"], id);
    assert_eq!(ring["consumer"]["state"], "alive");
    assert_eq!(ring["consumer"]["command"], "shm-ring");
    receiver.kill();
    assert_eq!(state(&name, "consumer"), "dead");
}

#[test]
fn what_cannot_be_looked_at_is_said_and_what_is_no_ring_is_left_out() {
    let (damaged, other) = (Name::new("damaged"), Name::new("other"));
    expect(0, &["create", damaged.as_str()]);
    let mut bytes = std::fs::read(damaged.path()).unwrap();
    bytes[8] = 3;
    std::fs::write(damaged.path(), bytes).unwrap();
    std::fs::write(other.path(), "no ring at all").unwrap();
    let listed = crate::house::run(&["ls"]);
    let (out, err) =
        (String::from_utf8(listed.stdout).unwrap(), String::from_utf8(listed.stderr).unwrap());
    assert!(err.contains(damaged.as_str()) && err.contains("layout version 3"), "{err}");
    assert!(!out.contains(damaged.as_str()) && !(out + &err).contains(other.as_str()));
    let listed = crate::house::run(&["ls", "--json"]);
    let listed: serde_json::Value = serde_json::from_slice(&listed.stdout).unwrap();
    let unusable = listed["unusable"].as_array().unwrap();
    assert!(unusable.iter().any(|ring| ring["name"] == damaged.as_str()), "{unusable:?}");
    assert!(expect(4, &["stat", damaged.as_str()]).contains("layout version"));
}

#[test]
fn stat_says_all_that_a_snapshot_has() {
    let name = Name::new("stat");
    let options = Options::new().items(100).schema(42).label("ticks\u{1b}[31m");
    let ring = Ring::<[u64; 2]>::create(name.as_str(), &options).unwrap();
    let (mut tx, mut rx) = (ring.producer().unwrap(), ring.consumer().unwrap());
    for n in 0..10 {
        tx.push([n; 2]).unwrap();
    }
    assert!(!expect(0, &["stat", name.as_str()]).contains("dropped"));
    tx.count_dropped(7);
    rx.pop().unwrap();
    drop(rx);
    let ring_as_json = json(&["stat", name.as_str()]);
    let expected = serde_json::json!({
        "kind": "values", "item_size": 16, "item_align": 8, "schema_id": 42, "tail": 160, "head": 16,
        "unread_bytes": 144, "unread_records": 9, "layout": 2, "corrupt": false, "limit": 1600,
        "capacity": 4096, "dropped": 7,
        "id": format!("{:032x}", ring.id()), "label": "ticks\u{1b}[31m",
    });
    for (field, value) in expected.as_object().unwrap() {
        assert_eq!(&ring_as_json[field], value, "{field}");
    }
    assert_eq!(ring_as_json["producer"]["pid"], std::process::id());
    assert_eq!(ring_as_json["consumer"]["state"], "closed");
    assert_eq!(ring_as_json["consumer"]["session"], 2);
    let text = expect(0, &["stat", name.as_str()]);
    for expected in [
        "values of 16 B",
        "9 records, 144 B (9 %)",
        "closed, session 2",
        "schema id    42",
        "100 records, 1600 B",
        "dropped      7 records",
    ] {
        assert!(text.contains(expected), "{expected}: {text}");
    }
    assert!(!text.contains('\u{1b}'), "somebody else's text does not move our cursor");
    let name = Name::new("name\u{1b}[31m");
    expect(0, &["create", name.as_str()]);
    let told =
        [listing(), expect(0, &["stat", name.as_str()]), expect(1, &["create", name.as_str()])];
    for text in told {
        assert!(!text.contains('\u{1b}') && text.contains("name\\u{1b}[31m"), "{text}");
    }
}

#[test]
fn colours_are_for_terminals_or_whoever_asks() {
    let name = Name::new("colours");
    expect(0, &["create", name.as_str()]);
    let coloured = |arguments: &[&str], no_color: bool| {
        let mut command = program(arguments);
        if no_color {
            command.env("NO_COLOR", "1");
        }
        told(0, &Process::of(&mut command).end()).contains('\u{1b}')
    };
    let stat = ["stat", name.as_str()];
    assert!(!coloured(&stat, false));
    for no_color in [false, true] {
        assert!(coloured(&[&stat[..], &["--color", "always"]].concat(), no_color));
        assert!(!coloured(&[&stat[..], &["--color", "never"]].concat(), no_color));
    }
}

#[test]
fn nobody_is_told_that_nobody_reads() {
    let names: Vec<Name> = (0..20).map(|_| Name::new("unread")).collect();
    for name in &names {
        expect(0, &["create", name.as_str(), "--bytes", "4K"]);
    }
    for arguments in [&["ls"][..], &["ls", "--json"], &["stat", names[0].as_str()]] {
        let mut command = program(arguments);
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let output = command.stdout(writer).output().unwrap();
        told(0, &output);
    }
}

#[test]
fn a_ring_without_a_name_is_found_by_who_has_it() {
    use std::os::fd::AsRawFd;
    let ring = Ring::<u64>::create(shm_ring::Region::memfd("nameless"), &Options::new()).unwrap();
    let _also_open = ring.descriptor().try_clone_to_owned().unwrap();
    let id = format!("{:032x}", ring.id());
    let with = |arguments: &[&str]| {
        let listed = json(arguments);
        let rings = listed["rings"].as_array().unwrap().clone();
        rings.into_iter().filter(|ring| ring["id"] == *id).collect::<Vec<_>>()
    };
    assert!(with(&["ls"]).is_empty(), "it has no name");
    let found = with(&["ls", "--memfds"]);
    assert_eq!(found.len(), 1, "once, by whatever descriptors");
    let name = found[0]["name"].as_str().unwrap();
    let (pid, fd) = name.split_once(':').unwrap();
    assert_eq!(pid, std::process::id().to_string());
    assert!(fd.parse::<i32>().unwrap() <= ring.descriptor().as_raw_fd());
    assert_eq!(json(&["stat", name])["id"], *id, "by the name that is listed");
}
