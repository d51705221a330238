//! Owns: a name in a directory: how a file gets there whole or not at all, and how one that stands there is looked at
//! before it is trusted. Knows nothing of: what is in the file.

use std::ffi::{OsStr, OsString};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use rustix::fs::{
    AtFlags, CWD, FileType, Gid, Mode, OFlags, RenameFlags, Stat, StatVfs, fchmod, fchown, fstat,
    fstatvfs, linkat, openat, renameat, renameat_with, statat, unlinkat,
};
use rustix::io::Errno;

use crate::error::{Error, io_error, os};
use crate::options::Options;
use crate::region::descriptor::{Access, identity, reopen};

const SHM: &str = "/dev/shm";
/// How the names begin of what is not whole yet.
const TEMPORARY: &str = ".shm-ring-";

/// The names under /dev/shm, sorted, of what may be whole. One of other bytes than UTF-8 cannot be given to
/// [`NamedFile::named`].
pub(crate) fn names() -> Result<Vec<String>, Error> {
    let entries = std::fs::read_dir(SHM).map_err(|source| io_error(SHM, "opendir", source))?;
    let names = entries.flatten().filter_map(|entry| entry.file_name().into_string().ok());
    let mut names: Vec<String> = names.filter(|name| !name.starts_with(TEMPORARY)).collect();
    names.sort_unstable();
    Ok(names)
}

/// A directory, opened, and a name in it.
#[derive(Debug)]
pub(crate) struct NamedFile {
    directory: OwnedFd,
    name: OsString,
    path: PathBuf,
}

impl NamedFile {
    /// `/name` or `name` under /dev/shm.
    pub(crate) fn named(name: &str) -> Result<Self, Error> {
        let bare = name.strip_prefix('/').unwrap_or(name);
        if bare.contains('/') {
            let why = "it has more than one component";
            return Err(Error::InvalidName { name: name.to_owned(), why });
        }
        Self::new(Path::new(SHM), OsStr::new(bare), name)
    }

    pub(crate) fn file(path: &Path) -> Result<Self, Error> {
        let shown = path.display().to_string();
        let Some(name) = path.file_name() else {
            return Err(Error::InvalidName { name: shown, why: "it does not end in a file name" });
        };
        let directory = match path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        Self::new(directory, name, &shown)
    }

    fn new(directory: &Path, name: &OsStr, shown: &str) -> Result<Self, Error> {
        let why = match name.as_bytes() {
            b"" => "it is empty",
            b"." | b".." => "it names a directory",
            bytes if bytes.contains(&0) => "it contains a NUL byte",
            bytes if bytes.len() > 255 => "it is longer than 255 bytes",
            _ => "",
        };
        if !why.is_empty() {
            return Err(Error::InvalidName { name: shown.to_owned(), why });
        }
        let path = directory.join(name);
        let flags = OFlags::DIRECTORY | OFlags::CLOEXEC | OFlags::RDONLY;
        let directory = rustix::fs::open(directory, flags, Mode::empty())
            .map_err(|errno| os(&path.display().to_string(), "open", errno))?;
        Ok(Self { directory, name: name.to_owned(), path })
    }

    fn show(&self) -> String {
        self.path.display().to_string()
    }

    fn fail(&self, call: &'static str, errno: Errno) -> Error {
        match errno {
            Errno::EXIST => Error::AlreadyExists { region: self.show() },
            Errno::NOENT => Error::NotFound { region: self.show() },
            _ => os(&self.show(), call, errno),
        }
    }

    /// Where it stands, whatever the working directory comes to be.
    pub(crate) fn absolute(&self) -> PathBuf {
        std::path::absolute(&self.path).unwrap_or_else(|_| self.path.clone())
    }

    /// Whether the file system has that many bytes free, for a privileged process at least. Yes if it does not say.
    pub(crate) fn has_room(&self, len: u64) -> bool {
        self.file_system().is_none_or(|fs| fs.f_bfree.saturating_mul(fs.f_frsize) >= len)
    }

    /// Whether it has that many bytes at all. Yes if it does not say.
    pub(crate) fn could_hold(&self, len: u64) -> bool {
        self.file_system().is_none_or(|fs| fs.f_blocks.saturating_mul(fs.f_frsize) >= len)
    }

    /// What the file system says of its size; `None` if it has no limit.
    fn file_system(&self) -> Option<StatVfs> {
        fstatvfs(&self.directory).ok().filter(|fs| fs.f_blocks != 0)
    }

    /// Makes a file that has no name, lets `fill` complete it, and links it here. A process killed
    /// on the way leaves nothing.
    pub(crate) fn create(
        &self,
        options: &Options,
        fill: impl Fn(BorrowedFd<'_>) -> Result<(), Error>,
    ) -> Result<OwnedFd, Error> {
        // A name that is taken fails before the work, and again, without a race, after it.
        if statat(&self.directory, &self.name, AtFlags::SYMLINK_NOFOLLOW).is_ok() {
            return Err(Error::AlreadyExists { region: self.show() });
        }
        match self.unnamed()? {
            Some(fd) => {
                self.complete(&fd, options, fill)?;
                self.link(fd.as_fd(), &self.name)?;
                Ok(fd)
            }
            None => self.create_by_rename(options, fill, |temporary| self.rename(temporary)),
        }
    }

    /// A file in the directory that has no name. `None` on file systems and kernels without O_TMPFILE.
    fn unnamed(&self) -> Result<Option<OwnedFd>, Error> {
        let flags = OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC;
        match openat(&self.directory, ".", flags, Mode::RUSR | Mode::WUSR) {
            Err(Errno::OPNOTSUPP | Errno::ISDIR | Errno::NOENT | Errno::INVAL) => Ok(None),
            answer => answer.map(Some).map_err(|errno| self.fail("open(O_TMPFILE)", errno)),
        }
    }

    fn complete(
        &self,
        fd: &OwnedFd,
        options: &Options,
        fill: impl Fn(BorrowedFd<'_>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let &Options { mode, group, .. } = options;
        // Before the memory is taken: this is what may be refused. And before the mode, of which it may take bits away.
        if let Some(group) = group {
            if group == u32::MAX {
                let why = format!("{group} is the number of no group");
                return Err(Error::InvalidOptions { why });
            }
            fchown(fd, None, Some(Gid::from_raw(group)))
                .map_err(|errno| self.fail("fchown", errno))?;
        }
        fill(fd.as_fd())?;
        // The umask has no say.
        fchmod(fd, Mode::from_raw_mode(mode & 0o777)).map_err(|errno| self.fail("fchmod", errno))
    }

    fn link(&self, fd: BorrowedFd<'_>, name: &OsStr) -> Result<(), Error> {
        let magic = format!("/proc/self/fd/{}", fd.as_raw_fd());
        linkat(CWD, magic, &self.directory, name, AtFlags::SYMLINK_FOLLOW).map_err(|errno| {
            match errno {
                // The directory is held: it is /proc that is not there.
                Errno::NOENT => os(&self.show(), "linkat", errno),
                errno => self.fail("linkat", errno),
            }
        })
    }

    /// The way without O_TMPFILE: a temporary name, which `rename` turns into the real one. A process
    /// killed on the way leaves that temporary name, and the real one as it was.
    fn create_by_rename(
        &self,
        options: &Options,
        fill: impl Fn(BorrowedFd<'_>) -> Result<(), Error>,
        rename: impl FnOnce(&OsStr) -> Result<(), Error>,
    ) -> Result<OwnedFd, Error> {
        let temporary = self.temporary_name()?;
        let flags =
            OFlags::CREATE | OFlags::EXCL | OFlags::RDWR | OFlags::CLOEXEC | OFlags::NOFOLLOW;
        let fd = openat(&self.directory, &temporary, flags, Mode::RUSR | Mode::WUSR)
            .map_err(|errno| self.fail("open(O_CREAT)", errno))?;
        let named = self.complete(&fd, options, fill).and_then(|()| rename(&temporary));
        self.named_or_gone(&temporary, named).map(|()| fd)
    }

    /// Takes away the temporary name of what did not get its own.
    fn named_or_gone(&self, temporary: &OsStr, named: Result<(), Error>) -> Result<(), Error> {
        if named.is_err() {
            let _ = unlinkat(&self.directory, temporary, AtFlags::empty());
        }
        named
    }

    fn temporary_name(&self) -> Result<OsString, Error> {
        let mut random = [0_u8; 8];
        rustix::rand::getrandom(&mut random, rustix::rand::GetRandomFlags::empty())
            .map_err(|errno| self.fail("getrandom", errno))?;
        let random = u64::from_ne_bytes(random);
        Ok(OsString::from(format!("{TEMPORARY}{random:016x}.tmp")))
    }

    /// Makes a file as [`create`](Self::create) does and renames it over the name, if that leads to `old` once `vacate`
    /// has seen to it that nobody uses that. The name is never absent.
    pub(crate) fn replace<G>(
        &self,
        old: BorrowedFd<'_>,
        options: &Options,
        fill: impl Fn(BorrowedFd<'_>) -> Result<(), Error>,
        vacate: impl FnOnce() -> Result<G, Error>,
    ) -> Result<OwnedFd, Error> {
        let rename = |temporary: &OsStr| {
            let _unused = vacate()?;
            self.refuse_unless_it_leads_to(old)?;
            renameat(&self.directory, temporary, &self.directory, &self.name)
                .map_err(|errno| self.fail("renameat", errno))
        };
        let Some(fd) = self.unnamed()? else {
            return self.create_by_rename(options, fill, rename);
        };
        self.complete(&fd, options, fill)?;
        // For as long as the locks take: a process killed here leaves this name, and the real one as it was.
        let temporary = self.temporary_name()?;
        self.link(fd.as_fd(), &temporary)?;
        self.named_or_gone(&temporary, rename(&temporary)).map(|()| fd)
    }

    /// A rename that replaces nothing.
    fn rename(&self, temporary: &OsStr) -> Result<(), Error> {
        let flags = RenameFlags::NOREPLACE;
        match renameat_with(&self.directory, temporary, &self.directory, &self.name, flags) {
            // File systems without RENAME_NOREPLACE: a second name, then away with the first.
            Err(Errno::INVAL | Errno::NOSYS) => {
                linkat(&self.directory, temporary, &self.directory, &self.name, AtFlags::empty())
                    .map_err(|errno| self.fail("linkat", errno))?;
                unlinkat(&self.directory, temporary, AtFlags::empty())
                    .map_err(|errno| self.fail("unlinkat", errno))
            }
            answer => answer.map_err(|errno| self.fail("renameat2", errno)),
        }
    }

    /// Opens what stands here, again if that lost its name meanwhile: the name may lead to another file at once, where one
    /// replaces the other.
    pub(crate) fn open(&self, options: &Options, access: Access) -> Result<OwnedFd, Error> {
        /// Each round is lost only to somebody who replaced or removed in between.
        const ROUNDS: u32 = 100;
        for _ in 0..ROUNDS {
            if let Some(fd) = self.open_once(options, access)? {
                return Ok(fd);
            }
        }
        Err(Error::NotFound { region: self.show() })
    }

    /// Opens what stands here: looked at through a descriptor that opens nothing, so that a
    /// planted pipe or device is not touched, and then that very file. `None` if it has no name any more.
    fn open_once(&self, options: &Options, access: Access) -> Result<Option<OwnedFd>, Error> {
        let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let found = openat(&self.directory, &self.name, flags, Mode::empty())
            .map_err(|errno| self.fail("open", errno))?;
        let region = self.show();
        let stat = check_kind_and_owner(found.as_fd(), &region, options)?;
        let mode = stat.st_mode & 0o777;
        if mode & !options.mode & 0o022 != 0 {
            return Err(Error::TooPermissive { region, found: mode, allowed: options.mode });
        }
        match stat.st_nlink {
            1 => {}
            // Unlinked between our two looks.
            0 => return Ok(None),
            // The count is narrower on other processors.
            #[allow(clippy::useless_conversion)]
            found => return Err(Error::HardLinked { region, found: found.into() }),
        }
        reopen(found.as_fd(), access).map(Some).map_err(|errno| match errno {
            // The file is held by `found`: it is the way to it that is not there.
            Errno::NOENT => os(&region, "open(/proc/self/fd)", errno),
            errno => self.fail("open", errno),
        })
    }

    pub(crate) fn unlink(&self) -> Result<(), Error> {
        unlinkat(&self.directory, &self.name, AtFlags::empty())
            .map_err(|errno| self.fail("unlink", errno))
    }

    /// Removes the name if it leads to `fd`: another region may have been made there.
    pub(crate) fn unlink_if_it_leads_to(&self, fd: BorrowedFd<'_>) -> Result<(), Error> {
        self.refuse_unless_it_leads_to(fd)?;
        self.unlink()
    }

    fn refuse_unless_it_leads_to(&self, fd: BorrowedFd<'_>) -> Result<(), Error> {
        let ours = fstat(fd).map_err(|errno| self.fail("fstat", errno))?;
        let there = statat(&self.directory, &self.name, AtFlags::SYMLINK_NOFOLLOW)
            .map_err(|errno| self.fail("stat", errno))?;
        match identity(&ours) == identity(&there) {
            true => Ok(()),
            false => Err(Error::NotFound { region: self.show() }),
        }
    }
}

/// Whoever has a region must be somebody we trust not to cut it, and it must be a file at all. `found`
/// may be a descriptor that opens nothing.
pub(crate) fn check_kind_and_owner(
    found: BorrowedFd<'_>,
    region: &str,
    options: &Options,
) -> Result<Stat, Error> {
    let stat = fstat(found).map_err(|errno| os(region, "fstat", errno))?;
    let kind = match FileType::from_raw_mode(stat.st_mode) {
        FileType::RegularFile => "",
        FileType::Symlink => "a symbolic link",
        FileType::Directory => "a directory",
        FileType::Fifo => "a FIFO",
        FileType::Socket => "a socket",
        FileType::CharacterDevice | FileType::BlockDevice => "a device",
        FileType::Unknown => "something unknown",
    };
    if !kind.is_empty() {
        return Err(Error::NotRegular { region: region.to_owned(), found: kind });
    }
    let wanted = rustix::process::geteuid().as_raw();
    if !options.any_owner && stat.st_uid != wanted {
        return Err(Error::ForeignOwner { region: region.to_owned(), found: stat.st_uid, wanted });
    }
    Ok(stat)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(name: &str) -> (PathBuf, NamedFile) {
        let directory = std::env::temp_dir().join(format!("{name}-{}", std::process::id()));
        std::fs::create_dir_all(&directory).unwrap();
        let place = NamedFile::file(&directory.join("ring")).unwrap();
        (directory, place)
    }

    #[test]
    fn the_way_without_tmpfile_replaces_nothing_and_leaves_nothing() {
        let (directory, place) = place("shm-ring-rename");
        let create = |fill: fn(BorrowedFd<'_>) -> Result<(), Error>| {
            place.create_by_rename(&Options::new(), fill, |temporary| place.rename(temporary))
        };
        create(|_| Ok(())).unwrap();
        let taken = create(|_| Ok(()));
        assert!(matches!(taken, Err(Error::AlreadyExists { .. })), "{taken:?}");
        place.unlink().unwrap();
        let failed = create(|_| Err(Error::InvalidOptions { why: "planted".to_owned() }));
        assert!(matches!(failed, Err(Error::InvalidOptions { .. })), "{failed:?}");
        assert_eq!(std::fs::read_dir(&directory).unwrap().count(), 0);
        std::fs::remove_dir(directory).unwrap();
    }

    #[test]
    fn names_that_cannot_be_are_refused() {
        for name in ["", "/", ".", "/..", "a/b", "a\0b", &"x".repeat(256)] {
            assert!(matches!(NamedFile::named(name), Err(Error::InvalidName { .. })), "{name:?}");
        }
    }
}
