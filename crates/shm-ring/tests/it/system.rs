//! What only unsafe code can do: fork, seccomp, namespaces, signals to one thread, a store to an
//! address. Used by children, which can afford to break themselves; all of it behind safe functions whose
//! worst is the end of the calling process.
#![allow(unsafe_code)]

use std::ffi::CString;
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

fn check(answer: libc::c_int) -> io::Result<()> {
    if answer == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Has the kernel kill the child when the thread that starts it ends.
pub(crate) fn die_with_parent(command: &mut Command) {
    let ask = || {
        // SAFETY: prctl with integers only; it is async-signal-safe, as pre_exec asks.
        check(unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) })
    };
    // SAFETY: the closure does one system call and allocates nothing.
    unsafe { command.pre_exec(ask) };
}

/// Forks; the answer in the child is `None`. Only in children of ours that run one test.
pub(crate) fn fork() -> Option<i32> {
    let parent = rustix::process::getpid();
    // SAFETY: the child goes on with the calling thread alone; glibc keeps its allocator usable
    // there, and our callers use no other lock that a lost thread could hold.
    match unsafe { libc::fork() } {
        -1 => panic!("fork: {}", io::Error::last_os_error()),
        0 => {
            // SAFETY: prctl with integers only.
            let _ = unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) };
            if rustix::process::getppid() != Some(parent) {
                // It died before we could ask to die with it.
                exit_now(3);
            }
            None
        }
        pid => Some(pid),
    }
}

/// Goes on as a daemon: what calls this ends, and its child goes on.
pub(crate) fn become_a_daemon() {
    // SAFETY: as in `fork`.
    check(unsafe { libc::daemon(1, 1) }).unwrap();
}

/// [`fork`] past the C library, whose handlers do not run, into a pid namespace of its own if `namespace`: the child is
/// process 1 there.
pub(crate) fn clone_without_handlers(namespace: bool) -> Option<i32> {
    let flags = libc::SIGCHLD | if namespace { libc::CLONE_NEWPID } else { 0 };
    // SAFETY: as in `fork`: a child with memory of its own, on a copy of this stack.
    match unsafe { libc::syscall(libc::SYS_clone, flags, 0, 0, 0, 0) } {
        -1 => panic!("clone: {}", io::Error::last_os_error()),
        0 => {
            // SAFETY: prctl with integers only.
            let _ = unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) };
            None
        }
        pid => Some(pid as i32),
    }
}

/// Has a child that shares this process's memory, as `vfork` makes it, run `child` and end at once with what that
/// returns: its wait status. This thread stands still meanwhile.
pub(crate) fn in_a_shared_child(child: fn() -> i32) -> i32 {
    extern "C" fn run(child: *mut libc::c_void) -> libc::c_int {
        // SAFETY: the pointer is the function that `clone` was given, of that type.
        let child: fn() -> i32 = unsafe { std::mem::transmute(child) };
        child()
    }
    let mut stack = vec![0_u128; 1 << 14];
    let flags = libc::CLONE_VM | libc::CLONE_VFORK | libc::SIGCHLD;
    let top = stack.as_mut_ptr_range().end.cast();
    // SAFETY: the child runs on `stack`, which stays until it has ended: CLONE_VFORK waits for that.
    let pid = unsafe { libc::clone(run, top, flags, child as *mut libc::c_void) };
    assert!(pid > 0, "clone: {}", io::Error::last_os_error());
    wait_for(pid)
}

/// Waits for a forked child: its wait status as the kernel gives it.
pub(crate) fn wait_for(pid: i32) -> i32 {
    let mut status = 0;
    loop {
        // SAFETY: `status` is ours and outlives the call.
        if unsafe { libc::waitpid(pid, &mut status, 0) } == pid {
            return status;
        }
        assert_eq!(io::Error::last_os_error().kind(), io::ErrorKind::Interrupted);
    }
}

/// Ends this process, running nothing that would run at its end.
pub(crate) fn exit_now(code: i32) -> ! {
    // SAFETY: ends the process; no memory is touched afterwards.
    unsafe { libc::_exit(code) }
}

/// What opens a file.
pub(crate) const OPEN: &[libc::c_long] = &[
    libc::SYS_openat,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_open,
];

/// System calls that a filter is about: those of one number, or of them those with one argument.
#[derive(Clone, Copy)]
pub(crate) struct Call {
    number: libc::c_long,
    /// Which argument, how it is compared, and with what.
    only: Option<(u32, u32, u32)>,
}

impl From<libc::c_long> for Call {
    fn from(number: libc::c_long) -> Self {
        Self { number, only: None }
    }
}

impl Call {
    /// Opening a file that has no name.
    pub(crate) fn unnamed_file() -> Self {
        // Without the bit that it shares with O_DIRECTORY.
        let bit = (libc::O_TMPFILE & !libc::O_DIRECTORY) as u32;
        Self { number: libc::SYS_openat, only: Some((2, libc::BPF_JSET, bit)) }
    }

    /// An `fcntl` with this command.
    pub(crate) fn fcntl(command: libc::c_int) -> Self {
        Self { number: libc::SYS_fcntl, only: Some((1, libc::BPF_JEQ, command as u32)) }
    }
}

fn statement(code: u32, k: u32) -> libc::sock_filter {
    libc::sock_filter { code: code as u16, jt: 0, jf: 0, k }
}

fn load(offset: u32) -> libc::sock_filter {
    statement(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, offset)
}

/// Goes over so many statements unless it holds.
fn unless_skip(comparison: u32, k: u32, jf: u8) -> libc::sock_filter {
    let code = (libc::BPF_JMP | comparison | libc::BPF_K) as u16;
    libc::sock_filter { code, jt: 0, jf, k }
}

/// From now on `answer` is what these system calls get, and `otherwise` what the others get, for
/// this thread and those that it starts.
fn filter(calls: &[Call], answer: u32, otherwise: u32) {
    let mut filter = Vec::new();
    for Call { number, only } in calls {
        filter.push(load(0));
        filter.push(unless_skip(libc::BPF_JEQ, *number as u32, if only.is_some() { 3 } else { 1 }));
        if let Some((argument, comparison, value)) = only {
            // The lower half of it, on little-endian machines.
            filter.extend([load(16 + 8 * argument), unless_skip(*comparison, *value, 1)]);
        }
        filter.push(statement(libc::BPF_RET | libc::BPF_K, answer));
    }
    filter.push(statement(libc::BPF_RET | libc::BPF_K, otherwise));
    let program = libc::sock_fprog { len: filter.len() as u16, filter: filter.as_mut_ptr() };
    // SAFETY: prctl with integers only.
    check(unsafe { libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) }).unwrap();
    let mode = libc::SECCOMP_MODE_FILTER;
    let program = core::ptr::from_ref(&program);
    // SAFETY: `program` and the filter that it points to outlive the call, which copies them. The
    // filter is not freed before: it is a local of this function.
    check(unsafe { libc::prctl(libc::PR_SET_SECCOMP, mode, program) }).unwrap();
    drop(filter);
}

/// From now on these system calls answer `errno`.
pub(crate) fn refuse<C: Into<Call> + Copy>(calls: &[C], errno: i32) {
    let calls: Vec<_> = calls.iter().map(|call| (*call).into()).collect();
    filter(&calls, libc::SECCOMP_RET_ERRNO | errno as u32, libc::SECCOMP_RET_ALLOW);
}

/// From now on this system call ends the process before it is made.
pub(crate) fn die_at(call: libc::c_long) {
    filter(&[call.into()], libc::SECCOMP_RET_KILL_PROCESS, libc::SECCOMP_RET_ALLOW);
}

/// From now on any system call of this thread ends the process, but for the one that ends it in order,
/// and for reading the clock, which is a system call only on machines whose clock programs cannot read.
/// (Not SECCOMP_MODE_STRICT: that also forbids the instruction that reads the clock.)
pub(crate) fn allow_nothing() {
    let allowed = [libc::SYS_exit_group, libc::SYS_clock_gettime].map(Call::from);
    filter(&allowed, libc::SECCOMP_RET_ALLOW, libc::SECCOMP_RET_KILL_PROCESS);
}

/// Leaves the namespaces that `flags` name.
pub(crate) fn unshare(flags: libc::c_int) -> io::Result<()> {
    // SAFETY: integers only.
    check(unsafe { libc::unshare(flags) })
}

/// Mounts an empty tmpfs of `bytes` at `path`, in a mount namespace of our own that goes when this
/// process does.
pub(crate) fn mount_tmpfs(path: &Path, bytes: u64) -> io::Result<()> {
    mount(path, "tmpfs", &format!("size={bytes}"))
}

/// Mounts an empty file system of that kind at `path`, likewise.
pub(crate) fn mount(path: &Path, kind: &str, options: &str) -> io::Result<()> {
    unshare(libc::CLONE_NEWNS)?;
    let text = |text: &str| CString::new(text).unwrap();
    let (none, root, kind) = (text("none"), text("/"), text(kind));
    let flags = libc::MS_REC | libc::MS_PRIVATE;
    let (null, nothing) = (core::ptr::null(), core::ptr::null());
    // SAFETY: the texts outlive the call.
    check(unsafe { libc::mount(none.as_ptr(), root.as_ptr(), null, flags, nothing) })?;
    let (path, options) = (text(path.to_str().unwrap()), text(options));
    let (path, options) = (path.as_ptr(), options.as_ptr().cast());
    // SAFETY: the texts outlive the call.
    check(unsafe { libc::mount(kind.as_ptr(), path, kind.as_ptr(), 0, options) })
}

/// [`become_user`], as a member of `groups` and of no others.
pub(crate) fn become_user_in(id: u32, groups: &[u32]) {
    // SAFETY: `groups` is there while the kernel reads it.
    check(unsafe { libc::setgroups(groups.len(), groups.as_ptr()) }).unwrap();
    become_user(id);
}

/// Becomes a user without privileges, permanently.
pub(crate) fn become_user(id: u32) {
    // SAFETY: integers only.
    check(unsafe { libc::setresgid(id, id, id) }).unwrap();
    // SAFETY: integers only.
    check(unsafe { libc::setresuid(id, id, id) }).unwrap();
}

/// Locks all that this process will map.
pub(crate) fn lock_all_of_the_future() {
    // SAFETY: integers only.
    check(unsafe { libc::mlockall(libc::MCL_FUTURE) }).unwrap();
}

/// A file that becomes too long is an error alone, and no signal.
pub(crate) fn ignore_file_size_signals() {
    // SAFETY: no handler of ours is named.
    let before = unsafe { libc::signal(libc::SIGXFSZ, libc::SIG_IGN) };
    assert_ne!(before, libc::SIG_ERR);
}

/// An open file description lock for reading, which takes no more than the right to read. It goes with `file`.
pub(crate) fn lock_for_reading(file: &std::fs::File, start: u64, len: u64) {
    lock(file, libc::F_OFD_SETLK, libc::F_RDLCK, start, len).unwrap();
}

/// The same as soon as nobody is in the way: in the moment in which the kernel frees the lock of a process that dies.
pub(crate) fn lock_for_reading_when_free(file: &std::fs::File, start: u64, len: u64) {
    lock(file, libc::F_OFD_SETLKW, libc::F_RDLCK, start, len).unwrap();
}

/// The kind of lock that proves a role. It goes with `file`.
pub(crate) fn lock_for_writing(file: &std::fs::File, start: u64, len: u64) -> io::Result<()> {
    lock(file, libc::F_OFD_SETLK, libc::F_WRLCK, start, len)
}

fn lock(
    file: &std::fs::File,
    command: libc::c_int,
    kind: libc::c_int,
    start: u64,
    len: u64,
) -> io::Result<()> {
    let lock = libc::flock {
        l_type: kind as libc::c_short,
        l_whence: libc::SEEK_SET as libc::c_short,
        l_start: start as libc::off_t,
        l_len: len as libc::off_t,
        l_pid: 0,
    };
    // SAFETY: `file` is open, and `lock` is there while the kernel reads it.
    check(unsafe { libc::fcntl(file.as_raw_fd(), command, &lock) })
}

extern "C" fn nothing(_signal: libc::c_int) {}

/// Whether the kernel interrupts this process for `membarrier(GLOBAL_EXPEDITED)`. `None` before Linux 6.3.
pub(crate) fn is_registered_for_membarriers() -> Option<bool> {
    const GET_REGISTRATIONS: libc::c_int = 1 << 9;
    // SAFETY: touches no memory.
    let registered = unsafe { libc::syscall(libc::SYS_membarrier, GET_REGISTRATIONS, 0, 0) };
    (registered >= 0)
        .then_some(registered & libc::MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED as i64 != 0)
}

/// Has SIGUSR1 run a handler that does nothing, and interrupt system calls rather than restart
/// them.
pub(crate) fn let_signals_interrupt() {
    handle_signals(nothing);
}

/// From now on this thread, and those that it starts, have one processor.
pub(crate) fn stay_on_one_processor() {
    let mut one = rustix::thread::CpuSet::new();
    one.set(rustix::thread::sched_getcpu());
    rustix::thread::sched_setaffinity(None, &one).unwrap();
}

/// From now on this thread runs before all ordinary ones; false if that is refused.
pub(crate) fn become_urgent() -> bool {
    let priority = libc::sched_param { sched_priority: 1 };
    // SAFETY: `priority` outlives the call.
    check(unsafe { libc::sched_setscheduler(0, libc::SCHED_FIFO, &priority) }).is_ok()
}

/// Has SIGUSR1 run `handler`, which does only what a signal handler may.
pub(crate) fn handle_signals(handler: extern "C" fn(libc::c_int)) {
    // SAFETY: all zeros is a valid `sigaction`: no flags, an empty mask.
    let mut action: libc::sigaction = unsafe { core::mem::zeroed() };
    action.sa_sigaction = handler as usize;
    // SAFETY: `action` outlives the call; what its handler does is promised above.
    let answer = unsafe { libc::sigaction(libc::SIGUSR1, &action, core::ptr::null_mut()) };
    check(answer).unwrap();
}

/// Sends SIGUSR1 to one thread of this process.
pub(crate) fn interrupt(thread: rustix::process::Pid) {
    let (process, thread) = (std::process::id(), thread.as_raw_nonzero().get());
    // SAFETY: integers only; a thread that is gone is an error and no more.
    unsafe { libc::syscall(libc::SYS_tgkill, process, thread, libc::SIGUSR1) };
}

/// Stores a byte at `address`, wherever that is. Only in a child that is expected to die of it.
pub(crate) fn store(address: usize, byte: u8) {
    let place = core::ptr::with_exposed_provenance_mut::<u8>(address);
    // SAFETY: the address was read from our own list of mappings: the page is mapped. If it is
    // read-only the store ends the process; if not, it changes a byte of a region under test,
    // which the library accesses as bytes that anyone may change.
    unsafe { place.write_volatile(byte) };
}
