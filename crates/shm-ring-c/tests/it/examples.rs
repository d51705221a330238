//! The examples, each as two processes, compiled without a warning.
//!
//! Owns: what they are to print. Knows nothing of: how they do it.

use std::io::Write;
use std::path::Path;
use std::process::Stdio;

use crate::installed::{Name, Running, compile, has, program, run};

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
fn the_feed_handler_sees_every_quote_of_a_feed_that_is_killed_and_started_again() {
    if !(has("g++") && has("pkg-config")) {
        return;
    }
    let path = compile("g++", "examples/feed-handler.cpp", &[]);
    let name = Name::new("quotes");
    let book = Name(format!("{}-book", name.0));
    let mut handler = Running::start(&path, &["handle", &name.0, &name.0]);
    let feed = Running::start(&path, &["feed", "1000000000", &name.0]);
    // It is alive once the book is there.
    let is_there = || Path::new(&format!("/dev/shm{}", book.0)).exists();
    while !is_there() {
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
    feed.kill();
    assert_eq!(handler.line(), "the feed died; start it again\n");
    let so_far = {
        use shm_ring::Observer;
        Observer::open(name.0.as_str()).unwrap().snapshot().published / 32
    };
    let count = so_far + 10_000;
    output(&path, &["feed", &count.to_string(), &name.0]);
    let printed = handler.printed();
    assert!(printed.starts_with(&format!("{count} quotes, best 10000 / 10100")), "{printed}");
    assert!(output(&path, &["watch", "", &name.0]).ends_with(": 10000 / 10100\n"));
}
