//! Messages written and read where they stand, without a copy of the body on either side:
//!
//! ```console
//! $ cargo run -p shm-ring --example in-place
//! ```
//!
//! The writer reserves the most that a message may need, writes a header and as much of a body as there is, and
//! commits that length. The reader looks at the header in place and copies out only what it wants. One message
//! it looks at without releasing it, as if it had been interrupted: it sees it again.

use std::error::Error;
use std::process::{Command, id};

use shm_ring::{Consumer, Options, Ring};
use zerocopy::{FromBytes, Immutable, IntoBytes};

#[derive(FromBytes, IntoBytes, Immutable)]
#[repr(C)]
struct Header {
    channel: u32,
    body: u32,
}

const HEADER: usize = size_of::<Header>();
const MOST: usize = 256;

fn main() {
    // An error says in its words what is wrong, and what can be done.
    if let Err(error) = run() {
        eprintln!("{error}");
        std::process::exit(1);
    }
}

fn run() -> Result<(), Box<dyn Error>> {
    match std::env::args().nth(1) {
        None => write(&format!("/shm-ring-in-place-{}", id())),
        Some(name) => read(&name),
    }
}

fn write(name: &str) -> Result<(), Box<dyn Error>> {
    let ring = Ring::<[u8]>::create(name, Options::new().bytes(1 << 16).unlink_on_drop())?;
    let mut tx = ring.producer()?;
    let mut reader = Command::new(std::env::current_exe()?).arg(name).spawn()?;
    for (channel, count) in [(1, 3), (2, 1), (1, 5)] {
        let mut room = tx.reserve(HEADER + MOST)?;
        // The body first: how long it gets is not known before.
        let mut end = HEADER;
        for n in 0..count {
            let word = format!("word-{n} ");
            room.write_at(end, word.as_bytes())?;
            end += word.len();
        }
        room.write_at(0, &Header { channel, body: (end - HEADER) as u32 })?;
        room.commit_len(end)?;
    }
    // Dropped without a commit: this message never existed.
    tx.reserve(MOST)?.write_at(0, b"half a message")?;
    tx.close();
    reader.wait()?;
    Ok(())
}

fn read(name: &str) -> Result<(), Box<dyn Error>> {
    let mut rx = Consumer::<[u8]>::open(name)?;
    let header: Header = rx.peek()?.read_at(0)?;
    println!("a look at the first message: channel {}", header.channel);
    loop {
        let view = match rx.peek() {
            Ok(view) => view,
            Err(shm_ring::PopError::Closed) => break,
            Err(error) => return Err(error.into()),
        };
        let Header { channel, body } = view.read_at(0)?;
        if channel == 1 {
            let mut text = vec![0; body as usize];
            view.copy_to(HEADER, &mut text)?;
            println!("channel 1: {}", String::from_utf8_lossy(&text).trim_end());
        } else {
            println!("channel {channel}: {body} bytes, skipped");
        }
        view.release();
    }
    println!("that was all of it");
    Ok(())
}
