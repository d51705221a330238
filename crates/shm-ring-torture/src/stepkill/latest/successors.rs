//! Owns: what those see who read a latest value after a kill, or lived through it, and who comes to write it on: asked of
//! the library as any process would. Knows nothing of: which operation was killed, only how far it had come.

use shm_ring::{Error, Latest, LatestReader, LatestWriter, Peer, ReadError, Region};
use shm_ring_outsider::Life;

use super::Carried;
use super::fixture::{header, options};
use super::judge::Seen;
use crate::stepkill::kind::{BRIEF, HANG};

/// Checks a latest value whose writer was killed, or beside whose `writer` a reader was: by reading it, with
/// one that was attached before, and by going on.
pub(super) fn after<T: Carried>(
    latest: &Latest<T>,
    before: Option<LatestReader<T>>,
    writer: Option<LatestWriter<T>>,
    seen: Seen,
) -> Result<(), String> {
    let descriptor = latest.descriptor().try_clone_to_owned();
    let region = Region::unsealed_descriptor(descriptor.map_err(|error| error.to_string())?);
    let opened = Latest::<T>::open_with(region, &options::<T>())
        .map_err(|error| format!("nobody can open it: {error}"))?;
    let mut readers = vec![("one that opens it", reader(&opened)?)];
    readers.extend(before.map(|before| ("one that was there before", before)));
    let ended = match &writer {
        Some(_) => ReadError::TimedOut,
        None => match seen.fate() {
            Life::Dead => ReadError::WriterDead,
            Life::Closed => ReadError::Closed,
            _ => ReadError::TimedOut,
        },
    };
    let patience = if ended == ReadError::TimedOut { BRIEF } else { HANG };
    for (who, reader) in &mut readers {
        expect(reader.writer(), writer.is_some(), seen).map_err(|what| format!("{who}: {what}"))?;
        reads(who, reader, seen.published)?;
        match T::read_newer(reader, patience) {
            Err(error) if error == ended => {}
            other => {
                let other = other.map(|_| "a value");
                return Err(format!("{who} waits for a newer value: {other:?} and not {ended:?}"));
            }
        }
    }
    let writer = match writer {
        Some(writer) => match opened.writer() {
            Err(Error::RoleTaken { .. }) => writer,
            other => return Err(format!("beside a writer: {other:?} and not RoleTaken")),
        },
        None => opened.writer().map_err(|error| format!("no writer can follow: {error}"))?,
    };
    go_on(writer, &mut readers, reader(&opened)?, seen.published)
}

/// A writer goes round all slots and into some of them again, and closes in order, beside `each`, which takes every
/// version.
fn go_on<T: Carried>(
    mut writer: LatestWriter<T>,
    readers: &mut [(&str, LatestReader<T>)],
    mut each: LatestReader<T>,
    published: u64,
) -> Result<(), String> {
    if writer.version() != published {
        return Err(format!("the writer counts {} versions of {published}", writer.version()));
    }
    // Small values have many slots, which need not all be written anew each time.
    let rounds = header::<T>().slots().min(6) + 2;
    for version in published + 1..=published + rounds {
        T::write(&mut writer, T::of(version));
        for (who, reader) in &mut *readers {
            if !matches!(reader.has_newer(), Ok(true)) {
                return Err(format!("{who} does not see that version {version} is newer"));
            }
            reads(who, reader, version)?;
        }
        if T::next(&mut each) != Ok(T::of(version)) || each.version() != version {
            return Err(format!("version {version} does not come next, but {}", each.version()));
        }
    }
    T::notify(&mut writer);
    writer.close();
    for (who, reader) in readers {
        match T::read_newer(reader, HANG) {
            Err(ReadError::Closed) => {}
            other => {
                let other = other.map(|_| "a value");
                return Err(format!("{who}, after the writer closed: {other:?} and not Closed"));
            }
        }
        reads(who, reader, published + rounds)?;
    }
    Ok(())
}

pub(super) fn reader<T: Carried>(latest: &Latest<T>) -> Result<LatestReader<T>, String> {
    latest.reader().map_err(|error| format!("a reader cannot attach: {error}"))
}

/// Checks that `reader` reads `version`, whole.
pub(super) fn reads<T: Carried>(
    who: &str,
    reader: &mut LatestReader<T>,
    version: u64,
) -> Result<(), String> {
    match T::read(reader) {
        Err(ReadError::Empty) if version == 0 => Ok(()),
        Ok(value) if version != 0 && value == T::of(version) && reader.version() == version => {
            Ok(())
        }
        Ok(_) => Err(format!(
            "{who} reads what is not version {version}, and calls it version {}",
            reader.version()
        )),
        Err(error) => Err(format!("{who} cannot read version {version}: {error}")),
    }
}

fn expect(peer: Peer, alive: bool, seen: Seen) -> Result<(), String> {
    match (peer, alive, seen.fate()) {
        (Peer::Alive { .. }, true, _)
        | (Peer::Absent, false, Life::Absent)
        | (Peer::Dead { .. }, false, Life::Dead)
        | (Peer::Closed { .. }, false, Life::Closed) => Ok(()),
        (peer, true, _) => Err(format!("the writer is {peer:?} and lives")),
        (peer, false, fate) => Err(format!("the killed writer is {peer:?} and must be {fate:?}")),
    }
}

/// Checks what a reader says of a writer that stands still in the midst of an operation, at `session`.
pub(super) fn expect_still(peer: Peer, attached: u64, session: u64) -> Result<(), String> {
    match peer {
        // It has not got to its session, and perhaps not to its lease.
        Peer::Absent | Peer::Attaching if session == 0 => Ok(()),
        Peer::Closed { .. } | Peer::Dead { .. } if session < attached => Ok(()),
        Peer::Alive { .. } if session <= attached => Ok(()),
        Peer::Closed { .. } if session == attached + 1 => Ok(()),
        peer => Err(format!("a writer at session {session} that stands still is {peer:?}")),
    }
}
