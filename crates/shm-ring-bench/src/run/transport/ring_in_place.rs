//! shm-ring without a copy: messages are made in room that the ring lends, and verified where they stand in the ring,
//! every word of them. It must not know the others.
//!
//! Invariant of the unsafe blocks: both sides are this program, which keeps the protocol: nobody writes
//! data while it is read, nor before there is room.
#![allow(unsafe_code)]

use shm_ring::{Consumer, Producer, Wait};

use super::ring::{made, open};
use super::{Fault, Handle, Made, Receiver, Sender, Transport, with_words};
use crate::run::message::Code;

/// The ring of values, both sides spinning.
pub(crate) struct RingInPlace;

pub(crate) struct Tx<const W: usize>(Producer<[u64; W]>);
pub(crate) struct Rx<const W: usize>(Consumer<[u64; W]>);

impl Transport for RingInPlace {
    type Sender<const W: usize> = Tx<W>;
    type Receiver<const W: usize> = Rx<W>;

    const INLINED: bool = true;

    fn make(bytes: usize) -> Result<Box<dyn Made>, Fault> {
        with_words!(bytes, W => made::<W>())
    }

    fn sender<const W: usize>(handle: &Handle) -> Result<Tx<W>, Fault> {
        let producer = open(handle, Wait::SPIN)?.producer();
        producer.map(Tx).map_err(|error| Fault::new("attaching", error))
    }

    fn receiver<const W: usize>(handle: &Handle) -> Result<Rx<W>, Fault> {
        let consumer = open(handle, Wait::SPIN)?.consumer();
        consumer.map(Rx).map_err(|error| Fault::new("attaching", error))
    }
}

impl<const W: usize> Tx<W> {
    /// Sends `count` messages in one call: `fill` writes each to the room for it, and is told which it is.
    #[inline(always)]
    fn send_with(
        &mut self,
        count: usize,
        mut fill: impl FnMut(usize, &mut [u64; W]),
    ) -> Result<(), Fault> {
        let mut room = self.0.reserve(count).map_err(|error| Fault::new("reserve", error))?;
        // SAFETY: the invariant.
        for (index, place) in unsafe { room.as_uninit() }.iter_mut().enumerate() {
            // SAFETY: the ring's memory is there, and any words are a message.
            fill(index, unsafe { place.assume_init_mut() });
        }
        room.commit(count);
        Ok(())
    }
}

impl<const W: usize> Rx<W> {
    /// Shows `look` the oldest messages that are there, up to `max` and at least one, and gives their room back. How many
    /// it was.
    #[inline(always)]
    fn receive_with(&mut self, max: usize, look: impl FnMut(&[u64; W])) -> Result<usize, Fault> {
        let view = self.0.peek(max).map_err(|error| Fault::new("peek", error))?;
        // SAFETY: the invariant.
        unsafe { view.as_slice() }.iter().for_each(look);
        let count = view.len();
        view.release(count);
        Ok(count)
    }
}

impl<const W: usize> Sender<W> for Tx<W> {
    #[inline(always)]
    fn send(&mut self, message: &[u64; W]) -> Result<(), Fault> {
        self.send_with(1, |_, room| *room = *message)
    }

    #[inline(always)]
    fn send_numbered(&mut self, _: &mut [u64; W], code: Code, number: u64) -> Result<(), Fault> {
        self.send_with(1, |_, room| code.stamp_whole(room, number))
    }

    #[inline(always)]
    fn send_batch(&mut self, messages: &[[u64; W]]) -> Result<(), Fault> {
        self.send_with(messages.len(), |index, room| *room = messages[index])
    }

    #[inline(always)]
    fn send_batch_numbered(
        &mut self,
        messages: &mut [[u64; W]],
        code: Code,
        first: u64,
    ) -> Result<(), Fault> {
        self.send_with(messages.len(), |index, room| code.stamp_whole(room, first + index as u64))
    }
}

impl<const W: usize> Receiver<W> for Rx<W> {
    #[inline(always)]
    fn receive(&mut self, message: &mut [u64; W]) -> Result<(), Fault> {
        self.receive_with(1, |seen| *message = *seen).map(|_| ())
    }

    #[inline(always)]
    fn receive_numbered(&mut self, _: &mut [u64; W], code: Code, number: u64) -> Result<(), Fault> {
        let mut verdict = Ok(());
        self.receive_with(1, |seen| verdict = code.verify_whole(seen, number))?;
        verdict
    }

    #[inline(always)]
    fn receive_batch(&mut self, max: usize, each: impl FnMut(&[u64; W])) -> Result<usize, Fault> {
        self.receive_with(max, each)
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
        tx.send_with(1, |_, room| {
            code.stamp_whole(room, 8);
            room[4] ^= 1;
        })
        .unwrap();
        let torn = Receiver::<8>::receive_numbered(&mut rx, &mut unused, code, 8).unwrap_err();
        assert_eq!(torn.to_string(), "verifying: message 8 came torn");
        assert_eq!(unused, [0; 8], "nothing was copied");
    }
}
