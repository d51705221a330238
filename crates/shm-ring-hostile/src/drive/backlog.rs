//! Calls that give back what was not taken: all of it, or what is below a position that may be none. It must not choose
//! which call is made.

use shm_ring::PopError;
use shm_ring_outsider::Head;

use super::Drive;
use crate::board::Op;
use crate::kind::{Kind, Reads as _};
use crate::truth::Truth;

impl<K: Kind> Drive<K> {
    pub fn skip_unread(&mut self) {
        let there = self.foretell(unread);
        let rx = self.rx.as_mut().expect("attached");
        self.board.begin(Op::SkipUnread);
        let skipped = rx.skip_unread();
        let truth = there.map(|there| there.map(|_| ()));
        if self.popped(Op::SkipUnread, skipped.map(|_| ()), truth) {
            let skipped = skipped.unwrap_or(0);
            self.given_back(Op::SkipUnread, skipped);
            if let Some(Ok(there)) = there {
                assert!(skipped == there, "SkipUnread gave back {skipped} bytes of {there}");
            }
        }
    }

    pub fn release_to(&mut self) {
        let unit = self.header.unit();
        let whole = unit * self.rng.below(8);
        let bytes = if self.rng.below(4) == 0 { self.rng.below(whole + unit) } else { whole };
        let rx = self.rx.as_mut().expect("attached");
        let from = rx.position();
        self.board.begin(Op::ReleaseTo);
        let released = rx.release_to(from + bytes);
        let there = self.foretell(|truth| {
            unread(truth)?;
            let before = boundary::<K>(truth, bytes);
            let wrong = PopError::NotABoundary { position: from + bytes, before: from + before };
            if before == bytes { Ok(()) } else { Err(wrong) }
        });
        if self.popped(Op::ReleaseTo, released.map(|_| ()), there) {
            self.given_back(Op::ReleaseTo, bytes);
        }
    }

    /// So many bytes of records are given back.
    fn given_back(&mut self, op: Op, bytes: u64) {
        let most = self.header.limit;
        assert!(bytes <= most, "{op:?} gave back {bytes} bytes of a ring of {most}");
        if self.exact && bytes > 0 {
            self.truth.head.position += bytes;
            self.truth.released();
        }
    }
}

/// Bytes that are unread, by a look.
fn unread(truth: &mut Truth) -> Result<u64, PopError> {
    truth.look_at_tail();
    if truth.head.corrupt { Err(PopError::Corrupt) } else { Ok(truth.known()) }
}

/// The last boundary of records that is at most `bytes` behind the head, in bytes from there.
fn boundary<K: Kind>(truth: &Truth, bytes: u64) -> u64 {
    if K::VALUES {
        let bytes = bytes.min(truth.known());
        return bytes - bytes % truth.header.unit();
    }
    let first = truth.head.position;
    let mut head: Head = truth.head;
    while head.position < (first + bytes).min(truth.head.tail) {
        let at = head.position;
        // What is no record is no way to a boundary.
        let Some(payload) = truth.next(&mut head) else { return at - first };
        head.step(&truth.header, payload.len() as u64);
        if head.position > first + bytes {
            return at - first;
        }
    }
    head.position - first
}
