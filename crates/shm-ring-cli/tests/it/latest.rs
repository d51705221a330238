//! Regions of a latest value: the commands that look at rings show them, and those that remove rings leave
//! them alone as long as somebody writes, or what was written may still be read.

use shm_ring::{Latest, Options};

use crate::house::{Name, expect, json, run, state};

#[test]
fn those_who_look_see_its_writer_and_its_value() {
    let name = Name::new("latest");
    let options = Options::new().label("pose");
    let latest = Latest::<[u8; 20]>::create(name.as_str(), &options).unwrap();
    let mut writer = latest.writer().unwrap();
    assert_eq!(expect(0, &["dump", name.as_str()]), "", "nothing was written yet");
    for n in 1..=50 {
        writer.write([n; 20]);
    }
    let listing = String::from_utf8(run(&["ls"]).stdout).unwrap();
    let line = listing.lines().find(|line| line.starts_with(name.as_str())).unwrap();
    let fields: Vec<&str> = line.split('\t').collect();
    assert_eq!(fields[1..4], ["latest of 20 B", "4 KiB", "-"]);
    assert!(fields[4].ends_with(&format!(" {}", std::process::id())), "{line}");
    assert_eq!(fields[5], "-", "nobody knows who reads");

    let found = json(&["stat", name.as_str()]);
    let seen = (&found["kind"], &found["published_records"], &found["unread_records"]);
    assert_eq!(seen, (&"latest".into(), &50.into(), &serde_json::Value::Null));
    assert_eq!((&found["producer"]["state"], &found["corrupt"]), (&"alive".into(), &false.into()));
    let text = expect(0, &["stat", name.as_str()]);
    let history = "the newest 31 values";
    for expected in
        ["latest of 20 B", "\"pose\"", "32 slots, 4096 B", history, "written      50 times"]
    {
        assert!(text.contains(expected), "{expected}: {text}");
    }
    assert!(!text.contains("unread") && !text.contains("consumer"), "{text}");

    let text = expect(0, &["dump", name.as_str()]);
    assert!(text.contains("32 32 32 32") && text.contains("|2222222222222222|"), "{text}");
    let found = json(&["dump", name.as_str()]);
    assert_eq!((&found["records"][0]["len"], &found["corrupt"]), (&20.into(), &false.into()));
    assert_eq!(found["records"][0]["hex"], "32".repeat(20));

    let top = ["top", "--count", "1", "--interval", "10ms", name.as_str()];
    let text = expect(0, &top);
    let fields: Vec<&str> = text.trim_end().split('\t').collect();
    assert_eq!(fields[..6], [name.as_str(), "0", "-", "-", "-", "-"]);
    // Messages cannot be had from it.
    assert!(expect(4, &["recv", name.as_str()]).contains("latest value"));
}

#[test]
fn those_who_remove_leave_it_while_it_is_written_or_may_be_read() {
    let name = Name::new("latest-removed");
    let latest = Latest::<u64>::create(name.as_str(), &Options::new()).unwrap();
    let garbage = |arguments: &[&str]| {
        let all = json(&[&["gc", "--dry-run", "--older-than", "0"], arguments].concat());
        all["removed"].as_array().unwrap().iter().any(|ring| ring["name"] == name.as_str())
    };
    assert!(garbage(&[]), "never written");
    let mut writer = latest.writer().unwrap();
    assert!(!garbage(&["--unread"]), "somebody writes");
    writer.write(7);
    let refused = expect(1, &["rm", name.as_str()]);
    assert!(refused.contains("its writer is process"), "{refused}");
    drop(writer);
    assert_eq!(state(&name, "producer"), "closed");
    assert!(!garbage(&[]), "somebody may read it");
    assert!(garbage(&["--unread"]));
    let refused = expect(1, &["rm", name.as_str()]);
    assert!(refused.contains("8 bytes that can still be read"), "{refused}");
    expect(0, &["rm", "--unread", name.as_str()]);
    assert!(!name.path().exists());
}
