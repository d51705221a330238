//! Owns: the source: the consumer of a ring that sends what it reads, and gives it back once the sink has it. Knows
//! nothing of: how a ring is read, and how the server is reached.

use std::future::IntoFuture;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use async_nats::Message;
use async_nats::jetstream::context::{PublishError, PublishErrorKind};
use async_nats::jetstream::publish::PublishAck;
use async_nats::jetstream::stream::Stream;
use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesOrdered;
use shm_ring::{Observer, Options, PopError};
use tokio::time::{Instant, MissedTickBehavior};

use crate::cli::Source;
use crate::companion::{Companion, Role};
use crate::engine::{self, Connection, Refused, chain};
use crate::failure::{Code, Failure};
use crate::flow::Window;
use crate::names::Names;
use crate::outlet::{Batch, Measure, Outlet};
use crate::pairing::{self, Pair, Refusal, Side, show};
use crate::reader::Reader;
use crate::session::{self, End, Reports, Serving, Stop, say, subscribe};
use crate::shape::Shape;
use crate::wire::{self, HEAD, Hello, Presence, Stamp, Stand, Welcome, Where};

/// How often it looks, while something is on its way, whether it still is.
const LOOK: Duration = Duration::from_millis(200);
/// Before a batch is sent again that the server did not take.
const HOLD: Duration = Duration::from_millis(100);
/// What a message of the server has besides its payload, with room to spare.
const ENVELOPE: usize = 4096;

type Acknowledgements = FuturesOrdered<BoxFuture<'static, Result<PublishAck, PublishError>>>;

/// Runs until a signal or a failure.
pub(crate) async fn run(arguments: &Source) -> Result<(), Failure> {
    let mut side = SourceSide::open(arguments)?;
    session::run(&mut side, &arguments.common.server, "shm-ring-bridge source").await?;
    let (confirmed, tail) = (side.window.confirmed(), side.side().tail);
    side.reports.say(format!(
        "ended; the sink has all below position {confirmed}, and {} bytes behind it are held",
        tail - confirmed
    ));
    Ok(())
}

struct SourceSide<'a> {
    arguments: &'a Source,
    names: Names,
    reader: Reader,
    observer: Observer,
    companion: Companion,
    id: u128,
    shape: Shape,
    window: Window,
    /// A number that no other source has.
    instance: u64,
    /// How often the sink has said where it stands, and where it was last.
    heard: u64,
    stood: u64,
    /// The stream was empty although the sink stood there, when it had been heard so often.
    suspect: Option<(u64, u64)>,
    /// Where the sink stood at the last look.
    looked: u64,
    /// Until when nothing is sent.
    hold: Option<Instant>,
    /// The server took nothing the last time.
    refused: bool,
    reports: Reports,
}

impl Serving for SourceSide<'_> {
    fn reports(&mut self) -> &mut Reports {
        &mut self.reports
    }

    async fn serve(&mut self, connection: &Connection, stop: &Stop) -> Result<(), End> {
        let stream = match engine::stream(connection, &self.names, self.arguments).await {
            Ok(stream) => stream,
            Err(Refused::Always(failure)) => return Err(End::Failed(failure)),
            Err(Refused::Now(why)) => return Err(End::Lost(why)),
        };
        let mut hellos = subscribe(connection, &self.names.hello).await?;
        let mut stands = subscribe(connection, &self.names.stand).await?;
        let mut sources = subscribe(connection, &self.names.source).await?;
        let presence = self.presence(None);
        say(connection, &self.names.source, &presence).await?;
        self.ask_where(connection).await?;
        self.window.return_to_unacknowledged();
        self.reader.forget();
        (self.suspect, self.hold) = (None, None);
        match self.companion.pair() {
            Some(_) => self.reports.well("goes on"),
            None => self.reports.say("waits for a sink to come"),
        }
        let most = connection.client.server_info().max_payload.saturating_sub(HEAD + ENVELOPE);
        let batch = self.arguments.batch.min(most.max(1));
        let mut acknowledgements = Acknowledgements::new();
        let mut look = tokio::time::interval(LOOK);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            self.read_on(batch);
            let hold = self.hold.unwrap_or_else(Instant::now);
            tokio::select! {
                () = stop.wanted() => return Ok(()),
                why = connection.lost() => return Err(End::Lost(why)),
                Some(message) = hellos.next() => self.welcome(connection, &message).await?,
                Some(message) = stands.next() => self.stands(&message),
                Some(message) = sources.next() => self.meet(connection, &message).await?,
                Some(answer) = acknowledgements.next() => {
                    self.acknowledged(answer, &mut acknowledgements)?;
                }
                batches = self.reader.batches(), if self.reader.is_reading() => {
                    let batches = batches.map_err(no_more)?;
                    self.send(connection, batches, &mut acknowledgements).await?;
                }
                () = tokio::time::sleep_until(hold), if self.hold.is_some() => self.hold = None,
                _ = look.tick(), if self.window.outstanding() > 0 => {
                    self.look(connection, &stream).await?;
                }
            }
        }
    }
}

impl<'a> SourceSide<'a> {
    fn open(arguments: &'a Source) -> Result<Self, Failure> {
        let common = &arguments.common;
        let names = Names::new(common.name.as_deref(), &common.target)?;
        let mut options = Options::new();
        if common.any_owner {
            options = options.any_owner().mode(0o666);
        }
        let (outlet, observer) = Outlet::open(&common.target, &options)?;
        let snapshot = observer.snapshot();
        let shape = Shape::of(&snapshot).ok_or_else(|| {
            Failure::new(Code::Incompatible, "the ring has changed", "start it again")
        })?;
        let mut companion =
            Companion::open(&common.target, Role::Source, snapshot.id, &Options::new())?;
        if common.pair_anew {
            companion.forget();
        }
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos();
        // Different for each process on any machine, with all likelihood: ids of rings are random, and times differ.
        let instance = now as u64 ^ u64::from(std::process::id()) << 40 ^ snapshot.id as u64;
        let window = Window::new(outlet.head(), instance);
        let reader = Reader::start(outlet).map_err(|error| {
            Failure::new(Code::Failure, format!("no thread: {error}"), "raise the limit of threads")
        })?;
        let looked = window.confirmed();
        let (id, reports) = (snapshot.id, Reports::of("source"));
        let (heard, stood, suspect, hold, refused) = (0, 0, None, None, false);
        Ok(Self {
            arguments,
            names,
            reader,
            observer,
            companion,
            id,
            shape,
            window,
            instance,
            heard,
            stood,
            suspect,
            looked,
            hold,
            refused,
            reports,
        })
    }

    /// The ring as it is now.
    fn side(&self) -> Side {
        let (head, tail) = (self.window.confirmed(), self.observer.snapshot().tail);
        let (shape, pair) = (self.shape.clone(), self.companion.pair());
        Side { id: self.id, head, tail, shape, pair, anew: false }
    }

    /// Has the ring read on, if there is reason to.
    fn read_on(&mut self, batch: usize) {
        let count =
            usize::from(self.arguments.in_flight).saturating_sub(self.window.unacknowledged());
        let until = self.window.confirmed() + self.arguments.window as u64;
        let may = !self.reader.is_reading()
            && self.hold.is_none()
            && self.companion.pair().is_some()
            && count > 0
            && self.window.next().at < until;
        if may {
            self.reader.read(self.window.next(), Measure { batch, count, until });
        }
    }

    async fn send(
        &mut self,
        connection: &Connection,
        batches: Vec<Batch>,
        acknowledgements: &mut Acknowledgements,
    ) -> Result<(), End> {
        let Some(Pair { other: sink, .. }) = self.companion.pair() else { return Ok(()) };
        for Batch { extent, mut bytes } in batches {
            let stamp = Stamp { source: self.id, sink, run: self.window.run() };
            wire::stamp(&mut bytes, stamp, &extent);
            let sent = connection.stream.publish(self.names.records.clone(), bytes.into()).await;
            let acknowledgement = sent.map_err(|error| End::Lost(chain(&error)))?;
            self.window.send(extent.behind());
            acknowledgements.push_back(acknowledgement.into_future());
        }
        Ok(())
    }

    /// The server has a batch, or has refused it.
    fn acknowledged(
        &mut self,
        answer: Result<PublishAck, PublishError>,
        acknowledgements: &mut Acknowledgements,
    ) -> Result<(), End> {
        let error = match answer {
            Ok(_) => {
                self.window.acknowledge();
                if std::mem::take(&mut self.refused) {
                    self.reports.well("goes on");
                }
                return Ok(());
            }
            Err(error) => error,
        };
        match error.kind() {
            PublishErrorKind::StreamNotFound => {
                let why = format!("stream {} is gone: it was deleted", self.names.stream);
                return Err(End::Lost(why));
            }
            PublishErrorKind::TimedOut | PublishErrorKind::BrokenPipe => {
                return Err(End::Lost(format!("the server does not answer: {}", chain(&error))));
            }
            _ => {}
        }
        let why = chain(&error);
        let what = if why.contains("maximum bytes exceeded") {
            format!(
                "stream {} is full: waits until the sink has taken something",
                self.names.stream
            )
        } else {
            format!("stream {} takes no more ({why}): waits", self.names.stream)
        };
        self.reports.say(what);
        self.refused = true;
        *acknowledgements = Acknowledgements::new();
        self.window.return_to_unacknowledged();
        self.reader.forget();
        self.hold = Some(Instant::now() + HOLD);
        Ok(())
    }

    /// The sink has all below `position`.
    fn confirm(&mut self, position: u64) {
        let next = self.window.next();
        if self.window.confirm(position) {
            self.reader.release_to(self.window.confirmed());
        }
        if self.window.next() != next {
            self.reader.forget();
        }
    }

    /// The sink said where it stands.
    fn stands(&mut self, message: &Message) {
        let Ok(stand) = serde_json::from_slice::<Stand>(&message.payload) else { return };
        let pair = self.companion.pair();
        let is_ours = wire::parse(&stand.source) == Some(self.id)
            && pair.is_some_and(|pair| wire::parse(&stand.sink) == Some(pair.other));
        if !is_ours {
            self.reports.say(format!("sink ring {} is none of ours, and speaks", stand.sink));
            return;
        }
        // More than was sent: by a predecessor, or by nobody. The sink that asks to go on is refused then.
        if stand.position > self.window.next().at {
            let (tail, stand) = (self.side().tail, stand.position);
            if stand > tail {
                self.reports.say(Refusal::Beyond { tail, stand }.to_string());
                return;
            }
        }
        self.heard += 1;
        self.stood = self.stood.max(stand.position);
        self.confirm(stand.position);
        if let Some(run) = stand.hole
            && self.window.hole(stand.position, run)
        {
            self.reader.forget();
        }
    }

    /// While something is on its way: whether it still is. The sink may not have been heard, and the stream may have been
    /// emptied, by a power loss or by somebody.
    async fn look(&mut self, connection: &Connection, stream: &Stream) -> Result<(), End> {
        let confirmed = self.window.confirmed();
        if std::mem::replace(&mut self.looked, confirmed) != confirmed {
            self.suspect = None;
            return Ok(());
        }
        self.ask_where(connection).await?;
        if self.window.unacknowledged() > 0 {
            return Ok(());
        }
        let info = match tokio::time::timeout(LOOK * 5, stream.get_info()).await {
            Ok(Ok(info)) => info,
            Ok(Err(error)) => {
                return Err(End::Lost(format!("stream {}: {}", self.names.stream, chain(&error))));
            }
            Err(_) => return Ok(()),
        };
        if info.state.messages > 0 {
            self.suspect = None;
            return Ok(());
        }
        match self.suspect {
            // It was empty before the sink said once more that it stands there.
            Some((position, heard)) if position == confirmed && heard < self.heard => {
                self.reports.say(format!(
                    "stream {} has lost {} bytes: sends them again",
                    self.names.stream,
                    self.window.outstanding()
                ));
                self.window.return_to_confirmed();
                self.reader.forget();
                self.suspect = None;
            }
            Some((position, _)) if position == confirmed => {}
            _ => self.suspect = Some((confirmed, self.heard)),
        }
        Ok(())
    }

    async fn ask_where(&mut self, connection: &Connection) -> Result<(), End> {
        say(connection, &self.names.r#where, &Where { source: show(self.id) }).await
    }

    /// A sink has come.
    async fn welcome(&mut self, connection: &Connection, message: &Message) -> Result<(), End> {
        let Some(reply) = &message.reply else { return Ok(()) };
        let Ok(hello) = serde_json::from_slice::<Hello>(&message.payload) else {
            self.reports.say("a sink of another release asks: use the same on both sides");
            return Ok(());
        };
        let source = self.side();
        let verdict = match hello.ring.map(wire::Ring::side) {
            Some(Some(sink)) => Some(self.judge(&source, &sink)),
            Some(None) | None => None,
        };
        let welcome = Welcome { ring: (&source).into(), verdict };
        say(connection, reply, &welcome).await
    }

    /// Whether `sink` may go on, and where its ring begins.
    fn judge(&mut self, source: &Side, sink: &Side) -> Result<u64, Refusal> {
        let mut sink = sink.clone();
        if let Some(pair) = source.pair
            && pair.other == sink.id
            && self.stood > 0
        {
            // It said where it stands after it had asked, and was heard before: a tail never goes back.
            sink.tail = sink.tail.max(self.stood.wrapping_sub(pair.base));
        }
        match pairing::pair(source, &sink) {
            Ok((pair, stand)) => {
                // Before anything is sent for it: no other sink is taken from now on.
                self.companion.keep(pair);
                self.reports.say(format!("sink ring {} is there", show(pair.other)));
                self.confirm(stand);
                Ok(pair.base)
            }
            Err(refusal) => {
                self.reports.say(format!("refuses a sink: {refusal}; {}", refusal.hint()));
                Err(refusal)
            }
        }
    }

    fn presence(&self, answers: Option<u64>) -> Presence {
        let (ring, pid) = (show(self.id), std::process::id());
        Presence { instance: self.instance, ring, pid, answers }
    }

    /// There is another source, and the later one has to go.
    async fn meet(&mut self, connection: &Connection, message: &Message) -> Result<(), End> {
        let Ok(other) = serde_json::from_slice::<Presence>(&message.payload) else {
            return Ok(());
        };
        match other.answers {
            _ if other.instance == self.instance => Ok(()),
            None => {
                let answer = self.presence(Some(other.instance));
                say(connection, &self.names.source, &answer).await
            }
            Some(instance) if instance == self.instance => {
                let Presence { ring, pid, .. } = other;
                let what = format!(
                    "stream {} has a source already: process {pid}, of ring {ring}; this one is of {}",
                    self.names.stream,
                    show(self.id)
                );
                let hint = "end that one first, or give this bridge another --name on both sides";
                Err(Failure::new(Code::Failure, what, hint).into())
            }
            Some(_) => Ok(()),
        }
    }
}

fn no_more(error: PopError) -> End {
    let (what, hint) = match error {
        PopError::NotABoundary { position, before } => (
            format!(
                "the sink stands at position {position}, where no record of the source ring ends: one does at {before}"
            ),
            "somebody else has published to the sink ring: start both sides once with --pair-anew",
        ),
        error => (
            format!("the source ring cannot be read: {error}"),
            "if it is damaged, remove it (`shm-ring rm --unread`)",
        ),
    };
    Failure::new(Code::Failure, what, hint).into()
}
