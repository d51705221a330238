//! Owns: what a traced child does: it gets everything ready, and performs one operation between two marks. Knows nothing
//! of: what becomes of it.

use std::hint::black_box;
use std::os::fd::AsFd;

use shm_ring::{PopError, PushError, Region};
use shm_ring_outsider::{Descriptor, Side, Word, Writable};
use zerocopy::IntoBytes;

use super::judge::wanted;
use super::kind::{BATCH, Kind};
use super::knife::{Done, FAILED, MISREAD, between_marks};
use super::op::Op;
use super::scene::{Scene, Start};

/// Performs the operation of `scene` on `ring`: the exit code of the child.
pub(crate) fn perform<K: Kind>(
    scene: Scene,
    start: &Start,
    ring: &K::Ring,
    kept: &mut [K::Unit],
) -> Done {
    let (op, side) = (scene.op, scene.op.side());
    if op.attaches() {
        let region = Region::descriptor(K::descriptor(ring).try_clone_to_owned()?);
        let options = K::options();
        let open = || K::open(region, &options);
        let attached = match side {
            Side::Producer => between_marks(|| open().and_then(|ring| K::producer(&ring))).is_ok(),
            Side::Consumer => between_marks(|| open().and_then(|ring| K::consumer(&ring))).is_ok(),
        };
        return Ok(if attached { 0 } else { FAILED });
    }
    match side {
        Side::Producer => produced::<K>(scene, start, ring),
        Side::Consumer => consumed::<K>(scene, start, ring, kept),
    }
}

fn produced<K: Kind>(scene: Scene, start: &Start, ring: &K::Ring) -> Done {
    let mut tx = K::producer(ring)?;
    if let Some(head) = start.late_head {
        Descriptor::of(K::descriptor(ring).as_fd())?.set_named(
            Side::Consumer,
            Word::Position,
            head,
        );
    }
    let items = black_box([0, 1, 2].map(|more| K::own(scene.sequence + more)));
    let answer = match (scene.op, K::put(scene.op)) {
        (Op::Nothing, _) => between_marks(|| Ok(())),
        (Op::CloseProducer, _) => {
            between_marks(|| drop(tx));
            Ok(())
        }
        (_, Some(put)) => between_marks(|| put(&mut tx, &items)),
        _ => return Ok(FAILED),
    };
    let wanted = if scene.op.parks() { Err(PushError::TimedOut) } else { Ok(()) };
    Ok(if answer == wanted { 0 } else { FAILED })
}

fn consumed<K: Kind>(scene: Scene, start: &Start, ring: &K::Ring, kept: &mut [K::Unit]) -> Done {
    let mut rx = K::consumer(ring)?;
    for _ in 0..start.skip {
        K::next(&mut rx)?;
    }
    // Somebody may look at it from outside at any moment.
    let kept = black_box(kept);
    let answer = match (scene.op, K::take(scene.op)) {
        (Op::CloseConsumer, _) => {
            between_marks(|| drop(rx));
            Ok(())
        }
        (_, Some(take)) => between_marks(|| take(&mut rx, kept)),
        _ => return Ok(FAILED),
    };
    let expected = if scene.op.parks() { Err(PopError::TimedOut) } else { Ok(()) };
    if answer != expected {
        return Ok(FAILED);
    }
    let wanted = wanted::<K>(scene, start);
    Ok(if kept.as_bytes()[..wanted.len()] == wanted { 0 } else { MISREAD })
}

const _: () = assert!(BATCH == 3, "as many items as are made ready");
