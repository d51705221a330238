//! `wake`: one message at an interval to a receiver that has nothing else to do.

use super::Stopwatch;
use crate::run::clock::{monotonic_ns, sleep_until};
use crate::run::control::Control;
use crate::run::histogram::Histogram;
use crate::run::spec::Spec;
use crate::run::transport::{Fault, Receiver, Sender};

#[inline(never)]
pub(super) fn send<S: Sender<W>, const W: usize>(
    mut tx: S,
    spec: &Spec,
    control: &Control,
) -> Result<S, Fault> {
    let (code, mut message) = (spec.code, [0; W]);
    let mut slept = 0;
    let watch = Stopwatch::start(spec)?;
    let start = monotonic_ns();
    for number in 1..=spec.messages {
        slept += u64::from(sleep_until(start + number * spec.interval_ns));
        code.stamp_moment(&mut message, number, monotonic_ns());
        tx.send(&message)?;
    }
    watch.stop_after_sleeps(control, spec.side, 0, slept);
    Ok(tx)
}

#[inline(never)]
pub(super) fn receive<R: Receiver<W>, const W: usize>(
    mut rx: R,
    spec: &Spec,
    control: &Control,
) -> Result<R, Fault> {
    let mut histogram = Histogram::new();
    let (code, mut message) = (spec.code, [0; W]);
    let watch = Stopwatch::start(spec)?;
    let mut last = 0;
    for number in 1..=spec.messages {
        rx.receive(&mut message)?;
        let now = monotonic_ns();
        let sent = code.moment(&message, number, (last, now))?;
        last = sent;
        histogram.record(now - sent);
    }
    watch.stop(control, spec.side, spec.messages);
    histogram.report(control, spec.side, 1.0);
    Ok(rx)
}
