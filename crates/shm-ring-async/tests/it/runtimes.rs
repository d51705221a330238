//! Owns: the runtimes that tasks are run by, and the engines. Knows nothing of: rings.

use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::Thread;
use std::time::Instant;

use shm_ring_async::Engine;

use crate::harness::{LIMIT, within};

pub(crate) type Task<R = ()> = Pin<Box<dyn Future<Output = R> + Send>>;

/// Counts how often it is called, and unparks a thread.
pub(crate) struct Counter {
    pub(crate) calls: AtomicUsize,
    thread: Thread,
}

impl Counter {
    pub(crate) fn new() -> (Arc<Self>, Waker) {
        let counter = Arc::new(Self { calls: AtomicUsize::new(0), thread: std::thread::current() });
        (counter.clone(), counter.into())
    }

    pub(crate) fn calls(&self) -> usize {
        self.calls.load(Ordering::SeqCst)
    }

    /// Waits until it was called that often.
    pub(crate) fn until(&self, calls: usize) {
        let start = Instant::now();
        while self.calls() < calls {
            assert!(start.elapsed() < LIMIT, "nobody called the waker");
            std::thread::park_timeout(LIMIT);
        }
    }
}

impl Wake for Counter {
    fn wake(self: Arc<Self>) {
        self.calls.fetch_add(1, Ordering::SeqCst);
        self.thread.unpark();
    }
}

/// One poll, by a waker that nobody hears.
pub(crate) fn poll_once<F: Future>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

/// An executor made by hand: polls when the waker was called, and never else.
pub(crate) fn block_on<R>(future: impl Future<Output = R>) -> R {
    let mut future = pin!(future);
    let (counter, waker) = Counter::new();
    let mut seen = 0;
    loop {
        if let Poll::Ready(answer) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            return answer;
        }
        counter.until(seen + 1);
        seen = counter.calls();
    }
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Runtime {
    TokioOneThread,
    TokioThreads,
    AsyncExecutor,
    ByHand,
}

impl Runtime {
    pub(crate) const ALL: [Self; 4] =
        [Self::TokioOneThread, Self::TokioThreads, Self::AsyncExecutor, Self::ByHand];

    /// Runs `task`, spawned as one of the runtime's tasks where it has such.
    pub(crate) fn run<R: Send + 'static>(self, task: Task<R>) -> R {
        match self {
            Self::TokioOneThread => {
                let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
                runtime.block_on(async { tokio::spawn(task).await.unwrap() })
            }
            Self::TokioThreads => {
                let mut builder = tokio::runtime::Builder::new_multi_thread();
                let runtime = builder.worker_threads(2).build().unwrap();
                runtime.block_on(async { tokio::spawn(task).await.unwrap() })
            }
            Self::AsyncExecutor => {
                let executor = async_executor::Executor::new();
                block_on(executor.run(executor.spawn(task)))
            }
            Self::ByHand => block_on(task),
        }
    }
}

/// The engines that there are here.
pub(crate) fn engines() -> Vec<Engine> {
    let mut engines = vec![Engine::thread()];
    match Engine::io_uring() {
        Ok(engine) => engines.push(engine),
        Err(error) => eprintln!("skipped, since there is no io_uring here: {error}"),
    }
    engines.extend(in_a_reactor());
    engines
}

/// One in the reactor of a runtime that lives as long as this process, and does nothing else.
fn in_a_reactor() -> Option<Engine> {
    static RUNTIME: OnceLock<tokio::runtime::Runtime> = OnceLock::new();
    let runtime = RUNTIME.get_or_init(|| {
        let mut builder = tokio::runtime::Builder::new_multi_thread();
        builder.worker_threads(1).enable_io().build().unwrap()
    });
    let _entered = runtime.enter();
    Engine::tokio().ok()
}

/// Runs a task made by `make` in each runtime with each engine. Nothing is left asleep.
pub(crate) fn everywhere(make: impl Fn(&Engine) -> Task) {
    for engine in engines() {
        for runtime in Runtime::ALL {
            let task = make(&engine);
            let what = format!("{runtime:?} with {:?}", engine.kind());
            within(LIMIT, &what, move || runtime.run(task));
            assert_eq!(engine.sleepers(), 0, "{what}");
        }
    }
}
