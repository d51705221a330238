//! Owns: the planted faults, with the rule that each must be seen to break and the bounds within which it does. Knows
//! nothing of: how a model takes a step.

use crate::catalogue::{
    CONSUME, FORKS, LAST_CONSUMER, LAST_PRODUCER, LIFE, NAMES, NOTHING, PRODUCE, REMOVE, World,
};
use crate::forks::Forks;
use crate::life::{Ends, Life};
use crate::names::{Goal, Names, Role};
use crate::variants;

/// A planted fault.
pub struct Planted {
    /// What it is called, and which.
    pub name: String,
    /// The rule that it breaks.
    pub rule: &'static str,
    /// What it looks like from outside, if that says more than its name.
    pub seen: &'static str,
    /// The model.
    pub world: World,
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
            "attached to a ring that had lost its name",
            beside,
            NAMES,
        );
        add(
            V::UnreadBeforeLeases,
            "UnreadStays",
            "recv and gc looked for unread records first",
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
            "recv removed without the roles",
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
            "an innocent ring lost its name",
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
            "a restarted creator made a second ring",
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
            "NoSpace although a ring is there",
            [PRODUCE, CONSUME, NOTHING],
            Names { pages: (3, 2), ..NAMES },
        );
        add(
            V::RefusedIsTaken,
            "RoleTakenIsTrue",
            "RoleTaken although the owner is dead or only removes",
            [PRODUCE, PRODUCE, NOTHING],
            Names { kills: 1, left_over: true, ..NAMES },
        );
        add(
            V::AsksWithWriteLock,
            "RoleTakenIsTrue",
            "a reader's lock counted as an owner",
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
            "a living successor beside its predecessor's mark",
            LIFE,
        );
        add(V::SessionIsLoadedOnce, "StreamsApart", "words of two sessions in one look", streams);
        add(V::TailIsLoadedFirst, "EndAfterRecords", "an end before the last records", mine);
        add(V::TailIsLoadedLast, "StreamsApart", "the next stream's record in this one", streams);
        add(
            V::DiedOfThisSessionIsIgnored,
            "NotMine",
            "beside a successor's mark the dead session looked alive again",
            LIFE,
        );
        add(V::EndsOfAnybody, "NotMine", "Closed by a producer of yesterday", LIFE);
        add(V::ReadingMakesNothingMine, "SomebodyWakes", "no end of what was read", LIFE);
        add(V::OnlyTheLivingAreAPeer, "SomebodyWakes", "wait_for_peer slept beside a record", LIFE);
        add(V::AnySessionIsAPeer, "NoStaleAnswer", "wait_for_peer answered about yesterday", LIFE);
        add(
            V::PanicCloses,
            "HalfIsNotWhole",
            "a panic looked like an orderly close",
            Life { panics: 1, kills: 0, ..LIFE },
        );
        add(
            V::PanicStoresDied,
            "SomebodyWakes",
            "a consumer that was rung for a panic looked at the liveness word, and slept on",
            Life { panics: 1, kills: 0, ..LIFE },
        );
        add(
            V::PanicForgetsTheThread,
            "SomebodyWakes",
            "killed in a panic before it rang",
            Life { panics: 1, ..LIFE },
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
            "one word `began`, overwritten by who attaches",
            Life { sessions: 3, kills: 0, ..streams },
        );
        add(
            V::OnlyTheLastKindCounts,
            "HalfIsNotWhole",
            "a half stream, then a whole one",
            Life { sessions: 3, ..mine },
        );
        add(V::SuccessorHidesDeath, "HalfIsNotWhole", "a death before the consumer looked", LIFE);
        add(V::DeathWaitsForLease, "SomebodyWakes", "nobody rings when a lease gets free", LIFE);
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
        add(V::NoHandlers, "LeaseGetsFree", "a child kept its parent's lease", FORKS);
        add(V::LocksBeforeItRegisters, "LeaseGetsFree", "", FORKS);
        add(V::GenerationIsNotChecked, "LeaseGetsFree", "", FORKS);
        add(V::GenerationIsOddOrEven, "LeaseGetsFree", "two threads that fork at once", FORKS);
        add(
            V::HandlerLeavesEntries,
            "InnocentDescriptorStays",
            "the handler of a grandchild closes what it should not",
            grandchild,
        );
        add(
            V::HandlerLeavesGeneration,
            "ChildCanAttach",
            "the generation stays odd in the child",
            FORKS,
        );
        add(V::UnregistersBeforeItUnlocks, "LeaseGetsFree", "", FORKS);
        add(V::ClosesBeforeItUnregisters, "InnocentDescriptorStays", "", FORKS);
        add(
            V::PidDecides,
            "ChildIsHarmless",
            "a worker in another pid namespace closed its parent's session",
            Forks { raw: true, ..FORKS },
        );
        add(V::InodeDecides, "LeaseIsKept", "", FORKS);
        add(V::TokenIsAskedBeforeTheBatch, "ChildIsHarmless", "a batch's iterator forked", FORKS);
    }
    all
}
