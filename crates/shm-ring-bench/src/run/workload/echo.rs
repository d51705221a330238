//! `echo`: one message there and back at a time.

use super::Stopwatch;
use crate::run::control::Control;
use crate::run::histogram::Histogram;
use crate::run::spec::Spec;
use crate::run::transport::{Fault, Receiver, Sender};

#[inline(never)]
pub(super) fn ask<S: Sender<W>, R: Receiver<W>, const W: usize>(
    mut tx: S,
    mut rx: R,
    spec: &Spec,
    control: &Control,
) -> Result<(S, R), Fault> {
    let mut histogram = Histogram::new();
    let (code, mut message) = (spec.code, [0; W]);
    for number in 0..spec.warm_up {
        code.stamp_whole(&mut message, number);
        tx.send(&message)?;
        rx.receive(&mut message)?;
        code.verify_whole_answer(&message, number)?;
    }
    let (watch, clock) = (Stopwatch::start(spec)?, spec.clock);
    for number in spec.warm_up..spec.warm_up + spec.messages {
        code.stamp(&mut message, number);
        let from = clock.ticks();
        tx.send(&message)?;
        rx.receive(&mut message)?;
        let took = clock.ticks() - from;
        code.verify_answer(&message, number)?;
        histogram.record(took);
    }
    watch.stop(control, spec.side, spec.messages);
    histogram.report(control, spec.side, clock.ns_per_tick);
    Ok((tx, rx))
}

#[inline(never)]
pub(super) fn answer<S: Sender<W>, R: Receiver<W>, const W: usize>(
    mut tx: S,
    mut rx: R,
    spec: &Spec,
    control: &Control,
) -> Result<(S, R), Fault> {
    let (code, mut message) = (spec.code, [0; W]);
    for number in 0..spec.warm_up {
        let answer = code.answer(number);
        rx.receive(&mut message)?;
        answer(&mut message);
        tx.send(&message)?;
    }
    let watch = Stopwatch::start(spec)?;
    for number in spec.warm_up..spec.warm_up + spec.messages {
        let answer = code.answer(number);
        rx.receive(&mut message)?;
        answer(&mut message);
        tx.send(&message)?;
    }
    watch.stop(control, spec.side, 0);
    Ok((tx, rx))
}
