//! Counts the system calls of this thread: the kernel tells a second thread of each before it is made,
//! and that one counts it and lets it through. Calls take longer so, which is why no run that is timed
//! is counted. It must not know what the calls are for.

use std::os::fd::RawFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, AtomicU64, Ordering};
use std::time::Duration;

use crate::run::sys;
use crate::run::transport::Fault;

/// What a fault of counting begins with.
pub(crate) const COUNTING: &str = "counting system calls";

/// The count so far.
pub(super) struct Counter(Arc<AtomicU64>);

/// No descriptor yet.
const NONE: RawFd = -1;
/// Nobody will listen any more.
const NEVER: RawFd = -2;

impl Counter {
    /// Counts from now on, until this thread ends.
    pub(super) fn start() -> Result<Self, Fault> {
        let (calls, listener) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicI32::new(NONE)));
        let (counted, heard) = (Arc::clone(&calls), Arc::clone(&listener));
        std::thread::Builder::new()
            .name("system calls".to_owned())
            .spawn(move || count(&counted, &heard))
            .map_err(|error| Fault::new(COUNTING, error))?;
        // From here to the store this thread can make no system call: nobody would let it through.
        match sys::announce_system_calls() {
            Ok(descriptor) => {
                listener.store(descriptor, Ordering::Release);
                Ok(Self(calls))
            }
            Err(error) => {
                listener.store(NEVER, Ordering::Release);
                Err(Fault::new(COUNTING, error))
            }
        }
    }

    pub(super) fn so_far(&self) -> u64 {
        self.0.load(Ordering::Acquire)
    }
}

fn count(calls: &AtomicU64, listener: &AtomicI32) {
    let descriptor = loop {
        match listener.load(Ordering::Acquire) {
            NONE => std::thread::sleep(Duration::from_micros(50)),
            NEVER => return,
            descriptor => break descriptor,
        }
    };
    loop {
        // Nothing withdraws a call here but the end of the thread, which is the end of counting.
        match sys::announced_system_call(descriptor) {
            Ok(call) => {
                calls.fetch_add(1, Ordering::Release);
                sys::let_through(descriptor, call);
            }
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(_) => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_system_call_of_the_thread_is_counted_and_made() {
        // The filter stays on the thread that asks for it: one of its own.
        let counted = std::thread::spawn(|| {
            let counter = Counter::start()?;
            let before = counter.so_far();
            let made = (0..7).map(|_| rustix::thread::gettid()).filter(|id| id.is_init()).count();
            let after = counter.so_far();
            std::hint::black_box(crate::run::clock::monotonic_ns());
            Ok::<_, Fault>((before, after, counter.so_far(), made))
        });
        match counted.join().unwrap() {
            Ok((before, after, at_last, _)) => {
                assert_eq!(
                    (after - before, at_last),
                    (7, after),
                    "gettid is a call, a clock is none"
                );
            }
            Err(why) => println!("skipped: {why}"),
        }
    }
}
