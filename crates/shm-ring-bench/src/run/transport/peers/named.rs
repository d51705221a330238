//! What names files: those of one run have a prefix of its own in their names, by which the parent removes what
//! the sides made, and what a side that was killed left. It must not know who makes what.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::run::transport::{Fault, Handle, Made, fresh_name};

const SEGMENTS: &str = "/dev/shm";
/// How long a side waits for what the other makes.
const PATIENCE: Duration = Duration::from_secs(10);

/// The names of one run; dropping it removes what has one.
pub(super) struct Named {
    prefix: String,
    holds: Option<u64>,
}

impl Named {
    pub(super) fn new() -> Self {
        Self { prefix: format!("{}_", fresh_name()), holds: None }
    }

    /// Says how many bytes of messages stand in memory that the sides share.
    pub(super) fn holding(mut self, bytes: usize) -> Self {
        self.holds = Some(bytes as u64);
        self
    }
}

/// Where what is not a segment is kept.
pub(super) fn directory(prefix: &str) -> PathBuf {
    std::env::temp_dir().join(prefix.trim_end_matches('_'))
}

/// The file of a ring among the segments.
pub(super) fn segment(prefix: &str) -> PathBuf {
    among_segments(&format!("{prefix}ring"))
}

/// Something of that name among the segments.
pub(super) fn among_segments(name: &str) -> PathBuf {
    Path::new(SEGMENTS).join(name)
}

/// Opens what the other side makes, trying until it is there.
pub(super) fn once_there<T, E: std::fmt::Debug>(
    what: &str,
    mut open: impl FnMut() -> Result<T, E>,
) -> Result<T, Fault> {
    let start = Instant::now();
    loop {
        match open() {
            Ok(opened) => return Ok(opened),
            Err(error) if start.elapsed() > PATIENCE => {
                return Err(Fault::new(what, format_args!("{error:?}")));
            }
            Err(_) => std::thread::sleep(Duration::from_micros(100)),
        }
    }
}

impl Made for Named {
    fn handle(&self) -> Handle {
        Handle { prefix: self.prefix.clone(), ..Handle::default() }
    }

    fn holds(&self) -> Option<u64> {
        self.holds
    }
}

impl Drop for Named {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(directory(&self.prefix));
        for entry in fs::read_dir(SEGMENTS).into_iter().flatten().flatten() {
            // Some put a word of their own before it.
            if entry.file_name().to_string_lossy().contains(&self.prefix) {
                let is_directory = entry.file_type().is_ok_and(|kind| kind.is_dir());
                let remove = if is_directory { fs::remove_dir_all } else { fs::remove_file };
                let _ = remove(entry.path());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_the_prefix_in_its_name_goes_and_nothing_else_does() {
        let [ours, other] = [Named::new(), Named::new()];
        for named in [&ours, &other] {
            fs::write(segment(&named.prefix), "left by a side that was killed").unwrap();
            fs::create_dir(directory(&named.prefix)).unwrap();
            fs::create_dir(among_segments(&format!("own.{}files", named.prefix))).unwrap();
        }
        let gone = ours.prefix.clone();
        drop(ours);
        assert!(!segment(&gone).exists() && !directory(&gone).exists());
        assert!(!among_segments(&format!("own.{gone}files")).exists());
        assert!(among_segments(&format!("own.{}files", other.prefix)).exists());
        assert!(segment(&other.prefix).exists() && directory(&other.prefix).exists());
    }
}
