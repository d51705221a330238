//! omango between two threads of one process.

use std::hint::spin_loop;

use ::omango::error::TrySendError;
use ::omango::queue::spsc;

use crate::transport::{Fault, Pair, Receiver, Sender, items};

pub(crate) struct Omango;

pub(crate) struct Tx<const W: usize>(spsc::BSender<[u64; W]>);
pub(crate) struct Rx<const W: usize>(spsc::BReceiver<[u64; W]>);

impl Pair for Omango {
    type Sender<const W: usize> = Tx<W>;
    type Receiver<const W: usize> = Rx<W>;

    fn pair<const W: usize>() -> (Tx<W>, Rx<W>) {
        let (tx, rx) = spsc::bounded(items(size_of::<[u64; W]>()) as u32);
        (Tx(tx), Rx(rx))
    }
}

impl<const W: usize> Sender<W> for Tx<W> {
    #[inline(always)]
    fn send(&mut self, message: &[u64; W]) -> Result<(), Fault> {
        let mut item = *message;
        loop {
            match self.0.try_send(item) {
                Ok(()) => return Ok(()),
                Err(TrySendError::Full(back)) => item = back,
                Err(TrySendError::Disconnected(_)) => return Err(Fault::new("send", "closed")),
            }
            spin_loop();
        }
    }
}

impl<const W: usize> Receiver<W> for Rx<W> {
    #[inline(always)]
    fn receive(&mut self, message: &mut [u64; W]) -> Result<(), Fault> {
        loop {
            if let Ok(item) = self.0.try_recv() {
                *message = item;
                return Ok(());
            }
            spin_loop();
        }
    }
}
