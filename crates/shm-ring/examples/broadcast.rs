//! One writer, and three readers that each want every number: a broadcast.
//!
//! ```console
//! $ cargo run -p shm-ring --example broadcast
//! ```
//!
//! The writer waits for nobody. Two of the readers read on as it writes. The third looks away until the writer has
//! closed, learns how many numbers it lost, and goes on with those that are kept.

use std::error::Error;
use std::io::{BufRead, BufReader, Lines};
use std::process::{ChildStdout, Command, Stdio, id};
use std::time::Duration;

use shm_ring::{Latest, NextError, Options, Peer};

const NUMBERS: u64 = 10_000;
const KEPT: usize = 1000;

fn main() {
    // An error says in its words what is wrong, and what can be done.
    if let Err(error) = run() {
        eprintln!("{error}");
        std::process::exit(1);
    }
}

fn run() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        [] => write(),
        [who, name] => read(who, name),
        _ => Err("this program needs no arguments".into()),
    }
}

fn write() -> Result<(), Box<dyn Error>> {
    let name = format!("/shm-ring-broadcast-{}", id());
    let options = Options::new().history(KEPT).unlink_on_drop();
    let latest = Latest::<u64>::create(name.as_str(), &options)?;
    let mut writer = latest.writer()?;
    let mut readers = Vec::new();
    for who in ["quick", "quick", "slow"] {
        let program = std::env::current_exe()?;
        let child = Command::new(program).args([who, &name]).stdout(Stdio::piped()).spawn()?;
        readers.push(child);
    }
    let lines = |stdout: Option<ChildStdout>| stdout.map(|out| BufReader::new(out).lines());
    let mut said: Vec<_> =
        readers.iter_mut().filter_map(|child| lines(child.stdout.take())).collect();
    // The region knows nothing of its readers: they say by another way that they are there.
    let next = |lines: &mut Lines<_>| lines.next().unwrap_or_else(|| Ok("it ended".to_owned()));
    for lines in &mut said {
        next(lines)?;
    }
    for number in 1..=NUMBERS {
        writer.write(number);
        if number % 100 == 0 {
            writer.notify();
            std::thread::sleep(Duration::from_millis(2));
        }
    }
    writer.close();
    for (lines, mut reader) in said.iter_mut().zip(readers) {
        println!("{}", next(lines)?);
        reader.wait()?;
    }
    Ok(())
}

fn read(who: &str, name: &str) -> Result<(), Box<dyn Error>> {
    // Refused if the region keeps fewer.
    let mut reader = Latest::<u64>::open_with(name, &Options::new().history(KEPT))?.reader()?;
    println!("ready");
    while who == "slow" && matches!(reader.writer(), Peer::Alive { .. }) {
        std::thread::sleep(Duration::from_millis(10));
    }
    let (mut taken, mut lost) = (0, 0);
    loop {
        match reader.next() {
            Ok(number) if number == taken + lost + 1 => taken += 1,
            Ok(number) => return Err(format!("{number} came after {}", taken + lost).into()),
            Err(NextError::Lagged(numbers)) => lost += numbers,
            Err(NextError::Closed) => break,
            Err(error) => return Err(error.into()),
        }
    }
    println!("{who}: {taken} numbers taken, {lost} lost, {} in all", taken + lost);
    Ok(())
}
