//! Owns: a helper thread, which sleeps for many ends and wakes their tasks: when it starts, is woken and ends. Knows nothing of:
//! rings, and by which system call it sleeps.

use core::panic::AssertUnwindSafe;
use core::sync::atomic::{AtomicU32, Ordering};
use core::task::Waker;
use std::panic::catch_unwind;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{Builder, JoinHandle};

use rustix::thread::futex;
use shm_ring::Armed;

use super::Kind;
use super::clock::now;
use super::table::{Bed, Noticed, Table};
use super::uring::Uring;
use super::waitv::Waitv;
use crate::slot::{Slot, State};

/// One helper thread, or the place of one that has nothing to do.
pub(crate) struct Worker {
    kind: Kind,
    state: Mutex<Shared>,
    /// A futex word: counted when the thread has to look at the table again. It changes only while `state` is locked.
    control: AtomicU32,
}

pub(crate) struct Shared {
    pub(crate) table: Table<Armed>,
    thread: Option<JoinHandle<()>>,
    running: bool,
    stopping: bool,
}

/// By what a thread sleeps.
enum Sleeps {
    Waitv(Waitv),
    Uring(Box<Uring>),
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
    pub(crate) fn new(kind: Kind, words: usize) -> Self {
        let shared =
            Shared { table: Table::new(words), thread: None, running: false, stopping: false };
        Self { kind, state: Mutex::new(shared), control: AtomicU32::new(0) }
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
        if noticed != Noticed::Not && !shared.running {
            self.start(&mut shared, now);
        }
        let running = shared.running;
        match noticed {
            Noticed::Not => return false,
            Noticed::ByAWakeUp => self.notify(shared),
            Noticed::Already => drop(shared),
        }
        if !running {
            // No thread can be had now: the task looks again by itself until one can.
            if let Some(waker) = slot.wake(State::Rung) {
                waker.wake();
            }
        }
        true
    }

    /// Has the thread look at the table again.
    fn notify(&self, shared: MutexGuard<'_, Shared>) {
        let count = self.control.load(Ordering::Relaxed).wrapping_add(1);
        self.control.store(count, Ordering::Relaxed);
        drop(shared);
        // It fails where a sandbox refuses futexes: then the thread looks by itself.
        let _ = futex::wake(&self.control, futex::Flags::PRIVATE, 1);
    }

    fn start(self: &Arc<Self>, shared: &mut Shared, now: u64) {
        shared.table.begin(now);
        let worker = Arc::clone(self);
        let started = Builder::new().name("shm-ring-async".to_owned()).spawn(move || worker.run());
        shared.running = started.is_ok();
        shared.thread = started.ok();
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

    /// The thread.
    fn run(&self) {
        let mut sleeps = match self.kind {
            Kind::Thread => Sleeps::Waitv(Waitv::new()),
            // What was granted when the engine was made may be refused by now.
            Kind::IoUring => Uring::new().map_or_else(
                |_| Sleeps::Waitv(Waitv::new()),
                |uring| Sleeps::Uring(Box::new(uring)),
            ),
        };
        let mut wakers: Vec<Waker> = Vec::new();
        loop {
            let mut shared = self.lock();
            if let Sleeps::Uring(uring) = &mut sleeps {
                uring.settle(&mut shared.table);
            }
            let now = now();
            shared.table.look(now, &mut wakers);
            if shared.stopping || shared.table.is_deserted(now) {
                shared.running = false;
                return;
            }
            let until = shared.table.sleep(now);
            let control = (&self.control, self.control.load(Ordering::Relaxed));
            match &mut sleeps {
                Sleeps::Waitv(waitv) => waitv.prepare(control, &shared.table),
                Sleeps::Uring(uring) => uring.prepare(control, &mut shared.table),
            }
            drop(shared);
            for waker in wakers.drain(..) {
                // One that panics does not take the others' helper away.
                let _ = catch_unwind(AssertUnwindSafe(|| waker.wake()));
            }
            match &mut sleeps {
                Sleeps::Waitv(waitv) => waitv.sleep(until),
                Sleeps::Uring(uring) => uring.sleep(until),
            }
        }
    }
}
