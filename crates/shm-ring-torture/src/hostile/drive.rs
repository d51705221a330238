//! The victim: attaches, calls everything, and judges each answer by what stood in the region when it asked,
//! as far as nobody else was writing. It must not know how values and messages differ.

use std::sync::atomic::Ordering::{Relaxed, SeqCst};
use std::time::{Duration, Instant};

use shm_ring::{Consumer, Error, Options, Peer, PopError, Producer, PushError, Region, Ring, Wait};

use super::board::{Board, Count, Op, Outcome};
use super::hand;
use super::kind::{Kind, Popping, Pushing, pattern, threshold};
use super::memory::{Guarded, Hand, Hole};
use super::wire::{
    CONSUMER, DATA, Head, Look, POSITION_END, PRODUCER, Room, SESSION, Shape, Tail, heal,
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
                let word = super::wire::commit_word(at, self.shape.len_min as u32);
                self.hand.word(self.shape.at(at)).store(word, Relaxed);
            }
        }
        let who = self.rng.below(8);
        let (wants_tx, wants_rx) = (who >= 3, who < 3 || who >= 6);
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
        self.costly = if self.rng.below(16) == 0 { 8 } else { 1024 };
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
        self.tx.as_mut().map(|tx| tx.set_wait(wait));
        self.rx.as_mut().map(|rx| rx.set_wait(wait));
        Ok(())
    }

    fn judge_attach(&self, op: Op, fine: bool, refused: Option<&Error>) -> Judged {
        match refused {
            None => self.board.end(op, Outcome::Success),
            Some(Error::Corrupt { .. }) => self.board.end(op, Outcome::Corrupt),
            Some(error) => return Err(format!("{op:?} answered: {error}")),
        }
        if self.exact && fine == refused.is_some() {
            let stored = [PRODUCER, CONSUMER].map(|side| self.hand.word(side).load(Relaxed));
            return Err(format!(
                "{op:?} at positions {stored:#x?} answered {refused:?} where the layout says {}",
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

    fn counted(&self, side: u64, at: u64, op: Op) -> Judged {
        let stored = self.hand.word(side).load(Relaxed);
        match stored == at {
            true => Ok(()),
            false => Err(format!("{op:?} left position {stored:#x} where {at:#x} was right")),
        }
    }

    fn push(&mut self, op: Op) -> Judged {
        let most = self.shape.len_max as usize;
        let len = match K::FIXED {
            Some(len) => len,
            None => match self.rng.below(64) {
                0 => most + 1 + self.rng.below(3000) as usize,
                1 => most - self.rng.below(64) as usize,
                2..6 => self.rng.below(most as u64) as usize,
                _ => 1 + self.rng.below(96) as usize,
            },
        };
        let len = if op == Op::WriteStream { len.min(CAPACITY as usize / 4) } else { len };
        let stride = Shape::stride(len as u64);
        let count = match op {
            Op::TryPushBatch | Op::PushBatch => 1 + self.rng.below(24) as usize,
            _ => 1,
        };
        let misfit = len > most;
        let (room, fit) = if misfit || !self.exact {
            (Room::Corrupt, 0)
        } else {
            self.foretell(op, stride, count)
        };
        let timeout = Duration::from_micros(self.rng.below(30));
        self.board.begin(op);
        let how = Pushing { bytes: self.source.last(len), count, timeout, rng: &mut self.rng };
        let answer = K::push(&mut self.tx, op, how);
        let outcome = match answer {
            Ok(_) => Outcome::Success,
            Err(PushError::Full) => Outcome::NotNow,
            Err(PushError::TimedOut) => Outcome::TimedOut,
            Err(PushError::Closed) => Outcome::Closed,
            Err(PushError::PeerDead) => Outcome::PeerDead,
            Err(PushError::Corrupt) => Outcome::Corrupt,
            _ => Outcome::Misfit,
        };
        self.board.end(op, outcome);
        let wrong = |why: String| Err(format!("{op:?} of {len} bytes answered {answer:?}: {why}"));
        if (outcome == Outcome::Misfit) != misfit {
            return wrong(format!("the longest message has {most}"));
        }
        if misfit {
            return Ok(());
        }
        if self.tx_corrupt && outcome != Outcome::Corrupt {
            return wrong("it was Corrupt before, for good".to_owned());
        }
        self.tx_corrupt |= outcome == Outcome::Corrupt;
        if !self.exact {
            return Ok(());
        }
        self.board.add(Count::Foretold, 1);
        let right = match (room, answer) {
            (Room::Enough, Ok(pushed)) if op == Op::TryReserve || op == Op::ReserveTimeout => {
                pushed <= 1
            }
            (Room::Enough, Ok(pushed)) => pushed == fit,
            (Room::TooLittle, Err(PushError::Full)) => is_try(op),
            (
                Room::TooLittle,
                Err(PushError::TimedOut | PushError::Closed | PushError::PeerDead),
            ) => !is_try(op),
            (Room::Corrupt, Err(PushError::Corrupt)) => true,
            _ => false,
        };
        if !right {
            let head = self.hand.word(CONSUMER).load(Relaxed);
            let (tail, limit) = (self.tail.at, self.tail.limit);
            return wrong(format!(
                "tail {tail:#x}, head {head:#x}, limit {limit:#x}, so {room:?} room for {fit} of {count}"
            ));
        }
        if let Ok(pushed @ 1..) = answer {
            self.tail.at += stride * pushed as u64;
            self.counted(PRODUCER, self.tail.at, op)?;
            if self.hand.word(self.shape.at(self.tail.at)).load(Relaxed) != 0 {
                return wrong("no zero ahead".to_owned());
            }
        }
        Ok(())
    }

    /// Whether there is room for a record of `stride` bytes, and for how many of `count`.
    fn foretell(&mut self, op: Op, stride: u64, count: usize) -> (Room, usize) {
        let room = self.tail.room(self.shape, &self.hand, stride);
        let mut fit = usize::from(room == Room::Enough);
        // A batch of values looks for room before it asks whether there is another one.
        let batch = matches!(op, Op::TryPushBatch | Op::PushBatch);
        let looks = count + usize::from(batch && K::FIXED.is_some());
        while (1..looks).contains(&fit)
            && self.tail.room(self.shape, &self.hand, stride * (fit as u64 + 1)) == Room::Enough
        {
            fit += 1;
        }
        (room, fit.min(count))
    }

    fn pop(&mut self, op: Op) -> Judged {
        let most = self.shape.len_max as usize;
        let len = match (K::FIXED, op) {
            (Some(len), _) => len,
            (None, Op::ReadStream) => most + 1,
            (None, Op::Pop | Op::TryPopTo | Op::PopTimeout) if self.rng.below(8) == 0 => most,
            _ => self.rng.below(128) as usize,
        };
        if op == Op::ReadStream && self.exact {
            // What it read is told by where it left the head.
            self.hand.word(CONSUMER).store(self.head.at, Relaxed);
        }
        let max = 1 + self.rng.below(16) as usize;
        let waits = Duration::from_micros(self.rng.below(30));
        if op == Op::PopThreshold
            && let Some(rx) = &mut self.rx
        {
            rx.set_threshold(threshold(&mut self.rng, waits));
        }
        let before = self.head;
        let look = if self.exact { self.head.look(self.shape, &self.hand) } else { Look::Nothing };
        pattern(self.buffer.last(len + FRONT));
        self.lens.clear();
        self.board.begin(op);
        let how = Popping {
            buffer: self.buffer.last(len),
            max,
            timeout: waits,
            lens: &mut self.lens,
            rng: &mut self.rng,
        };
        let answer = K::pop(&mut self.rx, op, how);
        if op == Op::PopThreshold {
            self.rx.as_mut().map(|rx| rx.set_threshold(None));
        }
        let outcome = match answer {
            Ok(_) => Outcome::Success,
            Err(PopError::Empty) => Outcome::NotNow,
            Err(PopError::TimedOut) => Outcome::TimedOut,
            Err(PopError::Closed) => Outcome::Closed,
            Err(PopError::PeerDead) => Outcome::PeerDead,
            Err(PopError::Corrupt) => Outcome::Corrupt,
            _ => Outcome::Misfit,
        };
        self.board.end(op, outcome);
        let wrong =
            |why: String| Err(format!("{op:?} into {len} bytes answered {answer:?}: {why}"));
        if let Some(long) = self.lens.iter().find(|one| **one > self.shape.len_max) {
            return wrong(format!("{long} bytes were taken, and the longest record has {most}"));
        }
        if matches!(answer, Ok(taken) if taken > max) {
            return wrong(format!("more than {max}"));
        }
        self.untouched(op, answer, len)?;
        if op == Op::WaitAny {
            let stirs = look != Look::Nothing || self.head.corrupt;
            self.head.corrupt = before.corrupt;
            return match stirs && outcome != Outcome::Success && self.exact {
                true => wrong("there is something at the head".to_owned()),
                false => Ok(()),
            };
        }
        if self.rx_corrupt && outcome != Outcome::Corrupt {
            return wrong("it was Corrupt before, for good".to_owned());
        }
        self.rx_corrupt |= outcome == Outcome::Corrupt;
        if !self.exact {
            return Ok(());
        }
        self.board.add(Count::Foretold, 1);
        self.judge_pop(op, answer, look, len, max).or_else(wrong)
    }

    /// What lies in front of the buffer and behind what was taken is as it was.
    fn untouched(&mut self, op: Op, answer: super::kind::Popped, len: usize) -> Judged {
        let shown =
            matches!(op, Op::TryPeek | Op::PeekTimeout | Op::TryPopBatch | Op::PopBatchTimeout);
        let to_buffer = answer.is_ok()
            && matches!(
                (K::FIXED, op),
                (None, Op::TryPopTo | Op::PopTimeout | Op::Pop | Op::ReadStream)
                    | (Some(_), Op::TryPopInto | Op::TryPopTo)
            );
        let taken = match (shown, to_buffer) {
            (true, _) => len,
            (_, true) => self.lens.last().map_or(len, |one| (*one as usize).min(len)),
            _ => 0,
        };
        let bytes = self.buffer.last(len + FRONT);
        let (front, buffer) = bytes.split_at(FRONT);
        match front.iter().chain(&buffer[taken..]).all(|byte| *byte == 0xa5) {
            true => Ok(()),
            false => {
                Err(format!("{op:?} into {len} bytes, {taken} of them taken, wrote others too"))
            }
        }
    }

    fn judge_pop(
        &mut self,
        op: Op,
        answer: super::kind::Popped,
        look: Look,
        len: usize,
        max: usize,
    ) -> Judged {
        let narrow = K::FIXED.is_none() && matches!(op, Op::TryPopTo | Op::PopTimeout | Op::Pop);
        let at = self.head.at;
        let found = Err(format!("at head {at:#x} stands {look:?}"));
        match (look, answer) {
            (_, answer) if op == Op::ReadStream => {
                // Empty messages are no bytes: it may have gone over any number of them.
                self.head.at = self.hand.word(CONSUMER).load(Relaxed);
                self.head.corrupt |= answer == Err(PopError::Corrupt);
                return match (look, answer) {
                    (Look::Record(1..), Ok(1)) | (Look::Record(0), _) => Ok(()),
                    (Look::Corrupt, Err(PopError::Corrupt)) => Ok(()),
                    (Look::Nothing, Err(PopError::Closed | PopError::PeerDead)) => Ok(()),
                    _ => found,
                };
            }
            (Look::Record(needed), Err(PopError::TooSmall { len: told, needed: wanted })) => {
                let right = narrow && needed > len as u64 && wanted as u64 == needed && told == len;
                return if right { Ok(()) } else { found };
            }
            (Look::Record(needed), Ok(_)) if narrow && needed > len as u64 => return found,
            (Look::Record(first), Ok(taken)) => {
                let batch = matches!(op, Op::TryPopBatch | Op::PopBatchTimeout);
                let peek = matches!(op, Op::TryPeek | Op::PeekTimeout);
                let mut lens = vec![first];
                self.head.step(first);
                while batch
                    && lens.len() < max
                    && let Look::Record(len) = self.head.look(self.shape, &self.hand)
                {
                    lens.push(len);
                    self.head.step(len);
                }
                if peek && taken == 0 {
                    self.head.at = at;
                } else if taken != lens.len() {
                    return Err(format!("at head {at:#x} stand records of {lens:?} bytes"));
                } else {
                    self.counted(CONSUMER, self.head.at, op)?;
                }
                if lens != self.lens {
                    return Err(format!("records of {:?} and not {lens:?} bytes", self.lens));
                }
                return Ok(());
            }
            (Look::Nothing, Err(PopError::Empty)) if is_try(op) => {}
            (Look::Nothing, Err(PopError::TimedOut | PopError::Closed | PopError::PeerDead))
                if !is_try(op) => {}
            (Look::Nothing, Err(PopError::Corrupt)) if op == Op::PopThreshold => {
                // A tail that cannot be: a threshold is the one thing that looks at it.
                self.head.corrupt = true;
            }
            (Look::Corrupt, Err(PopError::Corrupt)) => {}
            _ => return found,
        }
        Ok(())
    }

    fn room(&mut self) -> Judged {
        let Some(tx) = &mut self.tx else { return Ok(()) };
        self.board.begin(Op::Room);
        let room = K::room(tx).unwrap_or(0);
        self.board.end(Op::Room, Outcome::Success);
        if self.exact {
            self.tail.look(self.shape, &self.hand, Shape::stride(self.shape.len_min));
        }
        if room > CAPACITY || (self.tx_corrupt || self.exact && self.tail.corrupt) && room > 0 {
            return Err(format!("Room answered {room} bytes, of {CAPACITY}"));
        }
        Ok(())
    }

    fn ready(&mut self) -> Judged {
        let Some(rx) = &self.rx else { return Ok(()) };
        self.board.begin(Op::Ready);
        let ready = K::ready(rx);
        self.board.end(Op::Ready, Outcome::Success);
        if ready > CAPACITY {
            Err(format!("Ready answered {ready} bytes, of {CAPACITY}"))
        } else {
            Ok(())
        }
    }

    fn peer(&mut self, of_tx: bool) -> Judged {
        self.board.begin(Op::Peer);
        let peer = match (of_tx, &self.tx, &self.rx) {
            (true, Some(tx), _) => tx.peer(),
            (_, _, Some(rx)) => rx.peer(),
            _ => return Ok(()),
        };
        let (outcome, there) = match peer {
            Peer::Absent => (Outcome::Absent, false),
            Peer::Alive { .. } => (Outcome::Alive, true),
            Peer::Closed { .. } => (Outcome::Closed, false),
            _ => (Outcome::PeerDead, false),
        };
        self.board.end(Op::Peer, outcome);
        // A session that changes all the time is somebody's who is alive.
        let both = self.tx.is_some() && self.rx.is_some();
        if there != both && (both || self.exact) {
            return Err(format!("Peer answered {peer:?}, and the lease says otherwise"));
        }
        Ok(())
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

fn is_try(op: Op) -> bool {
    use Op::*;
    matches!(
        op,
        TryPush
            | TryPushFrom
            | TryReserve
            | TryPushBatch
            | TryPop
            | TryPopInto
            | TryPopTo
            | TryPeek
            | TryPopBatch
            | TryIter
    )
}
