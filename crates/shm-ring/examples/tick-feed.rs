//! A feed of ticks at a fixed rate, and a reader that prints how late they came:
//!
//! ```console
//! $ cargo run --release -p shm-ring --example tick-feed            # 2000 a second for 2 seconds
//! $ cargo run --release -p shm-ring --example tick-feed -- 500 10  # 500 a second for 10 seconds
//! ```
//!
//! Each tick carries the moment for which it was due, not the one when it was pushed: a writer that falls behind
//! counts as late too. You see percentiles of the time from there to the reader's `pop`, most of which is the
//! sleep of the writer and the wake-up of the reader. `Wait::SPIN` on the reader's side takes the latter away.

use std::error::Error;
use std::process::{Command, id};
use std::time::Duration;

use hdrhistogram::Histogram;
use shm_ring::{Clock, Consumer, Options, Ring};
use zerocopy::{FromBytes, Immutable, IntoBytes};

#[derive(FromBytes, IntoBytes, Immutable)]
#[repr(C)]
struct Tick {
    /// When it was due, by [`Clock`].
    due: u64,
    price: u64,
}

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
        [] => feed(2000, 2),
        ["read", name] => read(name),
        [rate, seconds] => feed(rate.parse()?, seconds.parse()?),
        _ => Err("say nothing, or a rate and for how many seconds".into()),
    }
}

fn feed(rate: u64, seconds: u64) -> Result<(), Box<dyn Error>> {
    let between = 1_000_000_000_u64.checked_div(rate).ok_or("at least one tick a second")?;
    let name = format!("/shm-ring-tick-feed-{}", id());
    let options = Options::new().items(rate as usize).label("ticks").prefault().unlink_on_drop();
    let ring = Ring::<Tick>::create(name.as_str(), &options)?;
    let mut tx = ring.producer()?;
    let mut reader = Command::new(std::env::current_exe()?).args(["read", &name]).spawn()?;
    let start = Clock::now();
    for n in 0..rate * seconds {
        let due = start + n * between;
        std::thread::sleep(Duration::from_nanos(due.saturating_sub(Clock::now())));
        tx.push(Tick { due, price: 100 + n % 7 })?;
    }
    tx.close();
    reader.wait()?;
    Ok(())
}

fn read(name: &str) -> Result<(), Box<dyn Error>> {
    let mut rx = Consumer::<Tick>::open_with(name, &Options::new().label("ticks"))?;
    // Up to a minute, by three digits.
    let mut late = Histogram::<u64>::new_with_max(60_000_000_000, 3)?;
    let mut prices = 0;
    for tick in rx.iter() {
        let Tick { due, price } = tick?;
        late.saturating_record(Clock::since(due).as_nanos() as u64);
        prices += price;
    }
    let ticks = late.len();
    println!("{ticks} ticks, mean price {:.2}", prices as f64 / ticks.max(1) as f64);
    for (name, quantile) in
        [("p50", 0.5), ("p90", 0.9), ("p99", 0.99), ("p99.9", 0.999), ("max", 1.0)]
    {
        println!("{name:>6} {:>10.1} us late", late.value_at_quantile(quantile) as f64 / 1000.0);
    }
    Ok(())
}
