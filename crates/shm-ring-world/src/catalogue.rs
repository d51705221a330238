//! Owns: the scenarios that are explored, and the planted faults with the rule that each breaks. Knows nothing of: how a
//! model takes a step.

use crate::explore::{Found, explore};
use crate::forks::Forks;
use crate::life::{Ends, Life};
use crate::names::{Goal, Names, Role};
use crate::variants;

/// A model with its bounds.
#[derive(Clone, Debug)]
pub enum World {
    /// See [`crate::names`].
    Names(Names),
    /// See [`crate::life`].
    Life(Life),
    /// See [`crate::forks`].
    Forks(Forks),
}

impl World {
    /// Explores it, all of it or until this rule is broken.
    pub fn explore(self, until_broken: Option<&'static str>) -> Found {
        match self {
            Self::Names(model) => explore(model, until_broken),
            Self::Life(model) => explore(model, until_broken),
            Self::Forks(model) => explore(model, until_broken),
        }
    }
}

/// A scenario in which all rules must hold.
pub struct Scenario {
    /// What it is called.
    pub name: &'static str,
    /// How many states it has: with other rules it has others.
    pub states: usize,
    /// Whether it is left to `--all`.
    pub long: bool,
    /// The model.
    pub world: World,
}

/// A planted fault.
pub struct Planted {
    /// What it is called, and which.
    pub name: String,
    /// The rule that it breaks.
    pub rule: &'static str,
    /// What was found in the library or in its design, as text for a reader.
    pub seen: &'static str,
    /// The model.
    pub world: World,
}

const NOTHING: Goal = Goal::Nothing;

const fn attach(role: Role, unlink: bool) -> Goal {
    Goal::Attach { role, create: true, unlink }
}

const PRODUCE: Goal = attach(Role::Producer, false);
const CONSUME: Goal = attach(Role::Consumer, false);
const LAST_PRODUCER: Goal = attach(Role::Producer, true);
const LAST_CONSUMER: Goal = attach(Role::Consumer, true);
const REMOVE: Goal = Goal::Remove { unread: false };
const REMOVE_ALL: Goal = Goal::Remove { unread: true };

const NAMES: Names = Names {
    goals: [PRODUCE, CONSUME, REMOVE],
    kills: 0,
    starts: 1,
    pushes: 1,
    left_over: false,
    pages: (9, 1),
    variant: variants::Names::Correct,
};

const LIFE: Life = Life {
    kills: 1,
    panics: 0,
    consumers: (1, &[Ends::Mine]),
    sessions: 2,
    records: 1,
    monitored: true,
    keeper_may_end: false,
    variant: variants::Life::Correct,
};

const FORKS: Forks =
    Forks { forks: 1, raw: false, takes: 1, threads: 2, variant: variants::Forks::Correct };

/// Scenarios in which all rules must hold.
pub fn scenarios() -> Vec<Scenario> {
    let mut all = Vec::new();
    let mut add = |name, states, long, world| all.push(Scenario { name, states, long, world });
    let mut names = |name, states, long, goals, names: Names| {
        add(name, states, long, World::Names(Names { goals, ..names }));
    };
    let pair = [LAST_PRODUCER, LAST_CONSUMER, REMOVE];
    names("a pair that removes, and a remover", 0, false, pair, NAMES);
    names(
        "a pair that removes, killed and restarted",
        0,
        false,
        [LAST_PRODUCER, LAST_CONSUMER, NOTHING],
        Names { kills: 1, starts: 2, ..NAMES },
    );
    names(
        "a pair and a remover, one killed",
        0,
        false,
        [PRODUCE, CONSUME, REMOVE],
        Names { kills: 1, left_over: true, ..NAMES },
    );
    names(
        "two producers and a remover, restarted",
        0,
        false,
        [PRODUCE, PRODUCE, REMOVE_ALL],
        Names { kills: 1, left_over: true, ..NAMES },
    );
    names(
        "replacing beside a producer and a remover",
        0,
        false,
        [PRODUCE, Goal::Replace { role: Role::Consumer }, REMOVE_ALL],
        Names { kills: 1, left_over: true, ..NAMES },
    );
    names(
        "two replace beside a consumer",
        0,
        false,
        [CONSUME, Goal::Replace { role: Role::Producer }, Goal::Replace { role: Role::Consumer }],
        NAMES,
    );
    names(
        "two create in memory for one",
        0,
        false,
        [PRODUCE, CONSUME, NOTHING],
        Names { starts: 2, pages: (3, 2), ..NAMES },
    );
    names(
        "three create in memory for one",
        0,
        true,
        [PRODUCE, CONSUME, LAST_PRODUCER],
        Names { pages: (4, 2), ..NAMES },
    );
    names(
        "two producers and a reader",
        0,
        false,
        [PRODUCE, PRODUCE, Goal::Read { role: Role::Producer }],
        Names { kills: 1, left_over: true, starts: 2, ..NAMES },
    );
    names(
        "a creator that links first",
        0,
        false,
        pair,
        Names { variant: variants::Names::LinksBeforeItLocks, ..NAMES },
    );
    names(
        "a pair that removes, and a remover, restarted",
        0,
        true,
        pair,
        Names { kills: 1, starts: 2, ..NAMES },
    );
    names(
        "two replace beside a consumer, restarted",
        0,
        true,
        [CONSUME, Goal::Replace { role: Role::Producer }, Goal::Replace { role: Role::Consumer }],
        Names { kills: 1, starts: 2, ..NAMES },
    );
    let mut life = |name, states, long, life| add(name, states, long, World::Life(life));
    let (mine, streams): (&[Ends], &[Ends]) = (&[Ends::Mine], &[Ends::OfStream]);
    let both: &[Ends] = &[Ends::Mine, Ends::OfStream];
    life("ends that are mine", 0, false, Life { records: 2, ..LIFE });
    life("ends of streams", 0, false, Life { records: 2, consumers: (1, streams), ..LIFE });
    life("a panic", 0, false, Life { kills: 0, panics: 1, consumers: (1, both), ..LIFE });
    life("a keeper that ends alone", 0, false, Life { kills: 0, keeper_may_end: true, ..LIFE });
    life("a kernel that reports nothing", 0, false, Life { monitored: false, ..LIFE });
    let even = variants::Life::EndsItsPredecessor;
    life("ends by an even number", 0, false, Life { consumers: (1, both), variant: even, ..LIFE });
    life(
        "ends by an even number, with a panic",
        0,
        true,
        Life { panics: 1, consumers: (1, both), variant: even, ..LIFE },
    );
    life("two consumers, one after the other", 0, false, Life { consumers: (2, both), ..LIFE });
    life(
        "three sessions, ends that are mine",
        0,
        true,
        Life { kills: 2, sessions: 3, records: 2, consumers: (1, mine), ..LIFE },
    );
    life(
        "three sessions, ends of streams",
        0,
        true,
        Life { kills: 2, sessions: 3, records: 3, consumers: (1, streams), ..LIFE },
    );
    life(
        "two consumers, two deaths",
        0,
        true,
        Life { kills: 2, records: 2, consumers: (2, both), ..LIFE },
    );
    let mut forks = |name, states, long, forks| add(name, states, long, World::Forks(forks));
    forks("two threads fork while one attaches", 0, false, FORKS);
    forks("a fork while one attaches twice", 0, false, Forks { threads: 1, takes: 2, ..FORKS });
    forks(
        "a fork without handlers beside one",
        0,
        false,
        Forks { raw: true, threads: 1, takes: 2, ..FORKS },
    );
    forks(
        "forks without handlers, and of a child",
        0,
        false,
        Forks { raw: true, threads: 0, takes: 1, forks: 2, ..FORKS },
    );
    forks("a child that forks", 0, true, Forks { threads: 1, forks: 2, ..FORKS });
    all
}

/// Planted faults, each with the rule that must be seen broken.
pub fn planted() -> Vec<Planted> {
    let mut all = Vec::new();
    {
        use variants::Names as V;
        let mut add = |variant, rule, seen, goals, names: Names| {
            let world = World::Names(Names { goals, variant, ..names });
            all.push(Planted { name: format!("{variant:?}"), rule, seen, world });
        };
        let beside = [PRODUCE, CONSUME, REMOVE];
        let left = Names { left_over: true, ..NAMES };
        let pair = [LAST_PRODUCER, LAST_CONSUMER, NOTHING];
        let reader = [PRODUCE, NOTHING, Goal::Read { role: Role::Producer }];
        let replace = [PRODUCE, Goal::Replace { role: Role::Consumer }, NOTHING];
        add(
            V::NoLookAtLinks,
            "OnTheNamedRing",
            "attached to a ring that had lost its name (B2)",
            beside,
            NAMES,
        );
        add(
            V::UnreadBeforeLeases,
            "UnreadStays",
            "recv and gc looked for unread records first (B1)",
            beside,
            NAMES,
        );
        add(
            V::LeasesGoBeforeTheName,
            "RemovedUnderLeases",
            "removal gave up the leases before it unlinked",
            beside,
            NAMES,
        );
        add(
            V::RemovesWithoutLeases,
            "RemovedUnderLeases",
            "recv removed without the roles (B1)",
            beside,
            NAMES,
        );
        add(
            V::NameIsNotCompared,
            "RemovedUnderLeases",
            "another ring's name removed",
            [PRODUCE, REMOVE, REMOVE],
            Names { starts: 2, pushes: 0, ..NAMES },
        );
        add(
            V::RenamesAwayToCompare,
            "OnTheNamedRing",
            "an innocent ring lost its name (DESIGN 7)",
            [PRODUCE, REMOVE, REMOVE],
            Names { starts: 2, pushes: 0, ..NAMES },
        );
        add(
            V::ReplacesWithoutLeases,
            "RemovedUnderLeases",
            "replaced under a living side",
            replace,
            Names { pushes: 0, ..NAMES },
        );
        add(
            V::ReplacesByUnlinking,
            "NameNeverAbsent",
            "the name is absent between unlinking and linking",
            replace,
            Names { pushes: 0, ..NAMES },
        );
        add(
            V::CreatorsReplace,
            "RemovedUnderLeases",
            "two creators in two rings",
            [PRODUCE, CONSUME, NOTHING],
            NAMES,
        );
        add(
            V::CreatorUnlinks,
            "RemovedUnderLeases",
            "a restarted creator made a second ring (B4)",
            pair,
            NAMES,
        );
        add(
            V::LastUserGivesUp,
            "LastUserRemoves",
            "two that close at once leave the name",
            pair,
            Names { pushes: 0, ..NAMES },
        );
        add(
            V::LastUserKeepsItsLease,
            "LastUserRemoves",
            "two that close at once wait for each other",
            pair,
            Names { pushes: 0, ..NAMES },
        );
        add(
            V::NoSpaceAtOnce,
            "NoSpaceIsTrue",
            "NoSpace although a ring is there (B3)",
            [PRODUCE, CONSUME, NOTHING],
            Names { pages: (3, 2), ..NAMES },
        );
        add(
            V::RefusedIsTaken,
            "RoleTakenIsTrue",
            "RoleTaken by a dead process (A3), or a remover (B2)",
            [PRODUCE, PRODUCE, NOTHING],
            Names { kills: 1, left_over: true, ..NAMES },
        );
        add(
            V::AsksWithWriteLock,
            "RoleTakenIsTrue",
            "a reader's lock counted as an owner (A2)",
            reader,
            left,
        );
    }
    {
        use variants::Life as V;
        let mut add = |variant, rule, seen, life: Life| {
            let world = World::Life(Life { variant, ..life });
            all.push(Planted { name: format!("{variant:?}"), rule, seen, world });
        };
        let streams = Life { consumers: (1, &[Ends::OfStream]), records: 2, ..LIFE };
        let both = Life { consumers: (2, &[Ends::Mine, Ends::OfStream]), ..LIFE };
        let mine = Life { records: 2, ..LIFE };

        add(
            V::SessionBeforeMark,
            "LivingIsNotDead",
            "DESIGN 6: a living successor beside its predecessor's mark",
            LIFE,
        );
        add(V::SessionIsLoadedOnce, "StreamsApart", "words of two sessions in one look", streams);
        add(
            V::TailIsLoadedFirst,
            "EndAfterRecords",
            "an end before the last records (LAYOUT step 5)",
            mine,
        );
        add(V::TailIsLoadedLast, "StreamsApart", "the next stream's record in this one", streams);
        add(
            V::DiedOfThisSessionIsIgnored,
            "NotMine",
            "beside a successor's mark the dead session looked alive again",
            LIFE,
        );
        add(V::EndsOfAnybody, "NotMine", "Closed by a producer of yesterday (A5)", LIFE);
        add(V::ReadingMakesNothingMine, "SomebodyWakes", "no end of what was read", LIFE);
        add(
            V::OnlyTheLivingAreAPeer,
            "SomebodyWakes",
            "wait_for_peer slept beside a record (A4)",
            LIFE,
        );
        add(V::AnySessionIsAPeer, "NoStaleAnswer", "wait_for_peer answered about yesterday", LIFE);
        add(
            V::PanicCloses,
            "HalfIsNotWhole",
            "a panic looked like an orderly close (A8)",
            Life { panics: 1, kills: 0, ..LIFE },
        );
        add(
            V::ToldIsStoredAfterwards,
            "ReportedOnce",
            "an end twice, beside the kill of a consumer",
            both,
        );
        add(V::BeganIsNotLoaded, "StreamsApart", "two streams joined", streams);
        add(
            V::OneStart,
            "StreamsApart",
            "DESIGN 6: one word `began`, overwritten by who attaches",
            Life { sessions: 3, kills: 0, ..streams },
        );
        add(
            V::OnlyTheLastKindCounts,
            "HalfIsNotWhole",
            "a half stream, then a whole one",
            Life { sessions: 3, ..mine },
        );
        add(V::SuccessorHidesDeath, "HalfIsNotWhole", "a death before the consumer looked", LIFE);
        add(
            V::DeathWaitsForLease,
            "SomebodyWakes",
            "nobody rings when a lease gets free (A3)",
            LIFE,
        );
        add(V::ClearsLivenessFirst, "SomebodyWakes", "killed while closing, and no mark", LIFE);
        add(V::ClosesWithoutRinging, "SomebodyWakes", "", LIFE);
        add(V::AttachesWithoutRinging, "SomebodyWakes", "", LIFE);
        add(V::PushesWithoutRinging, "SomebodyWakes", "", LIFE);
    }
    {
        use variants::Forks as V;
        let mut add = |variant, rule, seen, forks: Forks| {
            let world = World::Forks(Forks { variant, ..forks });
            all.push(Planted { name: format!("{variant:?}"), rule, seen, world });
        };
        let grandchild = Forks { threads: 1, forks: 2, ..FORKS };
        add(V::NoHandlers, "LeaseGetsFree", "a child kept its parent's lease (A7)", FORKS);
        add(V::LocksBeforeItRegisters, "LeaseGetsFree", "", FORKS);
        add(V::GenerationIsNotChecked, "LeaseGetsFree", "", FORKS);
        add(
            V::GenerationIsOddOrEven,
            "LeaseGetsFree",
            "DESIGN 6: two threads that fork at once",
            FORKS,
        );
        add(
            V::HandlerLeavesEntries,
            "InnocentDescriptorStays",
            "DESIGN 6: the handler of a grandchild closes what it should not",
            grandchild,
        );
        add(
            V::HandlerLeavesGeneration,
            "ChildCanAttach",
            "DESIGN 6: the generation stays odd in the child",
            FORKS,
        );
        add(V::UnregistersBeforeItUnlocks, "LeaseGetsFree", "", FORKS);
        add(V::ClosesBeforeItUnregisters, "InnocentDescriptorStays", "", FORKS);
        add(
            V::PidDecides,
            "ChildIsHarmless",
            "a worker in another pid namespace closed its parent's session (A1)",
            Forks { raw: true, ..FORKS },
        );
        add(V::InodeDecides, "LeaseIsKept", "", FORKS);
        add(
            V::TokenIsAskedBeforeTheBatch,
            "ChildIsHarmless",
            "a batch's iterator forked (A7)",
            FORKS,
        );
    }
    all
}
