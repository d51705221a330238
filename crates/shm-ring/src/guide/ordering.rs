// Owns: the guide's page on what has happened before what. Knows nothing of: single atomic operations (ORDERINGS.md).

//! The orders that you can rely on when the other side sees a record, and how they are made.
//! `ORDERINGS.md` in the repository has every atomic operation, and what fails without it.
//!
//! # What you can rely on
//!
//! - **Records come in the order in which they were pushed**, whole, and once, as long as the consumer lives.
//! - **Everything before a push is seen after the pop.** All that the producer's thread had written before, to
//!   whatever memory both can see, is there for the consumer that has popped the record. A record can say "the frame in
//!   that other region is ready", as a message between threads can.
//! - **A batch is there all at once or not at all.** A consumer that sees its first record finds the rest. `push_batch`
//!   and `push_slice` publish as many at a time as fit, so a batch that is longer than the room comes in several pieces.
//! - **The end comes last.** `Closed` and `PeerDead` are reported only after everything that was published has been
//!   taken.
//! - **Between two rings there is no order** but that of cause and effect: of two records pushed into two rings, a
//!   consumer may see either first; if it has popped the later one, the earlier one is there.
//!
//! ```
//! use shm_ring::{Options, Region, Ring};
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let frames = Ring::<[u8; 512]>::create(Region::memfd("frames"), &Options::new())?;
//! let news = Ring::<u64>::create(Region::memfd("news"), &Options::new())?;
//! let (mut frame, mut number) = (frames.consumer()?, news.consumer()?);
//! let other = std::thread::spawn(move || {
//!     let (mut frame, mut number) = (frames.producer().unwrap(), news.producer().unwrap());
//!     for n in 0..100 {
//!         frame.push([n as u8; 512]).unwrap();
//!         number.push(n).unwrap();
//!     }
//! });
//! for n in 0..100 {
//!     assert_eq!(number.pop()?, n);
//!     // Pushed before its number was: it is there.
//!     assert_eq!(frame.try_pop()?, [n as u8; 512]);
//! }
//! other.join().unwrap();
//! # Ok(())
//! # }
//! ```
//!
//! # Publish
//!
//! Processors and compilers may let others see stores in another order than the program's. A push therefore writes the
//! record and then stores `tail` with release order: whoever sees the new `tail` sees the records below it. The consumer
//! loads `tail`; if it has moved, an acquire fence keeps the consumer from having read the records too early. A batch
//! writes all of its records and stores `tail` once.
//!
//! # The front
//!
//! The copy of the newest record beside `tail` is written again and again while a consumer may be reading it. Three steps
//! keep that right. The producer first marks it (a release store of the old `tail` with the mark), then, behind a release
//! fence, writes it, then stores the new `tail` without the mark. The consumer copies it, runs an acquire fence, and loads
//! the word again. If one word of its copy came from a later record, the mark of that record is visible to the second
//! load. The same whole word twice therefore means that the copy is the record.
//!
//! # Release
//!
//! The way back is the same with the sides swapped: the consumer has read a record, then stores `head` with release
//! order. A producer that sees this `head` writes into the room below it, and cannot destroy what is still being read.
//!
//! That store is also where delivery is decided. `pop` copies, stores `head`, and returns: a consumer killed after that
//! has lost the item that it held (at most once). [`View::release`](crate::View::release) stores `head` when the caller is
//! done: a consumer killed before leaves the records to its successor, which sees them again (at least once). Exactly once
//! takes a consumer that stores, in one transaction with its results, the position up to which it came; its successor
//! begins with [`release_to`](crate::Consumer::release_to) of that.
//!
//! # Park and ring
//!
//! A consumer that goes to sleep says so in a word that the producer looks at after each push; a producer that sees it
//! wakes the consumer. Neither must miss the other:
//!
//! | the consumer, going to sleep | the producer, pushing |
//! |---|---|
//! | says that it sleeps | publishes a record |
//! | full barrier | full barrier |
//! | looks once more for a record | looks whether the consumer sleeps |
//!
//! Of the two barriers one comes first. If it is the consumer's, the producer sees that the consumer sleeps, and rings. If
//! it is the producer's, the consumer sees the record, and does not sleep. Without the barriers both could look before the
//! other's store has become visible, and a record would lie there beside a sleeper.
//!
//! A full barrier on every push would cost more than the push. So the side that sleeps, which has time, runs both:
//! `membarrier(2)` makes each processor that runs the other side pass through a barrier. Where the kernel does not offer
//! that, the pushing side runs its own.
//!
//! The producer that waits for room and the consumer that makes it are the same with the sides swapped.
//!
//! # How this is known
//!
//! By models that try every interleaving (loom, spin) and litmus tests for other memory models, each with the mutants that
//! it must fail on; and by processes that are killed, stopped and stepped. `README.md` has the figures.
//!
//! Next: [how a side waits](super::waiting).
