//! Owns: [`Peer`], what is known about the other side. Knows nothing of: how that is found out.

use crate::protocol::session::Life;

/// The state of the other side of a ring.
///
/// A process that is stopped is alive. Neither `Closed` nor `Dead` is final: another process may
/// take the role, and then the session number is another.
///
/// ```
/// # let ring = shm_ring::Ring::<u64>::create(shm_ring::Region::memfd("doc"), &Default::default())?;
/// # let (mut tx, mut rx) = (ring.producer()?, ring.consumer()?);
/// assert!(matches!(rx.peer(), shm_ring::Peer::Alive { session: 1, .. }));
/// tx.close();
/// assert_eq!(rx.peer(), shm_ring::Peer::Closed { session: 2 });
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Peer {
    /// Nobody has attached yet.
    Absent,
    /// Somebody is about to attach for the first time: there is no session yet.
    Attaching,
    /// Somebody holds the role.
    Alive {
        /// The number of the attachment: odd.
        session: u64,
        /// The process id that it wrote down, for display. `None` if it is a number of another pid namespace, or if
        /// either side could not ask for its own, which takes `/proc`.
        pid: Option<u32>,
    },
    /// The last holder closed in order.
    Closed {
        /// The number of the attachment, plus one: even.
        session: u64,
    },
    /// The last holder died.
    Dead {
        /// The number of the attachment: odd.
        session: u64,
        /// As of one that is alive; `None` too if a successor has written its own.
        pid: Option<u32>,
        /// Whether the kernel has freed its lease. It reports a death at once, and frees the lease when it has torn down the
        /// memory of the process: until then nobody can take the role, and a system call of the dead may still write.
        released: bool,
    },
}

impl Peer {
    pub(crate) fn of(life: Life, session: u64, pid: Option<u32>) -> Self {
        match life {
            Life::Absent => Self::Absent,
            Life::Attaching => Self::Attaching,
            Life::Alive => Self::Alive { session, pid },
            Life::Closed => Self::Closed { session },
            Life::Dead { released } => Self::Dead { session, pid, released },
        }
    }
}
