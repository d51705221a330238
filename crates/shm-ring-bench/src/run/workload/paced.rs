//! `paced`: messages at a rate, due whether or not the one before has gone. Each says when it was due,
//! so that what waits behind a slow message is late by that wait too. It must not know the transport,
//! which is called as in `burst`.

use std::hint::spin_loop;
use std::ops::Range;

use super::{ReceiveOne, SendOne, Stopwatch};
use crate::run::clock::monotonic_ns;
use crate::run::control::{Control, Measure};
use crate::run::histogram::Histogram;
use crate::run::message::Code;
use crate::run::spec::Spec;
use crate::run::transport::Fault;

/// Until then the receiver waits for the first message: what it does before would make that late.
const READY_NS: u64 = 1_000_000;
const SECOND: u64 = 1_000_000_000;

#[inline(never)]
pub(super) fn send<const W: usize>(
    send: &mut SendOne<'_, W>,
    spec: &Spec,
    control: &Control,
) -> Result<(), Fault> {
    let end = spec.warm_up + spec.messages;
    keep(send, spec.code, 0..spec.warm_up, spec.rate)?;
    let watch = Stopwatch::start(spec)?;
    let waited = keep(send, spec.code, spec.warm_up..end, spec.rate)?;
    watch.stop(control, spec.side, 0);
    control.record(spec.side, Measure::WaitedNs, waited);
    Ok(())
}

/// Sends each message when it is due, or at once if that is over. How long it waited for that; it
/// spins on the clock, since whoever sleeps is late.
fn keep<const W: usize>(
    send: &mut SendOne<'_, W>,
    code: Code,
    numbers: Range<u64>,
    rate: u64,
) -> Result<u64, Fault> {
    let (mut message, mut waited) = ([0; W], 0);
    let mut now = monotonic_ns();
    let (first, start) = (numbers.start, now + READY_NS);
    for number in numbers {
        let due = start + (number - first) * SECOND / rate;
        let from = now;
        while now < due {
            spin_loop();
            now = monotonic_ns();
        }
        waited += now - from;
        code.stamp_moment(&mut message, number, due);
        send(&message)?;
        now = monotonic_ns();
    }
    Ok(waited)
}

#[inline(never)]
pub(super) fn receive<const W: usize>(
    receive: &mut ReceiveOne<'_, W>,
    spec: &Spec,
    control: &Control,
) -> Result<(), Fault> {
    let (code, mut message) = (spec.code, [0; W]);
    let mut histogram = Histogram::new();
    let mut due = 0;
    for number in 0..spec.warm_up {
        receive(&mut message)?;
        due = code.moment(&message, number, (due, monotonic_ns()))?;
    }
    let watch = Stopwatch::start(spec)?;
    let (mut first, mut now) = (None, 0);
    for number in spec.warm_up..spec.warm_up + spec.messages {
        receive(&mut message)?;
        now = monotonic_ns();
        due = code.moment(&message, number, (due, now))?;
        first.get_or_insert(due);
        histogram.record(now - due);
    }
    watch.stop(control, spec.side, spec.messages);
    histogram.report(control, spec.side, 1.0);
    // To the end of the last message's turn.
    let span = now - first.unwrap_or(now) + SECOND / spec.rate;
    control.record(spec.side, Measure::SpanNs, span);
    Ok(())
}
