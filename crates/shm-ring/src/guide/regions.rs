// Owns: the guide's page on where memory comes from, who may open it, what it leaves. Knows nothing of: what is in a region.

//! Shared memory: its nature and cost, who may open it, what is left behind, and how to clean up.
//!
//! # Private and shared mappings
//!
//! A mapping makes the pages of a file, or of memory without a file, appear at addresses of a process. In a
//! *private* mapping a page is copied at the first write, and nobody else sees what was written; a program's
//! data and its heap are such mappings. In a *shared* one all processes that map the page see the same memory:
//! what one stores the other loads, without a system call. All of a region is mapped shared. Two processes see
//! it at different addresses, which is why nothing in it may be a pointer.
//!
//! # Where the memory comes from
//!
//! | | made by | who finds it | lives until |
//! |---|---|---|---|
//! | [`Region::named`](crate::Region::named) | a file in `/dev/shm`, a file system in memory, as `shm_open` makes | whoever knows the name and may write the file | the name is removed and the last process lets go, or the machine goes down |
//! | [`Region::memfd`](crate::Region::memfd) | `memfd_create`: a file without a name | whoever inherits or is sent the descriptor | the last descriptor and mapping go |
//! | [`Region::file`](crate::Region::file) | a file on any disk | as with a name | it is removed; what was written back outlives the machine |
//! | [`Region::descriptor`](crate::Region::descriptor) | received | | as what it leads to |
//! | [`Region::for_one_role`](crate::Region::for_one_role) | received, by an end in a sandbox that may open nothing | | as what it leads to |
//!
//! A name is for processes that are started apart; a memfd for a process and those that it starts or talks to,
//! and for parties that do not trust each other. A file on a disk is written back by the kernel now and then,
//! which costs bandwidth and is rarely wanted; a file on a tmpfs is as good as a name.
//!
//! # Closing and unlinking
//!
//! A mapping needs neither the descriptor nor the name through which it was made. Closing the descriptor keeps
//! the mapping, and removing the name keeps the memory, as long as somebody maps it or has it open. So a
//! [`Ring`](crate::Ring) may be dropped when its ends have been taken, and a name may be removed as soon as
//! both sides are there. Then nothing can be left behind, whoever is killed later:
//!
//! ```
//! use shm_ring::{Consumer, Error, Options, Producer, Region};
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let name = &format!("/shm-ring-doc-unlink-{}", std::process::id());
//! let mut tx = Producer::<u64>::create(name.as_str(), &Options::new())?;
//! let mut rx = Consumer::<u64>::open(name.as_str())?;
//! Region::named(name).unlink()?;
//! assert!(matches!(Consumer::<u64>::open(name.as_str()), Err(Error::NotFound { .. })));
//! tx.push(7)?;
//! assert_eq!(rx.pop()?, 7);
//! # Ok(())
//! # }
//! ```
//!
//! The price: a side that restarts does not find the ring again.
//!
//! # Who is under the name
//!
//! A side that attaches takes its role's lock and then looks whether the file still has a name. If not, it is not attached:
//! `open_or_create` of an end starts over, `open` finds what the name leads to now, and a handle such as
//! [`Ring`](crate::Ring) says [`Error::NameGone`](crate::Error::NameGone). A name is removed, or given to another region,
//! only by a process that holds the locks of all roles, and only if nothing in the region is unread:
//!
//! | | removes or replaces | unless |
//! |---|---|---|
//! | [`Region::unlink_unused`](crate::Region::unlink_unused), `shm-ring rm`, `shm-ring gc` | at once | a role is held, a record is unread, or there is a latest value |
//! | [`Region::unlink_unused_and_discard`](crate::Region::unlink_unused_and_discard), `rm --unread`, `gc --unread` | at once | a role is held |
//! | [`Options::unlink_on_drop`](crate::Options::unlink_on_drop) | when the last user leaves | a role is held, or a record is unread |
//! | `shm-ring recv`, of a ring that it or `send` made | at the end of the stream | a role is held, or a record is unread |
//! | [`Ring::replace_if_unused`](crate::Ring::replace_if_unused) | at once, by a rename: the name is never missing | a role is held, or a record is unread |
//! | [`Region::unlink`](crate::Region::unlink), `shm-ring rm --force`, `rm` | at once | |
//!
//! So an end that is attached keeps its name until it closes, and what was pushed waits for a consumer, except beside the
//! last row: Linux cannot remove a name only if it leads to a certain file. An end asks
//! [`has_lost_its_name`](crate::Producer::has_lost_its_name). A descriptor, and a memfd, has no name to lose.
//!
//! To change the capacity or the label of a ring that services use, let the old consumer read what is left, then let the new
//! version of either side replace it:
//!
//! ```
//! use shm_ring::{Error, Options, Ring};
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let name = &format!("/shm-ring-doc-rolling-{}", std::process::id());
//! # Ring::<u64>::create(name.as_str(), &Options::new().items(100))?;
//! let options = Options::new().items(200).unlink_on_drop();
//! let ring = match Ring::<u64>::open_or_create(name.as_str(), &options) {
//!     // RoleTaken or Unread: the old side is still there, or has not read all. Try again later.
//!     Err(Error::Incompatible { .. }) => Ring::replace_if_unused(name.as_str(), &options)?,
//!     ring => ring?,
//! };
//! assert_eq!(ring.limit_bytes(), 1600);
//! # Ok(())
//! # }
//! ```
//!
//! # Page faults and prefaulting
//!
//! Mapping reserves addresses. A process that touches a page for the first time is stopped by a *page fault*:
//! the kernel finds the memory, or takes a free page and clears it, and enters it into the process's page
//! table. That is paid page by page, or a few pages at a time, by each process (twice for data, which is mapped
//! twice), in the middle of whatever the program was doing. For a ring it means that the first lap is slower
//! than the rest.
//!
//! The memory itself (for a file on a disk: the room there) is taken when the ring is created, by `fallocate`.
//! So a lack of it is an error there ([`Error::NoSpace`](crate::Error::NoSpace)), and a fault only takes time.
//! [`Options::prefault`](crate::Options::prefault) takes all of them when a side attaches, which is longer
//! then:
//!
//! ```
//! use shm_ring::{Options, Region, Ring};
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let options = Options::new().bytes(1 << 20).prefault();
//! let ring = Ring::<u64>::create(Region::memfd("no faults later"), &options)?;
//! let (tx, rx) = (ring.producer()?, ring.consumer()?); // all faults are here
//! # Ok(())
//! # }
//! ```
//!
//! It is each side's own choice: the other side's page table is another. For example, in a ring of 64 MiB,
//! both sides in one process on a busy virtual machine, unoptimised, a record of a page took 20 to 24
//! microseconds in the first lap and 5 to 8 in those after; with `prefault` 5 to 8 from the first on, and
//! attaching one side took 150 milliseconds instead of 0.2.
//!
//! # Swapping and locking
//!
//! Pages of `/dev/shm` and memfds can be swapped out when memory is short, and pages of a file dropped and read
//! again. The next touch is then a fault that waits for a disk. [`Options::lock_memory`](crate::Options::lock_memory)
//! keeps them in memory (`mlock`) while this side is attached. It counts against `RLIMIT_MEMLOCK` (`ulimit -l`), the
//! data twice, and attaching fails if that is too low.
//!
//! # Sparse regions
//!
//! [`Options::sparse`](crate::Options::sparse) gives the region its length and takes memory only for pages that
//! are touched. So a ring can have gigabytes and cost, at first, what was written; a ring that is always nearly
//! empty still walks through all of it and comes to cost all of it in a lap. The price is that a lack of memory
//! shows late, as SIGBUS.
//!
//! # Who may open it
//!
//! - A new named or file region has mode 0600: its owner and nobody else.
//!   [`Options::mode`](crate::Options::mode) sets another, exactly that one: the *umask*, by which a process
//!   takes rights away from the files that it makes, has no say.
//! - Both sides need the right to write, since the consumer writes its own page too.
//! - An opener refuses a region of another user unless it says
//!   [`Options::any_owner`](crate::Options::any_owner), one that its group or others may write unless its own
//!   `mode` says so too, and anything that is a link, a device, a pipe, or has a second name. `/dev/shm`
//!   belongs to everybody: any user can put something under a name before you do.
//! - For a memfd the right is to have the descriptor.
//!
//! Two users share a region by a group, which need not be the first one of either. Make it and put both into it (`groupadd
//! ticks; usermod -aG ticks alice; usermod -aG ticks bob`, and log in again), look up its number (`getent group ticks`), and
//! let both sides say the same:
//!
//! ```
//! use shm_ring::Options;
//! let options = Options::new().group(1500).mode(0o660).any_owner();
//! ```
//!
//! The creator then gives the region to the group before it has its name ([`Options::group`](crate::Options::group);
//! only a member may), `mode` lets the group write it, and `any_owner` opens what the other user made. In `/dev/shm` only the
//! owner of a file may remove or replace it: `unlink_on_drop` of the other user does nothing.
//!
//! # What survives, and how to clean it
//!
//! A named region survives both processes, killed or not, with all that was published and not read. That is
//! what lets either side restart. It goes
//!
//! - by what [the table](#who-is-under-the-name) lists: `shm-ring ls` shows the rings that there are, as `ipcs` does for
//!   System V, and `shm-ring gc` removes all that nobody uses;
//! - with the machine; and, where `systemd-logind` has `RemoveIPC=yes` (its default), for ordinary users at the
//!   end of their last session: run services as system users;
//! - with its container, if that has a `/dev/shm` of its own, as most have. It is often small (64 MiB): see
//!   `--shm-size`.
//!
//! A process that is killed removes nothing; its successor, the other side or `shm-ring gc` does. A memfd leaves nothing,
//! whoever is killed. In a control group with a memory limit, memory of a region counts
//! for the process that touched or allocated it first.
//!
//! # SIGBUS
//!
//! A mapping is a promise that can be broken: a process that touches a page for which there is no memory gets SIGBUS. This library installs no handler. It can happen
//!
//! - in a named or file region that another process truncates, which takes the right to write it;
//! - in a sparse region when the file system or the memory is full;
//! - where a process has punched a hole, and memory is full;
//! - in a file on a disk that cannot be read any more, or on a file system that needs new room for each write
//!   (copy on write) and has none.
//!
//! It cannot happen in a memfd that is neither sparse nor punched: its seals keep it from being cut, and a
//! received descriptor without them is refused.
//!
//! Next: [what lies where](super::layout).
