//! bbqueue between two threads of one process: its frames, which are messages of bytes, each copied into
//! and out of the buffer, both sides spinning.

use std::hint::spin_loop;
use std::sync::Arc;

use ::bbqueue::nicknames::{GogiGui, YakiNiku};
use ::bbqueue::prod_cons::framed::{FramedConsumer, FramedProducer};
use ::bbqueue::traits::coordination::{ReadGrantError, WriteGrantError};
use ::bbqueue::traits::storage::BoxedSlice;
use zerocopy::IntoBytes;

use crate::run::transport::{Fault, Pair, Receiver, Sender, items};

pub(crate) struct Bbqueue;

/// Counted references to a queue on the heap.
type Queue = Arc<YakiNiku>;

/// The length that stands before each frame.
type Length = u16;

pub(crate) struct Tx(FramedProducer<Queue>);
pub(crate) struct Rx(FramedConsumer<Queue>);

impl Pair for Bbqueue {
    type Sender<const W: usize> = Tx;
    type Receiver<const W: usize> = Rx;

    fn pair<const W: usize>() -> (Tx, Rx) {
        let bytes = size_of::<[u64; W]>();
        let room = items(bytes) * (bytes + size_of::<Length>());
        let queue = GogiGui::new_with_storage(BoxedSlice::new(room));
        (Tx(queue.framed_producer()), Rx(queue.framed_consumer()))
    }
}

impl<const W: usize> Sender<W> for Tx {
    #[inline(always)]
    fn send(&mut self, message: &[u64; W]) -> Result<(), Fault> {
        let bytes = message.as_bytes();
        let length = bytes.len() as Length;
        loop {
            match self.0.grant(length) {
                Ok(mut room) => {
                    room.copy_from_slice(bytes);
                    room.commit(length);
                    return Ok(());
                }
                Err(WriteGrantError::InsufficientSize) => spin_loop(),
                Err(error) => return Err(Fault::new("bbqueue", format_args!("{error:?}"))),
            }
        }
    }
}

impl<const W: usize> Receiver<W> for Rx {
    #[inline(always)]
    fn receive(&mut self, message: &mut [u64; W]) -> Result<(), Fault> {
        loop {
            match self.0.read() {
                Ok(frame) if frame.len() == size_of::<[u64; W]>() => {
                    message.as_mut_bytes().copy_from_slice(&frame);
                    frame.release();
                    return Ok(());
                }
                Ok(frame) => {
                    let (came, due) = (frame.len(), size_of::<[u64; W]>());
                    let why = format_args!("{came} bytes came, {due} were due");
                    return Err(Fault::new("bbqueue", why));
                }
                Err(ReadGrantError::Empty) => spin_loop(),
                Err(error) => return Err(Fault::new("bbqueue", format_args!("{error:?}"))),
            }
        }
    }
}
