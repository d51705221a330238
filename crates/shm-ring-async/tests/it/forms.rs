//! Every form that there is, with another process at the other end, which sleeps and is slept for.

use std::future::poll_fn;
use std::pin::Pin;
use std::time::Duration;

use futures_core::Stream;
use futures_sink::Sink;
use shm_ring::{
    Consumer, ItemLayout, Latest, MessageConsumer, MessageProducer, NextError, Options, PopError,
    Producer, ReadError, UntypedConsumer, UntypedProducer, Wait,
};
use shm_ring_async::Async;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt};

use crate::harness::{Child, Home, Name};
use crate::runtimes::everywhere;

/// Several laps of the ring, with sleeps on both sides.
pub(crate) const COUNT: u64 = 600;

fn options() -> Options {
    Options::new().items(16).wait(Wait::PARK)
}

fn messages() -> Options {
    Options::new().bytes(1024).wait(Wait::PARK)
}

/// Long enough for the other side to fall asleep.
fn pause(n: u64) {
    if n % 150 == 0 {
        std::thread::sleep(Duration::from_millis(3));
    }
}

async fn pause_task(n: u64) {
    // No timers: a runtime that has none is tested too. The child falls asleep as soon as it has nothing to do.
    if n % 150 == 0 {
        std::thread::sleep(Duration::from_millis(3));
    }
}

/// Job: publishes numbers.
pub(crate) fn push_numbers(home: Home) {
    let mut tx = Producer::<u64>::open_or_create(home.argument(0), &options()).unwrap();
    for n in 0..COUNT {
        pause(n);
        tx.push(n).unwrap();
    }
    // Not before somebody came: whoever had gone then is not reported.
    tx.wait_for_peer(Duration::MAX);
}

/// Job: takes numbers and says whether each was there.
pub(crate) fn pop_numbers(mut home: Home) {
    let mut rx = Consumer::<u64>::open_or_create(home.argument(0), &options()).unwrap();
    for n in 0..COUNT {
        pause(n);
        assert_eq!(rx.pop(), Ok(n));
    }
    home.say("all");
    assert_eq!(rx.pop(), Err(PopError::Closed));
}

fn message(n: u64) -> Vec<u8> {
    vec![n as u8; (n % 90) as usize]
}

/// Job: publishes messages.
pub(crate) fn push_messages(home: Home) {
    let mut tx = MessageProducer::open_or_create(home.argument(0), &messages()).unwrap();
    for n in 0..COUNT {
        pause(n);
        tx.push(&message(n)).unwrap();
    }
    tx.wait_for_peer(Duration::MAX);
}

/// Job: takes messages.
pub(crate) fn pop_messages(mut home: Home) {
    let mut rx = MessageConsumer::open_or_create(home.argument(0), &messages()).unwrap();
    for n in 0..COUNT {
        pause(n);
        assert_eq!(rx.pop().unwrap(), message(n));
    }
    home.say("all");
    assert_eq!(rx.pop(), Err(PopError::Closed));
}

/// Job: writes a latest value when told, and closes.
pub(crate) fn write_latest(mut home: Home) {
    let latest = Latest::<u64>::open(home.argument(0)).unwrap();
    let mut writer = latest.writer().unwrap();
    home.say("here");
    for n in 1..=20 {
        home.hear();
        writer.write(n);
        if n % 2 == 0 {
            writer.notify();
        }
    }
    home.hear();
}

/// A ring whose other side is a child with `job`.
struct Pair {
    name: Name,
    child: Child,
}

impl Pair {
    fn new(job: &str) -> Self {
        let name = Name::new("forms");
        let child = Child::spawn(job, &[name.as_str()]);
        Self { name, child }
    }

    /// What the child has taken.
    fn all(mut self) {
        self.child.expect("all");
        self.child.finish();
    }
}

fn is_over<T: PartialEq + std::fmt::Debug>(end: Result<T, PopError>) {
    assert_eq!(end, Err(PopError::Closed));
}

#[test]
fn values_are_received() {
    everywhere(|engine| {
        let (pair, engine) = (Pair::new("push-numbers"), engine.clone());
        Box::pin(async move {
            let rx = Consumer::<u64>::open_or_create(pair.name.as_str(), &options()).unwrap();
            let mut rx = Async::with_engine(rx, &engine).unwrap();
            for n in 0..COUNT {
                if n % 3 == 0 {
                    let mut item = u64::MAX;
                    rx.recv_into(&mut item).await.unwrap();
                    assert_eq!(item, n);
                } else {
                    assert_eq!(rx.recv().await, Ok(n));
                }
            }
            is_over(rx.recv().await);
            pair.child.finish();
        })
    });
}

#[test]
fn values_are_received_many_at_a_time() {
    everywhere(|engine| {
        let (pair, engine) = (Pair::new("push-numbers"), engine.clone());
        Box::pin(async move {
            let rx = Consumer::<u64>::open_or_create(pair.name.as_str(), &options()).unwrap();
            let mut rx = Async::with_engine(rx, &engine).unwrap();
            let mut all = Vec::new();
            assert_eq!(rx.recv_many(&mut all, 0).await, Ok(0));
            while all.len() < COUNT as usize {
                let before = all.len();
                // In turn by the end's own calls, when it is known that there is something.
                if before % 2 == 0 {
                    let count = rx.recv_many(&mut all, 7).await.unwrap();
                    assert!((1..=7).contains(&count) && all.len() == before + count);
                } else {
                    rx.readable().await.unwrap();
                    let view = rx.get_mut().try_peek(3).unwrap();
                    let count = view.len();
                    all.extend(view.iter());
                    view.release(count);
                }
            }
            assert!(all.into_iter().eq(0..COUNT));
            is_over(rx.recv_many(&mut Vec::new(), 7).await);
            is_over(rx.readable().await);
            pair.child.finish();
        })
    });
}

#[test]
fn values_are_a_stream() {
    everywhere(|engine| {
        let (pair, engine) = (Pair::new("push-numbers"), engine.clone());
        Box::pin(async move {
            let rx = Consumer::<u64>::open_or_create(pair.name.as_str(), &options()).unwrap();
            let mut records = Async::with_engine(rx, &engine).unwrap().into_records();
            let mut n = 0;
            while let Some(record) = poll_fn(|cx| Pin::new(&mut records).poll_next(cx)).await {
                assert_eq!(record, Ok(n));
                n += 1;
            }
            assert_eq!(n, COUNT);
            pair.child.finish();
        })
    });
}

#[test]
fn values_are_sent() {
    everywhere(|engine| {
        let (pair, engine) = (Pair::new("pop-numbers"), engine.clone());
        Box::pin(async move {
            let tx = Producer::<u64>::open_or_create(pair.name.as_str(), &options()).unwrap();
            let mut tx = Async::with_engine(tx, &engine).unwrap();
            let mut n = 0;
            while n < COUNT {
                pause_task(n).await;
                match n % 4 {
                    0 => tx.send(n).await.unwrap(),
                    1 => tx.send_from(&n).await.unwrap(),
                    2 => {
                        poll_fn(|cx| Pin::new(&mut tx).poll_ready(cx)).await.unwrap();
                        Pin::new(&mut tx).start_send(n).unwrap();
                        poll_fn(|cx| Sink::<u64>::poll_flush(Pin::new(&mut tx), cx)).await.unwrap();
                    }
                    _ => {
                        tx.writable(1).await.unwrap();
                        tx.get_mut().try_push(n).unwrap();
                    }
                }
                n += 1;
            }
            drop(tx);
            pair.all();
        })
    });
}

/// More at once than the ring holds.
#[test]
fn slices_are_sent() {
    everywhere(|engine| {
        let (pair, engine) = (Pair::new("pop-numbers"), engine.clone());
        Box::pin(async move {
            let tx = Producer::<u64>::open_or_create(pair.name.as_str(), &options()).unwrap();
            let mut tx = Async::with_engine(tx, &engine).unwrap();
            let all: Vec<u64> = (0..COUNT).collect();
            for some in all.chunks(100) {
                assert_eq!(tx.send_slice(some).await, Ok(100));
            }
            drop(tx);
            pair.all();
        })
    });
}

#[test]
fn untyped_values_are_received_and_sent() {
    let item = ItemLayout { size: 8, align: 8, schema: 0 };
    everywhere(|engine| {
        let (pair, engine) = (Pair::new("push-numbers"), engine.clone());
        Box::pin(async move {
            let rx = UntypedConsumer::open_or_create(pair.name.as_str(), item, &options());
            let mut rx = Async::with_engine(rx.unwrap(), &engine).unwrap();
            let mut value = [0; 8];
            rx.recv(&mut value).await.unwrap();
            assert_eq!(u64::from_ne_bytes(value), 0);
            let (mut next, mut many) = (1, [0; 24]);
            while next < COUNT / 2 {
                let count = rx.recv_many(&mut many).await.unwrap();
                for value in many[..count * 8].chunks(8) {
                    assert_eq!(value, next.to_ne_bytes());
                    next += 1;
                }
            }
            let mut records = rx.into_records();
            while let Some(record) = poll_fn(|cx| Pin::new(&mut records).poll_next(cx)).await {
                assert_eq!(record.unwrap(), next.to_ne_bytes());
                next += 1;
            }
            assert_eq!(next, COUNT);
            pair.child.finish();
        })
    });
    everywhere(|engine| {
        let (pair, engine) = (Pair::new("pop-numbers"), engine.clone());
        Box::pin(async move {
            let tx = UntypedProducer::open_or_create(pair.name.as_str(), item, &options());
            let mut tx = Async::with_engine(tx.unwrap(), &engine).unwrap();
            for n in 0..COUNT {
                if n % 2 == 0 {
                    tx.writable(1).await.unwrap();
                }
                tx.send(&n.to_ne_bytes()).await.unwrap();
            }
            drop(tx);
            pair.all();
        })
    });
}

#[test]
fn messages_are_received() {
    everywhere(|engine| {
        let (pair, engine) = (Pair::new("push-messages"), engine.clone());
        Box::pin(async move {
            let rx = MessageConsumer::open_or_create(pair.name.as_str(), &messages()).unwrap();
            let mut rx = Async::with_engine(rx, &engine).unwrap();
            let (mut next, mut buffer) = (0, Vec::new());
            while next < COUNT / 2 {
                match next % 3 {
                    0 => assert_eq!(rx.recv().await.unwrap(), message(next)),
                    1 => {
                        let len = rx.recv_into(&mut buffer).await.unwrap();
                        assert_eq!((len, &buffer), (buffer.len(), &message(next)));
                    }
                    _ => {
                        let mut many = Vec::new();
                        assert_eq!(rx.recv_many(&mut many, 0).await, Ok(0));
                        let count = rx.recv_many(&mut many, 5).await.unwrap();
                        assert!((1..=5).contains(&count) && many.len() == count);
                        assert!((next..).zip(many).all(|(n, found)| found == message(n)));
                        next += count as u64 - 1;
                    }
                }
                next += 1;
            }
            let mut records = rx.into_records();
            while let Some(record) = poll_fn(|cx| Pin::new(&mut records).poll_next(cx)).await {
                assert_eq!(record.unwrap(), message(next));
                next += 1;
            }
            assert_eq!(next, COUNT);
            pair.child.finish();
        })
    });
}

#[test]
fn messages_are_sent() {
    everywhere(|engine| {
        let (pair, engine) = (Pair::new("pop-messages"), engine.clone());
        Box::pin(async move {
            let tx = MessageProducer::open_or_create(pair.name.as_str(), &messages()).unwrap();
            let mut tx = Async::with_engine(tx, &engine).unwrap();
            for n in 0..COUNT / 2 {
                pause_task(n).await;
                let message = message(n);
                let (one, other) = message.split_at(message.len() / 2);
                match n % 3 {
                    0 => tx.send(&message).await.unwrap(),
                    1 => tx.send_vectored(&[one, other]).await.unwrap(),
                    _ => {
                        tx.writable(message.len()).await.unwrap();
                        tx.get_mut().try_push(&message).unwrap();
                    }
                }
            }
            let mut sink = tx.into_sink();
            for n in COUNT / 2..COUNT {
                poll_fn(|cx| Pin::new(&mut sink).poll_ready(cx)).await.unwrap();
                Pin::new(&mut sink).start_send(message(n)).unwrap();
            }
            poll_fn(|cx| Pin::new(&mut sink).poll_close(cx)).await.unwrap();
            assert!(sink.into_inner().1.is_none());
            pair.all();
        })
    });
}

/// The child's messages are the pieces of a stream, in whatever buffers it is read.
#[test]
fn messages_are_read_as_bytes() {
    let all: Vec<u8> = (0..COUNT).flat_map(message).collect();
    everywhere(|engine| {
        let (pair, engine, all) = (Pair::new("push-messages"), engine.clone(), all.clone());
        Box::pin(async move {
            let rx = MessageConsumer::open_or_create(pair.name.as_str(), &messages()).unwrap();
            let mut reader = Async::with_engine(rx, &engine).unwrap().into_reader();
            let (mut read, mut buffer) = (Vec::new(), [0; 64]);
            while read.len() < all.len() / 3 {
                let most = 1 + read.len() % 64;
                let len = reader.read(&mut buffer[..most]).await.unwrap();
                assert!((1..=most).contains(&len));
                read.extend_from_slice(&buffer[..len]);
            }
            while read.len() < all.len() / 2 {
                let some = reader.fill_buf().await.unwrap();
                let len = some.len().div_ceil(2);
                assert!(len > 0);
                read.extend_from_slice(&some[..len]);
                reader.consume(len);
            }
            reader.read_to_end(&mut read).await.unwrap();
            assert!(read == all, "{} of {} bytes", read.len(), all.len());
            assert_eq!(reader.read(&mut buffer).await.unwrap(), 0);
            assert_eq!(reader.into_inner().1, b"");
            pair.child.finish();
        })
    });
}

#[test]
fn bytes_are_written_as_messages() {
    everywhere(|engine| {
        let (pair, engine) = (Pair::new("pop-messages"), engine.clone());
        Box::pin(async move {
            let tx = MessageProducer::open_or_create(pair.name.as_str(), &messages()).unwrap();
            let mut writer = Async::with_engine(tx, &engine).unwrap().into_writer();
            for n in 0..COUNT {
                // An empty write publishes nothing.
                match message(n) {
                    empty if empty.is_empty() => {
                        let mut tx = writer.into_inner().unwrap();
                        tx.send(b"").await.unwrap();
                        writer = tx.into_writer();
                    }
                    some => assert_eq!(writer.write(&some).await.unwrap(), some.len()),
                }
            }
            writer.flush().await.unwrap();
            writer.shutdown().await.unwrap();
            let kind = writer.write(b"x").await.unwrap_err().kind();
            assert_eq!(kind, std::io::ErrorKind::BrokenPipe);
            pair.all();
        })
    });
}

#[test]
fn a_latest_value_is_received_when_it_changes() {
    everywhere(|engine| {
        let (name, engine) = (Name::new("forms"), engine.clone());
        let latest = Latest::<u64>::create(name.as_str(), &Options::new().history(8)).unwrap();
        let mut child = Child::spawn("write-latest", &[name.as_str()]);
        child.expect("here");
        Box::pin(async move {
            let mut newest = Async::with_engine(latest.reader().unwrap(), &engine).unwrap();
            let mut each = Async::with_engine(latest.reader().unwrap(), &engine).unwrap();
            for n in 1..=20 {
                child.say("write");
                assert_eq!(newest.changed().await, Ok(n));
                assert_eq!(each.next_value().await, Ok(n));
            }
            child.say("close");
            assert_eq!(newest.changed().await, Err(ReadError::Closed));
            assert_eq!(each.next_value().await, Err(NextError::Closed));
            let mut records = each.into_records();
            assert!(poll_fn(|cx| Pin::new(&mut records).poll_next(cx)).await.is_none());
            child.finish();
            drop(name);
        })
    });
}
