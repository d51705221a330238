//! `stat`: everything about one ring, as `ipcs` and IPC_STAT tell it of a queue.

use std::io::Write;

use shm_ring::{Observer, SideSnapshot};

use crate::cli::Stat;
use crate::failure::Failure;
use crate::output::{self, Output};
use crate::rings::{self, Ring};
use crate::units;

pub(crate) fn run(stat: &Stat, output: Output) -> Result<(), Failure> {
    let observer = Observer::open_with(stat.target.region(), &stat.trust.to_look())?;
    let snapshot = observer.snapshot();
    if stat.json {
        return output::json(Ring::of(&stat.target, &snapshot));
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
    let mut out = std::io::stdout().lock();
    let mut line = |name: &str, value: String| {
        writeln!(out, "{}  {value}", output.paint(&format!("{name:<11}"), output::HEADING))
    };
    line("ring", units::shown(&snapshot.region))?;
    line("id", format!("{:032x}", snapshot.id))?;
    line("layout", snapshot.layout.to_string())?;
    line("carries", rings::kind(snapshot.contents))?;
    line("label", format!("{:?}", snapshot.label))?;
    line("schema id", snapshot.schema.to_string())?;
    line("age", rings::age(&snapshot))?;
    line("capacity", bytes(snapshot.capacity))?;
    line(
        "unread",
        format!("{unread}{} ({})", bytes(snapshot.unread_bytes()), rings::fill(&snapshot)),
    )?;
    line("published", bytes(snapshot.tail))?;
    line("read", format!("{}{positions}", bytes(snapshot.head)))?;
    line("high water", bytes(snapshot.high_water))?;
    line("producer", side(&snapshot.producer, "full"))?;
    line("consumer", side(&snapshot.consumer, "empty"))?;
    Ok(())
}

fn bytes(bytes: u64) -> String {
    if bytes < 1024 { units::size(bytes) } else { format!("{bytes} B ({})", units::size(bytes)) }
}

fn side(side: &SideSnapshot, found: &str) -> String {
    let mut text = rings::side_in_full(side);
    if let (true, Some(wakes_at)) = (side.sleeps(), side.wakes_at) {
        text += &format!(", asleep until position {wakes_at}");
    }
    let SideSnapshot { stalls, parks, rings, .. } = side;
    text + &format!("; found it {found} {stalls} times, slept {parks}, rang {rings}")
}
