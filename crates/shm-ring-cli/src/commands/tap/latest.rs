//! Each value of a latest value, in order, as any reader of its history gets it.

use std::time::Duration;

use shm_ring::{ItemLayout, NextError, Peer, Snapshot, UntypedLatest, UntypedLatestReader};
use shm_ring_recording::Reason;

use super::Seen;
use crate::cli::Tap;
use crate::failure::{Code, Failure};
use crate::recording::Stop;

/// How long a signal may go unnoticed.
const SLICE: Duration = Duration::from_millis(50);

pub(super) fn run(tap: &Tap, snapshot: &Snapshot, stop: &Stop) -> Result<(), Failure> {
    let shm_ring::Contents::Latest { size, align } = snapshot.contents else {
        unreachable!("it was asked for")
    };
    let item = ItemLayout { size: size as usize, align: align as usize, schema: snapshot.schema };
    let options = tap.trust.to_look().schema(snapshot.schema).label(snapshot.label.as_str());
    let latest = UntypedLatest::open_with(tap.target.region(), item, &options)?;
    let mut reader = latest.reader()?;
    reader.start_at_oldest().map_err(|error| corrupt(tap, &error.to_string()))?;
    let stride = snapshot.contents.stride().expect("values have a size");
    let mut seen = Seen::nothing(tap, snapshot, reader.version() * stride)?;
    let mut value = vec![0; item.size];
    // The session whose end stands in the file.
    let mut ended = None;
    while !stop.is_asked() {
        let reason = match next(&mut reader, &mut value, &mut seen) {
            Ok(()) => {
                // Versions count from 1, and positions from 0.
                let position = (reader.version() - 1) * stride;
                if position >= seen.next {
                    seen.add(position, |batch| {
                        batch.values(1)?.copy_from_slice(&value);
                        Ok(())
                    })?;
                }
                continue;
            }
            // The next value says where it goes on.
            Err(Trouble::Next(NextError::Lagged(_) | NextError::TimedOut)) => continue,
            Err(Trouble::Next(NextError::Closed)) => Reason::Closed,
            Err(Trouble::Next(NextError::WriterDead)) => Reason::Died,
            Err(Trouble::Next(error)) => return Err(corrupt(tap, &error.to_string())),
            Err(Trouble::Write(failure)) => return Err(failure),
        };
        if !tap.follow {
            return seen.end(reason);
        }
        // Whoever writes next is waited for, and this end is reported again until then.
        let session = match reader.writer() {
            Peer::Closed { session } | Peer::Dead { session, .. } => Some(session),
            _ => ended,
        };
        if session != ended {
            ended = session;
            seen.producer_ended(reason)?;
        }
        stop.sleeps_through(SLICE);
    }
    seen.end(Reason::Stopped)
}

enum Trouble {
    Next(NextError),
    Write(Failure),
}

/// The next value; what was seen before is written before anything is waited for.
fn next(
    reader: &mut UntypedLatestReader,
    value: &mut [u8],
    seen: &mut Seen,
) -> Result<(), Trouble> {
    match reader.try_next_into(value) {
        Err(NextError::Empty) => {
            seen.write().map_err(Trouble::Write)?;
            seen.progress.tell();
            reader.next_into(value, Some(SLICE)).map_err(Trouble::Next)
        }
        answer => answer.map_err(Trouble::Next),
    }
}

fn corrupt(tap: &Tap, error: &str) -> Failure {
    Failure::new(Code::Failure, format!("{}: {error}", tap.target), "create it anew")
}
