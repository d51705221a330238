//! The examples, run as a user runs them: the programs themselves, their neighbours killed and started again.
//!
//! Owns: what is expected of them. Knows nothing of: how they do it.

#[path = "../../../shm-ring/tests/examples/running.rs"]
#[allow(dead_code, reason = "the library's examples use all of it")]
mod running;

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use running::{Name, Running};
use rustix::process::{Pid, Signal, kill_process};

/// A path of this test's own, removed when it goes.
struct Socket(String);

impl Drop for Socket {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

/// A client that reads ticks.
struct Client(BufReader<UnixStream>);

impl Client {
    fn connect(socket: &Socket) -> Self {
        let stream = UnixStream::connect(&socket.0).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        Self(BufReader::new(stream))
    }

    /// The number of the next tick.
    fn tick(&mut self) -> u64 {
        let mut line = String::new();
        self.0.read_line(&mut line).unwrap();
        let number = line.split(' ').next().and_then(|number| number.parse().ok());
        number.unwrap_or_else(|| panic!("{line:?} is no tick"))
    }

    /// Some ticks behind `last`, without a gap: the last of them.
    fn ticks(&mut self, last: u64) -> u64 {
        (1..=50).for_each(|n| assert_eq!(self.tick(), last + n));
        last + 50
    }

    fn order(&mut self, order: &str) {
        self.0.get_mut().write_all(format!("{order}\n").as_bytes()).unwrap();
    }
}

fn kill(mut neighbour: Running) {
    neighbour.child.kill().unwrap();
    neighbour.child.wait().unwrap();
}

#[test]
fn gateway() {
    let (ticks, orders) = (Name::new("ticks"), Name::new("orders"));
    let path = std::env::temp_dir().join(format!("shm-ring-gateway-{}", std::process::id()));
    let socket = Socket(path.display().to_string());
    let mut gateway = Running::start("gateway", &["serve", &ticks.0, &orders.0, &socket.0]);
    gateway.expect("serving at");
    let feed = || Running::start("gateway", &["feed", &ticks.0]);
    let matcher = || Running::start("gateway", &["match", &orders.0]);
    let (fed, mut matched) = (feed(), matcher());
    matched.expect("taking orders");

    let mut client = Client::connect(&socket);
    let first = client.tick();
    let last = client.ticks(first);
    client.order("buy 7");
    matched.expect("order buy 7");

    // No tick is lost with a feed that is killed: the next one goes on where the ring says.
    kill(fed);
    gateway.expect("feed: the ring is empty and its producer died");
    let mut fed = feed();
    gateway.expect("feed: Alive");
    let last = client.ticks(last);

    // Orders wait for the next one who takes them.
    kill(matched);
    client.order("sell 8");
    let mut matched = matcher();
    matched.expect("order sell 8");
    client.ticks(last);
    assert!(Client::connect(&socket).tick() > last);

    let pid = Pid::from_raw(gateway.child.id() as i32).unwrap();
    kill_process(pid, Signal::INT).unwrap();
    let printed = gateway.end_well();
    println!("{printed}");
    assert!(printed.contains("closed after"), "{printed}");
    assert!(!path.exists());
    // Its neighbours learn of it.
    assert!(matched.end_well().contains("the gateway has closed"));
    assert!(fed.end_well().contains("the gateway has closed after tick"));
}
