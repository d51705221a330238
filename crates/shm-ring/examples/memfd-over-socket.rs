//! A ring without a name, handed to another process over a Unix socket (SCM_RIGHTS):
//!
//! ```console
//! $ cargo run -p shm-ring --example memfd-over-socket
//! ```
//!
//! The program starts itself once more with one end of a socket as its standard input, and sends it the
//! descriptor of a memfd. The receiver checks that it is sealed, so that nobody can cut the memory under it: this
//! is the way between processes that do not trust each other. You see the same random id on both sides.

use std::error::Error;
use std::io::{IoSlice, IoSliceMut, stdin};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::process::{Command, id};

use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, recvmsg, sendmsg,
};
use shm_ring::{Options, Region, Ring};

fn main() {
    // An error says in its words what is wrong, and what can be done.
    if let Err(error) = run() {
        eprintln!("{error}");
        std::process::exit(1);
    }
}

fn run() -> Result<(), Box<dyn Error>> {
    match std::env::args().nth(1).as_deref() {
        None => write(),
        Some("receive") => read(),
        Some(other) => Err(format!("{other:?} is nothing that this program can do").into()),
    }
}

fn write() -> Result<(), Box<dyn Error>> {
    let (ours, theirs) = UnixStream::pair()?;
    let program = std::env::current_exe()?;
    let mut reader = Command::new(program).arg("receive").stdin(OwnedFd::from(theirs)).spawn()?;
    let ring = Ring::<u64>::create(Region::memfd("sent"), &Options::new().items(1024))?;
    println!("process {} sends ring {:032x}", id(), ring.id());
    send(&ours, ring.descriptor())?;
    let mut tx = ring.producer()?;
    tx.push_batch(1..=1000)?;
    tx.close();
    reader.wait()?;
    Ok(())
}

fn read() -> Result<(), Box<dyn Error>> {
    let ring = Ring::<u64>::open(Region::descriptor(receive(stdin().as_fd())?))?;
    println!("process {} has received ring {:032x}", id(), ring.id());
    let sum = ring.consumer()?.iter().sum::<Result<u64, _>>()?;
    println!("the numbers in it sum up to {sum}");
    Ok(())
}

fn send(socket: impl AsFd, descriptor: impl AsFd) -> Result<(), Box<dyn Error>> {
    let descriptors = [descriptor.as_fd()];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut ancillary = SendAncillaryBuffer::new(&mut space);
    ancillary.push(SendAncillaryMessage::ScmRights(&descriptors));
    // At least one byte has to go with it.
    sendmsg(socket, &[IoSlice::new(b"!")], &mut ancillary, SendFlags::empty())?;
    Ok(())
}

fn receive(socket: impl AsFd) -> Result<OwnedFd, Box<dyn Error>> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut ancillary = RecvAncillaryBuffer::new(&mut space);
    let mut byte = [0];
    recvmsg(socket, &mut [IoSliceMut::new(&mut byte)], &mut ancillary, RecvFlags::CMSG_CLOEXEC)?;
    for message in ancillary.drain() {
        if let RecvAncillaryMessage::ScmRights(mut descriptors) = message {
            return descriptors.next().ok_or("no descriptor came with the message".into());
        }
    }
    Err("no descriptor came with the message".into())
}
