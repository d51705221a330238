//! The other terminal: prints the lines that the producer sends, until it ends in order. If the
//! producer is killed, it waits for the next one.

use std::io::{Write, stdout};
use std::time::Duration;

use shm_ring::{MessageConsumer, Options, PopError};

fn main() {
    // An error says in its words what is wrong, and what can be done.
    if let Err(error) = run() {
        eprintln!("{error}");
        std::process::exit(1);
    }
}

fn run() -> Result<(), Box<dyn std::error::Error>> {
    let name = std::env::args().nth(1).unwrap_or_else(|| "/shm-ring-hello".to_owned());
    // The last of the two to leave removes the name.
    let options = Options::new().bytes(1 << 16).label("lines of text").unlink_on_drop();
    let mut rx = MessageConsumer::open_or_create(name.as_str(), &options)?;
    println!("{name}: the producer is {:?}", rx.peer());
    let mut line = Vec::new();
    loop {
        match rx.pop_into(&mut line) {
            Ok(_) => println!("{}", String::from_utf8_lossy(&line).to_uppercase()),
            // The one that closed before we came is not the one that we wait for.
            Err(PopError::Closed) => break,
            Err(PopError::PeerDead) => {
                println!("the producer died; start it again");
                rx.wait_for_peer(Duration::MAX);
            }
            Err(error) => return Err(error.into()),
        }
        stdout().flush()?;
    }
    println!("the producer has closed");
    Ok(())
}
