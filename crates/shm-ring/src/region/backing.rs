//! Owns: a region that exists: an open descriptor, the path that led to it, and what is done when the last handle goes.
//! Knows nothing of: rings; what is done at the end is handed in.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use rustix::fs::{Stat, fstat, lstat};
use rustix::io::Errno;

use super::descriptor::{Access, duplicate, identity, reopen};
use super::named::NamedFile;
use super::procfs;
use crate::error::{Error, os};
use crate::process::{Descriptor, Process};

/// The descriptor of a region. No child keeps one that was made for one role, or it would keep the role with it.
#[derive(Debug)]
pub(crate) enum Held {
    OfAnyRole(OwnedFd),
    OfOneRole(Descriptor),
}

impl AsFd for Held {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Self::OfAnyRole(fd) => fd.as_fd(),
            Self::OfOneRole(fd) => fd.as_fd(),
        }
    }
}

/// A region that exists.
#[derive(Debug)]
pub(crate) struct Backing {
    pub(crate) fd: Held,
    pub(crate) region: String,
    /// The path by which it was created or opened, from the root. A memfd and a descriptor have none, and their link count
    /// says nothing.
    path: Option<PathBuf>,
    /// Where `fd` is a description made for one role alone: whether that is taken. All locks by it are one holder's, who
    /// could take the same role twice.
    taken: Option<Mutex<bool>>,
    farewell: Option<Farewell>,
}

/// What the process that asked for it does when its last handle goes: a forked child has a copy of this.
#[derive(Debug)]
struct Farewell {
    process: Process,
    say: fn(&Backing),
}

impl Backing {
    pub(crate) fn new(fd: OwnedFd, region: String, path: Option<PathBuf>) -> Self {
        Self { fd: Held::OfAnyRole(fd), region, path, taken: None, farewell: None }
    }

    /// That takes one role, by the description of `fd` itself.
    pub(super) fn for_one_role(fd: BorrowedFd<'_>, region: String) -> Result<Self, Error> {
        let fd = Descriptor::open(|| duplicate(fd, &region))?;
        let taken = Some(Mutex::new(false));
        Ok(Self { fd: Held::OfOneRole(fd), region, path: None, taken, farewell: None })
    }

    /// Has `say` called when this is dropped, by this process alone.
    pub(crate) fn at_the_end(mut self, say: fn(&Self)) -> Self {
        self.farewell = Some(Farewell { process: Process::this(), say });
        self
    }

    /// Where its name stands, if it was created or opened by one.
    pub(crate) fn place(&self) -> Option<Result<NamedFile, Error>> {
        self.path.as_deref().map(NamedFile::file)
    }

    /// A description for a lease, which needs one that nobody else has. [`not_taken`](Self::not_taken) if no lease comes
    /// of it.
    pub(crate) fn description(&self) -> Result<Descriptor, Error> {
        let Some(taken) = &self.taken else { return Descriptor::open(|| self.reopen()) };
        let refused = |why: &str| Err(Error::InvalidOptions { why: why.to_owned() });
        if matches!(&self.fd, Held::OfOneRole(fd) if !fd.is_ours()) {
            return refused(
                "the descriptor was made for one role, and a forked child has none of it",
            );
        }
        let mut taken = taken.lock().unwrap_or_else(PoisonError::into_inner);
        if *taken {
            return refused(
                "the descriptor was made for one role, and one has been taken by it: ask for another \
                 (descriptor_for_one_role)",
            );
        }
        let description = Descriptor::open(|| duplicate(self.fd.as_fd(), &self.region))?;
        *taken = true;
        Ok(description)
    }

    pub(crate) fn not_taken(&self) {
        if let Some(taken) = &self.taken {
            *taken.lock().unwrap_or_else(PoisonError::into_inner) = false;
        }
    }

    /// A new description of the same file.
    pub(crate) fn reopen(&self) -> Result<OwnedFd, Error> {
        reopen(self.fd.as_fd(), Access::ReadWrite)
            .map_err(|errno| os(&self.region, "open(/proc/self/fd)", errno))
    }

    /// The pid namespace of this process, for who reads its process id; 0 if that cannot be asked. By a descriptor for one
    /// role nothing is asked by a path: a sandbox may end a process that does.
    pub(crate) fn pid_namespace(&self) -> u64 {
        if self.taken.is_some() { 0 } else { procfs::pid_namespace().unwrap_or(0) }
    }

    /// The process id that somebody wrote down together with its pid namespace, if that is ours.
    pub(crate) fn meaningful(&self, signature: (u32, u64)) -> Option<u32> {
        procfs::meaningful(signature, || Some(self.pid_namespace()))
    }

    /// What the file is like now, by its descriptor.
    pub(crate) fn stat(&self) -> Result<Stat, Error> {
        fstat(&self.fd).map_err(|errno| os(&self.region, "fstat", errno))
    }

    /// The length of the region in bytes, by its descriptor.
    pub(crate) fn len(&self) -> Result<u64, Error> {
        Ok(self.stat()?.st_size as u64)
    }

    /// How many names the file has.
    // The count is narrower on other processors.
    #[allow(clippy::useless_conversion)]
    pub(crate) fn links(&self) -> Result<u64, Error> {
        Ok(self.stat()?.st_nlink.into())
    }

    /// Refuses a region that was created or opened by a name and has none any more.
    pub(crate) fn refuse_nameless(&self) -> Result<(), Error> {
        if self.path.is_some() && self.links()? == 0 {
            return Err(Error::NameGone { region: self.region.clone() });
        }
        Ok(())
    }

    /// Whether the name by which it was created or opened is known to lead elsewhere, or nowhere. Never without a name, and
    /// not if the question is refused.
    pub(crate) fn has_lost_its_name(&self) -> bool {
        let Some(path) = &self.path else { return false };
        match (lstat(path), fstat(&self.fd)) {
            (Ok(there), Ok(ours)) => identity(&there) != identity(&ours),
            (Err(Errno::NOENT | Errno::NOTDIR), _) => true,
            (Err(_), _) | (_, Err(_)) => false,
        }
    }

    /// Whether the name by which it was opened leads to it still, and it is as it was then: what opening it again would find.
    pub(crate) fn stands_as(&self, then: &Stat) -> bool {
        self.path.as_deref().and_then(|path| lstat(path).ok()).is_some_and(|now| {
            let all = |of: &Stat| (identity(of), of.st_mode, of.st_uid, of.st_nlink, of.st_size);
            let changed = |of: &Stat| (of.st_ctime, of.st_ctime_nsec);
            all(&now) == all(then) && changed(&now) == changed(then)
        })
    }

    /// Reads up to `buffer.len()` bytes at `offset`; a short answer is the end of the region.
    pub(crate) fn read(&self, buffer: &mut [u8], offset: u64) -> Result<usize, Error> {
        let mut done = 0;
        while done < buffer.len() {
            match rustix::io::pread(&self.fd, &mut buffer[done..], offset + done as u64) {
                Ok(0) => break,
                Ok(read) => done += read,
                Err(Errno::INTR) => {}
                Err(errno) => return Err(os(&self.region, "pread", errno)),
            }
        }
        Ok(done)
    }
}

impl Drop for Backing {
    fn drop(&mut self) {
        if let Some(Farewell { process, say }) = self.farewell {
            if process.is_this() {
                say(self);
            }
        }
    }
}
