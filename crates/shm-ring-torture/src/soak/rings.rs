//! The two kinds of ring behind one set of names, for a campaign that runs both.
//!
//! Owns: which calls are the same for values and for messages. Knows nothing of: what crosses, and when it does.

use core::marker::PhantomData;
use std::os::fd::BorrowedFd;

use shm_ring::{
    Consumer, Error, Item, MessageConsumer, MessageProducer, MessageRing, Options, Producer,
    Region, Ring, Threshold,
};

/// A kind of ring.
pub(crate) trait Rings: 'static {
    type Ring;
    type Producer;
    type Consumer;

    fn create(region: impl Into<Region>, options: &Options) -> Result<Self::Ring, Error>;
    fn open(region: impl Into<Region>, options: &Options) -> Result<Self::Ring, Error>;
    fn descriptor(ring: &Self::Ring) -> BorrowedFd<'_>;

    fn producer(ring: &Self::Ring) -> Result<Self::Producer, Error>;
    fn consumer(ring: &Self::Ring) -> Result<Self::Consumer, Error>;
    fn set_threshold(rx: &mut Self::Consumer, threshold: Option<Threshold>);
}

/// Rings of values.
pub(crate) struct Values<T>(PhantomData<T>);

/// Rings of messages.
pub(crate) struct Messages;

macro_rules! rings {
    ([$($generics:tt)*], $kind:ty, $ring:ty, $producer:ty, $consumer:ty) => {
        impl<$($generics)*> Rings for $kind {
            type Ring = $ring;
            type Producer = $producer;
            type Consumer = $consumer;

            fn create(region: impl Into<Region>, options: &Options) -> Result<$ring, Error> {
                <$ring>::create(region, options)
            }

            fn open(region: impl Into<Region>, options: &Options) -> Result<$ring, Error> {
                <$ring>::open_with(region, options)
            }

            fn descriptor(ring: &$ring) -> BorrowedFd<'_> {
                ring.descriptor()
            }

            fn producer(ring: &$ring) -> Result<$producer, Error> {
                ring.producer()
            }

            fn consumer(ring: &$ring) -> Result<$consumer, Error> {
                ring.consumer()
            }

            fn set_threshold(rx: &mut $consumer, threshold: Option<Threshold>) {
                rx.set_threshold(threshold);
            }
        }
    };
}

rings!([T: Item + 'static], Values<T>, Ring<T>, Producer<T>, Consumer<T>);
rings!([], Messages, MessageRing, MessageProducer, MessageConsumer);
