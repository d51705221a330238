//! Which operation is stepped against which.
//!
//! Owns: the operations, the states of the ring that they begin with, and how each may end. Knows nothing of: how
//! anything is run.

use shm_ring::Role;

use crate::rng::Rng;

/// What crosses: it fits the front, and does not divide the data.
pub(crate) type Value = [u64; 3];
/// Values that fit in the ring.
pub(crate) const ITEMS: u64 = 4;

/// Value number so-and-so, so that whoever takes one can tell which it is and whether it is whole.
pub(crate) fn value(number: u64) -> Value {
    [0, 1, 2].map(|at| Rng::new(number << 16 | at).next())
}

/// An operation that is stepped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Op {
    /// So many waiting pushes.
    Push(u64),
    TryPush,
    /// One, and the end of the role.
    PushClose,
    /// So many waiting pops.
    Pop(u64),
    TryPop,
    /// One, and the end of the role.
    PopClose,
    /// Taking a role, and a question about the other.
    Attach(Role),
    /// The same, and `TryPush`, or up to so many at once without waiting.
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
            Self::Push(_) | Self::TryPush | Self::PushClose => Some(Role::Producer),
            Self::Pop(_) | Self::TryPop | Self::PopClose => Some(Role::Consumer),
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

/// Two operations against each other.
#[derive(Clone, Debug)]
pub(crate) struct Case {
    /// Cases of one group are counted together.
    pub(crate) group: &'static str,
    /// Where the tail is at first: so many values before the last position in the data, at which one is over the end.
    pub(crate) before_wrap: u64,
    /// Values in the ring at first.
    pub(crate) prefill: u64,
    /// Whether the front holds the newest of them.
    pub(crate) front: bool,
    /// Whether a role that an operation succeeds to was left by a death, and not by nobody.
    pub(crate) after_death: bool,
    pub(crate) ops: [Op; 2],
    /// The role that a side takes afterwards if it holds none.
    pub(crate) then: [Role; 2],
}

impl Case {
    pub(crate) fn name(&self) -> String {
        let Self { before_wrap, prefill, ops: [a, b], .. } = self;
        let front = if self.front { " and in front" } else { "" };
        let death = if self.after_death { ", after a death" } else { "" };
        format!(
            "{a:?} against {b:?} ({prefill} there{front}, {before_wrap} before the wrap{death})"
        )
    }

    /// Whether nothing more has room at first.
    fn is_full(&self) -> bool {
        self.prefill == ITEMS
    }

    /// Whether side `which` may end like that.
    pub(crate) fn allows(&self, which: usize, outcome: Outcome) -> bool {
        let (op, other) = (self.ops[which], self.ops[1 - which]);
        let gone = matches!(other, Op::Close(_));
        let waits = matches!(op, Op::Push(_) | Op::Pop(_));
        match outcome {
            // Nothing comes from a producer that closes, and no room from such a consumer.
            Outcome::Done => !(gone && waits),
            Outcome::Nothing => match op {
                Op::TryPush => self.is_full(),
                Op::TryPop | Op::AttachPop(_) => self.prefill == 0,
                _ => false,
            },
            Outcome::Closed => gone && waits,
            // The successor may come too late for one that has nothing to do without it.
            Outcome::PeerDead => {
                let idle = self.is_full() || self.prefill == 0;
                self.after_death && other.succeeds().is_some() && idle
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

/// Everything that is stepped against each other, what is short first.
pub(crate) fn all() -> Vec<Case> {
    let mut cases = Vec::new();
    records(&mut cases);
    succeeding(&mut cases);
    attaching(&mut cases);
    cases
}

fn case(group: &'static str, before_wrap: u64, prefill: u64, ops: [Op; 2]) -> Case {
    let then = [Role::Producer, Role::Consumer];
    Case { group, before_wrap, prefill, front: false, after_death: false, ops, then }
}

fn records(cases: &mut Vec<Case>) {
    use Op::{Close, Pop, PopClose, Push, PushClose, TryPop, TryPush};
    // Over the end of the data, and right before that.
    for before_wrap in [0, 1] {
        let group = "push against pop";
        for prefill in [0, 1, ITEMS - 1, ITEMS] {
            cases.push(case(group, before_wrap, prefill, [TryPush, TryPop]));
        }
        cases.push(Case { front: true, ..case(group, before_wrap, 1, [TryPush, TryPop]) });
        cases.push(Case { front: true, ..case(group, before_wrap, 1, [Push(2), TryPop]) });
        cases.push(case("push against park", before_wrap, 0, [Push(1), Pop(1)]));
        cases.push(case("two pushes against two parks", before_wrap, 0, [Push(2), Pop(2)]));
        let group = "release against a waiting producer";
        cases.push(case(group, before_wrap, ITEMS, [Push(1), Pop(ITEMS)]));
        cases.push(case(group, before_wrap, ITEMS, [Push(2), Pop(ITEMS)]));
    }
    cases.push(case("close against park", 0, 0, [Close(Role::Producer), Pop(1)]));
    cases.push(case("close against park", 0, ITEMS, [Push(1), Close(Role::Consumer)]));
    cases.push(case("push and close against park", 0, 0, [PushClose, Pop(1)]));
    cases.push(case("pop and close against park", 0, ITEMS, [Push(1), PopClose]));
}

fn succeeding(cases: &mut Vec<Case>) {
    use Op::{AttachPop, AttachPush, Pop, Push};
    let group = "attach of a successor against a living peer";
    for after_death in [false, true] {
        for (prefill, ops) in [
            (0, [Push(1), AttachPop(ITEMS)]),
            (1, [Push(2), AttachPop(ITEMS)]),
            (0, [AttachPush, Pop(1)]),
            (1, [AttachPush, Pop(1)]),
            (ITEMS, [Push(1), AttachPop(ITEMS)]),
        ] {
            cases.push(Case { after_death, front: prefill == 1, ..case(group, 0, prefill, ops) });
        }
    }
}

fn attaching(cases: &mut Vec<Case>) {
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
        cases.push(Case { then, ..case(group, 0, prefill, ops) });
    }
}
