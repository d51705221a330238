//! How a ring is named on the command line. It must not open anything.

use std::path::PathBuf;
use std::str::FromStr;

use shm_ring::Region;

/// Which ring is meant: a name under /dev/shm, a descriptor of a process, or a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    Name(String),
    Descriptor { pid: u32, fd: u32 },
    File(PathBuf),
}

impl FromStr for Target {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Some((pid, fd)) = text.split_once(':')
            && let (Ok(pid), Ok(fd)) = (pid.parse(), fd.parse())
        {
            return Ok(Self::Descriptor { pid, fd });
        }
        // As shm_open has it, one slash in front belongs to a name.
        let bare = text.strip_prefix('/').unwrap_or(text);
        if bare.contains('/') || bare == "." || bare == ".." {
            return Ok(Self::File(text.into()));
        }
        if bare.is_empty() {
            return Err("a ring has a name: NAME, PID:FD, or a path such as ./FILE".to_owned());
        }
        Ok(Self::Name(bare.to_owned()))
    }
}

impl Target {
    pub(crate) fn region(&self) -> Region {
        match self {
            Self::Name(name) => Region::named(name),
            Self::Descriptor { pid, fd } => Region::of_process(*pid, *fd),
            Self::File(path) => Region::file(path),
        }
    }

    /// Whether a ring can be created there.
    pub(crate) fn has_a_name(&self) -> bool {
        !matches!(self, Self::Descriptor { .. })
    }
}

impl std::fmt::Display for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::Descriptor { pid, fd } => write!(f, "{pid}:{fd}"),
            Self::File(path) => write!(f, "{}", path.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_descriptors_and_paths_are_told_apart() {
        let name = |name: &str| Ok(Target::Name(name.to_owned()));
        let file = |path: &str| Ok(Target::File(path.into()));
        for (text, expected) in [
            ("ticks", name("ticks")),
            ("/ticks", name("ticks")),
            ("12:ticks", name("12:ticks")),
            ("12:3", Ok(Target::Descriptor { pid: 12, fd: 3 })),
            ("./ticks", file("./ticks")),
            ("/dev/shm/ticks", file("/dev/shm/ticks")),
            ("a/b", file("a/b")),
        ] {
            assert_eq!(text.parse::<Target>(), expected, "{text}");
        }
        assert!("".parse::<Target>().is_err() && "/".parse::<Target>().is_err());
    }
}
