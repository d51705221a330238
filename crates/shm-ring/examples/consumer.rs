//! The other terminal: prints the lines that the producer sends, until it ends in order. If the
//! producer is killed, it waits for the next one.

use std::io::{Write, stdout};

use shm_ring::{Consumer, Options, PopError, Region};

const LINE: usize = 120;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let name = std::env::args().nth(1).unwrap_or_else(|| "/shm-ring-hello".to_owned());
    let options = Options::new().items(64).label("lines");
    let mut rx = Consumer::<[u8; LINE]>::open_or_create(name.as_str(), options)?;
    println!("{name}: the producer is {:?}", rx.peer());
    let mut told = 0;
    loop {
        match rx.pop() {
            Ok(item) => {
                let end = item.iter().position(|&byte| byte == 0).unwrap_or(LINE);
                println!("{}", String::from_utf8_lossy(&item[..end]).to_uppercase());
            }
            // The one that closed before we came is not the one that we wait for.
            Err(PopError::Closed) => break,
            Err(PopError::PeerDead) => {
                if let shm_ring::Peer::Dead { session, pid } = rx.peer() {
                    if told != session {
                        told = session;
                        println!("the producer (process {pid}) died; start it again");
                    }
                }
                std::thread::sleep(std::time::Duration::from_millis(50));
            }
            Err(error) => return Err(error.into()),
        }
        stdout().flush()?;
    }
    println!("the producer has closed");
    Region::named(name).unlink()?;
    Ok(())
}
