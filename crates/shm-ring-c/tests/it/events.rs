//! Ends of C in an event loop, by their descriptors, against Rust in another process: bursts, room, and a kill.
//!
//! Owns: the Rust side. Knows nothing of: how the loop is woken.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::Duration;

use shm_ring::{Consumer, Options, Peer, Producer};

use crate::installed::{Name, Running, compile, has, program, run};

const NUMBERS: u64 = 100_000;

fn compiled(more: &[&str]) -> Option<PathBuf> {
    let here = has("gcc") && has("pkg-config");
    here.then(|| compile("gcc", "tests/programs/events.c", more))
}

fn events() -> Option<&'static Path> {
    static EVENTS: OnceLock<Option<PathBuf>> = OnceLock::new();
    EVENTS.get_or_init(|| compiled(&[])).as_deref()
}

fn options() -> Options {
    Options::new().items(64)
}

/// Bursts of up to three rings, with pauses in which the other side arms, falls asleep, or sleeps for long.
fn send(tx: &mut Producer<u64>, numbers: u64) {
    let (mut number, mut state) = (0, 1_u32);
    while number < numbers {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let burst = u64::from(state >> 24) * 3 / 4 + 1;
        for _ in 0..burst.min(numbers - number) {
            tx.push_timeout(number, Duration::from_secs(20)).unwrap();
            number += 1;
        }
        match state >> 8 & 31 {
            0 => std::thread::sleep(Duration::from_millis(3)),
            1..8 => std::thread::sleep(Duration::from_micros(u64::from(state & 127))),
            _ => {}
        }
    }
}

fn received(way: &str) {
    let Some(path) = events() else { return };
    let name = Name::new(way);
    let mut tx = Producer::create(name.0.as_str(), &options()).unwrap();
    let mut loop_ = Running::start(path, &[way, &name.0]);
    assert_eq!(loop_.line(), "ready\n");
    send(&mut tx, NUMBERS);
    tx.close();
    assert_eq!(loop_.printed(), format!("{NUMBERS} numbers, then closed\n"));
}

#[test]
fn a_loop_that_arms_and_disarms_at_random_receives_every_number_once() {
    received("receive");
}

#[test]
fn so_does_one_that_watches_edges() {
    received("receive-edges");
}

#[test]
fn a_producer_waits_for_room_in_a_loop() {
    let Some(path) = events() else { return };
    let name = Name::new("event-room");
    let mut rx = Consumer::<u64>::create(name.0.as_str(), &options()).unwrap();
    let sender = Running::start(path, &["send", &name.0, "20000"]);
    for number in 0..20_000 {
        assert_eq!(rx.pop_timeout(Duration::from_secs(20)), Ok(number));
        if number % 1000 == 0 {
            std::thread::sleep(Duration::from_millis(2));
        }
    }
    sender.printed();
    assert!(matches!(rx.wait_for_end(Duration::from_secs(20)), Peer::Closed { .. }));
}

/// The producer is killed while the loop waits: the descriptor says so, and then says that another one came.
#[test]
fn the_death_of_a_producer_wakes_the_loop_and_so_does_the_next_one() {
    let Some(path) = events() else { return };
    let (name, full) = (Name::new("event-kill"), Name::new("event-kill-room"));
    let mut loop_ = Running::start(path, &["receive", &name.0]);
    assert_eq!(loop_.line(), "ready\n");
    // One that is blocked for want of room in another ring never ends by itself.
    let mut other = Consumer::<u64>::create(full.0.as_str(), &options()).unwrap();
    let holder = Running::start(path, &["hold", &name.0, &full.0]);
    assert_eq!(other.pop_timeout(Duration::from_secs(20)), Ok(0));
    // The loop has read what was published and waits.
    std::thread::sleep(Duration::from_millis(20));
    holder.kill();
    assert_eq!(loop_.line(), "1 numbers, then dead\n");
    let tx = Producer::<u64>::open(name.0.as_str()).unwrap();
    assert_eq!(loop_.printed(), "another\n");
    drop(tx);
}

#[test]
fn what_one_process_can_check_holds() {
    if let Some(path) = events() {
        run(program(path).arg("alone"));
    }
}

#[test]
fn and_the_sanitizers_find_nothing() {
    let sanitized = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all"];
    if let Some(path) = compiled(&sanitized) {
        run(program(&path).arg("alone"));
    }
}
