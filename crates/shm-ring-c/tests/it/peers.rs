//! Programs in C and C++ against Rust in another process: values and messages, both ways, closed in order, killed and
//! started again; by pkg-config with each compiler, and by CMake.
//!
//! Owns: the Rust side. Knows nothing of: how the other side is written.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use shm_ring::{
    Consumer, MessageConsumer, MessageProducer, Options, Peer, PopError, Producer, PushError,
};
use zerocopy::{FromBytes, Immutable, IntoBytes};

use crate::installed::{Name, Running, compile, has, here, prefix, run, scratch};

#[derive(Clone, Copy, Debug, PartialEq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
struct Tick {
    number: u64,
    square: u64,
}

impl Tick {
    fn of(number: u64) -> Self {
        Self { number, square: number.wrapping_mul(number) }
    }
}

fn values() -> Options {
    Options::new().items(1000).schema(7).label("ticks")
}

fn messages() -> Options {
    Options::new().bytes(8192).label("texts")
}

fn message(number: u64) -> Vec<u8> {
    let mut bytes = number.to_le_bytes().to_vec();
    bytes.resize(8 + (number * 7 % 120) as usize, number as u8);
    bytes
}

const SOME: Duration = Duration::from_secs(30);

/// The next value, whoever publishes it: a producer that died has a successor.
fn pop(rx: &mut Consumer<Tick>) -> Result<Tick, PopError> {
    rx.pop_timeout(SOME)
}

fn values_from(program: &Path, name: &Name) {
    let sender = Running::start(program, &["send-values", &name.0, "20000"]);
    let mut rx = Consumer::<Tick>::open_or_create(name.0.as_str(), &values()).unwrap();
    for number in 0..20_000 {
        assert_eq!(pop(&mut rx), Ok(Tick::of(number)));
    }
    assert_eq!(pop(&mut rx), Err(PopError::Closed));
    sender.printed();
}

fn values_to(program: &Path, name: &Name) {
    let receiver = Running::start(program, &["receive-values", &name.0]);
    let mut tx = Producer::<Tick>::open_or_create(name.0.as_str(), &values()).unwrap();
    let ticks: Vec<Tick> = (0..20_000).map(Tick::of).collect();
    tx.push_slice(&ticks).unwrap();
    // One that came after the end would wait for the next producer.
    assert!(matches!(tx.wait_for_peer(SOME), Peer::Alive { .. }));
    tx.close();
    assert_eq!(receiver.printed(), "20000 values\n");
}

fn messages_from(program: &Path, name: &Name) {
    let sender = Running::start(program, &["send-messages", &name.0, "5000"]);
    let mut rx = MessageConsumer::open_or_create(name.0.as_str(), &messages()).unwrap();
    let mut bytes = Vec::new();
    for number in 0..5000 {
        rx.pop_into_timeout(&mut bytes, SOME).unwrap();
        assert_eq!(bytes, message(number), "{number}");
    }
    assert_eq!(rx.pop_into_timeout(&mut bytes, SOME), Err(PopError::Closed));
    sender.printed();
}

fn messages_to(program: &Path, name: &Name) {
    let receiver = Running::start(program, &["receive-messages", &name.0]);
    let mut tx = MessageProducer::open_or_create(name.0.as_str(), &messages()).unwrap();
    (0..5000).for_each(|number| tx.push_timeout(&message(number), SOME).unwrap());
    assert!(matches!(tx.wait_for_peer(SOME), Peer::Alive { .. }));
    tx.close();
    assert_eq!(receiver.printed(), "5000 messages\n");
}

/// Everything that crosses both ways.
pub(crate) fn all_ways(program: &Path, what: &str) {
    values_from(program, &Name::new(&format!("{what}-values-from")));
    values_to(program, &Name::new(&format!("{what}-values-to")));
    messages_from(program, &Name::new(&format!("{what}-messages-from")));
    messages_to(program, &Name::new(&format!("{what}-messages-to")));
}

fn by_pkg_config(compiler: &str, source: &str, more: &[&str]) {
    if has(compiler) && has("pkg-config") {
        all_ways(&compile(compiler, source, more), compiler);
    }
}

#[test]
fn c_by_pkg_config_and_gcc() {
    by_pkg_config("gcc", "tests/programs/peer.c", &[]);
}

#[test]
fn c_by_pkg_config_and_clang() {
    by_pkg_config("clang", "tests/programs/peer.c", &[]);
}

#[test]
fn cpp_by_pkg_config_and_gcc() {
    by_pkg_config("g++", "tests/programs/peer.cpp", &[]);
}

#[test]
fn cpp_by_pkg_config_and_clang_without_exceptions() {
    by_pkg_config("clang++", "tests/programs/peer.cpp", &["-fno-exceptions"]);
}

#[test]
fn both_by_cmake_shared_and_static() {
    if !(has("cmake") && has("gcc") && has("g++") && has("make")) {
        return;
    }
    let built = scratch().join("cmake");
    let mut configure = Command::new("cmake");
    configure.arg("-S").arg(here().join("tests/programs")).arg("-B").arg(&built);
    run(configure.arg(format!("-DCMAKE_PREFIX_PATH={}", prefix().display())));
    run(Command::new("cmake").arg("--build").arg(&built));
    for program in ["c-shm-ring", "c-static", "cpp-shm-ring", "cpp-static"] {
        all_ways(&built.join(program), program);
    }
}

/// Reads up to number `end`, which is `Empty`, or what comes instead.
fn until(rx: &mut Consumer<Tick>, next: &mut u64, end: u64) -> PopError {
    while *next < end {
        match pop(rx) {
            Ok(tick) => assert_eq!(tick, Tick::of(*next)),
            Err(error) => return error,
        }
        *next += 1;
    }
    PopError::Empty
}

fn killed_as_producer(program: &Path, name: &Name) {
    let mut rx = Consumer::<Tick>::open_or_create(name.0.as_str(), &values()).unwrap();
    let mut next = 0;
    for round in 1..=5 {
        let sender = Running::start(program, &["send-values", &name.0, "100000000"]);
        rx.wait_for_peer(SOME);
        assert_eq!(until(&mut rx, &mut next, round * 3000), PopError::Empty);
        sender.kill();
        // The consumer reads everything that was published, and then learns of the death.
        assert_eq!(until(&mut rx, &mut next, u64::MAX), PopError::PeerDead);
    }
    let last = next + 100;
    let sender = Running::start(program, &["send-values", &name.0, &last.to_string()]);
    rx.wait_for_peer(SOME);
    assert_eq!(until(&mut rx, &mut next, u64::MAX), PopError::Closed);
    assert_eq!(next, last);
    sender.printed();
}

fn killed_as_consumer(program: &Path, name: &Name) {
    let mut tx = Producer::<Tick>::open_or_create(name.0.as_str(), &values()).unwrap();
    let mut next = 0;
    for _ in 0..5 {
        let receiver = Running::start(program, &["receive-values", &name.0]);
        let end = next + 3000;
        while next < end {
            match tx.push_timeout(Tick::of(next), SOME) {
                Ok(()) => next += 1,
                // Of the one that was killed before.
                Err(PushError::PeerDead) => _ = tx.wait_for_peer(SOME),
                Err(error) => panic!("{error}"),
            }
        }
        receiver.kill();
    }
    // It verifies each value from the position on at which the last one stopped.
    let receiver = Running::start(program, &["receive-values", &name.0]);
    let alive = |tx: &Producer<Tick>| matches!(tx.peer(), Peer::Alive { .. });
    while !alive(&tx) {
        tx.wait_for_peer(SOME);
        std::thread::sleep(Duration::from_millis(1));
    }
    tx.push_timeout(Tick::of(next), SOME).unwrap();
    tx.close();
    assert_eq!(receiver.printed(), format!("{} values\n", next + 1));
}

fn killed(compiler: &str, source: &str, what: &str) {
    if !(has(compiler) && has("pkg-config")) {
        return;
    }
    let program: PathBuf = compile(compiler, source, &["-DKILLED"]);
    killed_both_ways(&program, what);
}

pub(crate) fn killed_both_ways(program: &Path, what: &str) {
    killed_as_producer(program, &Name::new(&format!("{what}-killed-producer")));
    killed_as_consumer(program, &Name::new(&format!("{what}-killed-consumer")));
}

#[test]
fn c_is_killed_and_started_again() {
    killed("gcc", "tests/programs/peer.c", "c");
}

#[test]
fn cpp_is_killed_and_started_again() {
    killed("g++", "tests/programs/peer.cpp", "cpp");
}
