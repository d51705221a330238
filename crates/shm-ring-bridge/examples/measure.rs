//! The bridge beside its engine alone, in one run: `cargo run --release -p shm-ring-bridge --example measure`, with a number of rounds
//! behind `--` if 5 are too many or too few.
//!
//! A round carries records of each size twice: from a ring to a ring through both bridges, and as the same batches that one
//! process publishes to the same stream, 16 in flight, and another one fetches and acknowledges. It wants `nats-server`, and
//! `shm-ring-bridge` beside it (`cargo build --release -p shm-ring-bridge`).
//!
//! Owns: what is timed, and the table. Knows nothing of: how a bridge works.

use std::collections::VecDeque;
use std::error::Error;
use std::future::IntoFuture;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use async_nats::jetstream;
use async_nats::jetstream::consumer::{AckPolicy, pull};
use async_nats::jetstream::stream::{Config, DiscardPolicy, RetentionPolicy};
use futures_util::StreamExt;
use shm_ring::{Consumer, Item, Options, PopError, Producer, Region};

type Outcome<T> = Result<T, Box<dyn Error>>;

const BATCH: usize = 64 << 10;
const IN_FLIGHT: usize = 16;
/// What a round carries of each size.
const BYTES: usize = 256 << 20;
/// What either ring holds.
const RING: usize = 8 << 20;

fn main() -> Outcome<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["publish", url] => run(publish(url)),
        ["fetch", url] => run(fetch(url)),
        ref rounds => compare(rounds.first().map_or(Ok(5), |rounds| rounds.parse())?),
    }
}

/// In a runtime like that of the bridge.
fn run(work: impl Future<Output = Outcome<()>>) -> Outcome<()> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(work)
}

/// Processes that end with this one, and their files.
struct Stage {
    folder: PathBuf,
    children: Vec<Child>,
    names: Vec<String>,
}

impl Drop for Stage {
    fn drop(&mut self) {
        for child in &mut self.children {
            let _ = child.kill();
            let _ = child.wait();
        }
        let _ = std::fs::remove_dir_all(&self.folder);
        for name in &self.names {
            for end in ["", ".bridge-source", ".bridge-sink"] {
                let _ = Region::named(format!("{name}{end}")).unlink();
            }
        }
    }
}

impl Stage {
    /// With a server, and where that is.
    fn new(round: usize) -> Outcome<(Self, String)> {
        let folder = std::env::temp_dir()
            .join(format!("shm-ring-bridge-measure-{}-{round}", std::process::id()));
        std::fs::create_dir_all(&folder)?;
        let mut stage = Self { folder, children: Vec::new(), names: Vec::new() };
        let mut server = Command::new("nats-server");
        let folder = stage.folder.clone();
        server.args(["-js", "-a", "127.0.0.1", "-p", "-1", "--ports_file_dir"]).arg(&folder);
        server.arg("-sd").arg(folder.join("store"));
        let id = stage.start(&mut server)?;
        let ports = folder.join(format!("nats-server_{id}.ports"));
        let url = wait("a server", || {
            let text = std::fs::read_to_string(&ports).ok()?;
            let ports: serde_json::Value = serde_json::from_str(&text).ok()?;
            ports["nats"][0].as_str().map(str::to_owned)
        })?;
        Ok((stage, url))
    }

    fn start(&mut self, command: &mut Command) -> Outcome<u32> {
        let quiet = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let child = quiet.spawn().map_err(|error| format!("{command:?}: {error}"))?;
        let id = child.id();
        self.children.push(child);
        Ok(id)
    }
}

/// What `there` finds, once it does.
fn wait<T>(what: &str, mut there: impl FnMut() -> Option<T>) -> Outcome<T> {
    let start = Instant::now();
    while start.elapsed() < Duration::from_secs(60) {
        if let Some(found) = there() {
            return Ok(found);
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    Err(format!("{what} does not come").into())
}

/// Seconds for a round's bytes from a ring to a ring. `item` makes a record of its number.
fn bridged<T: Item + PartialEq + 'static>(round: usize, item: fn(u64) -> T) -> Outcome<f64> {
    let (mut stage, url) = Stage::new(round)?;
    let [here, there] =
        ["here", "there"].map(|end| format!("shm-ring-measure-{}-{end}", std::process::id()));
    stage.names = vec![here.clone(), there.clone()];
    let beside = std::env::current_exe()?;
    let program = beside.ancestors().nth(2).unwrap_or(Path::new(".")).join("shm-ring-bridge");
    let mut tx = Producer::<T>::create(here.as_str(), &Options::new().bytes(RING))?;
    for (side, ring) in [("source", &here), ("sink", &there)] {
        stage.start(
            Command::new(&program).args([side, ring, "--name", "measure", "--nats", &url]),
        )?;
    }
    let mut rx = wait("the sink ring", || Consumer::<T>::open(there.as_str()).ok())?;
    let count = (BYTES / size_of::<T>()) as u64;
    // The first of them, until all is as it will be.
    let warm = count / 8;
    let sending = std::thread::spawn(move || {
        for number in 0..count + warm {
            if tx.push(item(number)).is_err() {
                break;
            }
        }
    });
    let mut start = Instant::now();
    let mut number = 0;
    while number < count + warm {
        let view = match rx.peek(1024) {
            Ok(view) => view,
            Err(PopError::Closed | PopError::PeerDead) => continue,
            Err(error) => return Err(error.into()),
        };
        for found in view.iter() {
            if found != item(number) {
                return Err(format!("record {number} is another").into());
            }
            number += 1;
            if number == warm {
                start = Instant::now();
            }
        }
        let taken = view.len();
        view.release(taken);
    }
    let seconds = start.elapsed().as_secs_f64();
    sending.join().map_err(|_| "the producer failed")?;
    Ok(seconds)
}

/// Seconds for the same bytes by the engine alone, in the batches in which the bridge sends them.
fn alone(round: usize) -> Outcome<f64> {
    let (mut stage, url) = Stage::new(round)?;
    let me = std::env::current_exe()?;
    stage.start(Command::new(&me).args(["publish", &url]))?;
    let answer = Command::new(&me).args(["fetch", &url]).stderr(Stdio::inherit()).output()?;
    if !answer.status.success() {
        return Err("the fetching process failed".into());
    }
    Ok(String::from_utf8(answer.stdout)?.trim().parse()?)
}

fn stream() -> Config {
    Config {
        name: "measure".to_owned(),
        subjects: vec!["measure".to_owned()],
        retention: RetentionPolicy::WorkQueue,
        max_bytes: 64 << 20,
        discard: DiscardPolicy::New,
        ..Config::default()
    }
}

fn batches() -> usize {
    (BYTES + BYTES / 8) / BATCH
}

async fn publish(url: &str) -> Outcome<()> {
    let jetstream = async_nats::jetstream::new(async_nats::connect(url).await?);
    jetstream.get_or_create_stream(stream()).await?;
    let payload = vec![7_u8; BATCH + 72];
    let mut open = VecDeque::new();
    let mut sent = 0;
    while sent < batches() || !open.is_empty() {
        if sent < batches() && open.len() < IN_FLIGHT {
            // A copy, as the bridge makes one of what is in the ring.
            let answer = jetstream.publish("measure", payload.clone().into()).await?;
            open.push_back(answer.into_future());
            sent += 1;
        } else if let Some(answer) = open.pop_front()
            && answer.await.is_err()
        {
            // The stream is full.
            tokio::time::sleep(Duration::from_millis(5)).await;
            sent -= 1;
        }
    }
    std::future::pending().await
}

/// The stream, once the publishing process has made it: a server refuses one of two that make it at once.
async fn made(jetstream: &jetstream::Context) -> Outcome<jetstream::stream::Stream> {
    let start = Instant::now();
    loop {
        match jetstream.get_stream("measure").await {
            Err(_) if start.elapsed() < Duration::from_secs(10) => {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            answer => return Ok(answer?),
        }
    }
}

async fn fetch(url: &str) -> Outcome<()> {
    let jetstream = async_nats::jetstream::new(async_nats::connect(url).await?);
    let stream = made(&jetstream).await?;
    let (durable_name, ack_policy) = (Some("sink".to_owned()), AckPolicy::Explicit);
    let config = pull::Config { durable_name, ack_policy, ..pull::Config::default() };
    let consumer = stream.create_consumer(config).await?;
    let mut messages = consumer.stream().max_messages_per_batch(32).messages().await?;
    let (mut start, mut taken) = (Instant::now(), 0);
    while taken < batches() {
        let message = messages.next().await.ok_or("no more")??;
        message.ack().await.map_err(|error| error.to_string())?;
        taken += 1;
        if taken == BYTES / 8 / BATCH {
            start = Instant::now();
        }
    }
    println!("{}", start.elapsed().as_secs_f64());
    Ok(())
}

fn compare(rounds: usize) -> Outcome<()> {
    let load = || std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    println!("load before: {}", load().trim());
    let mut rows: [Vec<f64>; 4] = Default::default();
    for round in 0..rounds {
        rows[0].push(bridged::<[u64; 8]>(round, |number| [number; 8])?);
        rows[1].push(alone(round)?);
        rows[2].push(bridged::<[u64; 512]>(round, |number| [number; 512])?);
        rows[3].push(alone(round)?);
        println!(
            "round {}: {:.2?} s, load {}",
            round + 1,
            rows.each_ref().map(|row| row[round]),
            load().trim()
        );
    }
    println!("| | minimum | median | maximum |\n|---|---|---|---|");
    let table = [
        ("bridge, 64 B, million records/s", 64),
        ("engine alone, the same batches, million records/s", 64),
        ("bridge, 4 KiB, million records/s", 4096),
        ("engine alone, the same batches, million records/s", 4096),
    ];
    let rates = |row: &[f64], size: usize| {
        let mut rates: Vec<f64> =
            row.iter().map(|seconds| (BYTES / size) as f64 / seconds / 1e6).collect();
        rates.sort_by(f64::total_cmp);
        [rates[0], rates[rates.len() / 2], rates[rates.len() - 1]]
    };
    for (row, (what, size)) in rows.iter().zip(table) {
        let [least, median, most] = rates(row, size);
        println!("| {what} | {least:.4} | {median:.4} | {most:.4} |");
    }
    for (bridge, engine, size) in [(0, 1, 64), (2, 3, 4096)] {
        let mut ratios: Vec<f64> = rows[bridge]
            .iter()
            .zip(&rows[engine])
            .map(|(bridge, engine)| engine / bridge)
            .collect();
        ratios.sort_by(f64::total_cmp);
        let (least, most) = (ratios[0], ratios[ratios.len() - 1]);
        let median = ratios[ratios.len() / 2];
        println!("| bridge / engine alone, {size} B | {least:.2} | {median:.2} | {most:.2} |");
    }
    println!("load after: {}", load().trim());
    Ok(())
}
