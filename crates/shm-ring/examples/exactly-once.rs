//! A reader that is killed at the worst moment, and a sum in which every number counts once:
//!
//! ```console
//! $ cargo run -p shm-ring --example exactly-once
//! ```
//!
//! The program writes numbers, and starts itself as the reader. The reader looks at a batch in place, stores its sum
//! together with the position up to which it came, and only then releases the batch. The first reader dies between the two:
//! the batch is in the stored sum, and still in the ring. Its successor begins with `release_to` of the stored position.

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, id};

use shm_ring::{Consumer, Options, PopError, Ring};

const NUMBERS: u64 = 10_000;
/// Batches after which the first reader dies.
const BATCHES: u64 = 20;

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
        [] => write(&format!("/shm-ring-exactly-once-{}", id())),
        [name, store, batches] => read(name, Path::new(store), batches.parse()?),
        _ => Err("this program needs no arguments".into()),
    }
}

fn write(name: &str) -> Result<(), Box<dyn Error>> {
    let ring = Ring::<u64>::create(name, &Options::new().items(NUMBERS as usize).unlink_on_drop())?;
    let mut tx = ring.producer()?;
    tx.push_batch(1..=NUMBERS)?;
    tx.close();
    let store: PathBuf = std::env::temp_dir().join(name.trim_start_matches('/'));
    for batches in [BATCHES, u64::MAX] {
        let mut reader = Command::new(std::env::current_exe()?);
        let ended = reader.arg(name).arg(&store).arg(batches.to_string()).status()?;
        println!("the reader: {ended}");
    }
    let sum = stored(&store).map_or(0, |(_, sum)| sum);
    fs::remove_file(&store)?;
    println!("the sum is {sum}, and {} is right", NUMBERS * (NUMBERS + 1) / 2);
    Ok(())
}

/// The position and the sum that were stored together.
fn stored(store: &Path) -> Option<(u64, u64)> {
    let text = fs::read_to_string(store).ok()?;
    let (position, sum) = text.split_once(' ')?;
    Some((position.parse().ok()?, sum.parse().ok()?))
}

fn read(name: &str, store: &Path, batches: u64) -> Result<(), Box<dyn Error>> {
    let mut rx = Consumer::<u64>::open(name)?;
    let mut sum = 0;
    if let Some((position, stored)) = stored(store) {
        sum = stored;
        let known = rx.release_to(position)?;
        println!("{known} numbers in the ring are in the sum already");
    }
    for batch in 1.. {
        let first = rx.position();
        let view = match rx.peek(100) {
            Err(PopError::Closed) => break,
            view => view?,
        };
        sum += view.iter().sum::<u64>();
        let position = first + size_of::<u64>() as u64 * view.len() as u64;
        // Both or none, as a database would have it.
        let new = store.with_extension("new");
        fs::write(&new, format!("{position} {sum}"))?;
        fs::rename(new, store)?;
        if batch == batches {
            // Killed here, of all places.
            std::process::exit(9);
        }
        let count = view.len();
        view.release(count);
    }
    Ok(())
}
