// Owns: the guide's page on choosing a policy by its latency. Knows nothing of: how a side waits (waiting.rs).

//! Latency: choosing a policy. Which [`Wait`](crate::Wait) to use, from figures that were measured.
//!
//! A record takes two cache lines' travel between two processors, some hundred nanoseconds, if the other side looks. If it
//! sleeps, the record takes what the scheduler needs to run it: 30 to 50 microseconds on the virtual machine below. So
//! the question is whether the other side looks when the record comes, and what its looking costs.
//!
//! # What was measured
//!
//! 64-byte values, medians of five runs, on an Intel Xeon virtual machine with two processors (Linux 6.18), whose own
//! ping-pong of two cache lines took 227 ns at the time (`benches/record/doors-2026-11-30-xeon.json` in the repository):
//!
//! | | [`Wait::SPIN`](crate::Wait::SPIN) | [`Wait::BALANCED`](crate::Wait::BALANCED), the default | [`Wait::PARK`](crate::Wait::PARK) |
//! |---|---|---|---|
//! | stream, values a second | 101 million | 93.6 million | 68.5 million |
//! | round trip, median | 0.29 us | 0.27 us | 55 us |
//! | round trip, 99 of 100 within | 0.50 us | 0.48 us | 323 us |
//! | a value each 100 us, until the reader has it | 0.35 us | 41 us | 39 us |
//! | the reader's processor meanwhile | 100 % | 33 % | 24 % |
//!
//! - While both sides are busy the default is as quick as spinning: it spins too, and does not come to sleep.
//! - With gaps longer than it spins, some tens of microseconds, it sleeps like the last column, and spinning is a hundred
//!   times as quick.
//! - A side that always sleeps pays the scheduler for each round trip, and saves three quarters of a processor.
//!
//! # How to choose
//!
//! | your records come | and you have | use |
//! |---|---|---|
//! | one behind the other, or in answers to each other | any machine | the default |
//! | in gaps of a length that you know, up to some hundred microseconds | a processor for the reader | `Wait { spin_for: Duration::from_micros(300), ..Wait::BALANCED }`: a little more than the gap |
//! | at any time, and each microsecond counts | a processor for each side, with nothing else on it | [`Wait::SPIN`](crate::Wait::SPIN) |
//! | seldom, or to many readers | processors that others want | [`Wait::PARK`](crate::Wait::PARK) |
//! | in great numbers, and none is urgent | | the default, with a [threshold](super::waiting#thresholds-woken-seldom): few wakes |
//!
//! ```
//! use std::time::Duration;
//! use shm_ring::{Options, Ring, Wait};
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! // Ticks come every 200 us: spin across the gap, and sleep when the market is closed.
//! let bursts = Wait { spin_for: Duration::from_micros(300), ..Wait::BALANCED };
//! let (mut tx, mut rx) = Ring::<u64>::pair(&Options::new().items(4096))?;
//! rx.set_wait(bursts); // the producer keeps the default: it waits only when the ring is full
//! tx.push(1)?;
//! assert_eq!(rx.pop()?, 1);
//! # Ok(())
//! # }
//! ```
//!
//! # What else decides
//!
//! - *Processors.* A thread that spins and the one that it waits for must not share one. Give a spinning side a processor
//!   of its own (`taskset`, `isolcpus`), and the other side one that shares a cache with it.
//! - *The first lap.* A page that is touched for the first time costs a page fault:
//!   [`Options::prefault`](crate::Options::prefault) takes all of them when a side attaches.
//! - *The tail.* What is beyond the 99th of 100 is the scheduler's and the machine's. Above, one round trip in a thousand
//!   took 2 to 5 us by either policy that spins.
//! - *Full rings.* A producer that waits for room goes on when half of the ring is free, unless
//!   [`Producer::set_threshold`](crate::Producer::set_threshold) asks for less.
//!
//! Measure on your own machine: `tick-feed` in `crates/shm-ring/examples` prints how late the ticks of a feed come, and the
//! repository's comparison, `cargo run --release -- --workload wake,echo,stream --transport
//! shm-ring-spin,shm-ring-default,shm-ring-park`, makes the table above.
//!
//! Next: [the latest value](super::the_latest_value).
