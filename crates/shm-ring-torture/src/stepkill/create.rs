//! Owns: a creator killed at any instruction: under the name there is nothing or a whole region, and nothing else is left
//! behind. Knows nothing of: how other operations are killed.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use nix::sys::signal::Signal;
use shm_ring::{Error, Latest, MessageRing, Options, Region, Ring};
use shm_ring_outsider::{Descriptor, Header, Region as _};

use super::judge::Seen;
use super::kind::{Kind, options};
use super::latest;
use super::messages::Messages;
use super::perform::{between_marks, end_if_it_hangs};
use super::successors::{Survivor, after_producer};
use super::tally::Tally;
use super::window::{Arena, Outcome, advance, created, os};
use crate::trace::{Step, Traced};

/// The label of what is created.
pub(super) const LABEL: &str = "killed while creating";

/// How a region is created.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// A name under /dev/shm.
    Named,
    /// A file in a directory of its own there: whatever else appeared would be seen.
    SharedMemory,
    /// A file in a directory of its own on a disk.
    Disk,
}

impl Way {
    pub(crate) const ALL: [Self; 3] = [Self::Named, Self::SharedMemory, Self::Disk];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Named => "named",
            Self::SharedMemory => "file in memory",
            Self::Disk => "file on disk",
        }
    }
}

/// What is created.
pub(crate) trait Made: Sized {
    /// What the report calls the creation of one.
    const CREATE: &'static str;

    fn options() -> Options;
    /// The header that it must have, but for what is never the same twice.
    fn header() -> Header;
    fn create(region: Region, options: &Options) -> Result<Self, Error>;
    fn open(region: Region, options: &Options) -> Result<Self, Error>;
    fn open_or_create(region: Region, options: &Options) -> Result<Self, Error>;
    /// Checks that others go on with what is there. `turn` decides who comes first.
    fn goes_on(self, turn: u64) -> Outcome<()>;
}

fn ring_goes_on<K: Kind>(ring: K::Ring, turn: u64) -> Outcome<()> {
    let seen = Seen { added: 0, taken: 0, session: 0, first: 1, records: 0 };
    let survivor = Survivor::Nobody { victim_first: turn.is_multiple_of(2) };
    after_producer::<K>(&Arena::over(ring, K::header().labelled(LABEL))?, survivor, &seen)
}

macro_rules! made {
    ($made:ty, $name:literal, $options:expr, $header:expr, $goes_on:expr) => {
        impl Made for $made {
            const CREATE: &'static str = $name;

            fn options() -> Options {
                $options.label(LABEL)
            }

            fn header() -> Header {
                $header.labelled(LABEL)
            }

            fn create(region: Region, options: &Options) -> Result<Self, Error> {
                Self::create(region, options)
            }

            fn open(region: Region, options: &Options) -> Result<Self, Error> {
                Self::open_with(region, options)
            }

            fn open_or_create(region: Region, options: &Options) -> Result<Self, Error> {
                Self::open_or_create(region, options)
            }

            fn goes_on(self, turn: u64) -> Outcome<()> {
                $goes_on(self, turn)
            }
        }
    };
}

type Value = [u8; 13];

made!(Ring<u64>, "create", u64::options(), <u64 as Kind>::header(), ring_goes_on::<u64>);
made!(
    MessageRing,
    "messages, create",
    Messages::<8>::options(),
    Messages::<8>::header(),
    ring_goes_on::<Messages<8>>
);
made!(
    Latest<Value>,
    "latest, create",
    options(),
    Header::latest(size_of::<Value>() as u64, 1),
    |latest: Self, _| latest::after_creation(&latest)
);

/// A directory of our own, and what is created in it.
#[derive(Debug)]
struct Place {
    way: Way,
    directory: PathBuf,
    file: String,
}

/// Everything under the names that are ours goes.
impl Drop for Place {
    fn drop(&mut self) {
        match self.way {
            Way::Named => drop(fs::remove_file(self.path())),
            Way::SharedMemory | Way::Disk => drop(fs::remove_dir_all(&self.directory)),
        }
    }
}

impl Place {
    fn new(way: Way) -> Outcome<Self> {
        let own = format!("shm-ring-torture-{}-create", std::process::id());
        let shm = Path::new("/dev/shm");
        let (directory, file) = match way {
            Way::Named => (shm.to_owned(), own),
            Way::SharedMemory => (shm.join(own), "ring".to_owned()),
            Way::Disk => (std::env::temp_dir().join(own), "ring".to_owned()),
        };
        if way != Way::Named {
            fs::create_dir(&directory).map_err(os("a directory"))?;
        }
        Ok(Self { way, directory, file })
    }

    fn path(&self) -> PathBuf {
        self.directory.join(&self.file)
    }

    fn region(&self) -> Region {
        match self.way {
            Way::Named => Region::named(self.file.as_str()),
            Way::SharedMemory | Way::Disk => Region::file(self.path()),
        }
    }

    /// Whether the region is there; or what is there and must not be.
    fn look(&self) -> Outcome<bool> {
        if self.way == Way::Named {
            // Others use that directory too: only the name itself can be told to be ours.
            return Ok(self.path().symlink_metadata().is_ok());
        }
        let mut there = false;
        for entry in fs::read_dir(&self.directory).map_err(os("listing a directory"))? {
            let name = entry.map_err(os("listing a directory"))?.file_name();
            if name != self.file.as_str() {
                return Err(format!("{name:?} is there and must not be"));
            }
            there = true;
        }
        Ok(there)
    }

    /// Checks what a process finds that opens the name.
    fn open<M: Made>(&self, there: bool) -> Outcome<()> {
        match (M::open(self.region(), &M::options()), there) {
            (Err(Error::NotFound { .. }), false) => return Ok(()),
            (Ok(_), true) => {}
            (other, _) => {
                return Err(format!("the name is there: {there}; opening it: {:?}", other.err()));
            }
        }
        let file = Descriptor::open(self.path()).map_err(os("opening the file"))?;
        let mode = file.file().metadata().map_err(os("asking about the file"))?.mode() & 0o777;
        if mode != 0o600 {
            return Err(format!("the mode is {mode:o} and not 600"));
        }
        created(&file.all(), M::header()).map(drop)
    }

    fn child<M: Made>(&self) -> Outcome<Traced> {
        let mut child = Traced::start(|| {
            end_if_it_hangs();
            let (region, options) = (self.region(), M::options());
            let made = between_marks(|| M::create(region, &options));
            i32::from(made.is_err())
        })
        .map_err(os("tracing"))?;
        match child.go().map_err(os("tracing"))? {
            Step::Signalled(Signal::SIGSTOP) => Ok(child),
            other => Err(format!("a child did not get ready: {other:?}")),
        }
    }
}

/// Steps through a creation: the addresses of its instructions.
pub(crate) fn images<M: Made>(way: Way, tally: &mut Tally) -> Outcome<Vec<u64>> {
    let place = Place::new(way)?;
    let mut child = place.child::<M>()?;
    let (mut path, mut was_there, mut images) = (Vec::new(), None, 0);
    loop {
        let at = |what| format!("after instruction {}, image: {what}", path.len());
        let there = place.look().map_err(at)?;
        if was_there == Some(true) && !there {
            return Err(at("the name is gone again".to_owned()));
        }
        if was_there != Some(there) || there {
            place.open::<M>(there).map_err(at)?;
            images += 1;
        }
        was_there = Some(there);
        let address = child.instruction().map_err(os("tracing"))?;
        match child.step().map_err(os("tracing"))? {
            Step::Stopped if path.len() < 1_000_000 => path.push(address),
            Step::Signalled(Signal::SIGSTOP) => break,
            other => return Err(at(format!("it hangs or ended: {other:?}"))),
        }
    }
    if was_there != Some(true) {
        return Err("it returned and there is no region".to_owned());
    }
    match child.go().map_err(os("tracing"))? {
        Step::Exited(0) => {}
        other => return Err(format!("creating failed: {other:?}")),
    }
    tally.window(path.len() as u64, images);
    Ok(path)
}

/// Kills a creator after `steps` instructions.
pub(crate) fn kill<M: Made>(way: Way, steps: u64, path: &[u64]) -> Outcome<()> {
    if !kill_one::<M>(way, steps, path)? && steps < path.len() as u64 {
        // It went another way and missed the breakpoint.
        kill_one::<M>(way, steps, &[])?;
    }
    Ok(())
}

/// Whether the kill was inside of the creation, and not behind it.
fn kill_one<M: Made>(way: Way, steps: u64, path: &[u64]) -> Outcome<bool> {
    let at = |what| format!("killed after instruction {steps}: {what}");
    let place = Place::new(way)?;
    let mut child = place.child::<M>()?;
    let inside = advance(&mut child, steps, path).map_err(at)?;
    drop(child);
    let there = place.look().map_err(at)?;
    place.open::<M>(there).map_err(at)?;
    let made = M::open_or_create(place.region(), &M::options())
        .map_err(|error| at(format!("nobody can go on: {error}")))?;
    made.goes_on(steps).map_err(at)?;
    Ok(inside)
}
