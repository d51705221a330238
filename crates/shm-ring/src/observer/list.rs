//! Owns: looking at many regions, and finding those that have names. Knows nothing of: what a snapshot has in it.

use super::{Observer, Snapshot};
use crate::error::Error;
use crate::options::Options;
use crate::region::procfs::Processes;
use crate::region::{Region, names};

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
    /// The name under /dev/shm, without a slash: what [`Region::named`] takes.
    pub name: String,
    /// Its state, or why it cannot be read although it begins as a ring does.
    pub snapshot: Result<Snapshot, Error>,
}

/// The rings and latest values under /dev/shm that belong to this user, by name. Of the options,
/// [`any_owner`](Options::any_owner) and [`mode`](Options::mode) say whose are looked at.
///
/// Other files are skipped, and so are files that this user may not read. It looks at one region after the other, and once
/// at each process that uses one: some 50 microseconds a ring.
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
    let mut processes = Processes::default();
    let mut found = Vec::new();
    for name in names()? {
        let snapshot = Observer::look_at(Region::named(name.as_str()), options, &mut processes);
        if !snapshot.as_ref().is_err_and(says_nothing) {
            found.push(Listed { name, snapshot });
        }
    }
    Ok(found)
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

impl Observer {
    /// The state of each of `regions` now: as [`snapshot`](Self::snapshot) of one after the other, but it looks at
    /// each process only once. Of the options, [`any_owner`](Options::any_owner) and [`mode`](Options::mode) matter.
    ///
    /// ```
    /// use shm_ring::{Latest, Observer, Options, Region, Ring};
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let options = Options::new();
    /// let ticks = Ring::<u64>::create(Region::memfd("ticks"), &options)?;
    /// let speed = Latest::<f64>::create(Region::memfd("speed"), &options)?;
    /// let fds = [ticks.descriptor().try_clone_to_owned()?, speed.descriptor().try_clone_to_owned()?];
    /// let seen = Observer::snapshots(fds.map(Region::descriptor), &options);
    /// assert!(seen.iter().all(|snapshot| snapshot.is_ok()));
    /// # Ok(())
    /// # }
    /// ```
    pub fn snapshots(
        regions: impl IntoIterator<Item = impl Into<Region>>,
        options: &Options,
    ) -> Vec<Result<Snapshot, Error>> {
        let mut processes = Processes::default();
        let look = |region| Self::look_at(region, options, &mut processes);
        regions.into_iter().map(look).collect()
    }

    fn look_at(
        region: impl Into<Region>,
        options: &Options,
        processes: &mut Processes,
    ) -> Result<Snapshot, Error> {
        Ok(Self::open_with(region, options)?.snapshot_beside(processes))
    }
}
