//! A stream between two processes that sleep again and again: what must go on, however slowly,
//! whatever the kernel refuses to either side. It must not know what is refused.

use std::time::Duration;

use shm_ring::{Options, Ring, Wait};
use shm_ring_outsider::{Descriptor, FENCE_MODE, Region as _, SLEEPS, consumer, producer};

use super::case::{Scene, Stop, ensure};
use super::process::fork;

/// Many laps of the ring.
pub(crate) const VALUES: u64 = 1500;
/// So few that a side which pauses soon stops the other.
const ITEMS: usize = 64;

/// How one side of the stream is prepared, before and after it attaches.
pub(crate) struct Side<'a> {
    pub(crate) before: &'a dyn Fn() -> Result<(), Stop>,
    pub(crate) after: &'a dyn Fn() -> Result<(), Stop>,
}

fn nothing() -> Result<(), Stop> {
    Ok(())
}

/// A side to which nothing happens.
pub(crate) const PLAIN: Side<'static> = Side { before: &nothing, after: &nothing };

/// What a stream came to.
#[derive(Debug)]
pub(crate) struct Ran {
    /// How often each side slept: the producer, the consumer.
    pub(crate) parks: [u64; 2],
    /// What each side says about its half of the barrier.
    pub(crate) fence_modes: [u32; 2],
}

/// Long enough now and then for the other side to fall asleep.
fn dawdle(n: u64) {
    if n.is_multiple_of(300) {
        std::thread::sleep(Duration::from_millis(2));
    }
}

pub(crate) fn run(scene: &Scene, tx: &Side<'_>, rx: &Side<'_>) -> Result<Ran, Stop> {
    let name = scene.name("stream");
    let ring = Ring::<u64>::create(name.as_str(), &Options::new().items(ITEMS))?;
    let options = || Options::new().wait(Wait::PARK);
    let producing = fork(|_| {
        (tx.before)()?;
        let mut end = Ring::<u64>::open_with(name.as_str(), &options())?.producer()?;
        (tx.after)()?;
        for n in 0..VALUES {
            end.push(n)?;
            dawdle(n);
        }
        Ok(())
    })?;
    let consuming = fork(|_| {
        (rx.before)()?;
        let mut end = Ring::<u64>::open_with(name.as_str(), &options())?.consumer()?;
        (rx.after)()?;
        for n in 0..VALUES {
            let popped = end.pop();
            ensure!(popped == Ok(n), "value {n} came as {popped:?}");
            dawdle(n + 150);
        }
        Ok(())
    })?;
    producing.finish()?;
    consuming.finish()?;
    let bytes = Descriptor::of(ring.descriptor())?;
    let pages = [producer(), consumer()];
    let mut ran = Ran { parks: [0; 2], fence_modes: [0; 2] };
    for (side, page) in pages.into_iter().enumerate() {
        ran.parks[side] = bytes.word(page + SLEEPS);
        ran.fence_modes[side] = bytes.half(page + FENCE_MODE);
    }
    drop(ring);
    shm_ring::Region::named(name).unlink()?;
    ensure!(ran.parks.iter().sum::<u64>() > 0, "nobody slept: it shows nothing");
    Ok(ran)
}
