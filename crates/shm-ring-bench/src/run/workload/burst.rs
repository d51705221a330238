//! `burst`: many messages at once to a receiver that had nothing to do, then silence. Each says when
//! its burst began. It must not know the transport: what carries a message is called through a
//! reference, which is nothing beside a reading of the clock and spares compiling this for each.

use std::hint::spin_loop;

use super::{ReceiveOne, SendOne, Stopwatch};
use crate::run::clock::{monotonic_ns, sleep_until};
use crate::run::control::{Control, Measure};
use crate::run::histogram::Histogram;
use crate::run::spec::Spec;
use crate::run::transport::Fault;

/// No burst begins that far from the one before.
const HOUR: u64 = 3_600_000_000_000;
/// A shorter silence is spun through: a sender that sleeps wakes tens of microseconds late.
const SPUN_BELOW_NS: u64 = 100_000;

#[inline(never)]
pub(super) fn send<const W: usize>(
    send: &mut SendOne<'_, W>,
    spec: &Spec,
    control: &Control,
) -> Result<(), Fault> {
    let (code, mut message) = (spec.code, [0; W]);
    let (mut slept, mut spun) = (0, 0);
    let watch = Stopwatch::start(spec)?;
    let mut number = 0;
    while number < spec.messages {
        // After the burst, however long it took: silence that a late burst eats up would be none.
        let from = monotonic_ns();
        let due = from + spec.interval_ns;
        let mut began = from;
        if spec.interval_ns < SPUN_BELOW_NS {
            while began < due {
                spin_loop();
                began = monotonic_ns();
            }
            spun += began - from;
        } else {
            slept += u64::from(sleep_until(due));
            began = monotonic_ns();
        }
        for _ in 0..spec.burst {
            code.stamp_moment(&mut message, number, began);
            send(&message)?;
            number += 1;
        }
    }
    watch.stop_after_sleeps(control, spec.side, 0, slept);
    control.record(spec.side, Measure::WaitedNs, spun);
    Ok(())
}

#[inline(never)]
pub(super) fn receive<const W: usize>(
    receive: &mut ReceiveOne<'_, W>,
    spec: &Spec,
    control: &Control,
) -> Result<(), Fault> {
    let (code, mut message) = (spec.code, [0; W]);
    let (mut latencies, mut drains) = (Histogram::new(), Histogram::new());
    let watch = Stopwatch::start(spec)?;
    let mut began = monotonic_ns().saturating_sub(HOUR);
    for burst in 0..spec.messages / spec.burst as u64 {
        // Reading the clock for each message would be a part of how long the whole takes.
        let times_each = burst % 2 == 0;
        let first = burst * spec.burst as u64;
        for number in first..first + spec.burst as u64 {
            receive(&mut message)?;
            let now = if times_each { monotonic_ns() } else { 0 };
            let window = if number == first { (began, began + 2 * HOUR) } else { (began, began) };
            began = code.moment(&message, number, window)?;
            if times_each {
                latencies.record(since(began, now)?);
            }
        }
        if !times_each {
            drains.record(since(began, monotonic_ns())?);
        }
    }
    watch.stop(control, spec.side, spec.messages);
    latencies.report(control, spec.side, 1.0);
    drains.report_one(control, spec.side, Measure::Drain, 0.5, 1.0);
    Ok(())
}

fn since(began: u64, now: u64) -> Result<u64, Fault> {
    now.checked_sub(began).ok_or_else(|| {
        Fault::new("verifying", format_args!("sent from {began} on, received at {now}"))
    })
}
