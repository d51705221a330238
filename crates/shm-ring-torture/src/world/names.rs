//! What a process of the storm does to names, and that an end which it has is on the ring that its name leads to.
//!
//! Owns: removing, replacing and looking at names. Knows nothing of: what an end does.

use std::os::unix::fs::MetadataExt;

use shm_ring::Error;

use super::forms::Named;
use super::ledger::{Count, Doing};
use super::life::{Held, Living};

impl Living<'_> {
    /// Opens what must be there since others only replace.
    pub(super) fn reopen<F: Named>(&mut self, place: usize) {
        let was_there = self.ledger.is_there();
        match F::open(self.places.region(place), &self.places.options(place)) {
            Err(Error::NotFound { .. }) if !was_there => {}
            Err(error) => self.unexpected("nobody removes, and open", place, &error),
            Ok(_) => self.ledger.set_there(true),
        }
    }

    /// While this end is held nobody removes or replaces its name, but by other means, of which it knows.
    pub(super) fn look_at_name<F: Named>(
        &self,
        ring: &F::Ring,
        held: Held,
        says_lost: impl Fn() -> bool,
    ) {
        let Ok(ours) = rustix::fs::fstat(F::descriptor(ring)) else { return };
        if !self.places.has_name(held.place) {
            return;
        }
        let there =
            std::fs::symlink_metadata(self.places.path(held.place)).map(|there| there.ino());
        if there.as_ref().ok() != Some(&ours.st_ino) {
            let says_lost = says_lost();
            if says_lost && self.places.is_torn(held.place) {
                return self.ledger.add(Count::Torn);
            }
            let id = held.entry.id();
            self.ledger.violation(&format!(
                "an end of ring {id:x}, inode {}, was answered Ok, and its name at place {} leads to {there:?}; \
                 it says that it has lost it: {says_lost}",
                ours.st_ino, held.place
            ));
        }
    }

    pub(super) fn remove(&mut self, place: usize) {
        self.doing(Doing::Removing, None);
        if self.places.is_torn(place) {
            let _ = std::fs::remove_file(self.places.path(place));
            return;
        }
        match self.places.remove(place) {
            Ok(()) => self.ledger.add(Count::Removed),
            Err(Error::Unread { .. }) => self.ledger.add(Count::Unread),
            Err(Error::RoleTaken { .. } | Error::NotFound { .. }) => {}
            Err(error) => self.unexpected("unlink_unused", place, &error),
        }
    }

    pub(super) fn replace<F: Named>(&mut self, place: usize) {
        if self.places.is_shared(place) {
            return;
        }
        self.doing(Doing::Replacing, None);
        let options = self.places.options(place);
        match F::replace_if_unused(self.places.region(place), &options) {
            Ok(_) => self.ledger.add(Count::Replaced),
            Err(Error::NoSpace { .. }) if self.places.is_little(place) => {
                self.ledger.add(Count::NoSpace);
            }
            Err(Error::Unread { .. } | Error::RoleTaken { .. } | Error::NotFound { .. }) => {}
            Err(error) => self.unexpected("replace_if_unused", place, &error),
        }
    }
}
