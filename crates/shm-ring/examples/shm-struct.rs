//! A struct of three numbers handed over by name, instead of `shm_open`, `ftruncate` to four gigabytes
//! and `mmap`:
//!
//! ```console
//! $ cargo run -p shm-ring --example shm-struct -- write   # creates the region, stores the struct, ends
//! $ cargo run -p shm-ring --example shm-struct -- read    # prints it and removes the region
//! ```
//!
//! The region outlives its writer, as those of the textbook do. What is new: the reader cannot come too early,
//! cannot take another struct for this one (item size, alignment and label are checked), and nobody else may
//! open it. Four gigabytes are reserved, and cost the few pages that were touched.

use std::error::Error;
use std::fs::File;
use std::os::unix::fs::MetadataExt;

use shm_ring::{Options, Region, Ring};
use zerocopy::{FromBytes, Immutable, IntoBytes};

#[derive(Debug, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
struct Numbers {
    first: i32,
    second: i32,
    third: i32,
}

const LABEL: &str = "three numbers";

fn main() {
    let mut arguments = std::env::args().skip(1);
    let job = arguments.next().unwrap_or_default();
    let name = arguments.next().unwrap_or_else(|| "/shm-ring-shm-struct".to_owned());
    let done = match job.as_str() {
        "write" => write(&name),
        "read" => read(&name),
        _ => Err("say what to do: write or read".into()),
    };
    if let Err(error) = done {
        eprintln!("{error}");
        std::process::exit(1);
    }
}

fn write(name: &str) -> Result<(), Box<dyn Error>> {
    let options = Options::new().bytes(4_000_000_000).sparse().label(LABEL);
    let ring = Ring::<Numbers>::create(name, &options)?;
    ring.producer()?.push(Numbers { first: 100, second: 876, third: 8021 })?;
    let found = File::from(ring.descriptor().try_clone_to_owned()?).metadata()?;
    println!("{name} has room for {} bytes", ring.limit_bytes());
    println!(
        "it takes {} bytes of memory, mode {:04o}",
        found.blocks() * 512,
        found.mode() & 0o777
    );
    Ok(())
}

fn read(name: &str) -> Result<(), Box<dyn Error>> {
    let ring = Ring::<Numbers>::open_with(name, &Options::new().label(LABEL))?;
    let Numbers { first, second, third } = ring.consumer()?.pop()?;
    println!("first {first}, second {second}, third {third}");
    Region::named(name).unlink_unused(&Options::new())?;
    Ok(())
}
