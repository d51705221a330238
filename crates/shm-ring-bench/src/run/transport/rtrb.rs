//! rtrb between two threads of one process: the ring that one would use if the two sides were
//! threads.

use std::hint::spin_loop;

use super::{Fault, Pair, Receiver, Sender, items};

pub(crate) struct Rtrb;

pub(crate) struct Tx<const W: usize>(::rtrb::Producer<[u64; W]>);
pub(crate) struct Rx<const W: usize>(::rtrb::Consumer<[u64; W]>);

impl Pair for Rtrb {
    type Sender<const W: usize> = Tx<W>;
    type Receiver<const W: usize> = Rx<W>;

    fn pair<const W: usize>() -> (Tx<W>, Rx<W>) {
        let (tx, rx) = ::rtrb::RingBuffer::new(items(size_of::<[u64; W]>()));
        (Tx(tx), Rx(rx))
    }
}

impl<const W: usize> Sender<W> for Tx<W> {
    #[inline(always)]
    fn send(&mut self, message: &[u64; W]) -> Result<(), Fault> {
        let mut item = *message;
        while let Err(::rtrb::PushError::Full(back)) = self.0.push(item) {
            item = back;
            spin_loop();
        }
        Ok(())
    }

    #[inline(always)]
    fn send_batch(&mut self, messages: &[[u64; W]]) -> Result<(), Fault> {
        loop {
            if let Ok(chunk) = self.0.write_chunk_uninit(messages.len()) {
                chunk.fill_from_iter(messages.iter().copied());
                return Ok(());
            }
            spin_loop();
        }
    }
}

impl<const W: usize> Receiver<W> for Rx<W> {
    #[inline(always)]
    fn receive(&mut self, message: &mut [u64; W]) -> Result<(), Fault> {
        loop {
            if let Ok(item) = self.0.pop() {
                *message = item;
                return Ok(());
            }
            spin_loop();
        }
    }

    #[inline(always)]
    fn receive_batch(
        &mut self,
        max: usize,
        mut each: impl FnMut(&[u64; W]),
    ) -> Result<usize, Fault> {
        // A whole chunk at a time, as it is written: asking for less would look at the other side's
        // position more often.
        loop {
            if let Ok(chunk) = self.0.read_chunk(max) {
                let (first, second) = chunk.as_slices();
                first.iter().chain(second).for_each(&mut each);
                chunk.commit_all();
                return Ok(max);
            }
            spin_loop();
        }
    }
}
