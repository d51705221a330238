//! Owns: a helper thread, or a task in its place, which sleeps for many ends and wakes their tasks: when it starts, is woken
//! and ends. Knows nothing of: rings, and by which system call it sleeps.

use core::panic::AssertUnwindSafe;
use core::sync::atomic::{AtomicU32, Ordering};
use core::task::Waker;
use std::panic::catch_unwind;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{Builder, JoinHandle};

use rustix::thread::futex;
use shm_ring::Armed;

use super::clock::now;
#[cfg(feature = "tokio")]
use super::reactor::Reactor;
use super::table::{Bed, Noticed, Table};
use super::uring::{self, Uring};
use super::waitv::{self, Waitv};
use super::{Kind, Way};
use crate::slot::{Slot, State};

/// One helper thread, or the place of one that has nothing to do.
pub(crate) struct Worker {
    kind: Kind,
    state: Mutex<Shared>,
    /// A futex word: counted when the thread has to look at the table again. It changes only while `state` is locked.
    control: AtomicU32,
    /// Where a task does what the thread does elsewhere, as long as its runtime lives.
    #[cfg(feature = "tokio")]
    reactor: Option<Reactor>,
}

pub(crate) struct Shared {
    pub(crate) table: Table<Armed>,
    thread: Option<JoinHandle<()>>,
    running: bool,
    stopping: bool,
    /// Whether the runtime has ended in which there was a task.
    #[cfg(feature = "tokio")]
    reactor_is_gone: bool,
}

/// By what a worker sleeps.
pub(crate) trait Sleeps {
    /// Takes note of what has completed.
    fn settle(&mut self, table: &mut Table<Armed>);
    /// The next sleep is on what the table says, until then or until the control word changes.
    fn prepare(&mut self, until: u64, control: (&AtomicU32, u32), table: &mut Table<Armed>);
}

/// By what a thread sleeps.
enum ByThread {
    Waitv(Waitv),
    Uring(Box<Uring>),
}

impl Sleeps for ByThread {
    fn settle(&mut self, table: &mut Table<Armed>) {
        if let Self::Uring(uring) = self {
            uring.settle(table);
        }
    }

    fn prepare(&mut self, _until: u64, control: (&AtomicU32, u32), table: &mut Table<Armed>) {
        match self {
            Self::Waitv(waitv) => waitv.prepare(control, table),
            Self::Uring(uring) => uring.prepare(control, table),
        }
    }
}

impl Bed for Armed {
    fn words(&self) -> usize {
        Armed::words(self).count()
    }

    fn is_rung(&self) -> bool {
        Armed::is_rung(self)
    }

    fn renewed(&self) -> Self {
        Armed::renewed(self)
    }

    fn is(&self, other: &Self) -> bool {
        Armed::words(self).eq(Armed::words(other))
    }
}

impl Worker {
    pub(super) fn new(way: &Way) -> Self {
        let kind = way.kind();
        let words = if kind == Kind::Thread { waitv::WORDS } else { uring::WORDS };
        let shared = Shared {
            table: Table::new(words),
            thread: None,
            running: false,
            stopping: false,
            #[cfg(feature = "tokio")]
            reactor_is_gone: false,
        };
        Self {
            kind,
            state: Mutex::new(shared),
            control: AtomicU32::new(0),
            #[cfg(feature = "tokio")]
            reactor: Reactor::of(way),
        }
    }

    #[cfg(feature = "tokio")]
    pub(crate) fn reactor(&self) -> Option<&Reactor> {
        self.reactor.as_ref()
    }

    fn lock(&self) -> MutexGuard<'_, Shared> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn sleepers(&self) -> usize {
        self.lock().table.sleepers()
    }

    /// An end sleeps on `armed`: whether there is a place for it.
    pub(crate) fn watch(self: &Arc<Self>, id: u64, slot: &Arc<Slot>, armed: &Armed) -> bool {
        let limit = u64::try_from(armed.limit().as_nanos()).unwrap_or(u64::MAX);
        let now = now();
        let mut shared = self.lock();
        let noticed = shared.table.watch(id, slot, armed.clone(), now + limit, limit / 8);
        if noticed == Noticed::Not {
            return false;
        }
        let starts = !shared.running;
        if starts {
            self.start(&mut shared, now);
        }
        let running = shared.running;
        match noticed {
            Noticed::ByAWakeUp => self.notify(shared),
            Noticed::Already | Noticed::Not => drop(shared),
        }
        #[cfg(feature = "tokio")]
        if starts {
            self.start_task();
        }
        if !running {
            // No thread can be had now: the task looks again by itself until one can.
            if let Some(waker) = slot.wake(State::Rung) {
                waker.wake();
            }
        }
        true
    }

    /// Has the thread, or the task, look at the table again.
    fn notify(&self, shared: MutexGuard<'_, Shared>) {
        let count = self.control.load(Ordering::Relaxed).wrapping_add(1);
        self.control.store(count, Ordering::Relaxed);
        #[cfg(feature = "tokio")]
        if let Some(reactor) = self.live_reactor(&shared) {
            drop(shared);
            return reactor.notify();
        }
        drop(shared);
        // It fails where a sandbox refuses futexes: then the thread looks by itself.
        let _ = futex::wake(&self.control, futex::Flags::PRIVATE, 1);
    }

    fn start(self: &Arc<Self>, shared: &mut Shared, now: u64) {
        shared.table.begin(now);
        #[cfg(feature = "tokio")]
        if self.live_reactor(shared).is_some() {
            shared.running = true;
            return;
        }
        let worker = Arc::clone(self);
        let started = Builder::new().name("shm-ring-async".to_owned()).spawn(move || worker.run());
        shared.running = started.is_ok();
        shared.thread = started.ok();
    }

    #[cfg(feature = "tokio")]
    fn live_reactor(&self, shared: &Shared) -> Option<&Reactor> {
        self.reactor.as_ref().filter(|_| !shared.reactor_is_gone)
    }

    /// The second half of `start`, with nothing locked: a runtime that has ended drops the task at once.
    #[cfg(feature = "tokio")]
    fn start_task(self: &Arc<Self>) {
        let live = self.live_reactor(&self.lock());
        if let Some(reactor) = live {
            reactor.start(Arc::clone(self));
        }
    }

    /// The task was dropped: a thread goes on where it stopped, if anybody sleeps.
    #[cfg(feature = "tokio")]
    pub(crate) fn reactor_is_gone(self: &Arc<Self>) {
        let mut shared = self.lock();
        (shared.reactor_is_gone, shared.running) = (true, false);
        if shared.stopping || shared.table.sleepers() == 0 {
            return;
        }
        self.start(&mut shared, now());
        if !shared.running {
            let slots = shared.table.entries.iter().map(|entry| &entry.slot);
            let wakers: Vec<_> = slots.filter_map(|slot| slot.wake(State::Rung)).collect();
            drop(shared);
            wakers.into_iter().for_each(Waker::wake);
        }
    }

    pub(crate) fn unwatch(&self, id: u64) {
        self.lock().table.unwatch(id, now());
    }

    pub(crate) fn remove(&self, id: u64) {
        self.lock().table.remove(id);
    }

    /// Ends the thread and sees it gone.
    pub(crate) fn stop(&self) {
        let mut shared = self.lock();
        shared.stopping = true;
        let thread = shared.thread.take();
        self.notify(shared);
        if let Some(thread) = thread {
            // A waker that drops the last end of an engine runs in that thread.
            if thread.thread().id() != std::thread::current().id() {
                let _ = thread.join();
            }
        }
    }

    /// One turn of the thread, or of the task: calls the wakers of what was rung and of what is late. Until when to sleep,
    /// or None if there is nothing more to be done.
    pub(crate) fn turn(&self, sleeps: &mut impl Sleeps, wakers: &mut Vec<Waker>) -> Option<u64> {
        let mut shared = self.lock();
        sleeps.settle(&mut shared.table);
        let now = now();
        shared.table.look(now, wakers);
        if shared.stopping || shared.table.is_deserted(now) {
            shared.running = false;
            return None;
        }
        let until = shared.table.sleep(now);
        let control = (&self.control, self.control.load(Ordering::Relaxed));
        sleeps.prepare(until, control, &mut shared.table);
        drop(shared);
        for waker in wakers.drain(..) {
            // One that panics does not take the others' helper away.
            let _ = catch_unwind(AssertUnwindSafe(|| waker.wake()));
        }
        Some(until)
    }

    /// The thread.
    fn run(&self) {
        let mut sleeps = match self.kind {
            Kind::Thread => ByThread::Waitv(Waitv::new()),
            // What was granted when the engine was made may be refused by now.
            _ => Uring::new().map_or_else(
                |_| ByThread::Waitv(Waitv::new()),
                |uring| ByThread::Uring(Box::new(uring)),
            ),
        };
        let mut wakers = Vec::new();
        while let Some(until) = self.turn(&mut sleeps, &mut wakers) {
            match &mut sleeps {
                ByThread::Waitv(waitv) => waitv.sleep(until),
                ByThread::Uring(uring) => uring.sleep(until),
            }
        }
    }
}
