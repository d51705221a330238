//! The books, kept apart from the ring in memory that no death takes away: what the producer was about to
//! publish and what it surely has, what the consumer was about to take and what it has in hand. They say which
//! loss the delivery contract allows.
//!
//! Owns: the books and the judgement by them. Knows nothing of: the ring.
//!
//! Each field has one writer, and a killed process's stores are all there, in its order.

use std::sync::atomic::{AtomicU8, AtomicU64, Ordering::SeqCst};

use crate::shared;

/// Numbers whose state is kept: far more than a ring holds, so that none is asked for after another has taken
/// its place.
const NUMBERS: u64 = 1 << 20;

/// What is known of a number's publication. `First` and `Rest` of one call that is under way, or whose process
/// was killed in it; `Whole` if all of the call had room, so that one store publishes it.
pub(super) const UNUSED: u8 = 0;
pub(super) const SURE: u8 = 1;
pub(super) const FIRST: u8 = 2;
pub(super) const REST: u8 = 3;
pub(super) const FIRST_WHOLE: u8 = 4;
pub(super) const REST_WHOLE: u8 = 5;

/// How the consumer takes a record, and so what a death in the call may cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u64)]
pub(super) enum Taking {
    /// No call under way.
    Idle,
    /// At most once: what it took is lost.
    Pop,
    /// At least once: what it has seen comes again.
    Peek,
}

#[derive(Clone, Copy, Debug)]
#[repr(usize)]
pub(super) enum Field {
    /// The number that the next producer starts with.
    Next,
    /// The last number in the consumer's hands, plus one: all before it are settled.
    Settled,
    /// What it was when the call that is under way began.
    Before,
    /// [`Taking`] of the call under way.
    Taking,
    /// The most records that the call takes.
    Most,
    /// Set by the parent: close in order.
    Close,
    /// Numbers that were taken and checked.
    Verified,
    /// Lost to a killed pop, and seen again after a killed peek.
    Lost,
    Again,
    /// What all killed pops together may have lost.
    MayLose,
    /// Never published: a killed push.
    Unborn,
    /// Killed in a call of each kind.
    InPush,
    InPop,
    InPeek,
    /// Answers of each kind.
    ProducerDead,
    ProducerClosed,
    ConsumerDead,
    ConsumerClosed,
    /// Attachments.
    Producers,
    Consumers,
    /// Calls of the two sides, also those in vain: a sign of life.
    Pushes,
    Pops,
    /// So many numbers may be missing from the settled one on: pops that were killed since it was settled.
    Lack,
    /// One more than the number from which on they may come again: a peek that was killed.
    Again1,
    /// Set by the parent when the last producer has closed: take what is there and end.
    Drain,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Ledger {
    words: &'static [AtomicU64],
    states: &'static [AtomicU8],
    text: &'static [AtomicU8],
}

impl Ledger {
    pub(super) fn new() -> std::io::Result<Self> {
        let words = shared::words(Field::Drain as usize + 1)?;
        let states = shared::bytes(NUMBERS as usize)?;
        Ok(Self { words, states, text: shared::bytes(1024)? })
    }

    pub(super) fn get(&self, field: Field) -> u64 {
        self.words[field as usize].load(SeqCst)
    }

    pub(super) fn set(&self, field: Field, value: u64) {
        self.words[field as usize].store(value, SeqCst);
    }

    pub(super) fn add(&self, field: Field, more: u64) {
        self.set(field, self.get(field) + more);
    }

    pub(super) fn state(&self, number: u64) -> u8 {
        self.states[(number % NUMBERS) as usize].load(SeqCst)
    }

    fn mark(&self, number: u64, state: u8) {
        self.states[(number % NUMBERS) as usize].store(state, SeqCst);
    }

    pub(super) fn violation(&self, what: &str) {
        shared::write_text(self.text, what);
    }

    pub(super) fn told(&self) -> Option<String> {
        shared::read_text(self.text)
    }

    /// A call is about to publish `count` numbers from `from`.
    pub(super) fn publishing(&self, from: u64, count: u64, whole: bool) {
        let [first, rest] = if whole { [FIRST_WHOLE, REST_WHOLE] } else { [FIRST, REST] };
        for number in from..from + count {
            self.mark(number, if number == from { first } else { rest });
        }
        self.set(Field::Next, from + count);
    }

    /// It has published `done` of them.
    pub(super) fn published(&self, from: u64, count: u64, done: u64) {
        for number in from..from + count {
            self.mark(number, if number < from + done { SURE } else { UNUSED });
        }
        self.set(Field::Next, from + done);
    }

    /// A call is about to take records.
    pub(super) fn taking(&self, how: Taking, most: u64) {
        self.set(Field::Before, self.get(Field::Settled));
        self.set(Field::Most, most);
        self.set(Field::Taking, how as u64);
    }

    pub(super) fn taken(&self) {
        self.set(Field::Taking, Taking::Idle as u64);
    }
}

/// A new consumer takes over: what was its predecessor doing when it was killed?
pub(super) fn inherit(ledger: &Ledger) {
    let (before, settled) = (ledger.get(Field::Before), ledger.get(Field::Settled));
    match ledger.get(Field::Taking) {
        taking if taking == Taking::Pop as u64 => {
            ledger.add(Field::InPop, 1);
            ledger.add(Field::Lack, ledger.get(Field::Most));
            ledger.add(Field::MayLose, ledger.get(Field::Most));
        }
        taking if taking == Taking::Peek as u64 => {
            ledger.add(Field::InPeek, 1);
            if settled > before {
                ledger.set(Field::Again1, before + 1);
            }
        }
        _ => {}
    }
    ledger.taken();
}

/// Judges the arrival of `number`, whose content was right.
pub(super) fn settle(ledger: &Ledger, number: u64) -> Result<(), String> {
    let settled = ledger.get(Field::Settled);
    let (may_lack, again) = (ledger.get(Field::Lack), ledger.get(Field::Again1));
    if number >= ledger.get(Field::Next) || ledger.state(number) == UNUSED {
        return Err(format!("number {number} came, and was never published"));
    }
    if number < settled {
        if again == 0 || number + 1 < again {
            return Err(format!("number {number} came again, or late: {settled} was due"));
        }
        // What stands behind it comes again too.
        ledger.add(Field::Again, settled - number);
    } else {
        let (lost, unborn) = missing(ledger, settled, number, may_lack)?;
        ledger.add(Field::Lost, lost);
        ledger.add(Field::Unborn, unborn);
    }
    ledger.set(Field::Settled, number + 1);
    ledger.set(Field::Lack, 0);
    ledger.set(Field::Again1, 0);
    ledger.add(Field::Verified, 1);
    Ok(())
}

/// Judges that nothing came from `settled` up to `number`: how many were lost, and how many never published.
fn missing(
    ledger: &Ledger,
    settled: u64,
    number: u64,
    may_lack: u64,
) -> Result<(u64, u64), String> {
    let (mut lost, mut unborn) = (0, 0);
    for missing in settled..number {
        match ledger.state(missing) {
            SURE => lost += 1,
            UNUSED => return Err(format!("number {missing} was skipped and never used")),
            // If a killed consumer may have taken it, nobody can tell.
            REST_WHOLE if missing == settled && may_lack == 0 => {
                return Err(format!("number {missing} is missing, the end of a whole batch"));
            }
            _ => unborn += 1,
        }
    }
    if number > settled && may_lack == 0 && matches!(ledger.state(number), REST | REST_WHOLE) {
        return Err(format!("number {number} of a batch came, and the one before it did not"));
    }
    if lost > may_lack {
        return Err(format!(
            "{lost} published records between {settled} and {number} are lost, and {may_lack} may be"
        ));
    }
    Ok((lost, unborn))
}

/// Judges, when both sides have closed and everything was taken, that nothing more was to come.
pub(super) fn conclude(ledger: &Ledger) -> Result<(), String> {
    let (settled, next) = (ledger.get(Field::Settled), ledger.get(Field::Next));
    let lost = (settled..next).filter(|number| ledger.state(*number) == SURE).count() as u64;
    let may_lack = ledger.get(Field::Lack);
    ledger.add(Field::Lost, lost);
    match lost > may_lack {
        true => Err(format!(
            "{lost} published records from {settled} on never came, and {may_lack} may be lost"
        )),
        false => Ok(()),
    }
}
