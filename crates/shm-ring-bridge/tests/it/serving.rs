//! Owns: what the server may do to a bridge: lack what it needs, forget what it was given. Knows nothing of: kills at random.

use shm_ring::{Consumer, Options, Producer};

use crate::house::{Place, Process, Server, bridge, look, until};

/// A ring with `count` numbers in it.
pub(crate) fn numbers(ring: &str, count: u64) -> Producer<u64> {
    let mut tx = Producer::<u64>::create(ring, &Options::new().items(512)).unwrap();
    tx.push_slice(&(0..count).collect::<Vec<_>>()).unwrap();
    tx
}

/// These numbers and no others come to that ring.
pub(crate) fn arrive(there: &str, numbers: std::ops::Range<u64>) {
    until("there is a ring", || look(there).is_some());
    let mut rx = Consumer::<u64>::open(there).unwrap();
    for number in numbers {
        assert_eq!(rx.pop(), Ok(number));
    }
    assert!(rx.try_pop().is_err(), "nothing more comes");
}

#[test]
fn a_server_without_jetstream_is_named_as_such() {
    let place = Place::new("plain");
    let Some(mut server) = Server::start(&place) else { return };
    server.kill();
    std::fs::write(place.file("nats.conf"), "").unwrap();
    server.restart();
    let here = place.ring("here");
    let _tx = numbers(&here, 3);
    let mut source = bridge(&place, "source", &here, &server.url(), &[]);
    source.hear("JetStream");
    assert_eq!(look(&here).unwrap().unread_bytes(), 24);
}

/// What a client sends to the server, as plain text, and what comes back.
fn tell(server: &Server, subject: &str, payload: &str) -> String {
    use std::io::{Read, Write};
    let mut stream = std::net::TcpStream::connect(("127.0.0.1", server.port)).unwrap();
    stream.set_read_timeout(Some(std::time::Duration::from_secs(20))).unwrap();
    let text = format!(
        "CONNECT {{\"verbose\":false}}\r\nSUB it.reply 1\r\nPUB {subject} it.reply {}\r\n{payload}\r\n",
        payload.len()
    );
    stream.write_all(text.as_bytes()).unwrap();
    let mut said = String::new();
    let mut bytes = [0; 4096];
    while !said.contains("MSG it.reply") || !said.ends_with("\r\n") {
        let len = stream.read(&mut bytes).unwrap();
        assert!(len > 0, "the server hangs up: {said}");
        said.push_str(&String::from_utf8_lossy(&bytes[..len]));
    }
    said
}

/// A pair of rings that has carried 0 to 2, and has 3 to 5 in the stream: its producer and its source. There is no sink.
fn three_in_the_stream(
    place: &Place,
    server: &Server,
    here: &str,
    there: &str,
) -> (Producer<u64>, Process) {
    let mut tx = numbers(here, 3);
    let source = bridge(place, "source", here, &server.url(), &[]);
    let mut sink = bridge(place, "sink", there, &server.url(), &[]);
    sink.hear("source ring");
    until("it is given back", || look(here).unwrap().unread_bytes() == 0);
    sink.kill();
    tx.push_slice(&[3, 4, 5]).unwrap();
    let info = || tell(server, "$JS.API.STREAM.INFO.shm-ring-it", "");
    until("they are in the stream", || info().contains("\"messages\":1,"));
    (tx, source)
}

#[test]
fn a_stream_that_is_deleted_is_made_anew_and_nothing_is_lost() {
    let place = Place::new("deleted");
    let Some(server) = Server::start(&place) else { return };
    let (here, there) = (place.ring("here"), place.ring("there"));
    // Records are in the stream when it goes, and nobody has them but the source ring.
    let (mut tx, mut source) = three_in_the_stream(&place, &server, &here, &there);
    assert!(tell(&server, "$JS.API.STREAM.DELETE.shm-ring-it", "").contains("\"success\":true"));
    source.hear("stream shm-ring-it");
    let _sink = bridge(&place, "sink", &there, &server.url(), &[]);
    until("they are there", || look(&there).is_some_and(|ring| ring.tail == 48));
    // And again while both run, and the stream is empty.
    assert!(tell(&server, "$JS.API.STREAM.DELETE.shm-ring-it", "").contains("\"success\":true"));
    tx.push_slice(&[6, 7]).unwrap();
    until("the rest is there", || look(&there).is_some_and(|ring| ring.tail == 64));
    arrive(&there, 0..8);
    until("it is given back", || look(&here).unwrap().unread_bytes() == 0);
}

#[test]
fn a_stream_that_was_emptied_is_filled_again() {
    let place = Place::new("emptied");
    let Some(server) = Server::start(&place) else { return };
    let (here, there) = (place.ring("here"), place.ring("there"));
    let (_tx, mut source) = three_in_the_stream(&place, &server, &here, &there);
    // As after a loss of power, when the server had not written them.
    assert!(tell(&server, "$JS.API.STREAM.PURGE.shm-ring-it", "").contains("\"success\":true"));
    let _sink = bridge(&place, "sink", &there, &server.url(), &[]);
    source.hear("has lost 24 bytes: sends them again");
    until("they are there", || look(&there).is_some_and(|ring| ring.tail == 48));
    arrive(&there, 0..6);
}

#[test]
fn what_somebody_else_puts_into_the_stream_is_dropped() {
    let place = Place::new("foreign");
    let Some(server) = Server::start(&place) else { return };
    let (here, there) = (place.ring("here"), place.ring("there"));
    let mut tx = numbers(&here, 3);
    let _source = bridge(&place, "source", &here, &server.url(), &[]);
    let mut sink = bridge(&place, "sink", &there, &server.url(), &[]);
    sink.hear("source ring");
    tell(&server, "shm-ring.it.records", "no batch");
    sink.hear("drops what is no batch");
    tx.push(3).unwrap();
    until("it is given back", || look(&here).unwrap().unread_bytes() == 0);
    arrive(&there, 0..4);
}

#[test]
fn a_stream_of_another_kind_is_refused() {
    let place = Place::new("kind");
    let Some(server) = Server::start(&place) else { return };
    let here = place.ring("here");
    let _tx = numbers(&here, 3);
    let config = r#"{"name":"shm-ring-it","subjects":["shm-ring.it.records"],"retention":"limits",
        "max_consumers":-1,"max_msgs":-1,"max_bytes":-1,"max_age":0,"storage":"file","num_replicas":1}"#;
    assert!(tell(&server, "$JS.API.STREAM.CREATE.shm-ring-it", config).contains("created"));
    let mut source = bridge(&place, "source", &here, &server.url(), &[]);
    source.fails(4, &["retention Limits, and WorkQueue is wanted", "README.md"]);
    assert_eq!(look(&here).unwrap().unread_bytes(), 24);
}
