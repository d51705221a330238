//! The descriptors of ends. Owns: what the calls for event loops must answer, and when a descriptor must not be readable. Knows
//! nothing of: who writes to it.

use std::os::fd::BorrowedFd;
use std::ptr::null;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use shmring::*;

use crate::play::Play;
use crate::{h, is, known};

/// Whether a loop that watches the descriptor would be woken within so many nanoseconds.
fn is_readable(fd: i32, within: i64) -> bool {
    // SAFETY: it is that of a handle which is not closed.
    let fd = unsafe { BorrowedFd::borrow_raw(fd) };
    let within = Timespec { tv_sec: 0, tv_nsec: within };
    let ready = poll(&mut [PollFd::from_borrowed_fd(fd, PollFlags::IN)], Some(&within));
    // The fuzzer's own clock interrupts it.
    ready.is_ok_and(|ready| ready > 0)
}

impl Play {
    pub(crate) fn event(&mut self, producer: bool, peer: bool, which: u8) {
        let (handle, tx, rx) = match producer {
            true => (self.tx, self.tx, null()),
            false => (self.rx, null(), self.rx),
        };
        let end =
            shmr_end { producer: h(tx), consumer: h(rx), awaits_peer: peer.into(), unused: 0 };
        if which & 4 != 0 && !handle.is_null() && !self.queue.is_empty() {
            // Time for a wake-up that is under way.
            is_readable(shmr_fd(Some(&end)), 1_000_000);
        }
        let answer = match which % 4 {
            0 => shmr_fd(Some(&end)),
            1 => shmr_disarm(Some(&end)),
            _ => shmr_arm(Some(&end)),
        };
        let answer = i64::from(answer);
        if handle.is_null() {
            return is(answer, &[SHMR_INVALID]);
        }
        let fd = shmr_fd(Some(&end));
        assert!(fd >= 0, "{fd}");
        let lent = self.refused(producer);
        match (which % 4, lent) {
            (0, _) => return assert_eq!(answer, fd.into()),
            (1, _) => is(answer, &[0]),
            (_, Some(code)) => return is(answer, &[code]),
            (_, None) if peer => is(answer, &[0, 1]),
            (_, None) if producer && self.queue.is_empty() => is(answer, &[1, SHMR_CLOSED]),
            (_, None) if producer => is(answer, &[0, 1, SHMR_CLOSED]),
            (_, None) if !self.queue.is_empty() => assert_eq!(known(answer), 1),
            // A producer that has come since does not hide that the one before it closed.
            (_, None) => is(answer, &[0, SHMR_CLOSED]),
        }
        let armed = which % 4 > 1 && answer == 0;
        assert!(armed || !is_readable(fd, 0), "readable, and not armed");
    }
}
