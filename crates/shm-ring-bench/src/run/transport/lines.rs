//! The least that moving bytes from one processor to another can cost: a buffer in which one side writes every
//! line, asking for the lines ahead before it comes to them, and the other reads every line. No messages, no
//! positions in the lines, no copies; one flag a block says how far each side is. It is timed and verified as
//! `stream` is; a block counts as a message.
//!
//! A buffer carries more the longer it is, so a ring is compared with one of its own length ([`YARDSTICKS`]).
//!
//! Invariant of the unsafe blocks: a `Lines` leads to `count` blocks, a power of two of them, mapped until the
//! process ends; a block is written only between seeing that it was read and saying that it is written, and read
//! only between seeing that it was written and saying that it is read, so that nobody reads what is
//! being written.
#![allow(unsafe_code)]

use std::ptr::NonNull;
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::fs::{MemfdFlags, fstat, ftruncate, memfd_create};
use rustix::mm::{MapFlags, ProtFlags, mmap};

use super::{Fault, Handle, ITEMS, Inherited, LARGE, Made};

/// Bytes of a block: of one flag.
pub(crate) const BLOCK: usize = 1024;
/// The buffers by name, and their bytes: as long as rings for messages of 64 bytes, and of a kilobyte and more.
pub(crate) const YARDSTICKS: [(&str, usize); 2] = [("lines-short", 64 * ITEMS), ("lines", LARGE)];
/// The reader says how far it is after such a part of the buffer; the writer needs to know seldom.
const READ_AT_ONCE: u64 = 16;
/// Lines ahead that the writer asks for.
const AHEAD: usize = 16;

#[derive(Clone, Copy)]
#[repr(C, align(64))]
struct Line([u64; 8]);

type Block = [Line; BLOCK / size_of::<Line>()];

#[repr(C, align(128))]
struct Flag(AtomicU64);

#[repr(C)]
struct Flags {
    /// Blocks written in all.
    written: Flag,
    /// Blocks read in all.
    read: Flag,
}

const PAGE: usize = 4096;

/// The buffer, mapped.
pub(crate) struct Lines {
    flags: NonNull<Flags>,
    blocks: NonNull<Block>,
    count: u64,
}

/// Makes a buffer of `bytes`, a power of two.
pub(crate) fn make(bytes: usize) -> Result<Box<dyn Made>, Fault> {
    let fd = memfd_create("shm-ring-bench-lines", MemfdFlags::CLOEXEC)
        .map_err(|error| Fault::new("memfd_create", error))?;
    ftruncate(&fd, (PAGE + bytes) as u64).map_err(|error| Fault::new("ftruncate", error))?;
    Ok(Box::new(Inherited::new(vec![fd])))
}

/// Asks for a line in order to write it.
#[inline(always)]
fn prefetch_write(line: *const Line) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: a prefetch neither faults nor changes anything, wherever it points.
    unsafe {
        core::arch::asm!("prefetchw [{}]", in(reg) line, options(nostack, preserves_flags, readonly));
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = line;
}

impl Lines {
    pub(crate) fn open(handle: &Handle) -> Result<Self, Fault> {
        let fd = handle.descriptor(0)?;
        let len = fstat(&fd).map_err(|error| Fault::new("fstat", error))?.st_size as usize;
        let flags = MapFlags::SHARED | MapFlags::POPULATE;
        let protection = ProtFlags::READ | ProtFlags::WRITE;
        // SAFETY: a new mapping at an address of the kernel's choice.
        let start = unsafe { mmap(std::ptr::null_mut(), len, protection, flags, fd, 0) }
            .map_err(|error| Fault::new("mmap", error))?;
        let null = || Fault::new("mmap", "null");
        let blocks = start.cast::<u8>().wrapping_add(PAGE).cast();
        Ok(Self {
            flags: NonNull::new(start.cast()).ok_or_else(null)?,
            blocks: NonNull::new(blocks).ok_or_else(null)?,
            count: ((len - PAGE) / BLOCK) as u64,
        })
    }

    fn flags(&self) -> &Flags {
        // SAFETY: the page before the blocks is atomics only, for which any bytes are valid.
        unsafe { self.flags.as_ref() }
    }

    fn block(&self, number: u64) -> *mut Block {
        self.blocks.as_ptr().wrapping_add((number & (self.count - 1)) as usize)
    }

    /// Writes block `number`: its number, in every word. One side does, a number after the other.
    #[inline(always)]
    pub(crate) fn write(&self, number: u64, read: &mut u64) {
        while number - *read >= self.count {
            *read = self.flags().read.0.load(Ordering::Acquire);
        }
        let line = self.block(number).cast::<Line>();
        for at in 0..BLOCK / size_of::<Line>() {
            prefetch_write(line.wrapping_add(at + AHEAD));
            // SAFETY: the invariant: the block was read.
            unsafe { line.wrapping_add(at).write(Line([number; 8])) };
        }
        self.flags().written.0.store(number + 1, Ordering::Release);
    }

    /// Reads block `number`, every word of it. Whether it was written whole. The other side does, a number after the other.
    #[inline(always)]
    pub(crate) fn read(&self, number: u64, written: &mut u64) -> bool {
        while *written <= number {
            *written = self.flags().written.0.load(Ordering::Acquire);
        }
        // SAFETY: the invariant: the block was written.
        let block = unsafe { &*self.block(number) };
        let differing =
            block.iter().flat_map(|line| &line.0).fold(0, |or, word| or | (word ^ number));
        if (number + 1) & (self.count / READ_AT_ONCE - 1) == 0 {
            self.flags().read.0.store(number + 1, Ordering::Release);
        }
        differing == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_that_is_not_what_was_written_is_noticed() {
        let made = make(64 * ITEMS).unwrap();
        let (writer, reader) =
            (Lines::open(&made.handle()).unwrap(), Lines::open(&made.handle()).unwrap());
        let (mut read, mut written) = (0, 0);
        let rounds = 3 * writer.count;
        for number in 0..rounds {
            writer.write(number, &mut read);
            assert!(reader.read(number, &mut written), "{number}");
        }
        let number = rounds;
        writer.write(number, &mut read);
        let last = writer.block(number).cast::<u64>().wrapping_add(BLOCK / 8 - 1);
        // SAFETY: the last word of a block, which nobody reads meanwhile.
        unsafe { last.write(0) };
        assert!(!reader.read(number, &mut written));
    }
}
