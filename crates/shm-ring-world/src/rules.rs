//! Owns: the promises, as rules that a state or a step can break. Knows nothing of: how a model finds that out.

/// A promise.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rule {
    /// A role of a ring has at most one owner that is attached.
    OneOwner,
    /// An attached side is on the ring that the name leads to.
    OnTheNamedRing,
    /// Unread records go only if that was asked for.
    UnreadStays,
    /// A name is taken from a ring only by a process that holds all its leases.
    RemovedUnderLeases,
    /// Replacing never leaves the name absent.
    NameNeverAbsent,
    /// When all sides that asked for removal have closed in order, the name is gone.
    LastUserRemoves,
    /// `NoSpace` is answered only while there is no ring to open.
    NoSpaceIsTrue,
    /// `RoleTaken` is answered only while an attached owner has not ended.
    RoleTakenIsTrue,
    /// A call starts over only if the name has changed since it began this round.
    RoundsAreBounded,
    /// No living owner is reported dead.
    LivingIsNotDead,
    /// An end after a death or a panic is not `Closed`.
    HalfIsNotWhole,
    /// An orderly close of a session is not `Dead`.
    WholeIsNotHalf,
    /// An end is reported once, whoever is the consumer.
    ReportedOnce,
    /// By default no end is reported of a session that had ended before the consumer came and of which it read nothing.
    NotMine,
    /// An end is reported after all records of the session.
    EndAfterRecords,
    /// Of streams, no record of the next one is delivered before the end of the one before.
    StreamsApart,
    /// No consumer sleeps while an end is owed or something is unread, unless somebody will wake it.
    SomebodyWakes,
    /// A consumer that waits for a peer is not answered about a session that it knows to have ended.
    NoStaleAnswer,
    /// A child changes no session, no position and no lease of its parent.
    ChildIsHarmless,
    /// The lease of a dead process gets free when no sharer lives.
    LeaseGetsFree,
    /// The handlers of a fork close no descriptor that is not a lease.
    InnocentDescriptorStays,
    /// A lease that is held for an attached side is not given up by anybody else.
    LeaseIsKept,
    /// A child can attach for itself.
    ChildCanAttach,
}

/// A set of broken rules.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Broken(u32);

impl Broken {
    /// Notes that `rule` is broken unless `kept`.
    pub fn expect(&mut self, rule: Rule, kept: bool) {
        if !kept {
            self.0 |= 1 << rule as u32;
        }
    }

    /// Whether a rule is kept.
    pub fn keeps(self, rule: Rule) -> bool {
        self.0 & 1 << rule as u32 == 0
    }

    /// Whether any rule is broken. Nothing is explored beyond that.
    pub fn any(self) -> bool {
        self.0 != 0
    }
}

/// Properties of a model whose states have a field `broken`: each rule must be kept in all of them.
macro_rules! always {
    ($model:ty: $($rule:ident),* $(,)?) => {
        vec![$(stateright::Property::always(
            stringify!($rule),
            |_: &$model, state: &<$model as stateright::Model>::State| {
                state.broken.keeps($crate::rules::Rule::$rule)
            },
        )),*]
    };
}
pub(crate) use always;
