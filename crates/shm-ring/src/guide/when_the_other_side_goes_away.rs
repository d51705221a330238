// Owns: the guide's page on closing, dying and restarting. Knows nothing of: how a side waits (waiting.rs).

//! The other side closes, is stopped, or dies: what this side sees, and what a death at any instruction leaves behind.
//!
//! # Three signs
//!
//! Each side has a *session*, a number in its page of the region, a *lease*, a lock that the kernel frees when its
//! holder ends, and a word that the kernel *marks* when it dies. Together they say what [`Producer::peer`](crate::Producer::peer) and
//! [`Consumer::peer`](crate::Consumer::peer) answer:
//!
//! | session | lease | [`Peer`](crate::Peer) |
//! |---|---|---|
//! | 0 | free | `Absent`: nobody has been there yet |
//! | odd | held | `Alive`, be it stopped for hours |
//! | 0 | held | `Attaching`: somebody is about to be there |
//! | even | held or free | `Closed` in order |
//! | odd | marked, held or free | `Dead`: `released` says whether the lease is free |
//!
//! A process is dead from the mark on: no more is expected of it. Its lease is free when the kernel has torn down its memory,
//! which takes a tenth of a second a gigabyte, or when a system call that was under way has ended; until then nobody can
//! take its role, and if such a call still writes a record, that is delivered. A core dump holds up the mark itself, for
//! as long as it takes to write (3 s for a gigabyte).
//!
//! An end that is dropped while its thread unwinds is `Dead` too, and not `Closed`: half a stream must not look whole.
//!
//! No process id is asked whether its process lives: it may be used again, or mean nothing in another namespace.
//!
//! # When a side learns of it
//!
//! `try_` calls never ask about the other side. A `pop` takes everything that was published before it ends with
//! [`PopError::Closed`](crate::PopError::Closed) or [`PopError::PeerDead`](crate::PopError::PeerDead). A `push` succeeds
//! while there is room, since what it publishes waits for the next consumer; only on a full ring does it end with the
//! counterparts. Neither answer is final: as soon as another process takes the role the ring goes on, with another session
//! number. Until then the same call returns the same answer. Call
//! [`Consumer::wait_for_peer`](crate::Consumer::wait_for_peer) or its counterpart to wait for the next one.
//!
//! # Whose end it is
//!
//! A side that has never been there, or had gone before this end attached, is waited for: a service that starts on the ring
//! of yesterday waits for the next producer or consumer. An end counts ([`Ends::Mine`](crate::Ends::Mine)) if
//!
//! - that side was alive when this end attached, or came later; or
//! - it was a producer, and this consumer read records of it.
//!
//! A consumer reports each end once, even if another producer has followed by then, and reads on afterwards. If several
//! producers came and went in between, one report counts for all of them: `PeerDead` if one of them died. The region notes
//! what was reported, so a successor does not report it again. If a consumer is killed before it reports an end, a successor
//! that reads what is left reports it.
//!
//! A program that copies one stream wants more: an empty stream that was closed before it came has ended. With
//! [`Ends::OfStream`](crate::Ends::OfStream) a consumer reports the end of each stream that no earlier consumer has reported,
//! whether it was there or not. Records of the next producer come only after the end of the last one. A
//! [`StreamReader`](crate::StreamReader) and `shm-ring recv` always work so.
//!
//! A side that sleeps learns
//!
//! - of an orderly close from the closing side itself;
//! - of a death from the kernel, usually within a millisecond. Each attached process has one thread that only sleeps and
//!   owns a [robust list]; when the process ends, by whatever signal, by `exit` or by `exec`, the kernel walks that list,
//!   marks the word in the region and wakes the sleeper ([`Options::death_notice`](crate::Options::death_notice)). A word
//!   that lies is its owner's, who may end its session at any time;
//! - of a death from the end of its slice, where the kernel reports none (before Linux 5.16, or refused by a sandbox).
//!   Sleeps are then cut into slices of 100 ms, and after each the lease is asked about. A slice also ends what no protocol can
//!   prevent: a producer that dies between publishing a record and waking its consumer.
//!
//! A side that spins looks at the same words, and asks about the lease ten times a second.
//!
//! [robust list]: https://man7.org/linux/man-pages/man2/set_robust_list.2.html
//!
//! # What a death leaves behind
//!
//! A record exists if `tail` has passed it, and nothing else is asked. Bytes that a producer had written behind `tail` never
//! existed. The next one starts from `tail`, and scans and repairs nothing.
//!
//! | the producer dies | in the region | the consumer | the next producer |
//! |---|---|---|---|
//! | creating, before the region has its name | nothing: an unnamed file goes with its last descriptor (without O_TMPFILE a temporary name stays) | finds no ring | creates it |
//! | creating, after that | a whole, empty ring | attaches; its peer is `Absent` | attaches |
//! | attaching, before its session is odd | the last producer's session | sees what it saw before | attaches |
//! | attaching, after that | an odd session, a free lease | `PeerDead` | takes the next odd number |
//! | in `push`, in `push_batch`, or with a reservation, before `tail` is stored | bytes behind `tail` | nothing of the record, nor of any of the batch | writes over them |
//! | the same, while the front is being written | the mark on `tail`: the front is not used | the same | the same |
//! | after storing `tail`, before it rings | the record or the whole batch, and a consumer that sleeps | learns of the death (or its slice ends), pops all, then `PeerDead` | |
//! | asleep, waiting for room | its `wake_at` is set | rings for nobody; pops all, then `PeerDead` | takes it back |
//! | closing, before its session is even | an odd session, a free lease | `PeerDead` | as after any death |
//! | closing, after that | an even session, a free lease | `Closed`; if it sleeps, the kernel's mark wakes it until the liveness word is cleared, and the ring of the bell before that | attaches |
//!
//! | the consumer dies | in the region | the producer | the next consumer |
//! |---|---|---|---|
//! | in `pop`, before `head` is stored | the record | has no more room than before | pops it |
//! | in `pop`, after that, or later with the item in hand | the record's room is free | may use it | goes on behind it: the item is lost (at most once) |
//! | with a [`View`](crate::View), before `release` stores `head` | the records | has no more room than before | sees them again (at least once) |
//! | in `pop_batch`, before `head` is stored | all of the batch | has no more room than before | pops all of it again |
//! | after storing `head`, before it rings | room that a sleeping producer does not know of | learns of the death, or its slice ends; takes the room, then `PeerDead` when the ring is full | |
//! | asleep, waiting for a record | its `wake_at` is set | rings once for nobody | takes it back |
//! | attaching or closing | as for the producer | as for the consumer | as for the producer |
//!
//! With both dead the region, if it has a name or a process holds its descriptor, is what the next pair continues with.
//!
//! After a power loss nothing is promised for a region in a file on a disk: pages are written back in any order.
//!
//! # What counts as alive
//!
//! A stopped process is alive: its role is not taken over, and it goes on after SIGCONT.
//!
//! # Children
//!
//! A child of `fork` owns nothing of what it inherits: attach after forking, and after becoming a daemon. Before anything
//! else runs in the child, its copy of the lease is closed and zeros take the place of the ring in its memory. Each call on
//! an inherited end returns [`PopError::Forked`](crate::PopError::Forked) or its counterpart. Dropping one does nothing.
//!
//! - A batch whose iterator or closure forks goes on in the child among zeros. Nobody sees what it writes.
//! - The writer of a latest value has no error to return: what it writes in a child nobody reads. A reader of one works in
//!   the child as in its parent.
//! - A handle that was opened by [`Region::for_one_role`](crate::Region::for_one_role) is its parent's too: a child takes no
//!   role by it. By any other handle it takes the roles that are free.
//! - A child closes its copies when it first runs. Until then its parent's role stays held if the parent dies.
//! - `_Fork` and `clone` run no handlers. Such a child keeps its parent's role until it execs or exits, and dies if it uses
//!   an inherited end.
//! - A child that shares its parent's memory (`vfork`) counts as its parent.
//!
//! # Starting over
//!
//! A service that restarts its half attaches again and goes on:
//!
//! ```
//! use shm_ring::{Options, PopError, Producer, Region, Ring};
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let ring = Ring::<u64>::create(Region::memfd("restarts"), &Options::new())?;
//! let mut rx = ring.consumer()?;
//! for life in 0..3 {
//!     let mut tx: Producer<u64> = ring.producer()?;
//!     tx.push(life)?;
//!     tx.close(); // or a crash
//! }
//! assert_eq!((rx.pop()?, rx.pop()?, rx.pop()?), (0, 1, 2));
//! assert_eq!(rx.pop(), Err(PopError::Closed));
//! # Ok(())
//! # }
//! ```
//!
//! Next: [in a service under a supervisor](super::services).
