//! Rings of values and rings of messages in the same words.
//!
//! Owns: how either is opened, how its ends are taken, and what all ends answer.
//! Knows nothing of: records.

use std::fmt::Debug;
use std::marker::PhantomData;

use shm_ring::{
    AnyEnd, Consumer, Error, Item, MessageConsumer, MessageProducer, MessageRing, Options, Peer,
    Producer, Region, Ring, Threshold, Wait,
};

/// What every end answers.
pub trait End: Debug {
    fn session(&self) -> u64;
    fn peer(&self) -> Peer;
    fn set_wait(&mut self, wait: Wait);
    fn close(self);
}

macro_rules! end {
    ([$($generics:tt)*], $end:ty) => {
        impl<$($generics)*> End for $end {
            fn session(&self) -> u64 {
                self.session()
            }

            fn peer(&self) -> Peer {
                self.peer()
            }

            fn set_wait(&mut self, wait: Wait) {
                self.set_wait(wait);
            }

            fn close(self) {
                self.close();
            }
        }
    };
}

end!([T: Item], Producer<T>);
end!([T: Item], Consumer<T>);
end!([], MessageProducer);
end!([], MessageConsumer);

/// An end that reads.
pub trait Reads: End + AnyEnd + Sized {
    fn set_threshold(&mut self, threshold: Option<Threshold>);
}

impl<T: Item> Reads for Consumer<T> {
    fn set_threshold(&mut self, threshold: Option<Threshold>) {
        self.set_threshold(threshold);
    }
}

impl Reads for MessageConsumer {
    fn set_threshold(&mut self, threshold: Option<Threshold>) {
        self.set_threshold(threshold);
    }
}

/// What a ring carries.
pub trait Kind {
    type Ring: Debug;
    type Tx: End;
    type Rx: Reads;

    fn open(region: Region, options: &Options) -> Result<Self::Ring, Error>;
    fn producer(ring: &Self::Ring) -> Result<Self::Tx, Error>;
    fn consumer(ring: &Self::Ring) -> Result<Self::Rx, Error>;
}

/// Values of one type.
pub struct Values<T>(PhantomData<T>);

/// Messages.
pub struct Messages;

impl<T: Item> Kind for Values<T> {
    type Ring = Ring<T>;
    type Tx = Producer<T>;
    type Rx = Consumer<T>;

    fn open(region: Region, options: &Options) -> Result<Ring<T>, Error> {
        Ring::open_with(region, options)
    }

    fn producer(ring: &Ring<T>) -> Result<Producer<T>, Error> {
        ring.producer()
    }

    fn consumer(ring: &Ring<T>) -> Result<Consumer<T>, Error> {
        ring.consumer()
    }
}

impl Kind for Messages {
    type Ring = MessageRing;
    type Tx = MessageProducer;
    type Rx = MessageConsumer;

    fn open(region: Region, options: &Options) -> Result<MessageRing, Error> {
        MessageRing::open_with(region, options)
    }

    fn producer(ring: &MessageRing) -> Result<MessageProducer, Error> {
        ring.producer()
    }

    fn consumer(ring: &MessageRing) -> Result<MessageConsumer, Error> {
        ring.consumer()
    }
}
