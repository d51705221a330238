//! Children, names and time limits. Whatever happens to a test, its children are killed and its
//! names removed, and nothing waits for ever.

use std::io::{BufRead, BufReader, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::Once;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::system;

/// Far beyond what anything here takes: reaching it is a hang.
pub(crate) const LIMIT: Duration = Duration::from_secs(30);
/// What is specified to happen within one slice of 100 ms happens within this on a busy machine.
pub(crate) const SOON: Duration = Duration::from_secs(5);

const ENVIRONMENT: &str = "SHM_RING_TEST_JOB";
const SEPARATOR: &str = "\u{1f}";

/// What the names of everything that these tests leave behind begin with.
const PREFIX: &str = "shm-ring-it-";

/// What every name of this process begins with: its number, and when it started, since numbers are used again.
fn prefix() -> String {
    let id = std::process::id();
    format!("{PREFIX}{id}@{}-", started(id).unwrap())
}

/// When the process with this number started, in ticks since the machine did. `None` if there is none.
fn started(id: u32) -> Option<u64> {
    let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    // The name before the last bracket may hold anything.
    stat.rsplit_once(") ")?.1.split(' ').nth(19)?.parse().ok()
}

/// Removes what `is_ours` where names of ours are.
fn remove(is_ours: impl Fn(&str) -> bool) {
    for directory in [Path::new("/dev/shm"), &std::env::temp_dir()] {
        for entry in std::fs::read_dir(directory).into_iter().flatten().flatten() {
            if is_ours(&entry.file_name().to_string_lossy()) {
                let path = entry.path();
                let _ = std::fs::remove_file(&path).or_else(|_| std::fs::remove_dir_all(&path));
            }
        }
    }
}

/// Whether `name` was left by a run whose process is gone.
pub(crate) fn is_of_the_dead(name: &str) -> bool {
    let process = || {
        let (id, rest) = name.strip_prefix(PREFIX)?.split_once('@')?;
        let start = rest.split_once('-')?.0;
        Some((id.parse().ok()?, start.parse().ok()?))
    };
    process().is_some_and(|(id, start): (u32, u64)| started(id) != Some(start))
}

/// How long `SHM_RING_SECONDS` wants a test that can go on for any time to take.
pub(crate) fn asked_seconds() -> Option<Duration> {
    let seconds = std::env::var("SHM_RING_SECONDS").ok()?.parse().ok()?;
    Some(Duration::from_secs(seconds))
}

/// Ends this process, cleaned up, if it is still there long after all tests should have ended: a
/// call that never returns must fail a run and not stop it. What dead runs left is removed at the start.
pub(crate) fn watch() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        std::thread::spawn(|| {
            std::thread::sleep(8 * LIMIT + asked_seconds().unwrap_or_default());
            let ours = prefix();
            remove(|name| name.starts_with(&ours));
            eprintln!("a test hangs: of those that were started, the one without a result");
            system::exit_now(101);
        });
        // A child of ours may see other processes than we do.
        if std::env::var_os(ENVIRONMENT).is_none() {
            remove(is_of_the_dead);
        }
    });
}

fn unique(what: &str) -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    watch();
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    format!("{}{count}-{what}", prefix())
}

/// A name under /dev/shm that nobody else has, removed when dropped.
pub(crate) struct Name(String);

impl Name {
    pub(crate) fn new(what: &str) -> Self {
        Self(format!("/{}", unique(what)))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    pub(crate) fn path(&self) -> PathBuf {
        Path::new("/dev/shm").join(&self.0[1..])
    }
}

impl Drop for Name {
    fn drop(&mut self) {
        let path = self.path();
        let _ = std::fs::remove_file(&path).or_else(|_| std::fs::remove_dir(&path));
    }
}

/// A directory of our own, removed with all that is in it when dropped.
pub(crate) struct Dir(PathBuf);

impl Dir {
    /// On the disk that has the temporary files.
    pub(crate) fn new(what: &str) -> Self {
        Self::under(&std::env::temp_dir(), what)
    }

    pub(crate) fn under(parent: &Path, what: &str) -> Self {
        let path = parent.join(unique(what));
        std::fs::create_dir(&path).unwrap();
        Self(path)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    pub(crate) fn join(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// The names in it, sorted.
    pub(crate) fn names(&self) -> Vec<String> {
        let entries = std::fs::read_dir(&self.0).unwrap();
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into()).collect();
        names.sort();
        names
    }
}

impl Drop for Dir {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Runs `what` on a thread of its own and fails if it has not returned within `limit`.
pub(crate) fn within<R: Send + 'static>(
    limit: Duration,
    what: &str,
    run: impl FnOnce() -> R + Send + 'static,
) -> R {
    watch();
    let (tell, hear) = channel();
    let thread = std::thread::spawn(move || {
        let _ = tell.send(run());
    });
    match hear.recv_timeout(limit) {
        Ok(answer) => answer,
        Err(RecvTimeoutError::Timeout) => panic!("{what} had not returned after {limit:?}"),
        Err(RecvTimeoutError::Disconnected) => match thread.join() {
            Err(panic) => std::panic::resume_unwind(panic),
            Ok(()) => unreachable!("a thread that ended in order has answered"),
        },
    }
}

/// Says that it is over, be it by a panic.
pub(crate) struct Ends<'a>(pub(crate) &'a AtomicBool);

impl Drop for Ends<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// This very program, to be run again: by SHM_RING_RUNNER, if it is for another processor.
pub(crate) fn this_program() -> Command {
    let program = std::env::current_exe().unwrap();
    let Some(runner) = std::env::var_os("SHM_RING_RUNNER") else { return Command::new(program) };
    let mut command = Command::new(runner);
    command.arg(program);
    command
}

/// Looks again and again until `done`, and fails after [`LIMIT`].
pub(crate) fn until(what: &str, mut done: impl FnMut() -> bool) {
    let start = Instant::now();
    while !done() {
        assert!(start.elapsed() < LIMIT, "waited in vain until {what}");
        std::thread::sleep(Duration::from_micros(200));
    }
}

/// Whether we are root; if not, says that `what` is skipped.
pub(crate) fn root_or_skip(what: &str) -> bool {
    let root = rustix::process::geteuid().is_root();
    if !root {
        eprintln!("skipped, since it needs root: {what}");
    }
    root
}

/// Another process. It is killed when this is dropped.
pub(crate) struct Child {
    job: String,
    process: std::process::Child,
    line: BufReader<UnixStream>,
}

impl Child {
    /// Starts this program again, with one of the jobs in the table.
    pub(crate) fn spawn(job: &str, arguments: &[&str]) -> Self {
        let words = [&[job], arguments].concat().join(SEPARATOR);
        Self::start(this_program(), "child", ENVIRONMENT, &words)
    }

    /// Starts `command`, which is to run `test` alone, with words in its environment.
    pub(crate) fn start(mut command: Command, test: &str, variable: &str, words: &str) -> Self {
        watch();
        let (ours, theirs) = UnixStream::pair().unwrap();
        command
            .args([test, "--exact", "--nocapture", "--quiet", "--test-threads=1"])
            .env(variable, words)
            .stdin(Stdio::from(OwnedFd::from(theirs)))
            .stdout(Stdio::null());
        system::die_with_parent(&mut command);
        let process = command.spawn().unwrap();
        ours.set_read_timeout(Some(LIMIT)).unwrap();
        let job = words.split(SEPARATOR).next().unwrap_or_default().to_owned();
        Self { job, process, line: BufReader::new(ours) }
    }

    pub(crate) fn id(&self) -> u32 {
        self.process.id()
    }

    pub(crate) fn socket(&self) -> &UnixStream {
        self.line.get_ref()
    }

    pub(crate) fn say(&mut self, line: &str) {
        let said = self.line.get_mut().write_all(format!("{line}\n").as_bytes());
        said.unwrap_or_else(|error| panic!("child {} does not listen: {error}", self.job));
    }

    /// The next line that the child says.
    pub(crate) fn hear(&mut self) -> String {
        self.hear_or_end().unwrap_or_else(|| panic!("child {} ended without a word", self.job))
    }

    /// The next line that the child says, or `None` once it has ended.
    pub(crate) fn hear_or_end(&mut self) -> Option<String> {
        let mut line = String::new();
        match self.line.read_line(&mut line) {
            Ok(0) => None,
            Ok(_) => Some(line.trim_end().to_owned()),
            // It was killed with words of ours unread.
            Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => None,
            Err(error) => panic!("child {} says nothing: {error}", self.job),
        }
    }

    pub(crate) fn expect(&mut self, line: &str) {
        assert_eq!(self.hear(), line, "child {}", self.job);
    }

    pub(crate) fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(self.id() as i32).unwrap();
        kill_process(pid, signal).unwrap();
    }

    /// Kills it and waits until the kernel has cleaned up.
    pub(crate) fn kill(&mut self) {
        self.process.kill().unwrap();
        let status = self.process.wait().unwrap();
        assert_eq!(status.signal(), Some(9), "child {} ended before it was killed", self.job);
    }

    /// Waits for its end.
    pub(crate) fn status(&mut self) -> ExitStatus {
        let start = Instant::now();
        loop {
            if let Some(status) = self.process.try_wait().unwrap() {
                return status;
            }
            assert!(start.elapsed() < LIMIT, "child {} does not end", self.job);
            std::thread::sleep(Duration::from_micros(200));
        }
    }

    /// Waits for its end, which must be a success.
    pub(crate) fn finish(mut self) {
        let status = self.status();
        assert!(status.success(), "child {} failed: {status}", self.job);
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// What a child does.
pub(crate) type Job = fn(Home);

/// A child's line to its parent, and what it was told.
pub(crate) struct Home {
    arguments: Vec<String>,
    line: BufReader<UnixStream>,
}

impl Home {
    /// The job that the environment names.
    pub(crate) fn from_environment() -> Option<(String, Self)> {
        let told = std::env::var(ENVIRONMENT).ok()?;
        let mut words = told.split(SEPARATOR).map(str::to_owned);
        let job = words.next()?;
        let line = UnixStream::from(std::io::stdin().as_fd().try_clone_to_owned().unwrap());
        Some((job, Self { arguments: words.collect(), line: BufReader::new(line) }))
    }

    pub(crate) fn argument(&self, index: usize) -> &str {
        &self.arguments[index]
    }

    pub(crate) fn number(&self, index: usize) -> u64 {
        self.arguments[index].parse().unwrap()
    }

    pub(crate) fn socket(&self) -> &UnixStream {
        self.line.get_ref()
    }

    pub(crate) fn say(&mut self, line: &str) {
        self.line.get_mut().write_all(format!("{line}\n").as_bytes()).unwrap();
    }

    pub(crate) fn hear(&mut self) -> String {
        let mut line = String::new();
        if self.line.read_line(&mut line).unwrap() == 0 {
            // The parent is gone. A test may be about our death: nothing is closed in order.
            system::exit_now(3);
        }
        line.trim_end().to_owned()
    }

    /// Stays until the parent kills us or says something.
    pub(crate) fn stay(&mut self) {
        self.hear();
    }
}

#[test]
fn what_a_dead_run_left_is_removed_and_nothing_else() {
    let (id, start) = (std::process::id(), started(std::process::id()).unwrap());
    let mut child = std::process::Command::new("/bin/true").spawn().unwrap();
    child.wait().unwrap();
    let left = format!("{PREFIX}{}@1-0-left", child.id());
    for (name, dead) in [
        (left.clone(), true),
        // The number is used again: another process has it now.
        (format!("{PREFIX}{id}@{}-0-x", start - 1), true),
        (format!("{PREFIX}{id}@{start}-0-x"), false),
        (format!("{PREFIX}{id}-0-x"), false),
        (format!("other-{}@1-0-x", child.id()), false),
        ("shm-ring-it-".to_owned(), false),
    ] {
        assert_eq!(is_of_the_dead(&name), dead, "{name}");
    }
    let path = Path::new("/dev/shm").join(left);
    std::fs::write(&path, "").unwrap();
    let alive = Name::new("alive");
    std::fs::write(alive.path(), "").unwrap();
    remove(is_of_the_dead);
    assert!(!path.exists() && alive.path().exists());
}
