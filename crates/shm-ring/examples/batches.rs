//! A million numbers in batches, and a reader that would rather be woken seldom than at once:
//!
//! ```console
//! $ cargo run --release -p shm-ring --example batches
//! ```
//!
//! `push_batch` takes an iterator and `push_slice` a slice: each publishes as many as fit by one store. `pop_slice` fills
//! a slice by one copy, and gives the room of all that it took back by one store. The threshold lets a waiting reader
//! sleep until 1000 numbers are there, or for a millisecond once something may be. You see how many batches it was for
//! each side.

use std::error::Error;
use std::process::{Command, id};
use std::time::Duration;

use shm_ring::{Consumer, Options, PopError, Ring, Threshold};

const NUMBERS: u64 = 1_000_000;
const BATCH: u64 = 500;

fn main() {
    // An error says in its words what is wrong, and what can be done.
    if let Err(error) = run() {
        eprintln!("{error}");
        std::process::exit(1);
    }
}

fn run() -> Result<(), Box<dyn Error>> {
    match std::env::args().nth(1) {
        None => write(&format!("/shm-ring-batches-{}", id())),
        Some(name) => read(&name),
    }
}

fn write(name: &str) -> Result<(), Box<dyn Error>> {
    let ring = Ring::<u64>::create(name, &Options::new().items(8192).unlink_on_drop())?;
    let mut tx = ring.producer()?;
    let mut reader = Command::new(std::env::current_exe()?).arg(name).spawn()?;
    let mut batches = 0;
    for first in (0..NUMBERS).step_by(2 * BATCH as usize) {
        // Waits for room; all of it is published when this returns.
        tx.push_batch(first..first + BATCH)?;
        let rest: Vec<u64> = (first + BATCH..first + 2 * BATCH).collect();
        tx.push_slice(&rest)?;
        batches += 2;
    }
    println!("pushed {NUMBERS} numbers in {batches} batches");
    tx.close();
    reader.wait()?;
    Ok(())
}

fn read(name: &str) -> Result<(), Box<dyn Error>> {
    let mut rx = Consumer::<u64>::open(name)?;
    rx.set_threshold(Some(Threshold::items::<u64>(1000, Duration::from_millis(1))));
    let mut numbers = vec![0; 4096];
    let (mut sum, mut count, mut batches) = (0, 0, 0);
    loop {
        match rx.pop_slice(&mut numbers) {
            Ok(taken) => {
                sum += numbers[..taken].iter().sum::<u64>();
                count += taken;
                batches += 1;
            }
            Err(PopError::Closed) => break,
            Err(error) => return Err(error.into()),
        }
    }
    println!("popped {count} numbers in {batches} batches; they sum up to {sum}");
    Ok(())
}
