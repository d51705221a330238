//! How far a long copy has come, on standard error. It must not know what is copied.

use std::io::IsTerminal;
use std::time::Duration;

/// Copies that take less are over before anyone has read it.
const PATIENCE: Duration = Duration::from_secs(1);

/// How many bytes go unsaid: small messages must not wait for a clock.
const UNSAID: u64 = 64 * 1024;

pub(crate) struct Progress {
    shown: shm_ring_console::progress::Progress,
    unsaid: u64,
}

impl Progress {
    /// Of `total` bytes, if that is known. Shown only if standard error is a terminal, and `other`, the
    /// other end of the copy, is not.
    pub(crate) fn new(total: Option<u64>, other: &impl IsTerminal) -> Self {
        let template = match total {
            Some(_) => "{bytes} of {total_bytes}  {bar:30}  {bytes_per_sec}  {eta} left",
            None => "{bytes}  {bytes_per_sec}",
        };
        let wanted = !other.is_terminal();
        let shown = shm_ring_console::progress::Progress::new(total, template, PATIENCE, wanted);
        Self { shown, unsaid: 0 }
    }

    pub(crate) fn add(&mut self, bytes: usize) {
        self.unsaid += bytes as u64;
        if self.unsaid >= UNSAID {
            self.tell();
        }
    }

    /// Shows all that was added, for whoever may have to wait now.
    pub(crate) fn tell(&mut self) {
        self.shown.tell().inc(std::mem::take(&mut self.unsaid));
    }
}
