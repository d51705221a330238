//! So many pairs of `try_push` and `try_pop` by one thread, for counting instructions
//! (instructions/run). It must not measure anything itself.
//!
//! Usage: pairs BYTES PAIRS

use std::error::Error;
use std::hint::black_box;

use shm_ring::{Options, Region, Ring};

fn pairs<const W: usize>(count: u64) -> Result<(), Box<dyn Error>> {
    let ring = Ring::<[u64; W]>::create(Region::memfd("pairs"), &Options::new())?;
    let (mut tx, mut rx) = (ring.producer()?, ring.consumer()?);
    let item = [7; W];
    for _ in 0..count {
        tx.try_push(*black_box(&item))?;
        black_box(rx.try_pop()?);
    }
    Ok(())
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let (bytes, count) = (arguments.next(), arguments.next());
    let count = count.ok_or("Usage: pairs BYTES PAIRS")?.parse()?;
    match bytes.as_deref() {
        Some("8") => pairs::<1>(count),
        Some("64") => pairs::<8>(count),
        _ => Err("8 or 64 bytes".into()),
    }
}
