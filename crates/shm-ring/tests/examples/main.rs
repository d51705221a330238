//! Every example, run as a user runs it: the program itself with its two real processes, the interactive
//! ones on pseudo-terminals. What the ring does is no matter of these tests.

mod running;

use std::path::PathBuf;

use running::{Name, Running, names_with};

/// Runs an example that starts its other half itself: what it printed. Nothing may be left of it.
fn run(example: &str, arguments: &[&str]) -> String {
    let mut running = Running::start(example, arguments);
    let printed = running.end_well();
    assert_eq!(names_with(&running.name()), Vec::<PathBuf>::new());
    printed
}

fn assert_lines(printed: &str, lines: &[&str]) {
    let mut rest = printed;
    for line in lines {
        let at = rest.find(line).unwrap_or_else(|| panic!("{line:?} is missing: {printed}"));
        rest = &rest[at + line.len()..];
    }
}

#[test]
fn hello() {
    let printed = run("hello", &[]);
    assert_lines(&printed, &["has popped tick 1: 101", "has popped tick 5: 105"]);
    assert_lines(&printed, &["the writer has closed: Closed { session: 2 }", "exit status: 0"]);
}

#[test]
fn shm_struct() {
    let name = Name::new("struct");
    let mut writer = Running::start("shm-struct", &["write", &name.0]);
    let printed = writer.end_well();
    assert_lines(&printed, &["has room for 3999999996 bytes", "it takes ", ", mode 0600"]);
    let taken = printed.split("it takes ").nth(1).unwrap().split(' ').next().unwrap();
    assert!(taken.parse::<u64>().unwrap() < 1 << 20, "{taken}");
    let (status, printed) = Running::start("shm-struct", &["write", &name.0]).end();
    assert!(!status.success());
    assert_lines(&printed, &[&name.0, "exists already"]);
    let printed = Running::start("shm-struct", &["read", &name.0]).end_well();
    assert_eq!(printed, "first 100, second 876, third 8021\n");
    let (status, printed) = Running::start("shm-struct", &["read", &name.0]).end();
    assert!(!status.success());
    assert_lines(&printed, &["no ring at", &name.0]);
}

#[test]
fn sysv_binary() {
    let name = Name::new("binary");
    let mut sender = Running::on_terminal("sysv-binary", &["send", &name.0]);
    // More than one in flight: there is no receiver yet.
    for line in ["first", "second", "third"] {
        sender.expect("Enter some text: ");
        sender.type_line(line);
    }
    sender.expect("third");
    sender.expect("Enter some text: ");
    let mut receiver = Running::on_terminal("sysv-binary", &["receive", &name.0]);
    receiver.expect("You wrote: first\nYou wrote: second\nYou wrote: third\n");
    sender.type_line("and one to a receiver that waits");
    receiver.expect("You wrote: and one to a receiver that waits\n");
    sender.child.kill().unwrap();
    receiver.expect("the sender died; start it again\n");
    let mut sender = Running::on_terminal("sysv-binary", &["send", &name.0]);
    sender.type_line("from the next one");
    receiver.expect("You wrote: from the next one\n");
    sender.type_line("end");
    sender.end_well();
    assert_eq!(receiver.end_well(), "");
    assert_eq!(names_with(&name.0[1..]), Vec::<PathBuf>::new());
}

#[test]
fn sysv_two() {
    let name = Name::new("two");
    let mut receiver = Running::on_terminal("sysv-two", &["receive", &name.0]);
    let mut sender = Running::on_terminal("sysv-two", &["send", &name.0]);
    sender.expect("write data: ");
    sender.type_line("one line");
    receiver.expect("ONE LINE\n");
    sender.type_line("gr\u{fc}\u{df}e");
    receiver.expect("GR\u{dc}SSE\n");
    sender.child.kill().unwrap();
    receiver.expect("the sender died; start it again\n");
    let mut sender = Running::on_terminal("sysv-two", &["send", &name.0]);
    sender.type_line("from the next one");
    receiver.expect("FROM THE NEXT ONE\n");
    sender.type_line("end");
    sender.end_well();
    assert_eq!(receiver.end_well(), "");
    assert_eq!(names_with(&name.0[1..]), Vec::<PathBuf>::new());
}

#[test]
fn two_terminals() {
    let name = Name::new("terminals");
    let mut consumer = Running::on_terminal("consumer", &[&name.0]);
    consumer.expect("the producer is Absent\n");
    let mut producer = Running::on_terminal("producer", &[&name.0]);
    producer.expect("an empty one ends\n");
    producer.type_line("a line");
    consumer.expect("A LINE\n");
    producer.type_line("");
    producer.end_well();
    consumer.expect("the producer has closed\n");
    consumer.end_well();
    assert_eq!(names_with(&name.0[1..]), Vec::<PathBuf>::new());
}

/// The numbers that a reader of a counter printed.
fn counts(printed: &str) -> Vec<u64> {
    let number = |line: &str| line.split(' ').next().unwrap().parse().unwrap();
    printed.lines().map(number).collect()
}

#[test]
fn sysv_counter() {
    let name = Name::new("counter");
    // A reader that is there first.
    let printed = Running::start("sysv-counter", &["read", &name.0, "1"]).end_well();
    assert_eq!(printed, "nothing yet\n".repeat(10));
    let mut writer = Running::start("sysv-counter", &["write", &name.0, "1"]);
    assert_eq!(writer.end_well(), "counting on from 0\n");
    let mut writer = Running::start("sysv-counter", &["write", &name.0, "20"]);
    writer.expect("counting on from 50\n");
    let printed = Running::start("sysv-counter", &["read", &name.0, "30"]).end_well();
    let seen = counts(&printed);
    assert!(seen.len() == 10 && seen.is_sorted() && seen[0] >= 50 && seen[9] > 50, "{printed}");
    assert!(printed.lines().zip(&seen).all(|(line, n)| line == format!("{n} from 192.168.0.{n}")));
    assert_eq!(names_with(&name.0[1..]), Vec::<PathBuf>::new());
    writer.end_well();

    let mut writer = Running::start("sysv-counter", &["write", &name.0, "1000"]);
    writer.expect("counting on from 0\n");
    writer.child.kill().unwrap();
    writer.child.wait().unwrap();
    let printed = Running::start("sysv-counter", &["read", &name.0, "1"]).end_well();
    let dead = "the writer died; this is its last number:\n";
    assert_eq!(printed.matches(dead).count(), 10, "{printed}");
}

#[test]
fn file_counter() {
    let path = std::env::temp_dir().join(format!("shm-ring-file-counter-{}", std::process::id()));
    let file = path.to_str().unwrap();
    let mut writer = Running::start("file-counter", &["write", file, "20"]);
    writer.expect("counting on from 0");
    let seen = counts(&Running::start("file-counter", &["read", file, "20"]).end_well());
    assert!(seen.len() == 10 && seen.windows(2).all(|two| two[0] < two[1]), "{seen:?}");
    writer.end_well();
    let printed = Running::start("file-counter", &["read", file, "1"]).end_well();
    assert_lines(&printed, &["50\n", "nothing new was written, and the writer has closed\n"]);
    std::fs::remove_file(path).unwrap();
}

#[test]
fn fork() {
    let printed = run("fork", &[]);
    assert_lines(&printed, &["from the child\n", "to its parent\n", "without a name\n"]);
    assert_lines(&printed, &["the child has closed: Closed { session: 2 }\n"]);
}

#[test]
fn memfd_over_socket() {
    let printed = run("memfd-over-socket", &[]);
    assert_lines(&printed, &["the numbers in it sum up to 500500\n"]);
    let ids: Vec<&str> = printed.lines().filter_map(|line| line.split(" ring ").nth(1)).collect();
    assert!(
        matches!(ids[..], [sent, received] if sent == received && sent.len() == 32),
        "{printed}"
    );
}

#[test]
fn in_place() {
    assert_eq!(
        run("in-place", &[]),
        "4 samples, the first 0: mean 15\n\
         4 samples, the first 20: mean 35\n\
         4 samples, the first 40: mean 55\n\
         4 samples, the first 60: mean 75\n\
         2 samples, the first 80: mean 85\n\
         a look at the first message: channel 1\n\
         channel 1: word-0 word-1 word-2\n\
         channel 2: 7 bytes, skipped\n\
         channel 1: word-0 word-1 word-2 word-3 word-4\n\
         that was all of it\n"
    );
}

#[test]
fn batches() {
    let printed = run("batches", &[]);
    assert_lines(&printed, &["popped 1000000 numbers in ", "they sum up to 499999500000\n"]);
}

#[test]
fn timeouts() {
    let printed = run("timeouts", &[]);
    assert_lines(
        &printed,
        &[
            "writer: 256 of 256 pushed; then: the ring stayed full until the deadline\n",
            "writer: the reader is Absent\n",
            "reader: 258 popped in order; the writer has closed\n",
        ],
    );
}

#[test]
fn exactly_once() {
    let printed = run("exactly-once", &[]);
    assert!(printed.contains("100 numbers in the ring are in the sum already"), "{printed}");
    assert!(printed.contains("the sum is 50005000, and 50005000 is right"), "{printed}");
}

#[test]
fn restart() {
    let printed = run("restart", &[]);
    assert_lines(
        &printed,
        &[
            "life 1: ",
            "; then: the ring is empty and its producer died\n",
            "life 2: ",
            "; then: the ring is empty and its producer died\n",
            "life 3: ",
            "; then: the ring is empty and its producer has closed it\n",
        ],
    );
}

#[test]
fn many_rings() {
    let printed = run("many-rings", &[]);
    for lines in [
        &["20.5 degrees\n", "20.7 degrees\n", "21.1 degrees\n"][..],
        &["count 1\n", "count 2\n", "count 3\n", "count 4\n", "count 5\n"],
        &["a message of any length\n"],
    ] {
        assert_lines(&printed, lines);
        assert_lines(&printed, &[lines.last().unwrap(), "all three have closed\n"]);
    }
}

#[test]
fn tick_feed() {
    let printed = run("tick-feed", &["200", "1"]);
    assert_lines(&printed, &["200 ticks, mean price 102.9", "p50 ", "us late", "p99.9", "max"]);
    let (status, printed) = Running::start("tick-feed", &["0", "1"]).end();
    assert!(!status.success());
    assert_eq!(printed, "at least one tick a second\n");
}

#[test]
fn broadcast() {
    let printed = run("broadcast", &[]);
    assert_eq!(printed.matches("quick: ").count(), 2, "{printed}");
    assert_eq!(printed.matches("10000 in all\n").count(), 3, "{printed}");
    // It goes on in the middle of what is kept, 1023 numbers.
    assert_lines(&printed, &["slow: 512 numbers taken, 9488 lost, 10000 in all\n"]);
}

/// An example without a test here would rot, and one that their README does not name would not be found.
#[test]
fn every_example_has_a_test_and_is_in_the_readme() {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let tests = std::fs::read_to_string(root.join("tests/examples/main.rs")).unwrap();
    let readme = std::fs::read_to_string(root.join("examples/README.md")).unwrap();
    for entry in std::fs::read_dir(root.join("examples")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "rs") {
            continue;
        }
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        assert!(tests.contains(&format!("(\"{name}\", ")), "{name} is not run");
        assert!(readme.contains(&format!("`{name}")), "README does not name {name}");
    }
}
