//! A forked child of ours that runs freely, is watched, signalled and reaped, and ends when we do. It must
//! not know what the child does.
//!
//! Invariant of the unsafe block: campaigns that fork have one thread when they do, so the child may do
//! anything.
#![allow(unsafe_code)]

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use nix::sched::{CloneFlags, setns, unshare};
use nix::sys::prctl::set_pdeathsig;
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::{ForkResult, Pid, fork, getppid};

use crate::trace::exit_now;

/// What a child exits with whose job panicked.
pub(crate) const PANICKED: i32 = 101;

/// A child. Dropping it kills and reaps it.
#[derive(Debug)]
pub(crate) struct Forked {
    pid: Pid,
    end: Option<End>,
}

/// How a child ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    Exited(i32),
    Killed(Signal),
}

impl Forked {
    /// Forks a child that runs `job` and exits with its answer, or with [`PANICKED`].
    pub(crate) fn start(job: impl FnOnce() -> i32) -> nix::Result<Self> {
        Self::start_under(Pid::this(), job)
    }

    /// [`start`](Self::start), as process 1 of a pid namespace of its own. For root.
    pub(crate) fn start_in_pid_namespace(job: impl FnOnce() -> i32) -> nix::Result<Self> {
        let ours = std::fs::File::open("/proc/self/ns/pid").map_err(|_| nix::Error::ENOENT)?;
        unshare(CloneFlags::CLONE_NEWPID)?;
        // Seen from in there its parent is nobody.
        let started = Self::start_under(Pid::from_raw(0), job);
        setns(ours, CloneFlags::CLONE_NEWPID)?;
        started
    }

    fn start_under(parent: Pid, job: impl FnOnce() -> i32) -> nix::Result<Self> {
        // SAFETY: the invariant above.
        match unsafe { fork() }? {
            ForkResult::Child => {
                let bound = set_pdeathsig(Signal::SIGKILL);
                if bound.is_err() || getppid() != parent {
                    exit_now(127);
                }
                exit_now(catch_unwind(AssertUnwindSafe(job)).unwrap_or(PANICKED))
            }
            ForkResult::Parent { child } => Ok(Self { pid: child, end: None }),
        }
    }

    pub(crate) fn pid(&self) -> Pid {
        self.pid
    }

    /// How it ended, if it has.
    pub(crate) fn poll(&mut self) -> Option<End> {
        if self.end.is_none() {
            self.end = match waitpid(self.pid, Some(WaitPidFlag::WNOHANG)) {
                Ok(WaitStatus::Exited(_, code)) => Some(End::Exited(code)),
                Ok(WaitStatus::Signaled(_, signal, _)) => Some(End::Killed(signal)),
                _ => None,
            };
        }
        self.end
    }

    /// How it ended, if it does so before `limit` is over.
    pub(crate) fn wait(&mut self, limit: Duration) -> Option<End> {
        let start = Instant::now();
        while self.poll().is_none() && start.elapsed() < limit {
            std::thread::sleep(Duration::from_micros(200));
        }
        self.end
    }

    /// Sends `signal`, unless it is known to have ended.
    pub(crate) fn signal(&self, signal: Signal) {
        if self.end.is_none() {
            let _ = kill(self.pid, signal);
        }
    }

    /// Kills and reaps it. How it ended: it may have been quicker.
    pub(crate) fn kill(&mut self) -> End {
        self.signal(Signal::SIGKILL);
        while self.poll().is_none() {
            std::thread::sleep(Duration::from_micros(50));
        }
        self.end.unwrap_or(End::Killed(Signal::SIGKILL))
    }

    /// Processor time that it has used, in ticks of a hundredth of a second.
    pub(crate) fn ticks(&self) -> u64 {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.pid)).unwrap_or_default();
        // The name in parentheses may hold anything; user and system time are fields 14 and 15.
        let fields = stat.rsplit(')').next().unwrap_or_default();
        fields
            .split_whitespace()
            .skip(11)
            .take(2)
            .filter_map(|field| field.parse::<u64>().ok())
            .sum()
    }
}

impl Drop for Forked {
    fn drop(&mut self) {
        self.kill();
    }
}
