//! Which end of the other side is due to a side: "Ends" of LAYOUT.md.
//!
//! Owns: the rules of `mine_from` and of what is due. Knows nothing of: who holds a lock; its caller says that.

use crate::header::Header;
use crate::record::unpack;
use crate::region::Region;
use crate::side::{SideWords, Start};
use crate::words::Side;

/// An end of the other side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct End {
    /// Which session's.
    pub session: u64,
    /// Whether it, or one that counts with it, was no orderly close.
    pub dead: bool,
}

/// What a side knows about the ends of the other.
#[derive(Clone, Copy, Debug)]
pub struct Ends {
    side: Side,
    of_streams: bool,
    mine_from: u64,
    /// The last session whose end consumers before it reported.
    told_before: u64,
    told: Option<End>,
}

/// What a look finds.
struct Seen {
    begun: u64,
    over: Option<bool>,
    start: Option<Start>,
    tail: u64,
    head: u64,
    told: u64,
}

impl Seen {
    fn of<R: Region + ?Sized>(region: &R, header: &Header, side: Side, held: bool) -> Self {
        let other = SideWords::of(region, header, side.other());
        let own = SideWords::of(region, header, side);
        let session = other.session;
        let odd = session % 2 == 1;
        let begun = if odd { session } else { session.saturating_sub(1) };
        let dead = odd && (!held || other.liveness & 1 << 30 != 0 || other.died == session);
        let closed = !odd && session != 0;
        Self {
            begun,
            over: (dead || closed).then_some(dead),
            start: other.starts.into_iter().find(|start| begun != 0 && start.session == begun),
            tail: unpack(other.position).0,
            head: own.position,
            told: own.told,
        }
    }
}

impl Ends {
    /// What `side` knows that has just attached; `held` says whether somebody holds the lock of the other.
    pub fn attach<R: Region + ?Sized>(
        region: &R,
        header: &Header,
        side: Side,
        of_streams: bool,
        held: bool,
    ) -> Self {
        let seen = Seen::of(region, header, side, held);
        let next = if seen.over.is_some() { seen.begun + 2 } else { seen.begun.max(1) };
        let mine_from = match side {
            Side::Producer => next,
            Side::Consumer if seen.head == seen.tail => next,
            Side::Consumer if seen.start.is_some_and(|start| seen.head >= start.began) => {
                seen.begun
            }
            Side::Consumer => seen.told + 1,
        };
        let told_before = if side == Side::Consumer { seen.told } else { 0 };
        Self { side, of_streams, mine_from, told_before, told: None }
    }

    /// Whether the ends of all streams concern this side from now on.
    pub fn set_of_streams(&mut self, of_streams: bool) {
        self.of_streams = of_streams;
    }

    /// The end that a call which waits and finds nothing must return now, if one is due.
    pub fn due<R: Region + ?Sized>(&self, region: &R, header: &Header, held: bool) -> Option<End> {
        self.due_of(&Seen::of(region, header, self.side, held))
    }

    /// The same, once it has read up to `head`.
    pub fn due_at<R: Region + ?Sized>(
        &self,
        region: &R,
        header: &Header,
        held: bool,
        head: u64,
    ) -> Option<End> {
        self.due_of(&Seen { head, ..Seen::of(region, header, self.side, held) })
    }

    /// Where the next stream begins, if the end of one before it is to be told first.
    pub fn stream_end<R: Region + ?Sized>(&self, region: &R, header: &Header) -> Option<u64> {
        let seen = Seen::of(region, header, self.side, true);
        let start = seen.start.filter(|_| self.side == Side::Consumer && self.of_streams);
        start.filter(|_| seen.begun >= self.from() + 2).map(|start| start.began)
    }

    /// The first session whose end would be news.
    fn from(&self) -> u64 {
        let told = self.told.map_or(0, |end| end.session).max(self.told_before);
        let is_all = self.of_streams && self.side == Side::Consumer;
        let mine_from = if is_all { 0 } else { self.mine_from };
        mine_from.max(told + 1)
    }

    fn due_of(&self, seen: &Seen) -> Option<End> {
        let from = self.from();
        let again = self.told.filter(|end| end.session == seen.begun && seen.over.is_some());
        let is_consumer = self.side == Side::Consumer;
        let start = seen.start.filter(|_| is_consumer);
        let someone_died = start.is_some_and(|start| start.died_before >= from);
        let drained = !is_consumer || seen.head >= seen.tail;
        let newest = seen
            .over
            .filter(|_| seen.begun >= from && drained)
            .map(|dead| End { session: seen.begun, dead: dead || someone_died });
        let before = start
            .filter(|start| seen.begun >= from + 2 && seen.head >= start.began)
            .map(|_| End { session: seen.begun - 2, dead: someone_died });
        let due = if self.of_streams { before.or(newest) } else { newest.or(before) };
        due.or(again.filter(|_| drained))
    }

    /// That end was returned.
    pub fn tell(&mut self, end: End) {
        self.told = Some(end);
    }
}
