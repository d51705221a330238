//! Which operation is stepped against which.
//!
//! Owns: the operations, the states of the ring that they begin with, and how each may end. Knows nothing of: how
//! anything is run.

use shm_ring::Role;

use super::payload::Lengths;

/// Bytes of data of every ring here, and of records in a ring of messages: the minimum on this machine.
pub(crate) const CAPACITY: u64 = 4096;
/// Values that fit in a ring of values.
pub(crate) const ITEMS: u64 = 4;

/// An operation that is stepped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Op {
    /// So many waiting pushes.
    Push(u64),
    TryPush,
    /// One, and the end of the role.
    PushClose,
    /// So many at once by an iterator.
    PushBatch(u64),
    /// The same by a slice.
    PushSlice(u64),
    /// So many in place.
    ReserveCommit(u64),
    /// So many waiting pops.
    Pop(u64),
    TryPop,
    /// Waits for the first of up to so many, which are taken by a callback.
    PopBatch(u64),
    /// The same by a slice.
    PopSlice(u64),
    /// The same in place.
    PeekRelease(u64),
    /// A waiting pop with a threshold of so many bytes.
    PopThreshold(usize),
    /// Taking a role, and a question about the other.
    Attach(Role),
    /// The same, and `TryPush` or `PopBatch` without waiting.
    AttachPush,
    AttachPop(u64),
    /// Dropping a role.
    Close(Role),
    Create,
    Open,
    OpenOrCreate,
}

impl Op {
    /// The role that is held before the operation.
    pub(crate) fn holds(self) -> Option<Role> {
        match self {
            Self::Push(_)
            | Self::TryPush
            | Self::PushClose
            | Self::PushBatch(_)
            | Self::PushSlice(_)
            | Self::ReserveCommit(_) => Some(Role::Producer),
            Self::Pop(_)
            | Self::TryPop
            | Self::PopBatch(_)
            | Self::PopSlice(_)
            | Self::PeekRelease(_)
            | Self::PopThreshold(_) => Some(Role::Consumer),
            Self::Close(role) => Some(role),
            _ => None,
        }
    }

    /// The role that it takes over, if a predecessor had it.
    pub(crate) fn succeeds(self) -> Option<Role> {
        match self {
            Self::AttachPush => Some(Role::Producer),
            Self::AttachPop(_) => Some(Role::Consumer),
            _ => None,
        }
    }

    /// Records that it takes in one call, at least as far as they are there.
    pub(crate) fn takes(self) -> u64 {
        match self {
            Self::PopBatch(count) | Self::PopSlice(count) | Self::PeekRelease(count) => count,
            _ => 0,
        }
    }

    fn makes(self) -> bool {
        matches!(self, Self::Create | Self::OpenOrCreate)
    }
}

/// How an operation ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u64)]
pub(crate) enum Outcome {
    Done = 1,
    /// Full or empty.
    Nothing,
    Closed,
    PeerDead,
    Corrupt,
    RoleTaken,
    NotFound,
    AlreadyExists,
    /// What must never be.
    Other,
}

impl Outcome {
    pub(crate) fn from_word(word: u64) -> Self {
        use Outcome::*;
        [Done, Nothing, Closed, PeerDead, Corrupt, RoleTaken, NotFound, AlreadyExists]
            .into_iter()
            .find(|outcome| *outcome as u64 == word)
            .unwrap_or(Other)
    }
}

/// What a case carries.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
    /// Values of so many bytes: 1, 8, 24, 64, 200 or 1024, of which as many fit as the data have room for.
    Values(u64),
    /// Messages of these lengths.
    Messages(&'static str, Lengths),
}

/// Two operations against each other.
#[derive(Clone, Debug)]
pub(crate) struct Case {
    /// Cases of one group are counted together.
    pub(crate) group: &'static str,
    pub(crate) kind: Kind,
    /// Where the tail is at first: so many values, or bytes of messages, before the last position that is not behind
    /// the end of the data. A value that does not divide the data is in both halves there.
    pub(crate) before_wrap: u64,
    /// Records in the ring at first.
    pub(crate) prefill: u64,
    /// Whether the front holds the newest of them, if it fits.
    pub(crate) front: bool,
    /// Whether another record has room at first.
    pub(crate) full: bool,
    /// Whether a role that an operation succeeds to was left by a death, and not by nobody.
    pub(crate) after_death: bool,
    pub(crate) ops: [Op; 2],
    /// The role that a side takes afterwards if it holds none.
    pub(crate) then: [Role; 2],
    /// An operation so long that not every instruction of it is tried in the short form.
    pub(crate) long: bool,
}

impl Case {
    pub(crate) fn name(&self) -> String {
        let Self { kind, before_wrap, prefill, ops: [a, b], .. } = self;
        let kind = match kind {
            Kind::Values(size) => format!("values of {size}"),
            Kind::Messages(name, _) => format!("{name} messages"),
        };
        let front = if self.front { " and in front" } else { "" };
        let death = if self.after_death { ", after a death" } else { "" };
        format!(
            "{a:?} against {b:?} ({kind}, {prefill} there{front}, {before_wrap} before the wrap{death})"
        )
    }

    /// Whether side `which` may end like that.
    pub(crate) fn allows(&self, which: usize, outcome: Outcome) -> bool {
        let (op, other) = (self.ops[which], self.ops[1 - which]);
        let gone = matches!(other, Op::Close(_));
        let waits = matches!(op, Op::Push(_) | Op::Pop(_) | Op::PopSlice(_));
        match outcome {
            // Nothing comes from a producer that closes, and no room from such a consumer.
            Outcome::Done => !(gone && waits),
            Outcome::Nothing => match op {
                Op::TryPush => self.full,
                Op::TryPop | Op::AttachPop(_) => self.prefill == 0,
                _ => false,
            },
            Outcome::Closed => gone && waits,
            // The successor may come too late for one that has nothing to do without it.
            Outcome::PeerDead => {
                self.after_death && other.succeeds().is_some() && (self.full || self.prefill == 0)
            }
            Outcome::RoleTaken => match (op, other) {
                (Op::Attach(role), Op::Attach(others) | Op::Close(others)) => role == others,
                _ => false,
            },
            Outcome::NotFound => op == Op::Open,
            Outcome::AlreadyExists => op == Op::Create && other.makes(),
            Outcome::Corrupt | Outcome::Other => false,
        }
    }

    /// Whether the two ends go together.
    pub(crate) fn agrees(&self, outcomes: [Outcome; 2]) -> bool {
        let exactly_one = match self.ops {
            [Op::Attach(one), Op::Attach(other)] => one == other,
            [Op::Create, Op::Create] => true,
            _ => false,
        };
        !exactly_one || outcomes.iter().filter(|outcome| **outcome == Outcome::Done).count() == 1
    }

    /// Whether the ring has a name, made by the operations.
    pub(crate) fn is_named(&self) -> bool {
        self.ops.iter().any(|op| op.makes())
    }
}

/// All of them fit the front; the first has no bytes.
const SHORT: Kind = Kind::Messages("short", |number| (number * 13 % 49) as usize);
/// None of them does.
const LONG: Kind = Kind::Messages("long", |number| 49 + (number * 29 % 150) as usize);
/// One fills most of the ring.
const LARGE: Kind = Kind::Messages("large", |_| 2600);
/// The first leaves no room for the second, and is less than a threshold of half a ring.
const GROWING: Kind = Kind::Messages("growing", |number| if number == 1 { 3000 } else { 1200 });

/// The next one goes where the oldest is: the limit is the capacity.
const PAGE_FULL: Kind = Kind::Values(CAPACITY / ITEMS);

/// What has a front and fits it, once each way, and what does not.
const EVERY: [Kind; 7] = [
    Kind::Values(1),
    Kind::Values(8),
    Kind::Values(24),
    Kind::Values(64),
    Kind::Values(200),
    SHORT,
    LONG,
];
/// Of these one each way.
const SOME: [Kind; 3] = [Kind::Values(24), Kind::Values(64), SHORT];

/// The cases as they are put together.
struct Cases(Vec<Case>);

impl Cases {
    /// `prefill` records in the data, and a front that is not to be used.
    fn add(
        &mut self,
        group: &'static str,
        kind: Kind,
        before_wrap: u64,
        prefill: u64,
        ops: [Op; 2],
    ) -> &mut Case {
        self.0.push(Case {
            group,
            kind,
            before_wrap,
            prefill,
            front: false,
            full: matches!(kind, Kind::Values(_)) && prefill == ITEMS,
            after_death: false,
            ops,
            then: [Role::Producer, Role::Consumer],
            long: false,
        });
        let last = self.0.len() - 1;
        &mut self.0[last]
    }
}

/// Everything that is stepped against each other.
pub(crate) fn all() -> Vec<Case> {
    let mut cases = Cases(Vec::new());
    one_by_one(&mut cases);
    many_at_once(&mut cases);
    waiting_for_room(&mut cases);
    succeeding(&mut cases);
    attaching(&mut cases);
    cases.0
}

fn one_by_one(cases: &mut Cases) {
    use Op::{Close, Pop, Push, PushClose, TryPop, TryPush};
    for kind in EVERY {
        // At the start of the data or over its end, and with the record header before the end.
        let near = if matches!(kind, Kind::Values(_)) { [0, 1] } else { [0, 8] };
        for before_wrap in near {
            let group = "push against pop";
            cases.add(group, kind, before_wrap, 0, [TryPush, TryPop]);
            cases.add(group, kind, before_wrap, 1, [TryPush, TryPop]);
            cases.add(group, kind, before_wrap, 1, [TryPush, TryPop]).front = true;
            cases.add("push against park", kind, before_wrap, 0, [Push(1), Pop(1)]);
        }
        cases.add("push against pop", kind, 0, 1, [Push(2), TryPop]).front = true;
        cases.add("two pushes against two parks", kind, 0, 0, [Push(2), Pop(2)]);
    }
    for prefill in [ITEMS - 1, ITEMS] {
        cases.add("push against pop", Kind::Values(24), 1, prefill, [TryPush, TryPop]);
        cases.add("push against pop", PAGE_FULL, 1, prefill, [TryPush, TryPop]);
    }
    for kind in SOME {
        cases.add("close against park", kind, 0, 0, [Close(Role::Producer), Pop(1)]);
        cases.add("push and close against park", kind, 0, 0, [PushClose, Pop(1)]);
    }
    cases.add(
        "close against park",
        Kind::Values(8),
        0,
        0,
        [Close(Role::Producer), Op::PopSlice(3)],
    );
}

fn many_at_once(cases: &mut Cases) {
    use Op::{
        PeekRelease, Pop, PopBatch, PopSlice, PushBatch, PushSlice, ReserveCommit, TryPop, TryPush,
    };
    for kind in EVERY {
        let group = "push_slice against pop_slice";
        cases.add(group, kind, 0, 0, [PushSlice(3), PopSlice(4)]);
        cases.add(group, kind, 0, 1, [PushSlice(3), PopSlice(4)]).front = true;
        let group = "reserve, commit against peek, release";
        cases.add(group, kind, 0, 0, [ReserveCommit(1), PeekRelease(1)]);
        cases.add(group, kind, 0, 1, [ReserveCommit(2), PeekRelease(4)]).front = true;
    }
    for kind in SOME {
        let group = "push_slice against pop";
        cases.add(group, kind, 0, 0, [PushSlice(3), TryPop]);
        cases.add(group, kind, 0, 0, [PushSlice(3), Pop(1)]);
        let group = "push_batch against pop_batch";
        cases.add(group, kind, 0, 2, [PushBatch(2), PopBatch(4)]);
        cases.add(group, kind, 0, 0, [PushBatch(3), PopBatch(4)]);
        let group = "push against pop_slice";
        cases.add(group, kind, 0, 3, [TryPush, PopSlice(4)]);
        cases.add(group, kind, 0, 0, [TryPush, PopSlice(4)]);
    }
}

fn waiting_for_room(cases: &mut Cases) {
    use Op::{
        Close, PeekRelease, Pop, PopBatch, PopSlice, PopThreshold, Push, PushSlice, ReserveCommit,
    };
    let group = "release against a waiting producer";
    for kind in [Kind::Values(1), Kind::Values(24), PAGE_FULL] {
        cases.add(group, kind, 0, ITEMS, [Push(1), PopBatch(ITEMS)]);
        cases.add(group, kind, 0, ITEMS, [PushSlice(3), PopSlice(ITEMS)]);
        cases.add(group, kind, 1, ITEMS, [ReserveCommit(1), PeekRelease(ITEMS)]);
    }
    // Each of these leaves no room for the next.
    let large = [
        (group, [Push(1), Pop(1)]),
        (group, [ReserveCommit(1), PeekRelease(1)]),
        ("close against park", [Push(1), Close(Role::Consumer)]),
    ];
    for (group, ops) in large {
        cases.add(group, LARGE, 16, 1, ops).full = true;
    }
    let group = "threshold against a waiting producer";
    cases.add(group, GROWING, 16, 0, [Push(2), PopThreshold(2048)]);
}

fn succeeding(cases: &mut Cases) {
    use Op::{AttachPop, AttachPush, Pop, PopSlice, Push, PushSlice};
    let group = "attach of a successor against a living peer";
    for after_death in [false, true] {
        for kind in SOME {
            for (prefill, ops) in [
                (0, [Push(1), AttachPop(ITEMS)]),
                (1, [PushSlice(2), AttachPop(ITEMS)]),
                (0, [AttachPush, Pop(1)]),
                (1, [AttachPush, PopSlice(4)]),
            ] {
                let case = cases.add(group, kind, 0, prefill, ops);
                (case.after_death, case.long, case.front) = (after_death, true, prefill > 0);
            }
        }
        for kind in [Kind::Values(24), LARGE] {
            let prefill = if matches!(kind, Kind::Values(_)) { ITEMS } else { 1 };
            let case = cases.add(group, kind, 0, prefill, [Push(1), AttachPop(prefill)]);
            (case.after_death, case.long, case.full) = (after_death, true, true);
        }
    }
}

fn attaching(cases: &mut Cases) {
    use Op::{Attach, Close, Create, Open, OpenOrCreate};
    use Role::{Consumer, Producer};
    let rows = [
        // Whoever loses takes the other role.
        ("attach against attach", [Attach(Producer), Attach(Consumer)], [Producer, Consumer]),
        ("attach against attach", [Attach(Producer), Attach(Producer)], [Consumer, Consumer]),
        ("attach against attach", [Attach(Consumer), Attach(Consumer)], [Producer, Producer]),
        ("attach against close", [Attach(Consumer), Close(Producer)], [Consumer, Producer]),
        ("attach against close", [Attach(Producer), Close(Consumer)], [Producer, Consumer]),
        ("attach against close", [Attach(Producer), Close(Producer)], [Producer, Consumer]),
        ("attach against close", [Attach(Consumer), Close(Consumer)], [Consumer, Producer]),
        ("create against open", [OpenOrCreate, OpenOrCreate], [Producer, Consumer]),
        ("create against open", [Create, Open], [Producer, Consumer]),
        ("create against open", [Create, Create], [Producer, Consumer]),
    ];
    for (group, ops, then) in rows {
        let prefill = if ops.iter().any(|op| op.makes()) { 0 } else { 2 };
        let case = cases.add(group, Kind::Values(24), 0, prefill, ops);
        (case.then, case.long) = (then, true);
    }
}
