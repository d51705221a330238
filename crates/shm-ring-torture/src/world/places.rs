//! Where the rings of the campaign have their names: a few in a directory of its own under /dev/shm, one directly there,
//! and some in a file system of little memory.
//!
//! Owns: the names, and that nothing is left of them. Knows nothing of: who uses them.

use std::path::{Path, PathBuf};

use shm_ring::{Options, Region};

use super::mounts;
use crate::rng::Rng;

/// How many items a ring of a place has.
const ITEMS: usize = 24;
/// And one where there is memory for one ring, and for none beside it: 128 KiB.
const MANY: usize = 8192;
/// The place of those.
const LITTLE: usize = 4;
/// The place whose name is removed by other means too.
const TORN: usize = 3;

pub(super) struct Places {
    directory: PathBuf,
    paths: Vec<PathBuf>,
    pub(super) small: Result<(), String>,
}

impl Places {
    /// In a mount namespace of this process, where it may have one.
    pub(super) fn new() -> std::io::Result<Self> {
        let name = format!("shm-ring-torture-{}-world", std::process::id());
        let directory = Path::new("/dev/shm").join(&name);
        let little = directory.join("little");
        std::fs::create_dir_all(&little)?;
        // Room for one ring of [`MANY`], and for none beside it.
        let small = mounts::over(&little, "tmpfs", "size=192k");
        let mut paths = vec![
            directory.join("one"),
            directory.join("two"),
            Path::new("/dev/shm").join(format!("{name}-name")),
            directory.join("torn"),
        ];
        if small.is_ok() {
            paths.push(little.join("ring"));
        }
        Ok(Self { directory, paths, small })
    }

    pub(super) fn count(&self) -> usize {
        self.paths.len()
    }

    /// Any, and more seldom the one of little memory, where creating waits for room.
    pub(super) fn one(&self, rng: &mut Rng) -> usize {
        match rng.below(12) {
            0 => self.paths.len() - 1,
            1 => TORN,
            n => n as usize % TORN,
        }
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
        match self.is_shared(place) {
            true => {
                Region::named(self.paths[place].file_name().unwrap_or_default().to_string_lossy())
            }
            false => Region::file(&self.paths[place]),
        }
    }

    /// What every process of the campaign asks for, so that all agree.
    pub(super) fn options(&self, place: usize) -> Options {
        Options::new().items(if place == LITTLE { MANY } else { ITEMS })
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
                    false if name != "little" => left.push(name),
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
        for path in &self.paths {
            let _ = std::fs::remove_file(path);
        }
        // With what killed processes left in it.
        let _ = nix::mount::umount(&self.directory.join("little"));
        let _ = std::fs::remove_dir_all(&self.directory);
    }
}
