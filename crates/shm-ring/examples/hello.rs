//! Two processes and a ring between them, by one command:
//!
//! ```console
//! $ cargo run -p shm-ring --example hello
//! ```
//!
//! The program creates a ring under a name, starts itself once more as the process that reads, and pushes
//! five ticks. You see the reader print them, and learn from it that the writer has closed.

use std::error::Error;
use std::process::{Command, id};

use shm_ring::{Consumer, Options, Ring};
use zerocopy::{FromBytes, Immutable, IntoBytes};

/// The type that crosses, a type without padding of which any bytes are a value.
#[derive(FromBytes, IntoBytes, Immutable)]
#[repr(C)]
struct Tick {
    number: u64,
    price: u64,
}

const LABEL: &str = "ticks v1";

fn main() {
    // An error says in its words what is wrong, and what can be done.
    if let Err(error) = run() {
        eprintln!("{error}");
        std::process::exit(1);
    }
}

fn run() -> Result<(), Box<dyn Error>> {
    match std::env::args().nth(1) {
        None => write(&format!("/shm-ring-hello-{}", id())),
        Some(name) => read(&name),
    }
}

fn write(name: &str) -> Result<(), Box<dyn Error>> {
    // The handle keeps the name until the end; the producer alone would take it along when it closes.
    let options = Options::new().items(1024).label(LABEL).unlink_on_drop();
    let ring = Ring::<Tick>::create(name, &options)?;
    let mut tx = ring.producer()?;
    let mut reader = Command::new(std::env::current_exe()?).arg(name).spawn()?;
    for number in 1..=5 {
        tx.push(Tick { number, price: 100 + number })?;
    }
    println!("process {} has pushed five ticks into {name} and closes", id());
    tx.close();
    let status = reader.wait()?;
    println!("the reader has ended: {status}");
    Ok(())
}

fn read(name: &str) -> Result<(), Box<dyn Error>> {
    let mut rx = Consumer::<Tick>::open_with(name, &Options::new().label(LABEL))?;
    for tick in rx.iter() {
        let Tick { number, price } = tick?;
        println!("process {} has popped tick {number}: {price}", id());
    }
    println!("the writer has closed: {:?}", rx.peer());
    Ok(())
}
