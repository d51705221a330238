//! A writer that is killed and started again, twice, while the reader goes on:
//!
//! ```console
//! $ cargo run -p shm-ring --example restart
//! ```
//!
//! The program reads, and starts itself as the writer, which counts. In the middle it kills the writer with
//! SIGKILL, takes all that had been published, is told `PeerDead`, and starts the next one, which goes on in the same
//! ring. You see that no number is missing and none comes twice.

use std::error::Error;
use std::process::{Command, id};
use std::time::Duration;

use shm_ring::{Options, PopError, Producer, Ring};

const LIVES: u64 = 3;
const ENOUGH: u64 = 10_000;

fn main() {
    // An error says in its words what is wrong, and what can be done.
    if let Err(error) = run() {
        eprintln!("{error}");
        std::process::exit(1);
    }
}

fn run() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match &arguments[..] {
        [] => read(&format!("/shm-ring-restart-{}", id())),
        [name, from, to] => write(name, from.parse()?..to.parse()?),
        _ => Err("this program needs no arguments".into()),
    }
}

fn read(name: &str) -> Result<(), Box<dyn Error>> {
    let ring = Ring::<u64>::create(name, &Options::new().items(1024).unlink_on_drop())?;
    let mut rx = ring.consumer()?;
    let mut next = 0;
    for life in 1..=LIVES {
        // Only the last one is to come to its end.
        let (end, kill_at) = match life {
            LIVES => (next + ENOUGH, u64::MAX),
            _ => (u64::MAX, next + ENOUGH),
        };
        let program = std::env::current_exe()?;
        let range = [next.to_string(), end.to_string()];
        let mut writer = Command::new(program).arg(name).args(range).spawn()?;
        // Its predecessor's death is not its own.
        rx.wait_for_peer(Duration::from_secs(10));
        let ended = loop {
            match rx.pop() {
                Ok(number) if number == next => next += 1,
                Ok(number) => return Err(format!("{number} came instead of {next}").into()),
                Err(ended @ (PopError::Closed | PopError::PeerDead)) => break ended,
                Err(error) => return Err(error.into()),
            }
            if next == kill_at {
                writer.kill()?;
            }
        };
        writer.wait()?;
        println!("life {life}: {next} numbers without a gap; then: {ended}");
    }
    Ok(())
}

fn write(name: &str, numbers: std::ops::Range<u64>) -> Result<(), Box<dyn Error>> {
    let mut tx = Producer::<u64>::open(name)?;
    for number in numbers {
        tx.push(number)?;
    }
    Ok(())
}
