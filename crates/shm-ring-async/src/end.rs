//! Owns: [`End`], what the ends of all rings have in common for a task that waits: arming, looking again, disarming. Knows
//! nothing of: what they carry; tasks.

use shm_ring::{
    Armed, Consumer, Item, LatestReader, MessageConsumer, MessageProducer, Producer,
    UntypedConsumer, UntypedProducer, arm, disarm, is_armed, spins, stay_away,
};

pub(crate) mod sealed {
    use shm_ring::Armed;

    /// The three operations of sleeping, and what is done before.
    pub trait Sleeps {
        fn stay_away(&mut self) -> bool;
        fn spins(&self) -> bool;
        fn arm(&mut self, long: bool) -> Option<Armed>;
        fn is_armed(&self, long: bool) -> bool;
        fn disarm(&self);
    }
}

use sealed::Sleeps;

/// An end of a ring, or a reader of a latest value: what an [`Async`](crate::Async) is made of. Sealed.
///
/// ```
/// # use shm_ring::{MessageRing, Options, Ring};
/// use shm_ring_async::{Async, End};
/// fn by_the_engine_of_the_process<E: End>(end: E) -> Async<E> {
///     Async::new(end)
/// }
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let (tx, _) = Ring::<u64>::pair(&Options::new())?;
/// let (_, rx) = MessageRing::pair(&Options::new())?;
/// let (tx, rx) = (by_the_engine_of_the_process(tx), by_the_engine_of_the_process(rx));
/// # Ok(())
/// # }
/// ```
pub trait End: Sleeps + Unpin {}

macro_rules! end {
    ($([$($generics:tt)*] $end:ty;)*) => {$(
        impl<$($generics)*> Sleeps for $end {
            fn stay_away(&mut self) -> bool {
                stay_away(self)
            }

            fn spins(&self) -> bool {
                spins(self)
            }

            fn arm(&mut self, long: bool) -> Option<Armed> {
                arm(self, long)
            }

            fn is_armed(&self, long: bool) -> bool {
                is_armed(self, long)
            }

            fn disarm(&self) {
                disarm(self);
            }
        }

        impl<$($generics)*> End for $end {}
    )*};
}

end! {
    [T: Item] Consumer<T>;
    [T: Item] Producer<T>;
    [] MessageConsumer;
    [] MessageProducer;
    [] UntypedConsumer;
    [] UntypedProducer;
}

/// The writer does not know of its readers: there is nothing to disarm.
impl<T: Item> Sleeps for LatestReader<T> {
    fn stay_away(&mut self) -> bool {
        false
    }

    fn spins(&self) -> bool {
        false
    }

    fn arm(&mut self, _long: bool) -> Option<Armed> {
        LatestReader::arm(self)
    }

    fn is_armed(&self, _long: bool) -> bool {
        true
    }

    fn disarm(&self) {}
}

impl<T: Item> End for LatestReader<T> {}
