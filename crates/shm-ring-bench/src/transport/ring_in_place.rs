//! shm-ring without a copy: each message is made in room that the ring lends, and verified where it
//! stands in the ring, every word of it. It must not know the others.
//!
//! Invariant of the unsafe blocks: both sides are this program, which keeps the protocol: nobody writes
//! data while it is read, nor before there is room.
#![allow(unsafe_code)]

use shm_ring::{Consumer, Producer};

use super::ring_messages::{made, open};
use super::{Fault, Handle, Made, Receiver, Sender, Transport};
use crate::message::Code;

/// The ring as `[u64]`, both sides spinning.
pub(crate) struct RingInPlace;

pub(crate) struct Tx(Producer<[u64]>);
pub(crate) struct Rx(Consumer<[u64]>);

impl Transport for RingInPlace {
    type Sender<const W: usize> = Tx;
    type Receiver<const W: usize> = Rx;

    const INLINED: bool = true;

    fn make(bytes: usize) -> Result<Box<dyn Made>, Fault> {
        made::<u64>(bytes)
    }

    fn sender<const W: usize>(handle: &Handle) -> Result<Tx, Fault> {
        open(handle)?.producer().map(Tx).map_err(|error| Fault::new("attaching", error))
    }

    fn receiver<const W: usize>(handle: &Handle) -> Result<Rx, Fault> {
        open(handle)?.consumer().map(Rx).map_err(|error| Fault::new("attaching", error))
    }
}

impl Tx {
    /// Sends what `fill` writes to the room for a message.
    #[inline(always)]
    fn send_with<const W: usize>(&mut self, fill: impl FnOnce(&mut [u64; W])) -> Result<(), Fault> {
        let mut room = self.0.reserve(W).map_err(|error| Fault::new("reserve", error))?;
        // SAFETY: the invariant.
        let words = unsafe { room.as_mut_slice() };
        fill(words.try_into().map_err(|error| Fault::new("reserve", error))?);
        room.commit();
        Ok(())
    }
}

impl Rx {
    /// Shows `look` the oldest message, and gives its room back.
    #[inline(always)]
    fn receive_with<const W: usize>(
        &mut self,
        look: impl FnOnce(&[u64; W]) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        let view = self.0.peek().map_err(|error| Fault::new("peek", error))?;
        // SAFETY: the invariant.
        let words = unsafe { view.as_slice() };
        let len = words.len();
        let words = words
            .try_into()
            .map_err(|_| Fault::new("peek", format_args!("{len} words came, {W} were due")))?;
        look(words)?;
        view.release();
        Ok(())
    }
}

impl<const W: usize> Sender<W> for Tx {
    #[inline(always)]
    fn send(&mut self, message: &[u64; W]) -> Result<(), Fault> {
        self.send_with(|room| *room = *message)
    }

    #[inline(always)]
    fn send_numbered(&mut self, _: &mut [u64; W], code: Code, number: u64) -> Result<(), Fault> {
        self.send_with(|room: &mut [u64; W]| code.stamp_whole(room, number))
    }
}

impl<const W: usize> Receiver<W> for Rx {
    #[inline(always)]
    fn receive(&mut self, message: &mut [u64; W]) -> Result<(), Fault> {
        self.receive_with(|seen| {
            *message = *seen;
            Ok(())
        })
    }

    #[inline(always)]
    fn receive_numbered(&mut self, _: &mut [u64; W], code: Code, number: u64) -> Result<(), Fault> {
        self.receive_with(|seen: &[u64; W]| code.verify_whole(seen, number))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the others verify at both ends only, here every word is.
    #[test]
    fn a_word_in_the_middle_that_is_not_right_is_noticed_in_the_ring() {
        let made = RingInPlace::make(64).unwrap();
        let mut tx = RingInPlace::sender::<8>(&made.handle()).unwrap();
        let mut rx = RingInPlace::receiver::<8>(&made.handle()).unwrap();
        let (code, mut unused) = (Code::default(), [0; 8]);
        Sender::<8>::send_numbered(&mut tx, &mut unused, code, 7).unwrap();
        assert!(Receiver::<8>::receive_numbered(&mut rx, &mut unused, code, 7).is_ok());
        tx.send_with(|room: &mut [u64; 8]| {
            code.stamp_whole(room, 8);
            room[4] ^= 1;
        })
        .unwrap();
        let torn = Receiver::<8>::receive_numbered(&mut rx, &mut unused, code, 8).unwrap_err();
        assert_eq!(torn.to_string(), "verifying: message 8 came torn");
        assert_eq!(unused, [0; 8], "nothing was copied");
    }

    #[test]
    fn a_message_of_another_length_is_an_error_with_both() {
        let made = RingInPlace::make(64).unwrap();
        let mut tx = RingInPlace::sender::<2>(&made.handle()).unwrap();
        let mut rx = RingInPlace::receiver::<8>(&made.handle()).unwrap();
        Sender::<2>::send(&mut tx, &[1, 2]).unwrap();
        let said = Receiver::<8>::receive(&mut rx, &mut [0; 8]).unwrap_err().to_string();
        assert_eq!(said, "peek: 2 words came, 8 were due");
    }
}
