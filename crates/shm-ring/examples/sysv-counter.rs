//! A counter that one process keeps and others look at, instead of a System V segment with a struct in it:
//!
//! ```console
//! $ cargo run -p shm-ring --example sysv-counter -- write   # one terminal: counts to 50, one a second
//! $ cargo run -p shm-ring --example sysv-counter -- read    # another: prints it 10 times, then removes the region
//! ```
//!
//! Either may be started first, and while they run `shm-ring stat shm-ring-sysv-counter` says who writes.
//! What the reader prints is one whole struct, never the number of one and the text of another, and it can tell
//! whether the writer still lives. Kill the writer and start it again: it counts on from the last number.

use std::error::Error;
use std::thread::sleep;
use std::time::Duration;

use shm_ring::{Latest, Options, Peer, ReadError, Region};
use zerocopy::{FromBytes, Immutable, IntoBytes};

#[derive(FromBytes, IntoBytes, Immutable)]
#[repr(C)]
struct Counter {
    count: u32,
    ip: [u8; 64],
}

const LABEL: &str = "counter and address";

fn main() {
    let mut arguments = std::env::args().skip(1);
    let job = arguments.next().unwrap_or_default();
    let name = arguments.next().unwrap_or_else(|| "/shm-ring-sysv-counter".to_owned());
    let pause = arguments.next().map_or(Ok(1000), |text| text.parse()).map(Duration::from_millis);
    let done = match (job.as_str(), pause) {
        ("write", Ok(pause)) => write(&name, pause),
        ("read", Ok(pause)) => read(&name, pause),
        _ => Err("say what to do: write or read, and if you like a name and milliseconds".into()),
    };
    if let Err(error) = done {
        eprintln!("{error}");
        std::process::exit(1);
    }
}

fn write(name: &str, pause: Duration) -> Result<(), Box<dyn Error>> {
    let latest = Latest::<Counter>::open_or_create(name, &Options::new().label(LABEL))?;
    let mut counter = match latest.reader()?.read() {
        Ok(counter) => counter,
        Err(ReadError::Empty) => Counter { count: 0, ip: [0; 64] },
        Err(error) => return Err(error.into()),
    };
    let mut writer = latest.writer()?;
    println!("counting on from {}", counter.count);
    for _ in 0..50 {
        counter.count += 1;
        let text = format!("192.168.0.{}", counter.count % 256);
        counter.ip = [0; 64];
        counter.ip[..text.len()].copy_from_slice(text.as_bytes());
        writer.write_from(&counter);
        sleep(pause);
    }
    Ok(())
}

fn read(name: &str, pause: Duration) -> Result<(), Box<dyn Error>> {
    // The first to come makes it: that may be the reader.
    let latest = Latest::<Counter>::open_or_create(name, &Options::new().label(LABEL))?;
    let mut reader = latest.reader()?;
    for _ in 0..10 {
        if let Peer::Dead { .. } = reader.writer() {
            println!("the writer died; this is its last number:");
        }
        match reader.read() {
            Ok(Counter { count, ip }) => {
                let text = String::from_utf8_lossy(&ip);
                println!("{count} from {}", text.trim_end_matches('\0'));
            }
            Err(ReadError::Empty) => println!("nothing yet"),
            Err(error) => return Err(error.into()),
        }
        sleep(pause);
    }
    Region::named(name).unlink()?;
    Ok(())
}
