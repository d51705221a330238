//! Owns: what both ends share, whatever they carry: attaching, asking about the other side, waiting, closing. Knows
//! nothing of: records; `producer` and `consumer` do.

pub(crate) mod backoff;
pub(crate) mod interrupt;
pub(crate) mod wait;
pub(crate) mod wait_any;

use self::interrupt::Interrupt;
use self::wait::{Ended, WaitRequest, Waitable};

use std::cell::{Cell, OnceCell};
use std::sync::Arc;

use crate::options::{Options, Wait};
use crate::peer::Peer;
use crate::protocol::barrier;
use crate::protocol::bell::SLICE;
use crate::protocol::clock::Deadline;
use crate::protocol::interrupt::{Flag, Interrupts, bell};
use crate::protocol::layout::{Counters, FENCE_MODE_FENCE, FENCE_MODE_MEMBARRIER, NEVER, SidePage};
use crate::protocol::park::{self, Gate, SleepLimit, Sleeper};
use crate::protocol::record::RecordLayout;
use crate::protocol::session::{self, Life};
use crate::protocol::sync::{Foreign, Ordering};
use crate::region::Backing;
use crate::region::lease::Lease;
use crate::role::Role;

/// The part of an attachment that the hot path does not touch.
pub(crate) struct Side {
    role: Role,
    lease: Lease,
    session: u64,
    wait: Wait,
    pub(crate) layout: RecordLayout,
    /// The peer's session when it was last asked about.
    seen: Cell<u64>,
    /// The peer's session, if it was closed or dead when it was last asked about.
    gone: Cell<Option<u64>>,
    /// When it was last asked about.
    asked: Cell<Deadline>,
    /// For [`wait_any`](wait_any::wait_any): how recently it has answered with this end, by a count of its own.
    answered: Cell<u64>,
    /// Once a handle was asked for.
    interrupt: OnceCell<Arc<Flag>>,
    backing: Arc<Backing>,
}

impl Side {
    /// Opens a session: the lease is held and the position has been recovered. `liveness` is by what
    /// the kernel will know that this side died, or 0.
    #[expect(
        clippy::too_many_arguments,
        reason = "one value of each kind, named at the two callers"
    )]
    pub(crate) fn open(
        role: Role,
        lease: Lease,
        layout: RecordLayout,
        options: &Options,
        backing: Arc<Backing>,
        mine: &SidePage,
        theirs: Foreign<'_, SidePage>,
        liveness: u32,
    ) -> (Self, Gate) {
        let relies = options.membarrier && barrier::waker_may_rely_on_membarrier();
        let fence_mode = match (options.membarrier, relies) {
            (false, _) => FENCE_MODE_FENCE,
            (true, true) => FENCE_MODE_MEMBARRIER,
            (true, false) => 0,
        };
        wait::prepare();
        let life = &mine.life.0;
        life.fence_mode.store(fence_mode, Ordering::Relaxed);
        life.pid.store(std::process::id(), Ordering::Relaxed);
        if role == Role::Producer {
            session::bury(mine);
        }
        session::name_thread(mine, liveness);
        // A holder that was killed asleep left this set.
        mine.park.0.wake_at.swap(NEVER, Ordering::Relaxed);
        if role == Role::Producer {
            session::begin(mine);
        }
        let session = session::open(mine);
        park::ring(mine);
        let seen = session::number(theirs);
        let side = Self {
            role,
            lease,
            session,
            wait: options.wait,
            layout,
            seen: Cell::new(seen),
            gone: Cell::new(None),
            asked: Cell::new(Deadline::now()),
            answered: Cell::new(0),
            interrupt: OnceCell::new(),
            backing,
        };
        // A peer that had gone before we came gives no further sign: who spins, and never for as long as
        // a slice, would not ask.
        side.gone(theirs);
        (side, Gate::new(relies))
    }

    /// Closes the session in order, or, if the thread unwinds, ends it as a death does. The lease goes when this value does.
    pub(crate) fn close(&self, mine: &SidePage) {
        // A forked child has a copy of all this and owns none of it.
        if !self.is_ours() {
            return;
        }
        if std::thread::panicking() {
            // Half a stream must not look whole.
            session::die(mine);
            park::ring(mine);
        } else {
            session::close(mine, self.session);
            park::ring(mine);
            mine.liveness.0.store(0, Ordering::Relaxed);
        }
    }

    pub(crate) fn set_wait(&mut self, wait: Wait) {
        self.wait = wait;
    }

    pub(crate) fn session(&self) -> u64 {
        self.session
    }

    pub(crate) fn has_lost_its_name(&self) -> bool {
        self.backing.has_lost_its_name()
    }

    pub(crate) fn peer(&self, theirs: Foreign<'_, SidePage>) -> Peer {
        let (life, session) = self.look(theirs);
        let pid = theirs.map(|page| &page.life.0.pid).relaxed();
        Peer::of(life, session, pid)
    }

    /// Whether the other role has a session that was not found at its end.
    pub(crate) fn has_new_peer(&self, theirs: Foreign<'_, SidePage>) -> bool {
        session::number(theirs) != self.gone.get().unwrap_or(0)
    }

    /// Sleeps until the other role has a session that was not found at its end, even if it is over by now, or until
    /// `deadline`: how things stand then. Whoever attaches rings; one that is killed before it does is found at the end of a slice.
    pub(crate) fn await_peer(&self, theirs: Foreign<'_, SidePage>, deadline: Deadline) -> Peer {
        loop {
            let last_look = || {
                let is_over = self.has_new_peer(theirs) || Deadline::now() >= deadline;
                let is_over = is_over || !self.is_ours();
                // An end that this returns is no news the next time.
                is_over.then(|| _ = self.gone(theirs))
            };
            let until = |_| deadline.min(Deadline::now().plus(SLICE));
            let listener = core::iter::once(Sleeper::listener(theirs));
            let over = park::sleep::<2, _>(listener, self.interrupts(), last_look, until);
            if over.is_some() {
                return self.peer(theirs);
            }
            if self.is_interrupted() {
                self.told(Ended::Interrupted);
                return self.peer(theirs);
            }
        }
    }

    fn look(&self, theirs: Foreign<'_, SidePage>) -> (Life, u64) {
        // In a child there is nobody to ask about.
        session::look(theirs, || self.is_ours() && self.lease.is_held(self.role.peer()))
    }

    /// Whether this process is the one that attached: a load. A child finds zeros where the other side's page was, and so
    /// asks for a wake-up with its first push or pop, which is where it learns of this.
    #[inline]
    pub(crate) fn is_ours(&self) -> bool {
        self.lease.is_ours()
    }

    /// Asks whether the peer is gone for good, as far as anyone can tell now.
    pub(crate) fn gone(&self, theirs: Foreign<'_, SidePage>) -> Option<Ended> {
        let (life, session) = self.look(theirs);
        let ended = match life {
            Life::Closed => Some(Ended::Closed),
            Life::Dead { .. } => Some(Ended::PeerDead),
            Life::Absent | Life::Attaching | Life::Alive => None,
        };
        self.seen.set(session);
        self.gone.set(ended.map(|_| session));
        self.asked.set(Deadline::now());
        ended
    }

    /// [`gone`](Self::gone), which costs a system call only if the peer's words leave it open: not while it has a session
    /// of which the kernel will tell, and it was asked about less than a slice ago. A word that lies is found out then.
    pub(crate) fn ended(&self, theirs: Foreign<'_, SidePage>) -> Option<Ended> {
        let is_there = session::is_told_of(theirs)
            && !self.is_known_gone(theirs)
            && Deadline::now() < self.asked.get().plus(SLICE);
        if is_there { None } else { self.gone(theirs) }
    }

    /// Whether the peer has gone when last asked about, and nobody has followed it since.
    pub(crate) fn is_known_gone(&self, theirs: Foreign<'_, SidePage>) -> bool {
        self.gone.get() == Some(session::number(theirs))
    }

    /// Whether the peer's words say that it may have gone. A new odd number is somebody who
    /// attached: no reason to ask the kernel.
    pub(crate) fn peer_has_changed(&self, theirs: Foreign<'_, SidePage>) -> bool {
        let number = session::number(theirs);
        number != self.seen.get() && number % 2 == 0 || session::is_told(theirs)
    }

    /// Waits until `ready`, by the side's waiting policy. `reached` of the position that is slept for is the condition that
    /// the waker rings for: when it holds there is no sleep, and it implies `ready`.
    pub(crate) fn wait(
        &mut self,
        mine: &SidePage,
        theirs: Foreign<'_, SidePage>,
        request: WaitRequest,
        mut ready: impl FnMut() -> bool,
        reached: impl FnMut(u64) -> bool,
    ) -> Result<(), Ended> {
        if !self.is_ours() {
            return Err(Ended::Forked);
        }
        Counters::count(&mine.counters.0.waits);
        let policy = self.wait;
        let mut ring = OneRing { side: self, mine, theirs, request, ready: &mut ready, reached };
        match wait::wait_until(policy, request.deadline, &mut ring) {
            // What the peer published before it went is still there to be taken.
            Some(ended) if !ready() => Err(ended),
            _ => Ok(()),
        }
    }

    /// In place of a wait without any time: how it ends, unless one more look finds something.
    pub(crate) fn has_no_time(&self, theirs: Foreign<'_, SidePage>) -> Ended {
        let ended = if self.is_ours() { self.ended(theirs) } else { Some(Ended::Forked) };
        ended.unwrap_or(Ended::TimedOut)
    }

    pub(crate) fn interrupt_handle(&self) -> Interrupt {
        Interrupt::of(self.interrupt.get_or_init(|| Arc::new(Flag::new())).clone())
    }

    fn is_interrupted(&self) -> bool {
        self.interrupt.get().is_some_and(|flag| flag.is_up())
    }

    fn interrupts(&self) -> Interrupts<'static, impl Fn() -> bool> {
        let bell = self.interrupt.get().map(|_| bell());
        Interrupts { bell, are_up: || self.is_interrupted() }
    }

    /// Passes on to the caller how a wait ended. An interrupt ends one wait, so its flag is lowered. What contradicts the
    /// protocol in a child is that there is no other side.
    pub(crate) fn told(&self, ended: Ended) -> Ended {
        if ended == Ended::Corrupt && !self.is_ours() {
            return Ended::Forked;
        }
        if let (Ended::Interrupted, Some(flag)) = (ended, self.interrupt.get()) {
            flag.lower();
        }
        ended
    }

    /// Whether this side looks again at all before it sleeps.
    pub(crate) fn spins(&self) -> bool {
        wait::spins(self.wait)
    }

    pub(crate) fn policy(&self) -> Wait {
        self.wait
    }

    fn answered(&self) -> u64 {
        self.answered.get()
    }

    fn set_answered(&self, answered: u64) {
        self.answered.set(answered);
    }
}

/// A side's view of the ring that it waits for.
struct OneRing<'a, F, G> {
    side: &'a Side,
    mine: &'a SidePage,
    theirs: Foreign<'a, SidePage>,
    request: WaitRequest,
    ready: F,
    reached: G,
}

impl<F: FnMut() -> bool, G: FnMut(u64) -> bool> Waitable for OneRing<'_, F, G> {
    fn ready(&mut self) -> bool {
        (self.ready)()
    }

    fn peer_has_changed(&mut self) -> bool {
        self.side.peer_has_changed(self.theirs)
    }

    fn known_gone(&mut self) -> bool {
        self.side.is_known_gone(self.theirs)
    }

    fn gone(&mut self) -> Option<Ended> {
        self.side.gone(self.theirs)
    }

    fn interrupted(&self) -> bool {
        self.side.is_interrupted()
    }

    fn sleep(&mut self, long: bool, until: impl FnOnce(SleepLimit) -> Deadline) -> Option<Ended> {
        let Self { side, mine, theirs, request, reached, .. } = self;
        let wake_at = if long { request.least } else { request.wake_at };
        let sleeper = Sleeper::until(wake_at, request.wake_sleeping_peer, mine, *theirs);
        let last_look = || match reached(wake_at) {
            true => Some(None),
            false => side.ended(*theirs).map(Some),
        };
        // The bell, the word that tells of a death, and the bell of this process.
        let interrupts = side.interrupts();
        park::sleep::<3, _>(core::iter::once(sleeper), interrupts, last_look, until).flatten()
    }
}
