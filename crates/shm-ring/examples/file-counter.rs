//! A counter in a file that one process writes and others may only read, instead of a mapped file:
//!
//! ```console
//! $ cargo run -p shm-ring --example file-counter -- write   # one terminal: counts to 50, one a second
//! $ cargo run -p shm-ring --example file-counter -- read    # another: prints it 10 times
//! ```
//!
//! The reader maps the file for reading alone, and waits for each number instead of looking now and then. The
//! file keeps the last number: remove it when you are done.

use std::error::Error;
use std::path::Path;
use std::thread::sleep;
use std::time::Duration;

use shm_ring::{Latest, Options, ReadError, Region};

fn main() {
    let mut arguments = std::env::args().skip(1);
    let job = arguments.next().unwrap_or_default();
    let path = arguments.next().map_or_else(
        || std::env::temp_dir().join("shm-ring-file-counter"),
        |path| Path::new(&path).to_owned(),
    );
    let pause = arguments.next().map_or(Ok(1000), |text| text.parse()).map(Duration::from_millis);
    let done = match (job.as_str(), pause) {
        ("write", Ok(pause)) => write(&path, pause),
        ("read", Ok(pause)) => read(&path, pause),
        _ => Err("say what to do: write or read, and if you like a file and milliseconds".into()),
    };
    if let Err(error) = done {
        eprintln!("{error}");
        std::process::exit(1);
    }
}

fn write(path: &Path, pause: Duration) -> Result<(), Box<dyn Error>> {
    let latest = Latest::<u64>::open_or_create(Region::file(path), &Options::new())?;
    let last = match latest.reader()?.read() {
        Ok(last) => last,
        Err(ReadError::Empty) => 0,
        Err(error) => return Err(error.into()),
    };
    let mut writer = latest.writer()?;
    println!("counting on from {last} in {}", path.display());
    for count in last + 1..=last + 50 {
        writer.write(count);
        // Wakes readers that wait for the next number.
        writer.notify();
        sleep(pause);
    }
    Ok(())
}

fn read(path: &Path, pause: Duration) -> Result<(), Box<dyn Error>> {
    let mut reader = match Latest::<u64>::open(Region::file(path)) {
        Ok(latest) => latest.reader()?,
        Err(error @ shm_ring::Error::NotFound { .. }) => {
            return Err(format!("{error}: start the one with `write` first").into());
        }
        Err(error) => return Err(error.into()),
    };
    for _ in 0..10 {
        match reader.read_newer_timeout(2 * pause + Duration::from_millis(500)) {
            Ok(count) => println!("{count}"),
            Err(why @ (ReadError::TimedOut | ReadError::Closed | ReadError::WriterDead)) => {
                println!("{why}");
                break;
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}
