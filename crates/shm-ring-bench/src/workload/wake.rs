//! `wake`: one message at an interval to a receiver that has nothing else to do.

use super::{Stopwatch, finish};
use crate::clock::{monotonic_ns, sleep_until};
use crate::control::Control;
use crate::histogram::Histogram;
use crate::message::{stamp, verify};
use crate::spec::Spec;
use crate::transport::{Fault, Receiver, Sender};

#[inline(never)]
pub(super) fn send<const W: usize>(
    mut tx: impl Sender<W>,
    spec: &Spec,
    control: &Control,
) -> Result<(), Fault> {
    let mut message = [0; W];
    let watch = Stopwatch::start(spec)?;
    let start = monotonic_ns();
    for number in 1..=spec.messages {
        sleep_until(start + number * spec.interval_ns);
        stamp(&mut message, monotonic_ns());
        tx.send(&message)?;
    }
    watch.stop(control, spec.side, 0);
    finish(spec, control, tx)
}

#[inline(never)]
pub(super) fn receive<const W: usize>(
    mut rx: impl Receiver<W>,
    spec: &Spec,
    control: &Control,
) -> Result<(), Fault> {
    let mut histogram = Histogram::new();
    let mut message = [0; W];
    let mut last = 0;
    let watch = Stopwatch::start(spec)?;
    for _ in 0..spec.messages {
        rx.receive(&mut message)?;
        let now = monotonic_ns();
        let sent = message[0];
        verify(&message, sent)?;
        if sent <= last || sent > now {
            let order = format_args!("sent at {sent}, after {last}, received at {now}");
            return Err(Fault::new("verifying", order));
        }
        last = sent;
        histogram.record(now - sent);
    }
    watch.stop(control, spec.side, spec.messages);
    histogram.report(control, spec.side, 1.0);
    finish(spec, control, rx)
}
