//! Owns: taking a name away from a ring that nobody uses. Knows nothing of: what is in the ring.

use super::header;
use crate::error::Error;
use crate::options::Options;
use crate::region::lease::Lease;
use crate::region::{Access, Region};

impl Region {
    /// Removes the name of a ring that has neither a producer nor a consumer, as far as any process on
    /// this machine is concerned, or of a latest value that has no writer. All roles are taken while that is
    /// done, so that nobody attaches in between; a side that tries is told [`Error::RoleTaken`] for that
    /// moment. Of the options, [`any_owner`](Options::any_owner) and [`mode`](Options::mode) matter.
    ///
    /// A region of layout version 1, made by release 0.1, is removed too: its roles are locked in the same way.
    ///
    /// Records that nobody has read go with the ring, and the value with its region. A process that has the
    /// ring open and holds no role can still take one, in a ring without a name; those that read a latest
    /// value, of whom nobody knows, go on reading what they have open.
    ///
    /// ```
    /// use shm_ring::{Error, Options, Region, Ring};
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let name = &format!("/shm-ring-doc-unlink-unused-{}", std::process::id());
    /// let ring = Ring::<u64>::create(name.as_str(), &Options::new())?;
    /// let tx = ring.producer()?;
    /// let region = Region::named(name.as_str());
    /// let refused = region.unlink_unused(&Options::new());
    /// assert!(matches!(refused, Err(Error::RoleTaken { .. })));
    /// drop(tx);
    /// region.unlink_unused(&Options::new())?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Error::RoleTaken`] by any role. As [`Observer::open_with`](crate::Observer::open_with) if it
    /// is no ring. [`Error::NotFound`] if the name leads elsewhere by now, [`Error::InvalidName`] for a region
    /// without a name.
    pub fn unlink_unused(&self, options: &Options) -> Result<(), Error> {
        let backing = self.open(options, Access::ReadWrite)?;
        let (page, roles) = header::examine_roles(&backing)?;
        let mut leases = Vec::new();
        for &role in roles {
            match Lease::take(backing.reopen()?, page, role) {
                Ok(Some(lease)) => leases.push(lease),
                Ok(None) => {
                    let pid = header::pid(&backing, page, role);
                    return Err(Error::RoleTaken { region: self.describe(), role, pid });
                }
                Err(source) => {
                    let hint = "the file system must support open file description locks";
                    let (region, call) = (self.describe(), "fcntl(F_OFD_SETLK)");
                    return Err(Error::Os { region, call, source, hint });
                }
            }
        }
        self.unlink_if_still(&backing)
    }
}
