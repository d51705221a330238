//! Owns: kills at random of the four processes and the server, while an outsider checks each record. Knows nothing of: what the
//! bridge does about it.
//!
//! `SHM_RING_BRIDGE_KILLS` is how many kills (40), `SHM_RING_BRIDGE_SECONDS` instead for how long.

use std::time::{Duration, Instant};

use crate::house::{Place, Process, Server, bridge, look, until};
use crate::numbers::{self, BYTES, Kind};

/// Numbers that look random, and are the same for the same seed.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit
    }
}

/// What is killed.
const VICTIMS: [&str; 5] = ["producer", "source", "server", "sink", "consumer"];

struct Scene {
    place: Place,
    kind: Kind,
    server: Server,
    processes: [Option<Process>; 5],
    rings: [String; 2],
}

impl Scene {
    fn new(kind: Kind) -> Option<Self> {
        let place = Place::new("chaos");
        let server = Server::start(&place)?;
        let rings = ["here", "there"].map(|which| place.ring(which));
        let mut scene = Self { place, kind, server, processes: [const { None }; 5], rings };
        scene.start(0);
        until("there is a ring", || look(&scene.rings[0]).is_some());
        scene.start(1);
        scene.start(3);
        until("there is a ring there", || look(&scene.rings[1]).is_some());
        scene.start(4);
        Some(scene)
    }

    fn start(&mut self, victim: usize) {
        let Self { place, kind, server, processes, rings: [here, there] } = self;
        let said = |name: &str| place.file(&format!("{name}.txt"));
        let stop = place.file("stop");
        let url = server.url();
        let process = match VICTIMS[victim] {
            "producer" => numbers::program("produce", *kind, here, &stop, &said("producer")),
            "source" => bridge(place, "source", here, &url, &[]),
            "sink" => bridge(place, "sink", there, &url, &[]),
            "consumer" => numbers::program("check", *kind, there, &stop, &said("consumer")),
            _ => return server.restart(),
        };
        processes[victim] = Some(process);
    }

    fn kill(&mut self, victim: usize) {
        match &mut self.processes[victim] {
            Some(process) => process.kill(),
            None => self.server.kill(),
        }
    }

    /// None of them has ended by itself.
    fn check(&mut self) {
        for (victim, process) in VICTIMS.iter().zip(&mut self.processes) {
            if let Some(process) = process
                && let Some(status) = process.has_failed()
            {
                panic!("the {victim} ended: {status}, {}", process.said());
            }
        }
    }

    fn read(&self) -> u64 {
        look(&self.rings[1]).map_or(0, |snapshot| snapshot.head)
    }
}

fn setting(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|value| value.parse().expect("a number"))
}

fn kill_them(kind: Kind) {
    let Some(mut scene) = Scene::new(kind) else { return };
    let seconds = setting("SHM_RING_BRIDGE_SECONDS");
    let kills = setting("SHM_RING_BRIDGE_KILLS").unwrap_or(40);
    let seed = (u64::from(std::process::id()) << 20) | (kind as u64 + 1);
    println!("{kind:?}: seed {seed}");
    let mut random = Random(seed);
    let start = Instant::now();
    let (mut counts, mut resumed) = ([0_u64; 5], Vec::new());
    loop {
        let done = counts.iter().sum::<u64>();
        let is_over = match seconds {
            Some(seconds) => start.elapsed() >= Duration::from_secs(seconds),
            None => done >= kills,
        };
        if is_over {
            break;
        }
        let victim = random.below(5) as usize;
        scene.kill(victim);
        // Down for a while, or not at all.
        std::thread::sleep(Duration::from_millis(random.below(3) * random.below(60)));
        counts[victim] += 1;
        let again = Instant::now();
        let before = scene.read();
        scene.start(victim);
        // Every second one is seen to the end; another kill comes into the middle of the rest.
        if random.below(2) == 0 {
            until("records go on", || {
                scene.check();
                scene.read() > before + BYTES as u64
            });
            resumed.push(again.elapsed());
        }
        std::thread::sleep(Duration::from_millis(random.below(100)));
        scene.check();
    }
    // What the rings hold comes through.
    std::fs::write(scene.place.file("stop"), "").unwrap();
    let end = scene.processes[0].as_mut().unwrap().end();
    assert!(end.success(), "the producer ended: {end}");
    scene.processes[0] = None;
    let tail = look(&scene.rings[0]).unwrap().tail;
    until("everything is read", || {
        scene.check();
        scene.read() == tail
    });
    until("everything is given back", || look(&scene.rings[0]).unwrap().head == tail);
    resumed.sort();
    let at = |part: usize| resumed.get(resumed.len() * part / 100).copied().unwrap_or_default();
    println!(
        "{kind:?}: {} kills {:?} in {:.1} s, {} records, each once; a ring more was read {:?} after a start (median), {:?} \
         (99 of 100), {:?} (most)",
        counts.iter().sum::<u64>(),
        VICTIMS.iter().zip(counts).collect::<Vec<_>>(),
        start.elapsed().as_secs_f64(),
        numbers::number_at(kind, tail),
        at(50),
        at(99),
        resumed.last().copied().unwrap_or_default(),
    );
}

#[test]
fn values_come_once_whatever_is_killed() {
    kill_them(Kind::Values);
}

#[test]
fn messages_come_once_whatever_is_killed() {
    kill_them(Kind::Messages);
}
