//! Owns: how a consumer looks at the other side, decides which end it is owed, and sleeps. Knows nothing of: what is true.

use super::{Action, Ends, Life, Liveness, Start, State, Words, slot};
use crate::variants::Life as Variant;

/// Which call looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Call {
    Attach,
    Pop,
    WaitForPeer,
}

/// What the consumer does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum At {
    Absent,
    Ready,
    /// Loads the bell and the liveness word that it may sleep on.
    Arm,
    LoadTail,
    LoadSession,
    LoadLiveness,
    AskForLease,
    LoadDied,
    LoadStart,
    LoadSessionAgain,
    LoadTailAgain,
    StoreTold(End),
    Return(End),
    StoreToldAfterReturning(End),
    FallAsleep,
    Asleep,
}

/// An end to be returned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct End {
    pub(crate) session: u8,
    pub(crate) dead: bool,
}

/// The consumer, with what it has loaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Consumer {
    pub(crate) at: At,
    pub(crate) call: Call,
    pub(crate) ends: Ends,
    armed: Liveness,
    /// Whether the bell has rung since it was loaded.
    rung: bool,
    tail: u8,
    /// The session that this call has found alive.
    alive: u8,
    session: u8,
    dead: bool,
    died: u8,
    start: Start,
    /// The first session whose end concerns it.
    mine_from: u8,
    /// True: the last session that had ended when it began to attach, and when it had attached.
    pub(crate) left_before: u8,
    pub(crate) left_after: u8,
    /// True: of which sessions it read records, by bits, and of which last.
    pub(crate) read: u8,
    pub(crate) last_read: u8,
}

impl Consumer {
    pub(crate) fn absent() -> Self {
        Self {
            at: At::Absent,
            call: Call::Attach,
            ends: Ends::Mine,
            armed: Liveness::Nobody,
            rung: false,
            tail: 0,
            alive: 0,
            session: 0,
            dead: false,
            died: 0,
            start: Start::default(),
            mine_from: 0,
            left_before: 0,
            left_after: 0,
            read: 0,
            last_read: 0,
        }
    }

    pub(crate) fn sleeps(&self) -> bool {
        self.at == At::Asleep
    }

    /// The bell rings, or the kernel wakes it.
    pub(crate) fn woken(&mut self) {
        if self.at == At::Asleep {
            self.at = At::Arm;
        } else if self.at != At::Absent && self.at != At::Ready {
            self.rung = true;
        }
    }

    fn is_alive(&self) -> bool {
        self.session % 2 == 1 && !self.dead
    }

    /// The newest session that has begun, or 0.
    fn begun(&self) -> u8 {
        if self.session % 2 == 1 { self.session } else { self.session.saturating_sub(1) }
    }

    fn call(&mut self, call: Call) {
        self.call = call;
        self.rung = false;
        self.at = if call == Call::Attach { At::LoadSession } else { At::Arm };
    }

    /// What it loaded is of no use any more. That makes states equal which are.
    fn done(&mut self) {
        self.at = At::Ready;
        (self.armed, self.rung, self.tail, self.session) = (Liveness::Nobody, false, 0, 0);
        (self.alive, self.dead, self.died, self.start) = (0, false, 0, Start::default());
    }
}

impl Life {
    pub(super) fn consumer_actions(&self, state: &State, actions: &mut Vec<Action>) {
        match state.consumer.at {
            At::Absent => {
                if state.restarts > 0 {
                    actions.extend(self.consumers.1.iter().map(|ends| Action::Attach(*ends)));
                }
                return;
            }
            At::Ready => actions.extend([Action::Pop, Action::WaitForPeer]),
            At::Asleep => {}
            _ => actions.push(Action::Consume),
        }
        actions.push(Action::KillConsumer);
    }

    pub(super) fn consume(&self, state: &mut State, action: Action) {
        match action {
            Action::Attach(ends) => {
                state.restarts -= 1;
                state.consumer = Consumer { ends, ..Consumer::absent() };
                state.consumer.left_before = state.left;
                state.consumer.call(Call::Attach);
            }
            Action::Pop => state.consumer.call(Call::Pop),
            Action::WaitForPeer => state.consumer.call(Call::WaitForPeer),
            Action::KillConsumer => state.consumer = Consumer::absent(),
            _ => self.consumers_step(state),
        }
    }

    fn consumers_step(&self, state: &mut State) {
        let (words, leased) = (state.words, state.producer.holds_lease());
        let consumer = &mut state.consumer;
        let looks_first = consumer.call != Call::Pop || consumer.ends == Ends::OfStream;
        consumer.at = match consumer.at {
            At::Arm => {
                (consumer.armed, consumer.rung) = (words.liveness, false);
                if looks_first { At::LoadSession } else { At::LoadTail }
            }
            At::LoadTail => {
                consumer.tail = words.tail;
                match consumer.tail > words.head {
                    true => return self.take(state),
                    false => At::LoadSession,
                }
            }
            At::LoadSession => {
                (consumer.session, consumer.dead) = (words.session, false);
                if looks_first && self.variant == Variant::TailIsLoadedFirst {
                    consumer.tail = words.tail;
                }
                if words.session % 2 == 1 { At::LoadLiveness } else { At::LoadDied }
            }
            // It was asked about before, and the kernel tells of its end.
            At::LoadLiveness
                if !looks_first
                    && consumer.alive == consumer.session
                    && words.liveness == Liveness::Watched =>
            {
                At::FallAsleep
            }
            At::LoadLiveness => {
                let marked = words.liveness.is_marked();
                let asks = words.liveness == Liveness::Nobody
                    || marked && self.variant == Variant::DeathWaitsForLease;
                consumer.dead = marked && !asks;
                if asks { At::AskForLease } else { At::LoadDied }
            }
            At::AskForLease => {
                consumer.dead = !leased;
                At::LoadDied
            }
            At::LoadDied => {
                consumer.died = words.died;
                At::LoadStart
            }
            At::LoadStart => {
                consumer.start = words.starts[slot(self.variant, consumer.begun())];
                match self.variant {
                    Variant::TailIsLoadedFirst | Variant::TailIsLoadedLast => At::LoadSessionAgain,
                    _ => At::LoadTailAgain,
                }
            }
            // Between the two loads of the session: what it counts is of that session and those before.
            At::LoadTailAgain => {
                consumer.tail = words.tail;
                match self.variant {
                    Variant::SessionIsLoadedOnce | Variant::TailIsLoadedLast => {
                        return self.decide(state);
                    }
                    _ => At::LoadSessionAgain,
                }
            }
            At::LoadSessionAgain if words.session != consumer.session => At::LoadSession,
            At::LoadSessionAgain if self.variant == Variant::TailIsLoadedLast => At::LoadTailAgain,
            At::LoadSessionAgain => return self.decide(state),
            At::StoreTold(end) => {
                state.words.told = end.session;
                At::Return(end)
            }
            At::Return(end) => return self.returns(state, end),
            At::StoreToldAfterReturning(end) => {
                state.words.told = end.session;
                return consumer.done();
            }
            At::FallAsleep => match !consumer.rung && consumer.armed == words.liveness {
                true => At::Asleep,
                false => At::Arm,
            },
            at @ (At::Absent | At::Ready | At::Asleep) => at,
        };
    }

    fn returns(&self, state: &mut State, end: End) {
        self.returned(state, end);
        match self.variant {
            Variant::ToldIsStoredAfterwards => {
                state.consumer.at = At::StoreToldAfterReturning(end);
            }
            _ => state.consumer.done(),
        }
    }

    /// All is loaded: what comes of the call.
    fn decide(&self, state: &mut State) {
        let Words { head, told, .. } = state.words;
        let consumer = &mut state.consumer;
        // A successor has stored its end, and not yet the session: what was loaded of it is of no use.
        if consumer.session % 2 == 1
            && consumer.died == consumer.session
            && self.variant != Variant::DiedOfThisSessionIsIgnored
        {
            consumer.dead = true;
        }
        let end = self.owed(consumer, head, told);
        match consumer.call {
            Call::Attach => {
                consumer.mine_from = self.mine_from(consumer, head, told);
                state.consumer.left_after = state.left;
                state.consumer.done();
            }
            Call::Pop => match end {
                Some(end) if self.variant == Variant::ToldIsStoredAfterwards => {
                    state.consumer.at = At::Return(end);
                }
                Some(end) => state.consumer.at = At::StoreTold(end),
                None if consumer.tail > head => self.take(state),
                None => {
                    consumer.alive = if consumer.is_alive() { consumer.session } else { 0 };
                    consumer.at = At::FallAsleep;
                }
            },
            Call::WaitForPeer => {
                let known = told.max(consumer.mine_from.saturating_sub(1));
                let new = match self.variant {
                    Variant::OnlyTheLivingAreAPeer => {
                        consumer.is_alive() && consumer.begun() > told
                    }
                    Variant::AnySessionIsAPeer => consumer.begun() > 0,
                    _ => consumer.begun() > known,
                };
                match new || consumer.tail > head && self.variant != Variant::OnlyTheLivingAreAPeer
                {
                    true => {
                        let begun = consumer.begun();
                        self.peer_returned(state, begun);
                        state.consumer.done();
                    }
                    false => consumer.at = At::FallAsleep,
                }
            }
        }
    }

    /// The first session whose end concerns a consumer that attaches now.
    fn mine_from(&self, consumer: &Consumer, head: u8, told: u8) -> u8 {
        let next = match (consumer.session % 2 == 1, consumer.dead) {
            (true, false) => consumer.session,
            (true, true) => consumer.session + 2,
            (false, _) => consumer.session + 1,
        };
        match (consumer.ends, self.variant) {
            (Ends::OfStream, _) | (_, Variant::EndsOfAnybody) => 0,
            _ if consumer.tail == head || self.variant == Variant::ReadingMakesNothingMine => next,
            // All that is unread is of the last session.
            _ if head >= consumer.start.began => consumer.begun(),
            _ => told + 1,
        }
    }

    /// The end that is owed to a consumer, if one is. Of all sessions that have ended the last two have ends of their own.
    fn owed(&self, consumer: &Consumer, head: u8, told: u8) -> Option<End> {
        let Start { began, died_before } = consumer.start;
        let last = consumer.begun();
        let from = consumer.mine_from.max(told + 1);
        let someone_died = match self.variant {
            Variant::OnlyTheLastKindCounts => false,
            _ => died_before >= from,
        };
        let before = (last >= from + 2
            && head >= began
            && self.variant != Variant::BeganIsNotLoaded)
            .then(|| End {
                session: last - 2,
                dead: match self.variant {
                    Variant::SuccessorHidesDeath => false,
                    Variant::OnlyTheLastKindCounts => died_before == last - 2,
                    _ => someone_died,
                },
            });
        let over = last >= from && !consumer.is_alive() && head >= consumer.tail;
        let newest = over.then_some(End {
            session: last,
            dead: consumer.dead || consumer.died == last || someone_died,
        });
        match consumer.ends {
            Ends::Mine => newest.or(before),
            Ends::OfStream => before.or(newest),
        }
    }

    fn take(&self, state: &mut State) {
        self.delivered(state);
        state.words.head += 1;
        state.consumer.done();
    }
}
