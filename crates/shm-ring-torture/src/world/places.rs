//! Where the rings of the campaign have their names: a few in a directory of its own under /dev/shm, one directly there,
//! and some in a file system of little memory. One ring has no name: its descriptor is inherited.
//!
//! Owns: the names, and that nothing is left of them. Knows nothing of: who uses them.

use std::fs::File;
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::{Path, PathBuf};

use shm_ring::{Error, Options, Region, Ring};

use super::forms::Item;
use super::mounts;
use crate::rng::Rng;

/// How many items a ring of a place has.
const ITEMS: usize = 24;
/// And one where there is memory for one ring, and for none beside it: 128 KiB.
const MANY: usize = 8192;
/// The place whose name is removed by other means too.
const TORN: usize = 3;
/// The place of rings of messages.
pub(super) const LINES: usize = 4;
/// The place of latest values.
const NEWEST: usize = 5;
/// The place without a name.
pub(super) const GIVEN: usize = 6;
/// The place of those with room for one. It is the last, since it may not be there.
const LITTLE: usize = 7;

/// What there is at a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Carries {
    Values,
    Messages,
    Newest,
}

pub(super) struct Places {
    directory: PathBuf,
    paths: Vec<PathBuf>,
    given: OwnedFd,
    /// A directory with nothing in it.
    empty: PathBuf,
    pub(super) small: Result<(), String>,
}

impl Places {
    /// In a mount namespace of this process, where it may have one.
    pub(super) fn new() -> std::io::Result<Self> {
        let name = format!("shm-ring-torture-{}-world", std::process::id());
        let directory = Path::new("/dev/shm").join(&name);
        let (little, empty) = (directory.join("little"), directory.join("empty"));
        std::fs::create_dir_all(&little)?;
        std::fs::create_dir_all(&empty)?;
        let ring = Ring::<Item>::create(Region::memfd("given"), &Options::new().items(ITEMS));
        let given = ring.map_err(std::io::Error::other)?.descriptor().try_clone_to_owned()?;
        // Room for one ring of [`MANY`], and for none beside it.
        let small = mounts::over(&little, "tmpfs", "size=192k");
        let mut paths = vec![
            directory.join("one"),
            directory.join("two"),
            Path::new("/dev/shm").join(format!("{name}-name")),
            directory.join("torn"),
            directory.join("lines"),
            directory.join("newest"),
            // Of every process that inherits it.
            PathBuf::from(format!("/proc/self/fd/{}", given.as_raw_fd())),
        ];
        if small.is_ok() {
            paths.push(little.join("ring"));
        }
        Ok(Self { directory, paths, given, empty, small })
    }

    pub(super) fn count(&self) -> usize {
        self.paths.len()
    }

    /// Any, and more seldom the one of little memory, where creating waits for room.
    pub(super) fn one(&self, rng: &mut Rng) -> usize {
        match rng.below(18) {
            0 => self.paths.len() - 1,
            n @ 1..=6 => n as usize / 2 + TORN,
            n => n as usize % TORN,
        }
    }

    pub(super) fn carries(&self, place: usize) -> Carries {
        match place {
            LINES => Carries::Messages,
            NEWEST => Carries::Newest,
            _ => Carries::Values,
        }
    }

    /// Whether there is a name that can be removed and replaced.
    pub(super) fn has_name(&self, place: usize) -> bool {
        place != GIVEN
    }

    /// Another description of the ring without a name, for one role of one process.
    pub(super) fn describe(&self) -> std::io::Result<OwnedFd> {
        Ok(File::options().read(true).write(true).open(&self.paths[GIVEN])?.into())
    }

    /// Leaves this process no file system and no `/proc`, if it may do that.
    pub(super) fn shut_in(&self) -> bool {
        nix::unistd::chroot(&self.empty).is_ok() && nix::unistd::chdir("/").is_ok()
    }

    pub(super) fn path(&self, place: usize) -> &Path {
        &self.paths[place]
    }

    /// Replacing one there leaves a temporary name if its process is killed, which nobody could call ours.
    pub(super) fn is_shared(&self, place: usize) -> bool {
        place == 2
    }

    /// Whether names go there without a look at who uses what they lead to.
    pub(super) fn is_torn(&self, place: usize) -> bool {
        place == TORN
    }

    pub(super) fn is_little(&self, place: usize) -> bool {
        place == LITTLE
    }

    pub(super) fn region(&self, place: usize) -> Region {
        let path = &self.paths[place];
        match place {
            GIVEN => match self.given.try_clone() {
                Ok(given) => Region::descriptor(given),
                // It says what is wrong.
                Err(_) => Region::file(path),
            },
            _ if self.is_shared(place) => {
                Region::named(path.file_name().unwrap_or_default().to_string_lossy())
            }
            _ => Region::file(path),
        }
    }

    /// Removes the name of what nobody uses; of a latest value with the value, which nobody reads to its end.
    pub(super) fn remove(&self, place: usize) -> Result<(), Error> {
        let (region, options) = (self.region(place), self.options(place));
        match self.carries(place) {
            Carries::Newest => region.unlink_unused_and_discard(&options),
            _ => region.unlink_unused(&options),
        }
    }

    /// What every process of the campaign asks for, so that all agree.
    pub(super) fn options(&self, place: usize) -> Options {
        match place {
            LINES => Options::new().bytes(1024),
            LITTLE => Options::new().items(MANY),
            _ => Options::new().items(ITEMS),
        }
    }

    /// Names that are there and should not be, and how many temporary ones were, which are no longer.
    pub(super) fn left_and_swept(&self) -> (Vec<String>, u64) {
        let mut left = Vec::new();
        let mut temporary = 0;
        for directory in [self.directory.clone(), self.directory.join("little")] {
            for entry in std::fs::read_dir(directory).into_iter().flatten().flatten() {
                let name = entry.file_name().to_string_lossy().into_owned();
                match name.starts_with(".shm-ring-") {
                    true => {
                        temporary += 1;
                        let _ = std::fs::remove_file(entry.path());
                    }
                    false if name != "little" && name != "empty" => left.push(name),
                    false => {}
                }
            }
        }
        left.extend(self.paths[2].exists().then(|| self.paths[2].display().to_string()));
        (left, temporary)
    }
}

impl Drop for Places {
    fn drop(&mut self) {
        for place in (0..self.count()).filter(|place| self.has_name(*place)) {
            let _ = std::fs::remove_file(&self.paths[place]);
        }
        // With what killed processes left in it.
        let _ = nix::mount::umount(&self.directory.join("little"));
        let _ = std::fs::remove_dir_all(&self.directory);
    }
}
