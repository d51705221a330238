//! What is unread in a ring, looked at again and again. A record is seen if the consumer has not taken it before the look.

use std::time::{Duration, Instant};

use shm_ring::{DumpError, Observer, Peer, Snapshot};
use shm_ring_recording::Reason;

use super::Seen;
use crate::cli::Tap;
use crate::failure::{Code, Failure};
use crate::recording::Stop;

/// So often it looks again at once, and gives way to the two sides in between.
const EAGER: u32 = 200;
/// The first sleep between two looks, and the longest.
const SHORT: Duration = Duration::from_micros(50);
const LONG: Duration = Duration::from_millis(2);
/// How often it asks who is there, if there is nothing to see.
const ASKING: Duration = Duration::from_millis(20);

pub(super) fn run(
    tap: &Tap,
    observer: &Observer,
    snapshot: &Snapshot,
    stop: &Stop,
) -> Result<(), Failure> {
    let mut seen = Seen::nothing(tap, snapshot, snapshot.head)?;
    let messages = snapshot.contents.stride().is_none();
    let (mut idle, mut asked) = (0, Instant::now());
    // The session whose end stands in the file.
    let mut ended = None;
    while !stop.is_asked() {
        if look(tap, observer, &mut seen, messages)? {
            (idle, asked) = (0, Instant::now());
            continue;
        }
        seen.progress.tell();
        if asked.elapsed() >= ASKING {
            asked = Instant::now();
            let now = observer.snapshot();
            let end = match now.producer.peer {
                Peer::Closed { session } => Some((Reason::Closed, session)),
                Peer::Dead { session, .. } => Some((Reason::Died, session)),
                _ => None,
            };
            if let Some((reason, session)) = end.filter(|&(_, session)| ended != Some(session)) {
                // All that it published is there to be seen, or was taken.
                look(tap, observer, &mut seen, messages)?;
                seen.write()?;
                seen.miss_up_to(now.tail)?;
                if !tap.follow {
                    return seen.end(reason);
                }
                seen.producer_ended(reason)?;
                ended = Some(session);
            }
        }
        idle += 1;
        match idle {
            0..EAGER => std::thread::yield_now(),
            _ => {
                let doublings = (idle - EAGER).min(6);
                let sleep = (SHORT * (1 << doublings)).min(LONG);
                stop.sleeps_through(sleep);
            }
        }
    }
    look(tap, observer, &mut seen, messages)?;
    seen.write()?;
    // What is unread still was seen, or is seen by nobody yet.
    seen.miss_up_to(observer.snapshot().head)?;
    seen.end(Reason::Stopped)
}

/// Copies what is unread and new: whether there was something.
fn look(tap: &Tap, observer: &Observer, seen: &mut Seen, messages: bool) -> Result<bool, Failure> {
    let before = seen.next;
    for found in observer.dump() {
        let record = match found {
            Ok(record) => record,
            // The next record says where it goes on.
            Err(DumpError::Taken { .. } | DumpError::NoMemory { .. }) => continue,
            Err(error) => {
                let what = format!("{}: {error}", tap.target);
                return Err(Failure::new(
                    Code::Failure,
                    what,
                    "remove the ring and create it anew",
                ));
            }
        };
        if record.position < seen.next {
            continue;
        }
        let payload = &record.payload;
        seen.add(record.position, |batch| {
            let room = match messages {
                true => batch.message(payload.len())?,
                false => batch.values(1)?,
            };
            room.copy_from_slice(payload);
            Ok(())
        })?;
    }
    let new = seen.next > before;
    if new {
        seen.write()?;
    }
    Ok(new)
}
