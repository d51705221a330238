//! Owns: looking at many regions, again and again: what is kept from one look to the next. Knows nothing of: what a snapshot
//! has in it.

use std::collections::HashMap;
use std::path::PathBuf;

use rustix::fs::Stat;

use super::snapshot::Holders;
use super::{Observer, Snapshot};
use crate::error::Error;
use crate::options::Options;
use crate::region::Region;
use crate::region::procfs::Processes;

/// How many regions are kept open at most: a process has 1024 descriptors, unless it asks for more.
const KEPT: usize = 256;

/// Looks at many rings and latest values, again and again, as a monitor does. Each look is one at each region after the other,
/// and one at each process that uses some of them.
///
/// It keeps the regions that have names mapped until the next look, up to 256 of them, so that it costs a tenth of opening
/// them anew. A ring that is removed or made anew meanwhile is seen as such, and its memory goes at that look: drop the watch
/// if the next one is far off. As an [`Observer`] it takes no role and writes nothing.
///
/// ```
/// use shm_ring::{Latest, Options, Region, Ring, Watch};
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let options = Options::new();
/// let ticks = Ring::<u64>::create(Region::memfd("ticks"), &options)?;
/// let speed = Latest::<f64>::create(Region::memfd("speed"), &options)?;
/// let fds = [ticks.descriptor().try_clone_to_owned()?, speed.descriptor().try_clone_to_owned()?];
/// let mut watch = Watch::new(&options);
/// let seen = watch.look(fds.map(Region::descriptor));
/// assert!(seen.iter().all(|snapshot| snapshot.is_ok()));
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Watch {
    options: Options,
    kept: HashMap<PathBuf, Kept>,
    looks: u64,
}

/// A region that was looked at.
struct Kept {
    observer: Observer,
    /// What its file was like when it was opened.
    file: Stat,
    holders: Holders,
    /// The number of the last look at it.
    look: u64,
}

impl Watch {
    /// Has seen nothing yet. Of the options, [`any_owner`](Options::any_owner) and [`mode`](Options::mode) say whose regions
    /// are looked at.
    #[must_use]
    pub fn new(options: &Options) -> Self {
        Self { options: options.clone(), kept: HashMap::new(), looks: 0 }
    }

    /// The state of each of `regions` now, as [`Observer::snapshot`] has it, or as [`Observer::open_with`] refuses it.
    pub fn look(
        &mut self,
        regions: impl IntoIterator<Item = impl Into<Region>>,
    ) -> Vec<Result<Snapshot, Error>> {
        let mut processes = Processes::default();
        self.looks += 1;
        let regions = regions.into_iter();
        let seen = regions.map(|region| self.look_at(region.into(), &mut processes)).collect();
        self.kept.retain(|_, kept| kept.look == self.looks);
        seen
    }

    fn look_at(&mut self, region: Region, processes: &mut Processes) -> Result<Snapshot, Error> {
        let path = region.path();
        let known = path.as_ref().and_then(|path| self.kept.get_mut(path));
        if let Some(kept) = known.filter(|kept| kept.observer.backing.stands_as(&kept.file)) {
            kept.look = self.looks;
            return Ok(kept.observer.snapshot_beside(processes, &mut kept.holders));
        }
        let observer = Observer::open_with(region, &self.options)?;
        let mut holders = Holders::default();
        let snapshot = observer.snapshot_beside(processes, &mut holders);
        if let (Some(path), Ok(file)) = (path, observer.backing.stat()) {
            // Also where something else stood there before.
            if self.kept.contains_key(&path) || self.kept.len() < KEPT {
                self.kept.insert(path, Kept { observer, file, holders, look: self.looks });
            }
        }
        Ok(snapshot)
    }
}

impl core::fmt::Debug for Kept {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        self.observer.fmt(f)
    }
}
