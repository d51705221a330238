//! What may stand in the region after any instruction of an operation, by LAYOUT.md alone. It must not ask
//! the library anything.

use super::kind::Kind;
use super::raw::{Image, Side};
use super::scene::{Op, Scene, Start};

/// How far an operation had come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    /// Records that it has published.
    pub(crate) added: u64,
    /// Records whose room it has given back.
    pub(crate) taken: u64,
    /// The session of its side.
    pub(crate) session: u64,
    /// The sequence number of the record at head.
    pub(crate) first: u64,
    /// Records from head on.
    pub(crate) records: u64,
}

/// What a session says of a side whose lease is free.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    Absent,
    Dead,
    Closed,
}

impl Fate {
    pub(crate) fn of(session: u64) -> Self {
        match session {
            0 => Self::Absent,
            odd if odd % 2 == 1 => Self::Dead,
            _ => Self::Closed,
        }
    }
}

impl Seen {
    pub(crate) fn fate(self) -> Fate {
        Fate::of(self.session)
    }
}

/// How far the operation of `scene` had come when the region was `image`; or why that cannot be.
pub(crate) fn judge<K: Kind>(scene: Scene, start: &Start, image: &Image) -> Result<Seen, String> {
    let op = scene.op;
    let (payloads, end) = image.published();
    let head = image.position(Side::Consumer);
    let mut passed = start.head;
    let mut taken = 0;
    while passed < head && taken < start.records {
        passed += super::raw::stride(K::len(start.first + taken));
        taken += 1;
    }
    if passed != head {
        return Err(format!("head is {head}, which is no record's position"));
    }
    if taken != 0 && taken != op.takes() {
        return Err(format!("{taken} records were released of {} to be taken", op.takes()));
    }
    let first = start.first + taken;
    let left = start.records - taken;
    let found = payloads.len() as u64;
    let Some(added) = found.checked_sub(left) else {
        return Err(format!(
            "{} published records are gone: {found} of {left} are left",
            left - found
        ));
    };
    if added != 0 && added != op.adds() {
        return Err(format!(
            "{added} records appeared that nobody committed, or a part of {}",
            op.adds()
        ));
    }
    for (sequence, payload) in (first..).zip(&payloads) {
        if *payload != K::payload(sequence) {
            return Err(format!("record {sequence} is published and its payload is not whole"));
        }
    }
    let tail = image.position(Side::Producer);
    if tail != start.tail && tail != end {
        return Err(format!(
            "tail is {tail}: neither {} nor the end of what exists, {end}",
            start.tail
        ));
    }
    let session = image.session(op.side());
    let (before, attached) = start.sessions;
    let allowed = match op {
        _ if op.attaches() => [before, attached],
        _ if op.closes() => [attached, attached + 1],
        _ => [attached, attached],
    };
    if !allowed.contains(&session) {
        return Err(format!("the session is {session} and can only be one of {allowed:?}"));
    }
    Ok(Seen { added, taken, session, first, records: found })
}

/// What is wrong when `now` follows `before`.
pub(crate) fn follows(before: Seen, now: Seen) -> Result<(), String> {
    if now.added < before.added || now.taken < before.taken || now.session < before.session {
        return Err(format!("what was done came undone: {before:?}, then {now:?}"));
    }
    Ok(())
}

/// What is wrong with the end of the whole operation. `bell` is its side's bell before it began.
pub(crate) fn whole(
    scene: Scene,
    start: &Start,
    bell: u32,
    image: &Image,
    seen: Seen,
) -> Result<(), String> {
    let op = scene.op;
    if (seen.added, seen.taken) != (op.adds(), op.takes()) {
        return Err(format!("it returned and did {seen:?}"));
    }
    let (_, attached) = start.sessions;
    let session = if op.closes() { attached + 1 } else { attached };
    if seen.session != session {
        return Err(format!("it returned with session {} and not {session}", seen.session));
    }
    let end = image.published().1;
    let tail = image.position(Side::Producer);
    if op.side() == Side::Producer && tail != end {
        return Err(format!("it returned with tail {tail} and not {end}"));
    }
    if image.is_asleep(op.side()) {
        return Err("it returned and still wants to be woken".to_owned());
    }
    let rung = image.bell(op.side()).wrapping_sub(bell);
    if rung != op.rings() {
        return Err(format!("it rang {rung} times and not {}", op.rings()));
    }
    if op.parks() && image.parks(op.side()) == 0 {
        return Err("it never went to sleep".to_owned());
    }
    Ok(())
}

/// What is wrong with the killed consumer's own copy: head has moved, so it must be whole.
pub(crate) fn copied<K: Kind>(scene: Scene, seen: Seen, diary: &[u8]) -> Result<(), String> {
    if seen.taken == 0 || scene.op.diary() == 0 {
        return Ok(());
    }
    let wanted: Vec<u8> =
        (0..scene.op.diary()).flat_map(|more| K::payload(scene.sequence + more)).collect();
    if diary.get(..wanted.len()) != Some(&wanted[..]) {
        return Err("head was stored before the payload had been read".to_owned());
    }
    Ok(())
}

/// Positions that the records of the operation may end at, to name what is stored there.
pub(crate) fn ends<K: Kind>(scene: Scene) -> Vec<u64> {
    let mut end = scene.at;
    (0..scene.op.adds().max(u64::from(scene.op == Op::RecoverProducer) * 3))
        .map(|more| {
            end += super::raw::stride(K::len(scene.sequence + more));
            end
        })
        .collect()
}
