//! What `top` shows: rates from two looks, a line for each ring. It must not know about terminals.

use comfy_table::{Table, presets};
use serde::Serialize;
use shm_ring::Snapshot;
use shm_ring_console::terminal;

use super::Looks;
use crate::rings;
use crate::units;

const HEADINGS: [&str; 8] =
    ["NAME", "IN/s", "OUT/s", "FILL", "FULL/s", "EMPTY/s", "PRODUCER", "CONSUMER"];

/// Characters of a bar that stands for a full ring.
const BAR: usize = 10;

/// How fast a ring is, between two looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub(super) struct Rates {
    /// Bytes of records, messages with their headers and fill.
    published_per_second: f64,
    read_per_second: f64,
    /// How often the producer found the ring full, and the consumer found it empty.
    found_full_per_second: f64,
    found_empty_per_second: f64,
}

impl Rates {
    /// Zero for a ring that was not there before.
    pub(super) fn of(before: &Looks, now: &Snapshot) -> Self {
        let Some((_, before)) = before.iter().find(|(_, before)| before.id == now.id) else {
            return Self::default();
        };
        let seconds = now.taken.duration_since(before.taken).as_secs_f64();
        let rate = |now: u64, before: u64| match seconds > 0.0 {
            true => now.saturating_sub(before) as f64 / seconds,
            false => 0.0,
        };
        Self {
            published_per_second: rate(now.tail, before.tail),
            read_per_second: rate(now.head, before.head),
            found_full_per_second: rate(now.producer.waits, before.producer.waits),
            found_empty_per_second: rate(now.consumer.waits, before.consumer.waits),
        }
    }
}

/// A line for each ring, in columns, under a line of what can be done.
pub(super) fn lines(before: &Looks, now: &Looks) -> Vec<String> {
    let title = match now.len() {
        1 => "1 ring".to_owned(),
        count => format!("{count} rings"),
    };
    let mut lines = vec![format!("{title}   q quits")];
    let rows =
        now.iter().map(|(name, snapshot)| row(&name.to_string(), before, snapshot, bar(snapshot)));
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header(HEADINGS).add_rows(rows);
    for (index, line) in table.to_string().lines().enumerate() {
        let line = line.trim();
        lines.push(match index {
            0 => terminal::paint_if_wanted(line, terminal::HEADING),
            _ => line.to_owned(),
        });
    }
    lines
}

/// A row for each ring, for other programs.
pub(super) fn rows(before: &Looks, now: &Looks) -> Vec<[String; 8]> {
    let row = |(name, snapshot): &(_, Snapshot)| {
        let name: &crate::target::Target = name;
        row(&name.to_string(), before, snapshot, rings::fill(snapshot))
    };
    now.iter().map(row).collect()
}

fn row(name: &str, before: &Looks, now: &Snapshot, fill: String) -> [String; 8] {
    let rates = Rates::of(before, now);
    // Records where they have one size, bytes where they do not.
    let speed = |bytes: f64| match now.contents.stride() {
        Some(stride) => units::count(bytes / stride as f64),
        None => units::size(bytes as u64),
    };
    let of_ring = |text: String| match rings::is_latest(now) {
        true => rings::NOTHING.to_owned(),
        false => text,
    };
    [
        terminal::shown(name),
        speed(rates.published_per_second),
        of_ring(speed(rates.read_per_second)),
        fill,
        of_ring(units::count(rates.found_full_per_second)),
        of_ring(units::count(rates.found_empty_per_second)),
        rings::side(&now.producer),
        rings::consumer(now),
    ]
}

fn bar(snapshot: &Snapshot) -> String {
    if rings::is_latest(snapshot) {
        return rings::fill(snapshot);
    }
    let full = BAR as u64 * snapshot.unread_bytes();
    let filled = (full.div_ceil(snapshot.limit) as usize).min(BAR);
    format!("[{}{}] {}", "#".repeat(filled), " ".repeat(BAR - filled), rings::fill(snapshot))
}

#[cfg(test)]
mod tests {
    use shm_ring::{Observer, Options, Region, Ring};

    use super::*;
    use crate::target::Target;

    #[test]
    fn rates_are_differences_and_bars_are_fills() {
        let options = Options::new().items(256);
        let ring = Ring::<u64>::create(Region::memfd("view"), &options).unwrap();
        let mut tx = ring.producer().unwrap();
        let fd = ring.descriptor().try_clone_to_owned().unwrap();
        let observer = Observer::open(Region::descriptor(fd)).unwrap();
        let look = || vec![(Target::Name("a".to_owned()), observer.snapshot())];
        let before = look();
        for n in 0..128 {
            tx.push(n).unwrap();
        }
        let mut now = look();
        now[0].1.taken = before[0].1.taken + std::time::Duration::from_secs(2);
        let rates = Rates::of(&before, &now[0].1);
        assert_eq!((rates.published_per_second, rates.read_per_second), (512.0, 0.0));
        assert_eq!(Rates::of(&Vec::new(), &now[0].1), Rates::default());
        let row = &rows(&before, &now)[0];
        assert_eq!(row[..5], ["a", "64", "0", "50 %", "0"]);
        assert_eq!(bar(&now[0].1), "[#####     ] 50 %");
        assert_eq!(bar(&before[0].1), "[          ] 0 %");
    }
}
