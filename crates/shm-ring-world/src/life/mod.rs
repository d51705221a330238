//! Owns: what the model of life consists of: the words of a ring that speak of sessions and ends, its producers one after
//! the other, and its consumers one after the other. Knows nothing of: names; how leases are held.
//!
//! Positions count records. Each store and each load of a shared word is a step, and a kill can come before any of them. The
//! kernel marks the liveness word some steps after a kill, and frees the lease some steps after that.

mod consumer;
mod producer;
mod rules;

use stateright::{Model, Property};

use self::consumer::{Call, Consumer};
use self::producer::Producer;
use crate::explore::{Telling, World};
use crate::rules::{Broken, always};
use crate::variants::Life as Variant;

/// Sessions that a run can have, numbered 1, 3, 5.
pub const SESSIONS: usize = 3;
/// Records that a run can have.
pub const RECORDS: usize = 3;

/// The producer's liveness word.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) enum Liveness {
    /// 0: nobody reports this side's death.
    #[default]
    Nobody,
    /// It names a thread.
    Watched,
    /// The holder has marked it, in a panic. It still names the thread.
    DiedAndWatched,
    /// The kernel has marked it, or a holder that named no thread.
    Died,
}

impl Liveness {
    pub(crate) fn is_marked(self) -> bool {
        matches!(self, Self::DiedAndWatched | Self::Died)
    }

    /// Whether the kernel marks it when its holder ends, and wakes who sleeps on it.
    pub(crate) fn names_a_thread(self) -> bool {
        matches!(self, Self::Watched | Self::DiedAndWatched)
    }
}

/// What an attaching producer stores of its session before that begins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Start {
    /// Its tail.
    pub(crate) began: u8,
    /// The last session before that ended without an orderly close.
    pub(crate) died_before: u8,
}

/// The words in shared memory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Words {
    pub(crate) session: u8,
    pub(crate) liveness: Liveness,
    pub(crate) tail: u8,
    /// Of the last two sessions, by turns.
    pub(crate) starts: [Start; 2],
    /// The last session that is known to have ended without an orderly close.
    pub(crate) died: u8,
    pub(crate) head: u8,
    /// The last session whose end was returned.
    pub(crate) told: u8,
}

/// How a session really ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) enum Fate {
    /// It has not begun, or not ended.
    #[default]
    Open,
    Closed,
    Died,
}

/// Which ends a consumer asks for: `Options::ends`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Ends {
    /// Of those that it met.
    Mine,
    /// Of every stream.
    OfStream,
}

/// The world.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct State {
    pub(crate) words: Words,
    pub(crate) producer: Producer,
    pub(crate) consumer: Consumer,
    /// What is true, whatever the words say.
    pub(crate) fates: [Fate; SESSIONS],
    /// Which session published each record.
    pub(crate) authors: [u8; RECORDS],
    /// The newest session that has ended for all to see: closed, marked, or with a free lease.
    pub(crate) left: u8,
    /// Sessions whose ends were returned, by bits.
    pub(crate) returned: u8,
    pub(crate) kills: u8,
    pub(crate) panics: u8,
    pub(crate) restarts: u8,
    pub(crate) keeper_ended_alone: bool,
    /// The rules that this state or the step before it breaks.
    pub broken: Broken,
}

/// What happens next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// The producer's next step, or that of one that attaches.
    Produce,
    /// It pushes.
    Push,
    /// It begins to close.
    Close,
    /// Its thread panics, and its end is dropped.
    Panic,
    /// It is killed.
    KillProducer,
    /// The kernel goes on with its end.
    TearDown,
    /// The thread that has the robust list ends, and nobody else.
    KeeperEnds,
    /// A consumer attaches.
    Attach(Ends),
    /// It calls `pop`.
    Pop,
    /// It calls `wait_for_peer`.
    WaitForPeer,
    /// Its next step.
    Consume,
    /// It is killed, or closes.
    KillConsumer,
}

/// A scenario.
#[derive(Clone, Copy, Debug)]
pub struct Life {
    /// How many producers may be killed, and how many panic.
    pub kills: u8,
    /// See `kills`.
    pub panics: u8,
    /// How many consumers there may be, and what they ask for.
    pub consumers: (u8, &'static [Ends]),
    /// How many sessions and records.
    pub sessions: u8,
    /// See `sessions`.
    pub records: u8,
    /// Whether the kernel reports deaths.
    pub monitored: bool,
    /// Whether the keeper may end alone.
    pub keeper_may_end: bool,
    /// The planted fault.
    pub variant: Variant,
}

impl Life {
    /// The fate of an odd session.
    pub(crate) fn fate(state: &State, session: u8) -> Fate {
        state.fates[usize::from(session / 2)]
    }
}

/// Where a session's [`Start`] stands: not where that of the session before it does.
pub(crate) fn slot(variant: Variant, session: u8) -> usize {
    if variant == Variant::OneStart { 0 } else { usize::from(session / 2 % 2) }
}

impl Model for Life {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        vec![State {
            words: Words::default(),
            producer: Producer::Absent,
            consumer: Consumer::absent(),
            fates: [Fate::Open; SESSIONS],
            authors: [0; RECORDS],
            left: 0,
            returned: 0,
            kills: self.kills,
            panics: self.panics,
            restarts: self.consumers.0,
            keeper_ended_alone: false,
            broken: Broken::default(),
        }]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        if state.broken.any() {
            return;
        }
        self.producer_actions(state, actions);
        self.consumer_actions(state, actions);
    }

    fn next_state(&self, before: &State, action: Action) -> Option<State> {
        let mut state = before.clone();
        match action {
            Action::Produce
            | Action::Push
            | Action::Close
            | Action::Panic
            | Action::KillProducer
            | Action::TearDown
            | Action::KeeperEnds => self.produce(&mut state, action),
            _ => self.consume(&mut state, action),
        }
        self.judge(&mut state);
        (state != *before).then_some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        let mut properties = always!(Self: LivingIsNotDead, HalfIsNotWhole, WholeIsNotHalf, ReportedOnce,
            NotMine, EndAfterRecords, StreamsApart, SomebodyWakes, NoStaleAnswer);
        properties.push(Property::sometimes("an end was returned", |_, state: &State| {
            state.returned != 0
        }));
        if self.sessions > 1 {
            properties.push(Property::sometimes("two ends were returned", |_, state: &State| {
                state.returned.count_ones() > 1
            }));
        }
        properties.push(Property::sometimes("a consumer sleeps", |_, state: &State| {
            state.consumer.sleeps()
        }));
        properties
    }
}

impl Telling for State {
    fn line(&self) -> String {
        let Words { session, liveness, tail, starts, died, head, told } = self.words;
        let [(one, before_one), (other, before_other)] =
            starts.map(|start| (start.began, start.died_before));
        format!(
            "[session {session}, {liveness:?}, tail {tail}, died {died}, starts {one}/{before_one} and \
             {other}/{before_other}; head {head}, told {told}; {}]",
            if self.producer.holds_lease() { "leased" } else { "free" }
        )
    }
}

impl World for Life {
    fn tell(&self, before: &State, action: &Action) -> String {
        match action {
            Action::Produce => format!("producer: {:?}", before.producer),
            Action::Consume => {
                let Consumer { at, call, .. } = before.consumer;
                match call {
                    Call::Attach => format!("consumer, attaching: {at:?}"),
                    Call::Pop => format!("consumer, pop: {at:?}"),
                    Call::WaitForPeer => format!("consumer, wait_for_peer: {at:?}"),
                }
            }
            Action::TearDown => format!("kernel: {:?}", before.producer),
            other => format!("{other:?}"),
        }
    }
}
