//! Owns: one installation for all tests of a run, which tools there are, and compiling against it. Knows nothing of: programs.

use std::ffi::OsStr;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::OnceLock;
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
pub(crate) struct Running(Child);

impl Running {
    pub(crate) fn start<S: AsRef<OsStr>>(path: &Path, arguments: &[S]) -> Self {
        let mut command = program(path);
        command.args(arguments).stdout(Stdio::piped()).stderr(Stdio::piped());
        Self(command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}")))
    }

    /// SIGKILL, and waits until it is gone.
    pub(crate) fn kill(mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }

    /// The next line that it prints.
    pub(crate) fn line(&mut self) -> String {
        let mut line = Vec::new();
        let out = self.0.stdout.as_mut().unwrap();
        while line.last() != Some(&b'\n') {
            let mut byte = [0];
            if out.read(&mut byte).unwrap() == 0 {
                break;
            }
            line.extend(byte);
        }
        String::from_utf8(line).unwrap()
    }

    /// Waits for its end, which must be a success: what it printed.
    pub(crate) fn printed(mut self) -> String {
        let deadline = Instant::now() + Duration::from_secs(60);
        let status = loop {
            match self.0.try_wait().unwrap() {
                Some(status) => break status,
                None if Instant::now() > deadline => panic!("it does not end"),
                None => std::thread::sleep(Duration::from_millis(5)),
            }
        };
        let (mut out, mut error) = (String::new(), String::new());
        self.0.stdout.take().unwrap().read_to_string(&mut out).unwrap();
        self.0.stderr.take().unwrap().read_to_string(&mut error).unwrap();
        assert!(status.success(), "{status}: {out}{error}");
        out
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
