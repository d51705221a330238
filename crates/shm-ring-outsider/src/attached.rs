//! What both sides of a live ring do in their own page besides storing their position.
//!
//! Owns: attaching, closing and ringing. Knows nothing of: records, leases and sleeping.

use core::sync::atomic::Ordering::{Release, SeqCst};
use core::sync::atomic::fence;

use rustix::thread::futex;

use crate::header::Header;
use crate::kernel::Mapping;
use crate::record::unpack;
use crate::region::{Region, Writable};
use crate::words::{
    BELL, DIED, FENCE_MODE, HINT, LIVENESS, NEVER, PID, PID_NAMESPACE, POSITION, SESSION,
    START_BYTES, STARTS, Side, WAKE_AT,
};

/// A side that is attached.
#[derive(Debug)]
pub(crate) struct Attached<'a> {
    pub(crate) region: &'a Mapping,
    page: u64,
    other: u64,
    rung_for: Option<u64>,
}

impl<'a> Attached<'a> {
    /// Takes the place of `side`: whoever calls holds its lease, if anybody asks for leases here.
    pub(crate) fn attach(region: &'a Mapping, header: &Header, side: Side) -> Self {
        let (page, other) = (header.page.into(), side.other());
        let (page, other) = (side.page(page), other.page(page));
        region.set_half(page + FENCE_MODE, 0);
        region.set_half(page + PID, std::process::id());
        region.set(page + PID_NAMESPACE, pid_namespace());
        // From 0 or an even number to the next odd one, and from an odd one to the one after.
        let last = region.word(page + SESSION);
        let session = (last + 1) | 1;
        if side == Side::Producer && last % 2 == 1 {
            region.set(page + DIED, last);
        }
        region.set_half(page + LIVENESS, 0);
        region.set(page + WAKE_AT, NEVER);
        if side == Side::Producer {
            let (tail, _) = unpack(region.word(page + POSITION));
            let start = page + STARTS + (session >> 1 & 1) * START_BYTES;
            fence(Release);
            region.set(start, session);
            region.set(start + 8, tail);
            region.set(start + 16, region.word(page + DIED));
        }
        if side == Side::Consumer {
            region.set(page + HINT, 1);
        }
        region.set(page + SESSION, session);
        let attached = Self { region, page, other, rung_for: None };
        attached.ring();
        attached
    }

    pub(crate) fn session(&self) -> u64 {
        self.region.word(self.page + SESSION)
    }

    /// Offset of `word` in the own page.
    pub(crate) fn own(&self, word: u64) -> u64 {
        self.page + word
    }

    /// Offset of `word` in the other side's page.
    pub(crate) fn others(&self, word: u64) -> u64 {
        self.other + word
    }

    pub(crate) fn ring(&self) {
        let bell = self.region.atomic_half(self.page + BELL);
        bell.fetch_add(1, Release);
        // Nobody sleeps without a futex: then there is nobody to wake.
        let _ = futex::wake(bell, futex::Flags::empty(), (1 << 31) - 1);
    }

    /// Has stored its position: wakes the other side if it waits for that.
    pub(crate) fn stored(&mut self, position: u64) {
        fence(SeqCst);
        let wake_at = self.region.word(self.others(WAKE_AT));
        if position >= wake_at && self.rung_for != Some(wake_at) {
            self.rung_for = Some(wake_at);
            self.ring();
        }
    }

    pub(crate) fn close(self) {
        self.region.set(self.page + SESSION, self.session() + 1);
        self.ring();
        self.region.set_half(self.page + LIVENESS, 0);
    }
}

/// The number of this process' pid namespace, or 0 if it could not ask.
pub fn pid_namespace() -> u64 {
    rustix::fs::stat("/proc/self/ns/pid").map_or(0, |stat| stat.st_ino)
}
