//! Owns: which states and steps of the model of life keep the promises, by what is true. Knows nothing of: how a consumer
//! finds that out.

use super::consumer::{Call, End};
use super::producer::Producer;
use super::{Ends, Fate, Life, State};
use crate::rules::Rule;

impl Life {
    /// A record is delivered.
    pub(super) fn delivered(&self, state: &mut State) {
        let author = state.authors[usize::from(state.words.head)];
        let consumer = &mut state.consumer;
        let before = consumer.last_read;
        // Of sessions before the last two the ends count as one.
        let last = state.words.session.saturating_sub(1) | 1;
        let apart = before == 0 || before == author || state.words.told >= before || author < last;
        state.broken.expect(Rule::StreamsApart, consumer.ends == Ends::Mine || apart);
        consumer.read |= bit(author);
        consumer.last_read = author;
    }

    /// An end is returned.
    pub(super) fn returned(&self, state: &mut State, end: End) {
        let End { session, dead } = end;
        let told = state.returned;
        // Those that this end stands for: not returned before.
        let newest = (0..session).rev().find(|before| told & bit(*before) != 0 && before % 2 == 1);
        let stands_for = || (newest.map_or(1, |newest| newest + 2)..=session).step_by(2);
        let fate = |session: u8| Self::fate(state, session);
        let read = state.consumer.read;
        let any_died = stands_for().any(|session| fate(session) == Fate::Died);
        let half = stands_for()
            .any(|session| fate(session) == Fate::Died && (read & bit(session) != 0))
            || fate(session) == Fate::Died;
        let any_read = stands_for().any(|session| read & bit(session) != 0);
        let unread = usize::from(state.words.head)..usize::from(state.words.tail);
        let all_read = state.authors[unread].iter().all(|author| *author > session);
        let known = state.consumer.left_before >= session && state.consumer.ends == Ends::Mine;
        let once = told < bit(session);
        let ended = fate(session) != Fate::Open || state.keeper_ended_alone;
        let broken = &mut state.broken;
        broken.expect(Rule::ReportedOnce, once);
        broken.expect(Rule::LivingIsNotDead, ended);
        broken.expect(Rule::HalfIsNotWhole, dead || !half);
        broken.expect(Rule::WholeIsNotHalf, !dead || any_died || state.keeper_ended_alone);
        broken.expect(Rule::EndAfterRecords, all_read || state.keeper_ended_alone);
        // As for a peer that returned.
        broken.expect(Rule::NotMine, !known || any_read || !self.monitored);
        state.returned |= bit(session);
    }

    /// `wait_for_peer` returns, with this session as the newest.
    pub(super) fn peer_returned(&self, state: &mut State, begun: u8) {
        let consumer = &state.consumer;
        let unread = state.words.tail > state.words.head;
        let read = (state.words.told + 1..=begun).any(|session| consumer.read & bit(session) != 0);
        let known = begun <= state.words.told
            || consumer.ends == Ends::Mine && begun <= consumer.left_before && !read;
        // Where nobody reports a death, a lease that a successor has just taken looks like that of the dead.
        state.broken.expect(Rule::NoStaleAnswer, unread || !known || !self.monitored);
    }

    /// What must hold in every state.
    pub(super) fn judge(&self, state: &mut State) {
        if !state.consumer.sleeps() {
            return;
        }
        let (words, consumer) = (state.words, &state.consumer);
        let session = words.session;
        let begun = if session % 2 == 1 { session } else { session.saturating_sub(1) };
        let concerns = |session: u8| {
            session > words.told
                && (consumer.ends == Ends::OfStream
                    || session > consumer.left_after
                    || consumer.read & bit(session) != 0)
        };
        let due = words.tail > words.head
            || match consumer.call {
                Call::WaitForPeer => concerns(begun),
                Call::Pop | Call::Attach => concerns(state.left),
            };
        let kernel = state.producer == Producer::Killed && words.liveness.names_a_thread();
        // What nobody reports is found at the end of a slice.
        let slice = !self.monitored && state.kills < self.kills;
        // Marked by a keeper that ended alone, a session is as if it had ended before whoever attaches then.
        let alone = state.keeper_ended_alone;
        let somebody = state.producer.will_ring() || kernel || slice || alone;
        state.broken.expect(Rule::SomebodyWakes, !due || somebody);
    }
}

fn bit(session: u8) -> u8 {
    1 << session
}
