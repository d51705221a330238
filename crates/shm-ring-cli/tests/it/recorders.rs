//! A producer and a recorder that are killed again and again: the file has each record once, in order.

use std::io::Read;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use shm_ring::{MessageProducer, MessageRing, Observer, Options, PushError, Ring};

use crate::house::{LIMIT, Name, Process, program};
use crate::recordings::{File, recorded};

/// How long and how often they are killed at least, and how much they get done.
const TIME: Duration = Duration::from_secs(3);
const KILLS: u32 = 20;
const BYTES: u64 = 512 * 1024;
/// Names the ring to the process that publishes.
const RING: &str = "SHM_RING_CLI_IT_PRODUCER";

/// Not a test but, if it is asked, a producer: until its input ends it publishes records that say where they are.
#[test]
fn a_producer_of_positions() {
    let Ok(name) = std::env::var(RING) else { return };
    static OVER: AtomicBool = AtomicBool::new(false);
    std::thread::spawn(|| {
        let _ = std::io::stdin().read(&mut [0]);
        OVER.store(true, Ordering::Relaxed);
    });
    let over = || OVER.load(Ordering::Relaxed);
    if name.ends_with("values") {
        let mut tx = shm_ring::Producer::<[u64; 3]>::open(name.as_str()).unwrap();
        publish(over, || {
            let first = tx.position();
            let values: Vec<_> = (0..20).map(|index| [first + 24 * index; 3]).collect();
            tx.try_push_slice(&values).map(drop)
        });
    } else {
        let mut tx = MessageProducer::open(name.as_str()).unwrap();
        publish(over, || {
            let at = tx.position();
            // From nothing to a few kilobytes: each is as long as its place says.
            tx.try_push(&at.to_le_bytes().repeat((at / 8 % 300) as usize))
        });
    }
}

fn publish(over: impl Fn() -> bool, mut push: impl FnMut() -> Result<(), PushError>) {
    while !over() {
        match push() {
            Ok(()) => {}
            Err(PushError::Full) => std::thread::yield_now(),
            Err(error) => panic!("{error}"),
        }
    }
}

/// Numbers that are not like their neighbours, and not the same in the next run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (self.0 >> 33) % bound
    }
}

fn producer(name: &Name) -> Process {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "recorders::a_producer_of_positions"]);
    command.env(RING, name.as_str()).stdin(Stdio::piped());
    Process::of(&mut command)
}

fn killed_again_and_again(name: &Name, file: &File) {
    let recorder = || Process::of(&mut program(&["record", name.as_str(), "-o", file.as_str()]));
    let mut dice = Dice(u64::from(std::process::id()));
    let seed = dice.0;
    let (mut tx, mut rx) = (producer(name), recorder());
    let (start, mut kills) = (Instant::now(), 0_u32);
    let tail = || Observer::open(name.as_str()).unwrap().snapshot().tail;
    while start.elapsed() < TIME || kills < KILLS || tail() < BYTES {
        assert!(start.elapsed() < LIMIT, "seed {seed}: they come to nothing");
        // Both shorter and longer than it takes one to begin, however busy the machine is.
        let most = 20_000 << (kills % 4);
        std::thread::sleep(Duration::from_micros(dice.below(most)));
        kills += 1;
        if dice.below(3) == 0 {
            tx.kill();
            tx = producer(name);
        } else {
            rx.kill();
            rx = recorder();
        }
    }
    let output = tx.end();
    assert!(output.status.success(), "{output:?}");
    // One that came between two producers may end by the death of the first.
    let mut output = rx.end();
    while output.status.code() != Some(0) {
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.code() == Some(5) || output.status.code().is_none(), "{said}");
        assert!(start.elapsed() < LIMIT, "it does not come to the end: {said}");
        output = recorder().end();
    }
    let found = recorded(&file.bytes());
    let what = format!("seed {seed}, {kills} kills, {} records", found.records.len());
    println!("{what}");
    assert!(found.error.is_none(), "{what}: {:?}", found.error);
    assert_eq!(found.gaps, [], "{what}");
    let mut next = 0;
    for (at, payload) in &found.records {
        assert_eq!(*at, next, "{what}");
        assert!(payload.chunks_exact(8).all(|word| word == at.to_le_bytes()), "{what}: at {at}");
        let len = payload.len() as u64;
        next = if name.as_str().ends_with("values") { at + 24 } else { at + 8 + len };
        let expected = if name.as_str().ends_with("values") { 24 } else { at / 8 % 300 * 8 };
        assert_eq!(len, expected, "{what}: at {at}");
    }
    let snapshot = Observer::open(name.as_str()).unwrap().snapshot();
    assert_eq!((snapshot.tail, snapshot.unread_bytes()), (next, 0), "{what}");
}

#[test]
fn whoever_is_killed_each_message_is_in_the_file_once() {
    let (name, file) = (Name::new("killed-messages"), File::new("killed-messages"));
    let options = Options::new().bytes(64 * 1024);
    drop(MessageRing::create(name.as_str(), &options).unwrap());
    killed_again_and_again(&name, &file);
}

#[test]
fn whoever_is_killed_each_value_is_in_the_file_once() {
    let (name, file) = (Name::new("killed-values"), File::new("killed-values"));
    drop(Ring::<[u64; 3]>::create(name.as_str(), &Options::new().items(3000)).unwrap());
    killed_again_and_again(&name, &file);
}
