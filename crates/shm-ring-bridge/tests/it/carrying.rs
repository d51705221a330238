//! Owns: that what goes in comes out: values, messages, records longer than a batch; restarts in order, and what is said.
//! Knows nothing of: kills and refusals.

use std::time::Duration;

use rustix::process::Signal;
use shm_ring::{Consumer, Contents, MessageConsumer, MessageProducer, Options, Producer};

use crate::house::{Place, Server, bridge, look, until};

#[test]
fn values_reach_a_ring_that_is_made_like_the_source() {
    let place = Place::new("values");
    let Some(server) = Server::start(&place) else { return };
    let (here, there) = (place.ring("here"), place.ring("there"));
    let options = Options::new().items(1000).schema(7).label("numbers");
    let mut tx = Producer::<[u64; 2]>::create(here.as_str(), &options).unwrap();
    // What a consumer has taken before there was a bridge is of no importance.
    let mut rx = Consumer::<[u64; 2]>::open_with(here.as_str(), &options).unwrap();
    tx.push([0, 0]).unwrap();
    assert_eq!(rx.pop(), Ok([0, 0]));
    drop(rx);
    let mut source = bridge(&place, "source", &here, &server.url(), &[]);
    let mut sink = bridge(&place, "sink", &there, &server.url(), &[]);
    sink.hear("source ring");
    source.hear("is there");
    let snapshot = look(&there).unwrap();
    assert_eq!(snapshot.contents, Contents::Values { size: 16, align: 8 });
    let made = (snapshot.schema, snapshot.label.as_str(), snapshot.limit);
    assert_eq!(made, (7, "numbers", 16_000));
    let mut rx = Consumer::<[u64; 2]>::open_with(there.as_str(), &options).unwrap();
    for number in 1..5000 {
        tx.push([number, number * 3]).unwrap();
        if number % 7 == 0 {
            for wanted in number - 6..=number {
                assert_eq!(rx.pop(), Ok([wanted, wanted * 3]));
            }
        }
    }
    drop(tx);
    until("everything is given back", || look(&here).unwrap().unread_bytes() == 0);
    for process in [&mut source, &mut sink] {
        process.signal(Signal::TERM);
        assert!(process.end().success(), "{}", process.said());
        assert!(process.said().contains("ended"), "{}", process.said());
    }
}

#[test]
fn messages_of_any_length_come_whole_through_a_small_ring() {
    let place = Place::new("messages");
    let Some(server) = Server::start(&place) else { return };
    let (here, there) = (place.ring("here"), place.ring("there"));
    let options = Options::new().bytes(400_000).align(64);
    let mut tx = MessageProducer::create(here.as_str(), &options).unwrap();
    let _source = bridge(&place, "source", &here, &server.url(), &["--batch", "10000"]);
    let mut sink = bridge(&place, "sink", &there, &server.url(), &[]);
    sink.hear("source ring");
    let mut rx = MessageConsumer::open_with(there.as_str(), &Options::new().align(64)).unwrap();
    let message = |number: usize| {
        let len = [0, 1, 63, 64, 9996, 9997, 30_000, 250_000][number % 8];
        vec![number as u8; len]
    };
    let sending = std::thread::spawn(move || {
        for number in 0..64 {
            tx.push(&message(number)).unwrap();
        }
    });
    for number in 0..64 {
        let found = rx.pop_timeout(Duration::from_secs(60)).unwrap();
        assert!(found == message(number), "{number}: {} bytes", found.len());
    }
    sending.join().unwrap();
}

#[test]
fn a_value_longer_than_a_batch_comes_whole() {
    let place = Place::new("large");
    let Some(server) = Server::start(&place) else { return };
    let (here, there) = (place.ring("here"), place.ring("there"));
    let mut tx = Producer::<[u64; 4096]>::create(here.as_str(), &Options::new().items(3)).unwrap();
    let _source = bridge(&place, "source", &here, &server.url(), &["--batch", "1000"]);
    let mut sink = bridge(&place, "sink", &there, &server.url(), &[]);
    sink.hear("source ring");
    let mut rx = Consumer::<[u64; 4096]>::open(there.as_str()).unwrap();
    let sending = std::thread::spawn(move || {
        for number in 0..20 {
            tx.push([number; 4096]).unwrap();
        }
    });
    for number in 0..20 {
        assert!(rx.pop_timeout(Duration::from_secs(60)) == Ok([number; 4096]), "{number}");
    }
    sending.join().unwrap();
}

#[test]
fn a_stalled_sink_stalls_the_producer_and_loses_nothing() {
    let place = Place::new("stalled");
    let Some(server) = Server::start(&place) else { return };
    let (here, there) = (place.ring("here"), place.ring("there"));
    let options = Options::new().items(1024);
    let mut tx = Producer::<u64>::create(here.as_str(), &options).unwrap();
    let _source = bridge(&place, "source", &here, &server.url(), &[]);
    let mut sink = bridge(&place, "sink", &there, &server.url(), &[]);
    sink.hear("source ring");
    // Nobody reads: both rings fill, and no more is taken than they hold.
    let mut sent = 0;
    until("both rings are full", || {
        while tx.try_push(sent).is_ok() {
            sent += 1;
        }
        sent >= 2048
    });
    until("the sink ring is full", || look(&there).is_some_and(|ring| ring.unread_bytes() == 8192));
    assert_eq!((sent, tx.try_push(sent)), (2048, Err(shm_ring::PushError::Full)));
    let mut rx = Consumer::<u64>::open(there.as_str()).unwrap();
    for number in 0..sent {
        assert_eq!(rx.pop_timeout(Duration::from_secs(60)), Ok(number));
    }
    until("everything is given back", || look(&here).unwrap().unread_bytes() == 0);
    assert!(rx.try_pop().is_err(), "nothing comes twice");
}

#[test]
fn values_come_once_through_a_ring_smaller_than_a_batch() {
    let place = Place::new("small");
    let Some(server) = Server::start(&place) else { return };
    let (here, there) = (place.ring("here"), place.ring("there"));
    let mut tx = Producer::<u64>::create(here.as_str(), &Options::new().items(4096)).unwrap();
    tx.push_slice(&(0..4096).collect::<Vec<_>>()).unwrap();
    let _source = bridge(&place, "source", &here, &server.url(), &[]);
    let mut sink = bridge(&place, "sink", &there, &server.url(), &["--bytes", "800"]);
    sink.hear("source ring");
    let mut rx = Consumer::<u64>::open(there.as_str()).unwrap();
    assert_eq!(rx.capacity(), 100);
    for number in 0..4096 {
        assert_eq!(rx.pop_timeout(Duration::from_secs(60)), Ok(number));
    }
    until("everything is given back", || look(&here).unwrap().unread_bytes() == 0);
    assert!(rx.try_pop().is_err(), "nothing comes twice");
}

#[test]
fn the_name_of_the_process_says_what_it_is() {
    let place = Place::new("name");
    let here = place.ring("here");
    let _ring = Producer::<u64>::create(here.as_str(), &Options::new()).unwrap();
    // No server is there: it waits for one.
    let mut source = bridge(&place, "source", &here, "nats://127.0.0.1:9", &[]);
    source.hear("tries again");
    let command = look(&here).unwrap().consumer.command;
    assert_eq!(command.as_deref(), Some("shm-ring-bridge"));
    source.signal(Signal::INT);
    assert!(source.end().success());
}
