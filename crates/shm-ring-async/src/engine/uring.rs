//! Owns: sleeping on many words by io_uring, one request an end (IORING_OP_FUTEX_WAITV). Knows nothing of: whose words they
//! are.
//!
//! A request is the thread's that submitted it, and dies with it: the helper thread alone submits and reaps. Against
//! `futex_waitv`, an end costs something when it comes and when it is rung, and not at each sleep of the thread.
//!
//! Invariant of the one unsafe block: an array of words stays in `requests` until its request has completed.
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

use super::clock::now;
use super::table::Table;

/// How many words the ends of one thread may have. The kernel has no bound: a look at each end has.
pub(crate) const WORDS: usize = 2048;
/// Entries of the submission queue. What does not fit is submitted before the rest.
const ENTRIES: u32 = 128;
/// `FUTEX2_SIZE_U32` and `FUTEX2_PRIVATE` of linux/futex.h.
const SIZE_U32: u32 = 2;
const PRIVATE: u32 = 128;
/// The answer to a cancellation, which nobody waits for.
const NOBODY: u64 = 0;

/// The words of an end.
type Words = [FutexWaitV; 3];

pub(crate) struct Uring {
    ring: IoUring,
    /// By ticket: the words of each request that has not completed.
    requests: HashMap<u64, Box<Words>>,
    tickets: u64,
    /// Of the request that sleeps on the control word, and the value for which it does.
    control: (u64, u32),
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
        let mut uring = Self { ring, requests, tickets: 0, control: (0, 0), refused: false };
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
        self.tickets += 1;
        let ticket = self.tickets;
        let entry = opcode::FutexWaitV::new(array.as_ptr(), count).build().user_data(ticket);
        self.requests.insert(ticket, array);
        if !self.push(&entry) {
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
            // SAFETY: the invariant: what the entry points to stays until the request has completed.
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
            done.push(ticket);
            let code = completion.result();
            let is = |errno: Errno| code == -errno.raw_os_error();
            self.refused |=
                code < 0 && !is(Errno::AGAIN) && !is(Errno::CANCELED) && !is(Errno::INTR);
        }
        for entry in &mut table.entries {
            if done.contains(&entry.ticket) {
                entry.ticket = 0;
            }
        }
    }

    /// Asks for what the table sleeps on from now on, and no longer for what it did.
    pub(crate) fn prepare(&mut self, control: (&AtomicU32, u32), table: &mut Table<Armed>) {
        for ticket in core::mem::take(&mut table.void) {
            self.cancel(ticket);
        }
        let (ticket, value) = self.control;
        if ticket == 0 || value != control.1 {
            self.cancel(ticket);
            let word = control.0.as_ptr().cast_const();
            let ticket = self.request([(word, control.1)].into_iter(), PRIVATE);
            self.control = (ticket, control.1);
        }
        for entry in &mut table.entries {
            if entry.ticket == 0 {
                entry.ticket = self.request(entry.bed.words(), 0);
            }
        }
    }

    /// Submits, and sleeps until something has completed.
    pub(crate) fn sleep(&mut self, until: u64) {
        // Words that are gone, or a kernel out of memory: ends are looked at by and by.
        if core::mem::take(&mut self.refused) {
            std::thread::sleep(Duration::from_millis(1));
        }
        let left = Duration::from_nanos(until.saturating_sub(now()));
        let left = Timespec::from(left);
        let args = SubmitArgs::new().timespec(&left);
        match self.ring.submitter().submit_with_args(1, &args) {
            Ok(_) => {}
            Err(error) => match Errno::from_io_error(&error) {
                Some(Errno::TIME | Errno::INTR | Errno::AGAIN) => {}
                // Completions first, or a sandbox: by and by.
                _ => std::thread::sleep(Duration::from_millis(1)),
            },
        }
    }
}
