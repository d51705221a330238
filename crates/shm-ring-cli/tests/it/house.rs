//! Processes, names and time limits. Whatever happens to a test, its processes are killed and its names
//! removed.

use std::io::{Read, Write};
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use serde_json::Value;

/// Far beyond what anything here takes: reaching it is a hang.
pub(crate) const LIMIT: Duration = Duration::from_secs(30);

/// A name under /dev/shm that nobody else has, removed when dropped.
pub(crate) struct Name(String);

impl Name {
    pub(crate) fn new(what: &str) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        Self(format!("shm-ring-cli-it-{}-{count}-{what}", std::process::id()))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    pub(crate) fn path(&self) -> PathBuf {
        PathBuf::from("/dev/shm").join(&self.0)
    }
}

impl Drop for Name {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(self.path());
    }
}

pub(crate) fn program(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_shm-ring"));
    command.args(arguments).stdin(Stdio::null()).env_remove("NO_COLOR").env("TERM", "xterm");
    command
}

/// A process that does not outlive the test that started it.
pub(crate) struct Process(Option<Child>);

impl Process {
    pub(crate) fn start(arguments: &[&str]) -> Self {
        Self::of(program(arguments).stdin(Stdio::piped()))
    }

    pub(crate) fn of(command: &mut Command) -> Self {
        Self(Some(command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()))
    }

    /// Of one that was started with other streams.
    pub(crate) fn from(child: Child) -> Self {
        Self(Some(child))
    }

    fn child(&mut self) -> &mut Child {
        self.0.as_mut().expect("it is there until it ends")
    }

    pub(crate) fn id(&mut self) -> u32 {
        self.child().id()
    }

    pub(crate) fn say(&mut self, bytes: &[u8]) {
        self.child().stdin.as_mut().unwrap().write_all(bytes).unwrap();
    }

    /// The next `len` bytes that it says. Fails if they do not come.
    pub(crate) fn hear(&mut self, len: usize) -> Vec<u8> {
        use rustix::event::{PollFd, PollFlags, poll};
        let output = self.child().stdout.as_mut().unwrap();
        let mut bytes = vec![0; len];
        let mut heard = 0;
        while heard < len {
            let limit = LIMIT.try_into().unwrap();
            let there = poll(&mut [PollFd::new(output, PollFlags::IN)], Some(&limit)).unwrap();
            assert!(there > 0, "it says nothing more than {:?}", &bytes[..heard]);
            let more = output.read(&mut bytes[heard..]).unwrap();
            assert!(more > 0, "it ended after {:?}", &bytes[..heard]);
            heard += more;
        }
        bytes
    }

    pub(crate) fn close_output(&mut self) {
        self.child().stdout = None;
    }

    /// Kills it and waits until the kernel has cleaned up.
    pub(crate) fn kill(&mut self) {
        self.child().kill().unwrap();
        self.child().wait().unwrap();
    }

    /// Closes its input, if that is still open, and waits for its end.
    pub(crate) fn end(mut self) -> Output {
        let mut child = self.0.take().expect("it is there until it ends");
        drop(child.stdin.take());
        let (mut out, mut err) = (child.stdout.take(), child.stderr.take());
        let all = |pipe: &mut Option<_>| read_all(pipe);
        let errors = std::thread::spawn(move || all(&mut err));
        let reading = std::thread::spawn(move || read_all(&mut out));
        let start = Instant::now();
        let status = loop {
            if let Some(status) = child.try_wait().unwrap() {
                break status;
            }
            if start.elapsed() > LIMIT {
                let _ = child.kill();
                panic!("it does not end");
            }
            std::thread::sleep(Duration::from_millis(1));
        };
        let (stdout, stderr) = (reading.join().unwrap(), errors.join().unwrap());
        Output { status, stdout, stderr }
    }
}

fn read_all(pipe: &mut Option<impl Read>) -> Vec<u8> {
    let mut bytes = Vec::new();
    if let Some(pipe) = pipe {
        pipe.read_to_end(&mut bytes).unwrap();
    }
    bytes
}

impl Drop for Process {
    fn drop(&mut self) {
        if let Some(child) = &mut self.0 {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

pub(crate) fn run(arguments: &[&str]) -> Output {
    Process::of(&mut program(arguments)).end()
}

/// Runs it, which must end with `code`: what it said on standard output, or on standard error if that is
/// no success.
#[track_caller]
pub(crate) fn expect(code: i32, arguments: &[&str]) -> String {
    told(code, &run(arguments))
}

/// What was said by a process that must have ended with `code`. A failure is one line and one hint.
#[track_caller]
pub(crate) fn told(code: i32, output: &Output) -> String {
    let err = String::from_utf8(output.stderr.clone()).unwrap();
    assert_eq!(output.status.code(), Some(code), "{}: {err}", output.status);
    if code == 0 {
        assert_eq!(err, "", "nothing is wrong");
        return String::from_utf8_lossy(&output.stdout).into_owned();
    }
    if code != 2 {
        let lines: Vec<&str> = err.lines().collect();
        let two =
            lines.len() == 2 && lines[0].starts_with("error: ") && lines[1].starts_with(" hint: ");
        assert!(two, "not one line and one hint: {err}");
    }
    err
}

/// Runs it, which must be a success, with --json, and checks the number of the schema.
#[track_caller]
pub(crate) fn json(arguments: &[&str]) -> Value {
    let text = expect(0, &[arguments, &["--json"]].concat());
    let value: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(value["schema"], 2, "{text}");
    value
}

/// Looks again and again until `done`, and fails after [`LIMIT`].
pub(crate) fn until(what: &str, mut done: impl FnMut() -> bool) {
    let start = Instant::now();
    while !done() {
        assert!(start.elapsed() < LIMIT, "waited in vain until {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// The state of a side, as `stat` has it; empty if there is no ring, or if it is just attaching.
pub(crate) fn state(name: &Name, side: &str) -> String {
    let output = run(&["stat", name.as_str(), "--json"]);
    let value: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
    let attaching = value[side]["state"] == "alive" && value[side]["session"] == 0;
    let state = value[side]["state"].as_str().filter(|_| !attaching);
    state.unwrap_or_default().to_owned()
}

/// Bytes that are not like their neighbours.
pub(crate) fn noise(len: usize) -> Vec<u8> {
    let mut state = 7_u64;
    let mut next = || {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (state >> 33) as u8
    };
    (0..len).map(|_| next()).collect()
}
