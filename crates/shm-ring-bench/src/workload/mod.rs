//! The workloads: what each side does with its end. They must not know which transport it is.
//!
//! What is timed is never inlined: each loop is a function of its own, so that what the compiler makes of
//! it does not depend on which other transports there are.

mod batch;
mod blocked;
mod echo;
#[cfg(test)]
mod liars;
mod memory;
mod stream;
mod wake;

use crate::clock::{Clock, thread_cpu_ns, thread_queued_ns};
use crate::control::{Control, Measure, Side};
use crate::spec::{Spec, Workload};
use crate::sys;
use crate::transport::{Fault, Receiver, Sender};

pub(crate) use self::memory::before_attaching;

/// Processor time and wall time of the measured interval.
pub(crate) struct Stopwatch {
    clock: Clock,
    cpu: u64,
    queued: u64,
    ticks: u64,
    no_system_calls: bool,
}

impl Stopwatch {
    pub(crate) fn start(spec: &Spec) -> Result<Self, Fault> {
        let (clock, no_system_calls) = (spec.clock, spec.no_system_calls);
        let (queued, cpu) = (thread_queued_ns(), thread_cpu_ns());
        if no_system_calls {
            sys::forbid_system_calls().map_err(|error| Fault::new("seccomp", error))?;
        }
        Ok(Self { clock, cpu, queued, ticks: clock.ticks(), no_system_calls })
    }

    pub(crate) fn stop(self, control: &Control, side: Side, verified: u64) {
        let wall = (self.clock.ticks() - self.ticks) as f64 * self.clock.ns_per_tick;
        if !self.no_system_calls {
            control.record(side, Measure::CpuNs, thread_cpu_ns() - self.cpu);
            control.record(side, Measure::QueuedNs, thread_queued_ns() - self.queued);
        }
        control.record(side, Measure::WallNs, wall as u64);
        control.record(side, Measure::Verified, verified);
    }
}

/// Plays one side to its end.
pub(crate) fn play<S: Sender<W>, R: Receiver<W>, const W: usize>(
    spec: &Spec,
    control: &Control,
    sender: Option<S>,
    receiver: Option<R>,
) -> Result<(), Fault> {
    match (spec.workload, sender, receiver) {
        (Workload::Stream, Some(tx), _) => stream::send(tx, spec, control),
        (Workload::Stream, _, Some(rx)) => stream::receive(rx, spec, control),
        (Workload::Wake, Some(tx), _) => wake::send(tx, spec, control),
        (Workload::Wake, _, Some(rx)) => wake::receive(rx, spec, control),
        (Workload::IdleReceiver, Some(tx), _) => blocked::send_late(tx, spec, control),
        (Workload::IdleReceiver, _, Some(rx)) => blocked::receive(rx, spec, control),
        (Workload::IdleSender, Some(tx), _) => blocked::send(tx, spec, control),
        (Workload::IdleSender, _, Some(rx)) => blocked::receive_late(rx, spec, control),
        (Workload::Memory, Some(tx), _) => memory::send(tx, spec, control),
        (Workload::Memory, _, Some(rx)) => memory::receive(rx, spec, control),
        (Workload::Echo, Some(tx), Some(rx)) => match spec.side {
            Side::A => echo::ask(tx, rx, spec, control),
            Side::B => echo::answer(tx, rx, spec, control),
        },
        _ => Err(no_end()),
    }
}

/// [`play`], for `batch`.
pub(crate) fn play_batches<S: Sender<W>, R: Receiver<W>, const W: usize>(
    spec: &Spec,
    control: &Control,
    sender: Option<S>,
    receiver: Option<R>,
) -> Result<(), Fault> {
    match (sender, receiver) {
        (Some(tx), _) => batch::send(tx, spec, control),
        (_, Some(rx)) => batch::receive(rx, spec, control),
        _ => Err(no_end()),
    }
}

fn no_end() -> Fault {
    Fault::new("starting", "a side has no end of the channel")
}

/// The end of a side: it stays until the other is done too, since some transports take back what a
/// process did when it ends.
pub(crate) fn finish(spec: &Spec, control: &Control, ends: impl Sized) -> Result<(), Fault> {
    control.record(spec.side, Measure::Done, 1);
    if spec.no_system_calls {
        control.meet_spinning(spec.side, LAST_STAGE);
        sys::exit_now();
    }
    control.meet(spec.side, LAST_STAGE);
    drop(ends);
    Ok(())
}

/// The stages at which the two sides wait for each other.
pub(crate) const STARTED_STAGE: u64 = 1;
pub(crate) const ATTACHED_STAGE: u64 = 2;
pub(crate) const FLOOR_STAGE: u64 = 3;
const PASSED_STAGE: u64 = 4;
const LAST_STAGE: u64 = 5;
