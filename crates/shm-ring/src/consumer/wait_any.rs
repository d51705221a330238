//! Owns: waiting for any of several rings: one thread serves many and sleeps on all their bells. Knows nothing of: what
//! is carried.

use core::fmt;
use core::time::Duration;
use std::io;

use super::{Consumer, MessageConsumer, Receiver};
use crate::attachment::Side;
use crate::attachment::wait::{Ended, Timeout, Waitable, wait_until};
use crate::item::Item;
use crate::options::Wait;
use crate::protocol::barrier;
use crate::protocol::bell::{self, Sleep};
use crate::protocol::clock::Deadline;
use crate::protocol::layout::{Counters, SidePage};
use crate::protocol::park::{self, SleepLimit};
use crate::protocol::session::{Liveness, liveness};
use crate::protocol::sync::Foreign;

/// The most rings that one [`wait_any`] can wait for: what the kernel lets a thread sleep on at once.
///
/// ```
/// assert_eq!(shm_ring::WAIT_ANY_MAX, 128);
/// ```
pub const WAIT_ANY_MAX: usize = bell::ANY_MAX;

/// Why a wait for several rings ended without one.
///
/// ```
/// let none = shm_ring::wait_any(&mut [], None);
/// assert_eq!(none, Err(shm_ring::WaitAnyError::Count { count: 0 }));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum WaitAnyError {
    /// Nothing came until the deadline.
    TimedOut,
    /// No rings, or more than [`WAIT_ANY_MAX`].
    Count {
        /// How many there were.
        count: usize,
    },
}

impl fmt::Display for WaitAnyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TimedOut => f.write_str("none of the rings had anything until the deadline"),
            Self::Count { count } => write!(
                f,
                "{count} rings, and one wait takes 1 to {WAIT_ANY_MAX}: share them among threads"
            ),
        }
    }
}

impl std::error::Error for WaitAnyError {}

impl From<WaitAnyError> for io::Error {
    fn from(error: WaitAnyError) -> Self {
        let kind = match error {
            WaitAnyError::TimedOut => io::ErrorKind::TimedOut,
            WaitAnyError::Count { .. } => io::ErrorKind::InvalidInput,
        };
        Self::new(kind, error)
    }
}

/// A consumer of whatever: what [`wait_any`] takes. Sealed.
///
/// ```
/// # let ring = shm_ring::Ring::<u64>::create(shm_ring::Region::memfd("doc"), &Default::default())?;
/// # let (mut tx, mut rx) = (ring.producer()?, ring.consumer()?);
/// let rings: Vec<&mut dyn shm_ring::AnyConsumer> = vec![&mut rx];
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait AnyConsumer: sealed::Waited {}

impl<T: Item> AnyConsumer for Consumer<T> {}
impl AnyConsumer for MessageConsumer {}

mod sealed {
    use super::{Foreign, Side, SidePage};

    #[allow(private_interfaces, reason = "nobody can name this trait")]
    pub trait Waited {
        /// Whether there is something at the head, be it corrupt.
        fn has_changed(&self) -> bool;
        /// The tail by which there is.
        fn first(&self) -> u64;
        fn mine(&self) -> &SidePage;
        fn theirs(&self) -> Foreign<'_, SidePage>;
        fn side(&self) -> &Side;
        /// Asks whether the producer is gone.
        fn gone(&mut self) -> bool;
    }
}

macro_rules! waited {
    ([$($generics:tt)*], $consumer:ty) => {
        #[allow(private_interfaces, reason = "nobody can name this trait")]
        impl<$($generics)*> sealed::Waited for $consumer {
            fn has_changed(&self) -> bool {
                let Receiver { head, map, .. } = &self.inner;
                head.has_changed(map.theirs())
            }

            fn first(&self) -> u64 {
                self.inner.first()
            }

            fn mine(&self) -> &SidePage {
                self.inner.map.mine()
            }

            fn theirs(&self) -> Foreign<'_, SidePage> {
                self.inner.map.theirs()
            }

            fn side(&self) -> &Side {
                &self.inner.side
            }

            fn gone(&mut self) -> bool {
                let Receiver { side, map, .. } = &mut self.inner;
                side.gone(map.theirs()).is_some()
            }
        }
    };
}

waited!([T: Item], Consumer<T>);
waited!([], MessageConsumer);

/// Waits until one of `consumers` has something to say: a record, corruption, or a producer that is
/// gone; its index is returned, the lowest if there are several. Its next `pop` does not wait.
///
/// It waits by the most wakeful of their policies: the most spins of any, and asleep only if none of
/// them is to spin for ever. A ring whose producer is gone says so each time: leave it out from then on.
/// Thresholds are not looked at.
///
/// # Errors
/// [`WaitAnyError::TimedOut`] if `timeout` (`None`: for ever) is over; [`WaitAnyError::Count`].
///
/// ```
/// use std::time::Duration;
/// use shm_ring::{MessageRing, Options, Region, Ring, wait_any};
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let numbers = Ring::<u64>::create(Region::memfd("numbers"), &Options::new())?;
/// let texts = MessageRing::create(Region::memfd("texts"), &Options::new())?;
/// let (mut number, mut text) = (numbers.consumer()?, texts.consumer()?);
/// let mut tx = texts.producer()?;
/// tx.push(b"to the second")?;
/// assert_eq!(wait_any(&mut [&mut number, &mut text], Some(Duration::from_secs(1)))?, 1);
/// assert_eq!(text.try_pop()?, b"to the second");
/// # Ok(())
/// # }
/// ```
///
/// Needs Linux 5.16 to sleep on several bells; before that it looks every millisecond.
pub fn wait_any(
    consumers: &mut [&mut dyn AnyConsumer],
    timeout: Option<Duration>,
) -> Result<usize, WaitAnyError> {
    let count = consumers.len();
    if count == 0 || count > WAIT_ANY_MAX {
        return Err(WaitAnyError::Count { count });
    }
    let found =
        |consumers: &[&mut dyn AnyConsumer]| consumers.iter().position(|one| one.has_changed());
    if let Some(index) = found(consumers) {
        return Ok(index);
    }
    let policies = consumers.iter().map(|one| one.side().policy());
    let policy = policies.reduce(|one, other| Wait {
        spins: one.spins.max(other.spins),
        yields: one.yields.max(other.yields),
        park: one.park && other.park,
    });
    let deadline = timeout.map_or(Timeout::FOREVER, Timeout::of).deadline();
    let mut watch = Several { consumers, gone: None };
    let ended = wait_until(policy.unwrap_or_default(), deadline, &mut watch);
    // A record that was published before its producer went comes first.
    match (found(watch.consumers), watch.gone, ended) {
        (Some(index), ..) | (None, Some(index), Some(Ended::Closed)) => Ok(index),
        _ => Err(WaitAnyError::TimedOut),
    }
}

struct Several<'a, 'b> {
    consumers: &'a mut [&'b mut dyn AnyConsumer],
    /// The one whose producer was found gone.
    gone: Option<usize>,
}

impl Waitable for Several<'_, '_> {
    fn ready(&mut self) -> bool {
        self.consumers.iter().any(|one| one.has_changed())
    }

    fn peer_has_changed(&mut self) -> bool {
        self.consumers.iter().any(|one| one.side().peer_has_changed(one.theirs()))
    }

    fn known_gone(&mut self) -> bool {
        self.consumers.iter().any(|one| one.side().is_known_gone(one.theirs()))
    }

    /// Which end it was does not matter here: the consumer's own `pop` says it.
    fn gone(&mut self) -> Option<Ended> {
        self.gone = self.consumers.iter_mut().position(|one| one.gone());
        self.gone.map(|_| Ended::Closed)
    }

    fn sleep(&mut self, until: impl FnOnce(SleepLimit) -> Deadline) -> Option<Ended> {
        let lives: Vec<_> = self.consumers.iter().map(|one| liveness(one.theirs())).collect();
        let counts: Vec<u32> = self
            .consumers
            .iter()
            .map(|one| park::arm(one.mine(), one.theirs(), one.first()))
            .collect();
        let relied_on = self.consumers.iter().any(|one| park::relies_on_sleepers(one.theirs()));
        let whole = barrier::heavy(relied_on); // edges `park`, `bell`, for all of them
        let ended = if self.ready() { None } else { self.gone() };
        if ended.is_none() && !self.ready() {
            let each = || self.consumers.iter().map(|one| one.theirs());
            let bells = each()
                .zip(counts)
                .map(|(theirs, count)| theirs.map(|page| &page.bell.0).while_at(count));
            let watched = each().zip(&lives).filter_map(|(theirs, life)| match life {
                Liveness::Monitored(value) => {
                    Some(Sleep { word: theirs.map(|page| &page.liveness.0), value: *value })
                }
                Liveness::Untold | Liveness::Told => None,
            });
            for one in self.consumers.iter() {
                Counters::count(&one.mine().counters.0.sleeps);
            }
            // With more rings than the kernel has places for both words of each, slices tell of the
            // deaths of the last ones.
            let words = bells.chain(watched).take(WAIT_ANY_MAX);
            bell::wait_any(words, until(SleepLimit::of(whole, lives.contains(&Liveness::Told))));
        }
        for one in self.consumers.iter() {
            park::disarm(one.mine());
        }
        ended
    }
}
