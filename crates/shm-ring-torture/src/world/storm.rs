//! A round: processes are started, killed, stopped and continued at random, then all of them end, and what they leave is
//! looked at.
//!
//! Owns: who lives and dies when, and the reaping. Knows nothing of: what a process does, but for where it says it is.

use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::waitpid;
use nix::unistd::{Pid, setpgid};

use super::ledger::{Doing, Ledger, Life, SLOTS};
use super::life::{self, Kind};
use super::outsider::Outsider;
use super::places::Places;
use crate::forked::{End, Forked};
use crate::rng::Rng;

/// Whoever is still there that long after the end of a round hangs, on however busy a machine.
const STUCK: Duration = Duration::from_secs(6);

/// Processes of a round in which all meet at one name.
const FEW: usize = 6;

pub(super) struct Storm<'a> {
    pub(super) places: &'a Places,
    pub(super) ledger: Ledger,
    pub(super) rng: Rng,
    pub(super) namespaces: bool,
    pub(super) counts: Counts,
    pub(super) stamp: u64,
}

#[derive(Debug, Default)]
pub(super) struct Counts {
    pub(super) killed: u64,
    pub(super) killed_waiting: u64,
    pub(super) stops: u64,
    pub(super) namespaced: u64,
    pub(super) started: u64,
    /// Deaths that may have left a temporary name.
    pub(super) replacing: u64,
    /// The longest that a round took to end, in milliseconds.
    pub(super) longest_end: u64,
}

/// A process of the storm.
struct Walk {
    forked: Forked,
    life: Life,
    continues: Option<Instant>,
    killed: bool,
}

impl Storm<'_> {
    /// A round that storms for `time`.
    pub(super) fn round(&mut self, time: Duration, kind: Kind) -> Result<(), String> {
        self.ledger.forget_rings();
        self.ledger.set_over(false);
        self.ledger.set_there(false);
        let mut anchor = Forked::start(|| {
            loop {
                nix::unistd::pause();
            }
        })
        .map_err(|errno| format!("fork: {errno}"))?;
        let group = anchor.pid();
        let grouped = setpgid(group, group).map_err(|errno| format!("setpgid: {errno}"));
        let mut walks: Vec<Option<Walk>> =
            (0..if kind == Kind::Mixed { SLOTS } else { FEW }).map(|_| None).collect();
        let ended = grouped.and_then(|()| self.storm(time, group, &mut walks, kind));
        if ended.is_ok() {
            self.calm(&mut walks);
            Outsider::new(self.places, self.ledger).all_roles_are_free();
        }
        drop(walks);
        // Children that outlived their parents.
        let _ = kill(Pid::from_raw(-group.as_raw()), Signal::SIGKILL);
        anchor.kill();
        while waitpid(Pid::from_raw(-group.as_raw()), None) != Err(Errno::ECHILD) {}
        ended
    }

    fn storm(
        &mut self,
        time: Duration,
        group: Pid,
        walks: &mut [Option<Walk>],
        kind: Kind,
    ) -> Result<(), String> {
        let start = Instant::now();
        let mut outsider = Outsider::new(self.places, self.ledger);
        while start.elapsed() < time {
            for (slot, walk) in walks.iter_mut().enumerate() {
                self.reap(walk);
                if walk.is_none() {
                    *walk = Some(self.start(slot, group, kind)?);
                }
            }
            match self.rng.below(16) {
                0..2 => self.kill(walks),
                2 => self.stop(walks),
                _ => {}
            }
            outsider.look();
            std::thread::sleep(Duration::from_micros(self.rng.below(3000)));
        }
        Ok(())
    }

    fn start(&mut self, slot: usize, group: Pid, kind: Kind) -> Result<Walk, String> {
        self.stamp += 1;
        self.counts.started += 1;
        let life = Life { stamp: self.stamp, slot };
        let (places, ledger, rng) = (self.places, self.ledger, Rng::new(self.rng.next()));
        ledger.doing(life, Doing::Nothing, None, 0);
        // The description is closed here once it is handed on.
        let shut_in = kind == Kind::Mixed && self.rng.below(8) == 0;
        let description = shut_in.then(|| places.describe()).transpose();
        let description = description.map_err(|error| format!("another description: {error}"))?;
        let job = || match description {
            Some(description) => life::live_shut_in(places, ledger, life, rng, description),
            None => life::live(places, ledger, life, rng, kind),
        };
        let inside = self.namespaces && self.rng.below(6) == 0;
        self.counts.namespaced += u64::from(inside);
        let started = match inside {
            true => Forked::start_in_pid_namespace(job),
            false => Forked::start(job),
        };
        let forked = started.map_err(|errno| format!("fork: {errno}"))?;
        // So that its children are found. It may have ended by now.
        let _ = setpgid(forked.pid(), group);
        Ok(Walk { forked, life, continues: None, killed: false })
    }

    /// Takes note of an end, and lets a stopped process go on in time.
    fn reap(&mut self, place: &mut Option<Walk>) {
        let Some(walk) = place else { return };
        if walk.continues.is_some_and(|time| time <= Instant::now()) {
            walk.continues = None;
            walk.forked.signal(Signal::SIGCONT);
        }
        let Some(end) = walk.forked.poll() else { return };
        self.ledger.doom(walk.life.stamp);
        self.ledger.reaped(walk.life.stamp);
        let (doing, ..) = self.ledger.done_by(walk.life.slot);
        match end {
            End::Killed(Signal::SIGKILL) if walk.killed => {
                self.counts.killed += 1;
                self.counts.killed_waiting += u64::from(doing == Doing::Waiting);
                self.counts.replacing += u64::from(doing == Doing::Replacing);
            }
            End::Exited(0) => {}
            end => self.ledger.violation(&format!(
                "life {} ended by itself while {doing:?}: {end:?}",
                walk.life.stamp
            )),
        }
        *place = None;
    }

    fn one<'w>(&mut self, walks: &'w mut [Option<Walk>]) -> Option<&'w mut Walk> {
        let slot = self.rng.below(walks.len() as u64) as usize;
        walks[slot].as_mut().filter(|walk| !walk.killed)
    }

    fn kill(&mut self, walks: &mut [Option<Walk>]) {
        if let Some(walk) = self.one(walks) {
            self.ledger.doom(walk.life.stamp);
            walk.killed = true;
            walk.forked.signal(Signal::SIGKILL);
        }
    }

    fn stop(&mut self, walks: &mut [Option<Walk>]) {
        // Longer, now and then, than a role is waited for.
        let most = if self.rng.below(8) == 0 { 300_000 } else { 40_000 };
        let time = Duration::from_micros(self.rng.below(most));
        if let Some(walk) = self.one(walks) {
            walk.forked.signal(Signal::SIGSTOP);
            walk.continues = Some(Instant::now() + time);
            self.counts.stops += 1;
        }
    }

    /// All end: some are killed, the others by themselves, and those that wait because the others have ended.
    fn calm(&mut self, walks: &mut [Option<Walk>]) {
        let start = Instant::now();
        let kills = self.rng.below(2) == 0;
        self.ledger.set_over(true);
        for walk in walks.iter_mut().flatten() {
            walk.continues = None;
            walk.forked.signal(Signal::SIGCONT);
            let (doing, ..) = self.ledger.done_by(walk.life.slot);
            if kills && !walk.killed && doing != Doing::Waiting {
                self.ledger.doom(walk.life.stamp);
                walk.killed = true;
                walk.forked.signal(Signal::SIGKILL);
            }
        }
        while walks.iter().any(Option::is_some) {
            walks.iter_mut().for_each(|walk| self.reap(walk));
            if start.elapsed() > STUCK {
                for walk in walks.iter_mut().flatten() {
                    self.stuck(walk);
                    self.ledger.doom(walk.life.stamp);
                    walk.killed = true;
                    walk.forked.signal(Signal::SIGKILL);
                }
                std::thread::sleep(STUCK / 4);
                walks.iter_mut().for_each(|walk| self.reap(walk));
                break;
            }
            std::thread::sleep(Duration::from_micros(300));
        }
        self.counts.longest_end = self.counts.longest_end.max(start.elapsed().as_millis() as u64);
    }

    fn stuck(&self, walk: &Walk) {
        let (doing, since, ring) = self.ledger.done_by(walk.life.slot);
        let time = self.ledger.now().saturating_sub(since) / 1000;
        let on = ring.map_or(String::new(), |(entry, end)| {
            let other = entry.owner(1 - end);
            let gone = self.ledger.is_gone(other);
            format!(
                " as {} of ring {:x} at place {}, whose other side is gone: {gone}",
                super::entry::ENDS[end],
                entry.id(),
                entry.place()
            )
        });
        self.ledger
            .violation(&format!("hangs: life {} is {doing:?} for {time} ms{on}", walk.life.stamp));
    }
}
