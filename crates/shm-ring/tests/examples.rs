//! Every example, run as a user runs it: the program itself with its two real processes, the interactive
//! ones on pseudo-terminals. It owns the children and their time limit; what the ring does is no matter of this
//! file.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

use rustix::fs::{Mode, OFlags};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

/// Far beyond what any of them takes: reaching it is a hang.
const LIMIT: Duration = Duration::from_secs(30);

/// A program that is started here. If the test ends before it does, it is killed and what it left removed.
struct Running {
    example: String,
    child: Child,
    output: Receiver<Vec<u8>>,
    /// What has been printed and not been waited for yet.
    printed: String,
    keyboard: Option<File>,
    deadline: Instant,
}

fn program(example: &str) -> Command {
    let ours = std::env::current_exe().unwrap();
    let built = ours.parent().and_then(|deps| deps.parent()).unwrap().join("examples");
    let program = built.join(example);
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("examples/{example}.rs"));
    let changed = |path: &Path| path.metadata().and_then(|found| found.modified()).ok();
    // `cargo test` builds them; with `--test examples` it does not.
    let fresh = changed(&program).is_some_and(|built| Some(built) >= changed(&source));
    assert!(fresh, "build it first: cargo build -p shm-ring --example {example}");
    Command::new(program)
}

/// Sends on everything that comes out of `from`, until its other end is closed.
fn read_all(mut from: impl Read + Send + 'static, to: Sender<Vec<u8>>) {
    std::thread::spawn(move || {
        let mut buffer = [0; 4096];
        // A terminal whose program has ended gives an error in place of an end.
        while let Ok(len @ 1..) = from.read(&mut buffer) {
            if to.send(buffer[..len].to_vec()).is_err() {
                break;
            }
        }
    });
}

impl Running {
    fn start(example: &str, arguments: &[&str]) -> Self {
        let mut command = program(example);
        command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let (to, output) = channel();
        read_all(child.stdout.take().unwrap(), to.clone());
        read_all(child.stderr.take().unwrap(), to);
        Self::of(example, child, output, None)
    }

    /// On a terminal of its own, on which [`type_line`](Self::type_line) types.
    fn on_terminal(example: &str, arguments: &[&str]) -> Self {
        let terminal =
            openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
        grantpt(&terminal).unwrap();
        unlockpt(&terminal).unwrap();
        let name = ptsname(&terminal, Vec::new()).unwrap();
        let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC;
        let screen: OwnedFd = rustix::fs::open(name, flags, Mode::empty()).unwrap();
        let mut command = program(example);
        let same = || Stdio::from(screen.try_clone().unwrap());
        command.args(arguments).stdin(same()).stdout(same()).stderr(same());
        let child = command.spawn().unwrap();
        let terminal = File::from(terminal);
        let (to, output) = channel();
        read_all(terminal.try_clone().unwrap(), to);
        Self::of(example, child, output, Some(terminal))
    }

    fn of(example: &str, child: Child, output: Receiver<Vec<u8>>, keyboard: Option<File>) -> Self {
        let example = example.to_owned();
        let deadline = Instant::now() + LIMIT;
        Self { example, child, output, printed: String::new(), keyboard, deadline }
    }

    /// What it calls its ring, if nobody tells it otherwise.
    fn name(&self) -> String {
        format!("shm-ring-{}-{}", self.example, self.child.id())
    }

    fn type_line(&mut self, line: &str) {
        self.keyboard.as_mut().unwrap().write_all(format!("{line}\n").as_bytes()).unwrap();
    }

    /// Waits for more output. False if there will be none.
    fn read_on(&mut self) -> bool {
        let left = self.deadline.saturating_duration_since(Instant::now());
        match self.output.recv_timeout(left) {
            Ok(bytes) => {
                self.printed.push_str(&String::from_utf8_lossy(&bytes).replace('\r', ""));
                true
            }
            Err(RecvTimeoutError::Disconnected) => false,
            Err(RecvTimeoutError::Timeout) => panic!("it hangs after {:?}", self.printed),
        }
    }

    /// Waits until `text` is printed. What stood before it.
    fn expect(&mut self, text: &str) -> String {
        loop {
            if let Some(at) = self.printed.find(text) {
                let rest = self.printed.split_off(at + text.len());
                return std::mem::replace(&mut self.printed, rest);
            }
            assert!(self.read_on(), "it ended without {text:?}: {:?}", self.printed);
        }
    }

    /// Waits for the end: how it ended, and the rest of its output.
    fn end(&mut self) -> (ExitStatus, String) {
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            assert!(Instant::now() < self.deadline, "it hangs after {:?}", self.printed);
            std::thread::sleep(Duration::from_millis(2));
        };
        while self.read_on() {}
        (status, std::mem::take(&mut self.printed))
    }

    /// The end of one that does well.
    fn end_well(&mut self) -> String {
        let (status, printed) = self.end();
        assert!(status.success(), "{status}: {printed}");
        printed
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        for path in names_with(&self.name()) {
            let _ = std::fs::remove_file(path);
        }
    }
}

/// Names under /dev/shm that have `part` in them.
fn names_with(part: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir("/dev/shm").unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    paths.filter(|path| path.to_string_lossy().contains(part)).collect()
}

/// A name of this test's own, removed when it goes.
struct Name(String);

impl Name {
    fn new(what: &str) -> Self {
        Self(format!("/shm-ring-example-{what}-{}", std::process::id()))
    }
}

impl Drop for Name {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(format!("/dev/shm{}", self.0));
    }
}

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
    assert_lines(&printed, &["has 4294967296 bytes of data", "it takes ", ", mode 0600"]);
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
    receiver.expect(&format!("the sender (process {}) died; start it again\n", sender.child.id()));
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
        "a look at the first message: channel 1\n\
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
            "writer: 255 of 255 pushed; then: the ring stayed full until the deadline\n",
            "writer: the reader is Absent\n",
            "reader: 257 popped in order; the writer has closed\n",
        ],
    );
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
}

#[test]
fn log_shipping() {
    let printed = run("log-shipping", &[]);
    assert_lines(
        &printed,
        &[
            " INFO started\n",
            " INFO request 1 took 1 ms\n",
            " WARN request 5 took 25 ms\n",
            " WARN request 10 took 100 ms\n",
            "ERROR about to die, 0 lines dropped\n",
            "the program died, and that was its last word\n",
        ],
    );
}

/// An example without a test here would rot, and one that README does not name would not be found.
#[test]
fn every_example_has_a_test_and_is_in_the_readme() {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let tests = std::fs::read_to_string(root.join("tests/examples.rs")).unwrap();
    let readme = std::fs::read_to_string(root.join("../../README.md")).unwrap();
    for entry in std::fs::read_dir(root.join("examples")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        assert!(tests.contains(&format!("(\"{name}\", ")), "{name} is not run");
        assert!(readme.contains(&format!("`{name}")), "README does not name {name}");
    }
}
