//! Owns: a model of the bridge: the two rules of `flow` with a server between them, explored in all orders of what may be lost,
//! killed and repeated. Knows nothing of: anything but `flow`.
//!
//! A record has one position, and the second comes in two parts. A kill takes what a process has in its memory, and leaves the
//! rings; a lost connection takes what is on its way; the server keeps its stream, or loses all of it once.

use std::collections::VecDeque;

use stateright::{Checker, Model, Property};

use crate::flow::{Cursor, Extent, Part, Verdict, Window, judge};

/// Records in all.
const RECORDS: u64 = 3;
/// The record that comes in parts, and in how many bytes of it.
const PARTS: (u64, u32) = (1, 2);
/// Batches in the stream, on their way, and not acknowledged, at most.
const LIMIT: usize = 2;

/// And its run: `NOW` if the source has not returned since, else `BEFORE`.
type Batch = (Extent, u64);

const NOW: u64 = 0;
const BEFORE: u64 = 2;

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct State {
    /// What the source ring begins with, which is in the ring and survives.
    head: u64,
    window: Window,
    /// From the source to the server, in order.
    sent: VecDeque<Batch>,
    /// What the server answered: whether it keeps the batch.
    answers: VecDeque<bool>,
    /// What the server keeps, and whether it was delivered.
    stream: Vec<(Batch, bool)>,
    /// What the sink has fetched.
    fetched: VecDeque<Batch>,
    /// The sink ring: the numbers of its records. It survives.
    ring: Vec<u64>,
    assembled: u32,
    /// From the sink to the source: where it stands, and the run of a batch behind a hole.
    stands: VecDeque<(u64, Option<u64>)>,
    /// How often something may still go wrong.
    kills: u8,
    losses: u8,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Action {
    Send,
    Store,
    Answer,
    Deliver,
    Take,
    Stand,
    /// The source looks, finds the stream empty, and asks the sink.
    Look,
    LoseStand,
    KillSource,
    KillSink,
    /// With all that is on its way to it and from it.
    KillServer,
    /// Someone deletes the stream, or its disk loses it.
    LoseStream,
    /// The server sends again what is not acknowledged.
    Repeat,
}

struct Bridge;

impl State {
    fn tail(&self) -> u64 {
        self.ring.len() as u64
    }

    /// The source has returned, or another process is the source: nothing that was sent before is of its run.
    fn new_run(&mut self) {
        self.window = self.window.clone().with_run(NOW);
        self.answers.clear();
        let kept = self.stream.iter_mut().map(|(batch, _)| batch);
        for (_, run) in kept.chain(&mut self.sent).chain(&mut self.fetched) {
            *run = BEFORE;
        }
        self.stands.iter_mut().for_each(|(_, hole)| *hole = hole.map(|_| BEFORE));
    }

    fn confirmed(&mut self) {
        self.head = self.head.max(self.window.confirmed());
    }
}

/// The batch that a source sends from `next` on.
fn batch_at(next: Cursor) -> Extent {
    let (split, total) = PARTS;
    let (first, end) = (next.at, next.at + 1);
    let part = (first == split).then_some(Part { total, offset: next.offset, len: 1 });
    Extent { first, end, part }
}

impl Model for Bridge {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        vec![State {
            head: 0,
            window: Window::new(0, NOW),
            sent: VecDeque::new(),
            answers: VecDeque::new(),
            stream: Vec::new(),
            fetched: VecDeque::new(),
            ring: Vec::new(),
            assembled: 0,
            stands: VecDeque::new(),
            kills: 2,
            losses: 1,
        }]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        let is_new = state.window.next().at < RECORDS;
        if is_new && state.window.unacknowledged() < LIMIT {
            actions.push(Action::Send);
        }
        if !state.sent.is_empty() {
            actions.push(Action::Store);
        }
        if !state.answers.is_empty() {
            actions.push(Action::Answer);
        }
        if state.stream.iter().any(|(_, delivered)| !delivered) && state.fetched.is_empty() {
            actions.push(Action::Deliver);
        }
        if !state.fetched.is_empty() {
            actions.push(Action::Take);
        }
        if !state.stands.is_empty() {
            actions.extend([Action::Stand, Action::LoseStand]);
        }
        let rests = state.sent.is_empty() && state.answers.is_empty() && state.stands.is_empty();
        if rests
            && state.stream.is_empty()
            && state.window.next() > Cursor::at(state.window.confirmed())
        {
            actions.push(Action::Look);
        }
        if state.kills > 0 {
            actions.extend([Action::KillSource, Action::KillSink, Action::KillServer]);
            if state.stream.iter().any(|(_, delivered)| *delivered) {
                actions.push(Action::Repeat);
            }
        }
        if state.losses > 0 && !state.stream.is_empty() {
            actions.push(Action::LoseStream);
        }
    }

    fn next_state(&self, last: &State, action: Action) -> Option<State> {
        let mut state = last.clone();
        let run = state.window.run();
        match action {
            Action::Send => {
                let extent = batch_at(state.window.next());
                state.window.send(extent.behind());
                state.sent.push_back((extent, run));
            }
            Action::Store => {
                let batch = state.sent.pop_front()?;
                let has_room = state.stream.len() < LIMIT;
                if has_room {
                    state.stream.push((batch, false));
                }
                // Nobody waits any more for the answer to what was sent before a return.
                if batch.1 == NOW {
                    state.answers.push_back(has_room);
                }
            }
            Action::Answer => match state.answers.pop_front()? {
                true => state.window.acknowledge(),
                false => state.window.return_to_unacknowledged(),
            },
            Action::Deliver => {
                let (batch, delivered) =
                    state.stream.iter_mut().find(|(_, delivered)| !delivered)?;
                *delivered = true;
                state.fetched.push_back(*batch);
            }
            Action::Take => {
                let batch @ (extent, run) = state.fetched.pop_front()?;
                let verdict = judge(state.tail(), state.assembled, &extent);
                match (verdict, extent.part) {
                    (Verdict::Take, Some(part)) if part.offset + part.len < part.total => {
                        state.assembled += part.len;
                    }
                    (Verdict::Take, _) => {
                        state.assembled = 0;
                        state.ring.push(extent.first);
                    }
                    (Verdict::Known | Verdict::Hole, _) => {}
                }
                // Acknowledged: the first such that was delivered goes.
                if let Some(at) =
                    state.stream.iter().position(|(kept, delivered)| *kept == batch && *delivered)
                {
                    state.stream.remove(at);
                }
                let hole = (verdict == Verdict::Hole).then_some(run);
                // One that overtakes another is as if that were lost.
                state.stands = Some((state.tail(), hole)).into_iter().collect();
            }
            Action::Stand => {
                let (position, hole) = state.stands.pop_front()?;
                state.window.confirm(position);
                if let Some(run) = hole {
                    state.window.hole(position, run);
                }
            }
            Action::LoseStand => drop(state.stands.pop_front()?),
            Action::Look => {
                state.window.confirm(state.tail());
                if state.fetched.is_empty() {
                    state.window.return_to_confirmed();
                }
            }
            Action::KillSource => {
                state.kills -= 1;
                state.window = Window::new(state.head, BEFORE);
                (state.sent, state.answers) = (VecDeque::new(), VecDeque::new());
                state.stands.clear();
            }
            Action::KillSink => {
                state.kills -= 1;
                state.fetched.clear();
                state.stands.clear();
                state.assembled = 0;
                state.stream.iter_mut().for_each(|(_, delivered)| *delivered = false);
            }
            Action::KillServer => {
                state.kills -= 1;
                (state.sent, state.answers) = (VecDeque::new(), VecDeque::new());
                state.stands.clear();
                state.fetched.clear();
                state.stream.iter_mut().for_each(|(_, delivered)| *delivered = false);
                state.window.return_to_unacknowledged();
            }
            Action::LoseStream => {
                state.losses -= 1;
                state.stream.clear();
            }
            Action::Repeat => {
                state.kills -= 1;
                let (batch, _) = state.stream.iter().find(|(_, delivered)| *delivered)?;
                state.fetched.push_back(*batch);
            }
        }
        if state.window.run() != run {
            state.new_run();
        }
        state.confirmed();
        Some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always("each record once and in order", |_, state: &State| {
                state.ring.iter().copied().eq(0..state.tail())
            }),
            Property::always("nothing is given back that the sink has not", |_, state: &State| {
                state.head <= state.tail()
            }),
            Property::always("something goes on until all is there", |model, state: &State| {
                let mut actions = Vec::new();
                model.actions(state, &mut actions);
                let goes_on = |action: &Action| {
                    matches!(
                        action,
                        Action::Send
                            | Action::Store
                            | Action::Answer
                            | Action::Deliver
                            | Action::Take
                            | Action::Stand
                            | Action::Look
                    )
                };
                state.head == RECORDS || actions.iter().any(goes_on)
            }),
            Property::sometimes("all of it arrives", |_, state: &State| state.head == RECORDS),
        ]
    }

    fn within_boundary(&self, state: &State) -> bool {
        // A planted bug may fill the ring without end; it is found before.
        let is_small = state.tail() <= RECORDS && state.assembled <= PARTS.1;
        is_small && state.fetched.len() <= LIMIT && state.sent.len() <= LIMIT
    }
}

#[test]
fn nothing_is_lost_and_nothing_comes_twice_whatever_is_killed_lost_or_repeated() {
    let checker = Bridge.checker().threads(2).spawn_bfs().join();
    checker.assert_properties();
    println!("{} states", checker.unique_state_count());
    assert!(checker.unique_state_count() > 10_000, "it explores less than it did");
}
