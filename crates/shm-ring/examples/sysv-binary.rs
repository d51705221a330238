//! Type lines in one terminal, read them in another, instead of a System V segment and a semaphore that both
//! sides poll:
//!
//! ```console
//! $ cargo run -p shm-ring --example sysv-binary -- receive   # one terminal
//! $ cargo run -p shm-ring --example sysv-binary -- send      # another: type lines, `end` ends both
//! ```
//!
//! Either may be started first. The receiver prints each line that the sender is given; `end` ends both, and
//! the receiver removes the region. Where the original has one message in flight and two system calls and a
//! poll for each, this has as many as fit: stop the receiver for a while (Ctrl-Z), type on, and let it go on. Kill
//! the sender and start it again: nothing is lost, and the receiver goes on.

use std::error::Error;
use std::io::{Write, stdin, stdout};
use std::time::Duration;

use shm_ring::{MessageConsumer, MessageProducer, Options, PopError};

fn main() {
    let mut arguments = std::env::args().skip(1);
    let job = arguments.next().unwrap_or_default();
    let name = arguments.next().unwrap_or_else(|| "/shm-ring-sysv-binary".to_owned());
    let done = match job.as_str() {
        "send" => send(&name),
        "receive" => receive(&name),
        _ => Err("say what to do: send or receive".into()),
    };
    if let Err(error) = done {
        eprintln!("{error}");
        std::process::exit(1);
    }
}

/// The same on both sides: the last of them to leave removes the name.
fn options() -> Options {
    Options::new().bytes(1 << 16).label("lines of text").unlink_on_drop()
}

fn send(name: &str) -> Result<(), Box<dyn Error>> {
    let mut tx = MessageProducer::open_or_create(name, &options())?;
    let mut lines = stdin().lines();
    loop {
        print!("Enter some text: ");
        stdout().flush()?;
        // The end of the input ends both too.
        let line = lines.next().transpose()?.unwrap_or_else(|| "end".to_owned());
        tx.push(line.as_bytes())?;
        if line == "end" {
            return Ok(());
        }
    }
}

fn receive(name: &str) -> Result<(), Box<dyn Error>> {
    let mut rx = MessageConsumer::open_or_create(name, &options())?;
    let mut line = Vec::new();
    loop {
        match rx.pop_into(&mut line) {
            Ok(_) if line == b"end" => break,
            Ok(_) => println!("You wrote: {}", String::from_utf8_lossy(&line)),
            Err(PopError::PeerDead) => wait_for_the_next_one(&mut rx),
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// A death is not final: whoever becomes the producer next goes on where this one stopped.
fn wait_for_the_next_one(rx: &mut MessageConsumer) {
    println!("the sender died; start it again");
    rx.wait_for_peer(Duration::MAX);
}
