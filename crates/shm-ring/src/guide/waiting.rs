// Owns: the guide's page on waiting: policies, their cost, thresholds. Knows nothing of: how a death is found out.

//! How a side waits, what that costs, and how to choose.
//!
//! # Three ways
//!
//! A `try_` call never waits. The plain call blocks until it succeeds or the peer is gone; a peer that has never been there
//! is waited for. `_timeout` blocks for at most the given time and then returns `TimedOut`. Only a call that has to wait
//! reads the clock. A deadline is kept to what one pause, yield or time slice of the scheduler allows. A time-out of zero is
//! one look and, if there is nothing, one check whether the other side is gone: a few loads while it is there.
//!
//! A side that waits looks again and again for a while (spins), then perhaps lets other threads run between looks
//! (yields), and then sleeps until it is woken (parks). [`Wait`](crate::Wait) says how much of each:
//!
//! | | spins | then | choose it when |
//! |---|---|---|---|
//! | [`Wait::SPIN`](crate::Wait::SPIN) | for ever | | latency is everything and there is a processor to burn for each side |
//! | [`Wait::BALANCED`](crate::Wait::BALANCED) | 1024 looks, some tens of microseconds | sleeps | the default: a busy stream or conversation never sleeps, an idle side wakes about once a second |
//! | [`Wait::PARK`](crate::Wait::PARK) | not at all | sleeps | processors are scarce, or gaps are long |
//!
//! ```
//! use std::time::Duration;
//! use shm_ring::{Options, PopError, Region, Ring, Wait};
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let options = Options::new().wait(Wait { spins: 0, yields: 100, park: true, ..Wait::SPIN });
//! let ring = Ring::<u64>::create(Region::memfd("waiting"), &options)?;
//! let (mut tx, mut rx) = (ring.producer()?, ring.consumer()?);
//! rx.set_wait(Wait::PARK); // each side has its own, and may change it
//! assert_eq!(rx.pop_timeout(Duration::from_millis(1)), Err(PopError::TimedOut));
//! tx.push(1)?;
//! assert_eq!(rx.pop()?, 1);
//! # Ok(())
//! # }
//! ```
//!
//! Where the gaps have a known length, `Wait { spin_for: Duration::from_micros(300), ..Wait::BALANCED }` spins across
//! them, whatever one look takes on this machine.
//!
//! Do not spin with more waiting threads than processors: the one that is waited for then does not run. On a machine with
//! one processor the spins of a policy that yields or parks are skipped.
//!
//! # What it costs
//!
//! - Nobody waits: no system call. A push looks at one line of the other side's page.
//! - Going to sleep: a `membarrier` and the futex call, and a question about the other side's lease (`fcntl`) where the
//!   kernel does not report its death, or once a slice.
//! - Waking: one futex call for each sleep that is ended, by the side that publishes. While the other side is awake it
//!   makes none.
//! - Being woken: what the scheduler takes, far more than all of the above. The `tick-feed` example shows it on your
//!   machine.
//!
//! A producer that finds the ring full is not woken at the first free slot but when half the limit is free, or what its
//! record needs, so that a fast producer does not go to sleep once for each record. It waits for that a tenth of a second,
//! and then for the first place that its record fits, also if the consumer waits for its answer: in a window of credits over
//! two rings that is a tenth of a second a round. [`Producer::set_threshold`](crate::Producer::set_threshold) asks for less, down to the first free slot.
//!
//! A consumer that runs a stream dry
//! pauses a little before it looks again, by a rule that adapts itself; `try_` calls never pause.
//!
//! # Slices and the notice
//!
//! A sleep is cut into slices: of 100 ms, and once a wait is older than that, of about 1 s beside a peer whose death the
//! kernel reports. Within a slice a sleeper is woken by a record or room, by the other side
//! attaching or closing, and by the kernel when the other side dies: see [when the other side goes
//! away](super::when_the_other_side_goes_away). After each slice it asks whether the other side still holds its lease. So
//! whatever is lost (a kernel that reports no deaths, a producer that was killed between publishing and waking) costs a
//! tenth of a second and no more. Beside a peer whose death the kernel reports it costs 1 s at most: a word that lies about
//! that, or a [reader](super::trust) that moves sleepers. A side that spins asks about the lease
//! ten times a second.
//!
//! If the pushing side relies on `membarrier` and the sleeping side may not call it (a sandbox), sleeps are slices of 1 ms.
//! [`Options::membarrier`](crate::Options::membarrier) keeps a process out of these barriers, at the price of a fence a push.
//! A ring that is seldom busy, and whose sleeper is to take as little processor time as a pipe's, does better so: on a
//! virtual machine a membarrier cost the sleeper 10 us a wake, of 25 in all.
//!
//! # Thresholds: woken seldom
//!
//! A consumer that handles many records at once gains nothing from being woken for the first. It can ask to sleep until
//! there are enough, or until a time after the first is over:
//!
//! ```
//! use std::time::Duration;
//! use shm_ring::{Options, Region, Ring, Threshold};
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let ring = Ring::<u64>::create(Region::memfd("threshold"), &Options::new().items(1024))?;
//! let (mut tx, mut rx) = (ring.producer()?, ring.consumer()?);
//! rx.set_threshold(Some(Threshold::items::<u64>(64, Duration::from_millis(2))));
//! let other = std::thread::spawn(move || (0..200).try_for_each(|n| tx.push(n)));
//! let mut sum = 0;
//! // Asleep until 64 are there, or two milliseconds after the first, or the other side has closed.
//! while rx.pop_batch(usize::MAX, |n| sum += n).is_ok() {}
//! assert_eq!(sum, 199 * 200 / 2);
//! other.join().unwrap()?;
//! # Ok(())
//! # }
//! ```
//!
//! The threshold is looked at when a call finds the ring empty. A producer that waits for room, closes or dies ends the
//! wait: the two sides never wait for each other. A threshold above half the limit counts as half.
//!
//! # Many rings, one thread
//!
//! [`wait_any`](crate::wait_any) sleeps on up to [`WAIT_ANY_MAX`](crate::WAIT_ANY_MAX) rings at once (`futex_waitv`):
//! consumers that want a record, producers that want room, and [other sides that are
//! awaited](crate::Consumer::awaited_peer), in one list. It returns the index of one that has something,
//! corruption and the end of the other side included. Of several that have, it returns the one that it returned least
//! recently. It looks at all of them when called, so its cost grows with their number. It needs Linux 5.16 to sleep; before
//! that it looks every millisecond. With more than 63 rings the kernel has no place for all the words that report deaths,
//! and those of the last rings are found by slices.
//!
//! # In an event loop
//!
//! The crate `shm-ring-async` waits as tasks do, in any runtime: `recv().await`, `send().await`, streams and sinks. Its guide
//! says what that costs.
//!
//! A ring has no descriptor that `poll` or `epoll` could wait for: waking through one would cost a system call for each
//! push. A loop of another kind looks at the ring (`try_pop`) each time around, and [arms](crate::arm) the end before it
//! sleeps: then it sleeps on the futex words that it is given, or a thread of it does. [`disarm`](crate::disarm) says
//! that it is awake.
//!
//! ```
//! use shm_ring::{Options, Ring, arm, disarm};
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let (mut tx, mut rx) = Ring::<u64>::pair(&Options::new())?;
//! let number = loop {
//!     if let Ok(number) = rx.try_pop() {
//!         break number;
//!     }
//!     // It looks once more before it says that there is nothing.
//!     if let Some(armed) = arm(&rx, false) {
//!         assert_eq!(armed.words().count(), 2); // to sleep on, by FUTEX_WAITV
//!         tx.push(7)?; // another process
//!         assert!(armed.is_rung());
//!         disarm(&rx);
//!     }
//! };
//! assert_eq!(number, 7);
//! # Ok(())
//! # }
//! ```
//!
//! # Interrupts
//!
//! A signal that arrives during a sleep does not end the call: it sleeps on until its deadline. For a clean shutdown take an
//! [`Interrupt`](crate::Interrupt) from the end (`interrupt_handle`) before its thread waits. From another thread, or from a
//! signal handler, it ends the wait under way, or the next one, with `Interrupted`. It costs an end that gave out none
//! nothing, and one that did a third word to sleep on. Readers of a [`Latest`](crate::Latest) have none.
//!
//! Next: [choosing a policy by its latency](super::latency).
