//! Owns: what is written and read, a value of thirteen bytes, whose last word is filled up, and one that is longer than a
//! page. Each follows from the number of its version, so that a torn, old or foreign one shows. Knows nothing of: what is
//! killed.

use std::time::Duration;

use shm_ring::{Item, LatestReader, LatestWriter, NextError, ReadError};

use super::super::kind;

/// A value, with the operations on it. Each is a function of its own, as it would be compiled into a user's
/// program.
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

impl Carried for [u8; 13] {
    const NAME: &'static str = "13 bytes";
}

impl Carried for [u64; 640] {
    const NAME: &'static str = "5120 bytes";
}
