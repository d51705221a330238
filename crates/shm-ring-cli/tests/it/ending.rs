//! How the two processes end when something else than the end of the input happens: exit codes, time-outs,
//! kills, pipes that nobody reads.

use shm_ring::{Latest, MessageProducer, MessageRing, Observer, Options};

use crate::house::{Name, Process, expect, program, run, state, told, until};

#[test]
fn a_writer_that_is_killed_is_an_error_after_what_it_published() {
    let name = Name::new("killed-writer");
    let mut sender = Process::start(&["send", name.as_str(), "--lines"]);
    let mut receiver = Process::start(&["recv", name.as_str(), "--lines"]);
    sender.say(b"one\ntwo\n");
    assert_eq!(receiver.hear(8), b"one\ntwo\n");
    sender.say(b"three\n");
    until("it is published", || Observer::open(name.as_str()).unwrap().snapshot().tail == 48);
    sender.kill();
    let received = receiver.end();
    assert!(told(5, &received).contains("the producer died"));
    assert_eq!(received.stdout, b"three\n");
    // Its stream goes on where it stopped.
    let mut receiver = Process::start(&["recv", name.as_str(), "--lines"]);
    until("the reader is there", || state(&name, "consumer") == "alive");
    let mut sender = Process::start(&["send", name.as_str(), "--lines"]);
    sender.say(b"four\n");
    assert_eq!(receiver.hear(5), b"four\n");
    told(0, &sender.end());
    told(0, &receiver.end());
    assert!(!name.path().exists());
}

#[test]
fn a_writer_that_fails_is_no_end_of_the_stream() {
    let name = Name::new("failed-writer");
    let arguments = ["send", name.as_str(), "--bytes", "4K", "--timeout", "10ms"];
    let mut first = program(&[&arguments[..], &["--from", "/dev/zero"]].concat());
    assert!(told(6, &Process::of(&mut first).end()).contains("deadline"));
    assert_eq!(state(&name, "producer"), "dead", "it has not closed");
    // The next one is told what the reader will get before its own.
    let mut second = program(&["send", name.as_str(), "--from", "/dev/null"]);
    let note = String::from_utf8(second.output().unwrap().stderr).unwrap();
    assert!(note.contains("of an earlier sender are unread"), "{note}");
    let listed = String::from_utf8(run(&["ls"]).stdout).unwrap();
    let line = listed.lines().find(|line| line.starts_with(name.as_str())).unwrap();
    assert!(!line.contains("\t0 %\t"), "{line}");
}

#[test]
fn a_reader_that_is_killed_is_an_error_once_the_ring_is_full() {
    let name = Name::new("killed-reader");
    let mut receiver = Process::start(&["recv", name.as_str(), "--bytes", "4K"]);
    until("the reader is there", || state(&name, "consumer") == "alive");
    let mut sender = Process::start(&["send", name.as_str()]);
    sender.say(b"first");
    assert_eq!(receiver.hear(5), b"first");
    receiver.kill();
    let sending = std::thread::spawn(move || {
        // The pipe breaks when the writer gives up.
        let _ =
            std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| sender.say(&[0; 1 << 20])));
        sender.end()
    });
    assert!(told(5, &sending.join().unwrap()).contains("consumer died"));
}

#[test]
fn waiting_ends_by_the_time_out() {
    let name = Name::new("late");
    assert!(expect(6, &["recv", name.as_str(), "--timeout", "10ms"]).contains("deadline"));
    let sent = program(&["send", name.as_str(), "--timeout", "10ms", "--from", "/dev/zero"]);
    let mut sent = sent;
    assert!(told(6, &Process::of(&mut sent).end()).contains("deadline"));
    // A reader that has closed, and one whose end is not the writer's.
    let name = Name::new("late-kept");
    expect(0, &["create", name.as_str(), "--bytes", "4K"]);
    drop(MessageRing::open(name.as_str()).unwrap().consumer().unwrap());
    drop(MessageProducer::open(name.as_str()).unwrap());
    let arguments = [name.as_str(), "--timeout", "20ms"];
    // An empty stream that was closed before has ended, once.
    expect(0, &[&["recv"][..], &arguments].concat());
    expect(6, &[&["recv"][..], &arguments].concat());
    expect(6, &[&["send"][..], &arguments, &["--from", "/dev/zero"]].concat());
}

#[test]
fn a_reader_that_goes_early_ends_the_writer() {
    let name = Name::new("head");
    let mut receiver = Process::start(&["recv", name.as_str()]);
    until("the reader is there", || state(&name, "consumer") == "alive");
    let mut sender = Process::of(&mut program(&["send", name.as_str(), "--from", "/dev/zero"]));
    receiver.hear(10);
    // As `recv | head` does: the reader is quiet about it.
    receiver.close_output();
    let received = receiver.end();
    told(0, &received);
    let error = told(1, &sender_end(&mut sender));
    assert!(error.contains("closed"), "{error}");
}

fn sender_end(sender: &mut Process) -> std::process::Output {
    std::mem::replace(sender, Process::of(&mut program(&["--version"]))).end()
}

#[test]
fn what_cannot_be_is_told_by_its_exit_code() {
    let (name, other) = (Name::new("codes"), Name::new("latest"));
    for command in ["stat", "rm"] {
        assert!(expect(3, &[command, name.as_str()]).contains("no ring at"), "{command}");
    }
    for missing in ["4294967295:0", "/dev/shm/../shm/shm-ring-cli-it-missing", "1:4294967295"] {
        expect(3, &["stat", missing]);
    }
    for nothing in [&["recv"][..], &["nonsense"], &["recv", "x", "--raw", "--lines"], &["recv", ""]]
    {
        expect(2, nothing);
    }
    expect(2, &["create", name.as_str(), "--bytes", "many"]);
    drop(Latest::<u64>::create(other.as_str(), &Options::new()).unwrap());
    for command in ["send", "recv"] {
        let error = expect(4, &[command, other.as_str()]);
        assert!(error.contains("latest value") && error.contains("messages"), "{error}");
    }
    std::fs::write(name.path(), "To be, or not to be").unwrap();
    set_mode(&name, 0o600);
    expect(4, &["stat", name.as_str()]);
    expect(4, &["recv", name.as_str()]);
    // A descriptor that no ring can be in.
    let (pipe, _other_end) = std::io::pipe().unwrap();
    let fd = std::os::fd::AsRawFd::as_raw_fd(&pipe);
    expect(1, &["stat", &format!("{}:{fd}", std::process::id())]);
    expect(1, &["create", other.as_str()]);
}

#[test]
fn a_role_that_is_taken_is_named() {
    let name = Name::new("taken");
    let mut first = Process::start(&["recv", name.as_str()]);
    until("the reader is there", || state(&name, "consumer") == "alive");
    let error = expect(1, &["recv", name.as_str()]);
    assert!(error.contains("consumer") && error.contains(&first.id().to_string()), "{error}");
    assert_eq!(state(&name, "consumer"), "alive");
    assert_eq!(run(&["send", name.as_str()]).status.code(), Some(0));
    told(0, &first.end());
}

fn set_mode(name: &Name, mode: u32) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(name.path(), std::fs::Permissions::from_mode(mode)).unwrap();
}
