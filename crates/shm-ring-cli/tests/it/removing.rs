//! `create` and `rm`: rings come whole, and go when nobody uses them.

use std::os::unix::fs::{MetadataExt, PermissionsExt};

use shm_ring::{Error, MessageRing, Options, Region};

use crate::house::{Name, Process, expect, json, run, state, told, until};

#[test]
fn a_ring_is_created_as_asked() {
    let name = Name::new("created");
    expect(
        0,
        &[
            "create",
            name.as_str(),
            "--bytes",
            "100K",
            "--label",
            "orders",
            "--schema",
            "7",
            "--mode",
            "640",
        ],
    );
    let ring = json(&["stat", name.as_str()]);
    assert_eq!((&ring["limit"], &ring["capacity"]), (&(100 * 1024).into(), &(128 * 1024).into()));
    assert_eq!(ring["label"], "orders");
    assert_eq!(ring["schema_id"], 7);
    let mode = std::fs::metadata(name.path()).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o640);
    assert!(expect(1, &["create", name.as_str()]).contains("exists already"));
    let group = Name::new("group");
    if rustix::process::geteuid().is_root() {
        let arguments = ["create", group.as_str(), "--group", "54321", "--mode", "660"];
        expect(0, &arguments);
        let found = std::fs::metadata(group.path()).unwrap();
        assert_eq!((found.gid(), found.permissions().mode() & 0o777), (54_321, 0o660));
    }
    expect(2, &["create", name.as_str(), "--mode", "9"]);
    let too_long = "x".repeat(65);
    let label = Name::new("label");
    assert!(expect(2, &["create", label.as_str(), "--label", &too_long]).contains("64 bytes"));
    assert!(!label.path().exists());
    // What can be removed is, whatever stands before it.
    let output = run(&["rm", label.as_str(), name.as_str(), label.as_str()]);
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(3));
    assert_eq!(error.matches("no ring at").count(), 2, "{error}");
    assert!(!name.path().exists());
}

#[test]
fn a_ring_in_use_is_not_removed_unless_by_force() {
    let name = Name::new("in-use");
    let mut receiver = Process::start(&["recv", name.as_str()]);
    until("the reader is there", || state(&name, "consumer") == "alive");
    let error = expect(1, &["rm", name.as_str()]);
    assert!(error.contains("in use") && error.contains(&receiver.id().to_string()), "{error}");
    assert!(name.path().exists());
    assert_eq!(state(&name, "consumer"), "alive");
    // By its lease: what a killed process left is nobody's.
    receiver.kill();
    expect(0, &["rm", name.as_str()]);
    assert!(!name.path().exists());

    let mut sender = Process::start(&["send", name.as_str()]);
    until("the writer is there", || state(&name, "producer") == "alive");
    let error = expect(1, &["rm", name.as_str()]);
    do_as_told(0, &error);
    assert!(!name.path().exists());
    sender.say(b"into nothing");
    told(0, &sender.end());
}

/// The kind of lock that the right to read is enough for.
#[test]
fn what_a_reader_locks_is_removed_by_force_alone() {
    let name = Name::new("locked");
    drop(MessageRing::create(name.as_str(), &Options::new()).unwrap());
    let reader = std::fs::File::open(name.path()).unwrap();
    let lock = rustix::fs::FlockOperation::NonBlockingLockShared;
    rustix::fs::fcntl_lock(&reader, lock).unwrap();
    let error = expect(1, &["rm", name.as_str()]);
    assert!(error.contains("in use"), "{error}");
    assert!(name.path().exists());
    assert_eq!(state(&name, "producer"), "absent");
    do_as_told(0, &error);
    assert!(!name.path().exists());
}

/// As release 0.1 made it, for all that is looked at: page, kind and locks are where they were.
#[test]
fn a_ring_of_another_layout_is_removed_if_nobody_uses_it() {
    let name = Name::new("old");
    let set_version = |version: u8| {
        let file = std::fs::File::options().write(true).open(name.path()).unwrap();
        std::os::unix::fs::FileExt::write_all_at(&file, &[version], 8).unwrap();
    };
    let mut receiver = Process::start(&["recv", name.as_str()]);
    until("the reader is there", || state(&name, "consumer") == "alive");
    set_version(1);
    let error = expect(4, &["stat", name.as_str()]);
    assert!(error.contains("layout version 1"), "{error}");
    let in_use = do_as_told(1, &error);
    assert!(in_use.contains("in use") && in_use.contains(&receiver.id().to_string()), "{in_use}");
    receiver.kill();
    // What is unread in it nobody here knows.
    let error = expect(4, &["rm", name.as_str()]);
    assert!(name.path().exists());
    do_as_told(0, &error);
    assert!(!name.path().exists());

    // Where those of later layouts have their locks nobody knows.
    expect(0, &["create", name.as_str()]);
    set_version(3);
    let error = expect(4, &["rm", name.as_str()]);
    assert_eq!(error, expect(4, &["rm", "--unread", name.as_str()]));
    do_as_told(0, &error);
    assert!(!name.path().exists());
}

/// Runs the last command in backticks of an error or of its hint, which must end with `code`: what it said.
#[track_caller]
fn do_as_told(code: i32, error: &str) -> String {
    let (_, rest) =
        error.rsplit_once("`shm-ring ").unwrap_or_else(|| panic!("no command: {error}"));
    let (command, _) = rest.split_once('`').unwrap();
    expect(code, &command.split(' ').collect::<Vec<_>>())
}

#[test]
fn what_is_unread_goes_only_if_it_is_said() {
    let name = Name::new("unread");
    let ring = MessageRing::create(name.as_str(), &Options::new()).unwrap();
    ring.producer().unwrap().push(b"unread").unwrap();
    let error = expect(1, &["rm", name.as_str()]);
    assert!(error.contains("16 bytes that can still be read"), "{error}");
    assert!(expect(0, &["dump", name.as_str()]).contains("|unread|"));
    do_as_told(0, &error);
    assert!(!name.path().exists());
}

/// The errors of the library name a command where one helps: it helps.
#[test]
fn the_commands_that_errors_name_help() {
    let name = Name::new("told");
    let create = |options: &Options| MessageRing::create(name.as_str(), options);
    let region = || Region::named(name.as_str());
    let write = |offset: u64, bytes: &[u8]| {
        let file = std::fs::File::options().write(true).open(name.path()).unwrap();
        std::os::unix::fs::FileExt::write_all_at(&file, bytes, offset).unwrap();
    };
    type Spoil<'a> = &'a dyn Fn() -> Error;
    let told: [(&str, Spoil<'_>); 7] = [
        ("exists already", &|| create(&Options::new()).unwrap_err()),
        ("label", &|| {
            MessageRing::open_or_create(name.as_str(), &Options::new().label("v2")).unwrap_err()
        }),
        ("capacity", &|| {
            MessageRing::open_or_create(name.as_str(), &Options::new().bytes(4096)).unwrap_err()
        }),
        ("can still be read", &|| {
            MessageRing::open(name.as_str()).unwrap().producer().unwrap().push(b"x").unwrap();
            region().unlink_unused(&Options::new()).unwrap_err()
        }),
        ("contradict", &|| {
            // The consumer is ahead of the producer.
            write(2 * rustix::param::page_size() as u64, &[8]);
            region().unlink_unused(&Options::new()).unwrap_err()
        }),
        ("layout version 1", &|| {
            write(8, &[1]);
            MessageRing::open(name.as_str()).unwrap_err()
        }),
        ("layout version 7", &|| {
            write(8, &[7]);
            MessageRing::open(name.as_str()).unwrap_err()
        }),
    ];
    for (what, error) in told {
        drop(create(&Options::new()).unwrap());
        let error = error().to_string();
        assert!(error.contains(what), "{what}: {error}");
        do_as_told(0, &error);
        assert!(!name.path().exists(), "{what}");
    }
}

#[test]
fn what_is_no_ring_is_not_removed_even_by_force() {
    let (other, damaged) = (Name::new("precious"), Name::new("damaged"));
    for content in ["short", &"To be, or not to be".repeat(1000)] {
        std::fs::write(other.path(), content).unwrap();
        for force in [&[][..], &["--force"]] {
            expect(4, &[&["rm", other.as_str()], force].concat());
            assert!(other.path().exists());
        }
    }
    expect(0, &["create", damaged.as_str()]);
    let mut bytes = std::fs::read(damaged.path()).unwrap();
    bytes[60] ^= 1;
    std::fs::write(damaged.path(), bytes).unwrap();
    let error = expect(4, &["rm", damaged.as_str()]);
    do_as_told(0, &error);
    assert!(!damaged.path().exists());
    assert!(expect(3, &["rm", "--force", damaged.as_str()]).contains("no ring"));
}
