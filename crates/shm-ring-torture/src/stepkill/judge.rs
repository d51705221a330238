//! Owns: what may stand in the region after any instruction of an operation: the rules of LAYOUT.md, as the outsider knows
//! them, and how far the operation can have come. Knows nothing of: the library.

use shm_ring_outsider::{
    Descriptor, Header, Lease, Life, Ring, Side, follows, judge as judge_ring, life,
};

use super::kind::Kind;
use super::scene::{Scene, Start, stride};

/// How far an operation had come.
#[derive(Clone, Debug)]
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

impl Seen {
    /// What the killed side is.
    pub(crate) fn fate(&self) -> Life {
        life(self.session, false)
    }
}

/// How far the operation of `scene` had come when the region was `image`, and the ring that it is; or why that cannot be.
pub(crate) fn judge<K: Kind>(
    scene: Scene,
    start: &Start,
    header: &Header,
    image: &[u8],
) -> Result<(Seen, Ring), String> {
    let op = scene.op;
    let ring = judge_ring(image, header)?;
    let mut passed = start.head;
    let mut taken = 0;
    while passed < ring.head && taken < start.records {
        passed += stride::<K>(header, start.first + taken);
        taken += 1;
    }
    if passed != ring.head {
        return Err(format!("head is {}, which is no record's position", ring.head));
    }
    if taken != start.skip && taken != start.skip + scene.takes() {
        return Err(format!("{taken} records were released of {} to be taken", scene.takes()));
    }
    let first = start.first + taken;
    let left = start.records - taken;
    let found = ring.records.len() as u64;
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
    for (sequence, record) in (first..).zip(&ring.records) {
        if record.payload != K::payload(sequence) {
            return Err(format!("record {sequence} is published and its payload is not whole"));
        }
    }
    let session = ring.side(op.side()).session;
    sessions(start.sessions, op.attaches(), op.closes(), session)?;
    Ok((Seen { added, taken: taken - start.skip, session, first, records: found }, ring))
}

/// What is wrong with `session` during an operation; `attached` is that of its side, `before` that of the side before it.
pub(super) fn sessions(
    (before, attached): (u64, u64),
    attaches: bool,
    closes: bool,
    session: u64,
) -> Result<(), String> {
    let allowed = match (attaches, closes) {
        (true, _) => [before, attached],
        (_, true) => [attached, attached + 1],
        _ => [attached, attached],
    };
    if !allowed.contains(&session) {
        return Err(format!("the session is {session} and can only be one of {allowed:?}"));
    }
    Ok(())
}

/// What is wrong when `now` follows `before`, which the region was when the operation began or later. `began` is that
/// beginning.
pub(crate) fn goes_on(
    scene: Scene,
    began: &Ring,
    before: &Ring,
    now: &Ring,
    seen: &Seen,
) -> Result<(), String> {
    follows(before, now)?;
    let side = scene.op.side();
    let other = side.other();
    if now.side(other) != before.side(other) {
        return Err(format!("a word of the {other:?} was written"));
    }
    let rung = now.side(side).bell != began.side(side).bell;
    if rung && scene.op.rings() && !scene.op.parks() && seen.added + seen.taken == 0 {
        return Err("it rang before there was anything to wake for".to_owned());
    }
    Ok(())
}

/// What is wrong with the end of the whole operation, which found the ring as `began`.
pub(crate) fn whole(
    scene: Scene,
    start: &Start,
    began: &Ring,
    ring: &Ring,
    seen: &Seen,
) -> Result<(), String> {
    let op = scene.op;
    if (seen.added, seen.taken) != (op.adds(), scene.takes()) {
        return Err(format!("it returned and did {seen:?}"));
    }
    let (_, attached) = start.sessions;
    let session = if op.closes() { attached + 1 } else { attached };
    if seen.session != session {
        return Err(format!("it returned with session {} and not {session}", seen.session));
    }
    let (before, words) = (began.side(op.side()), ring.side(op.side()));
    if words.is_asleep() {
        return Err("it returned and still wants to be woken".to_owned());
    }
    let rung = words.bell.wrapping_sub(before.bell);
    if rung != op.wakes() {
        return Err(format!("it rang {rung} times and not {}", op.wakes()));
    }
    if op.parks() && words.sleeps == before.sleeps {
        return Err("it never went to sleep".to_owned());
    }
    Ok(())
}

/// What is wrong with the killed consumer's own copy: head has moved, so it must be whole.
pub(crate) fn copied<K: Kind>(
    scene: Scene,
    start: &Start,
    seen: &Seen,
    kept: &[u8],
) -> Result<(), String> {
    let wanted = wanted::<K>(scene, start);
    if seen.taken != 0 && scene.op.keeps() && kept.get(..wanted.len()) != Some(&wanted[..]) {
        return Err("head was stored before the payload had been read".to_owned());
    }
    Ok(())
}

/// The bytes that a consumer must have read.
pub(crate) fn wanted<K: Kind>(scene: Scene, start: &Start) -> Vec<u8> {
    let first = start.first + start.skip;
    (first..first + scene.takes()).flat_map(K::payload).collect()
}

/// Checks that nobody holds the role of `side`.
pub(crate) fn released(region: &Descriptor, side: Side) -> Result<(), String> {
    match Lease::is_held(region, side) {
        Ok(false) => Ok(()),
        Ok(true) => Err(format!("the {side:?} is gone and its role is still locked")),
        Err(error) => Err(format!("asking for a lock: {error}")),
    }
}
