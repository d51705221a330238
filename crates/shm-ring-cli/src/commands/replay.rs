//! `replay`: a recording into a ring, at the times at which it was recorded. `target` publishes; this file says what and when.

mod target;

use std::time::{Duration, Instant};

use shm_ring_console::terminal;
use shm_ring_recording::{BlockHead, Content, Reader, Reason};

use self::target::Publishes;
use crate::cli::Replay;
use crate::failure::Failure;
use crate::progress::Progress;
use crate::recording::Place;
use crate::recording::{self, Selection, Stop};
use crate::units;

const HINT: &str = "all that stands before that is published, and the ring is left as by a producer that died: `shm-ring info` \
                    says more";

pub(crate) fn run(replay: &Replay) -> Result<(), Failure> {
    let (file, name) = recording::input(&replay.file)?;
    let stat = file.metadata()?;
    let total = stat.is_file().then_some(stat.len());
    let reader = Reader::new(recording::buffered(file))
        .map_err(|error| recording::damaged(&name, &error, "nothing of it can be read"))?;
    let mut target = target::attach(replay, reader.header())?;
    let stop = Stop::on_signal(target.interrupt_handle())?;
    let progress = Progress::new(total, &std::io::stdin());
    let mut run = Run { replay, name, reader, progress, stop, missing: Missing::default() };
    match run.play(&mut *target) {
        Ok(played) => {
            drop(target);
            run.report(played);
            Ok(())
        }
        Err(failure) => {
            // Closing would tell the reader that it has the whole.
            std::mem::forget(target);
            Err(failure)
        }
    }
}

/// How a replay came to its end.
struct Played {
    /// Where the next record would stand.
    position: u64,
    stopped: bool,
    /// How the recording ends: `None` if nothing says so.
    reason: Option<Reason>,
}

#[derive(Default)]
struct Missing {
    gaps: u64,
    bytes: u64,
}

struct Run<'a, R> {
    replay: &'a Replay,
    name: String,
    reader: Reader<R>,
    progress: Progress,
    stop: Stop,
    missing: Missing,
}

impl<R: std::io::Read> Run<'_, R> {
    fn play(&mut self, target: &mut dyn Publishes) -> Result<Played, Failure> {
        let Self { replay, name, reader, progress, stop, missing } = self;
        let header = reader.header().clone();
        let mut selection = Selection::of(replay.part);
        let mut pace = Pace::of(replay);
        let mut played = Played { position: header.base, stopped: false, reason: None };
        loop {
            let block = reader.next().map_err(|error| recording::damaged(name, &error, HINT))?;
            let Some(block) = block else { return Ok(played) };
            played.reason = match block.head.content {
                Content::End(reason) => Some(reason),
                Content::Records | Content::Gap => None,
            };
            let place = selection.place(&block.head);
            if place == Place::Behind {
                return Ok(Played { reason: Some(Reason::Stopped), ..played });
            }
            progress.add(block.payload().len());
            if place == Place::Before {
                continue;
            }
            match block.head.content {
                Content::Gap => {
                    missing.gaps += 1;
                    missing.bytes += block.head.end - block.head.position;
                }
                Content::End(_) => {}
                Content::Records => {
                    progress.tell();
                    let stopped = stop.sleeps_through(pace.wait_before(&block.head))
                        || !target.publish(&block, &header, &selection)?;
                    if stopped {
                        return Ok(Played { stopped, ..played });
                    }
                }
            }
            played.position = block.head.end;
        }
    }

    /// Says what a user would wonder about.
    fn report(&self, played: Played) {
        let Missing { gaps, bytes } = self.missing;
        if gaps > 0 {
            let bytes = units::size(bytes);
            terminal::say(&format!(
                "note: {bytes} in {gaps} gaps were not recorded, and are not replayed"
            ));
        }
        if played.stopped {
            let position = played.position;
            terminal::note(&format!(
                "interrupted: --from {position} begins with the block that was next"
            ));
        } else if played.reason.is_none() {
            terminal::say(&format!(
                "note: {} has no end: its recorder is at work or was killed, or the file was cut between two blocks",
                self.name
            ));
        }
    }
}

/// When a block is due.
struct Pace<'a> {
    replay: &'a Replay,
    /// The time of the block before, and when that was due.
    last: Option<(u64, Instant)>,
}

impl<'a> Pace<'a> {
    fn of(replay: &'a Replay) -> Self {
        Self { replay, last: None }
    }

    /// How long to wait before a block. A late block does not delay those that follow.
    fn wait_before(&mut self, head: &BlockHead) -> Duration {
        if self.replay.fast {
            return Duration::ZERO;
        }
        let now = Instant::now();
        let due = match self.last {
            None => now,
            Some((time, due)) => {
                // A recorder that went on after the clock was set back begins anew.
                let nanos = head.time.saturating_sub(time);
                let between = Duration::from_nanos(nanos).div_f64(self.replay.speed);
                let most = self.replay.max_wait.unwrap_or(Duration::MAX);
                due.checked_add(between.min(most))
                    .unwrap_or(now + Duration::from_secs(86_400 * 365))
            }
        };
        self.last = Some((head.time, due));
        due.saturating_duration_since(now)
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::cli::{Cli, Command};

    fn replay(arguments: &[&str]) -> Replay {
        let all = [&["shm-ring", "replay", "file", "ring"], arguments].concat();
        match Cli::parse_from(all).command {
            Command::Replay(replay) => replay,
            other => panic!("{other:?}"),
        }
    }

    /// The waits before blocks of these times, in milliseconds, of a replay that is never late.
    fn waits(arguments: &[&str], times: &[u64]) -> Vec<u64> {
        let replay = replay(arguments);
        let mut pace = Pace::of(&replay);
        let mut last = None;
        let due = |pace: &Pace<'_>| pace.last.map(|(_, due)| due);
        let mut waits = Vec::new();
        for &time in times {
            let head = BlockHead {
                content: Content::Records,
                position: 0,
                end: 8,
                time: time * 1_000_000,
                count: 1,
                bytes: 8,
                checksum: 0,
            };
            let wait = pace.wait_before(&head);
            waits.push(match (last, due(&pace)) {
                (Some(last), Some(due)) => due.duration_since(last).as_millis() as u64,
                _ => wait.as_millis() as u64,
            });
            last = due(&pace);
        }
        waits
    }

    #[test]
    fn blocks_are_due_as_they_were_recorded_and_as_the_user_asks() {
        let times = [1_000, 1_010, 31_010, 30_000, 30_004];
        assert_eq!(waits(&[], &times), [0, 10, 30_000, 0, 4]);
        assert_eq!(waits(&["--speed", "2"], &times), [0, 5, 15_000, 0, 2]);
        assert_eq!(waits(&["--speed", "0.5"], &times), [0, 20, 60_000, 0, 8]);
        assert_eq!(waits(&["--max-wait", "6ms"], &times), [0, 6, 6, 0, 4]);
        assert_eq!(waits(&["--fast"], &times), [0; 5]);
    }

    #[test]
    fn what_is_late_delays_nothing_behind_it() {
        let replay = replay(&[]);
        let mut pace = Pace::of(&replay);
        let early =
            Instant::now().checked_sub(Duration::from_secs(10)).expect("it has run so long");
        pace.last = Some((0, early));
        let head = |time| BlockHead {
            content: Content::Records,
            position: 0,
            end: 8,
            time,
            count: 1,
            bytes: 8,
            checksum: 0,
        };
        assert_eq!(pace.wait_before(&head(1_000_000_000)), Duration::ZERO);
        assert_eq!(
            pace.last.unwrap().1,
            early + Duration::from_secs(1),
            "it is 9 s late, and catches up"
        );
    }
}
