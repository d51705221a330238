//! The processes of a latest value: a writer and its readers, each in random ways, until they are killed or asked
//! to end.
//!
//! Owns: the lives of the processes. Knows nothing of: when they end.

use std::time::Duration;

use shm_ring::{Latest, LatestReader, Options, ReadError, Wait};
use zerocopy::FromZeros;

use super::book::{Book, Field, Value, value};
use crate::rng::Rng;

/// What `Field::Close` holds to ask the writer to close, or all to end.
pub(super) const WRITER: u64 = 1;
pub(super) const ALL: u64 = 2;

const PATIENCE: Duration = Duration::from_millis(2);

fn open(name: &str, rng: &mut Rng) -> Result<Latest<Value>, String> {
    let wait = [Wait::SPIN, Wait::BALANCED, Wait::PARK][rng.below(3) as usize];
    Latest::open_with(name, &Options::new().wait(wait)).map_err(|error| error.to_string())
}

/// Writes until it is asked to close.
pub(super) fn write(name: &str, book: Book, mut rng: Rng) -> Result<(), String> {
    let mut writer = open(name, &mut rng)?.writer().map_err(|error| error.to_string())?;
    book.inherit(writer.version())?;
    while book.get(Field::Close) == 0 {
        let version = writer.version() + 1;
        let value = value(version);
        book.set(Field::Begun, version);
        match rng.below(2) {
            0 => writer.write(value),
            _ => writer.write_from(&value),
        }
        book.set(Field::Written, version);
        if writer.version() != version {
            return Err(format!("the writer counts {} where {version} is right", writer.version()));
        }
        match rng.below(10_000) {
            0 => std::thread::sleep(PATIENCE),
            1..50 => std::thread::yield_now(),
            50..200 => writer.notify(),
            _ => {}
        }
    }
    writer.close();
    Ok(())
}

/// Reads until it is asked to end.
pub(super) fn read(name: &str, book: Book, mut rng: Rng, which: usize) -> Result<(), String> {
    let mut reader = open(name, &mut rng)?.reader().map_err(|error| error.to_string())?;
    book.count(which, Field::Readers);
    while book.get(Field::Close) != ALL {
        take(&mut reader, book, rng.below(4), which)?;
        if rng.below(1000) == 0 {
            std::thread::sleep(PATIENCE / 4);
        }
    }
    Ok(())
}

/// Reads once, and judges what it was.
pub(super) fn take(
    reader: &mut LatestReader<Value>,
    book: Book,
    how: u64,
    which: usize,
) -> Result<(), String> {
    let (before, written) = (reader.version(), book.get(Field::Written));
    let read = match how {
        0 => reader.read(),
        1 => {
            let mut place = Value::new_zeroed();
            reader.read_into(&mut place).map(|()| place)
        }
        _ => reader.read_newer_timeout(PATIENCE),
    };
    let (version, waited) = (reader.version(), how > 1);
    let end = match read {
        Ok(_) if waited && version == before => {
            return Err(format!(
                "version {version} was read twice by one who waits for a newer one"
            ));
        }
        Ok(read) => {
            if waited {
                book.count(which, Field::Newer);
            }
            return book.judge(which, &read, version, written);
        }
        Err(ReadError::Empty) if written == 0 => return Ok(()),
        Err(ReadError::Overrun) => {
            book.count(which, Field::Overrun);
            return Ok(());
        }
        Err(ReadError::TimedOut) => Field::TimedOut,
        Err(ReadError::Closed) => Field::Closed,
        Err(ReadError::WriterDead) => Field::Dead,
        Err(error) => return Err(format!("a read after version {version} answered {error:?}")),
    };
    // It had all the time that it took to see what was there before.
    if written > version {
        return Err(format!("{end:?} after version {version}, when {written} had been written"));
    }
    book.count(which, end);
    if end != Field::TimedOut {
        std::thread::sleep(PATIENCE / 20);
    }
    Ok(())
}
