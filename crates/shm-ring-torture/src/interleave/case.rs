//! What is stepped against what, in which state of the ring, and how each operation may end. It must
//! not know how anything is run.

use shm_ring::Role;

use super::carried::Lengths;

/// Bytes of data of every ring here: the least there is.
pub(crate) const CAPACITY: u64 = 4096;

/// An operation that is stepped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Op {
    /// So many waiting pushes.
    Push(u64),
    TryPush,
    PushBatch(u64),
    ReserveCommit,
    /// So many waiting pops.
    Pop(u64),
    TryPop,
    /// A waiting pop of up to so many.
    PopBatch(u64),
    PeekRelease,
    /// A waiting pop with a threshold of so many bytes.
    PopThreshold(u64),
    /// Taking a role, and a question about the other.
    Attach(Role),
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
            Self::Push(_) | Self::TryPush | Self::PushBatch(_) | Self::ReserveCommit => {
                Some(Role::Producer)
            }
            Self::Pop(_)
            | Self::TryPop
            | Self::PopBatch(_)
            | Self::PeekRelease
            | Self::PopThreshold(_) => Some(Role::Consumer),
            Self::Close(role) => Some(role),
            Self::Attach(_) | Self::Create | Self::Open | Self::OpenOrCreate => None,
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

/// Whether a case carries values or messages of these lengths.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
    Values,
    Messages(Lengths),
}

/// Two operations against each other.
#[derive(Clone, Debug)]
pub(crate) struct Case {
    /// Cases of one group are counted together.
    pub(crate) group: &'static str,
    pub(crate) kind: Kind,
    /// Where the tail stands at first: so many bytes before the end of the data.
    pub(crate) before_wrap: u64,
    /// Records in the ring at first.
    pub(crate) prefill: u64,
    /// Whether another record has room at first.
    pub(crate) full: bool,
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
            Kind::Values => "values",
            Kind::Messages(_) => "messages",
        };
        format!("{a:?} against {b:?} ({kind}, {prefill} there, {before_wrap} before the wrap)")
    }

    /// Whether side `which` may end like that.
    pub(crate) fn allows(&self, which: usize, outcome: Outcome) -> bool {
        let (op, other) = (self.ops[which], self.ops[1 - which]);
        let gone = matches!(other, Op::Close(_));
        match outcome {
            // Nothing comes from a producer that closes, and no room from such a consumer.
            Outcome::Done => !(gone && matches!(op, Op::Push(_) | Op::Pop(_))),
            Outcome::Nothing => match op {
                Op::TryPush => self.full,
                Op::TryPop => self.prefill == 0,
                _ => false,
            },
            Outcome::Closed => gone && matches!(op, Op::Push(_) | Op::Pop(_)),
            Outcome::RoleTaken => match (op, other) {
                (Op::Attach(role), Op::Attach(others) | Op::Close(others)) => role == others,
                _ => false,
            },
            Outcome::NotFound => op == Op::Open,
            Outcome::AlreadyExists => op == Op::Create && other.makes(),
            Outcome::PeerDead | Outcome::Corrupt | Outcome::Other => false,
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

const SMALL: Lengths = |number| 8 + (number * 13 % 40) as usize;
/// One fills most of the ring.
const LARGE: Lengths = |_| 2600;
/// The first leaves no room for the second, and is less than a threshold of half a ring.
const GROWING: Lengths = |number| if number == 1 { 3000 } else { 1200 };

/// Values that fit.
const FULL: u64 = (CAPACITY - 8) / 24;

/// Everything that is stepped against each other.
pub(crate) fn all() -> Vec<Case> {
    use Op::*;
    let mut cases = Vec::new();
    let mut add = |group, kind, before_wrap, prefill, ops: [Op; 2]| {
        cases.push(Case {
            group,
            kind,
            before_wrap,
            prefill,
            full: prefill == FULL,
            ops,
            then: [Role::Producer, Role::Consumer],
            long: false,
        });
    };
    for kind in [Kind::Values, Kind::Messages(SMALL)] {
        // At the very start of the data, with only the commit word before the wrap, with the wrap
        // inside the payload.
        for before_wrap in [0, 8, 16] {
            add("push against pop", kind, before_wrap, 0, [TryPush, TryPop]);
            add("push against pop", kind, before_wrap, 1, [TryPush, TryPop]);
            add("push against park", kind, before_wrap, 0, [Push(1), Pop(1)]);
        }
        add("push_batch against pop", kind, 32, 0, [PushBatch(3), TryPop]);
        add("push_batch against pop", kind, 32, 0, [PushBatch(3), Pop(1)]);
        add("push against pop_batch", kind, 16, 3, [TryPush, PopBatch(8)]);
        add("push against pop_batch", kind, 16, 0, [TryPush, PopBatch(8)]);
        add("push_batch against pop_batch", kind, 32, 2, [PushBatch(3), PopBatch(8)]);
        add("reserve, commit against peek, release", kind, 16, 0, [ReserveCommit, PeekRelease]);
        add("reserve, commit against peek, release", kind, 16, 1, [ReserveCommit, PeekRelease]);
        add("two pushes against two parks", kind, 16, 0, [Push(2), Pop(2)]);
        add("close against park", kind, 8, 0, [Close(Role::Producer), Pop(1)]);
    }
    for prefill in [FULL - 1, FULL] {
        add("push against pop", Kind::Values, 16, prefill, [TryPush, TryPop]);
    }
    add("release against a waiting producer", Kind::Values, 16, FULL, [Push(1), PopBatch(FULL)]);
    let large = Kind::Messages(LARGE);
    add("release against a waiting producer", large, 16, 1, [Push(1), Pop(1)]);
    add("release against a waiting producer", large, 16, 1, [ReserveCommit, PeekRelease]);
    add("close against park", large, 16, 1, [Push(1), Close(Role::Consumer)]);
    let growing = Kind::Messages(GROWING);
    add("threshold against a waiting producer", growing, 16, 0, [Push(2), PopThreshold(2048)]);
    cases.extend(attaching());
    cases
}

fn attaching() -> Vec<Case> {
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
    let case = |(group, ops, then): (_, [Op; 2], _)| Case {
        group,
        kind: Kind::Values,
        before_wrap: 16,
        prefill: if ops.iter().any(|op| op.makes()) { 0 } else { 2 },
        full: false,
        ops,
        then,
        long: true,
    };
    rows.into_iter().map(case).collect()
}
