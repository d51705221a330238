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
    /// Stopped where a system call begins or ends, by [`Traced::resume_to_call`].
    Call,
    /// It raised this signal or was sent it; it is not delivered.
    Signalled(Signal),
    /// It ended by itself with this code.
    Exited(i32),
    /// A signal ended it.
    Killed(Signal),
}

/// A step takes less. Whoever naps for longer steps a program that reads the clock for ever: the C library and the kernel
/// read it anew when a tick of the kernel comes in between.
const SOON: Duration = Duration::from_micros(200);

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
                // The second tells stops at system calls from other traps.
                let options =
                    ptrace::Options::PTRACE_O_EXITKILL | ptrace::Options::PTRACE_O_TRACESYSGOOD;
                ptrace::setoptions(child, options)?;
                Ok(traced)
            }
        }
    }

    pub(crate) fn pid(&self) -> Pid {
        self.pid
    }

    /// One instruction further.
    pub(crate) fn step(&mut self) -> nix::Result<Step> {
        self.begin_step()?;
        self.wait()
    }

    /// [`step`](Self::step) without waiting: an instruction that sleeps takes its time.
    pub(crate) fn begin_step(&self) -> nix::Result<()> {
        ptrace::step(self.pid, None)
    }

    /// On, until it has started a thread, which then stands before its first instruction, as does the
    /// starter after its call. To be dropped before the process is.
    pub(crate) fn until_thread(&mut self) -> nix::Result<Self> {
        let options = ptrace::Options::PTRACE_O_EXITKILL | ptrace::Options::PTRACE_O_TRACECLONE;
        ptrace::setoptions(self.pid, options)?;
        ptrace::cont(self.pid, None)?;
        let status = waitpid(self.pid, Some(WaitPidFlag::__WALL))?;
        if !matches!(status, WaitStatus::PtraceEvent(_, _, libc::PTRACE_EVENT_CLONE)) {
            self.told(status);
            return Err(nix::Error::ECHILD);
        }
        let pid = Pid::from_raw(ptrace::getevent(self.pid)? as i32);
        let mut thread = Self { pid, ended: false };
        thread.wait()?;
        Ok(thread)
    }

    /// Stops a thread of a process that runs, wherever it is, within `limit`.
    pub(crate) fn stop(&mut self, limit: Duration) -> nix::Result<()> {
        let (process, thread) = (process_of(self.pid)?, self.pid);
        // SAFETY: integers only.
        unsafe { libc::syscall(libc::SYS_tgkill, process, thread.as_raw(), libc::SIGSTOP) };
        match self.wait_within(limit)? {
            Some(Step::Signalled(Signal::SIGSTOP)) => Ok(()),
            _ => Err(nix::Error::ETIMEDOUT),
        }
    }

    /// On, until it stops or ends.
    pub(crate) fn go(&mut self) -> nix::Result<Step> {
        ptrace::cont(self.pid, None)?;
        self.wait()
    }

    /// On, until a system call begins or ends, or something else stops it. [`wait`](Self::wait) or
    /// [`poll`](Self::poll) tell when. To be used from the first such call to the last: begin and end
    /// take turns.
    pub(crate) fn resume_to_call(&self) -> nix::Result<()> {
        ptrace::syscall(self.pid, None)
    }

    /// On, until it stops or ends; [`wait`](Self::wait) or [`poll`](Self::poll) tell when.
    pub(crate) fn resume(&self) -> nix::Result<()> {
        ptrace::cont(self.pid, None)
    }

    /// The next stop or end of a child that was resumed.
    pub(crate) fn wait(&mut self) -> nix::Result<Step> {
        let status = waitpid(self.pid, Some(WaitPidFlag::__WALL))?;
        Ok(self.told(status))
    }

    /// [`wait`](Self::wait), if there is one by now.
    pub(crate) fn poll(&mut self) -> nix::Result<Option<Step>> {
        match waitpid(self.pid, Some(WaitPidFlag::__WALL | WaitPidFlag::WNOHANG))? {
            WaitStatus::StillAlive => Ok(None),
            status => Ok(Some(self.told(status))),
        }
    }

    /// [`wait`](Self::wait), if that comes before `limit` is over.
    pub(crate) fn wait_within(&mut self, limit: Duration) -> nix::Result<Option<Step>> {
        let start = Instant::now();
        loop {
            match self.poll()? {
                None if start.elapsed() < SOON => std::thread::yield_now(),
                None if start.elapsed() < limit => std::thread::sleep(SOON),
                told => return Ok(told),
            }
        }
    }

    /// Whether it sleeps in the kernel.
    pub(crate) fn is_asleep(&self) -> bool {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.pid)).unwrap_or_default();
        stat.rsplit_once(')').is_some_and(|(_, rest)| rest.trim_start().starts_with('S'))
    }

    /// `steps` instructions further, or to the first stop for another reason. `path` are the addresses of the
    /// instructions to come if they are known: they save most of the steps.
    pub(crate) fn advance(&mut self, steps: u64, path: &[u64]) -> nix::Result<Step> {
        let mut done = 0;
        #[cfg(target_arch = "x86_64")]
        if let Some((stop, visits)) = nearest_stop(path, steps) {
            self.stop_at(Some(path[stop]))?;
            for _ in 0..visits {
                match self.go()? {
                    Step::Stopped => done = stop as u64,
                    other => return Ok(other),
                }
            }
            self.stop_at(None)?;
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

    fn told(&mut self, status: WaitStatus) -> Step {
        match status {
            WaitStatus::PtraceSyscall(_) => Step::Call,
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

    /// From now on it also stops before the instruction at `address`, each time it comes by, or no
    /// longer: a breakpoint of the processor, which leaves the code as it is.
    #[cfg(target_arch = "x86_64")]
    pub(crate) fn stop_at(&self, address: Option<u64>) -> nix::Result<()> {
        let debug_register = |number: usize| {
            (core::mem::offset_of!(libc::user, u_debugreg) + number * size_of::<u64>())
                as ptrace::AddressType
        };
        // In the control register: the first breakpoint, for this task, at execution.
        ptrace::write_user(self.pid, debug_register(7), 0)?;
        if let Some(address) = address {
            ptrace::write_user(self.pid, debug_register(0), address as libc::c_long)?;
            ptrace::write_user(self.pid, debug_register(7), 1)?;
        }
        Ok(())
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

/// The instruction among the first `steps + 1` of `path` from which `steps` is reached with the fewest stops: which
/// one, and how often a breakpoint on it is met on the way there.
#[cfg(target_arch = "x86_64")]
fn nearest_stop(path: &[u64], steps: u64) -> Option<(usize, usize)> {
    let known = path.len().min(usize::try_from(steps).ok()?.saturating_add(1));
    let mut met = std::collections::HashMap::new();
    let mut best: Option<(usize, usize, usize)> = None;
    // The child stands before the first: whether a breakpoint there is met at once is the processor's to say.
    let met_later = |&(_, address): &(usize, &u64)| Some(address) != path.first();
    for (at, address) in path[..known].iter().enumerate().filter(met_later) {
        let visits: &mut usize = met.entry(address).or_default();
        *visits += 1;
        let stops = *visits + known - at;
        if best.is_none_or(|(fewest, ..)| stops <= fewest) {
            best = Some((stops, at, *visits));
        }
    }
    best.map(|(_, at, visits)| (at, visits))
}

impl Drop for Traced {
    fn drop(&mut self) {
        if !self.ended {
            let _ = nix::sys::signal::kill(self.pid, Signal::SIGKILL);
            let _ = waitpid(self.pid, Some(WaitPidFlag::__WALL));
        }
    }
}

/// The process that a thread belongs to.
fn process_of(thread: Pid) -> nix::Result<i32> {
    let status = std::fs::read_to_string(format!("/proc/{thread}/status")).unwrap_or_default();
    let process = status.lines().find_map(|line| line.strip_prefix("Tgid:"));
    process.and_then(|number| number.trim().parse().ok()).ok_or(nix::Error::ESRCH)
}

/// Ends this process at once: no destructors, no buffers flushed that are the parent's too.
pub(crate) fn exit_now(code: i32) -> ! {
    // SAFETY: `_exit` takes any code and does not return.
    unsafe { libc::_exit(code) }
}
