//! Processes of a case: forked, spoken with by lines, killed and reaped whatever happens. It must
//! not know what they do.
//!
//! Invariant of the unsafe block: the forked process goes on with the calling thread alone. It uses
//! no lock that a lost thread could hold: the allocator is one that fork keeps usable, and each
//! process has a line of its own.
#![allow(unsafe_code)]

use std::io::{BufRead, BufReader, ErrorKind, Write};
use std::os::unix::net::UnixStream;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::{ForkResult, Pid, getppid};

use super::case::Stop;
use crate::trace::exit_now;

/// Far beyond what anything here takes: reaching it is a hang.
pub(crate) const LIMIT: Duration = Duration::from_secs(15);

/// What happens within a slice of 100 ms happens within this on a busy machine.
pub(crate) const SOON: Duration = Duration::from_secs(5);

/// Words between a process and the one that forked it.
pub(crate) struct Line(BufReader<UnixStream>);

impl Line {
    fn pair() -> Result<(Self, Self), Stop> {
        let (ours, theirs) = UnixStream::pair()?;
        ours.set_read_timeout(Some(Duration::from_millis(50)))?;
        theirs.set_read_timeout(Some(Duration::from_millis(50)))?;
        Ok((Self(BufReader::new(ours)), Self(BufReader::new(theirs))))
    }

    pub(crate) fn say(&mut self, line: &str) -> Result<(), Stop> {
        let line = line.replace('\n', " ") + "\n";
        Ok(self.0.get_mut().write_all(line.as_bytes())?)
    }

    /// The next line, if it comes before `give_up` says so; that is asked about every 50 ms.
    fn hear_unless(&mut self, mut give_up: impl FnMut() -> bool) -> Option<String> {
        let mut line = String::new();
        loop {
            match self.0.read_line(&mut line) {
                Ok(0) => return None,
                Ok(_) => return Some(line.trim_end().to_owned()),
                Err(error) => match error.kind() {
                    ErrorKind::WouldBlock | ErrorKind::TimedOut if !give_up() => {}
                    ErrorKind::Interrupted => {}
                    _ => return None,
                },
            }
        }
    }

    /// The next line.
    pub(crate) fn hear(&mut self) -> Result<String, Stop> {
        let start = Instant::now();
        let heard = self.hear_unless(|| start.elapsed() > 2 * LIMIT);
        heard.ok_or_else(|| Stop::Violated("the other process says nothing".to_owned()))
    }

    /// Nothing but waiting to be killed.
    pub(crate) fn stay(&mut self) -> Result<(), Stop> {
        self.hear().map(drop)
    }
}

/// A forked process. Dropping it kills and reaps it.
pub(crate) struct Child {
    pid: Pid,
    line: Line,
    ended: Option<WaitStatus>,
}

/// Forks a process that does `job` and ends; it is killed when the thread that forked it ends.
pub(crate) fn fork(job: impl FnOnce(&mut Line) -> Result<(), Stop>) -> Result<Child, Stop> {
    let (ours, mut theirs) = Line::pair()?;
    let parent = nix::unistd::getpid();
    // SAFETY: the invariant above.
    match unsafe { nix::unistd::fork() }? {
        ForkResult::Parent { child } => Ok(Child { pid: child, line: ours, ended: None }),
        ForkResult::Child => {
            drop(ours);
            let code = match die_with(parent) {
                false => 3,
                true => match catch_unwind(AssertUnwindSafe(|| job(&mut theirs))) {
                    Ok(Ok(())) => 0,
                    Ok(Err(stop)) => {
                        let _ = theirs.say(&tell(&stop));
                        1
                    }
                    Err(panic) => {
                        let text = panic.downcast_ref::<String>().cloned();
                        let text =
                            text.or_else(|| panic.downcast_ref().map(|t: &&str| t.to_string()));
                        let text = format!("panicked: {}", text.unwrap_or_default());
                        let _ = theirs.say(&tell(&Stop::Violated(text)));
                        1
                    }
                },
            };
            exit_now(code)
        }
    }
}

/// Ends with the parent, and leaves no core file when a case is about dying. `false` if the parent
/// is gone already. In a new pid namespace the parent has no number.
pub(crate) fn die_with(parent: Pid) -> bool {
    let _ = rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL));
    let none = rustix::process::Rlimit { current: Some(0), maximum: Some(0) };
    let _ = rustix::process::setrlimit(rustix::process::Resource::Core, none);
    [parent, Pid::from_raw(0)].contains(&getppid())
}

const VIOLATED: &str = "violated: ";
const SKIPPED: &str = "skipped: ";

fn tell(stop: &Stop) -> String {
    match stop {
        Stop::Violated(text) => format!("{VIOLATED}{text}"),
        Stop::Skipped(text) => format!("{SKIPPED}{text}"),
    }
}

/// A line that is the end of the case rather than an answer.
fn stop_in(line: &str) -> Option<Stop> {
    let violated = line.strip_prefix(VIOLATED).map(|text| Stop::Violated(text.to_owned()));
    violated.or_else(|| line.strip_prefix(SKIPPED).map(|text| Stop::Skipped(text.to_owned())))
}

impl Child {
    pub(crate) fn pid(&self) -> u32 {
        self.pid.as_raw().unsigned_abs()
    }

    pub(crate) fn say(&mut self, line: &str) -> Result<(), Stop> {
        self.line.say(line)
    }

    /// The next line that it says. Its own violation is ours.
    pub(crate) fn hear(&mut self) -> Result<String, Stop> {
        let (start, pid) = (Instant::now(), self.pid);
        let mut ended = self.ended;
        let heard = self.line.hear_unless(|| {
            ended = ended.or_else(|| ended_now(pid));
            ended.is_some() || start.elapsed() > LIMIT
        });
        self.ended = ended;
        match heard {
            Some(line) => match stop_in(&line) {
                Some(stop) => Err(stop),
                None => Ok(line),
            },
            None => {
                let status = self.end_within(LIMIT).map_or("it hangs".to_owned(), show);
                Err(Stop::Violated(format!("a process of the case says nothing: {status}")))
            }
        }
    }

    pub(crate) fn expect(&mut self, line: &str) -> Result<(), Stop> {
        let heard = self.hear()?;
        match heard == line {
            true => Ok(()),
            false => Err(Stop::Violated(format!("said {heard:?} in place of {line:?}"))),
        }
    }

    pub(crate) fn signal(&self, signal: Signal) -> Result<(), Stop> {
        Ok(kill(self.pid, signal)?)
    }

    /// Kills it and waits until the kernel has cleaned up.
    pub(crate) fn kill(&mut self) -> Result<(), Stop> {
        self.signal(Signal::SIGKILL)?;
        match self.end_within(LIMIT) {
            Some(WaitStatus::Signaled(_, Signal::SIGKILL, _)) => Ok(()),
            Some(other) => {
                Err(Stop::Violated(format!("ended before it was killed: {}", show(other))))
            }
            None => Err(Stop::Violated("does not die of SIGKILL".to_owned())),
        }
    }

    /// How it ended, if it does within `limit`.
    pub(crate) fn end_within(&mut self, limit: Duration) -> Option<WaitStatus> {
        let start = Instant::now();
        while self.ended.is_none() && start.elapsed() < limit {
            self.ended = ended_now(self.pid);
            if self.ended.is_none() {
                std::thread::sleep(Duration::from_micros(300));
            }
        }
        self.ended
    }

    /// Waits for its end, which must be a success; the line that it said before, if any.
    pub(crate) fn finish(mut self) -> Result<(), Stop> {
        match self.end_within(LIMIT) {
            Some(WaitStatus::Exited(_, 0)) => Ok(()),
            Some(status) => match self.line.hear_unless(|| true).as_deref().and_then(stop_in) {
                Some(stop) => Err(stop),
                None => Err(Stop::Violated(format!("a process of the case {}", show(status)))),
            },
            None => Err(Stop::Violated(format!("hung: had not ended after {LIMIT:?}"))),
        }
    }

    /// A line that it said before it ended.
    pub(crate) fn last_words(&mut self) -> Option<String> {
        self.line.hear_unless(|| true)
    }

    /// What it stopped for, if it said so before it ended.
    pub(crate) fn stop_of(line: &str) -> Option<Stop> {
        stop_in(line)
    }
}

/// How it ended, in words.
pub(crate) fn show(status: WaitStatus) -> String {
    match status {
        WaitStatus::Exited(_, code) => format!("ended with code {code}"),
        WaitStatus::Signaled(_, signal, _) => format!("died by {signal}"),
        other => format!("is {other:?}"),
    }
}

fn ended_now(pid: Pid) -> Option<WaitStatus> {
    match waitpid(pid, Some(WaitPidFlag::WNOHANG)) {
        Ok(status @ (WaitStatus::Exited(..) | WaitStatus::Signaled(..))) => Some(status),
        _ => None,
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        if self.ended.is_none() {
            let _ = kill(self.pid, Signal::SIGKILL);
            let _ = waitpid(self.pid, None);
        }
    }
}

/// Looks again and again until `done`; a violation after [`SOON`].
pub(crate) fn until(what: &str, mut done: impl FnMut() -> bool) -> Result<(), Stop> {
    let start = Instant::now();
    while !done() {
        if start.elapsed() > SOON {
            return Err(Stop::Violated(format!("waited {SOON:?} in vain until {what}")));
        }
        std::thread::sleep(Duration::from_micros(300));
    }
    Ok(())
}
