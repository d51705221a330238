//! One terminal of two: type lines, the consumer prints them. An empty line or the end of input ends
//! both. Kill it and start it again: the consumer goes on.

use std::io::{BufRead, Write, stdin, stdout};

use shm_ring::{Options, Producer};

const LINE: usize = 120;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let name = std::env::args().nth(1).unwrap_or_else(|| "/shm-ring-hello".to_owned());
    let options = Options::new().items(64).label("lines");
    let mut tx = Producer::<[u8; LINE]>::open_or_create(name.as_str(), options)?;
    println!("{name}: the consumer is {:?}; type lines, an empty one ends", tx.peer());
    stdout().flush()?;
    for line in stdin().lock().lines() {
        let line = line?;
        if line.is_empty() {
            break;
        }
        for piece in line.as_bytes().chunks(LINE) {
            let mut item = [0; LINE];
            item[..piece.len()].copy_from_slice(piece);
            tx.push(item)?;
        }
    }
    Ok(())
}
