//! What both ends share, whatever they carry: attaching, asking about the other side, waiting,
//! closing. It must not know about records.

use core::time::Duration;
use std::sync::{Arc, OnceLock};

use crate::barrier;
use crate::clock::Moment;
use crate::cursor::Shape;
use crate::gate::{self, Gate};
use crate::layout::{Counters, FENCE_MODE_MEMBARRIER, NEVER, SidePage};
use crate::lease::Lease;
use crate::mirror::Role;
use crate::options::Wait;
use crate::region::Backing;
use crate::session::{self, Life};
use crate::sync::{Foreign, Ordering};

/// What is known about the other side of a ring.
///
/// A process that is stopped is alive. Neither `Closed` nor `Dead` is final: another process may
/// take the role, and then the session number is another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Peer {
    /// Nobody has attached yet.
    Absent,
    /// Somebody holds the role.
    Alive {
        /// The number of the attachment: odd.
        session: u64,
        /// The process id that it wrote down, for display: it may mean nothing in our namespace.
        pid: u32,
    },
    /// The last holder closed in order.
    Closed {
        /// The number of the attachment, plus one: even.
        session: u64,
    },
    /// The last holder died.
    Dead {
        /// The number of the attachment: odd.
        session: u64,
        /// The process id that it wrote down, for display.
        pid: u32,
    },
}

/// Why a wait ended without what was waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    TimedOut,
    Closed,
    PeerDead,
}

/// When a wait gives up.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Patience {
    Forever,
    For(Duration),
    Until(Moment),
}

impl Patience {
    /// Fixes the deadline on first use: waits that never come to wait read no clock.
    pub(crate) fn deadline(&mut self) -> Moment {
        let deadline = match *self {
            Self::Forever => Moment::END_OF_TIME,
            Self::For(duration) => Moment::now().plus(duration),
            Self::Until(moment) => moment,
        };
        *self = Self::Until(deadline);
        deadline
    }
}

/// What a side sleeps for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ask {
    /// The other side's position that ends the sleep.
    pub(crate) wake_at: u64,
    /// Whether the other side must hear of it if it sleeps too: see [`Gate::park`].
    pub(crate) bid: bool,
    pub(crate) deadline: Moment,
}

/// A sleep is cut into slices, so that a peer that died between publishing and ringing is noticed.
const SLICE: Duration = Duration::from_millis(100);
/// The slice where the waker relies on a membarrier that cannot be had here.
const SHORT_SLICE: Duration = Duration::from_millis(1);
/// Looks at the ring for each glance at the peer's session word.
const LOOKS_PER_GLANCE: u32 = 64;
/// Looks at the ring for each look at the clock.
const LOOKS_PER_CLOCK: u32 = 1024;

/// The part of an attachment that the hot path does not touch.
pub(crate) struct Side {
    role: Role,
    lease: Lease,
    session: u64,
    /// The process that attached. A forked child has a copy of all this and owns none of it.
    process: u32,
    wait: Wait,
    pub(crate) shape: Shape,
    /// The peer's session when it was last asked about.
    seen: u64,
    /// The peer's session, if it was closed or dead when it was last asked about.
    gone: Option<u64>,
    _backing: Arc<Backing>,
}

impl Side {
    /// Opens a session: the lease is held and the position has been recovered.
    pub(crate) fn open(
        role: Role,
        lease: Lease,
        shape: Shape,
        wait: Wait,
        backing: Arc<Backing>,
        mine: &SidePage,
        theirs: Foreign<'_, SidePage>,
    ) -> (Self, Gate) {
        let relies = barrier::waker_may_rely_on_membarrier();
        let process = std::process::id();
        // Asked now, so that no wait has to read a file.
        one_processor();
        let life = &mine.life.0;
        life.fence_mode.store(if relies { FENCE_MODE_MEMBARRIER } else { 0 }, Ordering::Relaxed);
        life.pid.store(process, Ordering::Relaxed);
        // A holder that was killed asleep left this set.
        mine.wake_at.0.swap(NEVER, Ordering::Relaxed);
        let session = session::open(mine);
        gate::ring(mine);
        let seen = session::number(theirs);
        let side = Self {
            role,
            lease,
            session,
            process,
            wait,
            shape,
            seen,
            gone: None,
            _backing: backing,
        };
        (side, Gate::new(relies))
    }

    /// Closes the session in order. The lease goes when this value does.
    pub(crate) fn close(&self, mine: &SidePage) {
        if std::process::id() == self.process {
            session::close(mine, self.session);
            gate::ring(mine);
        }
    }

    pub(crate) fn set_wait(&mut self, wait: Wait) {
        self.wait = wait;
    }

    pub(crate) fn session(&self) -> u64 {
        self.session
    }

    pub(crate) fn peer(&self, theirs: Foreign<'_, SidePage>) -> Peer {
        let (life, session) = self.look(theirs);
        let pid = theirs.map(|page| &page.life.0.pid).relaxed();
        match life {
            Life::Absent => Peer::Absent,
            Life::Alive => Peer::Alive { session, pid },
            Life::Closed => Peer::Closed { session },
            Life::Dead => Peer::Dead { session, pid },
        }
    }

    fn look(&self, theirs: Foreign<'_, SidePage>) -> (Life, u64) {
        session::look(theirs, || self.lease.is_held(self.role.peer()))
    }

    /// Asks whether the peer is gone for good, as far as anyone can tell now.
    fn gone(&mut self, theirs: Foreign<'_, SidePage>) -> Option<Ended> {
        let (life, session) = self.look(theirs);
        let ended = match life {
            Life::Closed => Some(Ended::Closed),
            Life::Dead => Some(Ended::PeerDead),
            Life::Absent | Life::Alive => None,
        };
        self.seen = session;
        self.gone = ended.map(|_| session);
        ended
    }

    fn spins(&self) -> u32 {
        let Wait { spins, yields, park } = self.wait;
        if (park || yields > 0) && one_processor() { 0 } else { spins }
    }

    /// Waits until `ready`, by the side's waiting policy. `reached` is the condition that the
    /// waker rings for: when it holds there is no sleep, and it implies `ready`.
    pub(crate) fn wait(
        &mut self,
        gate: &Gate,
        mine: &SidePage,
        theirs: Foreign<'_, SidePage>,
        ask: Ask,
        mut ready: impl FnMut() -> bool,
        reached: impl FnMut() -> bool,
    ) -> Result<(), Ended> {
        Counters::count(&mine.counters.0.stalls);
        match self.wait_for_end(gate, mine, theirs, ask, &mut ready, reached) {
            // What the peer published before it went is still there to be taken.
            Some(ended) if !ready() => Err(ended),
            _ => Ok(()),
        }
    }

    /// `None` when ready, else why the wait is over.
    fn wait_for_end(
        &mut self,
        gate: &Gate,
        mine: &SidePage,
        theirs: Foreign<'_, SidePage>,
        ask: Ask,
        ready: &mut impl FnMut() -> bool,
        mut reached: impl FnMut() -> bool,
    ) -> Option<Ended> {
        let spins = self.spins();
        let before_park = spins.saturating_add(self.wait.yields);
        let mut looks = 0;
        let mut slice_end = Moment::now().plus(SLICE);
        // Gone when last asked and not followed by anyone since: that has not changed.
        let mut ask_about_peer = self.gone == Some(session::number(theirs));
        loop {
            if ask_about_peer {
                let ended = self.gone(theirs);
                if ended.is_some() {
                    return ended;
                }
            }
            if ready() {
                return None;
            }
            let mut look_at_clock = false;
            if looks < before_park {
                if looks < spins {
                    core::hint::spin_loop()
                } else {
                    std::thread::yield_now()
                }
                looks += 1;
                look_at_clock = looks % LOOKS_PER_CLOCK == 0;
            }
            if looks == before_park {
                look_at_clock = true;
                if self.wait.park {
                    let deadline = ask.deadline.min(slice_end);
                    let last_look = || match reached() {
                        true => Some(None),
                        false => self.gone(theirs).map(Some),
                    };
                    let until = |short: bool| match short {
                        true => deadline.min(Moment::now().plus(SHORT_SLICE)),
                        false => deadline,
                    };
                    let found = gate.park(mine, theirs, ask.wake_at, ask.bid, last_look, until);
                    if let Some(Some(ended)) = found {
                        return Some(ended);
                    }
                } else {
                    looks = 0;
                }
            }
            // A new odd number is somebody who attached: no reason to ask the kernel.
            let number = session::number(theirs);
            ask_about_peer =
                looks % LOOKS_PER_GLANCE == 0 && number != self.seen && number % 2 == 0;
            if look_at_clock {
                let now = Moment::now();
                if now >= ask.deadline {
                    return Some(Ended::TimedOut);
                }
                if now >= slice_end {
                    slice_end = now.plus(SLICE);
                    ask_about_peer = true;
                }
            }
        }
    }
}

/// Whether the machine has one processor: then the peer cannot move while we spin. The processors
/// that we may use say nothing, since the peer is often pinned to another one.
fn one_processor() -> bool {
    static ONE: OnceLock<bool> = OnceLock::new();
    *ONE.get_or_init(|| {
        let online = std::fs::read_to_string("/sys/devices/system/cpu/online");
        online.is_ok_and(|list| !list.contains(['-', ',']))
    })
}
