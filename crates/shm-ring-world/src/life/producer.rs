//! Owns: the order in which a producer stores the words of its session when it attaches, publishes, closes, panics and
//! dies. Knows nothing of: who reads them.

use super::{Action, Fate, Life, Liveness, Start, State, slot};
use crate::variants::Life as Variant;

/// What the producer, or one that attaches, does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Producer {
    /// The lease is free.
    Absent,
    /// The lease is held from here on. The session before ended without a close: its end is stored first.
    StoreDied,
    EndItsSession,
    StoreLiveness,
    StoreStart,
    StoreOdd,
    RingAfterAttaching,
    Attached,
    RingAfterPush,
    MarkItself,
    StoreEven,
    RingAfterClosing,
    ClearLiveness,
    Unlock,
    /// Killed, and nothing is stored any more.
    Killed,
    /// The lease is still held.
    Marked,
}

impl Producer {
    pub(crate) fn holds_lease(self) -> bool {
        self != Self::Absent
    }

    /// Whether the bell is still to ring for what was stored.
    pub(crate) fn will_ring(self) -> bool {
        use Producer::*;
        matches!(
            self,
            StoreDied
                | EndItsSession
                | StoreLiveness
                | StoreStart
                | StoreOdd
                | RingAfterAttaching
                | RingAfterPush
                | MarkItself
                | StoreEven
                | RingAfterClosing
        )
    }
}

impl Life {
    pub(super) fn producer_actions(&self, state: &State, actions: &mut Vec<Action>) {
        match state.producer {
            Producer::Absent => {
                if state.words.session.div_ceil(2) < self.sessions {
                    actions.push(Action::Produce);
                }
                return;
            }
            Producer::Killed | Producer::Marked => {
                actions.push(Action::TearDown);
                return;
            }
            Producer::Attached => {
                if state.words.tail < self.records {
                    actions.push(Action::Push);
                }
                actions.push(Action::Close);
                if state.panics > 0 {
                    actions.push(Action::Panic);
                }
                if self.keeper_may_end && state.words.liveness == Liveness::Watched {
                    actions.push(Action::KeeperEnds);
                }
            }
            _ => actions.push(Action::Produce),
        }
        if state.kills > 0 {
            actions.push(Action::KillProducer);
        }
    }

    pub(super) fn produce(&self, state: &mut State, action: Action) {
        match action {
            Action::Push => {
                state.authors[usize::from(state.words.tail)] = state.words.session;
                state.words.tail += 1;
                state.producer = match self.variant {
                    Variant::PushesWithoutRinging => Producer::Attached,
                    _ => Producer::RingAfterPush,
                };
            }
            Action::Close => {
                state.producer = match self.variant {
                    Variant::ClearsLivenessFirst => Producer::ClearLiveness,
                    _ => Producer::StoreEven,
                };
            }
            Action::Panic => {
                state.panics -= 1;
                // From here on nothing more comes.
                state.fates[usize::from(state.words.session / 2)] = Fate::Died;
                state.producer = match self.variant {
                    Variant::PanicCloses => Producer::StoreEven,
                    _ => Producer::MarkItself,
                };
            }
            Action::KillProducer => {
                state.kills -= 1;
                let session = state.words.session;
                let published = session % 2 == 1 && !self.is_before_odd(state.producer);
                if published && Self::fate(state, session) == Fate::Open {
                    state.fates[usize::from(session / 2)] = Fate::Died;
                }
                state.producer = Producer::Killed;
            }
            Action::TearDown if state.producer == Producer::Killed => {
                if state.words.liveness.names_a_thread() {
                    state.words.liveness = Liveness::Died;
                    state.consumer.woken();
                    self.leaves(state);
                }
                state.producer = Producer::Marked;
            }
            Action::TearDown => {
                self.leaves(state);
                state.producer = Producer::Absent;
            }
            Action::KeeperEnds => {
                state.words.liveness = Liveness::Died;
                state.keeper_ended_alone = true;
                state.consumer.woken();
            }
            _ => self.next_step(state),
        }
    }

    /// All can see that a session has ended which is still odd.
    fn leaves(&self, state: &mut State) {
        let session = state.words.session;
        if session % 2 == 1 && Self::fate(state, session) == Fate::Died {
            state.left = session;
        }
    }

    /// Whether the odd session word, if it is odd, is that of somebody before.
    pub(super) fn is_before_odd(&self, producer: Producer) -> bool {
        use Producer::*;
        matches!(producer, Absent | StoreDied | EndItsSession | StoreStart | StoreOdd)
            || producer == StoreLiveness && self.variant != Variant::SessionBeforeMark
    }

    fn next_step(&self, state: &mut State) {
        use Producer::*;
        let words = &mut state.words;
        let first = match self.variant {
            Variant::SessionBeforeMark => StoreStart,
            _ => StoreLiveness,
        };
        state.producer = match state.producer {
            // Takes the lease.
            Absent if words.session % 2 == 1 => StoreDied,
            Absent => first,
            StoreDied => {
                words.died = words.session;
                match self.variant {
                    Variant::EndsItsPredecessor => EndItsSession,
                    _ => first,
                }
            }
            EndItsSession => {
                words.session += 1;
                first
            }
            StoreLiveness => {
                words.liveness = if self.monitored { Liveness::Watched } else { Liveness::Nobody };
                match self.variant {
                    Variant::SessionBeforeMark => RingAfterAttaching,
                    _ => StoreStart,
                }
            }
            StoreStart => {
                let next = (words.session + 1) | 1;
                let start = Start { began: words.tail, died_before: words.died };
                words.starts[slot(self.variant, next)] = start;
                StoreOdd
            }
            StoreOdd => {
                words.session = (words.session + 1) | 1;
                match self.variant {
                    Variant::SessionBeforeMark => StoreLiveness,
                    Variant::AttachesWithoutRinging => Attached,
                    _ => RingAfterAttaching,
                }
            }
            RingAfterAttaching | RingAfterPush => {
                state.consumer.woken();
                Attached
            }
            // The session stays odd for as long as nobody follows: an even number is an orderly close.
            MarkItself => {
                match (self.variant, words.liveness) {
                    (Variant::PanicStoresDied, _) => words.died = words.session,
                    (Variant::PanicForgetsTheThread, _) => words.liveness = Liveness::Died,
                    // It may be killed before it rings: then the kernel still finds its thread here.
                    (_, Liveness::Watched) => words.liveness = Liveness::DiedAndWatched,
                    _ => words.liveness = Liveness::Died,
                }
                state.left = words.session;
                RingAfterClosing
            }
            StoreEven => {
                let fate = &mut state.fates[usize::from(words.session / 2)];
                if *fate == Fate::Open {
                    *fate = Fate::Closed;
                }
                state.left = words.session;
                words.session += 1;
                match self.variant {
                    Variant::ClosesWithoutRinging => ClearLiveness,
                    _ => RingAfterClosing,
                }
            }
            RingAfterClosing => {
                state.consumer.woken();
                match self.variant {
                    Variant::ClearsLivenessFirst => Unlock,
                    _ if words.liveness.is_marked() => Unlock,
                    _ => ClearLiveness,
                }
            }
            ClearLiveness => {
                words.liveness = Liveness::Nobody;
                match self.variant {
                    Variant::ClearsLivenessFirst => StoreEven,
                    _ => Unlock,
                }
            }
            Unlock => Absent,
            at @ (Attached | Killed | Marked) => at,
        };
    }
}
