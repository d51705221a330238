//! Owns: how a reader of a latest value waits for a version, and learns that no writer will write it. Knows nothing of: which
//! call waits.

use std::os::fd::AsFd;
use std::sync::Arc;

use super::reader::LatestReader;
use super::{NextError, ReadError, writer_of};
use crate::attachment::arming::Armed;
use crate::attachment::wait::{Ended, SHORT_SLICE, Timeout, Waitable, wait_until};
use crate::item::Item;
use crate::mapping::PeerPage;
use crate::peer::Peer;
use crate::protocol::clock::Deadline;
use crate::protocol::interrupt;
use crate::protocol::park::{self, SleepLimit, Sleeper};
use crate::protocol::session;
use crate::role::Role;

/// A reader that waits for a version after `last`.
struct Waiting<'a, T: Item> {
    reader: &'a mut LatestReader<T>,
    last: u64,
}

impl<T: Item> LatestReader<T> {
    /// Waits until there is a version after `last`, which was there: `None` then, else why the wait is over.
    pub(super) fn wait_behind(&mut self, last: u64, timeout: Timeout) -> Option<Ended> {
        let policy = self.wait;
        let mut waiting = Waiting { reader: self, last };
        let ended = match timeout {
            Timeout::NONE => Some(Ended::TimedOut),
            _ => wait_until(policy, timeout.deadline(), &mut waiting),
        };
        match ended {
            // Where the kernel does not tell of a death, whoever waits briefly each time would never hear of it.
            Some(Ended::TimedOut) => waiting.gone().or(ended),
            _ => ended,
        }
    }
}

impl<T: Item> LatestReader<T> {
    /// Listens for the writer's bell, and looks once more: what to sleep on, or `None` if [`read_newer`](Self::read_newer)
    /// or [`next`](Self::next) has an answer. For an event loop, which does the sleeping itself, when neither had one. Nobody is told, so
    /// there is nothing to disarm; and a writer that does not [`notify`](crate::LatestWriter::notify) is found by looking
    /// once a millisecond, as [`Armed::limit`] says.
    ///
    /// ```
    /// # let latest = shm_ring::Latest::<u64>::create(shm_ring::Region::memfd("doc"), &Default::default())?;
    /// let (mut writer, mut reader) = (latest.writer()?, latest.reader()?);
    /// let armed = reader.arm().expect("nothing was written");
    /// writer.write(7);
    /// writer.notify();
    /// assert!(armed.is_rung());
    /// assert!(reader.arm().is_none());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn arm(&mut self) -> Option<Armed> {
        let Self { seen, mapping, backing, page, writer_page, .. } = self;
        let map = || PeerPage::new(backing.fd.as_fd(), *page, Role::Writer).map(Arc::new);
        let writer_page = writer_page.get_or_insert_with(map).clone();
        let (last, theirs) = (seen.position(), mapping.side(Role::Writer));
        let last_look = || {
            let is_there = matches!(seen.is_behind(theirs, last), Ok(false));
            let waits = is_there
                && !matches!(
                    writer_of(theirs, backing, *page),
                    Peer::Closed { .. } | Peer::Dead { .. }
                );
            (!waits).then_some(())
        };
        let listener = core::iter::once(Sleeper::listener(theirs));
        let armed = park::arm_unless::<1, ()>(listener, interrupt::NONE, last_look).ok()?;
        Some(Armed::of(&armed, theirs, writer_page, false).within(SHORT_SLICE))
    }
}

impl<T: Item> Waitable for Waiting<'_, T> {
    fn ready(&mut self) -> bool {
        // A count that cannot be ends the wait, and the read says so.
        let LatestReader { seen, mapping, .. } = &mut *self.reader;
        seen.is_behind(mapping.side(Role::Writer), self.last).unwrap_or(true)
    }

    fn peer_has_changed(&mut self) -> bool {
        // An even number may be a writer that has closed.
        let theirs = self.reader.theirs();
        session::number(theirs) % 2 == 0 || session::is_told(theirs)
    }

    fn known_gone(&mut self) -> bool {
        self.reader.gone == Some(session::number(self.reader.theirs()))
    }

    fn gone(&mut self) -> Option<Ended> {
        let (ended, session) = match self.reader.writer() {
            Peer::Closed { session } => (Ended::Closed, session),
            Peer::Dead { session, .. } => (Ended::PeerDead, session),
            Peer::Absent | Peer::Attaching | Peer::Alive { .. } => {
                self.reader.gone = None;
                return None;
            }
        };
        self.reader.gone = Some(session);
        Some(ended)
    }

    fn sleep(&mut self, _long: bool, until: impl FnOnce(SleepLimit) -> Deadline) -> Option<Ended> {
        let LatestReader { seen, mapping, backing, page, .. } = &mut *self.reader;
        let last = self.last;
        let theirs = mapping.side(Role::Writer);
        let last_look = || match seen.is_behind(theirs, last) {
            Ok(false) => match writer_of(theirs, backing, *page) {
                Peer::Closed { .. } => Some(Some(Ended::Closed)),
                Peer::Dead { .. } => Some(Some(Ended::PeerDead)),
                Peer::Absent | Peer::Attaching | Peer::Alive { .. } => None,
            },
            Ok(true) | Err(_) => Some(None),
        };
        let listener = core::iter::once(Sleeper::listener(theirs));
        park::sleep::<1, _>(listener, interrupt::NONE, last_look, |_| until(SleepLimit::Short))
            .flatten()
    }
}

impl From<Ended> for ReadError {
    fn from(ended: Ended) -> Self {
        match ended {
            // A reader gives out no handle by which it could be interrupted, and is a child's as well as its parent's.
            Ended::TimedOut | Ended::Interrupted | Ended::Forked => Self::TimedOut,
            Ended::Closed => Self::Closed,
            Ended::PeerDead => Self::WriterDead,
            Ended::Corrupt => Self::Corrupt,
        }
    }
}

impl From<Ended> for NextError {
    fn from(ended: Ended) -> Self {
        match ended {
            Ended::TimedOut | Ended::Interrupted | Ended::Forked => Self::TimedOut,
            Ended::Closed => Self::Closed,
            Ended::PeerDead => Self::WriterDead,
            Ended::Corrupt => Self::Corrupt,
        }
    }
}
