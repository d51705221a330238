//! The rings and ends of both kinds, by the names that they share.
//!
//! Owns: the impls of [`AnyRing`] and [`Rx`]. Knows nothing of: records.

use std::os::fd::BorrowedFd;

use shm_ring::{
    Consumer, Error, Item, MessageConsumer, MessageProducer, MessageRing, Options, Producer,
    Region, Ring, Threshold,
};

use super::{AnyRing, Rx};

macro_rules! ends {
    ([$($generics:tt)*], $ring:ty, $producer:ty, $consumer:ty) => {
        impl<$($generics)*> AnyRing for $ring {
            type Tx = $producer;
            type Rx = $consumer;

            fn open(region: impl Into<Region>) -> Result<Self, Error> {
                <$ring>::open(region)
            }

            fn open_with(region: impl Into<Region>, options: &Options) -> Result<Self, Error> {
                <$ring>::open_with(region, options)
            }

            fn producer(&self) -> Result<$producer, Error> {
                <$ring>::producer(self)
            }

            fn consumer(&self) -> Result<$consumer, Error> {
                <$ring>::consumer(self)
            }

            fn descriptor(&self) -> BorrowedFd<'_> {
                <$ring>::descriptor(self)
            }

            fn limit_bytes(&self) -> usize {
                <$ring>::limit_bytes(self)
            }
        }

        impl<$($generics)*> Rx for $consumer {
            fn set_threshold(&mut self, threshold: Option<Threshold>) {
                <$consumer>::set_threshold(self, threshold);
            }
        }
    };
}

ends!([T: Item + Send + 'static], Ring<T>, Producer<T>, Consumer<T>);
ends!([], MessageRing, MessageProducer, MessageConsumer);
