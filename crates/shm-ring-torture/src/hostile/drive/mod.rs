//! The victim: attaches, calls everything, and judges each answer by what stood in the region when it asked,
//! as far as nobody else was writing. It must not know how values and messages differ.

mod calls;
mod sweep;

use std::sync::atomic::Ordering::{Relaxed, SeqCst};
use std::time::Instant;

use shm_ring::{Consumer, Error, Options, Producer, Region, Ring, Wait};

use super::board::{Board, Count, Op, Outcome};
use super::hand;
use super::kind::{Kind, pattern};
use super::memory::{Guarded, Hand, Hole};
use super::wire::{
    CONSUMER, DATA, Head, POSITION_END, PRODUCER, SESSION, Shape, Tail, commit_word, heal,
};
use crate::rng::Rng;

const CAPACITY: u64 = 4096;
/// Bytes in front of a caller's buffer that must stay as they are.
const FRONT: usize = 64;

pub(super) struct Drive<K: Kind> {
    board: Board,
    pub(super) rng: Rng,
    ring: Ring<K::P>,
    pub(super) hand: Hand,
    pub(super) shape: Shape,
    /// Nobody else writes: every answer can be foretold.
    exact: bool,
    tx: Option<Producer<K::P>>,
    rx: Option<Consumer<K::P>>,
    tail: Tail,
    head: Head,
    tx_corrupt: bool,
    rx_corrupt: bool,
    /// One call in so many is one that may wait or asks the kernel.
    costly: u64,
    holes: [Hole; 2],
    source: Guarded,
    buffer: Guarded,
    lens: Vec<u64>,
}

/// What went wrong.
type Judged = Result<(), String>;

impl<K: Kind> Drive<K> {
    pub(super) fn new(board: Board, seed: u64, exact: bool) -> Result<Self, String> {
        let told = |error: std::io::Error| error.to_string();
        let ring = Ring::<K::P>::create(Region::memfd(K::NAME), Options::new().bytes(CAPACITY))
            .map_err(|error| error.to_string())?;
        let hand = Hand::over(ring.descriptor(), (DATA + CAPACITY) as usize).map_err(told)?;
        let shape = match K::FIXED {
            Some(len) => Shape { capacity: CAPACITY, len_min: len as u64, len_max: len as u64 },
            None => Shape { capacity: CAPACITY, len_min: 0, len_max: CAPACITY - 16 },
        };
        let mapped = (DATA + 2 * CAPACITY) as usize;
        let mut source = Guarded::new(8192).map_err(told)?;
        pattern(source.all());
        let mut drive = Self {
            board,
            rng: Rng::new(seed),
            ring,
            hand,
            shape,
            exact,
            tx: None,
            rx: None,
            tail: Tail::recover(shape, &hand).ok_or("a fresh ring")?,
            head: Head::recover(&hand).ok_or("a fresh ring")?,
            tx_corrupt: false,
            rx_corrupt: false,
            costly: 512,
            holes: [Hole::new(mapped).map_err(told)?, Hole::new(mapped).map_err(told)?],
            source,
            buffer: Guarded::new(8192).map_err(told)?,
            lens: Vec::with_capacity(512),
        };
        drive.settle(mapped)?;
        Ok(drive)
    }

    /// Takes up every gap into which a mapping would go before it went into our holes.
    fn settle(&mut self, mapped: usize) -> Judged {
        for _ in 0..1000 {
            let tx = self.ring.producer().map_err(|error| error.to_string())?;
            let rx = self.ring.consumer().map_err(|error| error.to_string())?;
            if self.filled() == 2 {
                return Ok(());
            }
            drop((tx, rx));
            Hole::plug(mapped).map_err(|error| error.to_string())?;
        }
        Err("mappings do not go between the guards on this machine".to_owned())
    }

    fn filled(&self) -> usize {
        self.holes.iter().filter(|hole| hole.is_filled()).count()
    }

    /// Attaches, calls, closes, until told to stop.
    pub(super) fn run(&mut self, until: Instant, calls: u64) -> Judged {
        if self.exact {
            self.sweep()?;
        }
        while (Instant::now() < until || self.board.get(Count::Calls) < calls)
            && self.board.get(Count::Stop) == 0
        {
            self.round()?;
        }
        Ok(())
    }

    fn round(&mut self) -> Judged {
        self.board.set(Count::Mercy, 1);
        let start = match self.rng.below(8) {
            0 => POSITION_END - 8 * (1 + self.rng.below(600)),
            1 => 0,
            _ => 8 * self.rng.below(1 << 40),
        };
        heal(&self.hand, self.shape, start);
        if self.rng.below(4) == 0 {
            hand::forge(&mut self.rng, &self.hand, self.shape, start);
            for _ in 0..self.rng.below(3) {
                hand::hurt(&mut self.rng, &self.hand, self.shape);
            }
        }
        if self.rng.below(64) == 0 {
            // A whole ring of records, and no end.
            let stride = Shape::stride(self.shape.len_min);
            for at in (start..start + CAPACITY).step_by(stride as usize) {
                let word = commit_word(at, self.shape.len_min as u32);
                self.hand.word(self.shape.at(at)).store(word, Relaxed);
            }
        }
        let who = self.rng.below(8);
        let (wants_tx, wants_rx) = (who >= 3, !(3..6).contains(&who));
        self.attach(wants_tx, wants_rx)?;
        let attached = usize::from(self.tx.is_some()) + usize::from(self.rx.is_some());
        if self.filled() == attached {
            self.board.add(Count::Guarded, attached as u64);
        }
        if !self.exact && self.rng.below(4) == 0 {
            heal(&self.hand, self.shape, start);
        }
        self.board.set(Count::Mercy, 0);
        if !wants_tx || !wants_rx {
            // Who is not there was never there, has closed, or is dead.
            let side = if wants_tx { CONSUMER } else { PRODUCER };
            self.hand.word(side + SESSION).store(self.rng.below(3), Relaxed);
        }
        if self.tx.is_some() && self.rx.is_some() && self.rng.below(4) == 0 {
            // A session that says one thing while the lease says another.
            self.hand.word(CONSUMER + SESSION).store(self.rng.below(4), Relaxed);
            self.peer(true)?;
        }
        self.costly = if self.rng.below(32) == 0 { 32 } else { 8192 };
        let most = 1 << (4 + self.rng.below(9));
        for _ in 0..most {
            if self.tx.is_none() && self.rx.is_none() || self.tx_corrupt || self.rx_corrupt {
                break;
            }
            self.turn(false)?;
        }
        self.after_corrupt()?;
        self.board.begin(Op::Close);
        (self.tx, self.rx) = (None, None);
        self.board.end(Op::Close, Outcome::Success);
        Ok(())
    }

    fn attach(&mut self, wants_tx: bool, wants_rx: bool) -> Judged {
        (self.tx_corrupt, self.rx_corrupt) = (false, false);
        let wait = [Wait::SPIN, Wait::BALANCED, Wait::PARK][self.rng.below(3) as usize];
        if wants_tx {
            let truth = Tail::recover(self.shape, &self.hand);
            self.board.begin(Op::AttachProducer);
            let made = self.ring.producer();
            self.judge_attach(Op::AttachProducer, truth.is_some(), made.as_ref().err())?;
            self.tail = truth.unwrap_or(self.tail);
            self.tx = made.ok();
            if self.exact && self.tx.is_some() {
                self.counted(PRODUCER, self.tail.at, Op::AttachProducer)?;
            }
        }
        if wants_rx {
            let truth = Head::recover(&self.hand);
            self.board.begin(Op::AttachConsumer);
            let made = self.ring.consumer();
            self.judge_attach(Op::AttachConsumer, truth.is_some(), made.as_ref().err())?;
            self.head = truth.unwrap_or(self.head);
            self.rx = made.ok();
        }
        if let Some(tx) = &mut self.tx {
            tx.set_wait(wait);
        }
        if let Some(rx) = &mut self.rx {
            rx.set_wait(wait);
        }
        Ok(())
    }

    fn judge_attach(&self, op: Op, fine: bool, refused: Option<&Error>) -> Judged {
        match refused {
            None => self.board.end(op, Outcome::Success),
            Some(Error::Corrupt { .. }) => self.board.end(op, Outcome::Corrupt),
            Some(error) => return Err(format!("{op:?} answered: {error}")),
        }
        if self.exact && fine == refused.is_some() {
            let [tail, head] = [PRODUCER, CONSUMER].map(|side| self.hand.word(side).load(Relaxed));
            return Err(format!(
                "{op:?} at tail {tail:#x} and head {head:#x} answered {refused:?} where the layout says {}",
                if fine { "fine" } else { "Corrupt" }
            ));
        }
        self.board.add(Count::Foretold, u64::from(self.exact));
        Ok(())
    }

    /// One call, after the hand has written. `sober`: only calls that say `Corrupt` if that is so.
    fn turn(&mut self, sober: bool) -> Judged {
        if self.exact && !sober {
            self.meddle();
        }
        let costly = self.rng.below(self.costly) == 0 && !sober;
        let pushes = match (&self.tx, &self.rx) {
            (Some(_), Some(_)) => self.rng.below(2) == 0,
            (tx, _) => tx.is_some(),
        };
        let alone = self.exact && (self.tx.is_none() || self.rx.is_none());
        if self.exact && costly && self.rng.below(3) == 0 {
            let place = if pushes { CONSUMER } else { self.shape.at(self.head.at) };
            let wild = hand::wild(&mut self.rng, self.tail.at, CAPACITY);
            self.hand.word(place).store(wild, Relaxed);
        }
        let pick = |rng: &mut Rng, ops: &[Op]| ops[rng.below(ops.len() as u64) as usize];
        use Op::*;
        let op = match (pushes, costly, alone) {
            (true, true, true) => {
                pick(&mut self.rng, &[Push, PushBatch, WriteStream, PushTimeout, Peer])
            }
            (true, true, false) => pick(&mut self.rng, &[PushTimeout, ReserveTimeout, Peer]),
            (true, ..) => pick(
                &mut self.rng,
                &[TryPush, TryPush, TryPushFrom, TryReserve, TryPushBatch, Room],
            ),
            (false, true, true) => pick(
                &mut self.rng,
                &[Pop, Iter, ReadStream, PopTimeout, WaitAny, PopThreshold, Peer],
            ),
            (false, true, false) => pick(
                &mut self.rng,
                &[PopTimeout, PeekTimeout, PopBatchTimeout, PopThreshold, WaitAny, Peer],
            ),
            (false, ..) => pick(
                &mut self.rng,
                &[TryPop, TryPop, TryPopInto, TryPopTo, TryPeek, TryPopBatch, TryIter, Ready],
            ),
        };
        if alone && matches!(op, Push | PushBatch | WriteStream | Pop | Iter | ReadStream) {
            // Whoever is not there and never was could be waited for, for ever.
            let side = if pushes { CONSUMER } else { PRODUCER };
            self.hand.word(side + SESSION).store(1 + self.rng.below(5), Relaxed);
        } else if alone && costly {
            let side = if pushes { CONSUMER } else { PRODUCER };
            self.hand.word(side + SESSION).store(self.rng.below(4), Relaxed);
        }
        match op {
            Peer => self.peer(pushes),
            Room if K::FIXED.is_some() => self.room(),
            Ready if sober => self.pop(TryPop),
            Ready => self.ready(),
            Room => self.push(TryPush),
            WriteStream if K::FIXED.is_some() => self.push(Push),
            op if pushes => self.push(op),
            op => self.pop(op),
        }
    }

    fn meddle(&mut self) {
        let (rng, hand, shape) = (&mut self.rng, &self.hand, self.shape);
        match rng.below(512) {
            0 => hand::hurt(rng, hand, shape),
            1..16 => hand::tease(rng, hand, shape),
            16..80 => hand::drain(rng, hand, shape, self.tail.at),
            80..144 if self.head.at < POSITION_END - 2 * CAPACITY => {
                hand::forge(rng, hand, shape, self.head.at);
            }
            144..150 => hand.word(shape.at(self.head.at)).store(0, Relaxed),
            _ => return,
        }
        self.board.add(Count::Writes, 1);
    }

    /// What was corrupt stays corrupt, whatever the region says by then.
    fn after_corrupt(&mut self) -> Judged {
        if !self.tx_corrupt && !self.rx_corrupt {
            return Ok(());
        }
        if self.exact {
            heal(&self.hand, self.shape, self.tail.at);
        }
        if !self.tx_corrupt {
            self.tx = None;
        }
        if !self.rx_corrupt {
            self.rx = None;
        }
        std::sync::atomic::fence(SeqCst);
        for _ in 0..4 {
            self.turn(true)?;
            self.board.add(Count::StayedCorrupt, 1);
        }
        Ok(())
    }
}
