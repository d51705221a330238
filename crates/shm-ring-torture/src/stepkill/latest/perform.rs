//! Owns: what a traced child does with a latest value: it gets everything ready, and performs one operation between two
//! marks. Knows nothing of: what becomes of it.

use std::hint::black_box;

use shm_ring::{Latest, NextError, ReadError, Region};

use super::Carried;
use super::fixture::{Scene, header, options};
use crate::stepkill::kind::{BRIEF, HANG};
use crate::stepkill::knife::{self, FAILED, between_marks};
use crate::stepkill::op::LatestOp as Op;

type Done = Result<bool, Box<dyn std::error::Error>>;

/// Performs the operation of `scene`: the exit code of the child.
pub(super) fn perform<T: Carried>(scene: Scene, latest: &Latest<T>) -> knife::Done {
    let done = if scene.op.reads() { reads(scene, latest) } else { writes(scene, latest) };
    Ok(if done? { 0 } else { FAILED })
}

/// Whether the writer's operation did what it should.
fn writes<T: Carried>(scene: Scene, latest: &Latest<T>) -> Done {
    let region = Region::descriptor(latest.descriptor().try_clone_to_owned()?);
    if scene.op.attaches() {
        let options = options::<T>();
        let open = || Latest::<T>::open_with(region, &options);
        let attached = between_marks(|| open().and_then(|latest| latest.writer()));
        return Ok(attached.is_ok_and(|writer| writer.version() == scene.published));
    }
    let mut writer = latest.writer()?;
    let value = black_box(T::of(scene.published + 1));
    match scene.op {
        Op::Write => between_marks(|| T::write(&mut writer, value)),
        Op::WriteFrom => between_marks(|| T::write_from(&mut writer, &value)),
        Op::Notify => between_marks(|| T::notify(&mut writer)),
        Op::CloseWriter => between_marks(|| writer.close()),
        _ => return Ok(false),
    }
    Ok(true)
}

/// Whether the reader's operation did what it should.
fn reads<T: Carried>(scene: Scene, latest: &Latest<T>) -> Done {
    let region = Region::descriptor(latest.descriptor().try_clone_to_owned()?);
    if scene.op == Op::AttachReader {
        let options = options::<T>();
        let open = || Latest::<T>::open_with(region, &options);
        return Ok(between_marks(|| open().and_then(|latest| latest.reader())).is_ok());
    }
    let mut reader = latest.reader()?;
    let wanted = match scene.published {
        0 => Err(ReadError::Empty),
        version => Ok(T::of(version)),
    };
    if scene.op == Op::ReadNewerInVain {
        // All that there is has been read.
        if T::read(&mut reader) != wanted {
            return Ok(false);
        }
        let late = between_marks(|| T::read_newer(&mut reader, BRIEF));
        return Ok(late == Err(ReadError::TimedOut));
    }
    if scene.op == Op::Next {
        // The oldest of all, whose slot is the next but one to be written.
        let oldest = scene.oldest(header::<T>().slots());
        let wanted = match scene.published {
            0 => Err(NextError::Empty),
            _ => Ok(T::of(oldest)),
        };
        reader.start_at_oldest()?;
        let next = between_marks(|| T::next(&mut reader));
        return Ok(next == wanted && reader.version() == oldest.min(scene.published));
    }
    let read = match scene.op {
        Op::Read => between_marks(|| T::read(&mut reader)),
        Op::ReadInto => {
            let mut place = T::of(u64::MAX);
            between_marks(|| T::read_into(&mut reader, &mut place)).map(|()| place)
        }
        Op::ReadNewer => between_marks(|| T::read_newer(&mut reader, HANG)),
        _ => return Ok(false),
    };
    Ok(read == wanted && reader.version() == scene.published)
}
