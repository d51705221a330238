//! Owns: waiting for any of several rings: one thread serves many and sleeps on all their bells. Knows nothing of: what
//! is carried; each end says itself what it waits for.

use core::fmt;
use core::time::Duration;
use std::io;

use self::sealed::Waited;
use crate::attachment::Side;
use crate::attachment::wait::{Ended, Timeout, Waitable, wait_until};
use crate::error::FORKED;
use crate::options::Wait;
use crate::protocol::bell::WORDS_MAX;
use crate::protocol::clock::Deadline;
use crate::protocol::interrupt::Interrupts;
use crate::protocol::layout::{NEVER, SidePage};
use crate::protocol::park::{self, SleepLimit, Sleeper};
use crate::protocol::session;
use crate::protocol::sync::Foreign;

/// The most rings that one [`wait_any`] can wait for: what the kernel lets a thread sleep on at once,
/// and one place for [`Interrupt`](crate::Interrupt).
///
/// ```
/// assert_eq!(shm_ring::WAIT_ANY_MAX, 127);
/// ```
pub const WAIT_ANY_MAX: usize = WORDS_MAX - 1;

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
    /// An [`Interrupt`](crate::Interrupt) of one of the ends came first.
    Interrupted,
    /// This process was forked from the one that attached, whose end one of them is: attach after forking.
    Forked,
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
            Self::Interrupted => f.write_str("the wait for several rings was interrupted"),
            Self::Forked => f.write_str(FORKED),
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
            // Not the kind of that name, at which std tries again.
            WaitAnyError::Interrupted => io::ErrorKind::Other,
            WaitAnyError::Forked => io::ErrorKind::PermissionDenied,
            WaitAnyError::Count { .. } => io::ErrorKind::InvalidInput,
        };
        Self::new(kind, error)
    }
}

/// A producer or a consumer of whatever: what [`wait_any`] takes. Sealed.
///
/// ```
/// # let ring = shm_ring::Ring::<u64>::create(shm_ring::Region::memfd("doc"), &Default::default())?;
/// # let (mut tx, mut rx) = (ring.producer()?, ring.consumer()?);
/// let ends: Vec<&mut dyn shm_ring::AnyEnd> = vec![&mut rx, &mut tx];
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait AnyEnd: Waited {}

impl<T: Waited> AnyEnd for T {}

pub(crate) mod sealed {
    use crate::attachment::Side;
    use crate::protocol::layout::SidePage;
    use crate::protocol::park::Sleeper;
    use crate::protocol::sync::Foreign;

    #[allow(private_interfaces, reason = "nobody can name this trait")]
    pub trait Waited {
        /// Whether what this end waits for is there, or its ring is corrupt.
        fn is_ready(&self) -> bool;
        /// Stays away from a ring that ran dry, or is full, for as long as a stream in which both sides are awake makes that
        /// worth it: whether it is ready then.
        fn stays_away(&mut self) -> bool {
            false
        }
        /// What it sleeps for, or once it has waited `long`: when that is reached it is ready.
        fn sleeper(&self, long: bool) -> Sleeper<'_>;
        fn mine(&self) -> &SidePage;
        fn theirs(&self) -> Foreign<'_, SidePage>;
        fn side(&self) -> &Side;
        /// Whether the end of the other side ends the wait too.
        fn ends_with_peer(&self) -> bool {
            true
        }
    }
}

/// The other side of an end, to be waited for by [`wait_any`] beside other ends: what
/// [`Consumer::wait_for_peer`](crate::Consumer::wait_for_peer) waits for. Made by
/// [`awaited_peer`](crate::Consumer::awaited_peer); by [`awaited_change`](crate::Consumer::awaited_change) for any change of it.
///
/// ```
/// use std::time::Duration;
/// use shm_ring::{WaitAnyError, wait_any};
/// # let ring = shm_ring::Ring::<u64>::create(shm_ring::Region::memfd("doc"), &Default::default())?;
/// let rx = ring.consumer()?;
/// let nobody = wait_any(&mut [&mut rx.awaited_peer()], Some(Duration::from_millis(1)));
/// assert_eq!(nobody, Err(WaitAnyError::TimedOut));
/// let tx = ring.producer()?;
/// assert_eq!(wait_any(&mut [&mut rx.awaited_peer()], None), Ok(0));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct AwaitedPeer<'a> {
    side: &'a Side,
    mine: &'a SidePage,
    theirs: Foreign<'a, SidePage>,
    /// What its words must differ from; else it is somebody who attaches that is waited for.
    known: Option<Known>,
}

/// What the words of a side say of it.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Known {
    session: u64,
    is_told: bool,
}

impl Known {
    fn of(theirs: Foreign<'_, SidePage>) -> Self {
        Self { session: session::number(theirs), is_told: session::is_told(theirs) }
    }
}

impl<'a> AwaitedPeer<'a> {
    pub(crate) fn of(side: &'a Side, mine: &'a SidePage, theirs: Foreign<'a, SidePage>) -> Self {
        Self { side, mine, theirs, known: None }
    }

    /// The other side, as somebody who is awaited for becoming another than it is now.
    pub(crate) fn changing(self) -> Self {
        Self { known: Some(Known::of(self.theirs)), ..self }
    }
}

impl fmt::Debug for AwaitedPeer<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AwaitedPeer").field("peer", &self.side.peer(self.theirs)).finish()
    }
}

#[allow(private_interfaces, reason = "nobody can name this trait")]
impl Waited for AwaitedPeer<'_> {
    fn is_ready(&self) -> bool {
        match self.known {
            None => self.side.has_new_peer(self.theirs),
            Some(known) => known != Known::of(self.theirs),
        }
    }

    fn sleeper(&self, _long: bool) -> Sleeper<'_> {
        match self.known {
            None => Sleeper::listener(self.theirs),
            // No record ends this sleep, but a death does.
            Some(_) => Sleeper::until(NEVER, false, self.mine, self.theirs),
        }
    }

    fn mine(&self) -> &SidePage {
        self.mine
    }

    fn theirs(&self) -> Foreign<'_, SidePage> {
        self.theirs
    }

    fn side(&self) -> &Side {
        self.side
    }

    fn ends_with_peer(&self) -> bool {
        false
    }
}

/// Waits until one of `ends` has something to say, and returns its index. Its next call then does not wait.
///
/// A consumer has a record, or a producer that is gone, or corruption. Its threshold is not looked at. A producer has the
/// room that its last call was in want of (or room for one value, or the shortest message), or a consumer that is gone, or
/// corruption. It is woken when as much is free as for a plain `push`. An [`AwaitedPeer`] has somebody who attached.
///
/// Of several the one is returned that was returned least recently, so none is kept waiting by another; one whose other
/// side is gone only if no other has something. It says so each time: leave it out from then on.
///
/// It waits by the most wakeful of their policies: the largest number of spins of any, and asleep only if none of
/// them is to spin for ever.
///
/// # Errors
/// [`WaitAnyError::TimedOut`] if `timeout` (`None`: for ever) is over; [`WaitAnyError::Interrupted`];
/// [`WaitAnyError::Count`].
///
/// ```
/// use std::time::Duration;
/// use shm_ring::{MessageRing, Options, Region, Ring, wait_any};
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let numbers = Ring::<u64>::create(Region::memfd("numbers"), &Options::new().items(1))?;
/// let texts = MessageRing::create(Region::memfd("texts"), &Options::new())?;
/// let (mut number, mut text) = (numbers.producer()?, texts.consumer()?);
/// number.push(1)?; // and no room for another
/// let mut tx = texts.producer()?;
/// tx.push(b"to the second")?;
/// assert_eq!(wait_any(&mut [&mut number, &mut text], Some(Duration::from_secs(1)))?, 1);
/// assert_eq!(text.try_pop()?, b"to the second");
/// assert_eq!(numbers.consumer()?.pop()?, 1);
/// assert_eq!(wait_any(&mut [&mut number, &mut text], Some(Duration::from_secs(1)))?, 0);
/// number.try_push(2)?;
/// # Ok(())
/// # }
/// ```
///
/// Needs Linux 5.16 to sleep on several bells; before that it looks every millisecond.
pub fn wait_any(
    ends: &mut [&mut dyn AnyEnd],
    timeout: Option<Duration>,
) -> Result<usize, WaitAnyError> {
    let count = ends.len();
    if count == 0 || count > WAIT_ANY_MAX {
        return Err(WaitAnyError::Count { count });
    }
    if ends.iter().any(|one| !one.side().is_ours()) {
        return Err(WaitAnyError::Forked);
    }
    let found = |ends: &[&mut dyn AnyEnd]| least_recent(ends, |one| one.is_ready());
    if let Some(index) = found(ends) {
        return Ok(answer(ends, index));
    }
    let timeout = Timeout::of_any(timeout);
    let mut watch = Several { ends: &*ends, gone: None };
    let ended = if timeout == Timeout::NONE {
        watch.ended()
    } else {
        let policies = ends.iter().map(|one| one.side().policy());
        let policy = policies.reduce(|one, other| Wait {
            spins: one.spins.max(other.spins),
            spin_for: one.spin_for.max(other.spin_for),
            yields: one.yields.max(other.yields),
            park: one.park && other.park,
        });
        wait_until(policy.unwrap_or_default(), timeout.deadline(), &mut watch)
    };
    // A record that was published before its producer went comes first.
    match (found(ends), watch.gone, ended) {
        (Some(index), ..) | (None, Some(index), Some(Ended::Closed)) => Ok(answer(ends, index)),
        (None, _, Some(ended @ Ended::Interrupted)) => {
            // It was a wait of each of them.
            ends.iter().for_each(|one| _ = one.side().told(one.mine(), ended));
            Err(WaitAnyError::Interrupted)
        }
        _ => Err(WaitAnyError::TimedOut),
    }
}

/// Of the ends of which `is_one` holds, the one that was answered least recently.
fn least_recent(ends: &[&mut dyn AnyEnd], is_one: impl Fn(&dyn AnyEnd) -> bool) -> Option<usize> {
    let ones = ends.iter().enumerate().filter(|(_, one)| is_one(&***one));
    ones.min_by_key(|(_, one)| one.side().answered()).map(|(index, _)| index)
}

/// Makes `index` the one that was answered most recently. The count is kept with the ends: the list may be another one
/// each time.
fn answer(ends: &[&mut dyn AnyEnd], index: usize) -> usize {
    let last = ends.iter().map(|one| one.side().answered()).max().unwrap_or(0);
    ends[index].side().set_answered(last + 1);
    index
}

struct Several<'a, 'b> {
    ends: &'a [&'b mut dyn AnyEnd],
    /// The one whose other side was found gone.
    gone: Option<usize>,
}

impl Several<'_, '_> {
    fn any(&self, is_one: impl Fn(&dyn AnyEnd) -> bool) -> bool {
        self.ends.iter().any(|one| is_one(&**one))
    }

    fn any_peer(&self, is_one: impl Fn(&Side, Foreign<'_, SidePage>) -> bool) -> bool {
        self.any(|one| one.ends_with_peer() && is_one(one.side(), one.theirs()))
    }

    /// Which end it was does not matter here: the next call on it says so.
    fn ended(&mut self) -> Option<Ended> {
        self.gone = least_recent(self.ends, |one| {
            one.ends_with_peer() && one.side().ended(one.theirs(), false).is_some()
        });
        self.gone.map(|_| Ended::Closed)
    }
}

/// A processor pause takes as long as this many looks, about.
const LOOKS_PER_PAUSE: u32 = 8;

impl Waitable for Several<'_, '_> {
    fn ready(&mut self) -> bool {
        self.any(|one| one.is_ready())
    }

    fn looks(&self) -> u32 {
        1 + self.ends.len() as u32 / LOOKS_PER_PAUSE
    }

    fn peer_has_changed(&mut self) -> bool {
        self.any_peer(Side::peer_has_changed)
    }

    fn known_gone(&mut self) -> bool {
        self.any_peer(Side::is_known_gone)
    }

    fn gone(&mut self) -> Option<Ended> {
        self.ended()
    }

    fn interrupted(&self) -> bool {
        self.any(|one| one.side().is_interrupted())
    }

    fn sleep(&mut self, long: bool, until: impl FnOnce(SleepLimit) -> Deadline) -> Option<Ended> {
        let ends = self.ends;
        let last_look = || match self.ready() {
            true => Some(None),
            // A record may have come before the end that is found here: `wait_any` looks again.
            false => self.ended().map(Some),
        };
        let are_up = || ends.iter().any(|one| one.side().is_interrupted());
        let interrupts =
            Interrupts { bell: ends.iter().find_map(|one| one.side().interrupts().bell), are_up };
        let sleepers = ends.iter().map(|one| one.sleeper(long));
        park::sleep::<WORDS_MAX, _>(sleepers, interrupts, last_look, until).flatten()
    }
}
