//! crossbeam-channel between two threads of one process, waiting as it does by itself: spinning briefly,
//! then sleeping.

use ::crossbeam_channel::bounded;

use crate::run::transport::{Fault, Pair, Receiver, Sender, items};

pub(crate) struct CrossbeamChannel;

pub(crate) struct Tx<const W: usize>(::crossbeam_channel::Sender<[u64; W]>);
pub(crate) struct Rx<const W: usize>(::crossbeam_channel::Receiver<[u64; W]>);

impl Pair for CrossbeamChannel {
    type Sender<const W: usize> = Tx<W>;
    type Receiver<const W: usize> = Rx<W>;

    fn pair<const W: usize>() -> (Tx<W>, Rx<W>) {
        let (tx, rx) = bounded(items(size_of::<[u64; W]>()));
        (Tx(tx), Rx(rx))
    }
}

impl<const W: usize> Sender<W> for Tx<W> {
    #[inline(always)]
    fn send(&mut self, message: &[u64; W]) -> Result<(), Fault> {
        self.0.send(*message).map_err(|_| Fault::new("send", "closed"))
    }
}

impl<const W: usize> Receiver<W> for Rx<W> {
    #[inline(always)]
    fn receive(&mut self, message: &mut [u64; W]) -> Result<(), Fault> {
        *message = self.0.recv().map_err(|error| Fault::new("recv", error))?;
        Ok(())
    }
}
