//! Examples that run: started, typed at, waited for, and killed if they hang. It must not know what they print.

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
pub(crate) struct Running {
    example: String,
    pub(crate) child: Child,
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
    pub(crate) fn start(example: &str, arguments: &[&str]) -> Self {
        let mut command = program(example);
        command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let (to, output) = channel();
        read_all(child.stdout.take().unwrap(), to.clone());
        read_all(child.stderr.take().unwrap(), to);
        Self::of(example, child, output, None)
    }

    /// On a terminal of its own, on which [`type_line`](Self::type_line) types.
    pub(crate) fn on_terminal(example: &str, arguments: &[&str]) -> Self {
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
    pub(crate) fn name(&self) -> String {
        format!("shm-ring-{}-{}", self.example, self.child.id())
    }

    pub(crate) fn type_line(&mut self, line: &str) {
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
    pub(crate) fn expect(&mut self, text: &str) -> String {
        loop {
            if let Some(at) = self.printed.find(text) {
                let rest = self.printed.split_off(at + text.len());
                return std::mem::replace(&mut self.printed, rest);
            }
            assert!(self.read_on(), "it ended without {text:?}: {:?}", self.printed);
        }
    }

    /// Waits for the end: how it ended, and the rest of its output.
    pub(crate) fn end(&mut self) -> (ExitStatus, String) {
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
    pub(crate) fn end_well(&mut self) -> String {
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
pub(crate) fn names_with(part: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir("/dev/shm").unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    paths.filter(|path| path.to_string_lossy().contains(part)).collect()
}

/// A name of this test's own, removed when it goes.
pub(crate) struct Name(pub(crate) String);

impl Name {
    pub(crate) fn new(what: &str) -> Self {
        Self(format!("/shm-ring-example-{what}-{}", std::process::id()))
    }
}

impl Drop for Name {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(format!("/dev/shm{}", self.0));
    }
}
