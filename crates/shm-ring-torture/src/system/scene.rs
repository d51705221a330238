//! Names and directories of one case. Whatever a case leaves behind, dropping this removes. It must
//! not know what stands under the names.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// The places in which a case may make something.
#[derive(Debug)]
pub(crate) struct Scene {
    prefix: String,
    directory: PathBuf,
    /// Whether everything is asked for, however long it takes.
    pub(crate) full: bool,
}

impl Scene {
    /// Made by the campaign, before the case's process.
    pub(crate) fn new(number: usize, full: bool) -> io::Result<Self> {
        let prefix = format!("shm-ring-torture-{}-system-{number}", std::process::id());
        let directory = std::env::temp_dir().join(&prefix);
        fs::create_dir(&directory)?;
        Ok(Self { prefix, directory, full })
    }

    /// A name under /dev/shm that nobody else has.
    pub(crate) fn name(&self, what: &str) -> String {
        format!("/{}-{what}", self.prefix)
    }

    /// Where that name stands.
    pub(crate) fn shm(&self, what: &str) -> PathBuf {
        Path::new("/dev/shm").join(&self.name(what)[1..])
    }

    /// A directory on the disk that has the temporary files.
    pub(crate) fn directory(&self) -> &Path {
        &self.directory
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }

    /// The names in the directory, sorted.
    pub(crate) fn files(&self) -> io::Result<Vec<String>> {
        names(&self.directory)
    }

    /// What a control group of this case is called.
    pub(crate) fn group(&self) -> &str {
        &self.prefix
    }

    /// The names of this case under /dev/shm.
    fn left_in_shm(&self) -> Vec<PathBuf> {
        let shm = Path::new("/dev/shm");
        let names = names(shm).unwrap_or_default();
        names.iter().filter(|name| name.starts_with(&self.prefix)).map(|n| shm.join(n)).collect()
    }
}

/// The names in a directory, sorted.
pub(crate) fn names(directory: &Path) -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(directory)? {
        names.push(entry?.file_name().to_string_lossy().into_owned());
    }
    names.sort();
    Ok(names)
}

impl Drop for Scene {
    fn drop(&mut self) {
        for path in self.left_in_shm() {
            let _ = fs::remove_file(&path).or_else(|_| fs::remove_dir_all(&path));
        }
        let _ = fs::remove_dir_all(&self.directory);
    }
}
