//! Owns: what both sides do the same way: one connection after another until there is a reason to end, and what is said
//! meanwhile. Knows nothing of: what is done on a connection.

use std::time::{Duration, Instant};

use async_nats::Subscriber;
use shm_ring_console::terminal;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use crate::cli::Server;
use crate::engine::{self, Connection, Refused, chain};
use crate::failure::{Code, Failure};

/// Between two tries to connect: at first, and at most.
const PAUSE: (Duration, Duration) = (Duration::from_millis(50), Duration::from_millis(500));
/// A state that lasts is reported again after this time.
const AGAIN: Duration = Duration::from_secs(60);

/// Why a side is done with a connection.
pub(crate) enum End {
    /// The user wants it.
    Stopped,
    /// Another connection may be better.
    Lost(String),
    /// No connection would be.
    Failed(Failure),
}

impl From<Failure> for End {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

/// A side of the bridge.
pub(crate) trait Serving {
    /// Serves one connection. `Ok`: the user wants an end.
    async fn serve(&mut self, connection: &Connection, stop: &Stop) -> Result<(), End>;

    fn reports(&mut self) -> &mut Reports;
}

/// Serves connections to `server`, one after another, until a signal or a failure. The server knows them by `name`.
pub(crate) async fn run(
    side: &mut impl Serving,
    server: &Server,
    name: &str,
) -> Result<(), Failure> {
    let stop = Stop::on_signals()?;
    let mut pause = Pause::new();
    let mut was_there = false;
    loop {
        let end = match engine::connect(server, name).await {
            Ok(connection) => {
                was_there = true;
                pause = Pause::new();
                side.serve(&connection, &stop).await.err().unwrap_or(End::Stopped)
            }
            Err(Refused::Always(failure)) if !was_there => End::Failed(failure),
            Err(Refused::Always(failure)) => End::Lost(failure.what().to_owned()),
            Err(Refused::Now(why)) => End::Lost(why),
        };
        match end {
            End::Stopped => return Ok(()),
            End::Failed(failure) => return Err(failure),
            End::Lost(why) => side.reports().say(format!("{why}; tries again")),
        }
        if pause.over(&stop).await {
            return Ok(());
        }
    }
}

/// Whether the user wants an end: SIGINT or SIGTERM.
#[derive(Clone)]
pub(crate) struct Stop(watch::Receiver<bool>);

impl Stop {
    /// From now on the two signals are asked for in this way.
    fn on_signals() -> Result<Self, Failure> {
        let refused = |error: std::io::Error| {
            Failure::new(Code::Failure, format!("no signals: {error}"), "start it again")
        };
        let mut interrupt = signal(SignalKind::interrupt()).map_err(refused)?;
        let mut terminate = signal(SignalKind::terminate()).map_err(refused)?;
        let (sender, stop) = watch::channel(false);
        tokio::spawn(async move {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
            sender.send_replace(true);
        });
        Ok(Self(stop))
    }

    /// Waits until it does.
    pub(crate) async fn wanted(&self) {
        let mut stop = self.0.clone();
        if stop.wait_for(|stop| *stop).await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

/// What a side says while it runs: each thing once.
pub(crate) struct Reports {
    side: &'static str,
    last: Option<(String, Instant)>,
}

impl Reports {
    pub(crate) fn of(side: &'static str) -> Self {
        Self { side, last: None }
    }

    /// Says `text`, unless that is what it said last.
    pub(crate) fn say(&mut self, text: impl Into<String>) {
        let text = text.into();
        let is_known =
            self.last.as_ref().is_some_and(|(last, at)| *last == text && at.elapsed() < AGAIN);
        if !is_known {
            terminal::say(&format!("{}: {}", self.side, terminal::shown(&text)));
            self.last = Some((text, Instant::now()));
        }
    }

    /// Says `text` if something was wrong.
    pub(crate) fn well(&mut self, text: &str) {
        if self.last.as_ref().is_some_and(|(last, _)| last != text) {
            self.say(text);
        }
    }
}

/// How long until the next try.
struct Pause(Duration);

impl Pause {
    fn new() -> Self {
        Self(PAUSE.0)
    }

    /// Waits, longer each time. Whether the user wants an end meanwhile.
    async fn over(&mut self, stop: &Stop) -> bool {
        let pause = self.0;
        self.0 = (pause * 2).min(PAUSE.1);
        tokio::select! {
            () = stop.wanted() => true,
            () = tokio::time::sleep(pause) => false,
        }
    }
}

/// What is said on `subject` from now on.
pub(crate) async fn subscribe(connection: &Connection, subject: &str) -> Result<Subscriber, End> {
    let subscribed = connection.client.subscribe(subject.to_owned()).await;
    subscribed.map_err(|error| End::Lost(chain(&error)))
}

/// Publishes `what` on `subject`, to whoever listens.
pub(crate) async fn say(
    connection: &Connection,
    subject: &str,
    what: &impl serde::Serialize,
) -> Result<(), End> {
    let payload = serde_json::to_vec(what).map_err(|error| End::Lost(error.to_string()))?;
    let said = connection.client.publish(subject.to_owned(), payload.into()).await;
    said.map_err(|error| End::Lost(chain(&error)))
}
