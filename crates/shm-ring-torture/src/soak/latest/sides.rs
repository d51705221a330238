//! The processes of a latest value: a writer and its readers, each in random ways, until they are killed or asked
//! to end.
//!
//! Owns: the lives of the processes. Knows nothing of: when they end.

use std::time::Duration;

use shm_ring::{Latest, LatestReader, NextError, Options, ReadError, Wait};
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
    let mut reader = Reading::new(&open(name, &mut rng)?)?;
    book.count(which, Field::Readers);
    while book.get(Field::Close) != ALL {
        take(&mut reader, book, rng.below(6), which)?;
        if rng.below(1000) == 0 {
            std::thread::sleep(PATIENCE / 4);
        }
    }
    Ok(())
}

/// A reader, and the version that it has come to, as soon as that is known.
pub(super) struct Reading {
    reader: LatestReader<Value>,
    last: Option<u64>,
}

impl Reading {
    pub(super) fn new(latest: &Latest<Value>) -> Result<Self, String> {
        let reader = latest.reader().map_err(|error| error.to_string())?;
        Ok(Self { reader, last: None })
    }
}

/// Takes the next version, and judges what it was.
fn take_next(reading: &mut Reading, book: Book, which: usize) -> Result<(), String> {
    let Reading { reader, last } = reading;
    let written = book.get(Field::Written);
    match reader.next_timeout(PATIENCE) {
        Ok(read) => {
            let version = reader.version();
            if last.is_some_and(|last| version != last + 1) {
                return Err(format!("version {version} came after {last:?}: not in order"));
            }
            *last = Some(version);
            book.count(which, Field::Next);
            // It need not be the latest.
            book.judge(which, &read, version, 0)
        }
        Err(NextError::Lagged(lost)) => {
            *last = last.map(|last| last + lost);
            book.count(which, Field::Lagged);
            match *last {
                Some(last) if last >= book.get(Field::Begun) => {
                    Err(format!("all up to version {last} is lost, not in order"))
                }
                _ => Ok(()),
            }
        }
        Err(NextError::TimedOut | NextError::Closed | NextError::WriterDead)
            if last.is_none_or(|last| last >= written) =>
        {
            Ok(())
        }
        Err(error) => {
            Err(format!("{error:?} after version {last:?}, when {written} had been written"))
        }
    }
}

/// Reads once, and judges what it was.
pub(super) fn take(
    reading: &mut Reading,
    book: Book,
    how: u64,
    which: usize,
) -> Result<(), String> {
    if how > 3 {
        return take_next(reading, book, which);
    }
    let Reading { reader, last } = reading;
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
            *last = (*last).max(Some(version));
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
