//! The examples, each as two processes, compiled without a warning.
//!
//! Owns: what they are to print. Knows nothing of: how they do it.

use std::io::Write;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use shm_ring::Observer;

use crate::installed::{Name, Running, compile, has, here, program, run, scratch};

fn output(path: &Path, arguments: &[&str]) -> String {
    String::from_utf8(run(program(path).args(arguments)).stdout).unwrap()
}

#[test]
fn shm_struct_hands_over_three_numbers_and_removes_the_region() {
    if !(has("gcc") && has("pkg-config")) {
        return;
    }
    let path = compile("gcc", "examples/shm-struct.c", &[]);
    let name = Name::new("shm-struct");
    let written = output(&path, &["write", &name.0]);
    assert!(written.contains("has room for 3999999996 bytes"), "{written}");
    assert!(written.contains("mode 0600"), "{written}");
    assert_eq!(output(&path, &["read", &name.0]), "first 100, second 876, third 8021\n");
    assert!(!Path::new(&format!("/dev/shm{}", name.0)).exists());
}

#[test]
fn sysv_two_goes_on_with_the_next_sender() {
    if !(has("gcc") && has("pkg-config")) {
        return;
    }
    let path = compile("gcc", "examples/sysv-two.c", &[]);
    let name = Name::new("sysv-two");
    let mut receiver = Running::start(&path, &["receive", &name.0]);
    let send = |text: &str| {
        let mut sender = program(&path);
        sender.args(["send", &name.0]).stdin(Stdio::piped()).stdout(Stdio::null());
        let mut sender = sender.spawn().unwrap();
        sender.stdin.as_mut().unwrap().write_all(text.as_bytes()).unwrap();
        sender
    };
    let mut first = send("one line\n");
    assert_eq!(receiver.line(), "ONE LINE\n");
    first.kill().unwrap();
    first.wait().unwrap();
    assert_eq!(receiver.line(), "the sender died; start it again\n");
    let mut second = send("another\nend\n");
    assert_eq!(receiver.printed(), "ANOTHER\n");
    assert!(second.wait().unwrap().success());
    assert!(!Path::new(&format!("/dev/shm{}", name.0)).exists());
}

#[test]
fn an_event_loop_serves_a_ring_beside_a_timer() {
    if !(has("gcc") && has("pkg-config")) {
        return;
    }
    let path = compile("gcc", "examples/event-loop.c", &[]);
    let name = Name::new("event-loop");
    let mut server = Running::start(&path, &["serve", &name.0]);
    // Killed in the middle, and started again.
    let feed = Running::start(&path, &["feed", &name.0, "1000000000000"]);
    let published = || Observer::open(name.0.as_str()).ok()?.snapshot().published_records();
    let deadline = Instant::now() + Duration::from_secs(60);
    while published().is_none_or(|count| count < 10_000) {
        assert!(Instant::now() < deadline, "nothing is published");
        std::thread::sleep(Duration::from_millis(1));
    }
    feed.kill();
    assert_eq!(server.line(), "the feed died; start it again\n");
    let count = published().unwrap();
    assert_eq!(server.line(), format!("silence after {count} measurements\n"));
    let end = count.next_multiple_of(100);
    output(&path, &["feed", &name.0, &end.to_string()]);
    assert_eq!(server.printed(), format!("{end} measurements, mean 49.50\n"));
}

#[test]
fn the_feed_handler_sees_every_quote_of_a_feed_that_is_killed_and_started_again() {
    if !(has("g++") && has("pkg-config")) {
        return;
    }
    let path = compile("g++", "examples/feed-handler.cpp", &[]);
    let name = Name::new("quotes");
    let _book = Name(format!("{}-book", name.0));
    let mut handler = Running::start(&path, &["handle", &name.0, &name.0]);
    let feed = Running::start(&path, &["feed", "1000000000", &name.0]);
    // Killed in the middle: some quotes are there, and more are to come.
    let published = || {
        let observer = Observer::open(name.0.as_str()).ok()?;
        observer.snapshot().published_records().filter(|count| *count > 0)
    };
    let deadline = Instant::now() + Duration::from_secs(60);
    while published().is_none() {
        assert!(Instant::now() < deadline, "nothing is published");
        std::thread::sleep(Duration::from_millis(1));
    }
    feed.kill();
    assert_eq!(handler.line(), "the feed died; start it again\n");
    let count = published().unwrap() + 10_000;
    output(&path, &["feed", &count.to_string(), &name.0]);
    let printed = handler.printed();
    assert!(printed.starts_with(&format!("{count} quotes, best 10000 / 10100")), "{printed}");
    assert!(output(&path, &["watch", "", &name.0]).ends_with(": 10000 / 10100\n"));
}

/// The two programs of README.md, as they stand there.
#[test]
fn the_programs_of_the_readme_understand_each_other() {
    if !(has("gcc") && has("pkg-config")) {
        return;
    }
    let text = std::fs::read_to_string(here().join("README.md")).unwrap();
    let name = Name::new("readings");
    let mut programs = text.split("```c\n").skip(1).map(|behind| {
        let code = behind.split_once("```").unwrap().0;
        let file = code.split_whitespace().nth(1).unwrap();
        let code = code.replace("\"/readings\"", &format!("\"{}\"", name.0));
        let path = scratch().join(file);
        // Fewer readings: they come a hundred times a second.
        std::fs::write(&path, code.replace("i < 1000", "i < 20")).unwrap();
        compile("gcc", path.to_str().unwrap(), &[])
    });
    let (sensor, display) = (programs.next().unwrap(), programs.next().unwrap());
    assert_eq!(programs.next(), None);
    let sensor = Running::start(&sensor, &[""; 0]);
    let printed = Running::start(&display, &[""; 0]).printed();
    sensor.printed();
    let lines: Vec<&str> = printed.lines().collect();
    assert!(lines.len() == 20 && lines[19].starts_with("29.0 after "), "{printed}");
}
