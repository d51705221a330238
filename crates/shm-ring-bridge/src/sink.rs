//! Owns: the sink: a ring's producer that publishes what the source sends, each record once, and says where it stands. Knows
//! nothing of: how a ring is written, and how the server is reached.

use std::time::Duration;

use async_nats::jetstream::consumer::{AckPolicy, DeliverPolicy, pull};
use async_nats::jetstream::{self, consumer::Consumer};
use async_nats::{Message, StatusCode};
use futures_util::StreamExt;
use shm_ring::{Options, PushError};
use shm_ring_async::Engine;
use tokio::time::MissedTickBehavior;

use crate::cli::Sink;
use crate::companion::{Companion, Role};
use crate::engine::{Connection, chain};
use crate::failure::Failure;
use crate::flow::Extent;
use crate::inlet::{self, Inlet, Progress};
use crate::names::{CONSUMER, Names};
use crate::pairing::{Pair, Refusal, Side, show};
use crate::session::{self, End, Reports, Serving, Stop, say, subscribe};
use crate::wire::{self, HEAD, Hello, Stamp, Stand, Welcome, Where};

/// Between two questions for the source.
const ASK: Duration = Duration::from_millis(250);
/// How often the right source is asked for once another one is there.
const ASK_AGAIN: u32 = 12;
/// How many batches are fetched ahead.
const AHEAD: usize = 32;
/// After this the server sends a batch again: it need not, since each connection begins with a consumer of its own.
const ACK_WAIT: Duration = Duration::from_secs(60);
/// So often the source asks in vain before the consumer on the server is looked at.
const PATIENCE: u32 = 3;

/// Runs until a signal or a failure.
pub(crate) async fn run(arguments: &Sink) -> Result<(), Failure> {
    let mut side = SinkSide::open(arguments)?;
    session::run(&mut side, &arguments.common.server, "shm-ring-bridge sink").await?;
    match side.stand() {
        Some(stand) => side.reports.say(format!("ended at position {stand} of the source ring")),
        None => side.reports.say("ended before a source had come"),
    }
    Ok(())
}

struct SinkSide<'a> {
    arguments: &'a Sink,
    names: Names,
    options: Options,
    engine: Engine,
    ring: Option<(Inlet, Companion)>,
    /// The source has agreed since this process was started, or since another one was heard.
    agreed: bool,
    /// Another source is there, and how often ours was asked for since.
    other: Option<(Refusal, u32)>,
    /// How often the source has asked since the last batch.
    asked: u32,
    /// Nobody reads the ring.
    alone: bool,
    reports: Reports,
}

/// A batch that is not yet in the ring.
struct Pending {
    message: jetstream::Message,
    stamp: Stamp,
    extent: Extent,
    /// Room that it needs to get on.
    wanted: usize,
}

impl Serving for SinkSide<'_> {
    fn reports(&mut self) -> &mut Reports {
        &mut self.reports
    }

    async fn serve(&mut self, connection: &Connection, stop: &Stop) -> Result<(), End> {
        let mut questions = subscribe(connection, &self.names.r#where).await?;
        let inbox = connection.client.new_inbox();
        let mut welcomes = subscribe(connection, &inbox).await?;
        let mut batches = None;
        let mut pending: Option<Pending> = None;
        let mut ask = tokio::time::interval(ASK);
        ask.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            if batches.is_none() && self.pair().is_some() {
                batches = Some(self.batches(connection).await?);
                self.say_stand(connection, None).await?;
                self.reports.well("goes on");
            }
            let is_stuck = pending.is_some();
            let (alone, wanted) = (self.alone, pending.as_ref().map_or(0, |batch| batch.wanted));
            tokio::select! {
                () = stop.wanted() => return Ok(()),
                why = connection.lost() => return Err(End::Lost(why)),
                Some(message) = welcomes.next() => self.welcomed(connection, &inbox, &message).await?,
                Some(message) = questions.next() => self.answer(connection, &message, is_stuck).await?,
                _ = ask.tick(), if !self.agreed => self.hello(connection, &inbox).await?,
                message = next(&mut batches), if !is_stuck => {
                    pending = self.received(message?).await?;
                    self.advance(connection, &mut pending).await?;
                }
                turn = turn(self.ring.as_mut(), wanted, alone), if is_stuck => {
                    self.turned(turn)?;
                    self.advance(connection, &mut pending).await?;
                }
            }
        }
    }
}

impl<'a> SinkSide<'a> {
    fn open(arguments: &'a Sink) -> Result<Self, Failure> {
        let common = &arguments.common;
        let names = Names::new(common.name.as_deref(), &common.target)?;
        let mut options = Options::new();
        if common.any_owner {
            options = options.any_owner().mode(0o666);
        }
        let engine = Engine::tokio().unwrap_or_else(|_| Engine::thread());
        let (ring, agreed, other, asked, alone) = (None, false, None, 0, false);
        let reports = Reports::of("sink");
        let mut side =
            Self { arguments, names, options, engine, ring, agreed, other, asked, alone, reports };
        if let Some(inlet) = Inlet::open(&common.target, &side.options, &side.engine)? {
            side.adopt(inlet)?;
        }
        Ok(side)
    }

    fn adopt(&mut self, inlet: Inlet) -> Result<(), Failure> {
        let common = &self.arguments.common;
        let mut companion =
            Companion::open(&common.target, Role::Sink, inlet.id(), &Options::new())?;
        if common.pair_anew {
            companion.forget();
        }
        self.ring = Some((inlet, companion));
        Ok(())
    }

    fn pair(&self) -> Option<Pair> {
        self.ring.as_ref().and_then(|(_, companion)| companion.pair())
    }

    /// Where it stands in the source ring, if it knows of one.
    fn stand(&self) -> Option<u64> {
        let (inlet, companion) = self.ring.as_ref()?;
        Some(companion.pair()?.base.wrapping_add(inlet.tail()))
    }

    /// Takes note of what has happened in the ring.
    fn turned(&mut self, turn: Result<(), PushError>) -> Result<(), Failure> {
        match turn {
            Ok(()) if std::mem::take(&mut self.alone) => self.reports.well("goes on"),
            Ok(()) | Err(PushError::Interrupted) => {}
            Err(PushError::Closed | PushError::PeerDead) => {
                self.alone = true;
                self.reports.say("the ring is full and its consumer is gone: waits for another");
            }
            Err(error) => return Err(inlet::refused(error)),
        }
        Ok(())
    }

    /// The batches of the stream from the oldest on. The consumer is made anew, so that what another connection had fetched
    /// comes at once, and in order.
    async fn batches(&self, connection: &Connection) -> Result<pull::Stream, End> {
        let lost = |what: &str, error: &dyn std::error::Error| {
            End::Lost(format!("{what} {}: {}", self.names.stream, chain(error)))
        };
        let stream = connection.stream.get_stream(&self.names.stream).await;
        let stream = stream.map_err(|error| lost("no stream", &error))?;
        // None is there at first.
        let _ = stream.delete_consumer(CONSUMER).await;
        let config = pull::Config {
            durable_name: Some(CONSUMER.to_owned()),
            deliver_policy: DeliverPolicy::All,
            ack_policy: AckPolicy::Explicit,
            ack_wait: ACK_WAIT,
            filter_subject: self.names.records.clone(),
            ..pull::Config::default()
        };
        let consumer: Consumer<pull::Config> = stream
            .create_consumer(config)
            .await
            .map_err(|error| lost("no consumer of stream", &error))?;
        let batches = consumer
            .stream()
            .max_messages_per_batch(AHEAD)
            // A ring that is full for long is no reason to begin anew.
            .heartbeat(Duration::ZERO)
            .messages()
            .await;
        batches.map_err(|error| lost("no batches of stream", &error))
    }

    /// Asks for the source. If another one is there and ours does not answer, that is the end.
    async fn hello(&mut self, connection: &Connection, inbox: &str) -> Result<(), End> {
        if let Some((refusal, asked)) = &mut self.other {
            *asked += 1;
            if *asked > ASK_AGAIN {
                return Err(Failure::from(&*refusal).into());
            }
        }
        let hello = Hello { ring: self.side().as_ref().map(wire::Ring::from) };
        let payload = serde_json::to_vec(&hello).map_err(|error| End::Lost(error.to_string()))?;
        let (subject, inbox) = (self.names.hello.clone(), inbox.to_owned());
        let sent = connection.client.publish_with_reply(subject, inbox, payload.into()).await;
        sent.map_err(|error| End::Lost(chain(&error)))
    }

    fn side(&self) -> Option<Side> {
        let (inlet, companion) = self.ring.as_ref()?;
        let anew = self.arguments.common.pair_anew;
        Some(Side { pair: companion.pair(), anew, ..inlet.side() })
    }

    /// The source has answered, or the server that there is none.
    async fn welcomed(
        &mut self,
        connection: &Connection,
        inbox: &str,
        message: &Message,
    ) -> Result<(), End> {
        if message.status == Some(StatusCode::NO_RESPONDERS) {
            if !self.agreed {
                self.reports.say("no source answers: waits for one");
            }
            return Ok(());
        }
        let Ok(Welcome { ring, verdict }) = serde_json::from_slice(&message.payload) else {
            self.reports.say("a source of another release answers: use the same on both sides");
            return Ok(());
        };
        let Some(source) = ring.side() else { return Ok(()) };
        match verdict {
            _ if self.agreed => {}
            Some(Err(refusal @ Refusal::OtherSource { .. })) => self.meet(refusal),
            Some(Err(refusal)) => return Err(Failure::from(&refusal).into()),
            None if self.ring.is_none() => {
                let target = &self.arguments.common.target;
                let bytes = self.arguments.bytes;
                let (options, engine) = (&self.options, &self.engine);
                let inlet = Inlet::create(target, options, engine, &source.shape, bytes)?;
                self.reports.say(format!("made ring {target}, as the source's"));
                self.adopt(inlet)?;
                self.hello(connection, inbox).await?;
            }
            None => {}
            Some(Ok(base)) => {
                if let Some((_, companion)) = &mut self.ring {
                    companion.keep(Pair { other: source.id, base });
                    self.agreed = true;
                    self.other = None;
                    self.reports.say(format!("source ring {} is there", show(source.id)));
                }
            }
        }
        Ok(())
    }

    /// The source asks where the sink stands.
    async fn answer(
        &mut self,
        connection: &Connection,
        message: &Message,
        is_stuck: bool,
    ) -> Result<(), End> {
        let Ok(question) = serde_json::from_slice::<Where>(&message.payload) else {
            return Ok(());
        };
        let Some(pair) = self.pair() else { return Ok(()) };
        if wire::parse(&question.source) != Some(pair.other) {
            let (source, paired) = (question.source, show(pair.other));
            self.meet(Refusal::OtherSource { source, paired });
            return Ok(());
        }
        self.say_stand(connection, None).await?;
        self.asked = if is_stuck { 0 } else { self.asked + 1 };
        if self.asked > PATIENCE {
            self.asked = 0;
            let looked = connection.stream.get_stream(&self.names.stream).await;
            let lost = |error: &dyn std::error::Error| {
                End::Lost(format!("stream {}: {}", self.names.stream, chain(error)))
            };
            let stream = looked.map_err(|error| lost(&error))?;
            stream.consumer_info(CONSUMER).await.map_err(|error| lost(&error))?;
        }
        Ok(())
    }

    /// Another source is there: the successor of ours, or one that was started beside it by mistake.
    fn meet(&mut self, refusal: Refusal) {
        self.agreed = false;
        if self.other.is_none() {
            self.reports.say(format!("{refusal}; asks whether the right one is there as well"));
            self.other = Some((refusal, 0));
        }
    }

    async fn say_stand(&self, connection: &Connection, hole: Option<u64>) -> Result<(), End> {
        let (Some(pair), Some(position), Some((inlet, _))) =
            (self.pair(), self.stand(), &self.ring)
        else {
            return Ok(());
        };
        let (source, sink) = (show(pair.other), show(inlet.id()));
        say(connection, &self.names.stand, &Stand { source, sink, position, hole }).await
    }

    /// What has come, if it is a batch of this pair. Others are dropped.
    async fn received(&mut self, message: jetstream::Message) -> Result<Option<Pending>, End> {
        self.asked = 0;
        let (Some(pair), Some((inlet, _))) = (self.pair(), &self.ring) else { return Ok(None) };
        let (source, sink) = (pair.other, inlet.id());
        match wire::read(&message.payload) {
            Some((stamp, extent)) if (stamp.source, stamp.sink) == (source, sink) => {
                Ok(Some(Pending { message, stamp, extent, wanted: 0 }))
            }
            Some((stamp, _)) => {
                let (source, sink) = (show(stamp.source), show(stamp.sink));
                self.reports.say(format!(
                    "drops what the stream has from source ring {source} for sink ring {sink}: another pair"
                ));
                acknowledge(&message).await?;
                Ok(None)
            }
            None => {
                self.reports.say("drops what is no batch: somebody else publishes to the stream");
                acknowledge(&message).await?;
                Ok(None)
            }
        }
    }

    /// Publishes the records of a batch until it is through or the ring is full.
    async fn advance(
        &mut self,
        connection: &Connection,
        pending: &mut Option<Pending>,
    ) -> Result<(), End> {
        let (Some(pair), Some((inlet, _)), Some(batch)) =
            (self.pair(), &mut self.ring, pending.as_mut())
        else {
            return Ok(());
        };
        let before = inlet.tail();
        let records = &batch.message.payload[HEAD..];
        let progress = inlet.take(pair.base, &batch.extent, records)?;
        let has_moved = inlet.tail() != before;
        let hole = match progress {
            Progress::Done => None,
            Progress::Hole => Some(batch.stamp.run),
            Progress::Full(wanted) => {
                batch.wanted = wanted;
                if has_moved {
                    self.say_stand(connection, None).await?;
                }
                return Ok(());
            }
        };
        // It is in the ring, or it comes again: the stream need not keep it.
        acknowledge(&batch.message).await?;
        *pending = None;
        self.say_stand(connection, hole).await
    }
}

async fn acknowledge(message: &jetstream::Message) -> Result<(), End> {
    message.ack().await.map_err(|error| End::Lost(error.to_string()))
}

async fn next(batches: &mut Option<pull::Stream>) -> Result<jetstream::Message, End> {
    let Some(batches) = batches else { return std::future::pending().await };
    match batches.next().await {
        Some(Ok(message)) => Ok(message),
        Some(Err(error)) => Err(End::Lost(chain(&error))),
        None => Err(End::Lost("the stream's consumer has ended".to_owned())),
    }
}

/// Waits for room in a full ring, or for a consumer if it has none.
async fn turn(
    ring: Option<&mut (Inlet, Companion)>,
    wanted: usize,
    alone: bool,
) -> Result<(), PushError> {
    let Some((inlet, _)) = ring else { return std::future::pending().await };
    if alone {
        inlet.peer().await;
        return Ok(());
    }
    inlet.room(wanted).await
}
