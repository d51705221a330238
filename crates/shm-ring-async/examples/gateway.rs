//! A service in an event loop, between two rings and its clients. It takes ticks from one ring, serves them to whoever
//! connects to a Unix socket, and writes the orders that the clients send into another ring. Any of its neighbours may be
//! killed and started again; Ctrl-C ends it.
//!
//! ```console
//! $ cargo run -p shm-ring-async --example gateway -- serve /ticks /orders /tmp/gateway.socket
//! $ cargo run -p shm-ring-async --example gateway -- feed /ticks          # another terminal
//! $ cargo run -p shm-ring-async --example gateway -- match /orders        # a third
//! $ socat - UNIX-CONNECT:/tmp/gateway.socket                              # a client: type orders, read ticks
//! ```

use std::error::Error;
use std::time::{Duration, Instant};

use shm_ring::{
    Consumer, MessageConsumer, MessageProducer, Options, PopError, Producer, PushError,
};
use shm_ring_async::Async;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{broadcast, mpsc};

/// A number and a price.
type Tick = [u64; 2];

/// Ticks that a client may be late by before it loses some, and orders that may wait.
const LATE: usize = 4096;
const ORDERS: usize = 64;

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
        ["serve", ticks, orders, socket] => serve(ticks, orders, socket),
        ["feed", ticks] => feed(ticks),
        ["match", orders] => take_orders(orders),
        _ => Err("serve TICKS ORDERS SOCKET, feed TICKS, or match ORDERS".into()),
    }
}

fn ticks_options() -> Options {
    Options::new().items(1024)
}

fn orders_options() -> Options {
    Options::new().bytes(1 << 16)
}

/// The service: one thread, and a task for each ring and each client.
fn serve(ticks: &str, orders: &str, socket: &str) -> Result<(), Box<dyn Error>> {
    // The side that starts first creates the rings.
    let rx = Consumer::<Tick>::open_or_create(ticks, &ticks_options())?;
    let tx = MessageProducer::open_or_create(orders, &orders_options())?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let interrupted = runtime.block_on(async {
        let listener = UnixListener::bind(socket)?;
        println!("serving at {socket}");
        let (to_clients, _) = broadcast::channel(LATE);
        let (to_orders, from_clients) = mpsc::channel(ORDERS);
        let ticks = tokio::spawn(forward_ticks(Async::new(rx), to_clients.clone()));
        let orders = tokio::spawn(forward_orders(Async::new(tx), from_clients));
        let clients = serve_clients(listener, to_clients, to_orders);
        tokio::select! {
            failed = ticks => failed??,
            failed = orders => failed??,
            failed = clients => failed?,
            done = tokio::signal::ctrl_c() => done?,
        }
        Ok::<_, Box<dyn Error + Send + Sync>>(Instant::now())
    });
    // Drops all tasks, and with them the ends: each closes in order, and nothing stays armed.
    drop(runtime);
    let _ = std::fs::remove_file(socket);
    let since = interrupted.map_err(|error| error.to_string())?;
    println!("closed after {:.1} ms", since.elapsed().as_secs_f64() * 1000.0);
    Ok(())
}

/// Hands each tick to all clients. When the feed closes or dies, the next one is waited for.
async fn forward_ticks(
    mut rx: Async<Consumer<Tick>>,
    to_clients: broadcast::Sender<Tick>,
) -> Result<(), PopError> {
    loop {
        match rx.recv().await {
            // Nobody may be connected.
            Ok(tick) => drop(to_clients.send(tick)),
            Err(gone @ (PopError::Closed | PopError::PeerDead)) => {
                println!("feed: {gone}");
                println!("feed: {:?}", rx.wait_for_peer().await);
            }
            Err(error) => return Err(error),
        }
    }
}

/// Writes each order into the ring. While nobody takes them, they wait there, and behind that in the clients.
async fn forward_orders(
    mut tx: Async<MessageProducer>,
    mut from_clients: mpsc::Receiver<String>,
) -> Result<(), PushError> {
    while let Some(order) = from_clients.recv().await {
        loop {
            match tx.send(order.as_bytes()).await {
                Ok(()) => break,
                Err(gone @ (PushError::Closed | PushError::PeerDead)) => {
                    println!("orders: {gone}");
                    println!("orders: {:?}", tx.wait_for_peer().await);
                }
                Err(PushError::TooLarge { len, .. }) => {
                    println!("orders: one of {len} bytes is refused");
                    break;
                }
                Err(error) => return Err(error),
            }
        }
    }
    Ok(())
}

/// A task for each client that connects.
async fn serve_clients(
    listener: UnixListener,
    to_clients: broadcast::Sender<Tick>,
    to_orders: mpsc::Sender<String>,
) -> Result<(), std::io::Error> {
    loop {
        let (stream, _) = listener.accept().await?;
        tokio::spawn(client(stream, to_clients.subscribe(), to_orders.clone()));
    }
}

/// One client: a line for each tick to it, and each line from it an order.
async fn client(
    stream: UnixStream,
    mut ticks: broadcast::Receiver<Tick>,
    to_orders: mpsc::Sender<String>,
) -> Result<(), std::io::Error> {
    let (from, mut to) = stream.into_split();
    let mut lines = BufReader::new(from).lines();
    loop {
        tokio::select! {
            tick = ticks.recv() => {
                let line = match tick {
                    Ok([number, price]) => format!("{number} {price}\n"),
                    Err(broadcast::error::RecvError::Lagged(lost)) => format!("lost {lost}\n"),
                    Err(broadcast::error::RecvError::Closed) => return Ok(()),
                };
                to.write_all(line.as_bytes()).await?;
            }
            line = lines.next_line() => {
                let Some(order) = line? else { return Ok(()) };
                if to_orders.send(order).await.is_err() {
                    return Ok(());
                }
            }
        }
    }
}

/// A neighbour: a tick each millisecond. The ring says how many there were before.
fn feed(name: &str) -> Result<(), Box<dyn Error>> {
    let mut tx = Producer::<Tick>::open_or_create(name, &ticks_options())?;
    loop {
        let number = tx.position() / size_of::<Tick>() as u64;
        match tx.push([number, 100 + number % 10]) {
            Ok(()) => std::thread::sleep(Duration::from_millis(1)),
            Err(PushError::Closed) => {
                println!("the gateway has closed after tick {number}");
                return Ok(());
            }
            Err(error) => return Err(error.into()),
        }
    }
}

/// A neighbour: takes the orders.
fn take_orders(name: &str) -> Result<(), Box<dyn Error>> {
    let mut rx = MessageConsumer::open_or_create(name, &orders_options())?;
    println!("taking orders");
    loop {
        match rx.pop() {
            Ok(order) => println!("order {}", String::from_utf8_lossy(&order)),
            Err(PopError::Closed) => {
                println!("the gateway has closed");
                return Ok(());
            }
            Err(error) => return Err(error.into()),
        }
    }
}
