//! One instruction at a time: a forked child of ours under ptrace. It must not know what the child does.
//!
//! Invariant of the unsafe blocks: campaigns that trace have one thread when they fork, so the child may do
//! anything.
#![allow(unsafe_code)]

use std::time::{Duration, Instant};

use nix::sys::ptrace;
use nix::sys::signal::{Signal, raise};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::{ForkResult, Pid, fork};

/// A stopped child. Dropping it kills and reaps it.
#[derive(Debug)]
pub(crate) struct Traced {
    pid: Pid,
    ended: bool,
}

/// Where a child is after a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Stopped before its next instruction.
    Stopped,
    /// It raised this signal or was sent it; it is not delivered.
    Signalled(Signal),
    /// It ended by itself with this code.
    Exited(i32),
    /// A signal ended it.
    Killed(Signal),
}

impl Traced {
    /// Forks a child that runs `job` and exits with its answer, stopped before the first instruction of it.
    pub(crate) fn start(job: impl FnOnce() -> i32) -> nix::Result<Self> {
        // SAFETY: the invariant above.
        match unsafe { fork() }? {
            ForkResult::Child => {
                let code = match ptrace::traceme().and_then(|()| raise(Signal::SIGSTOP)) {
                    Ok(()) => job(),
                    Err(_) => 127,
                };
                // No destructors and no buffers of the parent's.
                exit_now(code)
            }
            ForkResult::Parent { child } => {
                let traced = Self { pid: child, ended: false };
                waitpid(child, None)?;
                ptrace::setoptions(child, ptrace::Options::PTRACE_O_EXITKILL)?;
                Ok(traced)
            }
        }
    }

    pub(crate) fn pid(&self) -> Pid {
        self.pid
    }

    /// One instruction further.
    pub(crate) fn step(&mut self) -> nix::Result<Step> {
        ptrace::step(self.pid, None)?;
        self.wait()
    }

    /// On, until it stops or ends.
    pub(crate) fn go(&mut self) -> nix::Result<Step> {
        ptrace::cont(self.pid, None)?;
        self.wait()
    }

    /// On, without waiting for it.
    pub(crate) fn let_go(&self) -> nix::Result<()> {
        ptrace::cont(self.pid, None)
    }

    /// What stopped or ended a child that was let go, if that came before `limit` was over.
    pub(crate) fn stop_within(&mut self, limit: Duration) -> nix::Result<Option<Step>> {
        let start = Instant::now();
        loop {
            match waitpid(self.pid, Some(WaitPidFlag::__WALL | WaitPidFlag::WNOHANG))? {
                WaitStatus::StillAlive if start.elapsed() >= limit => return Ok(None),
                WaitStatus::StillAlive => std::thread::sleep(Duration::from_micros(200)),
                status => return Ok(Some(self.stopped_by(status))),
            }
        }
    }

    /// Whether it sleeps in the kernel.
    pub(crate) fn is_asleep(&self) -> bool {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.pid)).unwrap_or_default();
        stat.rsplit_once(')').is_some_and(|(_, rest)| rest.trim_start().starts_with('S'))
    }

    /// `steps` instructions further, or to the first stop for another reason. `path` are the addresses of the
    /// instructions to come as far as they are known: they save most of the steps.
    pub(crate) fn advance(&mut self, steps: u64, path: &[u64]) -> nix::Result<Step> {
        let mut done = 0;
        #[cfg(target_arch = "x86_64")]
        if let Some(stop) = last_first_visit(path, steps) {
            match self.go_to(path[stop])? {
                Step::Stopped => done = stop as u64,
                other => return Ok(other),
            }
        }
        let _ = path;
        while done < steps {
            match self.step()? {
                Step::Stopped => done += 1,
                other => return Ok(other),
            }
        }
        Ok(Step::Stopped)
    }

    /// On, until it is about to execute the instruction at `address`, which it is not now.
    #[cfg(target_arch = "x86_64")]
    fn go_to(&mut self, address: u64) -> nix::Result<Step> {
        const BREAKPOINT: i64 = 0xcc;
        let place = std::ptr::without_provenance_mut(address as usize);
        let word = ptrace::read(self.pid, place)?;
        ptrace::write(self.pid, place, word & !0xff | BREAKPOINT)?;
        let stop = self.go()?;
        if stop == Step::Stopped {
            ptrace::write(self.pid, place, word)?;
            let mut registers = ptrace::getregs(self.pid)?;
            registers.rip = address;
            ptrace::setregs(self.pid, registers)?;
        }
        Ok(stop)
    }

    fn wait(&mut self) -> nix::Result<Step> {
        let status = waitpid(self.pid, Some(WaitPidFlag::__WALL))?;
        Ok(self.stopped_by(status))
    }

    fn stopped_by(&mut self, status: WaitStatus) -> Step {
        match status {
            WaitStatus::Stopped(_, Signal::SIGTRAP) => Step::Stopped,
            WaitStatus::Stopped(_, signal) => Step::Signalled(signal),
            WaitStatus::Exited(_, code) => {
                self.ended = true;
                Step::Exited(code)
            }
            WaitStatus::Signaled(_, signal, _) => {
                self.ended = true;
                Step::Killed(signal)
            }
            _ => Step::Stopped,
        }
    }

    /// The address of the next instruction.
    #[cfg(target_arch = "x86_64")]
    pub(crate) fn instruction(&self) -> nix::Result<u64> {
        Ok(ptrace::getregs(self.pid)?.rip)
    }

    /// Not asked for here, where nothing is made of it: 0.
    #[cfg(not(target_arch = "x86_64"))]
    pub(crate) fn instruction(&self) -> nix::Result<u64> {
        Ok(0)
    }
}

/// The last instruction among the first `steps + 1` of `path` that was not there before: a breakpoint on it is
/// met there and no sooner.
#[cfg(target_arch = "x86_64")]
fn last_first_visit(path: &[u64], steps: u64) -> Option<usize> {
    let known = path.len().min(usize::try_from(steps).ok()?.saturating_add(1));
    (1..known).rev().find(|&at| !path[..at].contains(&path[at]))
}

impl Drop for Traced {
    fn drop(&mut self) {
        if !self.ended {
            let _ = nix::sys::signal::kill(self.pid, Signal::SIGKILL);
            let _ = waitpid(self.pid, Some(WaitPidFlag::__WALL));
        }
    }
}

/// Ends this process at once: no destructors, no buffers flushed that are the parent's too.
pub(crate) fn exit_now(code: i32) -> ! {
    // SAFETY: `_exit` takes any code and does not return.
    unsafe { libc::_exit(code) }
}
