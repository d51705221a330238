//! One terminal of two: type lines, the consumer prints them. An empty line or the end of input ends
//! both. Kill it and start it again: the consumer goes on.

use std::io::{BufRead, Write, stdin, stdout};

use shm_ring::{MessageProducer, Options};

fn main() {
    // An error says in its words what is wrong, and what can be done.
    if let Err(error) = run() {
        eprintln!("{error}");
        std::process::exit(1);
    }
}

fn run() -> Result<(), Box<dyn std::error::Error>> {
    let name = std::env::args().nth(1).unwrap_or_else(|| "/shm-ring-hello".to_owned());
    let options = Options::new().bytes(1 << 16).label("lines of text").unlink_on_drop();
    let mut tx = MessageProducer::open_or_create(name.as_str(), &options)?;
    println!("{name}: the consumer is {:?}; type lines, an empty one ends", tx.peer());
    stdout().flush()?;
    for line in stdin().lock().lines() {
        let line = line?;
        if line.is_empty() {
            break;
        }
        tx.push(line.as_bytes())?;
    }
    Ok(())
}
