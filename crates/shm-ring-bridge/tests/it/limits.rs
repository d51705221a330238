//! Owns: what happens at a limit: a stream that is full, a server that has no room on its disk. It waits, says so, and loses
//! nothing. Knows nothing of: kills.

use shm_ring::{Consumer, Options, Producer};

use crate::house::{Place, Server, bridge, look, until};

const ITEMS: u64 = 32 << 10;

/// Every item comes once, and the source gives all of them back.
fn all_arrive(here: &str, there: &str) {
    let mut rx = Consumer::<[u64; 8]>::open(there).unwrap();
    for number in 0..ITEMS {
        assert_eq!(rx.pop(), Ok([number; 8]));
    }
    until("it is given back", || look(here).unwrap().unread_bytes() == 0);
    assert!(rx.try_pop().is_err(), "nothing comes twice");
}

#[test]
fn a_full_stream_is_waited_for_and_loses_nothing() {
    let place = Place::new("full");
    let Some(server) = Server::start(&place) else { return };
    let (here, there) = (place.ring("here"), place.ring("there"));
    let options = Options::new().items(ITEMS as usize);
    let mut tx = Producer::<[u64; 8]>::create(here.as_str(), &options).unwrap();
    let small = ["--stream-bytes", "300K"];
    let mut source = bridge(&place, "source", &here, &server.url(), &small);
    let sink = || bridge(&place, "sink", &there, &server.url(), &[]);
    let mut first = sink();
    first.hear("source ring");
    first.kill();
    // Without a sink the stream is full after 300 of these 2048 KiB.
    for number in 0..ITEMS {
        tx.push([number; 8]).unwrap();
    }
    source.hear("stream shm-ring-it is full: waits");
    let _second = sink();
    all_arrive(&here, &there);
    source.hear("goes on");
}

#[test]
fn a_server_whose_disk_is_full_is_waited_for_and_loses_nothing() {
    let place = Place::new("disk");
    let Some(mut server) = Server::start(&place) else { return };
    let (here, there) = (place.ring("here"), place.ring("there"));
    let options = Options::new().items(ITEMS as usize);
    let mut tx = Producer::<[u64; 8]>::create(here.as_str(), &options).unwrap();
    let mut source = bridge(&place, "source", &here, &server.url(), &[]);
    let url = server.url();
    let sink = || bridge(&place, "sink", &there, &url, &[]);
    let mut first = sink();
    first.hear("source ring");
    first.kill();
    // No file of the server may grow beyond this, as if the disk were full: the limit is the process's own.
    let limit = rustix::process::Rlimit { current: Some(400 << 10), maximum: None };
    let id = rustix::process::Pid::from_raw(server.process.id() as i32);
    rustix::process::prlimit(id, rustix::process::Resource::Fsize, limit).unwrap();
    for number in 0..ITEMS {
        tx.push([number; 8]).unwrap();
    }
    source.hear("waits");
    // Somebody makes room, and starts the server again.
    server.kill();
    server.restart();
    let _second = sink();
    all_arrive(&here, &there);
}
