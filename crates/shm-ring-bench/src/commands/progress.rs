//! Owns: how far a comparison is, and whether there is time for more. Knows nothing of: what is measured.
//!
//! Progress never goes back: the part that is done does not fall when rounds are added, and the time that is left
//! does not rise when a run takes long.

use std::time::{Duration, Instant};

/// How the whole of a comparison is cut: runs that were asked for, rounds added for rows that lack valid ones, and
/// counting system calls.
const PARTS: [f64; 3] = [0.8, 0.1, 0.1];
/// Steps of the bar.
const STEPS: f64 = 1000.0;

/// A bar with the time that is left.
pub(crate) struct Progress {
    shown: shm_ring_console::progress::Progress,
    start: Instant,
    course: Course,
}

/// What takes the time of a comparison.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ahead {
    pub(crate) rows: usize,
    /// Runs of each row, its trial included.
    pub(crate) rounds: u64,
    /// The end of the comparison, whatever was done until then.
    pub(crate) time: Option<Duration>,
    /// Until when rounds may be added.
    pub(crate) patience: Duration,
    /// Whether system calls are counted when all runs are done.
    pub(crate) counts: bool,
}

impl Progress {
    pub(crate) fn new(ahead: Ahead) -> Self {
        let template = "{bar:30} {percent}%{prefix}   {msg}";
        let length = Some(STEPS as u64);
        let shown =
            shm_ring_console::progress::Progress::new(length, template, Duration::ZERO, true);
        Self { shown, start: Instant::now(), course: Course::of(ahead) }
    }

    /// A run is done. Whether there is time for more: each row is run once after its trial, whatever
    /// the time.
    pub(crate) fn ran(&mut self, what: String) -> bool {
        let elapsed = self.start.elapsed();
        let more = self.course.ran(elapsed);
        self.show(what);
        more
    }

    /// The system calls of a row are counted.
    pub(crate) fn counted(&mut self, what: String) {
        self.course.counted(self.start.elapsed());
        self.show(what);
    }

    fn show(&mut self, what: String) {
        let left = self.course.left.map(|left| format!(", about {} s left", left.as_secs()));
        let bar = self.shown.tell();
        bar.set_message(what);
        bar.set_prefix(left.unwrap_or_default());
        bar.set_position((self.course.share * STEPS) as u64);
    }
}

/// How far a comparison is.
#[derive(Debug)]
struct Course {
    ahead: Ahead,
    runs: u64,
    counted: u64,
    /// When the runs were done that were asked for.
    asked_done: Option<Duration>,
    /// Which part of the whole is done.
    share: f64,
    /// How long the rest takes; not known before each row was tried.
    left: Option<Duration>,
}

impl Course {
    fn of(ahead: Ahead) -> Self {
        Self { ahead, runs: 0, counted: 0, asked_done: None, share: 0.0, left: None }
    }

    fn ran(&mut self, elapsed: Duration) -> bool {
        self.runs += 1;
        self.look(elapsed);
        let rows = self.ahead.rows as u64;
        self.ahead.time.is_none_or(|time| self.runs < 2 * rows || elapsed < time)
    }

    fn counted(&mut self, elapsed: Duration) {
        self.counted += 1;
        self.look(elapsed);
    }

    fn look(&mut self, elapsed: Duration) {
        let part = |done: f64, of: f64| if of > 0.0 { (done / of).min(1.0) } else { 1.0 };
        let Ahead { rows, rounds, time, patience, counts } = self.ahead;
        let rows = rows as u64;
        let asked = match time {
            Some(time) => part(elapsed.as_secs_f64(), time.as_secs_f64()),
            None => part(self.runs as f64, (rows * rounds) as f64),
        };
        if asked >= 1.0 {
            self.asked_done.get_or_insert(elapsed);
        }
        let is_counting = self.counted > 0;
        let added = match self.asked_done {
            _ if is_counting => 1.0,
            Some(since) => part(
                elapsed.saturating_sub(since).as_secs_f64(),
                patience.saturating_sub(since).as_secs_f64(),
            ),
            None => 0.0,
        };
        let asked = if is_counting { 1.0 } else { asked };
        let adds = !patience.is_zero();
        let whole =
            [(asked, true), (added, adds), (part(self.counted as f64, rows as f64), counts)];
        let (mut done, mut all) = (0.0, 0.0);
        for ((share, is_there), weight) in whole.into_iter().zip(PARTS) {
            if is_there {
                done += share * weight;
                all += weight;
            }
        }
        self.share = self.share.max(done / all);
        if self.runs >= rows {
            let left = elapsed.mul_f64((1.0 - self.share) / self.share.max(1e-3));
            self.left = Some(self.left.map_or(left, |before| before.min(left)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn ahead(rows: usize, rounds: u64, time: Option<Duration>) -> Ahead {
        Ahead { rows, rounds, time, patience: Duration::ZERO, counts: false }
    }

    #[test]
    fn time_ends_a_comparison_once_each_row_was_run() {
        let mut course = Course::of(ahead(2, 9, Some(Duration::ZERO)));
        let goes_on: Vec<bool> = (0..4).map(|_| course.ran(SECOND)).collect();
        assert_eq!(goes_on, [true, true, true, false]);
        let mut course = Course::of(ahead(2, 9, Some(3600 * SECOND)));
        assert!((0..9).all(|_| course.ran(SECOND)), "there is time for more");
        let mut course = Course::of(ahead(2, 2, None));
        assert!((0..9).all(|_| course.ran(SECOND)), "without a time only rounds end it");
    }

    #[test]
    fn what_is_done_never_falls_and_what_is_left_never_rises() {
        // Eight rounds of ten rows, then twelve runs that are added, then the calls of ten rows. Now and
        // then a run takes twenty times as long.
        let mut course =
            Course::of(Ahead { patience: 40 * SECOND, counts: true, ..ahead(10, 8, None) });
        let (mut elapsed, mut shown) = (Duration::ZERO, Vec::new());
        for step in 0..102_u32 {
            elapsed += SECOND / 4 * if step % 17 == 13 { 20 } else { 1 };
            if step < 92 {
                course.ran(elapsed);
            } else {
                course.counted(elapsed);
            }
            shown.push((course.share, course.left));
        }
        for pair in shown.windows(2) {
            let ((share, left), (next, next_left)) = (pair[0], pair[1]);
            assert!(next >= share && next <= 1.0, "{pair:?}");
            assert!(left.is_none() || next_left <= left, "{pair:?}");
            assert!(next - share < 0.15, "it jumps: {pair:?}");
        }
        assert!(shown[8].1.is_none() && shown[9].1.is_some(), "known once each row was tried");
        let at = |step: usize| shown[step].0;
        assert!((at(39) - 0.4).abs() < 1e-9, "half of what was asked for: {}", at(39));
        assert_eq!(shown.last().map(|last| last.0), Some(1.0));
        assert_eq!(shown.last().and_then(|last| last.1), Some(Duration::ZERO));
    }
}
