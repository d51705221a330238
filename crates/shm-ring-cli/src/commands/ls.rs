//! `ls`: the rings under /dev/shm.

use std::io::Write;

use comfy_table::{Table, presets};
use serde::Serialize;
use shm_ring::{Peer, Snapshot};
use shm_ring_console::terminal::{self, Style};

use crate::cli::Ls;
use crate::failure::Failure;
use crate::finding::{self, Found};
use crate::output;
use crate::rings::{self, Ring};
use crate::units;

#[derive(Serialize)]
struct Listing {
    rings: Vec<Ring>,
    unusable: Vec<Unusable>,
}

/// Something that begins as a ring and cannot be looked at.
#[derive(Serialize)]
struct Unusable {
    name: String,
    why: String,
}

const HEADINGS: [&str; 7] = ["NAME", "KIND", "SIZE", "FILL", "PRODUCER", "CONSUMER", "AGE"];

pub(crate) fn run(ls: &Ls) -> Result<(), Failure> {
    let (mut rings, mut unusable) = (Vec::new(), Vec::new());
    let mut found = finding::named(ls.trust)?;
    if ls.memfds {
        found.extend(finding::memfds(ls.trust)?);
    }
    for Found { name, ring } in found {
        match ring {
            Ok(snapshot) => rings.push((name, snapshot)),
            Err(error) => {
                unusable.push(Unusable { name: name.to_string(), why: error.to_string() });
            }
        }
    }
    if ls.json {
        let rings = rings.iter().map(|(name, snapshot)| Ring::of(name, snapshot)).collect();
        return output::json(Listing { rings, unusable });
    }
    let rows: Vec<[String; 7]> =
        rings.iter().map(|(name, snapshot)| row(&name.to_string(), snapshot)).collect();
    let mut out = terminal::stdout();
    if terminal::is_terminal() {
        let mut table = Table::new();
        table.load_style(presets::NOTHING).set_header(HEADINGS).add_rows(&rows);
        let text = table.to_string();
        let styles = rings.iter().map(|(_, snapshot)| style(snapshot));
        let styles = std::iter::once(terminal::HEADING).chain(styles);
        for (line, style) in text.lines().zip(styles) {
            writeln!(out, "{}", terminal::paint(line.trim(), style))?;
        }
    } else {
        for (row, (_, snapshot)) in rows.iter().zip(&rings) {
            writeln!(out, "{}", terminal::paint(&row.join("\t"), style(snapshot)))?;
        }
    }
    drop(out);
    for Unusable { why, .. } in unusable {
        terminal::say(&terminal::shown(&why));
    }
    Ok(())
}

fn row(name: &str, snapshot: &Snapshot) -> [String; 7] {
    [
        terminal::shown(name),
        rings::kind(snapshot.contents),
        units::size(snapshot.limit),
        rings::fill(snapshot),
        rings::side(&snapshot.producer),
        rings::consumer(snapshot),
        rings::age(snapshot),
    ]
}

fn style(snapshot: &Snapshot) -> Style {
    let peers = [snapshot.producer.peer, snapshot.consumer.peer];
    let any = |is: fn(&Peer) -> bool| peers.iter().any(is);
    if snapshot.corrupt {
        terminal::BAD
    } else if any(|peer| matches!(peer, Peer::Dead { .. })) {
        terminal::DOUBTFUL
    } else if any(|peer| matches!(peer, Peer::Alive { .. })) {
        terminal::GOOD
    } else {
        terminal::QUIET
    }
}
