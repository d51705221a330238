//! What a buggy or hostile peer can do to you, what it cannot, and what the few `unsafe` calls ask of you.
//!
//! # Three kinds of peer
//!
//! | peer | what it does |
//! |---|---|
//! | cooperating | keeps the protocol, and may be killed or stopped at any instruction |
//! | buggy | writes wild values wherever it can write, at any moment |
//! | hostile | means to: it maps the whole region for writing, whatever this library would have done |
//!
//! For all three the safe calls promise: no undefined behaviour, no access outside the region, no panic, no
//! loop without end, no allocation without bound, no sleep that nothing ends. A hostile peer can refuse
//! service, forge its own messages and, by writing our pages through a mapping of its own, make us fail or lose
//! records. It cannot make us misbehave.
//!
//! Not promised: secrets between the two sides (each can read all of the region), and anything against a
//! process that may write your memory otherwise (by `ptrace`, say).
//!
//! # How
//!
//! - A word from the other side's pages is loaded once, checked, and then used: checking one load and using
//!   another is the classic hole. What contradicts the protocol is `Corrupt`, for good, as far as this
//!   attachment is concerned.
//! - What the ring is (capacity, sizes, offsets) was checked in a private copy and is never read from the
//!   region again.
//! - Payload is copied out and in by relaxed atomic words, or by assembly that the compiler cannot look into.
//! - What crosses is an [`Item`](crate::Item): any bytes are a value of it, and it has no padding through which
//!   bytes of our memory could leak. There are no references in it, since an address means nothing elsewhere.
//! - Received descriptors must be sealed, so that nobody can cut the memory under us; names are opened without
//!   following links, and only if nobody else may write them: see [regions](super::regions).
//!
//! So what `pop` returns is *some* value of the type, the one that was pushed if the peer keeps the protocol.
//! Whether it makes sense is for you to check, as with anything that comes from outside:
//!
//! ```
//! use shm_ring::{Options, Region, Ring};
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let ring = Ring::<[u8]>::create(Region::memfd("trust"), Options::new())?;
//! let (mut tx, mut rx) = (ring.producer()?, ring.consumer()?);
//! tx.push(&[200, b'?'])?; // "200 bytes follow", says a peer
//! let message = rx.pop()?;
//! let (&len, body) = message.split_first().ok_or("no header")?;
//! assert_eq!(body.get(..usize::from(len)), None); // checked, not believed
//! # Ok(())
//! # }
//! ```
//!
//! In place, [`Record::read_at`](crate::Record::read_at) and [`copy_to`](crate::Record::copy_to) copy too, and
//! two reads of the same bytes may differ when the peer writes in between. Read once, check the copy, use the
//! copy.
//!
//! # Why a slice is `unsafe`
//!
//! Rust's compiler may assume that what a shared reference leads to does not change, and that nobody else
//! writes what a mutable one leads to. Another process knows nothing of that. If it writes while a `&[u8]` into
//! the region lives, the program has undefined behaviour: the compiler may read a length twice, check the first
//! and use the second. No check at run time can rule that out, since it depends on what the other process does
//! next.
//!
//! Four calls lend references and are therefore `unsafe`: [`Record::as_slice`](crate::Record::as_slice),
//! [`Record::as_value`](crate::Record::as_value),
//! [`Reservation::as_mut_slice`](crate::Reservation::as_mut_slice) and
//! [`Reservation::as_uninit`](crate::Reservation::as_uninit). They have one condition: **while the reference
//! lives, the other side keeps the protocol and leaves this record alone.** A peer that you wrote, of the same
//! user, through this library, does. For one that may be hostile the condition cannot be met: use the calls
//! beside them, which copy.
//!
//! ```
//! use shm_ring::{Options, Region, Ring};
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let ring = Ring::<[u8]>::create(Region::memfd("trust"), Options::new())?;
//! let (mut tx, mut rx) = (ring.producer()?, ring.consumer()?);
//! tx.push(b"a long text")?;
//! let view = rx.peek()?;
//! assert_eq!(view.read_at::<[u8; 6]>(0)?, *b"a long"); // a copy, whoever the peer is
//! // SAFETY: the producer is our own code: it keeps the protocol.
//! let text = unsafe { view.as_slice() };
//! assert_eq!(text.len(), 11);
//! view.release();
//! # Ok(())
//! # }
//! ```
//!
//! The background is in the discussions of the unsafe code guidelines: [152] asks what a program may assume of
//! threads that it does not trust, and [607] how memory is best shared with such parties.
//!
//! # Between parties that do not trust each other
//!
//! Use a memfd and hand its descriptor over a Unix socket (the `memfd-over-socket` example). The receiver's
//! check of the seals is what rules out SIGBUS, which a name or a file cannot. Expect service to be refused,
//! and have a timeout on what you wait for. `SECURITY.md` lists what remains.
//!
//! [152]: https://github.com/rust-lang/unsafe-code-guidelines/issues/152
//! [607]: https://github.com/rust-lang/unsafe-code-guidelines/issues/607
//!
//! Next: [limits](super::limits).
