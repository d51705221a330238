//! The way from a transport's name to its type. It must not know what the harness knows about each.

use super::*;

/// Runs `$body` with `$named` standing for the type beside the name that is `$name`.
macro_rules! by_name {
    (
        $name:expr, $named:ident => $body:expr, otherwise $otherwise:expr,
        $($(#[$when:meta])* $text:literal is $type:ty,)*
    ) => {
        match $name {
            $($(#[$when])*
            $text => {
                type $named = $type;
                $body
            })*
            _ => $otherwise,
        }
    };
}
pub(crate) use by_name;

/// Runs `$body` with `$transport` naming the type of the transport called `$name`.
macro_rules! with_transport {
    ($name:expr, $transport:ident => $body:expr) => {
        by_name! {
            $name, $transport => $body,
            otherwise with_large_transport!($name, $transport => $body),
            "posix-mq" is PosixMq,
            "sysv-mq" is SysvMq,
            #[cfg(feature = "tasks")]
            "tasks-thread" is TaskedRing<ByThread>,
            #[cfg(feature = "tasks")]
            "tasks-io-uring" is TaskedRing<ByUring>,
            #[cfg(feature = "tasks")]
            "tasks-tokio" is TokioRing,
            #[cfg(feature = "tasks")]
            "tokio-unix" is TaskedUnix,
            #[cfg(feature = "tasks")]
            "tokio-pipe" is TaskedPipe,
            #[cfg(feature = "peers")]
            "shaq" is Shaq,
            #[cfg(feature = "peers")]
            "iceoryx2" is Iceoryx2,
            #[cfg(feature = "peers")]
            "iceoryx2-events" is Iceoryx2Events,
            #[cfg(feature = "peers")]
            "ringfire" is Ringfire,
        }
    };
}
pub(crate) use with_transport;

/// [`with_transport`] for those that carry messages of more than 4 KiB. What passes them by value is not among
/// them: moves of large arrays take the compiler minutes.
macro_rules! with_large_transport {
    ($name:expr, $transport:ident => $body:expr) => {
        by_name! {
            $name, $transport => $body, otherwise none_called($name, "between processes"),
            "shm-ring-spin" is Ringed<Spin>,
            "shm-ring-park" is Ringed<Park>,
            "shm-ring-default" is Ringed<Balanced>,
            "shm-ring-bare" is Ringed<Bare>,
            "shm-ring-messages" is RingMessages,
            "shm-ring-in-place" is RingInPlace,
            #[cfg(feature = "c")]
            "c-call" is CCall,
            "sysv-binary" is SysvBinary,
            "sysv-two" is SysvTwo,
            "posix-two" is PosixTwo,
            "pipe" is Pipe,
            "fifo" is Fifo,
            "unix-stream" is UnixStreams,
            "unix-seqpacket" is UnixPackets<Seqpacket>,
            "unix-datagram" is UnixPackets<Datagram>,
            "tcp" is Tcp,
            "eventfd" is Eventfd,
            "mutex-condvar" is MutexCondvar,
            #[cfg(feature = "peers")]
            "shmem-ipc" is ShmemIpc,
            #[cfg(feature = "peers")]
            "ipmpsc" is Ipmpsc,
            #[cfg(feature = "peers")]
            "shmring" is Shmring,
            #[cfg(feature = "peers")]
            "cloudtoid-interprocess" is Cloudtoid,
        }
    };
}
pub(crate) use with_large_transport;

/// Why nothing is done with a name that no type goes with.
pub(crate) fn none_called<T>(name: &str, where_it_would_be: &str) -> Result<T, Fault> {
    Err(Fault::new("transport", format_args!("{name} is none {where_it_would_be}")))
}

/// Runs `$body` with `$pair` naming the type of the queue between threads called `$name`.
macro_rules! with_pair {
    ($name:expr, $pair:ident => $body:expr) => {
        by_name! {
            $name, $pair => $body, otherwise none_called($name, "between threads"),
            "rtrb" is Rtrb,
            #[cfg(feature = "peers")]
            "omango" is Omango,
            #[cfg(feature = "peers")]
            "nexus-queue" is NexusQueue,
            #[cfg(feature = "peers")]
            "crossbeam-channel" is CrossbeamChannel,
            #[cfg(feature = "peers")]
            "ringbuf" is Ringbuf,
            #[cfg(feature = "peers")]
            "gil" is Gil,
            #[cfg(feature = "peers")]
            "bbqueue" is Bbqueue,
        }
    };
}
pub(crate) use with_pair;

/// Makes a channel of the transport called `name`.
pub(crate) fn make(name: &str, bytes: usize) -> Result<Box<dyn Made>, Fault> {
    if let Some((_, bytes)) = lines::YARDSTICKS.iter().find(|(yardstick, _)| *yardstick == name) {
        return lines::make(*bytes);
    }
    #[cfg(feature = "go")]
    if name == go::NAME {
        return go::make(bytes);
    }
    with_transport!(name, T => T::make(bytes))
}
