//! What differs between two moments of a region.
//!
//! Owns: names for places, and the rule that nothing comes undone. Knows nothing of: which operation ran.

use crate::header::{FIELDS, HEADER, Header, Kind};
use crate::judge::Ring;
use crate::latest::Latest;
use crate::side::SideWords;
use crate::violation::{Rule, Violation};
use crate::words::{Side, Word};

/// What stands at `offset`, in the words of LAYOUT.md: "producer's tail word", "reserved bytes", "data".
pub fn name(header: &Header, offset: u64) -> String {
    let page = u64::from(header.page);
    let in_page = offset % page;
    let side = match offset / page {
        0 if in_page < HEADER as u64 => {
            let at = in_page as usize;
            let field =
                FIELDS.iter().find(|field| (field.at..field.at + field.bytes).contains(&at));
            return format!("header's {}", field.map_or("reserved bytes", |field| field.name));
        }
        0 => return "reserved bytes".to_owned(),
        1 => Side::Producer,
        2 => Side::Consumer,
        _ if header.kind() == Some(Kind::Latest) => {
            return format!("slot {}", (offset - 3 * page) / header.slot());
        }
        _ => return "data".to_owned(),
    };
    let holds = |word: &Word| (word.offset()..word.offset() + word.bytes()).contains(&in_page);
    let owner = if side == Side::Producer { "producer's" } else { "consumer's" };
    match Word::ALL.into_iter().find(holds) {
        None => "reserved bytes".to_owned(),
        Some(Word::Position) if header.kind() == Some(Kind::Latest) => "published".to_owned(),
        Some(word) => format!("{owner} {}", word.name(side)),
    }
}

/// The names of what differs between two images of a region, each once and in the order of their offsets.
pub fn changes(header: &Header, before: &[u8], now: &[u8]) -> Vec<String> {
    let mut changes = Vec::new();
    for (offset, (old, new)) in (0..).zip(before.iter().zip(now)) {
        if old != new {
            let name = name(header, offset);
            if !changes.contains(&name) {
                changes.push(name);
            }
        }
    }
    changes
}

/// Refuses `now` as a later moment of a ring that was `before`: no count falls back, and what was unread and
/// is not released is still there.
pub fn follows(before: &Ring, now: &Ring) -> Result<(), Violation> {
    rises("tail", before.tail, now.tail)?;
    rises("head", before.head, now.head)?;
    for side in Side::BOTH {
        words(side, before.side(side), now.side(side))?;
    }
    let kept = before.records.iter().filter(|record| record.position >= now.head);
    let gone = kept.zip(now.records.iter()).find(|(old, new)| old != new);
    Violation::unless(gone.is_none(), Rule::Undone, || {
        format!("an unread record became another one: {gone:?}")
    })
}

/// The same for a latest value.
pub fn follows_latest(before: &Latest, now: &Latest) -> Result<(), Violation> {
    rises("published", before.published, now.published)?;
    words(Side::Producer, &before.writer, &now.writer)?;
    let same = before.published != now.published || before.item == now.item;
    Violation::unless(same, Rule::Undone, || {
        format!("version {} became another value", now.published)
    })
}

fn words(side: Side, before: &SideWords, now: &SideWords) -> Result<(), Violation> {
    let each = [
        (Word::Session, before.session, now.session),
        (Word::HighWater, before.high_water, now.high_water),
        (Word::Sleeps, before.sleeps, now.sleeps),
        (Word::WakesSent, before.wakes_sent, now.wakes_sent),
        (Word::Waits, before.waits, now.waits),
        (Word::Dropped, before.dropped, now.dropped),
        (Word::Died, before.died, now.died),
        (Word::Told, before.told, now.told),
    ];
    for (word, old, new) in each {
        rises(word.name(side), old, new)?;
    }
    // The bell counts modulo 2^32.
    Violation::unless(now.bell.wrapping_sub(before.bell) < 1 << 31, Rule::Undone, || {
        format!("the {side:?}'s bell fell back from {} to {}", before.bell, now.bell)
    })
}

fn rises(name: &str, before: u64, now: u64) -> Result<(), Violation> {
    Violation::unless(before <= now, Rule::Undone, || {
        format!("{name} fell back from {before} to {now}")
    })
}
