//! gil between two threads of one process, its queue of one sender and one receiver, both spinning.

use std::hint::spin_loop;
use std::num::NonZeroUsize;

use ::gil::spsc;

use crate::transport::{Fault, Pair, Receiver, Sender, items};

pub(crate) struct Gil;

pub(crate) struct Tx<const W: usize>(spsc::Sender<[u64; W]>);
pub(crate) struct Rx<const W: usize>(spsc::Receiver<[u64; W]>);

impl Pair for Gil {
    type Sender<const W: usize> = Tx<W>;
    type Receiver<const W: usize> = Rx<W>;

    fn pair<const W: usize>() -> (Tx<W>, Rx<W>) {
        let room = NonZeroUsize::new(items(size_of::<[u64; W]>())).unwrap_or(NonZeroUsize::MIN);
        let (tx, rx) = spsc::channel(room);
        (Tx(tx), Rx(rx))
    }
}

impl<const W: usize> Sender<W> for Tx<W> {
    #[inline(always)]
    fn send(&mut self, message: &[u64; W]) -> Result<(), Fault> {
        let mut item = *message;
        while let Err(back) = self.0.try_send(item) {
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
            if let Some(item) = self.0.try_recv() {
                *message = item;
                return Ok(());
            }
            spin_loop();
        }
    }
}
