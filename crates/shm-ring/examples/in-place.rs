//! Records written and read where they lie, without a copy on either side: values as slices, and messages.
//!
//! ```console
//! $ cargo run -p shm-ring --example in-place
//! ```
//!
//! Samples: the writer reserves room for the most that its source may give, writes as many as it gives, and commits that
//! many. The reader looks at windows of four and releases two, so that each window begins with the second half of the one
//! before: what is not released is there again.
//!
//! Messages: the writer reserves the most that a message may need, writes a header and as much of a body as there is, and
//! commits that length. The reader looks at the header in place and copies out only what it wants.

use std::error::Error;
use std::process::{Command, id};

use shm_ring::{Consumer, MessageConsumer, MessageRing, Options, PopError, Ring};
use zerocopy::{FromBytes, Immutable, IntoBytes};

#[derive(FromBytes, IntoBytes, Immutable)]
#[repr(C)]
struct Header {
    channel: u32,
    body: u32,
}

const HEADER: usize = size_of::<Header>();
const MOST: usize = 256;
const WINDOW: usize = 4;

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
        Some(name) => {
            read_samples(&format!("{name}-samples"))?;
            read_messages(&name)
        }
    }
}

fn write(name: &str) -> Result<(), Box<dyn Error>> {
    let options = Options::new().unlink_on_drop();
    let samples = Ring::<i32>::create(format!("{name}-samples"), &options)?;
    let mut tx = samples.producer()?;
    let mut next = 0..;
    for count in [3, 5, 2] {
        let mut room = tx.reserve(8)?;
        for (index, sample) in next.by_ref().take(count).enumerate() {
            room.write(index, &(10 * sample));
        }
        room.commit(count);
    }
    tx.close();

    let messages = MessageRing::create(name, &options.bytes(1 << 16))?;
    let mut tx = messages.producer()?;
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
        room.commit(end);
    }
    // Dropped without a commit: this message never existed.
    tx.reserve(MOST)?.write_at(0, b"half a message")?;
    tx.close();
    Command::new(std::env::current_exe()?).arg(name).spawn()?.wait()?;
    Ok(())
}

fn read_samples(name: &str) -> Result<(), Box<dyn Error>> {
    let mut rx = Consumer::<i32>::open(name)?;
    loop {
        let view = match rx.peek(WINDOW) {
            Ok(view) => view,
            Err(PopError::Closed) => return Ok(()),
            Err(error) => return Err(error.into()),
        };
        let len = view.len();
        let mean = view.iter().sum::<i32>() / len as i32;
        println!("{len} samples, the first {}: mean {mean}", view.get(0).ok_or("no sample")?);
        view.release(len.min(WINDOW / 2));
    }
}

fn read_messages(name: &str) -> Result<(), Box<dyn Error>> {
    let mut rx = MessageConsumer::open(name)?;
    let header: Header = rx.peek(1)?.first().read_at(0)?;
    println!("a look at the first message: channel {}", header.channel);
    loop {
        let view = match rx.peek(1) {
            Ok(view) => view,
            Err(PopError::Closed) => break,
            Err(error) => return Err(error.into()),
        };
        let message = view.first();
        let Header { channel, body } = message.read_at(0)?;
        if channel == 1 {
            // Another process wrote the length: `copy_to` checks it.
            let mut text = vec![0; (body as usize).min(MOST)];
            message.copy_to(HEADER, &mut text)?;
            println!("channel 1: {}", String::from_utf8_lossy(&text).trim_end());
        } else {
            println!("channel {channel}: {body} bytes, skipped");
        }
        view.release(1);
    }
    println!("that was all of it");
    Ok(())
}
