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
    /// Whether this program was built with it.
    built: bool,
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

/// The ring as it waits if its user says nothing: the row that headlines are about.
pub(crate) const DEFAULT: &str = "shm-ring-default";

/// Whether a transport is the ring, in whatever way it waits and from whatever language it is called.
pub(crate) fn is_the_ring(name: &str) -> bool {
    let doors = ["c-call", "go", "tasks-thread", "tasks-io-uring", "tasks-tokio"];
    name.starts_with("shm-ring") || doors.contains(&name)
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
    built: true,
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
const TASK: Entry = Entry { bytes_max: BY_VALUE, ..UNASKED_SLEEPING };
const YARDSTICK: Entry = Entry { yardstick: true, ..UNASKED_SPINNING };

const fn named(name: &'static str, what: &'static str, kind: Entry) -> Entry {
    Entry { name, what, ..kind }
}

const fn with_c(name: &'static str, what: &'static str, kind: Entry) -> Entry {
    Entry { built: cfg!(feature = "c"), ..named(name, what, kind) }
}

const fn with_go(name: &'static str, what: &'static str, kind: Entry) -> Entry {
    Entry { built: cfg!(feature = "go"), ..named(name, what, kind) }
}

const fn with_tasks(name: &'static str, what: &'static str, kind: Entry) -> Entry {
    Entry { built: cfg!(feature = "tasks"), ..named(name, what, kind) }
}

const fn peer(name: &'static str, what: &'static str, kind: Entry) -> Entry {
    Entry { built: cfg!(feature = "peers"), ..named(name, what, kind) }
}

/// Every transport, in the order of the tables.
static LIST: &[Entry] = &[
    named(
        DEFAULT,
        "the ring as it waits by default: a side spins for tens of microseconds, then sleeps",
        Entry { idle: Idle::SpinsThenSleeps, ..SLEEPING },
    ),
    named(
        "shm-ring-spin",
        "the ring told never to sleep: both sides spin",
        Entry { batches: true, ..SPINNING },
    ),
    named("shm-ring-park", "the ring told to sleep as soon as it is idle", SLEEPING),
    named(
        "shm-ring-bare",
        "the ring without the look for a sleeper: both sides spin and could not sleep",
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
    with_c(
        "c-call",
        "the ring by the calls of its C library, loaded as a shared object, both sides spinning",
        Entry { batches: true, ..UNASKED_SPINNING },
    ),
    // SEM_UNDO counts each handoff, up and down in one process each, in 16 bits.
    named(
        "sysv-binary",
        "the textbook handoff: a System V segment and one semaphore whose value both sides poll",
        Entry { messages_max: 32_000, ..SPINNING },
    ),
    named("sysv-two", "a System V segment and two semaphores", SLEEPING),
    named("posix-two", "a shared mapping with two POSIX semaphores", SLEEPING),
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
    named("eventfd", "a shared mapping with two event descriptors", SLEEPING),
    named(
        "mutex-condvar",
        "a shared mapping with a robust mutex and a condition variable",
        SLEEPING,
    ),
    named(
        "rtrb",
        "the rtrb crate, a ring between two threads of one process: for reference",
        Entry { batches: true, ..BETWEEN_THREADS },
    ),
    with_go(
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
    with_tasks("tasks-thread", "the ring between two tasks, a helper thread sleeping", TASK),
    with_tasks("tasks-io-uring", "the ring between two tasks, sleeping in io_uring", TASK),
    with_tasks("tasks-tokio", "the ring between two tasks of tokio, sleeping in its reactor", TASK),
    with_tasks("tokio-unix", "a pair of Unix stream sockets of tokio", TASK),
    with_tasks("tokio-pipe", "a pipe of tokio", TASK),
    peer("omango", "the omango crate between two threads", BETWEEN_THREADS),
    peer("nexus-queue", "the nexus-queue crate between two threads", BETWEEN_THREADS),
    peer(
        "crossbeam-channel",
        "the crossbeam-channel crate between two threads, spinning briefly, then sleeping",
        Entry { idle: Idle::SpinsThenSleeps, ..BETWEEN_THREADS },
    ),
    peer("ringbuf", "the ringbuf crate between two threads", BETWEEN_THREADS),
    peer("gil", "the gil crate between two threads, one sender and one receiver", BETWEEN_THREADS),
    peer("bbqueue", "the bbqueue crate between two threads, frames of bytes", BETWEEN_THREADS),
    peer("shaq", "the shaq crate, both sides polling", Entry { bytes_max: BY_VALUE, ..SPINNING }),
    peer("shmem-ipc", "the shmem-ipc crate, both sides polling", SPINNING),
    peer(
        "iceoryx2",
        "the iceoryx2 crate, publish and subscribe, both sides polling",
        Entry { bytes_max: BY_VALUE, ..SPINNING },
    ),
    peer(
        "iceoryx2-events",
        "the iceoryx2 crate, publish and subscribe, the receiver waiting for events",
        Entry { bytes_max: BY_VALUE, ..SLEEPING },
    ),
    peer(
        "ipmpsc",
        "the ipmpsc crate, waiting with the mutex and condition variable it has",
        SLEEPING,
    ),
    peer("shmring", "the shmring crate, a stream of bytes, waiting with futexes", SLEEPING),
    peer(
        "ringfire",
        "the ringfire crate in its lossless way, both sides spinning",
        Entry { bytes_max: BY_VALUE, ..SPINNING },
    ),
    peer(
        "cloudtoid-interprocess",
        "the cloudtoid-interprocess crate, messages of bytes, both sides polling",
        SPINNING,
    ),
    named(
        "lines-short",
        "lines of memory written by one side and read by the other, in 64 KiB",
        YARDSTICK,
    ),
    named(
        "lines",
        "lines of memory written by one side and read by the other, in 1 MiB",
        YARDSTICK,
    ),
];

/// The transports that this program was built with, in the order of the tables.
pub(crate) fn list() -> impl Iterator<Item = &'static Entry> {
    LIST.iter().filter(|entry| entry.built)
}

/// The transport of that name.
pub(crate) fn find(name: &str) -> Option<&'static Entry> {
    list().find(|entry| entry.name == name)
}

/// What a transport is, whether or not this program was built with it.
pub(crate) fn explained(name: &str) -> Option<&'static str> {
    LIST.iter().find(|entry| entry.name == name).map(|entry| entry.what)
}
