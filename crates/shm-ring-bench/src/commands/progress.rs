//! How far a comparison is, and whether there is time for more. It must not know what is measured.

use std::time::{Duration, Instant};

/// A bar with the time that is left.
pub(crate) struct Progress {
    shown: shm_ring_console::progress::Progress,
    rows: u64,
    runs: u64,
    start: Instant,
    time: Option<Duration>,
}

impl Progress {
    /// For `rounds` rounds of `rows` runs, or until the time is over.
    pub(crate) fn new(rows: usize, rounds: u64, time: Option<Duration>) -> Self {
        let rows = rows as u64;
        let (length, template) = match time {
            None => (rows * rounds, "{bar:30} {pos}/{len} runs, {eta} left   {msg}"),
            Some(time) => (time.as_millis() as u64, "{bar:30} {percent}%, {eta} left   {msg}"),
        };
        let shown =
            shm_ring_console::progress::Progress::new(Some(length), template, Duration::ZERO, true);
        Self { shown, rows, runs: 0, start: Instant::now(), time }
    }

    /// A run is done. Whether there is time for more: each row is run once after its trial, whatever
    /// the time.
    pub(crate) fn done(&mut self, what: String) -> bool {
        self.runs += 1;
        let bar = self.shown.tell();
        bar.set_message(what);
        let Some(time) = self.time else {
            // A round was added.
            if bar.length() == Some(bar.position()) {
                bar.inc_length(self.rows);
            }
            bar.inc(1);
            return true;
        };
        let elapsed = self.start.elapsed();
        bar.set_position(elapsed.min(time).as_millis() as u64);
        self.runs < 2 * self.rows || elapsed < time
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_ends_a_comparison_once_each_row_was_run() {
        let mut progress = Progress::new(2, 8, Some(Duration::ZERO));
        let goes_on: Vec<bool> = (0..4).map(|_| progress.done(String::new())).collect();
        assert_eq!(goes_on, [true, true, true, false]);
        let mut progress = Progress::new(2, 8, Some(Duration::from_secs(3600)));
        assert!((0..9).all(|_| progress.done(String::new())), "there is time for more");
        let mut progress = Progress::new(2, 1, None);
        assert!((0..9).all(|_| progress.done(String::new())), "without a time only rounds end it");
    }
}
