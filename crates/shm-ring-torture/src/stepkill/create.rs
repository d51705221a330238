//! Owns: a creator killed at any instruction: under the name there is nothing or a whole region, and nothing else is left
//! behind. Knows nothing of: how other operations are killed.

use std::fs;
use std::marker::PhantomData;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use shm_ring::{Error, Latest, MessageRing, Options, Region, Ring};
use shm_ring_outsider::{Descriptor, Header, Region as _, Side};

use super::judge::Seen;
use super::kind::{Kind, options};
use super::knife::{Done, FAILED, Kill, Outcome, Subject, Window, between_marks, os};
use super::latest;
use super::messages::Messages;
use super::rings::{Arena, created};
use super::successors::{Survivor, after};
use crate::trace::Traced;

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
    let arena = Arena::<K>::over(ring, K::header().labelled(LABEL))?;
    after(&arena, Side::Producer, survivor, &seen)
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
}

/// Creations of one kind, each in a place of its own.
pub(crate) struct Creations<M>(pub(crate) PhantomData<M>);

/// Where one child creates.
pub(crate) struct Stage {
    place: Place,
    kill: Option<Kill>,
    was_there: Option<bool>,
}

impl<M: Made> Subject for Creations<M> {
    type Scene = Way;
    type Stage = Stage;

    fn name(way: Way) -> String {
        format!("{}, {}", M::CREATE, way.name())
    }

    fn least(_: Way) -> (u64, u64) {
        (1000, 40)
    }

    fn says(&self, way: Way) -> String {
        Self::name(way)
    }

    fn stage(&self, way: Way, kill: Option<Kill>) -> Outcome<Stage> {
        Ok(Stage { place: Place::new(way)?, kill, was_there: None })
    }

    fn perform(&self, stage: &mut Stage) -> Done {
        let (region, options) = (stage.place.region(), M::options());
        let made = between_marks(|| M::create(region, &options));
        Ok(if made.is_ok() { 0 } else { FAILED })
    }

    fn look(&self, stage: &mut Stage, _: &Traced, window: &mut Window) -> Outcome<()> {
        let Stage { place, was_there, .. } = stage;
        let there = place.look()?;
        if *was_there == Some(true) && !there {
            return Err("the name is gone again".to_owned());
        }
        if *was_there != Some(there) || there {
            place.open::<M>(there)?;
            window.images += 1;
        }
        *was_there = Some(there);
        Ok(())
    }

    fn whole(&self, stage: Stage) -> Outcome<()> {
        match stage.was_there {
            Some(true) => Ok(()),
            _ => Err("it returned and there is no region".to_owned()),
        }
    }

    fn killed(&self, stage: Stage, child: Traced) -> Outcome<()> {
        drop(child);
        let Stage { place, kill, .. } = stage;
        place.open::<M>(place.look()?)?;
        let made = M::open_or_create(place.region(), &M::options())
            .map_err(|error| format!("nobody can go on: {error}"))?;
        made.goes_on(kill.map_or(0, |kill| kill.steps))
    }
}
