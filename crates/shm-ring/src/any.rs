//! Waiting for any of several rings: one thread serves many and sleeps on all their bells. It must not
//! know what is carried.

use core::fmt;
use core::time::Duration;
use std::io;

use crate::barrier;
use crate::clock::Moment;
use crate::endpoint::{Consumer, Ended, Patience, Side, Watch, for_end};
use crate::futex::{self, Sleep};
use crate::gate::{self, Nap};
use crate::item::Payload;
use crate::layout::{Counters, SidePage};
use crate::options::Wait;
use crate::session::{Liveness, liveness};
use crate::sync::Foreign;

/// The most rings that one [`wait_any`] can wait for: what the kernel lets a thread sleep on at once.
///
/// ```
/// assert_eq!(shm_ring::WAIT_ANY_MAX, 128);
/// ```
pub const WAIT_ANY_MAX: usize = futex::ANY_MAX;

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
/// # let ring = shm_ring::Ring::<u64>::create(shm_ring::Region::memfd("doc"), Default::default())?;
/// # let (mut tx, mut rx) = (ring.producer()?, ring.consumer()?);
/// let rings: Vec<&mut dyn shm_ring::AnyConsumer> = vec![&mut rx];
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait AnyConsumer: sealed::Watched {}

impl<P: Payload + ?Sized> AnyConsumer for Consumer<P> {}

mod sealed {
    use super::{Foreign, Side, SidePage};

    #[allow(private_interfaces, reason = "nobody can name this trait")]
    pub trait Watched {
        /// Whether there is something at the head, be it corrupt.
        fn stirs(&self) -> bool;
        /// The tail by which there is.
        fn first(&self) -> u64;
        fn mine(&self) -> &SidePage;
        fn theirs(&self) -> Foreign<'_, SidePage>;
        fn side(&self) -> &Side;
        /// Asks whether the producer is gone.
        fn gone(&mut self) -> bool;
    }
}

#[allow(private_interfaces, reason = "nobody can name this trait")]
impl<P: Payload + ?Sized> sealed::Watched for Consumer<P> {
    fn stirs(&self) -> bool {
        self.head.stirs(&self.slots.area())
    }

    fn first(&self) -> u64 {
        Self::first(self)
    }

    fn mine(&self) -> &SidePage {
        self.slots.mine()
    }

    fn theirs(&self) -> Foreign<'_, SidePage> {
        self.slots.theirs()
    }

    fn side(&self) -> &Side {
        &self.side
    }

    fn gone(&mut self) -> bool {
        let theirs = self.slots.theirs();
        self.side.gone(theirs).is_some()
    }
}

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
/// use shm_ring::{Options, Region, Ring, wait_any};
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let numbers = Ring::<u64>::create(Region::memfd("numbers"), Options::new())?;
/// let texts = Ring::<[u8]>::create(Region::memfd("texts"), Options::new())?;
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
    let found = |consumers: &[&mut dyn AnyConsumer]| consumers.iter().position(|one| one.stirs());
    if let Some(index) = found(consumers) {
        return Ok(index);
    }
    let policies = consumers.iter().map(|one| one.side().policy());
    let policy = policies.reduce(|one, other| Wait {
        spins: one.spins.max(other.spins),
        yields: one.yields.max(other.yields),
        park: one.park && other.park,
    });
    let deadline = timeout.map_or(Patience::FOREVER, Patience::of).deadline();
    let mut watch = Several { consumers, gone: None };
    let ended = for_end(policy.unwrap_or_default(), deadline, &mut watch);
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

impl Watch for Several<'_, '_> {
    fn ready(&mut self) -> bool {
        self.consumers.iter().any(|one| one.stirs())
    }

    fn stirred(&mut self) -> bool {
        self.consumers.iter().any(|one| one.side().peer_stirred(one.theirs()))
    }

    fn known_gone(&mut self) -> bool {
        self.consumers.iter().any(|one| one.side().is_known_gone(one.theirs()))
    }

    /// Which end it was does not matter here: the consumer's own `pop` says it.
    fn gone(&mut self) -> Option<Ended> {
        self.gone = self.consumers.iter_mut().position(|one| one.gone());
        self.gone.map(|_| Ended::Closed)
    }

    fn sleep(&mut self, until: impl FnOnce(Nap) -> Moment) -> Option<Ended> {
        let lives: Vec<_> = self.consumers.iter().map(|one| liveness(one.theirs())).collect();
        let counts: Vec<u32> = self
            .consumers
            .iter()
            .map(|one| gate::lie_down(one.mine(), one.theirs(), one.first()))
            .collect();
        let relied_on = self.consumers.iter().any(|one| gate::relies_on_sleepers(one.theirs()));
        let whole = barrier::heavy(relied_on); // edges `park`, `bell`, for all of them
        let ended = if self.ready() { None } else { self.gone() };
        if ended.is_none() && !self.ready() {
            let each = || self.consumers.iter().map(|one| one.theirs());
            let bells = each()
                .zip(counts)
                .map(|(theirs, count)| theirs.map(|page| &page.bell.0).while_at(count));
            let watched = each().zip(&lives).filter_map(|(theirs, life)| match life {
                Liveness::Watched(value) => {
                    Some(Sleep { word: theirs.map(|page| &page.liveness.0), value: *value })
                }
                Liveness::Untold | Liveness::Told => None,
            });
            for one in self.consumers.iter() {
                Counters::count(&one.mine().counters.0.parks);
            }
            // With more rings than the kernel has places for both words of each, slices tell of the
            // deaths of the last ones.
            let words = bells.chain(watched).take(WAIT_ANY_MAX);
            futex::wait_any(words, until(Nap::of(whole, lives.contains(&Liveness::Told))));
        }
        for one in self.consumers.iter() {
            gate::rise(one.mine());
        }
        ended
    }
}
