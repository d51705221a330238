//! Owns: what a bridge refuses: another ring, another shape, a loss, a second one of either side. Each with both values and
//! what to do. Knows nothing of: servers that fail.

use shm_ring::{Consumer, MessageProducer, Options, PopError, Producer};

use crate::house::{LIMIT, Place, Process, Server, bridge, look, remove, until};

/// A pair of which the sink has everything, and both bridges, which run.
struct Pair {
    place: Place,
    server: Server,
    tx: Producer<u64>,
    here: String,
    there: String,
    source: Process,
    sink: Process,
}

fn pair(what: &str) -> Option<Pair> {
    let place = Place::new(what);
    let server = Server::start(&place)?;
    let (here, there) = (place.ring("here"), place.ring("there"));
    let mut tx = Producer::<u64>::create(here.as_str(), &Options::new().items(512)).unwrap();
    let source = bridge(&place, "source", &here, &server.url(), &[]);
    let mut sink = bridge(&place, "sink", &there, &server.url(), &[]);
    sink.hear("source ring");
    tx.push_slice(&[0, 1, 2, 3]).unwrap();
    until("all is there and given back", || {
        let held = look(&here).unwrap().unread_bytes();
        held == 0 && look(&there).is_some_and(|ring| ring.tail == 32)
    });
    Some(Pair { place, server, tx, here, there, source, sink })
}

/// The next number, whoever was the producer before.
fn take(rx: &mut Consumer<u64>) -> u64 {
    loop {
        match rx.pop_timeout(LIMIT) {
            Ok(number) => return number,
            Err(PopError::Closed | PopError::PeerDead) => {}
            Err(error) => panic!("{error}"),
        }
    }
}

fn id(ring: &str) -> String {
    format!("{:032x}", look(ring).unwrap().id)
}

#[test]
fn a_ring_of_other_records_is_refused_with_both_values() {
    let place = Place::new("shape");
    let Some(server) = Server::start(&place) else { return };
    let (here, there) = (place.ring("here"), place.ring("there"));
    let _tx = Producer::<u64>::create(here.as_str(), &Options::new().schema(7)).unwrap();
    let _source = bridge(&place, "source", &here, &server.url(), &[]);
    drop(Producer::<[u64; 2]>::create(there.as_str(), &Options::new().schema(7)).unwrap());
    let mut sink = bridge(&place, "sink", &there, &server.url(), &[]);
    sink.fails(4, &["item size 8, and the sink ring 16", "shm-ring rm"]);
    remove(&there);
    drop(Producer::<u64>::create(there.as_str(), &Options::new()).unwrap());
    let mut sink = bridge(&place, "sink", &there, &server.url(), &[]);
    sink.fails(4, &["schema id 7, and the sink ring 0"]);
    remove(&there);
    drop(MessageProducer::create(there.as_str(), &Options::new()).unwrap());
    let mut sink = bridge(&place, "sink", &there, &server.url(), &[]);
    sink.fails(4, &["kind values, and the sink ring messages"]);
}

#[test]
fn a_sink_ring_made_anew_is_refused_until_the_user_says_so() {
    let Some(mut pair) = pair("sink-anew") else { return };
    let old = id(&pair.there);
    pair.sink.kill();
    remove(&pair.there);
    let mut sink = bridge(&pair.place, "sink", &pair.there, &pair.server.url(), &[]);
    sink.end();
    sink.fails(4, &["continues in sink ring", &old, &id(&pair.there), "--pair-anew"]);
    pair.source.hear("refuses a sink");
    // Nothing was lost by that: what is published now comes first.
    pair.source.kill();
    pair.tx.push(4).unwrap();
    let anew = ["--pair-anew"];
    let _source = bridge(&pair.place, "source", &pair.here, &pair.server.url(), &anew);
    let _sink = bridge(&pair.place, "sink", &pair.there, &pair.server.url(), &[]);
    let mut rx = Consumer::<u64>::open(pair.there.as_str()).unwrap();
    assert_eq!(take(&mut rx), 4);
}

#[test]
fn a_source_ring_made_anew_is_refused_until_the_user_says_so() {
    let Some(mut pair) = pair("source-anew") else { return };
    let old = id(&pair.here);
    pair.source.kill();
    remove(&pair.here);
    let mut tx = Producer::<u64>::create(pair.here.as_str(), &Options::new()).unwrap();
    tx.push_slice(&[10, 11, 12, 13, 14]).unwrap();
    let _source = bridge(&pair.place, "source", &pair.here, &pair.server.url(), &[]);
    // The sink that runs learns of it, and one that is started later.
    let new = id(&pair.here);
    pair.sink.fails(4, &["continues source ring", &old, &new, "--pair-anew"]);
    let mut sink = bridge(&pair.place, "sink", &pair.there, &pair.server.url(), &[]);
    sink.fails(4, &["continues source ring", &old, &new]);
    // What the sink ring holds stays, and the new ring's records come behind it.
    let anew = ["--pair-anew"];
    let _sink = bridge(&pair.place, "sink", &pair.there, &pair.server.url(), &anew);
    let mut rx = Consumer::<u64>::open(pair.there.as_str()).unwrap();
    for wanted in [0, 1, 2, 3, 10, 11, 12, 13, 14] {
        assert_eq!(take(&mut rx), wanted);
    }
}

#[test]
fn records_that_another_consumer_took_are_a_loss_and_say_so() {
    let Some(mut pair) = pair("loss") else { return };
    pair.sink.kill();
    pair.source.kill();
    pair.tx.push_slice(&[4, 5, 6]).unwrap();
    let mut rx = Consumer::<u64>::open(pair.here.as_str()).unwrap();
    assert_eq!(rx.pop(), Ok(4));
    drop(rx);
    let _source = bridge(&pair.place, "source", &pair.here, &pair.server.url(), &[]);
    let mut sink = bridge(&pair.place, "sink", &pair.there, &pair.server.url(), &[]);
    sink.fails(4, &["position 32", "begins at 40", "8 bytes are lost", "--pair-anew"]);
}

#[test]
fn a_sink_ring_that_somebody_else_wrote_is_refused() {
    let Some(mut pair) = pair("beyond") else { return };
    pair.sink.kill();
    let mut other = Producer::<u64>::open(pair.there.as_str()).unwrap();
    other.push(99).unwrap();
    drop(other);
    let mut sink = bridge(&pair.place, "sink", &pair.there, &pair.server.url(), &[]);
    sink.fails(4, &["position 40", "ends at 32"]);
}

#[test]
fn a_second_source_and_a_second_sink_are_sent_away_and_disturb_nobody() {
    let Some(mut pair) = pair("second") else { return };
    // On the same machine the ring has one consumer and one producer.
    let mut source = bridge(&pair.place, "source", &pair.here, &pair.server.url(), &[]);
    source.fails(1, &["has a consumer already", &pair.source.id().to_string()]);
    let mut sink = bridge(&pair.place, "sink", &pair.there, &pair.server.url(), &[]);
    sink.fails(1, &["has a producer already", &pair.sink.id().to_string()]);
    // On another one the rings are others.
    let (elsewhere, nowhere) = (pair.place.ring("elsewhere"), pair.place.ring("nowhere"));
    let mut other = Producer::<u64>::create(elsewhere.as_str(), &Options::new()).unwrap();
    other.push(99).unwrap();
    let mut source = bridge(&pair.place, "source", &elsewhere, &pair.server.url(), &[]);
    source.fails(1, &["has a source already", &pair.source.id().to_string(), "--name"]);
    let mut sink = bridge(&pair.place, "sink", &nowhere, &pair.server.url(), &[]);
    sink.fails(4, &["continues in sink ring", &id(&pair.there)]);
    pair.tx.push(4).unwrap();
    let mut rx = Consumer::<u64>::open(pair.there.as_str()).unwrap();
    for wanted in 0..5 {
        assert_eq!(take(&mut rx), wanted);
    }
    assert!(rx.try_pop().is_err());
}

#[test]
fn what_is_no_ring_is_refused() {
    let place = Place::new("none");
    let none = place.ring("none");
    let mut source = bridge(&place, "source", &none, "nats://127.0.0.1:9", &[]);
    source.fails(3, &["no ring at", "shm-ring create"]);
    shm_ring::Latest::<u64>::create(none.as_str(), &Options::new()).unwrap();
    for side in ["source", "sink"] {
        let mut bridge = bridge(&place, side, &none, "nats://127.0.0.1:9", &[]);
        bridge.fails(4, &["latest value"]);
    }
}
