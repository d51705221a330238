//! shm-ring with messages of any length instead of values of one size, copied in and out. It must not
//! know the others.

use shm_ring::{MessageConsumer, MessageProducer, MessageRing, Options, Region, Wait};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use super::{Fault, Handle, Inherited, Made, Receiver, Sender, Transport, items};

/// The ring of messages, both sides spinning.
pub(crate) struct RingMessages;

pub(crate) struct Tx(MessageProducer);
pub(crate) struct Rx(MessageConsumer);

/// A message of a batch, as the ring wants to see it.
#[derive(FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(transparent)]
struct Message<const W: usize>([u64; W]);

impl<const W: usize> AsRef<[u8]> for Message<W> {
    #[inline(always)]
    fn as_ref(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

/// A ring with room for as many messages as the ring of values has, and their headers.
fn made(bytes: usize) -> Result<Box<dyn Made>, Fault> {
    let room = items(bytes) * (bytes.next_multiple_of(8) + size_of::<u64>());
    let ring = MessageRing::create(Region::memfd("shm-ring-bench"), &Options::new().bytes(room))
        .map_err(|error| Fault::new("creating the ring", error))?;
    let fd = ring.descriptor().try_clone_to_owned();
    let fd = fd.map_err(|error| Fault::new("keeping the ring", error))?;
    Ok(Box::new(Inherited::new(vec![fd]).holding(ring.limit_bytes() as u64)))
}

/// What [`made`] made, in a child.
fn open(handle: &Handle) -> Result<MessageRing, Fault> {
    let options = Options::new().prefault().wait(Wait::SPIN);
    MessageRing::open_with(Region::descriptor(handle.descriptor(0)?), &options)
        .map_err(|error| Fault::new("opening the ring", error))
}

impl Transport for RingMessages {
    type Sender<const W: usize> = Tx;
    type Receiver<const W: usize> = Rx;

    const INLINED: bool = true;

    fn make(bytes: usize) -> Result<Box<dyn Made>, Fault> {
        made(bytes)
    }

    fn sender<const W: usize>(handle: &Handle) -> Result<Tx, Fault> {
        open(handle)?.producer().map(Tx).map_err(|error| Fault::new("attaching", error))
    }

    fn receiver<const W: usize>(handle: &Handle) -> Result<Rx, Fault> {
        open(handle)?.consumer().map(Rx).map_err(|error| Fault::new("attaching", error))
    }
}

impl<const W: usize> Sender<W> for Tx {
    #[inline(always)]
    fn send(&mut self, message: &[u64; W]) -> Result<(), Fault> {
        self.0.push(message.as_bytes()).map_err(|error| Fault::new("push", error))
    }

    #[inline(always)]
    fn send_batch(&mut self, messages: &[[u64; W]]) -> Result<(), Fault> {
        let messages = <[Message<W>]>::ref_from_bytes(messages.as_bytes());
        let messages = messages.map_err(|error| Fault::new("push_batch", error))?;
        let pushed = self.0.push_batch(messages);
        pushed.map(|_| ()).map_err(|error| Fault::new("push_batch", error))
    }
}

impl<const W: usize> Receiver<W> for Rx {
    #[inline(always)]
    fn receive(&mut self, message: &mut [u64; W]) -> Result<(), Fault> {
        match self.0.pop_to(message.as_mut_bytes()) {
            Ok(len) if len == size_of::<[u64; W]>() => Ok(()),
            Ok(len) => Err(wrong_length::<W>(len)),
            Err(error) => Err(Fault::new("pop", error)),
        }
    }

    #[inline(always)]
    fn receive_batch(
        &mut self,
        max: usize,
        mut each: impl FnMut(&[u64; W]),
    ) -> Result<usize, Fault> {
        let (mut message, mut wrong) = ([0; W], None);
        let show = |record: &shm_ring::Message<'_>| {
            match record.len() == size_of::<[u64; W]>() {
                true if record.copy_to(0, message.as_mut_bytes()).is_ok() => each(&message),
                _ => wrong = Some(record.len()),
            };
        };
        let taken = self.0.pop_batch(max, show).map_err(|error| Fault::new("pop_batch", error))?;
        wrong.map_or(Ok(taken), |len| Err(wrong_length::<W>(len)))
    }
}

#[cold]
fn wrong_length<const W: usize>(len: usize) -> Fault {
    let due = size_of::<[u64; W]>();
    Fault::new("pop", format_args!("{len} bytes came, {due} were due"))
}
