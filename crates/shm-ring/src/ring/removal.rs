//! Owns: taking a name away from a region, or giving it to another one, while nobody uses what it leads to: the one way in
//! which this library removes or replaces. Knows nothing of: what is in the records.

use core::time::Duration;
use std::os::fd::AsFd;

use super::header::{self, Anatomy};
use super::page;
use super::taking;
use crate::error::Error;
use crate::options::Options;
use crate::protocol::position::unpack;
use crate::region::lease::Lease;
use crate::region::{Access, Backing, NamedFile, Region};
use crate::role::Role;

/// What may be in a region that goes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Spare {
    /// Nothing that can be read, not even the latest value.
    All,
    /// No record that nobody has read.
    Records,
    /// Anything.
    Nothing,
}

/// All leases of a region, which has one name and nothing in it that is to be spared. While they are held nobody attaches,
/// and nobody else removes or replaces.
pub(super) struct Vacant(#[expect(dead_code, reason = "held")] Vec<Lease>);

/// How long removal waits for a role that another process closes or tries to remove too. A process that takes longer to die
/// still uses the region.
const PATIENCE: Duration = Duration::from_millis(100);

/// Takes all leases of the region behind `backing`, and looks only then at what may have changed before.
pub(super) fn vacate(backing: &Backing, spare: Spare) -> Result<Vacant, Error> {
    let anatomy = header::anatomy(backing)?;
    let take = |&role: &Role| taking::take(backing, anatomy.page, role, PATIENCE);
    let leases = anatomy.roles.iter().map(take).collect::<Result<_, _>>()?;
    let region = || backing.region.clone();
    match backing.links()? {
        1 => {}
        0 => return Err(Error::NotFound { region: region() }),
        found => return Err(Error::HardLinked { region: region(), found }),
    }
    refuse_unread(backing, &anatomy, spare)?;
    Ok(Vacant(leases))
}

fn refuse_unread(backing: &Backing, anatomy: &Anatomy, spare: Spare) -> Result<(), Error> {
    if spare == Spare::Nothing {
        return Ok(());
    }
    let Some((records, size)) = anatomy.contents else { return header::is_of_version_1(backing) };
    let region = || backing.region.clone();
    let position = |role| page::position(backing, anatomy.page, role);
    let unread = if anatomy.roles == [Role::Writer] {
        let written = position(Role::Writer) != Some(0);
        u64::from(written && spare == Spare::All) * size
    } else {
        let role = Role::Consumer;
        let (Some(tail), Some(head)) = (position(Role::Producer), position(role)) else {
            let (found, wanted) = (backing.len()?, 3 * anatomy.page + records.capacity);
            return Err(Error::WrongLength { region: region(), found, wanted });
        };
        let tail = unpack(tail).0;
        let possible = records.is_position(tail) && records.is_position(head);
        match tail.checked_sub(head) {
            Some(unread) if possible && unread <= records.limit => unread,
            // No side delivers anything from such a ring.
            _ if spare == Spare::Records => 0,
            _ => return Err(Error::Corrupt { region: region(), role }),
        }
    };
    match unread {
        0 => Ok(()),
        bytes => Err(Error::Unread { region: region(), bytes }),
    }
}

/// Removes the name at `place`, if it leads to what is behind `backing`, while all leases are held.
fn remove(place: &NamedFile, backing: &Backing, spare: Spare) -> Result<(), Error> {
    let _vacant = vacate(backing, spare)?;
    place.unlink_if_it_leads_to(backing.fd.as_fd())
}

/// For a handle that goes, the last of its process: removes the name unless somebody still uses the region.
pub(super) fn remove_if_last(backing: &Backing) {
    if let Some(Ok(place)) = backing.place() {
        // It is in use, or leads elsewhere by now, or belongs to another user: it stays.
        let _ = remove(&place, backing, Spare::Records);
    }
}

impl Region {
    /// Removes the name of a ring that nobody uses and that is read out, or of a latest value that nobody writes and that
    /// was never written.
    ///
    /// All roles are taken first, and kept until the name is gone: so nobody is attached, nobody attaches meanwhile, and
    /// what is unread is looked at when it cannot change any more. A side that attaches at that moment waits for the
    /// outcome. Of the options, [`any_owner`](Options::any_owner) and [`mode`](Options::mode) matter.
    ///
    /// A process that has the ring open and holds no role gets [`Error::NameGone`] when it asks for one. Readers of a
    /// latest value, which no lock shows, go on reading what they have open.
    ///
    /// ```
    /// use shm_ring::{Error, Options, Region, Ring};
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let name = &format!("/shm-ring-doc-unlink-unused-{}", std::process::id());
    /// let ring = Ring::<u64>::create(name.as_str(), &Options::new())?;
    /// let mut tx = ring.producer()?;
    /// tx.push(7)?;
    /// let region = Region::named(name.as_str());
    /// let refused = region.unlink_unused(&Options::new());
    /// assert!(matches!(refused, Err(Error::RoleTaken { .. })));
    /// drop(tx);
    /// let refused = region.unlink_unused(&Options::new());
    /// assert!(matches!(refused, Err(Error::Unread { bytes: 8, .. })));
    /// assert_eq!(ring.consumer()?.pop()?, 7);
    /// region.unlink_unused(&Options::new())?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Error::RoleTaken`] by any role, [`Error::Unread`], [`Error::Corrupt`] if nobody can tell what is unread,
    /// [`Error::HardLinked`]. As [`Observer::open_with`](crate::Observer::open_with) if it is no ring of this layout.
    /// [`Error::NotFound`] if the name leads elsewhere by now, [`Error::InvalidName`] for a region without a name.
    pub fn unlink_unused(&self, options: &Options) -> Result<(), Error> {
        self.remove_unused(options, Spare::All)
    }

    /// Like [`unlink_unused`](Self::unlink_unused), but what can still be read goes with the region.
    ///
    /// A region of layout version 1, made by release 0.1, is removed too: its roles are locked in the same way.
    ///
    /// ```
    /// use shm_ring::{Latest, Options, Region};
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let name = &format!("/shm-ring-doc-discard-{}", std::process::id());
    /// let latest = Latest::<u64>::create(name.as_str(), &Options::new())?;
    /// latest.writer()?.write(7);
    /// Region::named(name.as_str()).unlink_unused_and_discard(&Options::new())?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`unlink_unused`](Self::unlink_unused), without [`Error::Unread`] and [`Error::Corrupt`].
    pub fn unlink_unused_and_discard(&self, options: &Options) -> Result<(), Error> {
        self.remove_unused(options, Spare::Nothing)
    }

    fn remove_unused(&self, options: &Options, spare: Spare) -> Result<(), Error> {
        let place = self.place()?;
        remove(&place, &self.open(options, Access::ReadWrite)?, spare)
    }
}
