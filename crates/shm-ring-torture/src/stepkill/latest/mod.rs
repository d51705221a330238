//! Owns: the latest value under the same knife: a writer that dies at any instruction leaves a value that is whole, and a
//! reader that dies leaves no trace. Knows nothing of: the ring's scenes.
//!
//! Of each operation, the region is looked at after every instruction: by LAYOUT.md alone, which says which
//! bytes it may write; by a reader beside the child that stands still; and, in a copy, by those who come when
//! everybody is dead. Kills: with a reader that had read before, and one that opens the region afterwards. Both
//! read the version whose number stands there, learn what became of the writer, and go on with the next one
//! from that number. A reader is killed beside a writer that lives.

mod fixture;
mod judge;
mod perform;
mod successors;

use std::time::Duration;

use shm_ring::{Item, Latest, LatestReader, LatestWriter, NextError, ReadError};

pub(super) use self::fixture::{Fixture, Scene, versions};
use self::judge::Seen;
use super::kind;
use super::knife::Outcome;

/// Checks a latest value that nobody has written yet.
pub(super) fn after_creation<T: Carried>(latest: &Latest<T>) -> Outcome<()> {
    successors::after(latest, None, None, Seen { published: 0, session: 0 })
}

/// A value whose bytes follow from the number of its version, so that a torn, old or foreign one shows, with the
/// operations on it. Each is a function of its own, as it would be compiled into a user's program.
pub(crate) trait Carried: Item + Copy + PartialEq {
    const NAME: &'static str;

    /// Version `version`.
    fn of(version: u64) -> Self {
        // As many bytes as a `Self` has: that cannot fail.
        Self::read_from_bytes(&bytes::<Self>(version)).unwrap_or_else(|_| Self::new_zeroed())
    }

    #[inline(never)]
    fn write(writer: &mut LatestWriter<Self>, value: Self) {
        writer.write(value);
    }

    #[inline(never)]
    fn write_from(writer: &mut LatestWriter<Self>, value: &Self) {
        writer.write_from(value);
    }

    #[inline(never)]
    fn notify(writer: &mut LatestWriter<Self>) {
        writer.notify();
    }

    #[inline(never)]
    fn read(reader: &mut LatestReader<Self>) -> Result<Self, ReadError> {
        reader.read()
    }

    #[inline(never)]
    fn read_into(reader: &mut LatestReader<Self>, place: &mut Self) -> Result<(), ReadError> {
        reader.read_into(place)
    }

    #[inline(never)]
    fn read_newer(reader: &mut LatestReader<Self>, timeout: Duration) -> Result<Self, ReadError> {
        reader.read_newer_timeout(timeout)
    }

    #[inline(never)]
    fn next(reader: &mut LatestReader<Self>) -> Result<Self, NextError> {
        reader.try_next()
    }
}

/// The bytes of version `version`, which no other has.
pub(super) fn bytes<T: Carried>(version: u64) -> Vec<u8> {
    kind::bytes(version, size_of::<T>())
}

/// Its last word is filled up.
impl Carried for [u8; 13] {
    const NAME: &'static str = "13 bytes";
}

/// It is longer than a page.
impl Carried for [u64; 640] {
    const NAME: &'static str = "5120 bytes";
}
