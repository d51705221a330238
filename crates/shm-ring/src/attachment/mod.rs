//! Owns: what both ends share, whatever they carry: attaching, asking about the other side, waiting, closing. Knows
//! nothing of: records; `producer` and `consumer` do.

pub(crate) mod arming;
pub(crate) mod backoff;
pub(crate) mod interrupt;
pub(crate) mod wait;
pub(crate) mod wait_any;

use self::interrupt::Interrupt;
use self::wait::{Ended, WaitRequest, Waitable};

use std::cell::{Cell, OnceCell};
use std::os::fd::AsFd;
use std::sync::Arc;

use crate::mapping::PeerPage;
use crate::options::{Ends, Options, Wait};
use crate::peer::Peer;
use crate::protocol::barrier;
use crate::protocol::bell::SLICE;
use crate::protocol::clock::Deadline;
use crate::protocol::ending::{self, End, Endings, Seen};
use crate::protocol::interrupt::{Flag, Interrupts, bell};
use crate::protocol::layout::{Counters, FENCE_MODE_FENCE, FENCE_MODE_MEMBARRIER, NEVER, SidePage};
use crate::protocol::park::{self, Gate, SleepLimit, Sleeper};
use crate::protocol::record::RecordLayout;
use crate::protocol::session;
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
    /// Which ends of the peer are owed to this side.
    pub(crate) endings: Endings,
    /// What was found when the peer was last asked about, and the end that was owed then.
    seen: Cell<(Seen, Option<End>)>,
    /// When it was last asked about.
    asked: Cell<Deadline>,
    /// For [`wait_any`](wait_any::wait_any): how recently it has answered with this end, by a count of its own.
    answered: Cell<u64>,
    /// Once a handle was asked for.
    interrupt: OnceCell<Arc<Flag>>,
    /// Once this side has armed for somebody else to sleep: the other one's page, and nothing if it cannot be mapped.
    peer_page: OnceCell<Option<Arc<PeerPage>>>,
    /// Bytes of a page of control words.
    page: u64,
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
        page: u64,
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
        session::sign(mine, std::process::id(), backing.pid_namespace());
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
        // A peer that had gone before we came gives no further sign: who spins, and never for as long as a slice, would
        // not ask.
        let seen = ending::look(theirs, || lease.is_ours() && lease.is_held(role.peer()));
        let of_stream = options.ends == Ends::OfStream;
        let side = Self {
            role,
            lease,
            session,
            wait: options.wait,
            layout,
            endings: Endings::attach(role == Role::Consumer, of_stream, mine, &seen),
            seen: Cell::new((seen, None)),
            asked: Cell::new(Deadline::now()),
            answered: Cell::new(0),
            interrupt: OnceCell::new(),
            peer_page: OnceCell::new(),
            page,
            backing,
        };
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
        self.peer_as(theirs, &self.look(theirs))
    }

    /// What is known of a peer of which that was `seen`.
    fn peer_as(&self, theirs: Foreign<'_, SidePage>, seen: &Seen) -> Peer {
        Peer::of(seen.life, seen.session, self.backing.meaningful(session::signature(theirs)))
    }

    /// Whether the other role has a session whose end this side has not reported, or something that it has not read.
    pub(crate) fn has_new_peer(&self, theirs: Foreign<'_, SidePage>) -> bool {
        self.endings.has_news(theirs)
    }

    /// Sleeps until the other role has a session whose end this side has not reported, even if it is over by now, or something
    /// that is unread, or until `deadline`. Returns how things are then. A side that attaches rings; one that is killed before
    /// it does is found at the end of a slice.
    pub(crate) fn await_peer(
        &self,
        mine: &SidePage,
        theirs: Foreign<'_, SidePage>,
        deadline: Deadline,
    ) -> Peer {
        loop {
            let last_look = || {
                let is_over = self.has_new_peer(theirs) || Deadline::now() >= deadline;
                (is_over || !self.is_ours()).then_some(())
            };
            let until = |_| deadline.min(Deadline::now().plus(SLICE));
            let listener = core::iter::once(Sleeper::listener(theirs));
            let over = park::sleep::<2, _>(listener, self.interrupts(), last_look, until);
            if over.is_some() {
                return self.met(mine, theirs);
            }
            if self.is_interrupted() {
                self.told(mine, Ended::Interrupted);
                return self.peer(theirs);
            }
        }
    }

    /// The other side. An end that this returns is no news the next time.
    fn met(&self, mine: &SidePage, theirs: Foreign<'_, SidePage>) -> Peer {
        let seen = self.look(theirs);
        let owed = self.endings.owed(&seen, false);
        if let Some(end) = owed.filter(|end| seen.is_over() && end.session == seen.begun()) {
            self.endings.tell(mine, end);
        }
        self.peer_as(theirs, &seen)
    }

    /// Waits until an end of the other side is owed, whatever is unread, or until `deadline`: how things stand then.
    pub(crate) fn await_end(
        &mut self,
        mine: &SidePage,
        theirs: Foreign<'_, SidePage>,
        deadline: Deadline,
    ) -> Peer {
        let request = WaitRequest::for_an_end(deadline);
        let Err(ended) = self.wait(mine, theirs, request, || false, |_| false) else {
            return self.peer(theirs);
        };
        let (seen, end) = self.seen.get();
        match (self.told(mine, ended), end) {
            // Somebody has followed.
            (Ended::Closed, Some(End { session, .. })) if session != seen.begun() => {
                Peer::Closed { session: session.saturating_add(1) }
            }
            (Ended::PeerDead, Some(End { session, .. })) if session != seen.begun() => {
                Peer::Dead { session, pid: None, released: true }
            }
            _ => self.peer(theirs),
        }
    }

    fn look(&self, theirs: Foreign<'_, SidePage>) -> Seen {
        // In a child there is nobody to ask about.
        ending::look(theirs, || self.is_ours() && self.lease.is_held(self.role.peer()))
    }

    /// Whether this process is the one that attached: a load. A child finds zeros where the other side's page was, and so
    /// asks for a wake-up with its first push or pop, which is where it learns of this.
    #[inline]
    pub(crate) fn is_ours(&self) -> bool {
        self.lease.is_ours()
    }

    /// Asks now whether an end of the peer is owed to this side. With `unread` an end is owed even if something is unread.
    pub(crate) fn gone(&self, theirs: Foreign<'_, SidePage>, unread: bool) -> Option<Ended> {
        let seen = self.look(theirs);
        let end = self.endings.owed(&seen, unread);
        self.seen.set((seen, end));
        self.asked.set(Deadline::now());
        end.map(|end| if end.dead { Ended::PeerDead } else { Ended::Closed })
    }

    /// [`gone`](Self::gone), which costs a system call only if the peer's words leave it open: not while it has the session
    /// that was seen last, of whose end the kernel will tell, and it was asked about less than a slice ago. A word that lies is
    /// found out then.
    pub(crate) fn ended(&self, theirs: Foreign<'_, SidePage>, unread: bool) -> Option<Ended> {
        let is_there = session::is_told_of(theirs)
            && self.seen.get().0.session == session::number(theirs)
            && !self.is_known_gone(theirs)
            && Deadline::now() < self.asked.get().plus(SLICE);
        if is_there { None } else { self.gone(theirs, unread) }
    }

    /// Whether an end of the peer concerned this side when it was last asked about, and nobody has followed it since.
    pub(crate) fn is_known_gone(&self, theirs: Foreign<'_, SidePage>) -> bool {
        let (seen, _) = self.seen.get();
        seen.session == session::number(theirs) && self.endings.concerns(&seen)
    }

    /// Whether the peer's words say that a session of it may be over that was not when it was last asked about.
    pub(crate) fn peer_has_changed(&self, theirs: Foreign<'_, SidePage>) -> bool {
        let (seen, _) = self.seen.get();
        seen.session != session::number(theirs) || !seen.is_over() && session::is_told(theirs)
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
    pub(crate) fn has_no_time(&self, theirs: Foreign<'_, SidePage>, unread: bool) -> Ended {
        let ended = if self.is_ours() { self.ended(theirs, unread) } else { Some(Ended::Forked) };
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

    /// Passes on to the caller how a wait ended. An end of the peer is noted as reported. An interrupt ends one wait, so its
    /// flag is lowered. In a child, what contradicts the protocol is that there is no other side.
    pub(crate) fn told(&self, mine: &SidePage, ended: Ended) -> Ended {
        if ended == Ended::Corrupt && !self.is_ours() {
            return Ended::Forked;
        }
        if let (Ended::Interrupted, Some(flag)) = (ended, self.interrupt.get()) {
            flag.lower();
        }
        if let (Ended::Closed | Ended::PeerDead, (_, Some(end))) = (ended, self.seen.get()) {
            self.endings.tell(mine, end);
        }
        ended
    }

    /// The other side's page, mapped once more, for somebody who outlives this end.
    fn peer_page(&self) -> Option<Arc<PeerPage>> {
        let map = || PeerPage::new(self.backing.fd.as_fd(), self.page, self.role.peer());
        self.peer_page.get_or_init(|| map().map(Arc::new)).clone()
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
        self.side.gone(self.theirs, self.request.unread)
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
            false => side.ended(*theirs, request.unread).map(Some),
        };
        // The bell, the word that tells of a death, and the bell of this process.
        let interrupts = side.interrupts();
        park::sleep::<3, _>(core::iter::once(sleeper), interrupts, last_look, until).flatten()
    }
}
