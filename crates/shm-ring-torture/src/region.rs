//! Names of our own, and the bytes of a region as an outsider sees them (LAYOUT.md). It must not use the
//! library: it says what the library should have done.

use std::fs::File;
use std::io;
use std::os::fd::BorrowedFd;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};

use shm_ring_outsider::{LIVENESS, SESSION};

/// A name under /dev/shm that nobody else has. What is there when it is dropped is removed.
pub(crate) struct Name(String);

impl Name {
    pub(crate) fn new(what: &str) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        Self(format!("/shm-ring-torture-{}-{count}-{what}", std::process::id()))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl Drop for Name {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(Path::new("/dev/shm").join(&self.0[1..]));
    }
}

/// The bytes of a region, by a descriptor of it.
pub(crate) struct Bytes(File);

impl Bytes {
    pub(crate) fn of(descriptor: BorrowedFd<'_>) -> io::Result<Self> {
        Ok(Self(File::from(descriptor.try_clone_to_owned()?)))
    }

    /// The liveness word of the side that writes `page`.
    pub(crate) fn liveness(&self, page: u64) -> io::Result<u32> {
        self.word(page, LIVENESS).map(u32::from_le_bytes)
    }

    /// The session of the side that writes `page`.
    pub(crate) fn session(&self, page: u64) -> io::Result<u64> {
        self.word(page, SESSION).map(u64::from_le_bytes)
    }

    fn word<const N: usize>(&self, page: u64, offset: u64) -> io::Result<[u8; N]> {
        let mut word = [0; N];
        self.0.read_exact_at(&mut word, page * rustix::param::page_size() as u64 + offset)?;
        Ok(word)
    }
}
