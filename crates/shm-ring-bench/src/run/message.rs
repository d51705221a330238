//! What a message says, and whether it came whole and in turn. It must not know who carries it.
//!
//! The first word of message `number` is made from the number and from a secret of the run that only
//! the two sides are told: a transport can neither predict the next message nor answer in place of the
//! other side, so what verifies was waited for.

use std::hint::black_box;

use serde::{Deserialize, Serialize};

use crate::run::fault::Fault;

/// What the messages of one run are made with, and verified with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Code(u64);

impl Code {
    /// A fresh one, different for each run.
    pub(crate) fn fresh() -> Result<Self, Fault> {
        let mut secret = [0; 8];
        match rustix::rand::getrandom(&mut secret, rustix::rand::GetRandomFlags::empty()) {
            Ok(8) => Ok(Self(u64::from_ne_bytes(secret))),
            Ok(few) => Err(Fault::new("getrandom", format_args!("{few} bytes of 8"))),
            Err(error) => Err(Fault::new("getrandom", error)),
        }
    }

    /// Makes message number `number`: its first word is made from the number, its last from the first.
    #[inline(always)]
    pub(crate) fn stamp<const W: usize>(self, message: &mut [u64; W], number: u64) {
        seal(message, self.first(number));
    }

    /// [`stamp`](Self::stamp), and every word between.
    pub(crate) fn stamp_whole<const W: usize>(self, message: &mut [u64; W], number: u64) {
        let first = self.first(number);
        for (index, slot) in message.iter_mut().enumerate() {
            *slot = word(first, index);
        }
    }

    /// Whether this is message number `number`, both ends of it.
    #[inline(always)]
    pub(crate) fn verify<const W: usize>(
        self,
        message: &[u64; W],
        number: u64,
    ) -> Result<(), Fault> {
        // As far as the compiler knows every word is used: it must not skip receiving it.
        let message = black_box(message);
        let first = self.first(number);
        if message[0] == first && is_sealed(message, first) {
            return Ok(());
        }
        Err(self.wrong(message[0], number, Self::first))
    }

    /// Whether this is message number `number`, every word of it.
    pub(crate) fn verify_whole<const W: usize>(
        self,
        message: &[u64; W],
        number: u64,
    ) -> Result<(), Fault> {
        let first = self.first(number);
        let whole = message.iter().enumerate().all(|(at, &found)| found == word(first, at));
        if whole { Ok(()) } else { Err(self.wrong(message[0], number, Self::first)) }
    }

    /// Makes a message that was received as number `number` the answer to it. What was received stays
    /// in it, so that nobody can answer what has not come. To be made ready before the message comes:
    /// then a round trip has one exclusive-or of it.
    #[inline(always)]
    pub(crate) fn answer<const W: usize>(self, number: u64) -> impl FnOnce(&mut [u64; W]) {
        let mixed_in = black_box(self.other().first(number));
        move |message| message[0] ^= mixed_in
    }

    /// Whether this answers message number `number`, both ends of it.
    #[inline(always)]
    pub(crate) fn verify_answer<const W: usize>(
        self,
        message: &[u64; W],
        number: u64,
    ) -> Result<(), Fault> {
        let message = black_box(message);
        if message[0] == self.answered(number) && is_sealed(message, self.first(number)) {
            return Ok(());
        }
        Err(self.wrong_answer(message[0], number))
    }

    /// [`verify_answer`](Self::verify_answer) of every word.
    pub(crate) fn verify_whole_answer<const W: usize>(
        self,
        message: &[u64; W],
        number: u64,
    ) -> Result<(), Fault> {
        let first = self.first(number);
        let mut rest = message.iter().enumerate().skip(1);
        if message[0] == self.answered(number) && rest.all(|(at, &found)| found == word(first, at))
        {
            return Ok(());
        }
        Err(self.wrong_answer(message[0], number))
    }

    /// Makes message number `number`, which says a moment.
    #[inline(always)]
    pub(crate) fn stamp_moment<const W: usize>(
        self,
        message: &mut [u64; W],
        number: u64,
        moment: u64,
    ) {
        seal(message, moment ^ self.first(number));
    }

    /// The moment that message number `number` says. What is not that message says none between
    /// `from` and `to`.
    #[inline(always)]
    pub(crate) fn moment<const W: usize>(
        self,
        message: &[u64; W],
        number: u64,
        (from, to): (u64, u64),
    ) -> Result<u64, Fault> {
        let message = black_box(message);
        let moment = message[0] ^ self.first(number);
        if (from..=to).contains(&moment) && is_sealed(message, message[0]) {
            return Ok(moment);
        }
        Err(self.wrong_moment(message[0], number, (from, to)))
    }

    /// The first word of message number `number`: a multiplication of which both halves count, so
    /// that nothing follows from those before.
    #[inline(always)]
    fn first(self, number: u64) -> u64 {
        let wide = u128::from(number ^ self.0) * u128::from(FACTOR);
        wide as u64 ^ (wide >> 64) as u64
    }

    /// What answers are made with.
    #[inline(always)]
    fn other(self) -> Self {
        Self(self.0.rotate_left(32) ^ PATTERN)
    }

    #[inline(always)]
    fn answered(self, number: u64) -> u64 {
        self.first(number) ^ self.other().first(number)
    }

    #[cold]
    #[inline(never)]
    fn wrong(self, found: u64, number: u64, first: fn(Self, u64) -> u64) -> Fault {
        came(number, near(number).find(|&near| first(self, near) == found))
    }

    #[cold]
    #[inline(never)]
    fn wrong_moment(self, found: u64, number: u64, (from, to): (u64, u64)) -> Fault {
        let says = |&near: &u64| (from..=to).contains(&(found ^ self.first(near)));
        came(number, near(number).find(says))
    }

    #[cold]
    #[inline(never)]
    fn wrong_answer(self, found: u64, number: u64) -> Fault {
        if found == self.first(number) {
            return Fault::new("verifying", format_args!("message {number} came back unanswered"));
        }
        self.wrong(found, number, Self::answered)
    }
}

/// Odd, and with bits everywhere.
const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;
const PATTERN: u64 = 0x5ea1_5ea1_5ea1_5ea1;

/// Numbers that may have come in place of this one, the nearest before it first.
fn near(number: u64) -> impl Iterator<Item = u64> {
    const FAR: u64 = 4096;
    (number.saturating_sub(FAR)..=number).rev().chain(number + 1..number + FAR)
}

fn came(due: u64, found: Option<u64>) -> Fault {
    let what = match found {
        Some(found) if found == due => format!("message {due} came torn"),
        Some(found) => format!("message {due} was due and {found} came"),
        None => format!("message {due} was due and what came is none"),
    };
    Fault::new("verifying", what)
}

#[inline(always)]
fn seal<const W: usize>(message: &mut [u64; W], first: u64) {
    if W > 1 {
        message[W - 1] = word(first, W - 1);
    }
    message[0] = first;
    // As far as the compiler knows every word is new: it must not send constants.
    black_box(message);
}

#[inline(always)]
fn is_sealed<const W: usize>(message: &[u64; W], first: u64) -> bool {
    W == 1 || message[W - 1] == word(first, W - 1)
}

/// Word `index` of a message that begins with `first`.
#[inline(always)]
fn word(first: u64, index: usize) -> u64 {
    match index {
        0 => first,
        _ => (first.rotate_left(32) ^ PATTERN).wrapping_add(index as u64),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CODE: Code = Code(0x0123_4567_89ab_cdef);

    #[test]
    fn a_message_is_what_was_stamped_and_nothing_else() {
        let mut message = [0; 8];
        CODE.stamp(&mut message, 7);
        assert!(CODE.verify(&message, 7).is_ok());
        assert!(CODE.verify(&message, 8).is_err());
        assert!(CODE.verify_whole(&message, 7).is_err(), "the words between were never written");
        CODE.stamp_whole(&mut message, 7);
        assert!(CODE.verify(&message, 7).is_ok() && CODE.verify_whole(&message, 7).is_ok());
        message[4] ^= 1;
        assert!(CODE.verify(&message, 7).is_ok());
        let torn = CODE.verify_whole(&message, 7).unwrap_err();
        assert_eq!(torn.to_string(), "verifying: message 7 came torn");
    }

    #[test]
    fn a_message_of_one_word_is_its_number() {
        let mut message = [0];
        assert!(CODE.verify(&message, 0).is_err(), "nothing came and was taken for a message");
        CODE.stamp(&mut message, 9);
        assert!(CODE.verify(&message, 9).is_ok() && CODE.verify_whole(&message, 9).is_ok());
        assert!(CODE.verify(&message, 10).is_err());
    }

    #[test]
    fn another_run_has_other_messages() {
        let mut message = [0; 2];
        Code::fresh().unwrap().stamp(&mut message, 7);
        assert!(Code::fresh().unwrap().verify(&message, 7).is_err());
    }

    #[test]
    fn an_answer_is_neither_the_question_nor_the_answer_to_another() {
        let mut message = [0; 8];
        CODE.stamp_whole(&mut message, 7);
        let unanswered = CODE.verify_answer(&message, 7).unwrap_err();
        assert_eq!(unanswered.to_string(), "verifying: message 7 came back unanswered");
        CODE.answer(7)(&mut message);
        assert!(CODE.verify_answer(&message, 7).is_ok());
        assert!(CODE.verify_whole_answer(&message, 7).is_ok());
        let early = CODE.verify_answer(&message, 8).unwrap_err();
        assert_eq!(early.to_string(), "verifying: message 8 was due and 7 came");
        message[3] ^= 1;
        let torn = CODE.verify_whole_answer(&message, 7).unwrap_err();
        assert_eq!(torn.to_string(), "verifying: message 7 came torn");
    }

    #[test]
    fn a_moment_is_said_by_the_message_that_is_due_only() {
        let mut message = [0; 2];
        CODE.stamp_moment(&mut message, 7, 1000);
        assert_eq!(CODE.moment(&message, 7, (900, 1000)).unwrap(), 1000);
        let later = CODE.moment(&message, 8, (900, 1000)).unwrap_err();
        assert_eq!(later.to_string(), "verifying: message 8 was due and 7 came");
        assert!(CODE.moment(&message, 7, (1001, 2000)).is_err());
        message[1] ^= 1;
        assert!(CODE.moment(&message, 7, (900, 1000)).is_err());
    }
}
