//! nexus-queue between two threads of one process.

use std::hint::spin_loop;

use ::nexus_queue::spsc;

use crate::transport::{Fault, Pair, Receiver, Sender, items};

pub(crate) struct NexusQueue;

pub(crate) struct Tx<const W: usize>(spsc::Producer<[u64; W]>);
pub(crate) struct Rx<const W: usize>(spsc::Consumer<[u64; W]>);

impl Pair for NexusQueue {
    type Sender<const W: usize> = Tx<W>;
    type Receiver<const W: usize> = Rx<W>;

    fn pair<const W: usize>() -> (Tx<W>, Rx<W>) {
        let (tx, rx) = spsc::ring_buffer(items(size_of::<[u64; W]>()));
        (Tx(tx), Rx(rx))
    }
}

impl<const W: usize> Sender<W> for Tx<W> {
    #[inline(always)]
    fn send(&mut self, message: &[u64; W]) -> Result<(), Fault> {
        let mut item = *message;
        while let Err(full) = self.0.push(item) {
            item = full.into_inner();
            spin_loop();
        }
        Ok(())
    }
}

impl<const W: usize> Receiver<W> for Rx<W> {
    #[inline(always)]
    fn receive(&mut self, message: &mut [u64; W]) -> Result<(), Fault> {
        loop {
            if let Some(item) = self.0.pop() {
                *message = item;
                return Ok(());
            }
            spin_loop();
        }
    }
}
