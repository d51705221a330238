//! Owns: one run of what `bindings/go/bench` measures, in Rust: `go-bench-twin stream|batch|echo 8|64` prints one number.
//! Knows nothing of: rounds and tables; the Go program has them.

use std::env::args;
use std::error::Error;
use std::process::Command;
use std::time::Instant;

use shm_ring::{Consumer, Item, Options, Producer, Region};

/// Words of a value; the first is its number.
type Value<const WORDS: usize> = [u64; WORDS];

const BATCH: usize = 32;
const WARM: u64 = 1000;

type Done<T> = Result<T, Box<dyn Error>>;

fn count(workload: &str) -> u64 {
    match workload {
        "stream" => 2_000_000,
        "batch" => 10_000_000,
        _ => 50_000,
    }
}

fn main() -> Done<()> {
    let arguments: Vec<_> = args().skip(1).collect();
    match (arguments[1].as_str(), arguments.get(2)) {
        ("8", None) => receive::<1>(&arguments),
        ("8", Some(name)) => send::<1>(&arguments[0], name),
        (_, None) => receive::<8>(&arguments),
        (_, Some(name)) => send::<8>(&arguments[0], name),
    }
}

fn options() -> Options {
    Options::new().items(4096)
}

fn send<const WORDS: usize>(workload: &str, name: &str) -> Done<()>
where
    Value<WORDS>: Item,
{
    let make = |number| {
        let mut value = [0; WORDS];
        value[0] = number;
        value
    };
    let mut tx = Producer::<Value<WORDS>>::open_or_create(&*format!("{name}-there"), &options())?;
    match workload {
        "stream" => {
            for number in 0..count(workload) {
                tx.push(make(number))?;
            }
        }
        "batch" => {
            let mut batch = [make(0); BATCH];
            for first in (0..count(workload)).step_by(BATCH) {
                for (number, value) in (first..).zip(&mut batch) {
                    *value = make(number);
                }
                let mut rest = &batch[..];
                while !rest.is_empty() {
                    let pushed = tx.push_slice(rest)?;
                    rest = &rest[pushed..];
                }
            }
        }
        _ => {
            let mut rx =
                Consumer::<Value<WORDS>>::open_or_create(&*format!("{name}-back"), &options())?;
            for number in 0..count(workload) {
                tx.push(make(number))?;
                rx.pop()?;
            }
        }
    }
    Ok(())
}

fn receive<const WORDS: usize>(arguments: &[String]) -> Done<()>
where
    Value<WORDS>: Item,
{
    let workload = &arguments[0];
    let name = format!("shm-ring-go-twin-{}", std::process::id());
    let (there, back) = (format!("{name}-there"), format!("{name}-back"));
    let mut child = Command::new("taskset")
        .args(["-c", "1"])
        .arg(std::env::current_exe()?)
        .args(arguments)
        .arg(&name)
        .spawn()?;
    let mut rx = Consumer::<Value<WORDS>>::open_or_create(&*there, &options())?;
    let mut tx = match workload.as_str() {
        "echo" => Some(Producer::<Value<WORDS>>::open_or_create(&*back, &options())?),
        _ => None,
    };
    let mut buffer = [[0; WORDS]; BATCH];
    let (mut begun, mut trips, total) = (Instant::now(), Vec::new(), count(workload));
    let mut next = 0;
    while next < total {
        if next == 0 || next < WARM && workload != "batch" {
            begun = Instant::now();
        }
        let taken = if workload == "batch" {
            rx.pop_slice(&mut buffer)?
        } else {
            buffer[0] = rx.pop()?;
            1
        };
        for value in &buffer[..taken] {
            assert_eq!(value[0], next);
            next += 1;
        }
        if let Some(tx) = &mut tx {
            tx.push(buffer[0])?;
            if next % 100 == 0 {
                trips.push(begun.elapsed().as_nanos() as f64 / 100.0);
                begun = Instant::now();
            }
        }
    }
    trips.sort_by(f64::total_cmp);
    match trips.get(trips.len() / 2) {
        Some(median) => println!("{median}"),
        None => println!("{}", total as f64 / begun.elapsed().as_secs_f64() / 1e6),
    }
    child.wait()?;
    drop((rx, tx));
    for name in [&there, &back] {
        let _ = Region::named(name).unlink_unused_and_discard(&Options::new());
    }
    Ok(())
}
