//! Type lines in one terminal, see them upper-cased in another, instead of a System V segment and two
//! semaphores that take turns:
//!
//! ```console
//! $ cargo run -p shm-ring --example sysv-two -- receive   # one terminal
//! $ cargo run -p shm-ring --example sysv-two -- send      # another: type lines, `end` ends both
//! ```
//!
//! Either may be started first. The receiver prints each character of a line in upper case; `end` ends both.
//! Both sleep while there is nothing to do, as the original does, without its four system calls a message: the
//! kernel is asked only to sleep and to wake. Kill the sender (`kill -9`) and start it again: the receiver says
//! so and goes on. The original would wait for ever, or need its semaphores removed by hand.

use std::error::Error;
use std::io::{Write, stdin, stdout};
use std::time::Duration;

use shm_ring::{MessageConsumer, MessageProducer, Options, PopError, Wait};

fn main() {
    let mut arguments = std::env::args().skip(1);
    let job = arguments.next().unwrap_or_default();
    let name = arguments.next().unwrap_or_else(|| "/shm-ring-sysv-two".to_owned());
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
    Options::new().bytes(1 << 16).label("lines of text").unlink_on_drop().wait(Wait::PARK)
}

fn send(name: &str) -> Result<(), Box<dyn Error>> {
    let mut tx = MessageProducer::open_or_create(name, &options())?;
    let mut lines = stdin().lines();
    loop {
        print!("write data: ");
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
            Ok(_) => print_upper_case(&line)?,
            Err(PopError::PeerDead) => wait_for_the_next_one(&mut rx),
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

fn print_upper_case(line: &[u8]) -> std::io::Result<()> {
    let mut out = stdout().lock();
    for character in String::from_utf8_lossy(line).chars() {
        write!(out, "{}", character.to_uppercase())?;
    }
    writeln!(out)
}

/// A death is not final: whoever becomes the producer next goes on where this one stopped.
fn wait_for_the_next_one(rx: &mut MessageConsumer) {
    println!("the sender died; start it again");
    rx.wait_for_peer(Duration::MAX);
}
