//! A latest value, its writer and a reader. Owns: what each call on them must answer. Knows nothing of: rings.

use std::mem::MaybeUninit;
use std::ptr::null;

use shmring::*;

use crate::{CALLS, Call, H, NONE_NOW, Place, h, is, make};

/// What the value of a version holds.
fn version_of(version: u64, size: usize) -> Vec<u8> {
    (0..size).map(|at| (version as u8).wrapping_add(at as u8)).collect()
}

pub(crate) fn play_latest(latest: H, size: usize, calls: &[Call]) {
    let mut writer = make(|out| shmr_latest_writer(h(latest), out)).unwrap();
    let reader = make(|out| shmr_latest_reader(h(latest), out)).unwrap();
    let mut written = 0_u64;
    for call in calls.iter().take(CALLS) {
        match *call {
            Call::Write { place } => {
                let (len, value) = match place {
                    Place::Right => (size, version_of(written + 1, size)),
                    Place::Long(len) => (len.into(), version_of(written + 1, len.into())),
                    Place::Null => (size, Vec::new()),
                    Place::Huge => (usize::MAX, vec![0]),
                };
                let address = if value.is_empty() { null() } else { value.as_ptr().cast() };
                // SAFETY: what is not refused is as long as it says.
                let answer = unsafe { shmr_write(h(writer), address, len) }.into();
                let expected = match (writer.is_null(), place) {
                    (true, _) => SHMR_HANDLE,
                    (_, Place::Null | Place::Huge) => SHMR_INVALID,
                    _ if len != size => SHMR_WRONG_LENGTH,
                    _ => 0,
                };
                is(answer, &[expected]);
                written += u64::from(answer == 0);
            }
            Call::Read { place, which } => read_latest(reader, size, written, place, which),
            Call::Close { .. } => {
                is(shmr_writer_close(h(writer)).into(), &[0]);
                writer = null();
            }
            Call::Attach { .. } => match make(|out| shmr_latest_writer(h(latest), out)) {
                Ok(next) => writer = next,
                Err(code) => assert!(code == SHMR_ROLE_TAKEN && !writer.is_null()),
            },
            Call::Skip => is(shmr_start_at_oldest(h(reader)).into(), &[0]),
            _ => {}
        }
    }
    is(shmr_writer_close(h(writer)).into(), &[0]);
    is(shmr_reader_close(h(reader)).into(), &[0]);
    is(shmr_latest_close(h(latest)).into(), &[0]);
}

fn read_latest(reader: H, size: usize, written: u64, place: Place, which: u8) {
    let (room, bytes) = match place {
        Place::Right => (size, size),
        Place::Long(len) => (len.into(), len.into()),
        Place::Null => (size, 0),
        Place::Huge => (usize::MAX, 1),
    };
    let mut value = vec![0xee; bytes].into_boxed_slice();
    let is_null = matches!(place, Place::Null);
    let to = if is_null { std::ptr::null_mut() } else { value.as_mut_ptr().cast() };
    // SAFETY: what is not refused has room for as much as it says.
    let answer = i64::from(unsafe {
        match which % 3 {
            0 => shmr_read(h(reader), to, room),
            1 => shmr_read_newer(h(reader), to, room, 1),
            _ => shmr_next(h(reader), to, room, 0, None),
        }
    });
    match place {
        Place::Null | Place::Huge => is(answer, &[SHMR_INVALID]),
        _ if room != size => is(answer, &[SHMR_WRONG_LENGTH]),
        _ if answer == 0 => {
            let mut version = MaybeUninit::new(0);
            is(shmr_reader_version(h(reader), Some(&mut version)).into(), &[0]);
            // SAFETY: it was given a value.
            let version = unsafe { version.assume_init() };
            assert!(0 < version && version <= written);
            assert_eq!(*value, *version_of(version, size));
            assert!(which % 3 != 0 || version == written);
            return;
        }
        _ if answer == i64::from(SHMR_LAGGED) => {
            assert!(value.iter().all(|byte| *byte == 0));
            return;
        }
        _ if which % 3 == 0 => {
            assert_eq!(written, 0);
            is(answer, &[SHMR_EMPTY]);
        }
        _ => is(answer, NONE_NOW),
    }
    assert!(value.iter().all(|byte| *byte == 0xee), "touched");
}
