//! Does the steps of the writer and of the readers.
//!
//! Owns: the writer's stores until they are to be seen, whose turn it is before a reader's step, what a reader loaded, and
//! the clock. Knows nothing of: what words mean.
//!
//! Invariant of the unsafe blocks: words are accessed while the attachment that made them is there. What is
//! held back is shown or forgotten before the writer goes.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;

use shm_ring::steps::{Step, Word};

use crate::others::{Act, Acts};

/// Nanoseconds on the clock for each step.
const STEP_TIME: u64 = 100;
/// A reader that nobody rings for looks again after that many nanoseconds.
const NAP: u64 = 1_000_000;

/// What happens before a step of a reader that comes so many steps after the last one at which anything did.
#[derive(arbitrary::Arbitrary, Clone, Debug)]
pub(crate) struct Meanwhile {
    gap: u8,
    /// Over and over again, as long as the call lasts.
    again: bool,
    act: Act,
}

/// A load by a reader.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Load {
    pub(crate) word: Word,
    pub(crate) value: u64,
}

/// What a reader did in a call.
#[derive(Default)]
pub(crate) struct Call {
    pub(crate) loads: Vec<Load>,
    /// Nanoseconds on the clock.
    pub(crate) took: u64,
}

#[derive(Default)]
struct Machine {
    others: Option<Rc<RefCell<dyn Acts>>>,
    /// Whether the next step is a reader's.
    reads: bool,
    call: Call,
    steps: usize,
    /// More steps than the call may make.
    limit: usize,
    meanwhile: VecDeque<Meanwhile>,
    /// Steps since anything of it happened.
    waited: u8,
    clock: u64,
    /// How long readers have slept.
    slept: u64,
    rung: bool,
    hold: bool,
    held: VecDeque<(Word, u64)>,
    /// Nothing that the writer does is seen any more.
    dying: bool,
}

thread_local! {
    static MACHINE: RefCell<Machine> = RefCell::default();
}

fn with<R>(act: impl FnOnce(&mut Machine) -> R) -> R {
    MACHINE.with_borrow_mut(act)
}

/// From now on steps are done here, and `others` act between them.
pub(crate) fn begin(others: Rc<RefCell<dyn Acts>>) {
    MACHINE.set(Machine { others: Some(others), ..Machine::default() });
    shm_ring::steps::install(Some(step));
}

/// What is kept from one input to the next would be taken for a leak.
pub(crate) fn end() {
    shm_ring::steps::install(None);
    MACHINE.take();
}

/// A reader's call, which takes fewer than `limit` steps.
pub(crate) fn call<R>(
    meanwhile: &[Meanwhile],
    limit: usize,
    call: impl FnOnce() -> R,
) -> (R, Call) {
    let since = with(|machine| {
        machine.meanwhile = meanwhile.iter().cloned().collect();
        (machine.call, machine.steps, machine.limit) = (Call::default(), 0, limit);
        (machine.waited, machine.reads) = (0, true);
        machine.clock
    });
    let answer = call();
    let made = with(|machine| {
        machine.reads = false;
        Call { took: machine.clock - since, ..std::mem::take(&mut machine.call) }
    });
    (answer, made)
}

/// Whether the writer's stores are held back from now on.
pub(crate) fn hold(hold: bool) {
    with(|machine| machine.hold = hold);
}

pub(crate) fn held() -> usize {
    with(|machine| machine.held.len())
}

/// Makes the writer's next store visible: its value.
pub(crate) fn show() -> Option<u64> {
    let (word, value) = with(|machine| machine.held.pop_front())?;
    // SAFETY: the invariant above; the writer stores only where it may.
    unsafe { word.store(value) };
    Some(value)
}

/// The writer is killed where it stands, and unwound in `unwind`.
pub(crate) fn kill(unwind: impl FnOnce()) {
    with(|machine| {
        machine.held.clear();
        machine.dying = true;
    });
    unwind();
    with(|machine| machine.dying = false);
}

/// Nanoseconds that readers have slept.
pub(crate) fn slept() -> u64 {
    with(|machine| machine.slept)
}

fn read(word: Word) -> u64 {
    // SAFETY: the invariant above.
    unsafe { word.load() }
}

fn step(step: Step) -> u64 {
    if with(|machine| machine.reads) { reader_step(step) } else { writer_step(step) }
}

fn writer_step(step: Step) -> u64 {
    match step {
        Step::Load(word) => {
            assert!(held() == 0, "a writer that writes loads nothing");
            return read(word);
        }
        Step::Swap(word, value) => {
            assert!(held() == 0, "a writer that writes swaps nothing");
            let before = read(word);
            put(word, value);
            return before;
        }
        Step::Store(word, value) => put(word, value),
        Step::Wake(_) => with(|machine| machine.rung |= !machine.dying),
        Step::Now => return with(|machine| machine.clock),
        _ => {}
    }
    0
}

fn put(word: Word, value: u64) {
    match with(|machine| (machine.dying, machine.hold)) {
        (true, _) => {}
        (false, true) => with(|machine| machine.held.push_back((word, value))),
        // SAFETY: the invariant above; the writer stores only where it may.
        (false, false) => unsafe { word.store(value) },
    }
}

fn reader_step(step: Step) -> u64 {
    let over = with(|machine| {
        machine.clock += STEP_TIME;
        machine.steps += 1;
        machine.steps >= machine.limit
    });
    assert!(!over, "a reader's call does not end");
    if let Some(act) = with(Machine::due) {
        others_act(&act);
    }
    match step {
        Step::Load(word) => {
            let value = read(word);
            with(|machine| machine.call.loads.push(Load { word, value }));
            value
        }
        Step::Store(..) | Step::Swap(..) | Step::Wake(_) => panic!("a reader does {step:?}"),
        Step::Now => with(|machine| machine.clock),
        Step::Sleep { bell, count, until } => {
            sleep(bell, count, until);
            0
        }
        _ => 0,
    }
}

/// Whoever sleeps sees nothing, so what comes next comes then.
fn sleep(bell: Word, count: u32, until: u64) {
    if read(bell) != u64::from(count) {
        return;
    }
    with(|machine| machine.rung = false);
    if let Some(act) = with(Machine::next) {
        others_act(&act);
    }
    with(|machine| {
        assert!(until <= machine.clock + NAP, "a reader sleeps for too long");
        if !machine.rung && until > machine.clock {
            machine.slept += until - machine.clock;
            machine.clock = until;
        }
    });
}

fn others_act(act: &Act) {
    let others = with(|machine| {
        machine.reads = false;
        machine.others.clone()
    });
    if let Some(others) = others {
        others.borrow_mut().act(act);
    }
    with(|machine| machine.reads = true);
}

/// Below `few` for most of what an input may say, else as much as it says.
pub(crate) fn few_or_many(said: u8, few: u8) -> u8 {
    if said < 192 { said % few } else { said }
}

impl Machine {
    fn due(&mut self) -> Option<Act> {
        // Reading a word takes three steps, and going to sleep ten: few most of the time.
        let gap = few_or_many(self.meanwhile.front()?.gap, 12);
        if self.waited < gap {
            self.waited += 1;
            return None;
        }
        self.next()
    }

    fn next(&mut self) -> Option<Act> {
        self.waited = 0;
        let next = self.meanwhile.pop_front()?;
        if next.again {
            self.meanwhile.push_front(next.clone());
        }
        Some(next.act)
    }
}
