//! A program that logs without ever waiting, and a process beside it that writes the log:
//!
//! ```console
//! $ cargo run -p shm-ring --example log-shipping
//! ```
//!
//! The program's side is `try_push_vectored`: a level and a text become one message without being joined first,
//! and when the ring is full the line is counted as dropped, not waited for. The shipper takes all that is there at a
//! time. Were the program killed, the shipper would still write every line that was published, and then say so:
//! that is what a log is for. Here the program ends without closing after its last line, as a crash would.

use std::error::Error;
use std::io::{Write, stdout};
use std::process::{Command, id};

use shm_ring::{MessageProducer, MessageRing, Options, PopError, PushError};

const LEVELS: [&str; 3] = ["INFO", "WARN", "ERROR"];

fn main() {
    // An error says in its words what is wrong, and what can be done.
    if let Err(error) = run() {
        eprintln!("{error}");
        std::process::exit(1);
    }
}

fn run() -> Result<(), Box<dyn Error>> {
    match std::env::args().nth(1) {
        None => ship(&format!("/shm-ring-log-shipping-{}", id())),
        Some(name) => work(&name),
    }
}

/// What the program logs through.
struct Log {
    tx: MessageProducer,
}

impl Log {
    fn line(&mut self, level: u8, text: &str) -> Result<(), PushError> {
        match self.tx.try_push_vectored(&[&[level], text.as_bytes()]) {
            Ok(()) => Ok(()),
            Err(PushError::Full) => {
                // `shm-ring stat` shows how many that were.
                self.tx.count_dropped(1);
                Ok(())
            }
            Err(error) => Err(error),
        }
    }
}

fn work(name: &str) -> Result<(), Box<dyn Error>> {
    let tx = MessageProducer::open_with(name, &Options::new().label("log lines"))?;
    let mut log = Log { tx };
    log.line(0, "started")?;
    for n in 1..=10 {
        log.line(u8::from(n % 5 == 0), &format!("request {n} took {} ms", n * n))?;
    }
    let dropped = log.tx.stats().dropped;
    log.line(2, &format!("about to die, {dropped} lines dropped"))?;
    // Ends without closing, as a crash does.
    std::process::exit(1)
}

fn ship(name: &str) -> Result<(), Box<dyn Error>> {
    let options = Options::new().bytes(1 << 16).label("log lines").unlink_on_drop();
    let ring = MessageRing::create(name, &options)?;
    let mut rx = ring.consumer()?;
    let mut program = Command::new(std::env::current_exe()?).arg(name).spawn()?;
    let mut lines = Vec::new();
    let ended = loop {
        lines.clear();
        if let Err(ended) = rx.pop_batch(64, |line| lines.push(line.to_vec())) {
            break ended;
        }
        let mut out = stdout().lock();
        for line in &lines {
            let (level, text) = line.split_first().ok_or("a line without a level")?;
            // Another process wrote it: any byte can be there.
            let level = LEVELS.get(usize::from(*level)).unwrap_or(&"?");
            writeln!(out, "{level:>5} {}", String::from_utf8_lossy(text))?;
        }
    };
    program.wait()?;
    match ended {
        PopError::Closed => println!("the program ended in order"),
        PopError::PeerDead => println!("the program died, and that was its last word"),
        error => return Err(error.into()),
    }
    Ok(())
}
