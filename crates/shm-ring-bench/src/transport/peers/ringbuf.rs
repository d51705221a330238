//! ringbuf between two threads of one process.

use std::hint::spin_loop;

use ::ringbuf::traits::{Consumer, Producer, Split};
use ::ringbuf::{HeapCons, HeapProd, HeapRb};

use crate::transport::{Fault, Pair, Receiver, Sender, items};

pub(crate) struct Ringbuf;

pub(crate) struct Tx<const W: usize>(HeapProd<[u64; W]>);
pub(crate) struct Rx<const W: usize>(HeapCons<[u64; W]>);

impl Pair for Ringbuf {
    type Sender<const W: usize> = Tx<W>;
    type Receiver<const W: usize> = Rx<W>;

    fn pair<const W: usize>() -> (Tx<W>, Rx<W>) {
        let (tx, rx) = HeapRb::new(items(size_of::<[u64; W]>())).split();
        (Tx(tx), Rx(rx))
    }
}

impl<const W: usize> Sender<W> for Tx<W> {
    #[inline(always)]
    fn send(&mut self, message: &[u64; W]) -> Result<(), Fault> {
        let mut item = *message;
        while let Err(back) = self.0.try_push(item) {
            item = back;
            spin_loop();
        }
        Ok(())
    }
}

impl<const W: usize> Receiver<W> for Rx<W> {
    #[inline(always)]
    fn receive(&mut self, message: &mut [u64; W]) -> Result<(), Fault> {
        loop {
            if let Some(item) = self.0.try_pop() {
                *message = item;
                return Ok(());
            }
            spin_loop();
        }
    }
}
