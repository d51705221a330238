//! Rings of values of several sizes and of messages in the same words: how they are laid out and opened, how their
//! ends are taken, and what all ends answer. It must not know how records are pushed and popped.

use std::marker::PhantomData;

use shm_ring::{
    AnyEnd, Consumer, Error, Item, MessageConsumer, MessageProducer, MessageRing, Options, Peer,
    PopError, Producer, Region, Ring, Wait,
};
use shm_ring_outsider::Header;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::board::Op;
use crate::drive::Drive;

/// An end that writes.
pub trait Writes {
    fn peer(&self) -> Peer;
    fn set_wait(&mut self, wait: Wait);
    /// Bytes of records that surely fit.
    fn room(&mut self) -> u64;
}

/// An end that reads.
pub trait Reads: AnyEnd + Sized {
    fn peer(&self) -> Peer;
    fn set_wait(&mut self, wait: Wait);
    /// Bytes of records that surely are there.
    fn ready(&self) -> u64;
    fn position(&self) -> u64;
    /// Bytes of records.
    fn skip_unread(&mut self) -> Result<u64, PopError>;
    fn release_to(&mut self, position: u64) -> Result<usize, PopError>;
}

macro_rules! end {
    ([$($generics:tt)*], $tx:ty, $rx:ty, $unit:expr, $ready:ident) => {
        impl<$($generics)*> Writes for $tx {
            fn peer(&self) -> Peer {
                self.peer()
            }

            fn set_wait(&mut self, wait: Wait) {
                self.set_wait(wait);
            }

            fn room(&mut self) -> u64 {
                self.room_at_least() as u64 * $unit
            }
        }

        impl<$($generics)*> Reads for $rx {
            fn peer(&self) -> Peer {
                self.peer()
            }

            fn set_wait(&mut self, wait: Wait) {
                self.set_wait(wait);
            }

            fn ready(&self) -> u64 {
                self.$ready() as u64 * $unit
            }

            fn position(&self) -> u64 {
                self.position()
            }

            fn skip_unread(&mut self) -> Result<u64, PopError> {
                self.skip_unread().map(|skipped| skipped as u64 * $unit)
            }

            fn release_to(&mut self, position: u64) -> Result<usize, PopError> {
                self.release_to(position)
            }
        }
    };
}

end!([T: Item], Producer<T>, Consumer<T>, size_of::<T>() as u64, len);
end!([], MessageProducer, MessageConsumer, 1, len_bytes);

/// What a ring carries.
pub trait Kind: Sized {
    type Ring;
    type Tx: Writes;
    type Rx: Reads;
    /// Whether all records have the same size.
    const VALUES: bool;

    /// Of the ring that is attacked. Its capacity is always the same.
    fn header() -> Header;
    fn open(region: Region, options: &Options) -> Result<Self::Ring, Error>;
    fn producer(ring: &Self::Ring) -> Result<Self::Tx, Error>;
    fn consumer(ring: &Self::Ring) -> Result<Self::Rx, Error>;

    /// Makes the call `op` of the producer, which is attached, and judges its answer.
    fn push(drive: &mut Drive<Self>, op: Op);
    /// The same for the consumer.
    fn pop(drive: &mut Drive<Self>, op: Op);
}

/// A value that can lie in a caller's memory, of which the campaign has the bytes.
pub trait Value: Item + Copy + KnownLayout {}

impl<T: Item + Copy + KnownLayout> Value for T {}

/// More alignment than a word.
#[derive(Clone, Copy, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C, align(64))]
pub struct Aligned([u8; 64]);

/// At most so many values of one type.
pub struct Values<T, const ITEMS: u64>(PhantomData<T>);

/// Messages in at most so many bytes, with payloads that are so aligned.
pub struct Messages<const ALIGN: u64, const LIMIT: u64>;

impl<T: Value, const ITEMS: u64> Kind for Values<T, ITEMS> {
    type Ring = Ring<T>;
    type Tx = Producer<T>;
    type Rx = Consumer<T>;
    const VALUES: bool = true;

    fn header() -> Header {
        Header::values(size_of::<T>() as u64, align_of::<T>() as u64, ITEMS)
    }

    fn open(region: Region, options: &Options) -> Result<Ring<T>, Error> {
        Ring::open_with(region, options)
    }

    fn producer(ring: &Ring<T>) -> Result<Producer<T>, Error> {
        ring.producer()
    }

    fn consumer(ring: &Ring<T>) -> Result<Consumer<T>, Error> {
        ring.consumer()
    }

    fn push(drive: &mut Drive<Self>, op: Op) {
        drive.push_values(op);
    }

    fn pop(drive: &mut Drive<Self>, op: Op) {
        drive.pop_values(op);
    }
}

impl<const ALIGN: u64, const LIMIT: u64> Kind for Messages<ALIGN, LIMIT> {
    type Ring = MessageRing;
    type Tx = MessageProducer;
    type Rx = MessageConsumer;
    const VALUES: bool = false;

    fn header() -> Header {
        Header::messages(ALIGN, LIMIT)
    }

    fn open(region: Region, options: &Options) -> Result<MessageRing, Error> {
        MessageRing::open_with(region, &options.clone().align(ALIGN as usize))
    }

    fn producer(ring: &MessageRing) -> Result<MessageProducer, Error> {
        ring.producer()
    }

    fn consumer(ring: &MessageRing) -> Result<MessageConsumer, Error> {
        ring.consumer()
    }

    fn push(drive: &mut Drive<Self>, op: Op) {
        drive.push_messages(op);
    }

    fn pop(drive: &mut Drive<Self>, op: Op) {
        drive.pop_messages(op);
    }
}
