//! Owns: sleeping on many words by io_uring, one request an end (IORING_OP_FUTEX_WAITV). Knows nothing of: whose words they
//! are.
//!
//! A request is the thread's that submitted it, and dies with it: the helper thread alone submits and reaps, or the threads
//! of a runtime, and what dies is asked for again. Against `futex_waitv`, an end costs something when it comes and when it is
//! rung, and not at each sleep of the thread.
//!
//! Invariants of the unsafe blocks: what a request points to stays in `requests` until it has completed; `ring` is the same
//! for as long as a `Uring` lives.
#![allow(unsafe_code)]

use core::sync::atomic::AtomicU32;
use core::time::Duration;
use std::collections::HashMap;
use std::io;

use io_uring::squeue::Entry;
use io_uring::types::{FutexWaitV, SubmitArgs, Timespec};
use io_uring::{IoUring, Probe, opcode};
use rustix::io::Errno;
use shm_ring::Armed;
#[cfg(feature = "tokio")]
use tokio::io::{Interest, unix::AsyncFd};

use super::clock::now;
use super::table::Table;

/// How many words the ends of one thread may have. The kernel has no bound: a look at each end has.
pub(crate) const WORDS: usize = 2048;
/// Entries of the submission queue. What does not fit is submitted before the rest.
const ENTRIES: u32 = 128;
/// `FUTEX2_SIZE_U32` and `FUTEX2_PRIVATE` of linux/futex.h.
const SIZE_U32: u32 = 2;
const PRIVATE: u32 = 128;
/// When ends are looked at that the kernel does not watch.
const BY_AND_BY: Duration = Duration::from_millis(1);
/// The answer to a cancellation, which nobody waits for.
const NOBODY: u64 = 0;

/// What a request points to: the words of an end, or a time.
type Held = Box<dyn Send + Sync>;

pub(crate) struct Uring {
    ring: IoUring,
    /// By ticket: what each request that has not completed points to.
    requests: HashMap<u64, Held>,
    tickets: u64,
    /// Of the request that sleeps on the control word, and the value for which it does.
    control: (u64, u32),
    /// Of the request that completes when it is time, and when that is.
    #[cfg(feature = "tokio")]
    timer: (u64, u64),
    /// Whether a request was refused.
    refused: bool,
}

impl Uring {
    /// An instance whose kernel knows the request, by asking and by trying.
    pub(crate) fn new() -> io::Result<Self> {
        let ring = IoUring::builder().dontfork().build(ENTRIES)?;
        let mut probe = Probe::new();
        ring.submitter().register_probe(&mut probe)?;
        let knows = probe.is_supported(opcode::FutexWaitV::CODE)
            && probe.is_supported(opcode::AsyncCancel::CODE)
            && ring.params().is_feature_ext_arg();
        if !knows {
            return Err(io::ErrorKind::Unsupported.into());
        }
        let requests = HashMap::new();
        let mut uring = Self {
            ring,
            requests,
            tickets: 0,
            control: (0, 0),
            #[cfg(feature = "tokio")]
            timer: (0, 0),
            refused: false,
        };
        // A word that is not what it is said to be.
        let word = AtomicU32::new(0);
        uring.request([(word.as_ptr().cast_const(), 1)].into_iter(), PRIVATE);
        uring.ring.submit_and_wait(1)?;
        let answer = uring.ring.completion().next().map(|done| done.result());
        uring.requests.clear();
        if answer != Some(-Errno::AGAIN.raw_os_error()) {
            return Err(io::ErrorKind::Unsupported.into());
        }
        Ok(uring)
    }

    /// Asks for a completion when one of `words` changes: the ticket of that.
    fn request(&mut self, words: impl Iterator<Item = (*const u32, u32)>, flags: u32) -> u64 {
        let mut array = Box::new([FutexWaitV::new(); 3]);
        let mut count = 0;
        for (place, (word, value)) in array.iter_mut().zip(words) {
            let flags = SIZE_U32 | flags;
            *place = FutexWaitV::new().uaddr(word as u64).val(value.into()).flags(flags);
            count += 1;
        }
        // Without words only time wakes the end.
        if count == 0 {
            return 0;
        }
        let entry = opcode::FutexWaitV::new(array.as_ptr(), count).build();
        self.ask(entry, array)
    }

    /// Asks for what `entry` says, which points to `held`: the ticket of that, or 0.
    fn ask(&mut self, entry: Entry, held: Held) -> u64 {
        self.tickets += 1;
        let ticket = self.tickets;
        self.requests.insert(ticket, held);
        if !self.push(&entry.user_data(ticket)) {
            self.requests.remove(&ticket);
            self.refused = true;
            return 0;
        }
        ticket
    }

    fn cancel(&mut self, ticket: u64) {
        if self.requests.contains_key(&ticket) {
            self.push(&opcode::AsyncCancel::new(ticket).build().user_data(NOBODY));
        }
    }

    /// Whether there was a place for it, after submitting what stood in its way.
    fn push(&mut self, entry: &Entry) -> bool {
        for _ in 0..2 {
            // SAFETY: the first invariant: what the entry points to stays until the request has completed.
            let pushed = unsafe { self.ring.submission().push(entry) };
            if pushed.is_ok() {
                return true;
            }
            let _ = self.ring.submit();
        }
        false
    }

    /// Takes what has completed. An end whose request did has none any more.
    pub(crate) fn settle(&mut self, table: &mut Table<Armed>) {
        let mut done = Vec::new();
        for completion in self.ring.completion() {
            let ticket = completion.user_data();
            if ticket == NOBODY || self.requests.remove(&ticket).is_none() {
                continue;
            }
            if ticket == self.control.0 {
                self.control.0 = 0;
            }
            #[cfg(feature = "tokio")]
            if ticket == self.timer.0 {
                self.timer.0 = 0;
            }
            done.push(ticket);
            let code = completion.result();
            let is = |errno: Errno| code == -errno.raw_os_error();
            let usual = [Errno::AGAIN, Errno::CANCELED, Errno::INTR, Errno::TIME];
            self.refused |= code < 0 && !usual.into_iter().any(is);
        }
        for entry in &mut table.entries {
            if done.contains(&entry.ticket) {
                entry.ticket = 0;
            }
        }
    }

    /// Asks for what the table sleeps on from now on, and for the word that tells the thread to look.
    pub(crate) fn prepare(&mut self, control: (&AtomicU32, u32), table: &mut Table<Armed>) {
        self.follow(table);
        let (ticket, value) = self.control;
        if ticket == 0 || value != control.1 {
            self.cancel(ticket);
            let word = control.0.as_ptr().cast_const();
            let ticket = self.request([(word, control.1)].into_iter(), PRIVATE);
            self.control = (ticket, control.1);
        }
    }

    /// Asks for what the table sleeps on from now on, and no longer for what it did.
    fn follow(&mut self, table: &mut Table<Armed>) {
        for ticket in core::mem::take(&mut table.void) {
            self.cancel(ticket);
        }
        for entry in &mut table.entries {
            if entry.ticket == 0 {
                entry.ticket = self.request(entry.bed.words(), 0);
            }
        }
    }

    /// Asks for what the table sleeps on from now on, and for a completion when it is time: whoever watches the descriptor
    /// sleeps.
    #[cfg(feature = "tokio")]
    pub(crate) fn prepare_until(&mut self, until: u64, table: &mut Table<Armed>) {
        self.follow(table);
        let now = now();
        let until = match core::mem::take(&mut self.refused) {
            true => until.min(now + BY_AND_BY.as_nanos() as u64),
            false => until,
        };
        let (ticket, due) = self.timer;
        if ticket == 0 || until < due {
            // The one that is replaced completes for nothing.
            let left = Box::new(Timespec::from(Duration::from_nanos(until.saturating_sub(now))));
            let entry = opcode::Timeout::new(&raw const *left).build();
            self.timer = (self.ask(entry, left), until);
        }
    }

    /// With its descriptor in the reactor of the runtime in which this is called.
    #[cfg(feature = "tokio")]
    pub(crate) fn watched(self) -> io::Result<AsyncFd<Self>> {
        // SAFETY: the second invariant: the descriptor is that of `ring`, which stays open and the same.
        Ok(unsafe { AsyncFd::register_with_interest(self, Interest::READABLE) }?)
    }

    #[cfg(feature = "tokio")]
    pub(crate) fn submit(&self) {
        // What cannot be submitted now is at the next turn, when the completions that stand in its way were reaped.
        let _ = self.ring.submit();
    }

    /// Submits, and sleeps until something has completed.
    pub(crate) fn sleep(&mut self, until: u64) {
        // Words that are gone, or a kernel out of memory: ends are looked at by and by.
        if core::mem::take(&mut self.refused) {
            std::thread::sleep(BY_AND_BY);
        }
        let left = Duration::from_nanos(until.saturating_sub(now()));
        let left = Timespec::from(left);
        let args = SubmitArgs::new().timespec(&left);
        match self.ring.submitter().submit_with_args(1, &args) {
            Ok(_) => {}
            Err(error) => match Errno::from_io_error(&error) {
                Some(Errno::TIME | Errno::INTR | Errno::AGAIN) => {}
                // Completions first, or a sandbox: by and by.
                _ => std::thread::sleep(BY_AND_BY),
            },
        }
    }
}

#[cfg(feature = "tokio")]
impl std::os::fd::AsRawFd for Uring {
    fn as_raw_fd(&self) -> std::os::fd::RawFd {
        self.ring.as_raw_fd()
    }
}
