//! Plays a script.
//!
//! Owns: whose turn it is, who is killed and who comes again, and when somebody sleeps whom nobody will wake.
//! Knows nothing of: what calls answer.

use std::rc::Rc;
use std::sync::atomic::Ordering::Relaxed;

use shm_ring::{Options, steps};
use shm_ring_fuzz::memory::{Memory, memory};
use shm_ring_outsider::{Header, Word, Writable, judge, poison, start_at};

use crate::ends::TIMEOUT;
use crate::fiber::Fiber;
use crate::forms::{AnyRing, Kind, PATIENCE, Take};
use crate::script::{Command, How, Op, SIDES, Setting, Side};
use crate::{ends, machine, oracle};

/// Turns after the script until everything must have come to its end.
const ROUNDS: u32 = 20_000;
/// A side that sleeps for so many slices, and nobody else has anything left to do, waits for the next peer.
const SLICES: u32 = 100;

struct Play<K: Kind + ?Sized> {
    /// Each as a side opens it.
    rings: [Rc<K::Ring>; 2],
    memory: &'static Memory,
    header: Header,
    fibers: [Option<Fiber>; 2],
    /// Whether the last attachment of a side was killed: then nobody rings for what it published.
    killed: [bool; 2],
}

pub(crate) fn play<K: Kind + ?Sized + 'static>(
    setting: &Setting,
    header: Header,
    script: impl Iterator<Item = Command>,
) {
    let (memory, start) = (memory(), setting.start.position(header.unit()));
    memory.create(&header);
    start_at(memory, &header, start);
    poison(memory, &header, Some(8));
    // The machine decides about the steps of one thread.
    let options = Options::new().align(header.item_align as usize).death_notice(false);
    PATIENCE.store(TIMEOUT.as_micros() as u64, Relaxed);
    let rings = setting.waits.map(|wait| {
        let ring = K::Ring::open_with(memory.region(), &options.clone().wait(wait));
        Rc::new(ring.unwrap_or_else(|error| panic!("{error}")))
    });
    oracle::reset(memory, header, start);
    machine::reset(setting.relies);
    let (fibers, killed) = ([None, None], [false; 2]);
    let mut play = Play::<K> { rings, memory, header, fibers, killed };
    steps::install(Some(machine::step));
    for command in script {
        play.command(command);
        play.check_sleep();
    }
    play.finish();
    steps::install(None);
    play.check_rest();
    oracle::forget();
    machine::reset([false; 2]);
}

impl<K: Kind + ?Sized + 'static> Play<K> {
    fn command(&mut self, command: Command) {
        match command {
            Command::Do(side, op) => ends::order(side, op),
            Command::Run { side, steps, hold } => self.run(side, steps, hold),
            Command::Drain(side, count) => machine::drain(side, count.into()),
            Command::Kill { side, after } => {
                if after > 0 {
                    self.run(side, after, after % 2 == 0);
                }
                self.kill(side);
            }
            Command::Oversleep(side) => machine::oversleep(side),
            Command::Hint(hint) => {
                self.memory.set_named(Side::Consumer.into(), Word::Hint, hint.into());
            }
        }
    }

    /// Lets `side` make some steps, and attach if it has to be there for that.
    fn run(&mut self, side: Side, steps: u32, hold: bool) {
        if machine::is_asleep(side) {
            return;
        }
        if self.fibers[side as usize].is_none() {
            if !ends::has_orders(side) {
                return;
            }
            let ring = self.rings[side as usize].clone();
            self.fibers[side as usize] = Some(match side {
                Side::Producer => Fiber::new(side, move || ends::producer::<K>(ring)),
                Side::Consumer => Fiber::new(side, move || ends::consumer::<K>(ring)),
            });
        }
        machine::turn(side, steps, hold);
        let done = self.fibers[side as usize].as_mut().is_some_and(Fiber::resume);
        if done {
            self.end(side, false);
        }
    }

    fn kill(&mut self, side: Side) {
        if self.fibers[side as usize].is_some() {
            machine::die(side);
            self.end(side, true);
        }
    }

    fn end(&mut self, side: Side, killed: bool) {
        if let Some(fiber) = self.fibers[side as usize].take() {
            fiber.end();
        }
        machine::bury(side);
        oracle::with(|oracle| oracle.ended(side, killed));
        self.killed[side as usize] = killed;
    }

    /// Nobody sleeps on what is there when the other side has done all it had to do; and never do both
    /// sleep.
    fn check_sleep(&self) {
        let asleep = SIDES.map(machine::is_asleep);
        assert_ne!(asleep, [true; 2], "both sides sleep");
        for side in SIDES {
            let other = side.other();
            let there = oracle::with(|oracle| oracle.was_attached(other));
            if asleep[side as usize] && there && machine::is_quiet(other) {
                let lost = oracle::with(|oracle| oracle.sleeps_on(side));
                assert!(!lost, "a wake-up of the {side:?} is lost");
            }
        }
    }

    /// Both do all they have to do and close, with nobody being killed any more.
    fn finish(&mut self) {
        for side in SIDES {
            // One more call, so that a side that was killed in the last one comes again.
            let how = How::Timeout;
            ends::order(
                side,
                match side {
                    Side::Producer => Op::Push { how, len: 8 },
                    Side::Consumer => Op::Pop { how },
                },
            );
            ends::order(side, Op::Close);
        }
        let mut slices = 0;
        for round in 0.. {
            assert!(round < ROUNDS, "the sides do not come to an end");
            let mut moved = false;
            for side in SIDES {
                let present = self.fibers[side as usize].is_some();
                if (present || ends::has_orders(side)) && !machine::is_asleep(side) {
                    self.run(side, 40, round % 2 == 0);
                    moved = true;
                }
                machine::drain(side, usize::MAX);
                self.check_sleep();
            }
            if moved {
                continue;
            }
            // Who still sleeps waits for somebody who is gone, or for nobody.
            let Some(sleeper) = SIDES.into_iter().find(|&side| machine::is_asleep(side)) else {
                break;
            };
            slices += 1;
            let other = sleeper.other();
            let is_alone = self.fibers[other as usize].is_none() && !ends::has_orders(other);
            if is_alone && slices % SLICES == 0 {
                let owed = oracle::with(|oracle| oracle.is_owed(sleeper));
                assert!(!owed, "the {sleeper:?} does not report that the other side is gone");
                self.kill(sleeper);
            } else {
                machine::oversleep(sleeper);
            }
        }
        ends::forget_orders();
    }

    /// What is left is there for whoever comes.
    fn check_rest(&self) {
        let (tail, head) = oracle::with(|oracle| oracle.positions());
        let left = judge(self.memory, &self.header);
        let left = left.unwrap_or_else(|violation| panic!("{violation}"));
        assert_eq!((left.tail, left.head), (tail, head), "the positions");
        let tx = self.rings[0].producer().unwrap_or_else(|error| panic!("{error}"));
        let mut rx = self.rings[1].consumer().unwrap_or_else(|error| panic!("{error}"));
        drop(tx);
        let unread = oracle::with(|oracle| oracle.unread().to_vec());
        assert_eq!(left.payloads(), unread, "what was left");
        for payload in unread {
            assert_eq!(K::pop(&mut rx, Take::Try, 0), Ok(payload), "what was left");
        }
        assert!(K::pop(&mut rx, Take::Try, 0).is_err(), "more than was left");
    }
}
