// Owns: the guide's page on what a peer, a reader and a stranger can do, and what `unsafe` asks. Knows nothing of: how each check is made.

//! The powers of a buggy or hostile process, their limits, and the duties of the few `unsafe` calls.
//!
//! # Three kinds of other side
//!
//! | other side | what it can do |
//! |---|---|
//! | a peer may write the region | refuse service, forge its own records and, by writing pages that are not its own, make us fail or lose records |
//! | a reader may read it and not write it | with a lock for reading, keep others from a role that nobody holds, and the name from being removed; delay wake-ups by up to 1 s |
//! | a stranger may only make names beside it | take a name before its ring is there |
//!
//! A peer may be buggy, and write wild values wherever it can, or hostile, and map the whole region for writing whatever this
//! library would have done. Beside all of them the safe calls promise: no undefined behaviour, no access outside the region,
//! no panic, no loop without end, no allocation without bound, no sleep that nothing ends. Nobody can make us misbehave, but
//! for SIGBUS by cutting a region that is not sealed: see [regions](super::regions). `SECURITY.md` has a table of the three
//! against each promise, with the test that shows each cell.
//!
//! A memfd has no readers: a process that has a descriptor of it can open it for writing, whatever the descriptor is open for.
//!
//! Not promised: secrets between the two sides (each can read all of the region), and anything against a process that may
//! write your memory otherwise (by `ptrace`, say).
//!
//! # How
//!
//! - A word from the other side's pages is loaded once, checked, and then used: checking one load and using another is the
//!   classic hole. A contradiction of the protocol is `Corrupt`, permanently, for this attachment.
//! - The shape of the ring (capacity, limit, sizes, offsets) was checked in a private copy and is never read from the region
//!   again.
//! - Payload is copied out and in by relaxed atomic accesses, or by assembly that the compiler cannot look into.
//! - Only an [`Item`](crate::Item) crosses: any bytes are a value of it, and it has no padding through which bytes of
//!   our memory could leak. There are no references in it, since an address means nothing elsewhere.
//! - Received descriptors must be sealed, so that nobody can cut the memory under us; names are opened without following
//!   links, and only if nobody else may write them: see [regions](super::regions).
//!
//! So what `pop` returns is *some* value of the type: the one that was pushed, if the peer keeps the protocol. Whether it
//! makes sense is for you to check, as with anything that comes from outside:
//!
//! ```
//! use shm_ring::{MessageRing, Options, Region};
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let ring = MessageRing::create(Region::memfd("trust"), &Options::new())?;
//! let (mut tx, mut rx) = (ring.producer()?, ring.consumer()?);
//! tx.push(&[200, b'?'])?; // "200 bytes follow", says a peer
//! let message = rx.pop()?;
//! let (&len, body) = message.split_first().ok_or("no header")?;
//! assert_eq!(body.get(..usize::from(len)), None); // checked, not believed
//! # Ok(())
//! # }
//! ```
//!
//! In place, [`View::get`](crate::View::get) and [`Message::read_at`](crate::Message::read_at) copy too, and two reads of
//! the same bytes may differ if the peer writes in between. Read once, check the copy, use the copy.
//!
//! # What is recognised, and what is not
//!
//! | the peer stores | you get |
//! |---|---|
//! | a `tail` that is no position, goes back, or is more than the limit ahead | `Corrupt` |
//! | a `tail` inside a value, or a `head` that no consumer can have | `Corrupt` |
//! | a wild `tail` that looks right, on a ring of values | values of the last lap again, or zeros |
//! | the same on a ring of messages | `Corrupt`, unless the bytes at that position happen to be a message's header for just that position |
//! | a message header with a wrong length or check | `Corrupt` |
//! | other bytes in a record | those bytes |
//!
//! Values have no header, so nothing beside `tail` says that one was published: that is the price of values that lie like
//! an array. Give values a number or a check sum if you must notice a producer that goes wild; a producer that keeps the
//! protocol cannot deliver a value twice.
//!
//! If corruption is found while records are known to be there and unread, the call returns `Corrupt` and these records are
//! not delivered.
//!
//! # Why a slice is `unsafe`
//!
//! Rust's compiler may assume that what a shared reference leads to does not change, and that nobody else writes what a
//! mutable one leads to. Another process knows nothing of that. If it writes while a `&[u8]` into the region lives, the
//! program has undefined behaviour: the compiler may read a length twice, check the first and use the second. No check at
//! run time can rule that out, since it depends on what the other process does next.
//!
//! Four calls lend slices and are therefore `unsafe`: [`View::as_slice`](crate::View::as_slice),
//! [`Message::as_slice`](crate::Message::as_slice), [`Reservation::as_uninit`](crate::Reservation::as_uninit) and
//! [`MessageReservation::as_mut_slice`](crate::MessageReservation::as_mut_slice). They have one condition: **while the
//! slice is alive, the other process must not write to this region's data.** A peer that you wrote, of the same user,
//! through this library, does not. For one that may be hostile the condition cannot be met: use the calls beside them,
//! which copy.
//!
//! ```
//! use shm_ring::{Options, Region, Ring};
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let ring = Ring::<u64>::create(Region::memfd("trust"), &Options::new())?;
//! let (mut tx, mut rx) = (ring.producer()?, ring.consumer()?);
//! tx.push_slice(&[1, 2, 3])?;
//! let view = rx.peek(8)?;
//! assert_eq!(view.get(2), Some(3)); // a copy, whoever the peer is
//! // SAFETY: the producer is our own code: it writes nothing that is not released.
//! let numbers: &[u64] = unsafe { view.as_slice() };
//! assert_eq!(numbers.iter().sum::<u64>(), 6);
//! view.release(3);
//! # Ok(())
//! # }
//! ```
//!
//! The background is in the discussions of the unsafe code guidelines: [152] asks what a program may assume of threads
//! that it does not trust, and [607] how memory is best shared with such parties.
//!
//! # Between parties that do not trust each other
//!
//! Use a memfd and hand its descriptor over a Unix socket (the `memfd-over-socket` example). The receiver's check of the
//! seals is what rules out SIGBUS, which a name or a file cannot. Refuse rings that are larger than you expect
//! ([`Options::max_capacity`](crate::Options::max_capacity)). Expect service to be refused, and have a timeout on what you
//! wait for. `SECURITY.md` lists what remains.
//!
//! [152]: https://github.com/rust-lang/unsafe-code-guidelines/issues/152
//! [607]: https://github.com/rust-lang/unsafe-code-guidelines/issues/607
//!
//! Next: [limits](super::limits).
