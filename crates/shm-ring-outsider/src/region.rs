//! The bytes of a region, however they are reached.
//!
//! Owns: reading and writing of bytes and words, by a descriptor, a mapping or in an image.
//! Knows nothing of: what they mean.

use core::cell::Cell;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::FileExt;
use std::path::Path;

use crate::words::{Side, Word, page};

fn outside(at: u64, len: usize) -> io::Error {
    io::Error::new(io::ErrorKind::UnexpectedEof, format!("{len} bytes at {at} are outside"))
}

/// `at..at + len` of something that has `size` bytes.
pub(crate) fn range(at: u64, len: usize, size: usize) -> io::Result<core::ops::Range<usize>> {
    let start = usize::try_from(at).map_err(|_| outside(at, len))?;
    let end = start.checked_add(len).filter(|&end| end <= size).ok_or_else(|| outside(at, len))?;
    Ok(start..end)
}

/// Bytes that can be read. All but [`try_read`](Self::try_read) panic where there is nothing.
pub trait Region {
    /// How many there are.
    fn size(&self) -> u64;

    /// Fills `into` with the bytes from `at` on.
    fn try_read(&self, at: u64, into: &mut [u8]) -> io::Result<()>;

    /// The 8 bytes at `at`; of a mapping by one atomic load.
    #[track_caller]
    fn word(&self, at: u64) -> u64 {
        let mut word = [0; 8];
        self.try_read(at, &mut word).unwrap();
        u64::from_le_bytes(word)
    }

    /// The 4 bytes at `at`; of a mapping by one atomic load.
    #[track_caller]
    fn half(&self, at: u64) -> u32 {
        let mut half = [0; 4];
        self.try_read(at, &mut half).unwrap();
        u32::from_le_bytes(half)
    }

    /// `len` bytes from `at` on.
    #[track_caller]
    fn read(&self, at: u64, len: usize) -> Vec<u8> {
        let mut bytes = vec![0; len];
        self.try_read(at, &mut bytes).unwrap();
        bytes
    }

    /// All bytes: an image.
    #[track_caller]
    fn all(&self) -> Vec<u8> {
        self.read(0, usize::try_from(self.size()).unwrap())
    }

    /// `word` of `side`, in a region of this machine; of the front the first 8 bytes.
    #[track_caller]
    fn named(&self, side: Side, word: Word) -> u64 {
        let at = side.page(page()) + word.offset();
        if word.bytes() == 4 { self.half(at).into() } else { self.word(at) }
    }
}

/// Bytes that can be written, too, through a shared reference: a region is everybody's.
pub trait Writable: Region {
    /// Stores `bytes` from `at` on.
    fn try_write(&self, at: u64, bytes: &[u8]) -> io::Result<()>;

    /// The same, where that cannot fail.
    #[track_caller]
    fn write(&self, at: u64, bytes: &[u8]) {
        self.try_write(at, bytes).unwrap();
    }

    /// Stores 8 bytes at `at`; in a mapping by one atomic store.
    #[track_caller]
    fn set(&self, at: u64, word: u64) {
        self.write(at, &word.to_le_bytes());
    }

    /// Stores 4 bytes at `at`; in a mapping by one atomic store.
    #[track_caller]
    fn set_half(&self, at: u64, half: u32) {
        self.write(at, &half.to_le_bytes());
    }

    /// Stores `word` of `side`, in a region of this machine: of `value` as many bytes as the word has, of the
    /// front the first 8.
    #[track_caller]
    fn set_named(&self, side: Side, word: Word, value: u64) {
        let at = side.page(page()) + word.offset();
        if word.bytes() == 4 { self.set_half(at, value as u32) } else { self.set(at, value) }
    }
}

/// An image.
impl Region for [u8] {
    fn size(&self) -> u64 {
        self.len() as u64
    }

    fn try_read(&self, at: u64, into: &mut [u8]) -> io::Result<()> {
        into.copy_from_slice(&self[range(at, into.len(), self.len())?]);
        Ok(())
    }
}

/// An image that can be written: see [`cells`].
impl Region for [Cell<u8>] {
    fn size(&self) -> u64 {
        self.len() as u64
    }

    fn try_read(&self, at: u64, into: &mut [u8]) -> io::Result<()> {
        let cells = &self[range(at, into.len(), self.len())?];
        into.iter_mut().zip(cells).for_each(|(into, cell)| *into = cell.get());
        Ok(())
    }
}

impl Writable for [Cell<u8>] {
    fn try_write(&self, at: u64, bytes: &[u8]) -> io::Result<()> {
        let cells = &self[range(at, bytes.len(), self.len())?];
        cells.iter().zip(bytes).for_each(|(cell, &byte)| cell.set(byte));
        Ok(())
    }
}

/// An image, to be written.
pub fn cells(image: &mut [u8]) -> &[Cell<u8>] {
    Cell::from_mut(image).as_slice_of_cells()
}

/// A region by its descriptor, without a mapping: what a process that keeps no protocol can read and write.
#[derive(Debug)]
pub struct Descriptor(File);

impl Descriptor {
    /// Through a duplicate of `region`.
    pub fn of(region: BorrowedFd<'_>) -> io::Result<Self> {
        Ok(Self(File::from(region.try_clone_to_owned()?)))
    }

    /// The file at `path`, for reading and writing.
    pub fn open(path: impl AsRef<Path>) -> io::Result<Self> {
        Ok(Self(File::options().read(true).write(true).open(path)?))
    }

    /// To cut it, punch holes into it, ask for locks, or map it.
    pub fn file(&self) -> &File {
        &self.0
    }
}

impl AsFd for Descriptor {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl From<File> for Descriptor {
    fn from(file: File) -> Self {
        Self(file)
    }
}

impl Region for Descriptor {
    fn size(&self) -> u64 {
        self.0.metadata().expect("an open file has a length").len()
    }

    fn try_read(&self, at: u64, into: &mut [u8]) -> io::Result<()> {
        self.0.read_exact_at(into, at)
    }
}

/// A write beyond the end makes a file longer, unless it is sealed.
impl Writable for Descriptor {
    fn try_write(&self, at: u64, bytes: &[u8]) -> io::Result<()> {
        self.0.write_all_at(bytes, at)
    }
}
