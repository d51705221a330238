//! What a traced child does: gets everything ready, and performs one operation between two marks. It must not
//! know what becomes of it.

use std::hint::black_box;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, alarm, getpid};
use shm_ring::{PopError, PushError, Region, Ring};

use super::kind::Kind;
use super::raw::{Side, write_at};
use super::scene::{Op, Scene, Start};
use super::window::options;

/// A child that gets no further ends after so many seconds.
const HANG_SECONDS: u32 = 60;

/// The operation had another outcome than it must have.
pub(crate) const FAILED: i32 = 3;

/// Stops this process for whoever traces it, in as few instructions as that takes.
struct Mark(Pid);

impl Mark {
    #[inline(always)]
    fn here(&self) {
        // A process may always signal itself.
        let _ = kill(self.0, Signal::SIGSTOP);
    }
}

/// Two marks around `operation`.
#[inline(always)]
pub(super) fn between_marks<R>(operation: impl FnOnce() -> R) -> R {
    let mark = Mark(getpid());
    mark.here();
    let answer = operation();
    mark.here();
    answer
}

/// What a child does first: whoever traces it learns of the signal.
pub(super) fn end_if_it_hangs() {
    alarm::set(HANG_SECONDS);
}

/// Performs the operation of `scene` on `ring`: the exit code of the child.
pub(crate) fn perform<K: Kind>(
    scene: Scene,
    start: &Start,
    ring: &Ring<K::P>,
    diary: &mut K::Diary,
) -> i32 {
    end_if_it_hangs();
    match performed::<K>(scene, start, ring, diary) {
        Ok(true) => 0,
        Ok(false) => FAILED,
        Err(error) => {
            eprintln!("a child could not get ready: {error}");
            FAILED
        }
    }
}

/// Whether the operation did what it should.
fn performed<K: Kind>(
    scene: Scene,
    start: &Start,
    ring: &Ring<K::P>,
    diary: &mut K::Diary,
) -> Result<bool, Box<dyn std::error::Error>> {
    if scene.op.attaches() {
        let descriptor = ring.descriptor().try_clone_to_owned()?;
        return Ok(match scene.op.side() {
            Side::Producer => between_marks(|| {
                Ring::<K::P>::open_with(Region::descriptor(descriptor), options())
                    .and_then(|ring| ring.producer())
            })
            .is_ok(),
            Side::Consumer => between_marks(|| {
                Ring::<K::P>::open_with(Region::descriptor(descriptor), options())
                    .and_then(|ring| ring.consumer())
            })
            .is_ok(),
        });
    }
    Ok(match scene.op.side() {
        Side::Producer => produced::<K>(scene, start, ring)?,
        Side::Consumer => consumed::<K>(scene, start, ring, diary)?,
    })
}

fn produced<K: Kind>(
    scene: Scene,
    start: &Start,
    ring: &Ring<K::P>,
) -> Result<bool, Box<dyn std::error::Error>> {
    let mut tx = ring.producer()?;
    if let Some(head) = start.late_head {
        write_at(ring.descriptor(), Side::Consumer.position_offset(), &head.to_le_bytes())?;
    }
    let item = black_box(K::own(scene.sequence));
    let items = black_box([0, 1, 2].map(|more| K::own(scene.sequence + more)));
    let answer = match scene.op {
        Op::Nothing => between_marks(|| Ok(())),
        Op::Push | Op::PushLook | Op::PushRing => between_marks(|| K::push(&mut tx, &item)),
        Op::TryPush => between_marks(|| K::try_push(&mut tx, &item)),
        Op::Reserve => between_marks(|| K::reserve(&mut tx, &item, true)),
        Op::ReserveDrop => between_marks(|| K::reserve(&mut tx, &item, false)),
        Op::PushBatch => between_marks(|| K::push_batch(&mut tx, &items)),
        Op::PushPark => {
            let parked =
                between_marks(|| K::push_timeout(&mut tx, &item, Duration::from_micros(1)));
            return Ok(parked == Err(PushError::TimedOut));
        }
        Op::CloseProducer => {
            between_marks(|| drop(tx));
            Ok(())
        }
        _ => return Ok(false),
    };
    Ok(answer.is_ok())
}

fn consumed<K: Kind>(
    scene: Scene,
    start: &Start,
    ring: &Ring<K::P>,
    diary: &mut K::Diary,
) -> Result<bool, Box<dyn std::error::Error>> {
    let mut rx = ring.consumer()?;
    for _ in 0..start.skip {
        K::take(&mut rx)?;
    }
    // Somebody may look at it from outside at any moment.
    let diary = black_box(diary);
    let answer = match scene.op {
        Op::Pop | Op::PopRing => between_marks(|| K::pop(&mut rx)),
        Op::TryPop => between_marks(|| K::try_pop(&mut rx)),
        Op::PopInto => between_marks(|| K::pop_into(&mut rx, diary)),
        Op::PopBatch => between_marks(|| K::pop_batch(&mut rx, diary)),
        Op::Peek => between_marks(|| K::peek(&mut rx, diary, false)),
        Op::PeekRelease => between_marks(|| K::peek(&mut rx, diary, true)),
        Op::PopPark => {
            let parked = between_marks(|| K::pop_timeout(&mut rx, Duration::from_micros(1)));
            return Ok(parked == Err(PopError::TimedOut));
        }
        Op::CloseConsumer => {
            between_marks(|| drop(rx));
            Ok(())
        }
        _ => return Ok(false),
    };
    Ok(answer.is_ok())
}
