//! `info`: what is in a recording, without a ring. It reads all of it and holds every checksum against its bytes.

use std::io::{self, BufWriter, Write};
use std::time::Duration;

use serde::Serialize;
use shm_ring_console::terminal;
use shm_ring_recording::{Block, Content, Damage, Header, Kind, Maker, ReadError, Reader, Reason};

use crate::cli::Info;
use crate::commands::dump;
use crate::failure::Failure;
use crate::output;
use crate::recording::{self, Place, Selection};
use crate::units;

const HINT: &str = "all before that is whole, and `shm-ring replay` plays it";

/// Of what is damaged, nothing but gaps up to so many is worth a line each.
const SHOWN: usize = 20;

pub(crate) fn run(info: &Info) -> Result<(), Failure> {
    let (file, name) = recording::input(&info.file)?;
    let mut reader = Reader::new(recording::buffered(file))
        .map_err(|error| recording::damaged(&name, &error, "nothing of it can be read"))?;
    let header = reader.header().clone();
    let mut found = Found::of(&header);
    let mut selection = Selection::of(info.part);
    let mut out = BufWriter::new(terminal::stdout());
    let mut left = info.limit.unwrap_or(u64::MAX);
    let ended = loop {
        let block = match reader.next() {
            Ok(Some(block)) => block,
            Ok(None) => break None,
            Err(error) => break Some(error),
        };
        match selection.place(&block.head) {
            Place::Before => {}
            Place::Behind => break None,
            Place::Inside => {
                found.count(&block, &selection);
                if info.records {
                    left -= show(&mut out, &block, &selection, left)?;
                }
                if left == 0 {
                    break None;
                }
            }
        }
    };
    let damage = match &ended {
        Some(ReadError::Damaged(damage)) => Some(damage),
        _ => None,
    };
    if info.json {
        drop(out);
        output::json(Document::of(&name, &found, damage))?;
    } else if !info.records {
        tell(&mut out, &found)?;
        out.flush()?;
    } else {
        out.flush()?;
    }
    match ended {
        Some(error) => Err(recording::damaged(&name, &error, HINT)),
        None => Ok(()),
    }
}

/// What was found in the blocks.
struct Found<'a> {
    header: &'a Header,
    first: u64,
    position: u64,
    records: u64,
    bytes: u64,
    blocks: u64,
    /// Of the first block and of the last.
    times: Option<(u64, u64)>,
    gaps: Vec<Gap>,
    missing: u64,
    /// Ends of producers that the recording went on behind, and of the recording.
    ends: Vec<End>,
    reason: Option<Reason>,
}

#[derive(Clone, Serialize)]
struct Gap {
    from: u64,
    to: u64,
    /// Zero if nobody knows.
    records: u64,
    unix_seconds: f64,
}

#[derive(Clone, Serialize)]
struct End {
    position: u64,
    why: &'static str,
    unix_seconds: f64,
}

impl<'a> Found<'a> {
    fn of(header: &'a Header) -> Self {
        Self {
            header,
            first: header.base,
            position: header.base,
            records: 0,
            bytes: 0,
            blocks: 0,
            times: None,
            gaps: Vec::new(),
            missing: 0,
            ends: Vec::new(),
            reason: None,
        }
    }

    fn count(&mut self, block: &Block<'_>, selection: &Selection) {
        let head = &block.head;
        if self.blocks == 0 {
            self.first = head.position;
        }
        self.blocks += 1;
        self.position = head.end;
        self.reason = None;
        match head.content {
            Content::Records => {
                let mut meant = block.records().filter(|record| selection.wants(record.position));
                let Some(first) = meant.next() else { return };
                if self.records == 0 && self.blocks == 1 {
                    self.first = first.position;
                }
                for record in std::iter::once(first).chain(meant) {
                    self.records += 1;
                    self.bytes += record.payload.len() as u64;
                    self.position =
                        record.position + self.header.stride(record.payload.len() as u64);
                }
                let (first, _) = self.times.unwrap_or((head.time, head.time));
                self.times = Some((first, head.time));
            }
            Content::Gap => {
                self.missing += head.end - head.position;
                self.gaps.push(Gap {
                    from: head.position,
                    to: head.end,
                    records: head.count,
                    unix_seconds: seconds(head.time),
                });
            }
            Content::End(reason) => {
                self.reason = Some(reason);
                let why = why(reason);
                self.ends.push(End {
                    position: head.position,
                    why,
                    unix_seconds: seconds(head.time),
                });
            }
        }
    }
}

fn why(reason: Reason) -> &'static str {
    match reason {
        Reason::Closed => "the producer closed",
        Reason::Died => "the producer died",
        Reason::Stopped => "the recorder was stopped",
    }
}

fn seconds(nanos: u64) -> f64 {
    Duration::from_nanos(nanos).as_secs_f64()
}

fn kind(header: &Header) -> (&'static str, String) {
    let Header { size, align, .. } = header;
    match header.kind {
        Kind::Values => ("values", format!("values of {size} B, aligned to {align}")),
        Kind::Messages => ("messages", format!("messages, aligned to {align}")),
        Kind::Latest => ("latest", format!("latest of {size} B, aligned to {align}")),
    }
}

/// Everything for people.
fn tell(out: &mut impl Write, found: &Found<'_>) -> io::Result<()> {
    let header = found.header;
    let mut line = |name: &str, value: String| {
        writeln!(out, "{}  {value}", terminal::paint(&format!("{name:<11}"), terminal::HEADING))
    };
    line("ring", format!("{:032x}", header.id))?;
    line("carries", kind(header).1)?;
    line("label", format!("{:?}", header.label))?;
    line("schema id", header.schema.to_string())?;
    line("limit", units::size(header.limit))?;
    let maker = match header.maker {
        Maker::Record => "its consumer: record",
        Maker::Tap => "an observer: tap",
    };
    line("recorded by", maker.to_owned())?;
    line("positions", format!("{} to {}", found.first, found.position))?;
    let (records, bytes) = (found.records, units::size(found.bytes));
    line("records", format!("{records} of {bytes}, in {} blocks", found.blocks))?;
    if let Some((first, last)) = found.times {
        let time = |nanos: u64| format!("@{}.{:09}", nanos / 1_000_000_000, nanos % 1_000_000_000);
        let long = seconds(last.saturating_sub(first));
        line("times", format!("{} to {}, {long:.3} s", time(first), time(last)))?;
    }
    let missing = match found.gaps.len() {
        0 => "none".to_owned(),
        gaps => format!("{} in {gaps}", units::size(found.missing)),
    };
    line("gaps", missing)?;
    for gap in found.gaps.iter().take(SHOWN) {
        let records =
            if gap.records > 0 { format!(", {} records", gap.records) } else { String::new() };
        line("", format!("{} to {}{records}", gap.from, gap.to))?;
    }
    if let Some(more) = found.gaps.len().checked_sub(SHOWN).filter(|&more| more > 0) {
        line("", format!("and {more} more: --json has all"))?;
    }
    for (index, End { position, why, .. }) in found.ends.iter().enumerate() {
        let name = if index == 0 { "ends" } else { "" };
        line(name, format!("at {position}: {why}"))?;
    }
    if found.reason.is_none() {
        let name = if found.ends.is_empty() { "ends" } else { "" };
        line(
            name,
            format!("at {}, not in order: the recorder is at work or was killed", found.position),
        )?;
    }
    Ok(())
}

/// Shows the records of a block, up to `most`: how many.
fn show(
    out: &mut impl Write,
    block: &Block<'_>,
    selection: &Selection,
    most: u64,
) -> Result<u64, Failure> {
    let (head, mut shown) = (&block.head, 0);
    match head.content {
        Content::Gap => {
            let text = format!("{} to {} are missing", head.position, head.end);
            writeln!(out, "{}", terminal::paint(&text, terminal::QUIET))?;
        }
        Content::End(reason) => {
            let text = format!("at {}: {}", head.position, why(reason));
            writeln!(out, "{}", terminal::paint(&text, terminal::QUIET))?;
        }
        Content::Records => {}
    }
    for record in block.records().filter(|record| selection.wants(record.position)) {
        if shown == most {
            break;
        }
        shown += 1;
        let time = seconds(head.time);
        let title = format!("at {}, {} bytes, @{time:.6}", record.position, record.payload.len());
        dump::show(out, &title, record.payload)?;
    }
    Ok(shown)
}

/// Everything as JSON.
#[derive(Serialize)]
struct Document<'a> {
    file: &'a str,
    id: String,
    kind: &'static str,
    item_size: u64,
    item_align: u64,
    schema_id: u64,
    label: &'a str,
    capacity: u64,
    limit: u64,
    recorded_by: &'static str,
    base: u64,
    created_unix_seconds: f64,
    began_unix_seconds: f64,
    from: u64,
    to: u64,
    records: u64,
    bytes: u64,
    blocks: u64,
    first_unix_seconds: Option<f64>,
    last_unix_seconds: Option<f64>,
    gaps: Vec<Gap>,
    missing_bytes: u64,
    ends: Vec<End>,
    /// Whether the last block says that the recording ended.
    ended: bool,
    damage: Option<Wrong>,
}

#[derive(Serialize)]
struct Wrong {
    byte: u64,
    position: u64,
    cut: bool,
    what: String,
}

impl<'a> Document<'a> {
    fn of(file: &'a str, found: &Found<'a>, damage: Option<&Damage>) -> Self {
        let header = found.header;
        Self {
            file,
            id: format!("{:032x}", header.id),
            kind: kind(header).0,
            item_size: header.size,
            item_align: header.align,
            schema_id: header.schema,
            label: &header.label,
            capacity: header.capacity,
            limit: header.limit,
            recorded_by: match header.maker {
                Maker::Record => "record",
                Maker::Tap => "tap",
            },
            base: header.base,
            created_unix_seconds: seconds(header.created),
            began_unix_seconds: seconds(header.began),
            from: found.first,
            to: found.position,
            records: found.records,
            bytes: found.bytes,
            blocks: found.blocks,
            first_unix_seconds: found.times.map(|(first, _)| seconds(first)),
            last_unix_seconds: found.times.map(|(_, last)| seconds(last)),
            gaps: found.gaps.clone(),
            missing_bytes: found.missing,
            ends: found.ends.clone(),
            ended: found.reason.is_some(),
            damage: damage.map(|damage| Wrong {
                byte: damage.byte,
                position: damage.position,
                cut: damage.is_a_cut(),
                what: damage.to_string(),
            }),
        }
    }
}
