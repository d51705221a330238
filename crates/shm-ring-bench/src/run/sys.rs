//! The system calls that only libc has, each behind a safe function. It must not know what is
//! measured.
//!
//! Every block is one foreign call. The calls here take plain numbers, or pointers to values of ours
//! that outlive the call.
#![allow(unsafe_code)]

use std::io;
use std::os::fd::{BorrowedFd, OwnedFd, RawFd};

/// Makes the death of `parent` the death of this process, so that nothing outlives a comparison.
/// `false` if it is dead already.
pub(crate) fn die_with(parent: u32) -> bool {
    // SAFETY: takes numbers only.
    unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) };
    // It may have died before it was asked for: then somebody else is our parent.
    std::os::unix::process::parent_id() == parent
}

/// A descriptor of our own for one that was inherited under this number and stays open until the
/// process ends.
pub(crate) fn inherited(number: RawFd) -> io::Result<OwnedFd> {
    // Only a number that is no descriptor at all would be taken for something else.
    if number < 0 {
        return Err(io::Error::from_raw_os_error(libc::EBADF));
    }
    // SAFETY: borrowed for one call, which answers EBADF should the number not be open.
    let inherited = unsafe { BorrowedFd::borrow_raw(number) };
    Ok(rustix::io::fcntl_dupfd_cloexec(inherited, 0)?)
}

/// Asks for timers as exact as the kernel has them.
pub(crate) fn exact_timers() {
    // SAFETY: takes numbers only.
    unsafe { libc::prctl(libc::PR_SET_TIMERSLACK, 1_u64) };
}

/// From now on any system call of this thread but the one that ends the process kills it. (Not seccomp's strict mode: that also
/// takes the time stamp counter away, and with it every clock.)
pub(crate) fn forbid_system_calls() -> io::Result<()> {
    let filter = |code: u32, jf: u8, k: u32| libc::sock_filter { code: code as u16, jt: 0, jf, k };
    let mut program = [
        filter(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0, 0),
        filter(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, 1, libc::SYS_exit_group as u32),
        filter(libc::BPF_RET | libc::BPF_K, 0, libc::SECCOMP_RET_ALLOW),
        filter(libc::BPF_RET | libc::BPF_K, 0, libc::SECCOMP_RET_KILL_PROCESS),
    ];
    let program =
        libc::sock_fprog { len: program.len() as libc::c_ushort, filter: program.as_mut_ptr() };
    // SAFETY: takes numbers only.
    check(unsafe { libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) })?;
    // SAFETY: the program and its instructions outlive the call, which copies them.
    check(unsafe {
        libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, &raw const program)
    })
    .map(|_| ())
}

/// From now on each system call of this thread is announced on the descriptor and waits until it is let
/// through, but for reading a clock, which is none wherever the kernel lends the clock, and for the one
/// that ends the process.
pub(crate) fn announce_system_calls() -> io::Result<RawFd> {
    let filter = |code: u32, jt: u8, k: u32| libc::sock_filter { code: code as u16, jt, jf: 0, k };
    let is = libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K;
    let mut program = [
        filter(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0, 0),
        filter(is, 2, libc::SYS_clock_gettime as u32),
        filter(is, 1, libc::SYS_exit_group as u32),
        filter(libc::BPF_RET | libc::BPF_K, 0, libc::SECCOMP_RET_USER_NOTIF),
        filter(libc::BPF_RET | libc::BPF_K, 0, libc::SECCOMP_RET_ALLOW),
    ];
    let program =
        libc::sock_fprog { len: program.len() as libc::c_ushort, filter: program.as_mut_ptr() };
    // SAFETY: takes numbers only.
    check(unsafe { libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) })?;
    let (mode, flags) = (libc::SECCOMP_SET_MODE_FILTER, libc::SECCOMP_FILTER_FLAG_NEW_LISTENER);
    // SAFETY: the program and its instructions outlive the call, which copies them.
    let listener = unsafe { libc::syscall(libc::SYS_seccomp, mode, flags, &raw const program) };
    check(listener as libc::c_int)
}

/// Waits for the next system call that is announced. Which one it is.
pub(crate) fn announced_system_call(listener: RawFd) -> io::Result<u64> {
    let data = libc::seccomp_data { nr: 0, arch: 0, instruction_pointer: 0, args: [0; 6] };
    let mut call = libc::seccomp_notif { id: 0, pid: 0, flags: 0, data };
    // SAFETY: the answer goes to a value of ours, of the size that is part of the request's number.
    check(unsafe { libc::ioctl(listener, libc::SECCOMP_IOCTL_NOTIF_RECV, &raw mut call) })?;
    Ok(call.id)
}

/// Lets an announced system call be made.
pub(crate) fn let_through(listener: RawFd, call: u64) {
    let flags = libc::SECCOMP_USER_NOTIF_FLAG_CONTINUE as u32;
    let mut answer = libc::seccomp_notif_resp { id: call, val: 0, error: 0, flags };
    // SAFETY: as above. It fails only if the call was withdrawn.
    unsafe { libc::ioctl(listener, libc::SECCOMP_IOCTL_NOTIF_SEND, &raw mut answer) };
}

/// Context switches of this thread so far, voluntary and not.
pub(crate) fn thread_switches() -> u64 {
    let mut usage = std::mem::MaybeUninit::<libc::rusage>::zeroed();
    // SAFETY: the answer goes to a value of ours.
    unsafe { libc::getrusage(libc::RUSAGE_THREAD, usage.as_mut_ptr()) };
    // SAFETY: numbers only, of which all were zero before.
    let usage = unsafe { usage.assume_init() };
    (usage.ru_nvcsw + usage.ru_nivcsw) as u64
}

/// Ends this process by the one system call that is left after [`forbid_system_calls`].
pub(crate) fn exit_now() -> ! {
    // SAFETY: ends the process, which runs nothing of ours any more.
    unsafe { libc::_exit(0) }
}

/// Processor time of a process so far, user and system, in nanoseconds.
pub(crate) fn cpu_of_process_ns(process: i32) -> io::Result<u64> {
    let mut clock = 0;
    // SAFETY: the answer goes to a value of ours.
    let error = unsafe { libc::clock_getcpuclockid(process, &raw mut clock) };
    if error != 0 {
        return Err(io::Error::from_raw_os_error(error));
    }
    let mut now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: as above.
    check(unsafe { libc::clock_gettime(clock, &raw mut now) })?;
    Ok(now.tv_sec as u64 * 1_000_000_000 + now.tv_nsec as u64)
}

/// Sends SIGKILL to a process group that we made.
pub(crate) fn kill_group(leader: u32) {
    // SAFETY: takes numbers only.
    unsafe { libc::killpg(leader as libc::pid_t, libc::SIGKILL) };
}

/// A new System V segment without a key.
pub(crate) fn shm_create(bytes: usize) -> io::Result<i32> {
    // SAFETY: takes numbers only.
    check(unsafe { libc::shmget(libc::IPC_PRIVATE, bytes, libc::IPC_CREAT | 0o600) })
}

/// Marks a segment for removal when the last process has detached.
pub(crate) fn shm_remove(id: i32) {
    // SAFETY: IPC_RMID ignores its pointer.
    unsafe { libc::shmctl(id, libc::IPC_RMID, std::ptr::null_mut()) };
}

/// Attaches a segment; it stays attached until the process ends.
pub(crate) fn shm_attach(id: i32) -> io::Result<*mut u8> {
    // SAFETY: the kernel chooses the address.
    let address = unsafe { libc::shmat(id, std::ptr::null(), 0) };
    if address as isize == -1 { Err(io::Error::last_os_error()) } else { Ok(address.cast()) }
}

/// A new System V semaphore set without a key, with these initial values.
pub(crate) fn sem_create(values: &[i32]) -> io::Result<i32> {
    let count = values.len() as i32;
    // SAFETY: takes numbers only.
    let id = check(unsafe { libc::semget(libc::IPC_PRIVATE, count, libc::IPC_CREAT | 0o600) })?;
    for (index, &value) in values.iter().enumerate() {
        // SAFETY: SETVAL takes an int in place of the union.
        check(unsafe { libc::semctl(id, index as i32, libc::SETVAL, value) })?;
    }
    Ok(id)
}

/// Removes a semaphore set; whoever waits on it gets an error.
pub(crate) fn sem_remove(id: i32) {
    // SAFETY: IPC_RMID takes no fourth argument.
    unsafe { libc::semctl(id, 0, libc::IPC_RMID) };
}

/// The value of a semaphore now.
pub(crate) fn sem_value(id: i32, index: u16) -> io::Result<i32> {
    // SAFETY: GETVAL takes no fourth argument.
    check(unsafe { libc::semctl(id, i32::from(index), libc::GETVAL) })
}

/// Adds `change` to a semaphore, waiting where that must wait.
pub(crate) fn sem_change(id: i32, index: u16, change: i16, undo: bool) -> io::Result<()> {
    let sem_flg = if undo { libc::SEM_UNDO as i16 } else { 0 };
    let mut operation = libc::sembuf { sem_num: index, sem_op: change, sem_flg };
    // SAFETY: one operation of ours.
    check(unsafe { libc::semop(id, &raw mut operation, 1) }).map(|_| ())
}

/// Makes a process-shared POSIX semaphore at `at`.
///
/// # Safety
/// `at` is aligned for a `sem_t` and leads into a shared mapping that outlives its use.
pub(crate) unsafe fn posix_sem_init(at: *mut libc::sem_t, value: u32) -> io::Result<()> {
    // SAFETY: the contract above.
    check(unsafe { libc::sem_init(at, 1, value) }).map(|_| ())
}

/// # Safety
/// `at` leads to a semaphore that was made by [`posix_sem_init`].
pub(crate) unsafe fn posix_sem_post(at: *mut libc::sem_t) -> io::Result<()> {
    // SAFETY: the contract above.
    check(unsafe { libc::sem_post(at) }).map(|_| ())
}

/// # Safety
/// `at` leads to a semaphore that was made by [`posix_sem_init`].
pub(crate) unsafe fn posix_sem_wait(at: *mut libc::sem_t) -> io::Result<()> {
    loop {
        // SAFETY: the contract above.
        match check(unsafe { libc::sem_wait(at) }) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            answer => return answer.map(|_| ()),
        }
    }
}

fn check(answer: libc::c_int) -> io::Result<i32> {
    if answer == -1 { Err(io::Error::last_os_error()) } else { Ok(answer) }
}
