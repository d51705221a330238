//! What is known about a ring, for people and as JSON: the fields of a snapshot. It must not print, and must not
//! know where rings are.

use serde::Serialize;
use shm_ring::{Contents, Ends, Options, Peer, SideSnapshot, Snapshot};
use shm_ring_console::terminal::shown;

use crate::cli::Trust;
use crate::target::Target;
use crate::units;

impl Trust {
    /// For those who look. What others may write is looked at if it is ours.
    pub(crate) fn to_look(self) -> Options {
        let options = Options::new().mode(0o777);
        if self.any_owner { options.any_owner() } else { options }
    }

    /// For those who take part.
    pub(crate) fn to_attach(self) -> Options {
        let options = Options::new().ends(Ends::OfStream);
        if self.any_owner { options.any_owner().mode(0o777) } else { options }
    }
}

/// A ring as JSON has it.
#[derive(Serialize)]
pub(crate) struct Ring {
    pub(crate) name: String,
    region: String,
    id: String,
    layout: u32,
    kind: &'static str,
    item_size: u64,
    item_align: u64,
    schema_id: u64,
    label: String,
    capacity: u64,
    limit: u64,
    tail: u64,
    head: u64,
    settled: bool,
    corrupt: bool,
    unread_bytes: u64,
    unread_records: Option<u64>,
    /// Of a latest value, how often it was written.
    published_records: Option<u64>,
    high_water: u64,
    dropped: u64,
    created_unix_seconds: f64,
    age_seconds: f64,
    producer: Side,
    consumer: Side,
}

/// One side of a ring as JSON has it.
#[derive(Serialize)]
struct Side {
    state: &'static str,
    session: u64,
    pid: Option<u32>,
    command: Option<String>,
    asleep: bool,
    wakes_at: Option<u64>,
    sleeps: u64,
    wakes_sent: u64,
    waits: u64,
}

impl Ring {
    pub(crate) fn of(name: &Target, snapshot: &Snapshot) -> Self {
        let (kind, item_size, item_align) = item(snapshot.contents);
        let created = snapshot.created.duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        Self {
            name: name.to_string(),
            region: snapshot.region.clone(),
            id: format!("{:032x}", snapshot.id),
            layout: snapshot.layout,
            kind,
            item_size,
            item_align,
            schema_id: snapshot.schema,
            label: snapshot.label.clone(),
            capacity: snapshot.capacity,
            limit: snapshot.limit,
            tail: snapshot.tail,
            head: snapshot.head,
            settled: snapshot.settled,
            corrupt: snapshot.corrupt,
            unread_bytes: snapshot.unread_bytes(),
            unread_records: snapshot.unread_records(),
            published_records: snapshot.published_records(),
            high_water: snapshot.high_water,
            dropped: snapshot.dropped,
            created_unix_seconds: created.as_secs_f64(),
            age_seconds: snapshot.age().as_secs_f64(),
            producer: Side::of(&snapshot.producer),
            consumer: Side::of(&snapshot.consumer),
        }
    }
}

impl Side {
    fn of(side: &SideSnapshot) -> Self {
        let (state, session, pid) = parts(side.peer);
        Self {
            state,
            session,
            pid,
            command: side.command.clone(),
            asleep: side.is_asleep(),
            wakes_at: side.wakes_at,
            sleeps: side.sleeps,
            wakes_sent: side.wakes_sent,
            waits: side.waits,
        }
    }
}

/// What a ring carries: its kind, and the size and alignment of an item.
pub(crate) fn item(contents: Contents) -> (&'static str, u64, u64) {
    match contents {
        Contents::Messages { size, align } => ("messages", size, align),
        Contents::Values { size, align } => ("values", size, align),
        Contents::Latest { size, align } => ("latest", size, align),
        _ => ("unknown", 0, 0),
    }
}

/// What `parts` may say that a side is.
pub(crate) const STATES: [&str; 6] = ["absent", "attaching", "alive", "closed", "dead", "unknown"];

/// A side's state, the number of its session, and its process.
pub(crate) fn parts(peer: Peer) -> (&'static str, u64, Option<u32>) {
    match peer {
        Peer::Absent => ("absent", 0, None),
        Peer::Attaching => ("attaching", 0, None),
        Peer::Alive { session, pid } => ("alive", session, pid),
        Peer::Closed { session } => ("closed", session, None),
        Peer::Dead { session, pid, .. } => ("dead", session, pid),
        _ => ("unknown", 0, None),
    }
}

/// A side in a few words.
pub(crate) fn side(side: &SideSnapshot) -> String {
    let (state, _, pid) = parts(side.peer);
    match (pid, &side.command) {
        (Some(pid), Some(command)) => format!("{} {pid}", shown(command)),
        (Some(pid), None) => format!("{state} {pid}"),
        (None, _) => state.to_owned(),
    }
}

/// A side with all that is known of it.
pub(crate) fn side_in_full(side: &SideSnapshot) -> String {
    let (state, session, pid) = parts(side.peer);
    let mut text = state.to_owned();
    if let Some(pid) = pid {
        text += &format!(", process {pid}");
    }
    if let Some(command) = &side.command {
        text += &format!(" ({})", shown(command));
    }
    if session > 0 { text + &format!(", session {session}") } else { text }
}

/// What the records hold, in a few words.
pub(crate) fn kind(contents: Contents) -> String {
    match contents {
        Contents::Messages { .. } => "messages".to_owned(),
        Contents::Values { size, .. } => format!("values of {size} B"),
        Contents::Latest { size, .. } => format!("latest of {size} B"),
        _ => "unknown".to_owned(),
    }
}

/// [`kind`], and how records are aligned.
pub(crate) fn kind_in_full(contents: Contents) -> String {
    match contents {
        Contents::Values { align, .. } | Contents::Latest { align, .. } => {
            format!("{}, aligned to {align}", kind(contents))
        }
        _ => kind(contents),
    }
}

/// Whether it is a latest value: there is a writer, and nothing is known of those who read.
pub(crate) fn is_latest(snapshot: &Snapshot) -> bool {
    matches!(snapshot.contents, Contents::Latest { .. })
}

/// What stands where there is nothing to know.
pub(crate) const NOTHING: &str = "-";

/// The side that reads, in a few words.
pub(crate) fn consumer(snapshot: &Snapshot) -> String {
    if is_latest(snapshot) { NOTHING.to_owned() } else { side(&snapshot.consumer) }
}

/// How full the ring is, of 100.
pub(crate) fn fill(snapshot: &Snapshot) -> String {
    match snapshot.corrupt {
        true => "corrupt".to_owned(),
        false if is_latest(snapshot) => NOTHING.to_owned(),
        false => {
            let fill = 100.0 * snapshot.unread_bytes() as f64 / snapshot.limit as f64;
            // What is not empty does not look so.
            if fill > 0.0 && fill < 1.0 { "<1 %".to_owned() } else { format!("{fill:.0} %") }
        }
    }
}

pub(crate) fn age(snapshot: &Snapshot) -> String {
    units::time(snapshot.age())
}
