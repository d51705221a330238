//! Transports between tasks, polled once a message: the ring by shm-ring-async, with each of its engines, in the barest
//! executor and in tokio's runtime of one thread, and what tokio has, in the same runtime. It must not know the others.

use std::io;
use std::marker::PhantomData;
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

fn runtime() -> Result<Runtime, Fault> {
    Builder::new_current_thread()
        .enable_io()
        .build()
        .map_err(|error| Fault::new("making a runtime", error))
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

fn tasked<S: Sleeps, E: shm_ring_async::End>(end: E) -> Result<Async<E>, Fault> {
    let end = S::engine().and_then(|engine| Async::with_engine(end, &engine));
    end.map_err(|error| Fault::new("the engine", error))
}

impl<S: Sleeps> Transport for TaskedRing<S> {
    type Sender<const W: usize> = Async<Producer<[u64; W]>>;
    type Receiver<const W: usize> = Async<Consumer<[u64; W]>>;

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

impl<const W: usize> Sender<W> for Async<Producer<[u64; W]>> {
    fn send(&mut self, message: &[u64; W]) -> Result<(), Fault> {
        let sent = block_on(self.send_from(message));
        sent.map_err(|error| Fault::new("send", error))
    }
}

impl<const W: usize> Receiver<W> for Async<Consumer<[u64; W]>> {
    fn receive(&mut self, message: &mut [u64; W]) -> Result<(), Fault> {
        let received = block_on(self.recv_into(message));
        received.map_err(|error| Fault::new("recv", error))
    }
}

/// The ring between two tasks of tokio, whose reactors sleep for it.
pub(crate) struct TokioRing;

impl Transport for TokioRing {
    type Sender<const W: usize> = Tasked<Async<Producer<[u64; W]>>>;
    type Receiver<const W: usize> = Tasked<Async<Consumer<[u64; W]>>>;

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

fn in_reactor<E: shm_ring_async::End>(end: E) -> Result<Tasked<Async<E>>, Fault> {
    watched(|| Async::with_engine(end, &Engine::tokio()?))
}

impl<const W: usize> Sender<W> for Tasked<Async<Producer<[u64; W]>>> {
    fn send(&mut self, message: &[u64; W]) -> Result<(), Fault> {
        let sent = self.runtime.block_on(self.end.send_from(message));
        sent.map_err(|error| Fault::new("send", error))
    }
}

impl<const W: usize> Receiver<W> for Tasked<Async<Consumer<[u64; W]>>> {
    fn receive(&mut self, message: &mut [u64; W]) -> Result<(), Fault> {
        let received = self.runtime.block_on(self.end.recv_into(message));
        received.map_err(|error| Fault::new("recv", error))
    }
}

/// An end that tasks of tokio wait for, and the runtime of its task.
pub(crate) struct Tasked<E> {
    end: E,
    runtime: Runtime,
}

/// tokio's Unix sockets.
pub(crate) struct TaskedUnix;
/// tokio's pipe.
pub(crate) struct TaskedPipe;

impl<E: AsyncWriteExt + Unpin, const W: usize> Sender<W> for Tasked<Writes<E>> {
    fn send(&mut self, message: &[u64; W]) -> Result<(), Fault> {
        let written = self.runtime.block_on(self.end.0.write_all(message.as_bytes()));
        written.map_err(|error| Fault::new("write", error))
    }
}

impl<E: AsyncReadExt + Unpin, const W: usize> Receiver<W> for Tasked<Reads<E>> {
    fn receive(&mut self, message: &mut [u64; W]) -> Result<(), Fault> {
        let read = self.runtime.block_on(self.end.0.read_exact(message.as_mut_bytes()));
        read.map(|_| ()).map_err(|error| Fault::new("read", error))
    }
}

/// What bytes are written to.
pub(crate) struct Writes<E>(E);
/// What bytes are read from.
pub(crate) struct Reads<E>(E);

/// An end that a reactor watches.
fn watched<E>(make: impl FnOnce() -> io::Result<E>) -> Result<Tasked<E>, Fault> {
    let runtime = runtime()?;
    let entered = runtime.enter();
    let end = make().map_err(|error| Fault::new("watching a descriptor", error))?;
    drop(entered);
    Ok(Tasked { end, runtime })
}

fn stream(handle: &Handle, index: usize) -> Result<impl FnOnce() -> io::Result<UnixStream>, Fault> {
    let stream = BlockingStream::from(handle.descriptor(index)?);
    Ok(move || {
        stream.set_nonblocking(true)?;
        UnixStream::from_std(stream)
    })
}

impl Transport for TaskedUnix {
    type Sender<const W: usize> = Tasked<Writes<UnixStream>>;
    type Receiver<const W: usize> = Tasked<Reads<UnixStream>>;

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
    type Sender<const W: usize> = Tasked<Writes<pipe::Sender>>;
    type Receiver<const W: usize> = Tasked<Reads<pipe::Receiver>>;

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
