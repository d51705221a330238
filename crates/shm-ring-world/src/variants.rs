//! Owns: the planted faults, one a variant. Knows nothing of: what they break (`planted`).

/// Faults of the model of names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Names {
    /// The protocol that keeps all rules.
    #[default]
    Correct,
    /// Also correct: a creator links the ring first, takes its role like anybody, and starts over if it lost the name.
    LinksBeforeItLocks,
    /// Attaches whatever the link count says.
    NoLookAtLinks,
    /// Looks for unread records first and takes the leases afterwards.
    UnreadBeforeLeases,
    /// Gives up the leases before it unlinks.
    LeasesGoBeforeTheName,
    /// Removes without taking any lease.
    RemovesWithoutLeases,
    /// Unlinks whatever the name leads to by now.
    NameIsNotCompared,
    /// Renames the name away to compare what it led to.
    RenamesAwayToCompare,
    /// Replaces without taking the leases of the old ring.
    ReplacesWithoutLeases,
    /// Replaces by unlinking and linking.
    ReplacesByUnlinking,
    /// A creator replaces what is there.
    CreatorsReplace,
    /// A closing creator unlinks, whoever else is there.
    CreatorUnlinks,
    /// The last user gives up when somebody else holds a lease.
    LastUserGivesUp,
    /// The last user takes the other lease while it keeps its own.
    LastUserKeepsItsLease,
    /// A lack of memory is answered at once.
    NoSpaceAtOnce,
    /// Whoever is refused a lease is answered `RoleTaken`.
    RefusedIsTaken,
    /// Asks who holds a lease with a write lock, which a reader is in the way of.
    AsksWithWriteLock,
}

/// Faults of the model of life.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Life {
    /// The protocol that keeps all rules.
    #[default]
    Correct,
    /// Also correct: an attaching side ends a session that was left odd, by an even number, before it begins its own.
    EndsItsPredecessor,
    /// An attaching side stores its session, then its liveness word.
    SessionBeforeMark,
    /// A look does not load the session again.
    SessionIsLoadedOnce,
    /// The tail is loaded with the session, before the look at what became of it, and not again.
    TailIsLoadedFirst,
    /// The tail is loaded after both loads of the session.
    TailIsLoadedLast,
    /// Of a session whose successor has stored its own mark, and not yet its session, only the mark is looked at.
    DiedOfThisSessionIsIgnored,
    /// By default ends are reported of whoever was there before.
    EndsOfAnybody,
    /// What was unread when a consumer came makes no end its own.
    ReadingMakesNothingMine,
    /// `wait_for_peer` returns for the living only.
    OnlyTheLivingAreAPeer,
    /// `wait_for_peer` returns for any session.
    AnySessionIsAPeer,
    /// An end that is dropped by a panic closes in order.
    PanicCloses,
    /// Such an end stores that it died, as its successor would, and clears its liveness word.
    PanicStoresDied,
    /// Such an end marks its liveness word, and takes its thread's name out of it.
    PanicForgetsTheThread,
    /// The end is returned, and then stored.
    ToldIsStoredAfterwards,
    /// While the next session is alive, the end before it waits until all is read.
    BeganIsNotLoaded,
    /// There is one place for where a session began.
    OneStart,
    /// Of several ends only the last says whether somebody died.
    OnlyTheLastKindCounts,
    /// A session that has a successor counts as closed.
    SuccessorHidesDeath,
    /// A mark counts only when the lease is free.
    DeathWaitsForLease,
    /// A closing side clears its liveness word before it stores the even session.
    ClearsLivenessFirst,
    /// A closing side does not ring.
    ClosesWithoutRinging,
    /// An attaching side does not ring.
    AttachesWithoutRinging,
    /// A push does not ring.
    PushesWithoutRinging,
}

/// Faults of the model of forks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Forks {
    /// The protocol that keeps all rules.
    #[default]
    Correct,
    /// A child keeps what it inherited.
    NoHandlers,
    /// The lease is locked before it is registered.
    LocksBeforeItRegisters,
    /// Whether there was a fork between opening and registering is not checked.
    GenerationIsNotChecked,
    /// One number counts forks that begin and end: two at once look like none.
    GenerationIsOddOrEven,
    /// The child's handler loads and closes, and stores nothing.
    HandlerLeavesEntries,
    /// The child's handler leaves the fork in progress.
    HandlerLeavesGeneration,
    /// A lease is unregistered before it is unlocked.
    UnregistersBeforeItUnlocks,
    /// A lease is closed before it is unregistered.
    ClosesBeforeItUnregisters,
    /// The pid tells whose an end is, and a child in another namespace has the same.
    PidDecides,
    /// A drop compares the inode and asks no token.
    InodeDecides,
    /// A batch asks for the token before it runs the caller's iterator, and not after.
    TokenIsAskedBeforeTheBatch,
}
