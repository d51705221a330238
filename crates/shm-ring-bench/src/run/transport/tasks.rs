//! Transports between tasks: the ring by shm-ring-async, with each of its engines, in the barest executor and in tokio's
//! runtime of one thread, and what tokio has, in the same runtime. A stream is one task at each end, as in a service; in the
//! other workloads each message is one. It must not know the others.

use core::future::Future;
use core::marker::PhantomData;
use core::ops::Range;
use std::io;
use std::os::unix::net::UnixStream as BlockingStream;

use futures_lite::future::block_on;
use rustix::pipe::PipeFlags;
use shm_ring::{Consumer, Producer, Wait};
use shm_ring_async::{Async, Engine};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::net::unix::pipe;
use tokio::runtime::{Builder, Runtime};
use zerocopy::IntoBytes;

use super::ring::{made, open};
use super::{Fault, Handle, Inherited, Made, Receiver, Sender, Transport, with_words};
use crate::run::message::Code;

/// Runs a task to its end.
pub(crate) trait Runs {
    fn run<R>(&mut self, task: impl Future<Output = R>) -> R;
}

/// The barest executor: one task, and a thread that is parked.
pub(crate) struct Barest;

impl Runs for Barest {
    #[inline(always)]
    fn run<R>(&mut self, task: impl Future<Output = R>) -> R {
        block_on(task)
    }
}

impl Runs for Runtime {
    #[inline(always)]
    fn run<R>(&mut self, task: impl Future<Output = R>) -> R {
        self.block_on(task)
    }
}

/// An end that tasks wait for, and what runs them.
pub(crate) struct Tasked<E, X> {
    end: E,
    executor: X,
}

/// An end that sends in tasks.
pub(crate) trait Gives<const W: usize> {
    async fn give(&mut self, message: &[u64; W]) -> Result<(), Fault>;
}

/// An end that receives in tasks.
pub(crate) trait Takes<const W: usize> {
    async fn take(&mut self, message: &mut [u64; W]) -> Result<(), Fault>;
}

impl<E: Gives<W>, X: Runs, const W: usize> Sender<W> for Tasked<E, X> {
    fn send(&mut self, message: &[u64; W]) -> Result<(), Fault> {
        self.executor.run(self.end.give(message))
    }

    fn send_stream(
        &mut self,
        message: &mut [u64; W],
        code: Code,
        numbers: Range<u64>,
    ) -> Result<(), Fault> {
        let Self { end, executor } = self;
        executor.run(async {
            for number in numbers {
                code.stamp(message, number);
                end.give(message).await?;
            }
            Ok(())
        })
    }
}

impl<E: Takes<W>, X: Runs, const W: usize> Receiver<W> for Tasked<E, X> {
    fn receive(&mut self, message: &mut [u64; W]) -> Result<(), Fault> {
        self.executor.run(self.end.take(message))
    }

    fn receive_stream(
        &mut self,
        message: &mut [u64; W],
        code: Code,
        numbers: Range<u64>,
    ) -> Result<(), Fault> {
        let Self { end, executor } = self;
        executor.run(async {
            for number in numbers {
                end.take(message).await?;
                code.verify(message, number)?;
            }
            Ok(())
        })
    }
}

impl<const W: usize> Gives<W> for Async<Producer<[u64; W]>> {
    #[inline(always)]
    async fn give(&mut self, message: &[u64; W]) -> Result<(), Fault> {
        self.send_from(message).await.map_err(|error| Fault::new("send", error))
    }
}

impl<const W: usize> Takes<W> for Async<Consumer<[u64; W]>> {
    #[inline(always)]
    async fn take(&mut self, message: &mut [u64; W]) -> Result<(), Fault> {
        self.recv_into(message).await.map_err(|error| Fault::new("recv", error))
    }
}

/// Who sleeps for the tasks.
pub(crate) trait Sleeps {
    fn engine() -> io::Result<Engine>;
}

/// A helper thread, in futex_waitv.
pub(crate) struct ByThread;
/// io_uring.
pub(crate) struct ByUring;

impl Sleeps for ByThread {
    fn engine() -> io::Result<Engine> {
        Ok(Engine::thread())
    }
}

impl Sleeps for ByUring {
    fn engine() -> io::Result<Engine> {
        Engine::io_uring()
    }
}

/// The ring between two tasks.
pub(crate) struct TaskedRing<S>(PhantomData<S>);

fn tasked<S: Sleeps, E: shm_ring_async::End>(end: E) -> Result<Tasked<Async<E>, Barest>, Fault> {
    let end = S::engine().and_then(|engine| Async::with_engine(end, &engine));
    let end = end.map_err(|error| Fault::new("the engine", error))?;
    Ok(Tasked { end, executor: Barest })
}

impl<S: Sleeps> Transport for TaskedRing<S> {
    type Sender<const W: usize> = Tasked<Async<Producer<[u64; W]>>, Barest>;
    type Receiver<const W: usize> = Tasked<Async<Consumer<[u64; W]>>, Barest>;

    fn make(bytes: usize) -> Result<Box<dyn Made>, Fault> {
        with_words!(bytes, W => made::<W>())
    }

    fn sender<const W: usize>(handle: &Handle) -> Result<Self::Sender<W>, Fault> {
        let producer = open(handle, Wait::BALANCED)?.producer();
        tasked::<S, _>(producer.map_err(|error| Fault::new("attaching", error))?)
    }

    fn receiver<const W: usize>(handle: &Handle) -> Result<Self::Receiver<W>, Fault> {
        let consumer = open(handle, Wait::BALANCED)?.consumer();
        tasked::<S, _>(consumer.map_err(|error| Fault::new("attaching", error))?)
    }
}

/// The ring between two tasks of tokio, whose reactors sleep for it.
pub(crate) struct TokioRing;

impl Transport for TokioRing {
    type Sender<const W: usize> = Tasked<Async<Producer<[u64; W]>>, Runtime>;
    type Receiver<const W: usize> = Tasked<Async<Consumer<[u64; W]>>, Runtime>;

    fn make(bytes: usize) -> Result<Box<dyn Made>, Fault> {
        with_words!(bytes, W => made::<W>())
    }

    fn sender<const W: usize>(handle: &Handle) -> Result<Self::Sender<W>, Fault> {
        let producer = open(handle, Wait::BALANCED)?.producer();
        in_reactor(producer.map_err(|error| Fault::new("attaching", error))?)
    }

    fn receiver<const W: usize>(handle: &Handle) -> Result<Self::Receiver<W>, Fault> {
        let consumer = open(handle, Wait::BALANCED)?.consumer();
        in_reactor(consumer.map_err(|error| Fault::new("attaching", error))?)
    }
}

fn in_reactor<E: shm_ring_async::End>(end: E) -> Result<Tasked<Async<E>, Runtime>, Fault> {
    watched(|| Async::with_engine(end, &Engine::tokio()?))
}

/// tokio's Unix sockets.
pub(crate) struct TaskedUnix;
/// tokio's pipe.
pub(crate) struct TaskedPipe;

impl<E: AsyncWriteExt + Unpin, const W: usize> Gives<W> for Writes<E> {
    async fn give(&mut self, message: &[u64; W]) -> Result<(), Fault> {
        let written = self.0.write_all(message.as_bytes()).await;
        written.map_err(|error| Fault::new("write", error))
    }
}

impl<E: AsyncReadExt + Unpin, const W: usize> Takes<W> for Reads<E> {
    async fn take(&mut self, message: &mut [u64; W]) -> Result<(), Fault> {
        let read = self.0.read_exact(message.as_mut_bytes()).await;
        read.map(|_| ()).map_err(|error| Fault::new("read", error))
    }
}

/// What bytes are written to.
pub(crate) struct Writes<E>(E);
/// What bytes are read from.
pub(crate) struct Reads<E>(E);

/// An end that a reactor watches.
fn watched<E>(make: impl FnOnce() -> io::Result<E>) -> Result<Tasked<E, Runtime>, Fault> {
    let runtime = Builder::new_current_thread().enable_io().build();
    let executor = runtime.map_err(|error| Fault::new("making a runtime", error))?;
    let entered = executor.enter();
    let end = make().map_err(|error| Fault::new("watching a descriptor", error))?;
    drop(entered);
    Ok(Tasked { end, executor })
}

fn stream(handle: &Handle, index: usize) -> Result<impl FnOnce() -> io::Result<UnixStream>, Fault> {
    let stream = BlockingStream::from(handle.descriptor(index)?);
    Ok(move || {
        stream.set_nonblocking(true)?;
        UnixStream::from_std(stream)
    })
}

impl Transport for TaskedUnix {
    type Sender<const W: usize> = Tasked<Writes<UnixStream>, Runtime>;
    type Receiver<const W: usize> = Tasked<Reads<UnixStream>, Runtime>;

    fn make(_bytes: usize) -> Result<Box<dyn Made>, Fault> {
        super::UnixStreams::make(0)
    }

    fn sender<const W: usize>(handle: &Handle) -> Result<Self::Sender<W>, Fault> {
        let stream = stream(handle, 1)?;
        watched(|| stream().map(Writes))
    }

    fn receiver<const W: usize>(handle: &Handle) -> Result<Self::Receiver<W>, Fault> {
        let stream = stream(handle, 0)?;
        watched(|| stream().map(Reads))
    }
}

impl Transport for TaskedPipe {
    type Sender<const W: usize> = Tasked<Writes<pipe::Sender>, Runtime>;
    type Receiver<const W: usize> = Tasked<Reads<pipe::Receiver>, Runtime>;

    fn make(_bytes: usize) -> Result<Box<dyn Made>, Fault> {
        let (read, write) = rustix::pipe::pipe_with(PipeFlags::CLOEXEC | PipeFlags::NONBLOCK)
            .map_err(|error| Fault::new("pipe", error))?;
        Ok(Box::new(Inherited::new(vec![read, write]).holding(0)))
    }

    fn sender<const W: usize>(handle: &Handle) -> Result<Self::Sender<W>, Fault> {
        let fd = handle.descriptor(1)?;
        watched(|| pipe::Sender::from_owned_fd(fd).map(Writes))
    }

    fn receiver<const W: usize>(handle: &Handle) -> Result<Self::Receiver<W>, Fault> {
        let fd = handle.descriptor(0)?;
        watched(|| pipe::Receiver::from_owned_fd(fd).map(Reads))
    }
}
