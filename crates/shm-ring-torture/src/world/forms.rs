//! What a name of the storm leads to: a ring of values, a ring of messages, or a latest value. The rings carry the same
//! numbered records.
//!
//! Owns: which calls open, push and pop in each form. Knows nothing of: the books, and what the answers mean.

use std::os::fd::BorrowedFd;
use std::time::Duration;

use shm_ring::{
    Consumer, Error, Latest, MessageConsumer, MessageProducer, MessageRing, Options, PopError,
    Producer, PushError, Region, Ring,
};
use zerocopy::IntoBytes;

/// A number and what it must be beside in that ring.
pub(super) type Item = [u64; 2];

/// What children push: no record.
pub(super) const CHILDS: Item = [u64::MAX, 0xc41d];

pub(super) fn item(number: u64, id: u64) -> Item {
    [number, number.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ id]
}

/// A ring of values.
pub(super) struct Values;
/// A ring of messages.
pub(super) struct Messages;
/// A latest value.
pub(super) struct Newest;

/// What a name leads to.
pub(super) trait Named {
    type Ring;

    fn open(region: Region, options: &Options) -> Result<Self::Ring, Error>;
    fn open_or_create(region: Region, options: &Options) -> Result<Self::Ring, Error>;
    fn replace_if_unused(region: Region, options: &Options) -> Result<Self::Ring, Error>;
    fn id(ring: &Self::Ring) -> u64;
    fn descriptor(ring: &Self::Ring) -> BorrowedFd<'_>;
}

macro_rules! named {
    ($form:ty, $ring:ty) => {
        impl Named for $form {
            type Ring = $ring;

            fn open(region: Region, options: &Options) -> Result<$ring, Error> {
                <$ring>::open_with(region, options)
            }

            fn open_or_create(region: Region, options: &Options) -> Result<$ring, Error> {
                <$ring>::open_or_create(region, options)
            }

            fn replace_if_unused(region: Region, options: &Options) -> Result<$ring, Error> {
                <$ring>::replace_if_unused(region, options)
            }

            fn id(ring: &$ring) -> u64 {
                ring.id() as u64
            }

            fn descriptor(ring: &$ring) -> BorrowedFd<'_> {
                ring.descriptor()
            }
        }
    };
}

named!(Values, Ring<Item>);
named!(Messages, MessageRing);
named!(Newest, Latest<Item>);

/// What has two ends.
pub(super) trait Form: Named {
    type Producer: 'static;
    type Consumer: 'static;

    fn producer(ring: &Self::Ring) -> Result<Self::Producer, Error>;
    fn consumer(ring: &Self::Ring) -> Result<Self::Consumer, Error>;
    fn producer_by_name(region: Region, options: &Options) -> Result<Self::Producer, Error>;
    fn consumer_by_name(region: Region, options: &Options) -> Result<Self::Consumer, Error>;

    fn push(tx: &mut Self::Producer, item: Item, timeout: Duration) -> Result<(), PushError>;
    fn try_push(tx: &mut Self::Producer, item: Item) -> Result<(), PushError>;
    fn pop(rx: &mut Self::Consumer, timeout: Duration) -> Result<Item, PopError>;
    fn try_pop(rx: &mut Self::Consumer) -> Result<Item, PopError>;
    fn wait_for_peer(rx: &mut Self::Consumer, timeout: Duration);

    fn producer_has_lost_its_name(tx: &Self::Producer) -> bool;
    fn consumer_has_lost_its_name(rx: &Self::Consumer) -> bool;
}

/// The message of an item: the item, as often as its number says.
fn message([number, check]: Item) -> Vec<u8> {
    [number, check].repeat(1 + number as usize % 3).as_bytes().to_vec()
}

/// The item of a message; of one that is not whole, what is no item.
fn item_of(bytes: Vec<u8>) -> Item {
    let word = |at| bytes.get(at..at + 8).and_then(|word| word.try_into().ok());
    let [number, check] = [0, 8].map(|at| word(at).map_or(0, u64::from_le_bytes));
    if message([number, check]) == bytes { [number, check] } else { [number, !check] }
}

macro_rules! form {
    ($form:ty, $producer:ty, $consumer:ty, $item:ident is $pushed:expr, $popped:expr) => {
        impl Form for $form {
            type Producer = $producer;
            type Consumer = $consumer;

            fn producer(ring: &Self::Ring) -> Result<$producer, Error> {
                ring.producer()
            }

            fn consumer(ring: &Self::Ring) -> Result<$consumer, Error> {
                ring.consumer()
            }

            fn producer_by_name(region: Region, options: &Options) -> Result<$producer, Error> {
                <$producer>::open_or_create(region, options)
            }

            fn consumer_by_name(region: Region, options: &Options) -> Result<$consumer, Error> {
                <$consumer>::open_or_create(region, options)
            }

            fn push(tx: &mut $producer, $item: Item, timeout: Duration) -> Result<(), PushError> {
                tx.push_timeout($pushed, timeout)
            }

            fn try_push(tx: &mut $producer, $item: Item) -> Result<(), PushError> {
                tx.try_push($pushed)
            }

            fn pop(rx: &mut $consumer, timeout: Duration) -> Result<Item, PopError> {
                rx.pop_timeout(timeout).map($popped)
            }

            fn try_pop(rx: &mut $consumer) -> Result<Item, PopError> {
                rx.try_pop().map($popped)
            }

            fn wait_for_peer(rx: &mut $consumer, timeout: Duration) {
                let _ = rx.wait_for_peer(timeout);
            }

            fn producer_has_lost_its_name(tx: &$producer) -> bool {
                tx.has_lost_its_name()
            }

            fn consumer_has_lost_its_name(rx: &$consumer) -> bool {
                rx.has_lost_its_name()
            }
        }
    };
}

form!(Values, Producer<Item>, Consumer<Item>, item is item, core::convert::identity);
form!(Messages, MessageProducer, MessageConsumer, item is &message(item), item_of);
