//! `stat`: everything about one ring, as `ipcs` and IPC_STAT tell it of a queue.

use std::io::{self, Write};

use shm_ring::{Observer, SideSnapshot, Snapshot};
use shm_ring_console::terminal;

use crate::cli::Stat;
use crate::failure::Failure;
use crate::output;
use crate::rings::{self, Ring};
use crate::units;

pub(crate) fn run(stat: &Stat) -> Result<(), Failure> {
    let observer = Observer::open_with(stat.target.region(), &stat.trust.to_look())?;
    let snapshot = observer.snapshot();
    if stat.json {
        return output::json(Ring::of(&stat.target, &snapshot));
    }
    if rings::is_latest(&snapshot) {
        return Ok(latest(&snapshot)?);
    }
    let unread = match snapshot.unread_records() {
        Some(records) => format!("{records} records, "),
        None => String::new(),
    };
    let positions = match (snapshot.corrupt, snapshot.settled) {
        (true, _) => ", which contradict the protocol",
        (false, true) => "",
        (false, false) => ", not of one moment",
    };
    let mut line = head(&snapshot)?;
    let room = match snapshot.contents.stride() {
        Some(size) => format!("{} records, ", snapshot.limit / size),
        None => String::new(),
    };
    line("limit", format!("{room}{}", bytes(snapshot.limit)))?;
    line("capacity", bytes(snapshot.capacity))?;
    line(
        "unread",
        format!("{unread}{} ({})", bytes(snapshot.unread_bytes()), rings::fill(&snapshot)),
    )?;
    line("published", bytes(snapshot.tail))?;
    line("read", format!("{}{positions}", bytes(snapshot.head)))?;
    // The producer looks when it runs out of room.
    line("high water", bytes(snapshot.high_water.max(snapshot.unread_bytes())))?;
    if snapshot.dropped > 0 {
        line("dropped", format!("{} records, as the producer counted them", snapshot.dropped))?;
    }
    line("producer", side(&snapshot.producer, "full"))?;
    line("consumer", side(&snapshot.consumer, "empty"))?;
    Ok(())
}

/// What is said of both kinds. It returns what says more.
fn head(snapshot: &Snapshot) -> io::Result<impl FnMut(&str, String) -> io::Result<()>> {
    let mut out = terminal::stdout();
    let mut line = move |name: &str, value: String| {
        writeln!(out, "{}  {value}", terminal::paint(&format!("{name:<11}"), terminal::HEADING))
    };
    line("ring", terminal::shown(&snapshot.region))?;
    line("id", format!("{:032x}", snapshot.id))?;
    line("layout", snapshot.layout.to_string())?;
    line("carries", rings::kind_in_full(snapshot.contents))?;
    line("label", format!("{:?}", snapshot.label))?;
    line("schema id", snapshot.schema.to_string())?;
    line("age", rings::age(snapshot))?;
    Ok(line)
}

/// Those who read a latest value leave no trace.
fn latest(snapshot: &Snapshot) -> io::Result<()> {
    let mut line = head(snapshot)?;
    let written = snapshot.published_records().unwrap_or(0);
    let slots = snapshot.contents.stride().map_or(0, |slot| snapshot.capacity / slot);
    line("capacity", format!("{slots} slots, {}", bytes(snapshot.capacity)))?;
    // One may be being written.
    line("history", format!("the newest {} values", slots.saturating_sub(1)))?;
    let contradiction = if snapshot.corrupt { ", which contradicts the protocol" } else { "" };
    line("written", format!("{written} times{contradiction}"))?;
    let rang = snapshot.producer.wakes_sent;
    line("writer", format!("{}; rang {rang} times", rings::side_in_full(&snapshot.producer)))
}

fn bytes(bytes: u64) -> String {
    if bytes < 1024 { units::size(bytes) } else { format!("{bytes} B ({})", units::size(bytes)) }
}

fn side(side: &SideSnapshot, found: &str) -> String {
    let mut text = rings::side_in_full(side);
    if let (true, Some(wakes_at)) = (side.is_asleep(), side.wakes_at) {
        text += &format!(", asleep until position {wakes_at}");
    }
    let SideSnapshot { waits, sleeps, wakes_sent, .. } = side;
    text + &format!("; found it {found} {waits} times, slept {sleeps}, rang {wakes_sent}")
}
