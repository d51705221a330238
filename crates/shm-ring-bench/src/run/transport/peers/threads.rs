//! Other people's queues between two threads of one process whose ends are asked again and again: gil (its queue of one
//! sender and one receiver), nexus-queue, omango and ringbuf.

use std::hint::spin_loop;
use std::num::NonZeroUsize;

use ::omango::error::TrySendError;
use ::ringbuf::traits::{Consumer, Producer, Split};

use crate::run::transport::{Fault, Pair, Receiver, Sender, items};

/// A queue of room for so many messages, what gives the item back that it could not send, and what may receive one.
macro_rules! spinning {
    ($module:ident, $queue:ident, $tx:ty, $rx:ty, |$room:ident| $pair:expr,
     |$to:ident, $item:ident| $send:expr, |$from:ident| $receive:expr) => {
        mod $module {
            use super::*;

            pub(crate) struct $queue;

            pub(crate) struct Tx<const W: usize>($tx);
            pub(crate) struct Rx<const W: usize>($rx);

            impl Pair for $queue {
                type Sender<const W: usize> = Tx<W>;
                type Receiver<const W: usize> = Rx<W>;

                fn pair<const W: usize>() -> (Tx<W>, Rx<W>) {
                    let $room = items(size_of::<[u64; W]>());
                    let (tx, rx) = $pair;
                    (Tx(tx), Rx(rx))
                }
            }

            impl<const W: usize> Sender<W> for Tx<W> {
                #[inline(always)]
                fn send(&mut self, message: &[u64; W]) -> Result<(), Fault> {
                    let ($to, mut $item) = (&mut self.0, *message);
                    while let Err(back) = $send {
                        $item = back;
                        spin_loop();
                    }
                    Ok(())
                }
            }

            impl<const W: usize> Receiver<W> for Rx<W> {
                #[inline(always)]
                fn receive(&mut self, message: &mut [u64; W]) -> Result<(), Fault> {
                    let $from = &mut self.0;
                    loop {
                        if let Some(item) = $receive {
                            *message = item;
                            return Ok(());
                        }
                        spin_loop();
                    }
                }
            }
        }
        pub(crate) use self::$module::$queue;
    };
}

spinning!(
    gil,
    Gil,
    ::gil::spsc::Sender<[u64; W]>,
    ::gil::spsc::Receiver<[u64; W]>,
    |room| ::gil::spsc::channel(NonZeroUsize::new(room).unwrap_or(NonZeroUsize::MIN)),
    |tx, item| tx.try_send(item),
    |rx| rx.try_recv()
);
spinning!(
    nexus_queue,
    NexusQueue,
    ::nexus_queue::spsc::Producer<[u64; W]>,
    ::nexus_queue::spsc::Consumer<[u64; W]>,
    |room| ::nexus_queue::spsc::ring_buffer(room),
    |tx, item| tx.push(item).map_err(|full| full.into_inner()),
    |rx| rx.pop()
);
spinning!(
    omango,
    Omango,
    ::omango::queue::spsc::BSender<[u64; W]>,
    ::omango::queue::spsc::BReceiver<[u64; W]>,
    |room| ::omango::queue::spsc::bounded(room as u32),
    |tx, item| match tx.try_send(item) {
        Ok(()) => Ok(()),
        Err(TrySendError::Full(back)) => Err(back),
        Err(TrySendError::Disconnected(_)) => return Err(Fault::new("send", "closed")),
    },
    |rx| rx.try_recv().ok()
);
spinning!(
    ringbuf,
    Ringbuf,
    ::ringbuf::HeapProd<[u64; W]>,
    ::ringbuf::HeapCons<[u64; W]>,
    |room| ::ringbuf::HeapRb::new(room).split(),
    |tx, item| tx.try_push(item),
    |rx| rx.try_pop()
);
