//! Every transport by name and what the harness must know about each. It must not know how any of
//! them works, nor their types.

use crate::run::spec::{SWEPT, Workload};

/// What a side of a transport does while it waits, which decides how a run is judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Idle {
    /// Keeps its processor busy and needs one of its own.
    Spins,
    /// Spins as long as messages keep coming, sleeps when they do not.
    SpinsThenSleeps,
    /// Leaves its processor to others.
    Sleeps,
}

/// A transport by name, and what the harness must know about it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry {
    pub(crate) name: &'static str,
    pub(crate) what: &'static str,
    pub(crate) idle: Idle,
    /// The most messages that a run can carry.
    pub(crate) messages_max: u64,
    /// Whether a comparison shows it unasked.
    pub(crate) shown: bool,
    /// Two threads of one process instead of two processes.
    pub(crate) threads: bool,
    /// Whether it passes several messages in one call.
    pub(crate) batches: bool,
    /// The largest message that it carries.
    pub(crate) bytes_max: usize,
    /// Whether it is a measure for others and carries no messages.
    pub(crate) yardstick: bool,
}

impl Entry {
    /// Whether a workload can be done with it with messages of that size.
    pub(crate) fn does(&self, workload: Workload, bytes: usize) -> bool {
        match workload {
            Workload::Lines => self.yardstick,
            _ if self.yardstick => false,
            // Compiled for each transport by itself, so for two sizes only.
            Workload::Batch => self.batches && [8, 64].contains(&bytes),
            Workload::Fan => [8, 64].contains(&bytes),
            Workload::Stream | Workload::Echo => bytes <= self.bytes_max,
            _ if !SWEPT.contains(&bytes) => false,
            // A side that spins would keep the other from the processor that both share.
            workload if workload.is_on_one_core() && self.idle == Idle::Spins => false,
            _ if bytes > self.bytes_max => false,
            // Threads share what is measured there.
            workload if workload.is_steady() => !self.threads,
            _ => true,
        }
    }
}

/// The largest message that anything is asked to carry.
const LARGEST: usize = 1 << 20;
/// What fits the send buffer that a socket has by default, with what the kernel keeps beside it.
const PACKET: usize = 65_536;
/// The largest size of ours below 8192 bytes, which the kernel allows a message of a queue by default.
const QUEUED: usize = 4096;
/// What passes messages by value moves them over stacks, several times, and takes the compiler long.
const BY_VALUE: usize = 4096;

const PLAIN: Entry = Entry {
    name: "",
    what: "",
    idle: Idle::Sleeps,
    messages_max: u64::MAX,
    shown: true,
    threads: false,
    batches: false,
    bytes_max: LARGEST,
    yardstick: false,
};

#[cfg(feature = "peers")]
const PEER: Entry = PLAIN;

/// Every transport, in the order of the tables.
pub(crate) fn list() -> &'static [Entry] {
    const LIST: &[Entry] = &[
        Entry {
            name: "shm-ring",
            what: "the ring, both sides spinning",
            idle: Idle::Spins,
            batches: true,
            ..PLAIN
        },
        Entry { name: "shm-ring-park", what: "the ring, sleeping as soon as it is idle", ..PLAIN },
        Entry {
            name: "shm-ring-balanced",
            what: "the ring as it waits by default: spinning briefly, then sleeping",
            idle: Idle::SpinsThenSleeps,
            shown: false,
            ..PLAIN
        },
        Entry {
            name: "shm-ring-bare",
            what: "the ring without the look at the sleeper (it could not sleep)",
            idle: Idle::Spins,
            shown: false,
            ..PLAIN
        },
        Entry {
            name: "shm-ring-messages",
            what: "the ring with messages of any length, copied in and out, both sides spinning",
            idle: Idle::Spins,
            batches: true,
            shown: false,
            ..PLAIN
        },
        Entry {
            name: "shm-ring-in-place",
            what: "the ring with messages made and verified where they stand, both sides spinning",
            idle: Idle::Spins,
            batches: true,
            shown: false,
            ..PLAIN
        },
        Entry {
            name: "sysv-binary",
            what: "System V segment and one semaphore, both sides polling its value",
            idle: Idle::Spins,
            // SEM_UNDO counts each handoff, up and down in one process each, in 16 bits.
            messages_max: 32_000,
            ..PLAIN
        },
        Entry { name: "sysv-two", what: "System V segment and two semaphores", ..PLAIN },
        Entry { name: "posix-two", what: "shared mapping with two POSIX semaphores", ..PLAIN },
        Entry { name: "pipe", what: "a pipe", ..PLAIN },
        Entry {
            name: "fifo",
            what: "a FIFO with a name in a directory of its own",
            shown: false,
            ..PLAIN
        },
        Entry { name: "unix-stream", what: "a pair of Unix stream sockets", ..PLAIN },
        Entry {
            name: "unix-seqpacket",
            what: "a pair of Unix sockets that keep messages apart, connected",
            bytes_max: PACKET,
            shown: false,
            ..PLAIN
        },
        Entry {
            name: "unix-datagram",
            what: "a pair of Unix datagram sockets",
            bytes_max: PACKET,
            shown: false,
            ..PLAIN
        },
        Entry {
            name: "tcp",
            what: "TCP over the loopback interface, without Nagle's delay",
            ..PLAIN
        },
        Entry { name: "posix-mq", what: "a POSIX message queue", bytes_max: QUEUED, ..PLAIN },
        Entry { name: "sysv-mq", what: "a System V message queue", bytes_max: QUEUED, ..PLAIN },
        Entry { name: "eventfd", what: "shared mapping with two event descriptors", ..PLAIN },
        Entry {
            name: "mutex-condvar",
            what: "shared mapping with a robust mutex and a condition variable",
            ..PLAIN
        },
        Entry {
            name: "rtrb",
            what: "the rtrb crate between two threads, for reference",
            idle: Idle::Spins,
            threads: true,
            bytes_max: BY_VALUE,
            batches: true,
            ..PLAIN
        },
        #[cfg(feature = "peers")]
        Entry {
            name: "omango",
            what: "the omango crate between two threads",
            idle: Idle::Spins,
            threads: true,
            bytes_max: BY_VALUE,
            ..PEER
        },
        #[cfg(feature = "peers")]
        Entry {
            name: "nexus-queue",
            what: "the nexus-queue crate between two threads",
            idle: Idle::Spins,
            threads: true,
            bytes_max: BY_VALUE,
            ..PEER
        },
        #[cfg(feature = "peers")]
        Entry {
            name: "crossbeam-channel",
            what: "the crossbeam-channel crate between two threads, spinning briefly, then sleeping",
            idle: Idle::SpinsThenSleeps,
            threads: true,
            bytes_max: BY_VALUE,
            ..PEER
        },
        #[cfg(feature = "peers")]
        Entry {
            name: "ringbuf",
            what: "the ringbuf crate between two threads",
            idle: Idle::Spins,
            threads: true,
            bytes_max: BY_VALUE,
            ..PEER
        },
        #[cfg(feature = "peers")]
        Entry {
            name: "gil",
            what: "the gil crate between two threads, one sender and one receiver",
            idle: Idle::Spins,
            threads: true,
            bytes_max: BY_VALUE,
            ..PEER
        },
        #[cfg(feature = "peers")]
        Entry {
            name: "bbqueue",
            what: "the bbqueue crate between two threads, frames of bytes",
            idle: Idle::Spins,
            threads: true,
            bytes_max: BY_VALUE,
            ..PEER
        },
        #[cfg(feature = "peers")]
        Entry {
            name: "shaq",
            what: "the shaq crate, both sides polling",
            idle: Idle::Spins,
            bytes_max: BY_VALUE,
            ..PEER
        },
        #[cfg(feature = "peers")]
        Entry {
            name: "shmem-ipc",
            what: "the shmem-ipc crate, both sides polling",
            idle: Idle::Spins,
            ..PEER
        },
        #[cfg(feature = "peers")]
        Entry {
            name: "iceoryx2",
            what: "the iceoryx2 crate, publish and subscribe, both sides polling",
            idle: Idle::Spins,
            bytes_max: BY_VALUE,
            ..PEER
        },
        #[cfg(feature = "peers")]
        Entry {
            name: "iceoryx2-events",
            what: "the iceoryx2 crate, publish and subscribe, the receiver waiting for events",
            bytes_max: BY_VALUE,
            ..PEER
        },
        #[cfg(feature = "peers")]
        Entry {
            name: "ipmpsc",
            what: "the ipmpsc crate, waiting with the mutex and condition variable it has",
            ..PEER
        },
        #[cfg(feature = "peers")]
        Entry {
            name: "shmring",
            what: "the shmring crate, a stream of bytes, waiting with futexes",
            ..PEER
        },
        #[cfg(feature = "peers")]
        Entry {
            name: "ringfire",
            what: "the ringfire crate in its lossless way, both sides spinning",
            idle: Idle::Spins,
            bytes_max: BY_VALUE,
            ..PEER
        },
        #[cfg(feature = "peers")]
        Entry {
            name: "cloudtoid-interprocess",
            what: "the cloudtoid-interprocess crate, messages of bytes, both sides polling",
            idle: Idle::Spins,
            ..PEER
        },
        Entry {
            name: "lines-short",
            what: "lines of memory written by one side and read by the other, in 64 KiB",
            idle: Idle::Spins,
            shown: false,
            yardstick: true,
            ..PLAIN
        },
        Entry {
            name: "lines",
            what: "the same in 1 MiB",
            idle: Idle::Spins,
            shown: false,
            yardstick: true,
            ..PLAIN
        },
    ];
    LIST
}

/// The transport of that name.
pub(crate) fn find(name: &str) -> Option<&'static Entry> {
    list().iter().find(|entry| entry.name == name)
}
