//! Owns: how a ring is named on the command line: as with the command `shm-ring`, but it must have a name. Knows nothing of:
//! what is opened there.

use std::path::PathBuf;
use std::str::FromStr;

use shm_ring::Region;

/// A name under /dev/shm, or a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    Name(String),
    File(PathBuf),
}

impl FromStr for Target {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        // As shm_open has it, one slash in front belongs to a name.
        let bare = text.strip_prefix('/').unwrap_or(text);
        if bare.contains('/') || bare == "." || bare == ".." {
            return Ok(Self::File(text.into()));
        }
        if bare.is_empty() {
            return Err("a ring has a name, or a path such as ./FILE".to_owned());
        }
        Ok(Self::Name(bare.to_owned()))
    }
}

impl Target {
    pub(crate) fn region(&self) -> Region {
        self.beside("")
    }

    /// The region whose name has `suffix` behind it.
    pub(crate) fn beside(&self, suffix: &str) -> Region {
        match self {
            Self::Name(name) => Region::named(format!("{name}{suffix}")),
            Self::File(path) => {
                let mut path = path.clone().into_os_string();
                path.push(suffix);
                Region::file(path)
            }
        }
    }

    /// Its last component.
    pub(crate) fn bare(&self) -> String {
        match self {
            Self::Name(name) => name.clone(),
            Self::File(path) => path.file_name().unwrap_or_default().to_string_lossy().into_owned(),
        }
    }
}

impl std::fmt::Display for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::File(path) => write!(f, "{}", path.display()),
        }
    }
}
