//! Owns: finding the rings that have names. Knows nothing of: what a snapshot has in it.

use super::{Snapshot, Watch};
use crate::error::Error;
use crate::options::Options;
use crate::region::names;

/// A ring or a latest value that [`list`] found.
///
/// ```
/// # let name = format!("/shm-ring-doc-listed-{}", std::process::id());
/// # let options = shm_ring::Options::new().unlink_on_drop();
/// # let ring = shm_ring::Ring::<u64>::create(name.as_str(), &options)?;
/// let all = shm_ring::list(&shm_ring::Options::new())?;
/// let ours = all.iter().find(|listed| name.ends_with(&listed.name)).expect("it is there");
/// let observer = shm_ring::Observer::open(ours.name.as_str())?;
/// assert_eq!(observer.snapshot().id, ring.id());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub struct Listed {
    /// The name under /dev/shm, without a slash: what [`Region::named`](crate::Region::named) takes.
    pub name: String,
    /// Its state, or why it cannot be read although it begins as a ring does.
    pub snapshot: Result<Snapshot, Error>,
}

/// The rings and latest values under /dev/shm that belong to this user, by name. Of the options,
/// [`any_owner`](Options::any_owner) and [`mode`](Options::mode) say whose are looked at.
///
/// Other files are skipped, and so are files that this user may not read. It looks at one region after the other, and once
/// at each process that uses one: some 100 microseconds a ring. A [`Watch`] that looks again takes a tenth of that.
///
/// ```
/// use shm_ring::{Contents, Options};
/// for listed in shm_ring::list(&Options::new())? {
///     match listed.snapshot {
///         Ok(snapshot) if matches!(snapshot.contents, Contents::Latest { .. }) => {}
///         Ok(snapshot) => println!("{}: {} bytes unread", listed.name, snapshot.unread_bytes()),
///         Err(error) => println!("{error}"),
///     }
/// }
/// # Ok::<(), shm_ring::Error>(())
/// ```
///
/// # Errors
/// [`Error::Os`] if /dev/shm cannot be read.
pub fn list(options: &Options) -> Result<Vec<Listed>, Error> {
    Watch::new(options).list()
}

impl Watch {
    /// What [`list`] finds now.
    ///
    /// # Errors
    /// As [`list`].
    pub fn list(&mut self) -> Result<Vec<Listed>, Error> {
        let names = names()?;
        let seen = self.look(names.iter().map(String::as_str));
        let all = names.into_iter().zip(seen).map(|(name, snapshot)| Listed { name, snapshot });
        Ok(all.filter(|found| !found.snapshot.as_ref().is_err_and(says_nothing)).collect())
    }
}

/// Whether it is no ring, or one that nobody asked for.
fn says_nothing(error: &Error) -> bool {
    match error {
        Error::NotARing { .. } | Error::NotRegular { .. } | Error::NotFound { .. } => true,
        Error::ForeignOwner { .. } | Error::HardLinked { .. } => true,
        // Too short to say that it is one.
        Error::WrongLength { found, .. } => *found < 256,
        // Nothing that we may read.
        Error::Os { .. } => true,
        _ => false,
    }
}
