//! Owns: one installation for all tests of a run, which tools there are, and compiling against it. Knows nothing of: programs.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::OnceLock;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

/// The crate.
pub(crate) fn here() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A folder of this run, empty at its start, that the next run of the same test program empties.
pub(crate) fn scratch() -> &'static Path {
    static SCRATCH: OnceLock<PathBuf> = OnceLock::new();
    SCRATCH.get_or_init(|| {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("shm-ring-c");
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).unwrap();
        folder
    })
}

/// The prefix into which `install` has put everything.
pub(crate) fn prefix() -> &'static Path {
    static PREFIX: OnceLock<PathBuf> = OnceLock::new();
    PREFIX.get_or_init(|| {
        let prefix = scratch().join("prefix");
        run(Command::new(here().join("install")).arg("--debug").arg(&prefix));
        prefix
    })
}

/// Whether a tool is here. A test that misses one says so and passes.
pub(crate) fn has(tool: &str) -> bool {
    let mut ask = Command::new(tool);
    ask.arg("--version").stdout(Stdio::null()).stderr(Stdio::null());
    let found = ask.status().is_ok_and(|status| status.success());
    if !found {
        // Past the harness, which keeps what is printed by tests that pass.
        let _ = writeln!(std::io::stderr(), "skipped: {tool} is not here");
    }
    found
}

/// Runs a command that must succeed.
pub(crate) fn run(command: &mut Command) -> Output {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(
        output.status.success(),
        "{command:?}: {}\n{}{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    output
}

/// What pkg-config says to compile and link with.
pub(crate) fn flags(which: &[&str]) -> Vec<String> {
    let mut ask = Command::new("pkg-config");
    ask.env("PKG_CONFIG_PATH", prefix().join("lib/pkgconfig")).args(which).arg("shm-ring");
    let output = run(&mut ask);
    String::from_utf8(output.stdout).unwrap().split_whitespace().map(str::to_owned).collect()
}

/// Compiles one file by pkg-config's word; no warning is let through.
pub(crate) fn compile(compiler: &str, source: &str, more: &[&str]) -> PathBuf {
    // A source is a file of the crate, or one with a path of its own.
    let name = format!("{}-{compiler}{}", source.replace(['/', '.'], "-"), more.concat());
    let program = scratch().join(name.replace(['=', ','], "-"));
    let standard = if source.ends_with(".c") { "-std=c11" } else { "-std=c++17" };
    let mut command = Command::new(compiler);
    command.args([standard, "-O1", "-Wall", "-Wextra", "-Wpedantic", "-Werror"]).args(more);
    command.arg(here().join(source)).arg("-o").arg(&program);
    run(command.args(flags(&["--cflags", "--libs"])));
    program
}

/// A program that was compiled so.
pub(crate) fn program(path: &Path) -> Command {
    let mut command = Command::new(path);
    command.env("LD_LIBRARY_PATH", prefix().join("lib"));
    command
}

/// A name of this test's own under /dev/shm, removed at the end.
pub(crate) struct Name(pub(crate) String);

impl Name {
    pub(crate) fn new(test: &str) -> Self {
        Self(format!("/shm-ring-c-{test}-{}", std::process::id()))
    }
}

impl Drop for Name {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(format!("/dev/shm{}", self.0));
    }
}

/// A child that is killed, and not left behind, if the test fails.
pub(crate) struct Running {
    child: Child,
    /// What it prints, by lines.
    lines: Receiver<String>,
}

/// Nothing that a test waits for takes as long.
const LONG: Duration = Duration::from_secs(60);

impl Running {
    pub(crate) fn start<S: AsRef<OsStr>>(path: &Path, arguments: &[S]) -> Self {
        let mut command = program(path);
        command.args(arguments).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let mut out = BufReader::new(child.stdout.take().unwrap());
        let (send, lines) = channel();
        // It ends with the child, which the drop ends.
        std::thread::spawn(move || {
            let mut line = String::new();
            while out.read_line(&mut line).is_ok_and(|len| len > 0) {
                if send.send(std::mem::take(&mut line)).is_err() {
                    break;
                }
            }
        });
        Self { child, lines }
    }

    /// SIGKILL, and waits until it is gone.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// The next line that it prints.
    pub(crate) fn line(&mut self) -> String {
        self.lines.recv_timeout(LONG).expect("it prints nothing")
    }

    /// Waits for its end, which must be a success: what else it printed.
    pub(crate) fn printed(mut self) -> String {
        let deadline = Instant::now() + LONG;
        let mut printed = String::new();
        loop {
            match self.lines.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(line) => printed += &line,
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => panic!("it does not end: {printed}"),
            }
        }
        let status = self.child.wait().unwrap();
        assert!(status.success(), "{status}: {printed}");
        printed
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
