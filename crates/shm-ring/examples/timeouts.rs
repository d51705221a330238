//! Waiting for so long and no longer, and ending in order:
//!
//! ```console
//! $ cargo run -p shm-ring --example timeouts
//! ```
//!
//! The writer fills the ring before there is a reader, and gives up on the next push after 50 ms. The reader
//! takes what there is, finds nothing for 50 ms, does something else, and looks again. When the writer closes,
//! the reader gets all that was published and then `Closed`.

use std::error::Error;
use std::process::{Command, id};
use std::thread::sleep;
use std::time::Duration;

use shm_ring::{Consumer, Options, PopError, PushError, Ring};

const TIMEOUT: Duration = Duration::from_millis(50);

fn main() {
    // An error says in its words what is wrong, and what can be done.
    if let Err(error) = run() {
        eprintln!("{error}");
        std::process::exit(1);
    }
}

fn run() -> Result<(), Box<dyn Error>> {
    match std::env::args().nth(1) {
        None => write(&format!("/shm-ring-timeouts-{}", id())),
        Some(name) => read(&name),
    }
}

fn write(name: &str) -> Result<(), Box<dyn Error>> {
    let ring = Ring::<u64>::create(name, &Options::new().items(256).unlink_on_drop())?;
    let mut tx = ring.producer()?;
    let mut number = 0;
    let error = loop {
        match tx.push_timeout(number, TIMEOUT) {
            Ok(()) => number += 1,
            Err(error) => break error,
        }
    };
    println!("writer: {number} of {} pushed; then: {error}", tx.capacity());
    if error != PushError::TimedOut {
        return Err(error.into());
    }
    println!("writer: the reader is {:?}", tx.peer());
    let mut reader = Command::new(std::env::current_exe()?).arg(name).spawn()?;
    // Now somebody makes room. The same number again: what timed out was not published.
    tx.push(number)?;
    sleep(4 * TIMEOUT);
    tx.push(number + 1)?;
    tx.close();
    reader.wait()?;
    Ok(())
}

fn read(name: &str) -> Result<(), Box<dyn Error>> {
    let mut rx = Consumer::<u64>::open(name)?;
    let mut next = 0;
    loop {
        match rx.pop_timeout(TIMEOUT) {
            Ok(number) if number == next => next += 1,
            Ok(number) => return Err(format!("{number} came instead of {next}").into()),
            // Neither lost nor over: time for something else.
            Err(PopError::TimedOut) => println!("reader: nothing for {TIMEOUT:?} after {next}"),
            Err(PopError::Closed) => break,
            Err(error) => return Err(error.into()),
        }
    }
    println!("reader: {next} popped in order; the writer has closed");
    Ok(())
}
