// Owns: the guide's page on services that a supervisor starts, and on containers. Knows nothing of: what a death leaves behind.

//! In a service under a supervisor: restarts, upgrades, systemd, containers.
//!
//! # Either side may start first, and again
//!
//! Let both sides call `open_or_create` with the same options. Then no order of starting matters, and neither does a
//! restart: the ring, with what is unread in it, waits under its name.
//!
//! ```
//! use std::sync::atomic::{AtomicBool, Ordering};
//! use std::time::Duration;
//! use shm_ring::{Consumer, Options, PopError};
//!
//! static STOPPING: AtomicBool = AtomicBool::new(false);
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let name = &format!("/shm-ring-doc-services-{}", std::process::id());
//! # let options = Options::new().items(4096).label("ticks v1").unlink_on_drop();
//! # let mut tx = shm_ring::Producer::<u64>::open_or_create(name.as_str(), &options)?;
//! # tx.push(1)?;
//! # let mut sum = 0;
//!
//! // let options = Options::new().items(4096).label("ticks v1");
//! let mut rx = Consumer::<u64>::open_or_create(name.as_str(), &options)?;
//! let wait = rx.interrupt_handle(); // for whoever sees SIGTERM: it sets STOPPING, then interrupts
//! # tx.close();
//! # let stopper = std::thread::spawn(move || {
//! #     std::thread::sleep(Duration::from_millis(20));
//! #     STOPPING.store(true, Ordering::Relaxed);
//! #     wait.interrupt();
//! # });
//! while !STOPPING.load(Ordering::Relaxed) {
//!     match rx.pop() {
//!         Ok(tick) => sum += tick,
//!         // The feed restarts: its successor goes on where it stopped.
//!         Err(PopError::Closed | PopError::PeerDead) => _ = rx.wait_for_peer(Duration::MAX),
//!         Err(PopError::Interrupted) => {}
//!         Err(error) => return Err(error.into()),
//!     }
//! }
//! # stopper.join().unwrap();
//! # assert_eq!(sum, 1);
//! # Ok(())
//! # }
//! ```
//!
//! - A producer learns of a consumer that is gone only when the ring is full: `push` then ends with `Closed` or `PeerDead`,
//!   and the item was not published. Wait for the next consumer in the same way, and push it again.
//! - The supervisor starts the successor as soon as the process is gone. If the kernel is still tearing down its memory,
//!   attaching waits for the role, up to [`Options::attach_timeout`](crate::Options::attach_timeout) (5 s).
//! - A service that is killed while it handles what it popped has lost that. One that may not lose it reads in place and
//!   releases afterwards: see the example `exactly-once`.
//! - [`Options::unlink_on_drop`](crate::Options::unlink_on_drop) is for programs that end together: it removes an empty ring
//!   when its last user leaves. Services keep theirs.
//! - Do not fork after attaching, and do not daemonize: a child has no role.
//!
//! # Upgrades
//!
//! A new version with the same item type, label and size simply takes the role when the old one has left it. Two versions at
//! the same time are refused: `RoleTaken` names the process that is there. For another size, label or type let the old
//! consumer read what is left and stop both sides; the new ones replace the ring by
//! [`Ring::replace_if_unused`](crate::Ring::replace_if_unused), under a name that is never missing: see
//! [regions](super::regions#who-is-under-the-name). Put a version into the label: then an old service that is started by
//! mistake gets an error that shows both labels, instead of wrong numbers.
//!
//! # systemd
//!
//! ```text
//! [Unit]
//! Description=Feed of ticks
//!
//! [Service]
//! User=ticks
//! ExecStart=/usr/local/bin/feed /ticks
//! Restart=always
//! RestartSec=100ms
//! # On top of it, with no effect on rings: PrivateTmp=yes, PrivateIPC=yes, PrivateDevices=yes, ProtectSystem=strict.
//!
//! [Install]
//! WantedBy=multi-user.target
//! ```
//!
//! | setting | does to rings |
//! |---|---|
//! | `RemoveIPC=` of a unit, and `DynamicUser=`, which implies it | When the last unit of that user stops, systemd removes the shared memory that the user owns, rings with unread records too. It has no effect on root's. Leave it off for services that share a ring |
//! | `RemoveIPC=` of `logind.conf`, on by default | The same when an ordinary user's last session ends. System users are exempt: run services as system users |
//! | `PrivateTmp=` | Nothing: it is about `/tmp` and `/var/tmp`. A ring in a *file* under `/tmp` is then the unit's own |
//! | `PrivateIPC=` | Nothing: an IPC namespace holds System V objects and message queues of POSIX. `/dev/shm` is a file system |
//! | `PrivateDevices=` | Nothing: the unit's `/dev` is another, and the machine's `/dev/shm` is mounted into it |
//! | `TemporaryFileSystem=/dev/shm`, `InaccessiblePaths=/dev/shm` | The unit has a `/dev/shm` of its own, or none: no named ring is shared with others |
//! | `SystemCallFilter=` | Refused `membarrier` or `futex_waitv` cost latency ([limits](super::limits#kernels-and-machines)); refused `memfd_create`, `fallocate` or `fcntl` locks are errors that name the call |
//! | `LimitMEMLOCK=` | [`Options::lock_memory`](crate::Options::lock_memory) needs twice the ring's bytes |
//! | `MemoryMax=` | A region counts for the unit that touched its pages first |
//! | `Restart=` | Any: a ring survives all of them |
//!
//! Two services of different users share a ring by a common group: [who may open it](super::regions#who-may-open-it).
//! `KillSignal=SIGTERM` without a handler is a death to the other side (`PeerDead`), which loses nothing. An
//! [`Interrupt`](crate::Interrupt) from a handler makes an orderly close (`Closed`) of it.
//!
//! A timer that runs `shm-ring gc 'feed-*'` removes rings of services that are no longer installed. It leaves what is in use,
//! unread, or younger than a minute.
//!
//! # Containers
//!
//! Both sides must see the same region. Most container engines give each container a `/dev/shm` of its own, of 64 MiB. Share
//! one:
//!
//! | | how |
//! |---|---|
//! | Docker, Podman | `--ipc=shareable` for the first container and `--ipc=container:FIRST` for the second share `/dev/shm`; or mount one volume on a tmpfs at `/dev/shm` in both (`-v`, `--shm-size` for its size) |
//! | Kubernetes | two containers of one pod: a volume `emptyDir` with `medium: Memory`, mounted at `/dev/shm` in both |
//! | host and container | `-v /dev/shm:/dev/shm`, which shares all of it; or a directory under it, and [`Region::file`](crate::Region::file) |
//! | any two processes with a socket between them | a memfd, sent over it: [`Region::descriptor`](crate::Region::descriptor), example `memfd-over-socket` |
//!
//! - User ids must agree: an opener compares the owner of the region with its own user id, as its user namespace shows both.
//!   Where they differ, use a group and [`Options::any_owner`](crate::Options::any_owner).
//! - A common pid namespace is not needed. In another one, errors and `shm-ring ls` show no process id of the other side.
//! - The ring goes with the volume or the `/dev/shm` that it is in, not with either container, if they are not the same.
//! - Both containers run under one kernel. Two virtual machines do not.
//!
//! # What to look at
//!
//! `shm-ring ls` shows who holds which end and how full each ring is, `shm-ring top` rates and how often a side had to wait.
//! A service can count for itself: [`Producer::stats`](crate::Producer::stats), and
//! [`Producer::count_dropped`](crate::Producer::count_dropped) for what it threw away when the ring was full. `shm-ring doctor`
//! says what a machine lacks.
//!
//! Next: [trust](super::trust).
