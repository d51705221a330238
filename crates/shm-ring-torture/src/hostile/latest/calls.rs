//! The calls of a latest value, and the judgement of each answer. It must not choose which call is made.

use std::time::Duration;

use shm_ring::{NextError, Peer, ReadError};
use shm_ring_outsider::Next;
use zerocopy::FromBytes;

use super::bytes::LEN;
use super::{BLANK, Drive, FRONT, Judged, Value};
use shm_ring_hostile::board::{Count, Op, Outcome};

impl Drive {
    pub(super) fn write(&mut self, op: Op) -> Judged {
        let Some(writer) = &mut self.writer else { return Ok(()) };
        let (before, bell) = (self.bytes.data(), self.bytes.bell());
        let source = self.source.last(LEN);
        source.fill_with(|| self.rng.next() as u8);
        let value = Value::ref_from_bytes(source).expect("a value's bytes");
        self.board.begin(op);
        match op {
            Op::Write => writer.write(*value),
            Op::WriteFrom => writer.write_from(value),
            _ => writer.notify(),
        }
        self.board.end(op, Outcome::Success);
        let rung = self.bytes.bell().wrapping_sub(bell);
        self.written += u64::from(op != Op::Notify);
        let (version, wanted) = (writer.version(), self.written);
        if version != wanted {
            return Err(format!("{op:?} was version {version} where {wanted} was right"));
        }
        if !self.exact {
            return Ok(());
        }
        self.board.add(Count::Foretold, 1);
        if op == Op::Notify {
            return if rung == 1 { Ok(()) } else { Err(format!("Notify rang {rung} times")) };
        }
        let mut whole = value.to_vec();
        whole.resize(LEN.next_multiple_of(8), 0);
        let stored = self.bytes.published();
        match () {
            () if stored != wanted => {
                Err(format!("{op:?} published version {stored:#x} where {wanted:#x} was right"))
            }
            () if self.bytes.slot(wanted) != whole => {
                Err(format!("{op:?} of version {wanted:#x} left something else in its slot"))
            }
            () if !self.bytes.untouched_but(wanted, &before) => {
                Err(format!("{op:?} of version {wanted:#x} wrote to other slots than its own"))
            }
            () => Ok(()),
        }
    }

    pub(super) fn has_newer(&mut self) -> Judged {
        let Some(reader) = &mut self.reader else { return Ok(()) };
        let before = self.seen;
        let truth = if self.exact { self.bytes.look(&mut self.seen) } else { None };
        self.board.begin(Op::HasNewer);
        let answer = reader.has_newer();
        let outcome = if answer.is_ok() { Outcome::Success } else { Outcome::Corrupt };
        self.board.end(Op::HasNewer, outcome);
        let wrong = |why: String| Err(format!("HasNewer answered {answer:?}: {why}"));
        if before.corrupt && answer.is_ok() {
            return wrong("it was Corrupt before, permanently".to_owned());
        }
        self.seen.corrupt |= answer.is_err();
        if !self.exact {
            return Ok(());
        }
        self.board.add(Count::Foretold, 1);
        let right = truth.map(|published| published > before.version).ok_or(ReadError::Corrupt);
        let published = self.bytes.published();
        match answer == right {
            true => Ok(()),
            false => wrong(format!("the latest is {published:#x} after {:#x}", before.version)),
        }
    }

    pub(super) fn read(&mut self, op: Op) -> Judged {
        let Some(reader) = &mut self.reader else { return Ok(()) };
        let before = self.seen;
        let truth = if self.exact { self.bytes.look(&mut self.seen) } else { None };
        let timeout = Duration::from_micros([0, 10, 30, 500][self.rng.below(4) as usize]);
        self.buffer.last(LEN + FRONT).fill(BLANK);
        self.board.begin(op);
        let answer: Result<Value, ReadError> = match op {
            Op::Read => reader.read(),
            Op::ReadInto => {
                let place = Value::mut_from_bytes(self.buffer.last(LEN)).expect("room for a value");
                reader.read_into(place).map(|()| *place)
            }
            _ => reader.read_newer_timeout(timeout),
        };
        let outcome = match &answer {
            Ok(_) => Outcome::Success,
            Err(ReadError::Empty) => Outcome::NotNow,
            Err(ReadError::Overrun) => Outcome::Overrun,
            Err(ReadError::TimedOut) => Outcome::TimedOut,
            Err(ReadError::Closed) => Outcome::Closed,
            Err(ReadError::WriterDead) => Outcome::PeerDead,
            Err(_) => Outcome::Corrupt,
        };
        self.board.end(op, outcome);
        let version = reader.version();
        let wrong = |why: &str| {
            let published = self.bytes.published();
            Err(format!(
                "{op:?} after version {:#x} answered {outcome:?}, as version {version:#x}, the latest being \
                 {published:#x}: {why}",
                before.version
            ))
        };
        if before.corrupt && outcome != Outcome::Corrupt {
            return wrong("it was Corrupt before, permanently");
        }
        if version < before.version || answer.is_err() && version != before.version {
            return wrong("versions do not go so");
        }
        if outcome == Outcome::PeerDead && self.writer.is_some() && !self.may_be_marked() {
            return wrong("the writer lives");
        }
        let waited = matches!(outcome, Outcome::TimedOut | Outcome::Closed | Outcome::PeerDead);
        if waited && op != Op::ReadNewer || outcome == Outcome::NotNow && op == Op::ReadNewer {
            return wrong("the call has no such answer");
        }
        self.seen.corrupt |= outcome == Outcome::Corrupt;
        self.seen.version = version;
        if self.exact {
            self.board.add(Count::Foretold, 1);
            let odd = self.bytes.session() % 2 == 1;
            let newer = truth.is_some_and(|latest| latest > before.version);
            let right = match (truth, &answer) {
                (None, Err(ReadError::Corrupt)) => true,
                (Some(0), Err(ReadError::Empty)) => true,
                (Some(_), Err(ReadError::TimedOut)) => !newer,
                (Some(_), Err(ReadError::Closed)) => !newer && !odd,
                (Some(_), Err(ReadError::WriterDead)) => !newer && odd,
                (Some(latest @ 1..), Ok(value)) => {
                    (newer || op != Op::ReadNewer)
                        && version == latest
                        && self.bytes.slot(latest)[..LEN] == value[..]
                }
                _ => false,
            };
            if !right {
                return wrong("its bytes say otherwise");
            }
        }
        self.untouched(op, answer.is_ok())
    }

    pub(super) fn next(&mut self) -> Judged {
        let Some(reader) = &mut self.reader else { return Ok(()) };
        let before = self.seen;
        let truth = self.exact.then(|| self.seen.next(self.bytes.region, &self.bytes.header));
        self.buffer.last(LEN + FRONT).fill(BLANK);
        self.board.begin(Op::Next);
        let place = Value::mut_from_bytes(self.buffer.last(LEN)).expect("room for a value");
        let answer = reader.try_next_into(place).map(|()| *place);
        let outcome = match &answer {
            Ok(_) => Outcome::Success,
            Err(NextError::Empty) => Outcome::NotNow,
            Err(NextError::Lagged(_)) => Outcome::Overrun,
            Err(_) => Outcome::Corrupt,
        };
        self.board.end(Op::Next, outcome);
        let version = reader.version();
        let wrong = |why: &str| {
            Err(format!(
                "Next after {before:?} answered {outcome:?}, as version {version:#x}: {why}"
            ))
        };
        if before.corrupt && outcome != Outcome::Corrupt {
            return wrong("it was Corrupt before, permanently");
        }
        if version < before.version || answer.is_ok() == (version == before.version) {
            return wrong("versions do not go so");
        }
        self.seen.corrupt |= outcome == Outcome::Corrupt;
        self.seen.version = version;
        if let Some(truth) = truth {
            self.board.add(Count::Foretold, 1);
            let right = match (&truth, &answer) {
                (Next::Nothing, Err(NextError::Empty)) => true,
                (Next::Corrupt, Err(NextError::Corrupt)) => true,
                (Next::Lost(lost), Err(NextError::Lagged(told))) => lost == told,
                (Next::Item(item), Ok(value)) => {
                    item[..] == value[..] && version == before.position() + 1
                }
                _ => false,
            };
            if !right {
                return wrong("its bytes say otherwise");
            }
        }
        self.untouched(Op::Next, answer.is_ok())
    }

    /// What lies in front of the buffer is as it was; and what a read that failed left behind is not a part of
    /// a value.
    fn untouched(&mut self, op: Op, read: bool) -> Judged {
        let (front, place) = self.buffer.last(LEN + FRONT).split_at(FRONT);
        let all = |bytes: &[u8], wanted| bytes.iter().all(|byte| *byte == wanted);
        match op {
            _ if !all(front, BLANK) => Err(format!("{op:?} wrote before its place")),
            Op::ReadInto | Op::Next if !read && !all(place, BLANK) && !all(place, 0) => {
                Err(format!("{op:?} failed and left a part of a value"))
            }
            _ => Ok(()),
        }
    }

    /// Whether the word that tells of the writer's death may have the mark: somebody else writes it too.
    fn may_be_marked(&self) -> bool {
        !self.exact || self.bytes.liveness() & 1 << 30 != 0
    }

    pub(super) fn writer_of(&mut self) -> Judged {
        let Some(reader) = &self.reader else { return Ok(()) };
        self.board.begin(Op::WriterOf);
        let peer = reader.writer();
        let outcome = match peer {
            Peer::Absent => Outcome::Absent,
            Peer::Attaching | Peer::Alive { .. } => Outcome::Alive,
            Peer::Closed { .. } => Outcome::Closed,
            _ => Outcome::PeerDead,
        };
        self.board.end(Op::WriterOf, outcome);
        let there = self.writer.is_some();
        // An even session, but for 0, is that of a writer which has closed, though it holds the lease yet.
        let session = self.bytes.session();
        let (odd, exact) = (session % 2 == 1, self.exact);
        let right = match outcome {
            Outcome::Absent => !there && (session == 0 || !exact),
            // One that changes all the time is that of somebody who is alive.
            Outcome::Alive => there && (session == 0 || odd) || !exact,
            Outcome::Closed => session != 0 && !odd || !exact,
            _ => (!there || self.may_be_marked()) && (odd || !exact),
        };
        match right {
            true => Ok(()),
            false => Err(format!(
                "WriterOf answered {peer:?} at session {session:#x} with a writer there: {there}"
            )),
        }
    }
}
