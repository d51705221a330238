//! Owns: the scenarios in which all rules must hold. Knows nothing of: how a model takes a step.

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

pub(crate) const NOTHING: Goal = Goal::Nothing;

const fn attach(role: Role, unlink: bool) -> Goal {
    Goal::Attach { role, create: true, unlink }
}

pub(crate) const PRODUCE: Goal = attach(Role::Producer, false);
pub(crate) const CONSUME: Goal = attach(Role::Consumer, false);
pub(crate) const LAST_PRODUCER: Goal = attach(Role::Producer, true);
pub(crate) const LAST_CONSUMER: Goal = attach(Role::Consumer, true);
pub(crate) const REMOVE: Goal = Goal::Remove { unread: false };
pub(crate) const REMOVE_ALL: Goal = Goal::Remove { unread: true };

pub(crate) const NAMES: Names = Names {
    goals: [PRODUCE, CONSUME, REMOVE],
    kills: 0,
    starts: 1,
    pushes: 1,
    left_over: false,
    pages: (9, 1),
    variant: variants::Names::Correct,
};

pub(crate) const LIFE: Life = Life {
    kills: 1,
    panics: 0,
    consumers: (1, &[Ends::Mine]),
    sessions: 2,
    records: 1,
    monitored: true,
    keeper_may_end: false,
    variant: variants::Life::Correct,
};

pub(crate) const FORKS: Forks =
    Forks { forks: 1, raw: false, takes: 1, threads: 2, variant: variants::Forks::Correct };

/// Scenarios in which all rules must hold.
pub fn scenarios() -> Vec<Scenario> {
    let mut all = Vec::new();
    let mut add = |name, states, long, world| all.push(Scenario { name, states, long, world });
    let mut names = |name, states, long, goals, names: Names| {
        add(name, states, long, World::Names(Names { goals, ..names }));
    };
    let pair = [LAST_PRODUCER, LAST_CONSUMER, REMOVE];
    names("a pair that removes, and a remover", 32_905, false, pair, NAMES);
    names(
        "a pair that removes, killed and restarted",
        82_460,
        false,
        [LAST_PRODUCER, LAST_CONSUMER, NOTHING],
        Names { kills: 1, starts: 2, ..NAMES },
    );
    names(
        "a pair and a remover, one killed",
        6_831,
        false,
        [PRODUCE, CONSUME, REMOVE],
        Names { kills: 1, left_over: true, ..NAMES },
    );
    names(
        "two producers and a remover, restarted",
        12_096,
        false,
        [PRODUCE, PRODUCE, REMOVE_ALL],
        Names { kills: 1, left_over: true, ..NAMES },
    );
    names(
        "replacing beside a producer and a remover",
        10_351,
        false,
        [PRODUCE, Goal::Replace { role: Role::Consumer }, REMOVE_ALL],
        Names { kills: 1, left_over: true, ..NAMES },
    );
    names(
        "two replace beside a consumer",
        18_224,
        false,
        [CONSUME, Goal::Replace { role: Role::Producer }, Goal::Replace { role: Role::Consumer }],
        NAMES,
    );
    names(
        "two create in memory for one",
        8_473,
        false,
        [PRODUCE, CONSUME, NOTHING],
        Names { starts: 2, pages: (3, 2), ..NAMES },
    );
    names(
        "three create in memory for one",
        1_285_141,
        true,
        [PRODUCE, CONSUME, LAST_PRODUCER],
        Names { pages: (4, 2), ..NAMES },
    );
    names(
        "two producers and a reader",
        63_316,
        false,
        [PRODUCE, PRODUCE, Goal::Read { role: Role::Producer }],
        Names { kills: 1, left_over: true, starts: 2, ..NAMES },
    );
    names(
        "a creator that links first",
        39_848,
        false,
        pair,
        Names { variant: variants::Names::LinksBeforeItLocks, ..NAMES },
    );
    names(
        "a pair that removes, and a remover, restarted",
        7_454_204,
        true,
        pair,
        Names { kills: 1, starts: 2, ..NAMES },
    );
    names(
        "two replace beside a consumer, restarted",
        6_066_078,
        true,
        [CONSUME, Goal::Replace { role: Role::Producer }, Goal::Replace { role: Role::Consumer }],
        Names { kills: 1, starts: 2, ..NAMES },
    );
    let mut life = |name, states, long, life| add(name, states, long, World::Life(life));
    let (mine, streams): (&[Ends], &[Ends]) = (&[Ends::Mine], &[Ends::OfStream]);
    let both: &[Ends] = &[Ends::Mine, Ends::OfStream];
    life("ends that are mine", 435_406, false, Life { records: 2, ..LIFE });
    life("ends of streams", 492_306, false, Life { records: 2, consumers: (1, streams), ..LIFE });
    life("a panic", 223_453, false, Life { kills: 0, panics: 1, consumers: (1, both), ..LIFE });
    life(
        "a keeper that ends alone",
        125_746,
        false,
        Life { kills: 0, keeper_may_end: true, ..LIFE },
    );
    life("a kernel that reports nothing", 116_494, false, Life { monitored: false, ..LIFE });
    let even = variants::Life::EndsItsPredecessor;
    life(
        "ends by an even number",
        389_731,
        false,
        Life { consumers: (1, both), variant: even, ..LIFE },
    );
    life("a panic, and a kill", 985_589, false, Life { panics: 1, consumers: (1, both), ..LIFE });
    life(
        "a session and two consumers, one after the other",
        148_304,
        false,
        Life { consumers: (2, both), sessions: 1, records: 2, ..LIFE },
    );
    life(
        "two consumers, one after the other",
        1_014_622,
        true,
        Life { consumers: (2, both), ..LIFE },
    );
    life(
        "three sessions, ends that are mine",
        10_342_860,
        true,
        Life { kills: 2, sessions: 3, records: 2, consumers: (1, mine), ..LIFE },
    );
    life(
        "three sessions, ends of streams",
        28_438_114,
        true,
        Life { kills: 2, sessions: 3, records: 3, consumers: (1, streams), ..LIFE },
    );
    life(
        "two consumers, two deaths",
        5_997_491,
        true,
        Life { kills: 2, records: 2, consumers: (2, both), ..LIFE },
    );
    let mut forks = |name, states, long, forks| add(name, states, long, World::Forks(forks));
    forks("two threads fork while one attaches", 24_924, false, FORKS);
    forks(
        "a fork while one attaches twice",
        54_902,
        false,
        Forks { threads: 1, takes: 2, ..FORKS },
    );
    forks(
        "a fork without handlers beside one",
        65_133,
        false,
        Forks { raw: true, threads: 1, takes: 2, ..FORKS },
    );
    forks(
        "forks without handlers, and of a child",
        40_023,
        false,
        Forks { raw: true, threads: 0, takes: 1, forks: 2, ..FORKS },
    );
    forks("a child that forks", 969_026, true, Forks { threads: 1, forks: 2, ..FORKS });
    all
}
