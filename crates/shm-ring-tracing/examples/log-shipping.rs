//! A program that logs by `tracing` without ever waiting, and a process beside it that writes the log:
//!
//! ```console
//! $ cargo run -p shm-ring-tracing --example log-shipping
//! ```
//!
//! The shipper takes all lines that are there at a time. The program dies in the middle of its work; the shipper still
//! writes every line before that, and then says so: that is what a log is for. A line that finds the ring full is counted
//! as dropped, not waited for.

use std::error::Error;
use std::io::{Write, stdout};
use std::process::{Command, id};

use shm_ring::{MessageProducer, MessageRing, Observer, Options, PopError};
use shm_ring_tracing::RingWriter;

fn main() {
    // An error says in its words what is wrong, and what can be done.
    if let Err(error) = run() {
        eprintln!("{error}");
        std::process::exit(1);
    }
}

fn run() -> Result<(), Box<dyn Error>> {
    match std::env::args().nth(1) {
        None => ship(&format!("/shm-ring-log-shipping-{}", id())),
        Some(name) => work(&name),
    }
}

fn work(name: &str) -> Result<(), Box<dyn Error>> {
    let writer =
        RingWriter::new(MessageProducer::open_with(name, &Options::new().label("log lines"))?);
    tracing_subscriber::fmt().with_writer(writer).with_ansi(false).without_time().init();
    tracing::info!("started");
    for request in 1..=10 {
        let took = request * request;
        match request % 5 {
            0 => tracing::warn!(request, took, "slow"),
            _ => tracing::info!(request, took, "done"),
        }
    }
    tracing::error!("about to die");
    std::process::abort()
}

fn ship(name: &str) -> Result<(), Box<dyn Error>> {
    let options = Options::new().bytes(1 << 16).label("log lines").unlink_on_drop();
    let ring = MessageRing::create(name, &options)?;
    let mut rx = ring.consumer()?;
    let mut program = Command::new(std::env::current_exe()?).arg(name).spawn()?;
    let mut lines = Vec::new();
    let ended = loop {
        lines.clear();
        if let Err(ended) = rx.pop_batch(64, |line| lines.extend(line.to_vec())) {
            break ended;
        }
        stdout().write_all(&lines)?;
    };
    program.wait()?;
    println!("{} lines dropped", Observer::open(name)?.snapshot().dropped);
    match ended {
        PopError::Closed => println!("the program ended in order"),
        PopError::PeerDead => println!("the program died, and that was its last word"),
        error => return Err(error.into()),
    }
    Ok(())
}
