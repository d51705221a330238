//! A parent and the child that it forks, instead of an anonymous mapping that both inherit:
//!
//! ```console
//! $ cargo run -p shm-ring --example fork
//! ```
//!
//! The ring is in a memfd: it has no name that could be left behind, and goes when both have ended. The child
//! uses the handle that it inherits and takes its role after the fork, since a role belongs to one process.
//! Unlike a bare mapping the descriptor can also be sent to a stranger: see `memfd-over-socket`.
#![allow(unsafe_code)]

use std::error::Error;
use std::process::id;

use rustix::process::{Pid, WaitOptions, waitpid};
use shm_ring::{MessageRing, Options, Region};

fn main() {
    // An error says in its words what is wrong, and what can be done.
    if let Err(error) = run() {
        eprintln!("{error}");
        std::process::exit(1);
    }
}

fn run() -> Result<(), Box<dyn Error>> {
    let ring = MessageRing::create(Region::memfd("fork example"), &Options::new())?;
    println!("process {} has made the ring and forks", id());
    // SAFETY: this process has one thread until a role is taken, so that the child may do anything.
    let child = unsafe { libc::fork() };
    match child {
        -1 => Err(std::io::Error::last_os_error().into()),
        0 => write(&ring),
        child => {
            read(&ring)?;
            waitpid(Pid::from_raw(child), WaitOptions::empty())?;
            Ok(())
        }
    }
}

fn write(ring: &MessageRing) -> Result<(), Box<dyn Error>> {
    let mut tx = ring.producer()?;
    for line in ["from the child", "to its parent", "without a name"] {
        tx.push(line.as_bytes())?;
    }
    Ok(())
}

fn read(ring: &MessageRing) -> Result<(), Box<dyn Error>> {
    let mut rx = ring.consumer()?;
    for line in rx.iter() {
        println!("process {} has read: {}", id(), String::from_utf8_lossy(&line?));
    }
    println!("the child has closed: {:?}", rx.peer());
    Ok(())
}
