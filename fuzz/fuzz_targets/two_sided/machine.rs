//! Does the steps of both sides, one at a time.
//!
//! Owns: whose turn it is, which stores are not visible yet, who sleeps, who is being killed. Knows nothing of: what words
//! mean, except that the oracle wants to hear of each that becomes visible.
//!
//! Stores are held back as x86 does it: in order, a side sees its own, and fences, locked instructions
//! and system calls wait until they are visible. A killed side's become visible: they have left it.
//!
//! Invariant of the unsafe blocks: words are accessed while the attachment that made them is there. A
//! buffer is emptied before its side is unwound, and is empty when a side detaches, since giving up the
//! lease is a system call.

use std::cell::RefCell;
use std::collections::VecDeque;

use shm_ring::steps::{Step, Word};

use crate::fiber;
use crate::oracle;
use crate::script::{SIDES, Side};

/// More steps than any call makes while nobody else moves and it does not sleep.
const STEPS: u32 = 30_000;
/// Stores that a processor holds back.
const HELD: usize = 56;
/// Nanoseconds on the clock for each step.
const STEP_TIME: u64 = 100;

#[derive(Default)]
struct State {
    /// Steps that may be made before it is the scheduler's turn.
    budget: u32,
    hold: bool,
    held: VecDeque<(Word, u64)>,
    /// Until when it sleeps.
    asleep: Option<u64>,
    /// Nothing that it does is seen any more.
    dying: bool,
    relies: bool,
    /// Steps since it began a call, slept, or the other side moved.
    steps: u32,
    /// Whether it has made a step of its present call.
    in_call: bool,
}

#[derive(Default)]
struct Both {
    sides: [State; 2],
    current: usize,
    clock: u64,
}

thread_local! {
    static BOTH: RefCell<Both> = RefCell::default();
}

fn with<R>(side: Side, act: impl FnOnce(&mut State) -> R) -> R {
    BOTH.with_borrow_mut(|both| act(&mut both.sides[side as usize]))
}

/// Nobody sleeps, nothing is held back.
pub(crate) fn reset(relies: [bool; 2]) {
    BOTH.with_borrow_mut(|both| {
        *both = Both::default();
        for side in SIDES {
            both.sides[side as usize].relies = relies[side as usize];
        }
    });
}

pub(crate) fn clock() -> u64 {
    BOTH.with_borrow(|both| both.clock)
}

/// The next steps are `side`'s, and so many.
pub(crate) fn turn(side: Side, steps: u32, hold: bool) {
    BOTH.with_borrow_mut(|both| {
        both.current = side as usize;
        let state = &mut both.sides[side as usize];
        (state.budget, state.hold) = (steps, hold);
        both.sides[side.other() as usize].steps = 0;
    });
}

/// `side` begins a call.
pub(crate) fn begin(side: Side) {
    with(side, |state| (state.steps, state.in_call) = (0, false));
}

pub(crate) fn is_asleep(side: Side) -> bool {
    with(side, |state| state.asleep.is_some())
}

/// Whether `side` has nothing left to do for the other: it sleeps or is between two calls, and what it
/// stored is visible.
pub(crate) fn is_quiet(side: Side) -> bool {
    with(side, |state| state.held.is_empty() && (state.asleep.is_some() || !state.in_call))
}

pub(crate) fn holds_nothing(side: Side) -> bool {
    with(side, |state| state.held.is_empty())
}

/// The sleep of `side` takes as long as it was to take.
pub(crate) fn oversleep(side: Side) {
    BOTH.with_borrow_mut(|both| {
        if let Some(until) = both.sides[side as usize].asleep.take() {
            both.clock = both.clock.max(until);
        }
    });
}

/// Makes up to `count` stores of `side` visible.
pub(crate) fn drain(side: Side, count: usize) {
    for _ in 0..count {
        let Some((word, value)) = with(side, |state| state.held.pop_front()) else { return };
        show(side, word, value);
    }
}

/// From now on nothing is seen of `side`, which is to be unwound.
pub(crate) fn die(side: Side) {
    drain(side, usize::MAX);
    with(side, |state| (state.dying, state.asleep) = (true, None));
    BOTH.with_borrow_mut(|both| both.current = side as usize);
}

/// `side` has been unwound, or has come to its end.
pub(crate) fn bury(side: Side) {
    assert!(holds_nothing(side), "a store of a side that is gone");
    with(side, |state| (state.dying, state.in_call) = (false, false));
}

fn show(side: Side, word: Word, value: u64) {
    // SAFETY: the invariant above; a side stores only where it may.
    unsafe { word.store(value) };
    oracle::visible(side);
}

fn read(word: Word) -> u64 {
    // SAFETY: the invariant above.
    unsafe { word.load() }
}

/// The machine: see [`shm_ring::steps::install`].
pub(crate) fn step(step: Step) -> u64 {
    let side = BOTH.with_borrow(|both| SIDES[both.current]);
    match step {
        Step::Relies => return with(side, |state| state.relies.into()),
        Step::Now => return clock(),
        _ => {}
    }
    if with(side, |state| state.dying) {
        return match step {
            Step::Load(word) | Step::Swap(word, _) => read(word),
            _ => 0,
        };
    }
    while with(side, |state| state.budget == 0) {
        fiber::pause(side);
    }
    let steps = BOTH.with_borrow_mut(|both| {
        both.clock += STEP_TIME;
        let state = &mut both.sides[side as usize];
        state.budget -= 1;
        state.steps += 1;
        state.in_call = true;
        state.steps
    });
    assert!(steps < STEPS, "a call of the {side:?} does not end");
    perform(side, step)
}

fn perform(side: Side, step: Step) -> u64 {
    match step {
        Step::Load(word) => {
            let own = with(side, |state| {
                state.held.iter().rev().find(|(held, _)| *held == word).map(|&(_, value)| value)
            });
            return own.unwrap_or_else(|| read(word));
        }
        Step::Store(word, value) => {
            let (hold, full) = with(side, |state| (state.hold, state.held.len() >= HELD));
            match hold {
                true => drain(side, full.into()),
                false => drain(side, usize::MAX),
            }
            match hold {
                true => with(side, |state| state.held.push_back((word, value))),
                false => show(side, word, value),
            }
        }
        Step::Swap(word, value) => {
            drain(side, usize::MAX);
            let before = read(word);
            show(side, word, value);
            return before;
        }
        Step::Membarrier => SIDES.into_iter().for_each(|side| drain(side, usize::MAX)),
        Step::Sleep { bell, count, until } => {
            drain(side, usize::MAX);
            if read(bell) == u64::from(count) {
                with(side, |state| state.asleep = Some(until));
                while is_asleep(side) {
                    fiber::pause(side);
                }
                with(side, |state| state.steps = 0);
            }
        }
        Step::Wake(_) => {
            drain(side, usize::MAX);
            with(side.other(), |state| state.asleep = None);
        }
        // A full fence, or a system call.
        _ => drain(side, usize::MAX),
    }
    0
}
