//! Owns: where the memory comes from: a name under /dev/shm, a file, a memfd, or a descriptor that was received. Knows
//! nothing of: rings; it is told a length and the bytes to start with.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::fs::{SealFlags, fcntl_add_seals};

mod allocation;
mod backing;
mod descriptor;
pub(crate) mod lease;
mod named;
pub(crate) mod procfs;

use self::allocation::{allocate, refuse_more_than_the_machine_has, write_image};
pub(crate) use self::backing::Backing;
pub(crate) use self::descriptor::Access;
use self::descriptor::{check_descriptor, duplicate, sealable};
pub(crate) use self::named::{NamedFile, names};
use crate::error::{Error, os};
use crate::options::Options;

/// A description of memory that two processes can see. Nothing exists until a ring is created in
/// it, and then all of it exists at once.
///
/// A text converts into a named region, `Producer::create("/ticks", &options)`, and a path into a file.
///
/// # SIGBUS
/// If another process truncates the region, touching it raises SIGBUS. A memfd cannot be truncated: it is
/// sealed, and a received descriptor without those seals is refused. Named and file regions cannot be
/// sealed: any process that may write them can truncate them. SIGBUS also comes from touching a
/// [sparse](Options::sparse) region when the file system is full, or a page that was punched out while
/// memory is full.
///
/// ```
/// let region: shm_ring::Region = "/ticks".into();
/// ```
#[derive(Debug)]
pub struct Region(Kind);

#[derive(Debug)]
enum Kind {
    Named(String),
    File(PathBuf),
    Memfd(String),
    Descriptor { fd: OwnedFd, sealed: bool },
    OneRole(OwnedFd),
    Process { pid: u32, fd: u32 },
}

impl Region {
    /// A name under `/dev/shm`, as `shm_open` gives: `/ticks`. The slash is optional.
    ///
    /// ```
    /// let region = shm_ring::Region::named("/ticks"); // /dev/shm/ticks
    /// ```
    pub fn named(name: impl Into<String>) -> Self {
        Self(Kind::Named(name.into()))
    }

    /// A file. On a disk, the part of it that the kernel had written back survives the machine.
    ///
    /// ```
    /// let region = shm_ring::Region::file("/var/lib/service/ring");
    /// ```
    pub fn file(path: impl Into<PathBuf>) -> Self {
        Self(Kind::File(path.into()))
    }

    /// Memory without a name, sealed against being cut. `label` shows up in `/proc/PID/maps`. Pass
    /// [`Ring::descriptor`](crate::Ring::descriptor) on to the other process. Every process that has a descriptor of it can write it,
    /// also by one that is open for reading: to give the right to read alone, use a name or a file.
    ///
    /// ```
    /// let region = shm_ring::Region::memfd("ticks");
    /// ```
    pub fn memfd(label: impl Into<String>) -> Self {
        Self(Kind::Memfd(label.into()))
    }

    /// A received descriptor. It must be sealed against shrinking and growing, as memfd rings are.
    ///
    /// ```
    /// # let ring = shm_ring::Ring::<u64>::create(shm_ring::Region::memfd("doc"), &Default::default())?;
    /// let received = ring.descriptor().try_clone_to_owned()?;
    /// let same = shm_ring::Ring::<u64>::open(shm_ring::Region::descriptor(received))?;
    /// assert_eq!(same.id(), ring.id());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn descriptor(fd: impl Into<OwnedFd>) -> Self {
        Self(Kind::Descriptor { fd: fd.into(), sealed: true })
    }

    /// A received descriptor whose region another process may truncate: see the section on SIGBUS.
    ///
    /// ```
    /// # let ring = shm_ring::Ring::<u64>::create(shm_ring::Region::memfd("doc"), &Default::default())?;
    /// let received = ring.descriptor().try_clone_to_owned()?;
    /// let same = shm_ring::Ring::<u64>::open(shm_ring::Region::unsealed_descriptor(received))?;
    /// assert_eq!(same.id(), ring.id());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn unsealed_descriptor(fd: impl Into<OwnedFd>) -> Self {
        Self(Kind::Descriptor { fd: fd.into(), sealed: false })
    }

    /// A received descriptor that was made for one end of a ring by
    /// [`Ring::descriptor_for_one_role`](crate::Ring::descriptor_for_one_role): opening it and taking the role open nothing,
    /// so `/proc` need not be there and a sandbox may refuse `open`. It must be sealed, as memfd rings are. A forked child
    /// has nothing of it: there its descriptors are closed, and no role can be taken by the handle.
    ///
    /// ```
    /// # let ring = shm_ring::Ring::<u64>::create(shm_ring::Region::memfd("doc"), &Default::default())?;
    /// let received = ring.descriptor_for_one_role()?;
    /// let mut tx = shm_ring::Producer::<u64>::open(shm_ring::Region::for_one_role(received))?;
    /// tx.push(7)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn for_one_role(fd: impl Into<OwnedFd>) -> Self {
        Self(Kind::OneRole(fd.into()))
    }

    /// The file that another process has open as descriptor `fd`, by `/proc/PID/fd/FD`: the way to a memfd that
    /// nobody sent. It takes the right to debug that process. As with a name, seals are not asked for.
    ///
    /// ```
    /// use std::os::fd::AsRawFd;
    /// use shm_ring::{Observer, Options, Region, Ring};
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let ring = Ring::<u64>::create(Region::memfd("doc"), &Options::new())?;
    /// // Told to another process:
    /// let (pid, fd) = (std::process::id(), ring.descriptor().as_raw_fd() as u32);
    /// let observer = Observer::open(Region::of_process(pid, fd))?;
    /// assert_eq!(observer.snapshot().id, ring.id());
    /// # Ok(())
    /// # }
    /// ```
    pub fn of_process(pid: u32, fd: u32) -> Self {
        Self(Kind::Process { pid, fd })
    }

    /// Removes the name, as `rm` does, whatever it leads to and also if that is in use. Attached ends go on; the memory goes
    /// when the last of them does. [`unlink_unused`](Self::unlink_unused) is the one that looks first.
    ///
    /// # Errors
    /// [`Error::NotFound`] if nothing has the name, [`Error::InvalidName`] for a region without a name.
    ///
    /// ```
    /// let nothing = shm_ring::Region::named("/shm-ring-doc-no-such-ring").unlink();
    /// assert!(matches!(nothing, Err(shm_ring::Error::NotFound { .. })));
    /// ```
    pub fn unlink(&self) -> Result<(), Error> {
        self.place()?.unlink()
    }

    /// Where its name stands.
    pub(crate) fn place(&self) -> Result<NamedFile, Error> {
        match &self.0 {
            Kind::Named(name) => NamedFile::named(name),
            Kind::File(path) => NamedFile::file(path),
            _ => {
                let why = "a memfd or a descriptor has no name to remove or replace";
                Err(Error::InvalidName { name: self.describe(), why })
            }
        }
    }

    /// The path to its name, from the root. None of what has no name.
    pub(crate) fn path(&self) -> Option<PathBuf> {
        match &self.0 {
            Kind::Named(_) | Kind::File(_) => std::path::absolute(self.describe()).ok(),
            _ => None,
        }
    }

    pub(crate) fn describe(&self) -> String {
        match &self.0 {
            Kind::Named(name) => format!("/dev/shm/{}", name.trim_start_matches('/')),
            Kind::File(path) => path.display().to_string(),
            Kind::Memfd(label) => format!("memfd {label:?}"),
            Kind::Descriptor { fd, .. } | Kind::OneRole(fd) => {
                format!("descriptor {}", fd.as_raw_fd())
            }
            Kind::Process { pid, fd } => format!("descriptor {fd} of process {pid}"),
        }
    }

    /// Makes a region of `len` bytes, zero but for `image`, and only then gives it its name.
    pub(crate) fn create(
        &self,
        len: u64,
        image: &[(u64, &[u8])],
        options: &Options,
    ) -> Result<Backing, Error> {
        let region = self.describe();
        let fill = |fd: BorrowedFd<'_>| fill(fd, len, image, options, &region);
        match &self.0 {
            Kind::Memfd(label) => {
                let fd = sealable(label).map_err(|errno| os(&region, "memfd_create", errno))?;
                refuse_more_than_the_machine_has(len, options.sparse, &region)?;
                fill(fd.as_fd())?;
                fcntl_add_seals(&fd, SealFlags::SHRINK | SealFlags::GROW | SealFlags::SEAL)
                    .map_err(|errno| os(&region, "fcntl(F_ADD_SEALS)", errno))?;
                Ok(Backing::new(fd, region, None))
            }
            Kind::Named(_) | Kind::File(_) => {
                let place = self.place()?;
                let fd = place.create(options, fill)?;
                Ok(Backing::new(fd, region.clone(), Some(place.absolute())))
            }
            Kind::Descriptor { .. } | Kind::OneRole(_) | Kind::Process { .. } => {
                Err(Error::InvalidOptions {
                    why: "a descriptor that is there can be opened, not created".to_owned(),
                })
            }
        }
    }

    /// [`create`](Self::create) where `old` is: the new region is renamed over the name if that still leads to `old`, and
    /// while what `vacate` gave is held.
    pub(crate) fn replace<G>(
        &self,
        old: &Backing,
        len: u64,
        image: &[(u64, &[u8])],
        options: &Options,
        vacate: impl FnOnce() -> Result<G, Error>,
    ) -> Result<Backing, Error> {
        let region = self.describe();
        let place = self.place()?;
        let fill = |fd: BorrowedFd<'_>| fill(fd, len, image, options, &region);
        let fd = place.replace(old.fd.as_fd(), options, fill, vacate)?;
        Ok(Backing::new(fd, region.clone(), Some(place.absolute())))
    }

    /// Whether there is room for `len` bytes there, as it seems. Yes where nobody knows.
    pub(crate) fn has_room(&self, len: u64) -> bool {
        self.place().map_or(true, |place| place.has_room(len))
    }

    /// Whether there would be if the file system were empty. Yes where nobody knows.
    pub(crate) fn could_hold(&self, len: u64) -> bool {
        self.place().map_or(true, |place| place.could_hold(len))
    }

    /// Opens what stands there, having checked all that can be checked without reading it.
    pub(crate) fn open(&self, options: &Options, access: Access) -> Result<Backing, Error> {
        let region = self.describe();
        let fd = match &self.0 {
            Kind::Memfd(_) => {
                let why = "a memfd has no name to open it by: receive its descriptor".to_owned();
                return Err(Error::InvalidOptions { why });
            }
            Kind::Descriptor { fd, sealed } => {
                check_descriptor(fd.as_fd(), *sealed, access, &region)?;
                duplicate(fd.as_fd(), &region)?
            }
            Kind::OneRole(_) if access == Access::Read => {
                let why = "a descriptor for one role is for an end of a ring: use Region::descriptor to read or to look";
                return Err(Error::InvalidOptions { why: why.to_owned() });
            }
            Kind::OneRole(fd) => {
                check_descriptor(fd.as_fd(), true, access, &region)?;
                return Backing::for_one_role(fd.as_fd(), region);
            }
            Kind::Named(_) | Kind::File(_) => {
                let place = self.place()?;
                let fd = place.open(options, access)?;
                return Ok(Backing::new(fd, region, Some(place.absolute())));
            }
            Kind::Process { pid, fd } => procfs::open(*pid, *fd, &region, options, access)?,
        };
        Ok(Backing::new(fd, region, None))
    }
}

/// Completes a file that nobody sees yet.
fn fill(
    fd: BorrowedFd<'_>,
    len: u64,
    image: &[(u64, &[u8])],
    options: &Options,
    region: &str,
) -> Result<(), Error> {
    allocate(fd, len, options.sparse, region)?;
    write_image(fd, image).map_err(|errno| os(region, "pwrite", errno))
}

impl From<&str> for Region {
    fn from(name: &str) -> Self {
        Self::named(name)
    }
}

impl From<&Path> for Region {
    fn from(path: &Path) -> Self {
        Self::file(path)
    }
}

impl From<PathBuf> for Region {
    fn from(path: PathBuf) -> Self {
        Self::file(path)
    }
}

impl From<String> for Region {
    fn from(name: String) -> Self {
        Self::named(name)
    }
}
