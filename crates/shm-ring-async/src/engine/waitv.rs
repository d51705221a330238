//! Owns: sleeping on many words by `futex_waitv`. Knows nothing of: whose words they are.

use core::ffi::c_void;
use core::sync::atomic::AtomicU32;
use core::time::Duration;

use rustix::io::Errno;
use rustix::thread::futex;
use rustix::time::ClockId;
use shm_ring::Armed;

use super::clock::timespec;
use super::table::Table;

/// How many words the kernel lets one thread sleep on (FUTEX_WAITV_MAX), less the one that tells the thread to look.
pub(crate) const WORDS: usize = 127;

pub(crate) struct Waitv {
    waits: Vec<futex::Wait>,
    /// Whether the last sleep was refused since words were gone.
    fault: bool,
}

fn wait(word: *const u32, value: u32, flags: futex::WaitFlags) -> futex::Wait {
    let mut wait = futex::Wait::new();
    wait.val = u64::from(value);
    wait.uaddr = word.cast_mut().cast::<c_void>().into();
    wait.flags = flags;
    wait
}

impl Waitv {
    pub(crate) fn new() -> Self {
        Self { waits: Vec::with_capacity(WORDS + 1), fault: false }
    }

    /// What the next sleep is on.
    pub(crate) fn prepare(&mut self, control: (&AtomicU32, u32), table: &Table<Armed>) {
        let shared = futex::WaitFlags::SIZE_U32;
        self.waits.clear();
        let private = shared | futex::WaitFlags::PRIVATE;
        self.waits.push(wait(control.0.as_ptr(), control.1, private));
        for entry in &table.entries {
            let words = entry.bed.words();
            self.waits.extend(words.map(|(word, value)| wait(word, value, shared)));
        }
    }

    /// Sleeps while every word is as it was. An end that is dropped meanwhile may have taken its words away: the kernel
    /// only compares them, and then says that they are not there.
    pub(crate) fn sleep(&mut self, until: u64) {
        let flags = futex::WaitvFlags::empty();
        let slept = futex::waitv(&self.waits, flags, Some(&timespec(until)), ClockId::Monotonic);
        let gone = slept == Err(Errno::FAULT);
        match slept {
            Ok(_) | Err(Errno::AGAIN | Errno::INTR | Errno::TIMEDOUT) => {}
            // The table knows by now which, unless a region was cut.
            Err(Errno::FAULT) if !self.fault => {}
            // Before Linux 5.16, or in a sandbox.
            Err(_) => std::thread::sleep(Duration::from_millis(1)),
        }
        self.fault = gone;
    }
}
