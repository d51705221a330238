//! What the kernel does for a case and no safe wrapper offers: system calls refused by a filter,
//! signals that interrupt. Used by processes of ours that can afford to break themselves.
//!
//! Invariant of the unsafe blocks: what is passed by address is a local that outlives the call, and
//! the kernel copies it. The signal handler adds to an atomic and touches nothing else.
#![allow(unsafe_code)]

use std::sync::atomic::{AtomicU64, Ordering};

use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, sigaction};
use rustix::io::Errno;

use super::case::Stop;

/// Calls that are refused from now on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Refusal {
    pub(crate) call: libc::c_long,
    pub(crate) when: When,
    pub(crate) errno: Errno,
}

/// Which of the calls of one number are meant.
#[derive(Clone, Copy, Debug)]
pub(crate) enum When {
    Always,
    /// The argument of this number is this.
    Is(u32, u32),
    /// The argument of this number has one of these bits.
    Has(u32, u32),
}

/// Every call of this number.
pub(crate) fn every(call: libc::c_long, errno: Errno) -> Refusal {
    Refusal { call, when: When::Always, errno }
}

/// Opening anything.
pub(crate) fn open(errno: Errno) -> Vec<Refusal> {
    vec![
        every(libc::SYS_openat, errno),
        #[cfg(target_arch = "x86_64")]
        every(libc::SYS_open, errno),
    ]
}

/// Opening a file that has no name.
pub(crate) fn tmpfile(errno: Errno) -> Refusal {
    // Without the bit that it shares with O_DIRECTORY.
    let bit = (libc::O_TMPFILE & !libc::O_DIRECTORY) as u32;
    Refusal { call: libc::SYS_openat, when: When::Has(2, bit), errno }
}

/// An `fcntl` with this command.
pub(crate) fn fcntl(command: libc::c_int, errno: Errno) -> Refusal {
    Refusal { call: libc::SYS_fcntl, when: When::Is(1, command as u32), errno }
}

fn statement(code: u32, k: u32) -> libc::sock_filter {
    libc::sock_filter { code: code as u16, jt: 0, jf: 0, k }
}

/// Falls through to the next statement if it holds, and over it if not.
fn unless_skip(code: u32, k: u32, over: u8) -> libc::sock_filter {
    let code = (libc::BPF_JMP | code | libc::BPF_K) as u16;
    libc::sock_filter { code, jt: 0, jf: over, k }
}

fn load(offset: u32) -> libc::sock_filter {
    statement(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, offset)
}

/// Offset of the lower half of an argument in `seccomp_data`, on little-endian machines.
fn argument(number: u32) -> u32 {
    16 + 8 * number
}

/// From now on the kernel answers these calls of this thread, and of those that it starts, so.
pub(crate) fn refuse(refusals: &[Refusal]) -> Result<(), Stop> {
    let mut filter = Vec::new();
    for Refusal { call, when, errno } in refusals {
        let answer = libc::SECCOMP_RET_ERRNO | errno.raw_os_error() as u32;
        filter.push(load(0));
        let test = match *when {
            When::Always => None,
            When::Is(number, value) => Some((number, libc::BPF_JEQ, value)),
            When::Has(number, bits) => Some((number, libc::BPF_JSET, bits)),
        };
        filter.push(unless_skip(libc::BPF_JEQ, *call as u32, if test.is_some() { 3 } else { 1 }));
        if let Some((number, code, value)) = test {
            filter.push(load(argument(number)));
            filter.push(unless_skip(code, value, 1));
        }
        filter.push(statement(libc::BPF_RET | libc::BPF_K, answer));
    }
    filter.push(statement(libc::BPF_RET | libc::BPF_K, libc::SECCOMP_RET_ALLOW));
    let program = libc::sock_fprog { len: filter.len() as u16, filter: filter.as_mut_ptr() };
    // SAFETY: integers only.
    check(unsafe { libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) })?;
    let (mode, program) = (libc::SECCOMP_MODE_FILTER, core::ptr::from_ref(&program));
    // SAFETY: the invariant above; `filter` is dropped after the call.
    let answer = check(unsafe { libc::prctl(libc::PR_SET_SECCOMP, mode, program) });
    drop(filter);
    answer.map_err(|error| Stop::Skipped(format!("a seccomp filter: {error}")))
}

fn check(answer: libc::c_int) -> std::io::Result<()> {
    if answer == 0 { Ok(()) } else { Err(std::io::Error::last_os_error()) }
}

static HANDLED: AtomicU64 = AtomicU64::new(0);

extern "C" fn count(_signal: libc::c_int) {
    HANDLED.fetch_add(1, Ordering::Relaxed);
}

/// How many signals have run our handler.
pub(crate) fn handled() -> u64 {
    HANDLED.load(Ordering::Relaxed)
}

/// Has SIGUSR1 run a handler, and interrupt system calls rather than restart them.
pub(crate) fn let_signals_interrupt() -> Result<(), Stop> {
    let action = SigAction::new(SigHandler::Handler(count), SaFlags::empty(), SigSet::empty());
    // SAFETY: the invariant above on the handler.
    unsafe { sigaction(Signal::SIGUSR1, &action) }?;
    Ok(())
}

/// Has a signal do nothing.
pub(crate) fn ignore(signal: Signal) -> Result<(), Stop> {
    let action = SigAction::new(SigHandler::SigIgn, SaFlags::empty(), SigSet::empty());
    // SAFETY: no handler runs.
    unsafe { sigaction(signal, &action) }?;
    Ok(())
}
