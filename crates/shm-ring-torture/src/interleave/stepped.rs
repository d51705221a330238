//! One side of a schedule: a traced child whose operation goes on by so many instructions or to its
//! end, and which may fall asleep in a system call meanwhile.
//!
//! Owns: how a process is moved and where it is. Knows nothing of: the other side.
//!
//! A system call counts as one instruction. A call that sleeps is known by what the kernel says of
//! the process, and how the sleep ended by what the call returned: time decides nothing.

use std::cell::RefCell;
use std::collections::HashMap;
use std::time::{Duration, Instant};

use nix::sys::ptrace;
use nix::sys::signal::Signal;

use super::child::Fault;
use super::path::{Path, Place};
use crate::trace::{Step, Traced};

/// How long a call may take that neither sleeps nor returns, and a child that runs freely.
const LIMIT: Duration = Duration::from_secs(20);

/// What is known about the code, which is the same in all children of one parent.
#[derive(Debug, Default)]
pub(crate) struct Code(RefCell<HashMap<u64, bool>>);

/// Where a side is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum At {
    /// Stopped within its operation.
    Midway,
    /// In a call that sleeps, until this moment of the monotonic clock.
    Asleep { until: u64 },
    /// At the end of its operation.
    Done,
}

/// What a side did in one schedule.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Sleeps {
    pub(crate) entered: u64,
    /// Sleeps that the other side ended.
    pub(crate) rung: u64,
    /// Calls that did not sleep, because the bell had been rung just before.
    pub(crate) refused: u64,
    /// Sleeps that lasted to the end of their slice.
    pub(crate) timed_out: u64,
}

/// What stopped a child that was resumed.
#[derive(Clone, Copy, Debug)]
enum Stop {
    /// The beginning or the end of this system call.
    Call(libc::c_long),
    /// A breakpoint.
    Instruction,
}

/// What went wrong with a child, in words.
pub(crate) type Wrong = String;

/// A traced side.
#[derive(Debug)]
pub(crate) struct Stepped<'c> {
    traced: Traced,
    code: &'c Code,
    pub(crate) at: At,
    pub(crate) sleeps: Sleeps,
    /// Whether a breakpoint is set.
    armed: bool,
}

impl<'c> Stepped<'c> {
    /// Forks `life` and takes it to the beginning of its operation.
    pub(crate) fn start(code: &'c Code, life: impl FnOnce() -> i32) -> Result<Self, Wrong> {
        let traced = Traced::start(life).map_err(os)?;
        let sleeps = Sleeps::default();
        let mut side = Self { traced, code, at: At::Midway, sleeps, armed: false };
        match side.traced.go().map_err(os)? {
            Step::Signalled(Signal::SIGSTOP) => {}
            step => return Err(ended(step)),
        }
        // The first mark begins, and ends.
        while side.next_call()? != Some(libc::SYS_getppid) {
            side.next_call()?;
        }
        side.next_call()?;
        Ok(side)
    }

    /// On instruction by instruction, until it sleeps or is done: its path.
    pub(crate) fn walk(&mut self) -> Result<Path, Wrong> {
        let mut path = Path::default();
        while self.at == At::Midway {
            let address = self.traced.instruction().map_err(os)?;
            if self.is_call(address)? {
                path.calls.push(path.addresses.len());
                self.one_call()?;
            } else {
                self.step()?;
            }
            if self.at != At::Done {
                path.addresses.push(address);
            }
        }
        Ok(path)
    }

    /// On to a place, or until it sleeps or is done.
    pub(crate) fn go_to(&mut self, place: Place) -> Result<(), Wrong> {
        for _ in 0..place.calls {
            if self.at == At::Midway {
                self.one_call()?;
            }
        }
        if place.passes > 0 && self.at == At::Midway {
            self.traced.stop_at(Some(place.address)).map_err(os)?;
            self.armed = true;
            let mut passes = 0;
            while passes < place.passes && self.at == At::Midway {
                match self.next_stop()? {
                    Stop::Instruction => passes += 1,
                    // Another path than the one that was walked: until it joins that again.
                    Stop::Call(number) => self.through(number)?,
                }
            }
            if !matches!(self.at, At::Asleep { .. }) {
                self.disarm()?;
            }
        }
        for _ in 0..place.steps {
            if self.at == At::Midway {
                let address = self.traced.instruction().map_err(os)?;
                if self.is_call(address)? { self.one_call()? } else { self.step()? }
            }
        }
        Ok(())
    }

    fn disarm(&mut self) -> Result<(), Wrong> {
        if std::mem::take(&mut self.armed) {
            self.traced.stop_at(None).map_err(os)?;
        }
        Ok(())
    }

    fn step(&mut self) -> Result<(), Wrong> {
        match self.traced.step().map_err(os)? {
            Step::Stopped => Ok(()),
            step => Err(ended(step)),
        }
    }

    /// On to the end of the operation, or until it sleeps.
    pub(crate) fn run_out(&mut self) -> Result<(), Wrong> {
        while self.at == At::Midway {
            self.one_call()?;
        }
        Ok(())
    }

    /// Whether it is awake: one that was woken has left its call.
    pub(crate) fn is_awake(&mut self) -> Result<bool, Wrong> {
        if let At::Asleep { .. } = self.at {
            match self.traced.poll().map_err(os)? {
                Some(step) => self.woken(step)?,
                None if self.traced.is_asleep() => {}
                None => self.wait_till_awake()?,
            }
        }
        Ok(!matches!(self.at, At::Asleep { .. }))
    }

    /// Waits until the call that sleeps returns.
    pub(crate) fn wait_till_awake(&mut self) -> Result<(), Wrong> {
        let step = self.within_limit("sleeps longer than any slice")?;
        self.woken(step)
    }

    /// From the end of the operation on to where it has written down what came of it.
    pub(crate) fn go_to_stop(&mut self) -> Result<(), Wrong> {
        self.traced.resume().map_err(os)?;
        match self.within_limit("hangs")? {
            Step::Signalled(Signal::SIGSTOP) => Ok(()),
            step => Err(ended(step)),
        }
    }

    /// Lets it go on by itself. [`finish`](Self::finish) waits for it.
    pub(crate) fn release(&self) -> Result<(), Wrong> {
        self.traced.resume().map_err(os)
    }

    /// Waits for its end.
    pub(crate) fn finish(&mut self) -> Result<(), Wrong> {
        match self.within_limit("hangs afterwards")? {
            Step::Exited(0) => Ok(()),
            step => Err(ended(step)),
        }
    }

    /// On to the next system call, through it, or into its sleep.
    fn one_call(&mut self) -> Result<(), Wrong> {
        match self.next_call()? {
            Some(number) => self.through(number),
            None => Ok(()),
        }
    }

    /// Through a system call that begins, or into its sleep.
    fn through(&mut self, number: libc::c_long) -> Result<(), Wrong> {
        match number {
            libc::SYS_getppid => self.at = At::Done,
            libc::SYS_futex | libc::SYS_futex_waitv => {
                let until = self.deadline()?;
                self.traced.resume_to_call().map_err(os)?;
                match self.left_or_asleep()? {
                    Some(Step::Call) => self.left_futex(false)?,
                    Some(step) => return Err(ended(step)),
                    None => {
                        self.sleeps.entered += 1;
                        self.at = At::Asleep { until };
                    }
                }
            }
            _ => {
                self.next_call()?;
            }
        }
        Ok(())
    }

    fn woken(&mut self, step: Step) -> Result<(), Wrong> {
        if step != Step::Call {
            return Err(ended(step));
        }
        self.at = At::Midway;
        self.disarm()?;
        self.left_futex(true)
    }

    /// A futex call has returned, after a sleep or at once.
    fn left_futex(&mut self, slept: bool) -> Result<(), Wrong> {
        let answer = ptrace::getregs(self.traced.pid()).map_err(os)?.rax as i64;
        match (slept, -answer as i32) {
            (true, libc::ETIMEDOUT) => self.sleeps.timed_out += 1,
            (true, _) => self.sleeps.rung += 1,
            (false, libc::EAGAIN) => self.sleeps.refused += 1,
            (false, _) => {}
        }
        Ok(())
    }

    /// On to where a system call begins or ends: its number.
    fn next_call(&mut self) -> Result<Option<libc::c_long>, Wrong> {
        match self.next_stop()? {
            Stop::Call(number) => Ok(Some(number)),
            Stop::Instruction => Ok(None),
        }
    }

    fn next_stop(&mut self) -> Result<Stop, Wrong> {
        self.traced.resume_to_call().map_err(os)?;
        match self.traced.wait().map_err(os)? {
            Step::Call => {
                let registers = ptrace::getregs(self.traced.pid()).map_err(os)?;
                Ok(Stop::Call(registers.orig_rax as libc::c_long))
            }
            Step::Stopped => Ok(Stop::Instruction),
            step => Err(ended(step)),
        }
    }

    /// Whether the instruction there is a system call.
    fn is_call(&self, at: u64) -> Result<bool, Wrong> {
        if let Some(known) = self.code.0.borrow().get(&at) {
            return Ok(*known);
        }
        let word = ptrace::read(self.traced.pid(), at as ptrace::AddressType).map_err(os)?;
        let is_call = word.to_le_bytes()[..2] == [0x0f, 0x05];
        self.code.0.borrow_mut().insert(at, is_call);
        Ok(is_call)
    }

    /// The moment at which a futex call that begins is to end at the latest: its fourth argument.
    fn deadline(&self) -> Result<u64, Wrong> {
        let at = ptrace::getregs(self.traced.pid()).map_err(os)?.r10;
        if at == 0 {
            return Ok(u64::MAX);
        }
        let read = |at: u64| ptrace::read(self.traced.pid(), at as ptrace::AddressType);
        let (seconds, nanos) = (read(at).map_err(os)?, read(at + 8).map_err(os)?);
        Ok((seconds as u64).saturating_mul(1_000_000_000).saturating_add(nanos as u64))
    }

    /// The next stop of a child that was resumed.
    fn within_limit(&mut self, hanging: &str) -> Result<Step, Wrong> {
        self.traced.wait_within(LIMIT).map_err(os)?.ok_or_else(|| hanging.to_owned())
    }

    /// Waits until a call returns, or sleeps: then there is no stop.
    fn left_or_asleep(&mut self) -> Result<Option<Step>, Wrong> {
        let start = Instant::now();
        while start.elapsed() < LIMIT {
            match self.traced.poll().map_err(os)? {
                None if self.traced.is_asleep() => return Ok(None),
                None => std::thread::yield_now(),
                left => return Ok(left),
            }
        }
        Err("hangs in a futex call".to_owned())
    }
}

fn os(error: nix::Error) -> Wrong {
    format!("ptrace: {error}")
}

fn ended(step: Step) -> Wrong {
    match step {
        Step::Exited(code) => Fault::explain(code).to_owned(),
        Step::Killed(Signal::SIGXCPU | Signal::SIGKILL) | Step::Signalled(Signal::SIGXCPU) => {
            "it goes round in circles".to_owned()
        }
        step => format!("it ended up with {step:?}"),
    }
}
