//! The victim: attaches, calls everything, and judges each answer by what stood in the region when it asked, as far as
//! nobody else was writing. A wrong answer panics, as the library may not: either is a violation. It must not know how
//! values and messages differ.

mod backlog;
mod judge;
mod messages;
mod sweep;
mod taken_messages;
mod values;

use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use rustix::fs::{MemfdFlags, memfd_create};
use shm_ring::{Error, Options, Peer, Region, Threshold, Wait};
use shm_ring_outsider::{
    DIED, Descriptor, Header, LIVENESS, Mapping, POSITION_END, Region as _, SESSION, Side, TOLD,
    Word, Writable as _, consumer, fresh, producer,
};

use crate::board::{Board, Count, Op, Outcome};
use crate::hand::{self, pick};
use crate::kind::{Kind, Reads as _, Writes as _};
use crate::memory::{Guarded, Hole};
use crate::rng::Rng;
use crate::truth::Truth;

/// Bytes of data of every ring here.
const CAPACITY: u64 = 4096;
/// Bytes in front of a caller's buffer that must stay as they are.
const FRONT: usize = 64;
/// What stands in a caller's buffer before a call.
const BLANK: u8 = 0xa5;
/// Bytes of a caller's buffer.
const BUFFER: usize = 8192;

pub struct Drive<K: Kind> {
    board: Board,
    pub rng: Rng,
    /// Opened once with the notice of death and once without, before the header is anybody's to write.
    rings: [K::Ring; 2],
    pub region: &'static Mapping,
    pub header: Header,
    /// Nobody else writes: every answer can be foretold.
    exact: bool,
    tx: Option<K::Tx>,
    rx: Option<K::Rx>,
    truth: Truth,
    tx_corrupt: bool,
    rx_corrupt: bool,
    /// What was corrupt is called again: nothing is written, and only calls are made that say `Corrupt`.
    sober: bool,
    /// One call in so many is one that may wait or asks the kernel.
    costly: u64,
    /// Ends of sessions beyond this are news to the ends that are attached.
    newest: u64,
    holes: [Hole; 2],
    source: Guarded,
    buffer: Guarded,
    made: u64,
}

/// What could not be set up.
type Made = Result<(), String>;

impl<K: Kind> Drive<K> {
    pub fn new(board: Board, seed: u64, exact: bool) -> Result<Self, String> {
        let told = |error: std::io::Error| error.to_string();
        let header = K::header();
        assert_eq!(header.capacity, CAPACITY, "the holes are for rings of one size");
        let file =
            memfd_create("attacked", MemfdFlags::CLOEXEC).map_err(|errno| errno.to_string())?;
        Descriptor::of(file.as_fd()).map_err(told)?.write(0, &fresh(&header));
        let open = |notice| {
            let region = Region::unsealed_descriptor(file.try_clone().map_err(told)?);
            K::open(region, &Options::new().death_notice(notice).attach_timeout(Duration::ZERO))
                .map_err(|error| error.to_string())
        };
        let rings = [open(true)?, open(false)?];
        // What a process maps once, for all its ends.
        drop(K::producer(&rings[1]).map_err(|error| error.to_string())?);
        // For as long as this process lives.
        let region: &'static Mapping = Box::leak(Box::new(Mapping::writable(&file).map_err(told)?));
        let mapped = (header.region_bytes() + CAPACITY) as usize;
        let mut source = Guarded::new(BUFFER).map_err(told)?;
        source.all().fill(BLANK);
        let buffer = Guarded::new(BUFFER).map_err(told)?;
        let mut drive = Self {
            board,
            rng: Rng::new(seed),
            rings,
            region,
            header,
            exact,
            tx: None,
            rx: None,
            truth: Truth::new(header, region),
            tx_corrupt: false,
            rx_corrupt: false,
            sober: false,
            costly: 512,
            newest: 0,
            // All that is mapped besides the ends is mapped by now.
            holes: [Hole::new(mapped).map_err(told)?, Hole::new(mapped).map_err(told)?],
            source,
            buffer,
            made: 0,
        };
        drive.settle(mapped)?;
        Ok(drive)
    }

    /// Plays what the bytes of `choices` say, over a ring that is new, until there are no more.
    pub fn play(&mut self, choices: Rng) {
        (self.rng, self.made) = (choices, 0);
        self.region.write(0, &fresh(&self.header));
        while !self.rng.is_spent() {
            self.round();
        }
    }

    /// Takes up every gap into which a mapping would go before it went into our holes.
    fn settle(&mut self, mapped: usize) -> Made {
        for _ in 0..1000 {
            let tx = K::producer(&self.rings[1]).map_err(|error| error.to_string())?;
            let rx = K::consumer(&self.rings[1]).map_err(|error| error.to_string())?;
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

    /// Attaches, calls, closes, until the time is over and so many calls were made.
    pub fn run(&mut self, until: Instant, calls: u64) {
        if self.exact {
            self.sweep();
        }
        while (Instant::now() < until || self.board.get(Count::Calls) < calls)
            && self.board.get(Count::Stop) == 0
        {
            self.round();
        }
    }

    fn round(&mut self) {
        self.board.set(Count::Mercy, 1);
        let unit = self.header.unit();
        let start = match self.rng.below(8) {
            0 => (POSITION_END / unit - 1 - self.rng.below(600)) * unit,
            1 => 0,
            _ => unit * self.rng.below(1 << 40),
        };
        hand::heal(self.region, &self.header, start);
        if self.rng.below(4) == 0 {
            hand::forge(&mut self.rng, self.region, &self.header, start, self.header.limit);
            for _ in 0..self.rng.below(3) {
                hand::hurt(&mut self.rng, self.region, &self.header);
            }
        }
        let who = self.rng.below(8);
        let (wants_tx, wants_rx) = (who >= 3, !(3..6).contains(&who));
        self.attach(wants_tx, wants_rx);
        let attached = usize::from(self.tx.is_some()) + usize::from(self.rx.is_some());
        if self.filled() == attached {
            self.board.add(Count::Guarded, attached as u64);
        }
        if !self.exact && self.rng.below(4) == 0 {
            hand::heal(self.region, &self.header, start);
        }
        self.board.set(Count::Mercy, 0);
        if !wants_tx || !wants_rx {
            // Who is not there was never there, has closed, or is dead.
            let side = if wants_tx { Side::Consumer } else { Side::Producer };
            self.region.set_named(side, Word::Session, self.rng.below(3));
        }
        if self.tx.is_some() && self.rx.is_some() && self.rng.below(4) == 0 {
            // A session that says one thing while the lease says another.
            self.region.set_named(Side::Consumer, Word::Session, self.rng.below(4));
            self.peer(true);
        }
        self.costly = if self.rng.below(32) == 0 { 32 } else { 8192 };
        for _ in 0..1 << (4 + self.rng.below(9)) {
            let nobody = self.tx.is_none() && self.rx.is_none();
            if nobody || self.tx_corrupt || self.rx_corrupt || self.rng.is_spent() {
                break;
            }
            self.turn();
        }
        self.after_corrupt();
        self.close();
    }

    fn close(&mut self) {
        self.board.begin(Op::Close);
        (self.tx, self.rx) = (None, None);
        self.board.end(Op::Close, Outcome::Success);
    }

    fn attach(&mut self, wants_tx: bool, wants_rx: bool) {
        (self.tx_corrupt, self.rx_corrupt, self.sober) = (false, false, false);
        let words = [(producer(), SESSION), (consumer(), SESSION), (consumer(), TOLD)];
        let said = words.map(|(page, word)| self.region.word(page + word));
        self.newest = said.into_iter().max().unwrap_or(0).saturating_add(2);
        let wait = pick(&mut self.rng, &[Wait::SPIN, Wait::BALANCED, Wait::PARK]);
        // A thread for each notice of death takes longer than an input of a fuzzer.
        let noticed = !self.rng.is_given() && self.rng.below(8) == 0;
        let ring = &self.rings[usize::from(!noticed)];
        if wants_tx {
            let truth = self.truth.producer();
            self.board.begin(Op::AttachProducer);
            let made = K::producer(ring);
            self.attached(Op::AttachProducer, truth.is_some(), made.as_ref().err());
            self.truth.tail = truth.unwrap_or(self.truth.tail);
            self.tx = made.ok();
            if self.exact && self.tx.is_some() {
                self.truth.stands();
            }
        }
        if wants_rx {
            let truth = self.truth.consumer();
            self.board.begin(Op::AttachConsumer);
            let made = K::consumer(ring);
            self.attached(Op::AttachConsumer, truth.is_some(), made.as_ref().err());
            self.truth.head = truth.unwrap_or(self.truth.head);
            self.rx = made.ok();
        }
        if let Some(tx) = &mut self.tx {
            tx.set_wait(wait);
        }
        if let Some(rx) = &mut self.rx {
            rx.set_wait(wait);
        }
    }

    fn attached(&self, op: Op, fine: bool, refused: Option<&Error>) {
        match refused {
            None => self.board.end(op, Outcome::Success),
            Some(Error::Corrupt { .. }) => self.board.end(op, Outcome::Corrupt),
            Some(error) => panic!("{op:?} answered: {error}"),
        }
        if self.exact {
            assert!(
                fine == refused.is_none(),
                "{op:?} at {} answered {refused:?} where the layout says {}",
                self.truth.words(),
                if fine { "fine" } else { "Corrupt" }
            );
            self.board.add(Count::Foretold, 1);
        }
    }

    /// One call, after the hand has written.
    fn turn(&mut self) {
        if self.exact && !self.sober {
            self.meddle();
        }
        let costly = self.rng.below(self.costly) == 0 && !self.sober;
        let pushes = match (&self.tx, &self.rx) {
            (Some(_), Some(_)) => self.rng.below(2) == 0,
            (tx, _) => tx.is_some(),
        };
        let alone = self.exact && (self.tx.is_none() || self.rx.is_none());
        if self.exact && costly && self.rng.below(3) == 0 {
            let (side, near) = match pushes {
                true => (Side::Consumer, self.truth.tail.position),
                false => (Side::Producer, self.truth.head.tail),
            };
            let wild = hand::wild(&mut self.rng, &self.header, near);
            hand::set_position(self.region, side, wild);
        }
        let rng = &mut self.rng;
        use Op::*;
        let op = match (pushes, costly, alone) {
            (true, true, true) => {
                pick(rng, &[Push, PushBatch, PushSlice, WriteStream, PushTimeout, Peer])
            }
            (true, true, false) => pick(rng, &[PushTimeout, ReserveTimeout, Peer]),
            (true, ..) => pick(
                rng,
                &[
                    TryPush,
                    TryPush,
                    TryPushFrom,
                    TryReserve,
                    TryPushBatch,
                    TryPushSlice,
                    TryPushAll,
                    Room,
                ],
            ),
            (false, true, true) => {
                pick(rng, &[Pop, Iter, ReadStream, PopTimeout, WaitAny, PopThreshold, Peer])
            }
            (false, true, false) => pick(
                rng,
                &[
                    PopTimeout,
                    PeekTimeout,
                    PopBatchTimeout,
                    PopSliceTimeout,
                    PopThreshold,
                    WaitAny,
                    Peer,
                ],
            ),
            (false, ..) => pick(
                rng,
                &[
                    TryPop,
                    TryPop,
                    TryPopInto,
                    TryPopTo,
                    TryPeek,
                    TryPopBatch,
                    TryPopSlice,
                    TryIter,
                    SkipUnread,
                    ReleaseTo,
                    ReleaseTo,
                    Ready,
                ],
            ),
        };
        let side = if pushes { Side::Consumer } else { Side::Producer };
        if alone && costly {
            let session = match op.waits_for_ever() {
                // Whoever is not there, never was or had gone before could be waited for, for ever.
                true if self.newest > 1 << 62 => return,
                true => (self.newest | 1) + 2 + self.rng.below(2),
                false => self.rng.below(4),
            };
            self.newest = self.newest.max(session);
            self.region.set_named(side, Word::Session, session);
        }
        self.call(op, pushes);
    }

    fn call(&mut self, op: Op, pushes: bool) {
        match op {
            Op::Peer => self.peer(pushes),
            Op::WaitAny => self.wait_any(),
            Op::SkipUnread => self.skip_unread(),
            Op::ReleaseTo => self.release_to(),
            Op::Room if self.sober => K::push(self, Op::TryPush),
            Op::Room => self.room(),
            Op::Ready if self.sober => K::pop(self, Op::TryPop),
            Op::Ready => self.ready(),
            op if pushes => K::push(self, op),
            op => K::pop(self, op),
        }
    }

    fn meddle(&mut self) {
        let Self { rng, region, header, truth, .. } = self;
        // Beside a producer that lives, forged records are a contradiction as soon as it publishes.
        let forges = if self.tx.is_some() { 82 } else { 144 };
        match rng.below(512) {
            0 => hand::hurt(rng, region, header),
            1..16 => hand::tease(rng, region, header),
            16..80 => hand::drain(rng, region, header, truth.tail.position),
            80..144 if self.rx.is_some() && rng.below(64) < forges - 80 => {
                let room = header.limit - (truth.head.tail - truth.head.released);
                hand::forge(rng, region, header, truth.head.tail, room);
            }
            _ => return,
        }
        self.board.add(Count::Writes, 1);
    }

    /// What was corrupt stays corrupt, whatever the region says by then.
    fn after_corrupt(&mut self) {
        if !self.tx_corrupt && !self.rx_corrupt {
            return;
        }
        if !self.tx_corrupt {
            self.tx = None;
        }
        if !self.rx_corrupt {
            self.rx = None;
        }
        if self.exact {
            // All is well, and the ring is empty.
            let at = match self.tx {
                Some(_) => self.truth.tail.position,
                None => self.truth.head.position,
            };
            hand::heal(self.region, &self.header, at);
        }
        self.sober = true;
        for _ in 0..4 {
            self.turn();
            self.board.add(Count::StayedCorrupt, 1);
        }
    }

    fn timeout(&mut self) -> Duration {
        Duration::from_micros(pick(&mut self.rng, &[0, 10, 30, 500]))
    }

    /// A threshold of any size, or none.
    fn threshold(&mut self, within: Duration) -> Option<Threshold> {
        let any = self.rng.next() as usize;
        let bytes = pick(&mut self.rng, &[0, 1, 8, 64, 4096, usize::MAX, any]);
        (self.rng.below(4) != 0).then(|| Threshold::bytes(bytes, within))
    }

    fn peer(&mut self, of_tx: bool) {
        let both = self.tx.is_some() && self.rx.is_some();
        self.board.begin(Op::Peer);
        let peer = match (of_tx, &self.tx, &self.rx) {
            (true, Some(tx), _) => tx.peer(),
            (_, _, Some(rx)) => rx.peer(),
            _ => return,
        };
        let (outcome, there) = match peer {
            Peer::Absent => (Outcome::Absent, false),
            Peer::Attaching | Peer::Alive { .. } => (Outcome::Alive, true),
            Peer::Closed { .. } => (Outcome::Closed, false),
            _ => (Outcome::PeerDead, false),
        };
        self.board.end(Op::Peer, outcome);
        // A session that changes all the time is somebody's who is alive. An even one, but for 0, is that of a side
        // which has closed, though it holds the lease yet.
        let closing = matches!(peer, Peer::Closed { session } if session != 0 && session % 2 == 0);
        // A side may be marked as dead, or its session called that of one that died: without a session it is not there.
        let page = if of_tx { consumer() } else { producer() };
        let [session, liveness, died] =
            [SESSION, LIVENESS, DIED].map(|at| self.region.word(page + at));
        let is_marked = liveness & 1 << 30 != 0 || session % 2 == 1 && died == session;
        let gone = matches!(peer, Peer::Absent | Peer::Dead { released: false, .. });
        let marked = gone && (is_marked || !self.exact);
        assert!(
            there == both || !both && !self.exact || both && (closing || marked),
            "Peer answered {peer:?}, and the lease says otherwise"
        );
    }
}

/// The library's own error inside an `io::Error`.
fn inside<E: Copy + std::error::Error + 'static>(error: &std::io::Error) -> E {
    *error.get_ref().and_then(|inner| inner.downcast_ref()).expect("an error of the library's")
}
