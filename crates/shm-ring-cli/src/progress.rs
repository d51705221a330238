//! How far a long copy has come, on standard error. It must not know what is copied.

use std::io::IsTerminal;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Copies that take less are over before anyone has read it.
const PATIENCE: Duration = Duration::from_secs(1);

pub(crate) struct Progress {
    bar: ProgressBar,
    start: Instant,
    shown: bool,
}

impl Progress {
    /// Of `total` bytes, if that is known. Shown only if standard error is a terminal, and `other`, the
    /// other end of the copy, is not.
    pub(crate) fn new(total: Option<u64>, other: &impl IsTerminal) -> Self {
        let bar = match total {
            Some(total) => ProgressBar::new(total),
            None => ProgressBar::no_length(),
        };
        let template = match total {
            Some(_) => "{bytes} of {total_bytes}  {bar:30}  {bytes_per_sec}  {eta} left",
            None => "{bytes}  {bytes_per_sec}",
        };
        bar.set_draw_target(ProgressDrawTarget::hidden());
        bar.set_style(ProgressStyle::with_template(template).expect("a constant template"));
        let shown = other.is_terminal() || !std::io::stderr().is_terminal();
        // As if it were shown already: it never will be.
        Self { bar, start: Instant::now(), shown }
    }

    pub(crate) fn add(&mut self, bytes: usize) {
        if !self.shown && self.start.elapsed() > PATIENCE {
            self.shown = true;
            self.bar.set_draw_target(ProgressDrawTarget::stderr());
        }
        self.bar.inc(bytes as u64);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
