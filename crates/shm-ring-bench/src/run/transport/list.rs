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
    /// Whether its sides are programs in another language, which have streams, batches and round trips.
    pub(crate) foreign: bool,
}

impl Entry {
    /// Whether a workload can be done with it with messages of that size.
    pub(crate) fn does(&self, workload: Workload, bytes: usize) -> bool {
        match workload {
            Workload::Lines => self.yardstick,
            _ if self.yardstick => false,
            Workload::Fan if self.foreign => false,
            // Compiled for each transport by itself, so for two sizes only.
            Workload::Batch => self.batches && [8, 64].contains(&bytes),
            Workload::Fan => [8, 64].contains(&bytes),
            Workload::Stream | Workload::Echo => bytes <= self.bytes_max,
            _ if self.foreign || !SWEPT.contains(&bytes) => false,
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

const SLEEPING: Entry = Entry {
    name: "",
    what: "",
    idle: Idle::Sleeps,
    messages_max: u64::MAX,
    shown: true,
    threads: false,
    batches: false,
    bytes_max: LARGEST,
    yardstick: false,
    foreign: false,
};
const SPINNING: Entry = Entry { idle: Idle::Spins, ..SLEEPING };
const UNASKED_SLEEPING: Entry = Entry { shown: false, ..SLEEPING };
const UNASKED_SPINNING: Entry = Entry { shown: false, ..SPINNING };
const BETWEEN_THREADS: Entry = Entry { threads: true, bytes_max: BY_VALUE, ..SPINNING };
/// Values are moved through the future.
#[cfg(feature = "tasks")]
const TASK: Entry = Entry { bytes_max: BY_VALUE, ..UNASKED_SLEEPING };
const YARDSTICK: Entry = Entry { yardstick: true, ..UNASKED_SPINNING };

const fn named(name: &'static str, what: &'static str, kind: Entry) -> Entry {
    Entry { name, what, ..kind }
}

/// Every transport, in the order of the tables.
pub(crate) fn list() -> &'static [Entry] {
    const LIST: &[Entry] = &[
        named("shm-ring", "the ring, both sides spinning", Entry { batches: true, ..SPINNING }),
        named("shm-ring-park", "the ring, sleeping as soon as it is idle", SLEEPING),
        named(
            "shm-ring-balanced",
            "the ring as it waits by default: spinning briefly, then sleeping",
            Entry { idle: Idle::SpinsThenSleeps, ..UNASKED_SLEEPING },
        ),
        named(
            "shm-ring-bare",
            "the ring without the look at the sleeper (it could not sleep)",
            UNASKED_SPINNING,
        ),
        named(
            "shm-ring-messages",
            "the ring with messages of any length, copied in and out, both sides spinning",
            Entry { batches: true, ..UNASKED_SPINNING },
        ),
        named(
            "shm-ring-in-place",
            "the ring with messages made and verified where they stand, both sides spinning",
            Entry { batches: true, ..UNASKED_SPINNING },
        ),
        #[cfg(feature = "c")]
        named(
            "c-call",
            "the ring by the calls of its C library, loaded as a shared object, both sides spinning",
            Entry { batches: true, ..UNASKED_SPINNING },
        ),
        // SEM_UNDO counts each handoff, up and down in one process each, in 16 bits.
        named(
            "sysv-binary",
            "System V segment and one semaphore, both sides polling its value",
            Entry { messages_max: 32_000, ..SPINNING },
        ),
        named("sysv-two", "System V segment and two semaphores", SLEEPING),
        named("posix-two", "shared mapping with two POSIX semaphores", SLEEPING),
        named("pipe", "a pipe", SLEEPING),
        named("fifo", "a FIFO with a name in a directory of its own", UNASKED_SLEEPING),
        named("unix-stream", "a pair of Unix stream sockets", SLEEPING),
        named(
            "unix-seqpacket",
            "a pair of Unix sockets that keep messages apart, connected",
            Entry { bytes_max: PACKET, ..UNASKED_SLEEPING },
        ),
        named(
            "unix-datagram",
            "a pair of Unix datagram sockets",
            Entry { bytes_max: PACKET, ..UNASKED_SLEEPING },
        ),
        named("tcp", "TCP over the loopback interface, without Nagle's delay", SLEEPING),
        named("posix-mq", "a POSIX message queue", Entry { bytes_max: QUEUED, ..SLEEPING }),
        named("sysv-mq", "a System V message queue", Entry { bytes_max: QUEUED, ..SLEEPING }),
        named("eventfd", "shared mapping with two event descriptors", SLEEPING),
        named(
            "mutex-condvar",
            "shared mapping with a robust mutex and a condition variable",
            SLEEPING,
        ),
        named(
            "rtrb",
            "the rtrb crate between two threads, for reference",
            Entry { batches: true, ..BETWEEN_THREADS },
        ),
        #[cfg(feature = "go")]
        named(
            "go",
            "the ring in Go: both sides are programs in it, spinning briefly, then sleeping",
            Entry {
                idle: Idle::SpinsThenSleeps,
                batches: true,
                bytes_max: BY_VALUE,
                foreign: true,
                ..UNASKED_SLEEPING
            },
        ),
        #[cfg(feature = "tasks")]
        named("tasks-thread", "the ring between two tasks, a helper thread sleeping", TASK),
        #[cfg(feature = "tasks")]
        named("tasks-io-uring", "the ring between two tasks, sleeping in io_uring", TASK),
        #[cfg(feature = "tasks")]
        named("tasks-tokio", "the ring between two tasks of tokio, sleeping in its reactor", TASK),
        #[cfg(feature = "tasks")]
        named("tokio-unix", "a pair of Unix stream sockets of tokio", TASK),
        #[cfg(feature = "tasks")]
        named("tokio-pipe", "a pipe of tokio", TASK),
        #[cfg(feature = "peers")]
        named("omango", "the omango crate between two threads", BETWEEN_THREADS),
        #[cfg(feature = "peers")]
        named("nexus-queue", "the nexus-queue crate between two threads", BETWEEN_THREADS),
        #[cfg(feature = "peers")]
        named(
            "crossbeam-channel",
            "the crossbeam-channel crate between two threads, spinning briefly, then sleeping",
            Entry { idle: Idle::SpinsThenSleeps, ..BETWEEN_THREADS },
        ),
        #[cfg(feature = "peers")]
        named("ringbuf", "the ringbuf crate between two threads", BETWEEN_THREADS),
        #[cfg(feature = "peers")]
        named(
            "gil",
            "the gil crate between two threads, one sender and one receiver",
            BETWEEN_THREADS,
        ),
        #[cfg(feature = "peers")]
        named("bbqueue", "the bbqueue crate between two threads, frames of bytes", BETWEEN_THREADS),
        #[cfg(feature = "peers")]
        named(
            "shaq",
            "the shaq crate, both sides polling",
            Entry { bytes_max: BY_VALUE, ..SPINNING },
        ),
        #[cfg(feature = "peers")]
        named("shmem-ipc", "the shmem-ipc crate, both sides polling", SPINNING),
        #[cfg(feature = "peers")]
        named(
            "iceoryx2",
            "the iceoryx2 crate, publish and subscribe, both sides polling",
            Entry { bytes_max: BY_VALUE, ..SPINNING },
        ),
        #[cfg(feature = "peers")]
        named(
            "iceoryx2-events",
            "the iceoryx2 crate, publish and subscribe, the receiver waiting for events",
            Entry { bytes_max: BY_VALUE, ..SLEEPING },
        ),
        #[cfg(feature = "peers")]
        named(
            "ipmpsc",
            "the ipmpsc crate, waiting with the mutex and condition variable it has",
            SLEEPING,
        ),
        #[cfg(feature = "peers")]
        named("shmring", "the shmring crate, a stream of bytes, waiting with futexes", SLEEPING),
        #[cfg(feature = "peers")]
        named(
            "ringfire",
            "the ringfire crate in its lossless way, both sides spinning",
            Entry { bytes_max: BY_VALUE, ..SPINNING },
        ),
        #[cfg(feature = "peers")]
        named(
            "cloudtoid-interprocess",
            "the cloudtoid-interprocess crate, messages of bytes, both sides polling",
            SPINNING,
        ),
        named(
            "lines-short",
            "lines of memory written by one side and read by the other, in 64 KiB",
            YARDSTICK,
        ),
        named("lines", "the same in 1 MiB", YARDSTICK),
    ];
    LIST
}

/// The transport of that name.
pub(crate) fn find(name: &str) -> Option<&'static Entry> {
    list().iter().find(|entry| entry.name == name)
}
