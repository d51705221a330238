//! rtrb between two threads of one process: not a transport between processes, but the ring that
//! one would use if the two sides were threads.

use super::{Fault, Receiver, Sender};

/// The capacity that the other rings get too.
const ITEMS: usize = 1024;
/// The capacity for messages of a kilobyte and more, in bytes.
const LARGE: usize = 1 << 20;

pub(crate) struct Tx<const W: usize>(::rtrb::Producer<[u64; W]>);
pub(crate) struct Rx<const W: usize>(::rtrb::Consumer<[u64; W]>);

pub(crate) fn pair<const W: usize>() -> (Tx<W>, Rx<W>) {
    let bytes = size_of::<[u64; W]>();
    let items = if bytes < 1024 { ITEMS } else { LARGE / bytes };
    let (tx, rx) = ::rtrb::RingBuffer::new(items);
    (Tx(tx), Rx(rx))
}

impl<const W: usize> Sender<W> for Tx<W> {
    #[inline(always)]
    fn send(&mut self, message: &[u64; W]) -> Result<(), Fault> {
        let mut item = *message;
        while let Err(::rtrb::PushError::Full(back)) = self.0.push(item) {
            item = back;
            std::hint::spin_loop();
        }
        Ok(())
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
            std::hint::spin_loop();
        }
    }
}
