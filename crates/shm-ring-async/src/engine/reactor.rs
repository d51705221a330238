//! Owns: a task that does in a runtime of tokio what a helper thread does elsewhere: the runtime's own reactor sleeps for all
//! ends, on io_uring's descriptor. Knows nothing of: rings.
//!
//! It saves the change of threads between the ring of the other side and the task: the thread that is rung is the one that
//! runs the task. A runtime that ends drops this task with its others; ends that are left then get a helper thread.

use core::future::{Future, poll_fn};
use core::pin::{Pin, pin};
use core::sync::atomic::AtomicU32;
use core::task::{Context, Poll};
use std::io;
use std::sync::Arc;

use shm_ring::Armed;
use tokio::io::unix::AsyncFd;
use tokio::runtime::Handle;
use tokio::sync::Notify;

use super::Way;
use super::table::Table;
use super::uring::Uring;
use super::worker::{Sleeps, Worker};

/// The runtime in which a worker is a task, and how it is woken.
pub(crate) struct Reactor {
    runtime: Handle,
    notify: Notify,
}

impl Reactor {
    /// That of the runtime in which this is called, if it can have one.
    pub(crate) fn probe() -> io::Result<Handle> {
        let runtime = Handle::try_current().map_err(io::Error::other)?;
        Uring::new()?.watched()?;
        Ok(runtime)
    }

    pub(super) fn of(way: &Way) -> Option<Self> {
        match way {
            Way::Tokio(runtime) => Some(Self { runtime: runtime.clone(), notify: Notify::new() }),
            Way::Thread | Way::IoUring => None,
        }
    }

    pub(crate) fn notify(&self) {
        self.notify.notify_one();
    }

    pub(crate) fn start(&self, worker: Arc<Worker>) {
        self.runtime.spawn(run(Driver { worker, is_over: false }));
    }
}

/// The worker of the task. If that is dropped before its end, a thread takes over.
struct Driver {
    worker: Arc<Worker>,
    is_over: bool,
}

impl Drop for Driver {
    fn drop(&mut self) {
        if !self.is_over {
            self.worker.reactor_is_gone();
        }
    }
}

impl Sleeps for AsyncFd<Uring> {
    fn settle(&mut self, table: &mut Table<Armed>) {
        self.get_mut().settle(table);
    }

    fn prepare(&mut self, until: u64, _control: (&AtomicU32, u32), table: &mut Table<Armed>) {
        self.get_mut().prepare_until(until, table);
    }
}

async fn run(mut driver: Driver) {
    let worker = driver.worker.clone();
    let Some(reactor) = worker.reactor() else { return };
    let Ok(mut uring) = Uring::new().and_then(Uring::watched) else { return };
    let mut wakers = Vec::new();
    while worker.turn(&mut uring, &mut wakers).is_some() {
        uring.get_ref().submit();
        let mut notified = pin!(reactor.notify.notified());
        let slept = poll_fn(|cx| poll(cx, &uring, notified.as_mut())).await;
        // Only a runtime that ends says so.
        if slept.is_err() {
            return;
        }
    }
    driver.is_over = true;
}

/// Ready when the descriptor is, or the worker was notified.
fn poll(
    cx: &mut Context<'_>,
    uring: &AsyncFd<Uring>,
    notified: Pin<&mut impl Future>,
) -> Poll<io::Result<()>> {
    match uring.poll_read_ready(cx) {
        // What completes from now on makes it ready anew: so what has, is looked at after this.
        Poll::Ready(ready) => Poll::Ready(ready.map(|mut ready| ready.clear_ready())),
        Poll::Pending => notified.poll(cx).map(|_| Ok(())),
    }
}
