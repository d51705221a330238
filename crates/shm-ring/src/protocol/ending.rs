//! Owns: which end of the other side is owed to a side, and which was reported. Knows nothing of: how a lease is held, what
//! is done with an end.
//!
//! The end of a producer's session is owed to a consumer once: if it concerns that consumer, neither it nor an earlier consumer
//! has reported it (`told`), and all that the session published was read. The newest two sessions have ends of their own.
//! Those before them count with the older of the two.
//!
//! To a producer the end of the consumer's newest session is owed, if that is over and concerns it. No word notes what a
//! producer has reported: its successor need not know.

use core::cell::Cell;

use crate::protocol::layout::SidePage;
use crate::protocol::position::unpack;
use crate::protocol::session::{self, Life};
use crate::protocol::sync::{Foreign, Ordering};

/// What one look at the other side found.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seen {
    pub(crate) life: Life,
    /// The session word.
    pub(crate) session: u64,
    /// What else it found of a producer; `None` if the session changed each time.
    of_producer: Option<OfProducer>,
}

#[derive(Clone, Copy, Debug)]
struct OfProducer {
    tail: u64,
    start: Option<Start>,
}

/// Where the newest session began. A producer that does not store this leaves it unknown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Start {
    pub(crate) began: u64,
    /// The last session before it that ended without an orderly close.
    pub(crate) died_before: u64,
}

impl Seen {
    /// The newest session that has begun, or 0.
    pub(crate) fn begun(&self) -> u64 {
        begun(self.session)
    }

    pub(crate) fn is_over(&self) -> bool {
        matches!(self.life, Life::Closed | Life::Dead { .. })
    }

    #[cfg(loom)]
    pub(crate) fn start(&self) -> Option<Start> {
        self.of_producer.and_then(|seen| seen.start)
    }
}

/// The newest session that has begun if the session word is `session`, or 0.
pub(crate) fn begun(session: u64) -> u64 {
    if session % 2 == 1 { session } else { session.saturating_sub(1) }
}

/// Looks at the other side. All that is found belongs to one session, and the tail is loaded behind what says that it is over.
pub(crate) fn look(theirs: Foreign<'_, SidePage>, held: impl Fn() -> bool) -> Seen {
    let between = |session| OfProducer {
        start: start_of(theirs, begun(session)),
        tail: unpack(theirs.map(|page| &page.position.0.word).relaxed()).0,
    };
    let (life, session, of_producer) = session::look_with(theirs, held, between);
    Seen { life, session, of_producer }
}

fn start_of(theirs: Foreign<'_, SidePage>, session: u64) -> Option<Start> {
    let start = theirs.map(|page| page.ends.0.start_of(session));
    let is_its = session != 0 && start.map(|start| &start.session).relaxed() == session;
    is_its.then(|| Start {
        began: start.map(|start| &start.began).relaxed(),
        died_before: start.map(|start| &start.died_before).relaxed(),
    })
}

/// An end of the other side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct End {
    pub(crate) session: u64,
    /// Whether it, or one that it stands for, was not an orderly close.
    pub(crate) dead: bool,
    /// Whether all that was published before it was read.
    drained: bool,
}

/// What an end knows about those of the other side.
#[derive(Debug)]
pub(crate) struct Endings {
    /// Up to where a consumer has read. Not by its own page: what a hostile side writes there must not keep an end away.
    read: Cell<u64>,
    /// Of a producer: its ends come behind its records, and each is reported once among all consumers.
    of_producer: bool,
    /// The first session whose end concerns this side.
    mine_from: u64,
    /// Whether the ends of all streams do.
    of_stream: Cell<bool>,
    /// The newest session whose end was reported: at first as the word says.
    heard: Cell<u64>,
    /// The last end that this side reported. It is the answer until somebody follows.
    last: Cell<Option<End>>,
}

impl Endings {
    /// What a side knows that attaches and finds `seen`.
    pub(crate) fn attach(of_producer: bool, of_stream: bool, mine: &SidePage, seen: &Seen) -> Self {
        let heard = if of_producer { mine.ends.0.told.load(Ordering::Relaxed) } else { 0 };
        let mut endings = Self {
            read: Cell::new(mine.position.0.word.load(Ordering::Relaxed)),
            of_producer,
            mine_from: 0,
            // A consumer leaves no stream behind.
            of_stream: Cell::new(of_stream && of_producer),
            heard: Cell::new(heard),
            last: Cell::new(None),
        };
        endings.mine_from = endings.mine_from(seen);
        endings
    }

    /// A consumer has read up to `position`: what it says before it asks.
    pub(crate) fn has_read(&self, position: u64) {
        self.read.set(position);
    }

    /// The first session whose end concerns a side that attaches now, unless it asks for those of streams.
    fn mine_from(&self, seen: &Seen) -> u64 {
        let last = seen.begun();
        let next = if seen.is_over() { last.saturating_add(2) } else { last.max(1) };
        if !self.of_producer {
            return next;
        }
        let head = self.read.get();
        match seen.of_producer {
            None => last.max(1),
            Some(OfProducer { tail, .. }) if tail == head => next,
            // All that is unread is of the last session.
            Some(OfProducer { start: Some(Start { began, .. }), .. }) if head >= began => last,
            Some(_) => self.heard.get().saturating_add(1),
        }
    }

    /// The first session whose end would be news.
    fn from(&self) -> u64 {
        let mine_from = if self.of_stream.get() { 0 } else { self.mine_from };
        mine_from.max(self.heard.get().saturating_add(1))
    }

    /// Whether the ends of all streams concern this side; says whether they did.
    pub(crate) fn set_of_stream(&self, of_stream: bool) -> bool {
        self.of_stream.replace(of_stream)
    }

    /// The end that is owed to this side, if one is. `unread` says that what is unread does not hold it up.
    pub(crate) fn owed(&self, seen: &Seen, unread: bool) -> Option<End> {
        let (last, from) = (seen.begun(), self.from());
        let dead = matches!(seen.life, Life::Dead { .. });
        let concerns = seen.is_over() && last >= from;
        if !self.of_producer {
            let newest = concerns.then_some(End { session: last, dead, drained: true });
            return newest.or(self.told_before(seen));
        }
        let head = self.read.get();
        let OfProducer { tail, start } = seen.of_producer?;
        let drained = head >= tail;
        let newest = concerns && (drained || unread);
        let newest = newest.then(|| {
            let dead = dead || start.is_some_and(|start| start.died_before >= from);
            End { session: last, dead, drained }
        });
        let before = self.before(seen).filter(|start| {
            // A stream to which nothing comes any more: however much of it is unread.
            head >= start.began || unread && self.of_stream.get()
        });
        let before = before.map(|start| End {
            session: last - 2,
            dead: start.died_before >= from,
            drained: head >= start.began,
        });
        // Streams are kept apart. Otherwise the newest end stands for those before it.
        let owed = if self.of_stream.get() { before.or(newest) } else { newest.or(before) };
        let again = self.told_before(seen).filter(|_| drained || unread);
        owed.or(again.map(|end| End { drained, ..end }))
    }

    /// Where the newest session of a producer began, if the end of the one before it concerns this side.
    fn before(&self, seen: &Seen) -> Option<Start> {
        let start = seen.of_producer?.start?;
        (seen.begun() >= self.from().saturating_add(2)).then_some(start)
    }

    /// The end that was reported last, if nobody has followed since.
    fn told_before(&self, seen: &Seen) -> Option<End> {
        self.last.get().filter(|end| seen.is_over() && end.session == seen.begun())
    }

    /// Whether an end is owed, or will be once something more is read.
    pub(crate) fn concerns(&self, seen: &Seen) -> bool {
        let over = seen.is_over() && seen.begun() >= self.from();
        over || self.of_producer && self.before(seen).is_some() || self.told_before(seen).is_some()
    }

    /// Notes an end that is about to be returned: for the next consumer too, if all before it was read.
    pub(crate) fn tell(&self, mine: &SidePage, end: End) {
        if self.of_producer && end.drained {
            mine.ends.0.told.store(end.session, Ordering::Relaxed);
        }
        self.heard.set(self.heard.get().max(end.session));
        self.last.set(Some(end));
    }

    /// Whether the other side has a session whose end this side has not reported, or something that is unread.
    pub(crate) fn has_news(&self, theirs: Foreign<'_, SidePage>) -> bool {
        let tail = || unpack(theirs.map(|page| &page.position.0.word).relaxed()).0;
        let unread = || tail() != self.read.get();
        begun(session::number(theirs)) >= self.from() || self.of_producer && unread()
    }

    /// Below which position the records of one stream end, if another one's follow and its end is still owed.
    pub(crate) fn stream_end(&self, theirs: Foreign<'_, SidePage>) -> Option<u64> {
        // Neither life nor lease matters here: the next session has begun.
        self.before(&look(theirs, || true)).map(|start| start.began)
    }
}
