//! Owns: the keeper's thread, which only sleeps, and the robust list that it has. Knows nothing of: what the list leads to.
//!
//! The C library makes the thread and the standard library has no part in it, so that it allocates nothing: each process
//! with a ring would hold the arena that the C library makes for a thread's first allocation.
//!
//! One thread at a time is started or ended: callers hold a lock. Invariants of the unsafe blocks:
//! 1. The list is mapped for as long as the thread may end: who gave it promised that.
//! 2. Attributes and signal sets are ours, and initialised before they are read.
#![allow(unsafe_code)]

use core::ffi::{c_int, c_long, c_void};
use core::mem::MaybeUninit;
use core::ptr::{self, NonNull};
use core::time::Duration;

use rustix::io::Errno;
use rustix::thread::futex;
use rustix::time::Timespec;

use crate::protocol::clock::Deadline;
use crate::protocol::sync::Ordering;
use crate::protocol::sync::private::AtomicU32;

/// How long the thread's end is waited for at most.
const PATIENCE: Duration = Duration::from_millis(100);
/// And how long it usually takes.
const USUAL: Duration = Duration::from_micros(100);
/// The thread's answer is waited for in slices: a wake-up may be lost where system calls are tampered with.
const SLICE: Timespec = Timespec { tv_sec: 0, tv_nsec: 100_000_000 };
/// The thread calls next to nothing. What the C library keeps of a thread stands there too.
const STACK: usize = 32 * 1024;

/// What the thread that was started last says: [`SILENT`], [`REFUSED`], or its number.
static ANSWER: AtomicU32 = AtomicU32::new(SILENT);
const SILENT: u32 = 0;
/// It can have no list.
const REFUSED: u32 = u32::MAX;
/// How many threads were told to end. A thread goes on while this is what it was when it began: one that is late to
/// end does not take itself for the next.
static ENDED: AtomicU32 = AtomicU32::new(0);

/// The thread.
pub(super) struct Thread {
    id: u32,
}

impl Thread {
    /// Starts it with `list`, a `struct robust_list_head` of `len` bytes. `None` if there can be no thread or no list.
    ///
    /// # Safety
    /// The list is whole, and stays mapped until the thread has ended.
    pub(super) unsafe fn start(list: NonNull<c_void>, len: usize) -> Option<Self> {
        let given = Given { list, len };
        ANSWER.store(SILENT, Ordering::Relaxed);
        // A program may have much memory that belongs to threads, for which this stack is too small.
        let started = without_signals(|| create(Some(STACK), &given) || create(None, &given));
        if !started {
            return None;
        }
        loop {
            match ANSWER.load(Ordering::Acquire) {
                // edge `kept`
                SILENT => sleep(&ANSWER, SILENT, Some(&SLICE)),
                REFUSED => return None,
                id => return Some(Self { id }),
            }
        }
    }

    /// Its number, for the words that it keeps.
    pub(super) fn id(&self) -> u32 {
        self.id
    }

    /// Ends it and sees it gone, for callers that go on to what only a process with one thread may do.
    /// Not by joining: where a sandbox refuses futexes, the C library ends a process that joins.
    pub(super) fn end(self) {
        ENDED.fetch_add(1, Ordering::Relaxed);
        wake(&ENDED);
        let start = Deadline::now();
        while is_there(self.id) && Deadline::now() < start.plus(PATIENCE) {
            if Deadline::now() < start.plus(USUAL) {
                std::thread::yield_now();
            } else {
                // It may have to wait for this processor, to which a thread of a higher priority does not yield.
                std::thread::sleep(USUAL);
            }
        }
    }
}

/// What the thread needs to know. Edge `kept`: it has read this before it answers.
struct Given {
    list: NonNull<c_void>,
    len: usize,
}

/// All that the thread does.
extern "C" fn keep(given: *mut c_void) -> *mut c_void {
    let ended = ENDED.load(Ordering::Relaxed);
    // SAFETY: `start` keeps it until it has an answer.
    let Given { list, len } = unsafe { given.cast::<Given>().read() };
    let _ = rustix::thread::set_name(c"shm-ring-notice");
    let listed = own_list(list, len);
    let answer = if listed { rustix::thread::gettid().as_raw_pid() as u32 } else { REFUSED };
    ANSWER.store(answer, Ordering::Release); // edge `kept`
    wake(&ANSWER);
    while listed && ENDED.load(Ordering::Relaxed) == ended {
        // For as long as it takes: an idle process is not to wake for this.
        sleep(&ENDED, ended, None);
    }
    ptr::null_mut()
}

/// Makes `list` the robust list of the calling thread. It replaces that of the C library, which is for mutexes
/// that this thread never takes.
fn own_list(list: NonNull<c_void>, len: usize) -> bool {
    // SAFETY: invariant 1: the kernel reads the list when this thread ends.
    unsafe { libc::syscall(libc::SYS_set_robust_list, list.as_ptr(), len as c_long) == 0 }
}

/// Creates the thread, detached, with a stack of `stack` bytes or of the usual size. Whether that was possible.
fn create(stack: Option<usize>, given: &Given) -> bool {
    let mut attributes = MaybeUninit::<libc::pthread_attr_t>::uninit();
    let of = attributes.as_mut_ptr();
    let mut thread = MaybeUninit::<libc::pthread_t>::uninit();
    // SAFETY: invariant 2.
    let initialised: c_int = unsafe { libc::pthread_attr_init(of) };
    if initialised != 0 {
        return false;
    }
    // SAFETY: invariant 2.
    let detached = unsafe { libc::pthread_attr_setdetachstate(of, libc::PTHREAD_CREATE_DETACHED) };
    // SAFETY: invariant 2.
    let sized = stack.map_or(0, |stack| unsafe { libc::pthread_attr_setstacksize(of, stack) });
    let given = ptr::from_ref(given).cast_mut().cast();
    // SAFETY: invariant 2; `keep` takes what it is given.
    let mut create = || unsafe { libc::pthread_create(thread.as_mut_ptr(), of, keep, given) };
    let created = detached == 0 && sized == 0 && create() == 0;
    // SAFETY: invariant 2; nobody uses them any more.
    unsafe { libc::pthread_attr_destroy(of) };
    created
}

/// Sleeps while `word` is `value`, for `limit` at most.
fn sleep(word: &AtomicU32, value: u32, limit: Option<&Timespec>) {
    match futex::wait(word, futex::Flags::PRIVATE, value, limit) {
        Ok(()) | Err(Errno::AGAIN | Errno::INTR | Errno::TIMEDOUT) => {}
        // A sandbox that refuses futexes: poll gently instead.
        Err(_) => std::thread::sleep(Duration::from_millis(1)),
    }
}

fn wake(word: &AtomicU32) {
    let _ = futex::wake(word, futex::Flags::PRIVATE, i32::MAX as u32);
}

/// Whether this process has a thread of this number.
fn is_there(thread: u32) -> bool {
    let (process, nothing) = (std::process::id(), 0);
    // SAFETY: integers only, and no signal is sent.
    unsafe { libc::syscall(libc::SYS_tgkill, process, thread, nothing) == 0 }
}

/// Starts a thread that no signal is delivered to: handlers are for the threads of the program.
fn without_signals<R>(start: impl FnOnce() -> R) -> R {
    let mut all = MaybeUninit::<libc::sigset_t>::uninit();
    let mut before = MaybeUninit::<libc::sigset_t>::uninit();
    // SAFETY: invariant 2.
    unsafe { libc::sigfillset(all.as_mut_ptr()) };
    // SAFETY: invariant 2.
    let blocked =
        unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, all.as_ptr(), before.as_mut_ptr()) };
    let started = start();
    if blocked == 0 {
        // SAFETY: invariant 2: the call above has filled it.
        unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, before.as_ptr(), ptr::null_mut()) };
    }
    started
}
