//! Layout v1 as an outsider knows it: where each word stands. Written down here a second time on
//! purpose, so that a change of the layout is noticed.

use std::fs::File;
use std::os::fd::BorrowedFd;
use std::os::unix::fs::FileExt;

use crate::house;

/// What `wake_at` holds while its owner is awake.
pub(crate) const NEVER: u64 = u64::MAX;
/// Positions end here.
pub(crate) const POSITION_END: u64 = 1 << 62;

pub(crate) const POSITION: u64 = 0;
pub(crate) const WAKE_AT: u64 = 128;
pub(crate) const BELL: u64 = 256;
pub(crate) const SESSION: u64 = 384;
pub(crate) const FENCE_MODE: u64 = 392;
pub(crate) const PID: u64 = 396;
pub(crate) const LIVENESS: u64 = 512;
pub(crate) const PARKS: u64 = 648;
pub(crate) const RINGS: u64 = 656;

pub(crate) fn page() -> u64 {
    rustix::param::page_size() as u64
}

pub(crate) fn producer() -> u64 {
    page()
}

pub(crate) fn consumer() -> u64 {
    2 * page()
}

pub(crate) fn data() -> u64 {
    3 * page()
}

/// The word that commits a record of `len` bytes at `position`.
pub(crate) fn commit_word(position: u64, len: u32) -> u64 {
    u64::from((position / 8) as u32 | 0x8000_0000) << 32 | u64::from(len)
}

/// The bytes of a region, by a descriptor of it.
pub(crate) struct Bytes(File);

impl Bytes {
    pub(crate) fn of(descriptor: BorrowedFd<'_>) -> Self {
        Self(File::from(descriptor.try_clone_to_owned().unwrap()))
    }

    pub(crate) fn at(path: &std::path::Path) -> Self {
        Self(File::options().read(true).write(true).open(path).unwrap())
    }

    pub(crate) fn file(&self) -> &File {
        &self.0
    }

    pub(crate) fn get(&self, offset: u64) -> u64 {
        let mut word = [0; 8];
        self.0.read_exact_at(&mut word, offset).unwrap();
        u64::from_le_bytes(word)
    }

    pub(crate) fn set(&self, offset: u64, word: u64) {
        self.write(offset, &word.to_le_bytes());
    }

    pub(crate) fn write(&self, offset: u64, bytes: &[u8]) {
        self.0.write_all_at(bytes, offset).unwrap();
    }

    pub(crate) fn all(&self) -> Vec<u8> {
        let mut bytes = vec![0; self.0.metadata().unwrap().len() as usize];
        self.0.read_exact_at(&mut bytes, 0).unwrap();
        bytes
    }

    /// Moves a ring that has not been used to `position`.
    pub(crate) fn start_at(&self, position: u64) {
        self.set(producer() + POSITION, position);
        self.set(consumer() + POSITION, position);
    }

    /// Waits until the side that owns `page` sleeps, or is at least about to.
    pub(crate) fn until_parked(&self, page: u64) {
        self.until_parked_since(page, NEVER);
    }

    /// Waits until it sleeps for something other than `last`, and says for what.
    pub(crate) fn until_parked_since(&self, page: u64, last: u64) -> u64 {
        let mut wake_at = NEVER;
        house::until("the peer sleeps", || {
            wake_at = self.get(page + WAKE_AT);
            wake_at != NEVER && wake_at != last
        });
        wake_at
    }
}
