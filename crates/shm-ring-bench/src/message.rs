//! What a message says, and whether it came whole and in turn. It must not know who carries it.

use std::hint::black_box;

use crate::transport::Fault;

/// Makes message number `number`: its first word is the number, its last is made from it.
#[inline(always)]
pub(crate) fn stamp<const W: usize>(message: &mut [u64; W], number: u64) {
    if W > 1 {
        message[W - 1] = word::<W>(number, W - 1);
    }
    message[0] = number;
    // As far as the compiler knows every word is new: it must not send constants.
    black_box(message);
}

/// [`stamp`], and every word between.
pub(crate) fn stamp_whole<const W: usize>(message: &mut [u64; W], number: u64) {
    for (index, slot) in message.iter_mut().enumerate() {
        *slot = word::<W>(number, index);
    }
}

/// Word `index` of message `number`.
#[inline(always)]
fn word<const W: usize>(number: u64, index: usize) -> u64 {
    match index {
        0 => number,
        _ => (number.rotate_left(32) ^ 0x5ea1_5ea1_5ea1_5ea1).wrapping_add(index as u64),
    }
}

/// Whether this is message number `number`, both ends of it.
#[inline(always)]
pub(crate) fn verify<const W: usize>(message: &[u64; W], number: u64) -> Result<(), Fault> {
    // As far as the compiler knows every word is used: it must not skip receiving it.
    let message = black_box(message);
    if message[0] == number && (W == 1 || message[W - 1] == word::<W>(number, W - 1)) {
        return Ok(());
    }
    Err(wrong(message, number))
}

/// Whether this is message number `number`, every word of it.
pub(crate) fn verify_whole<const W: usize>(message: &[u64; W], number: u64) -> Result<(), Fault> {
    let whole = message.iter().enumerate().all(|(at, &found)| found == word::<W>(number, at));
    if whole { Ok(()) } else { Err(wrong(message, number)) }
}

#[cold]
#[inline(never)]
fn wrong<const W: usize>(message: &[u64; W], number: u64) -> Fault {
    let found = message[0];
    if found == number {
        return Fault::new("verifying", format_args!("message {number} came torn"));
    }
    Fault::new("verifying", format_args!("message {number} was due and {found} came"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_what_was_stamped_and_nothing_else() {
        let mut message = [0; 8];
        stamp(&mut message, 7);
        assert!(verify(&message, 7).is_ok());
        assert!(verify(&message, 8).is_err());
        assert!(verify_whole(&message, 7).is_err(), "the words between were never written");
        stamp_whole(&mut message, 7);
        assert!(verify(&message, 7).is_ok() && verify_whole(&message, 7).is_ok());
        message[4] ^= 1;
        assert!(verify(&message, 7).is_ok());
        let torn = verify_whole(&message, 7).unwrap_err();
        assert_eq!(torn.to_string(), "verifying: message 7 came torn");
    }

    #[test]
    fn a_message_of_one_word_is_its_number() {
        let mut message = [0];
        stamp(&mut message, 9);
        assert!(verify(&message, 9).is_ok() && verify_whole(&message, 9).is_ok());
        assert!(verify(&message, 10).is_err());
    }
}
