//! The workloads: what each side does with its end. They must not know which transport it is.
//!
//! What is timed is never inlined: each loop is a function of its own, so that what the compiler makes of
//! it does not depend on which other transports there are.

mod batch;
mod blocked;
mod burst;
mod calls;
mod echo;
pub(crate) mod fan;
#[cfg(test)]
mod liars;
mod memory;
mod paced;
#[cfg(test)]
mod stalls;
mod stopwatch;
mod stream;
mod wake;

use crate::control::{Control, Measure, Side};
use crate::spec::{Spec, Workload};
use crate::sys;
use crate::transport::{Fault, Receiver, Sender};

pub(crate) use self::calls::COUNTING;
pub(crate) use self::memory::before_attaching;
pub(crate) use self::stopwatch::Stopwatch;

/// What sends one message, and what receives one, where the loop around it is not compiled for each.
type SendOne<'a, const W: usize> = dyn FnMut(&[u64; W]) -> Result<(), Fault> + 'a;
type ReceiveOne<'a, const W: usize> = dyn FnMut(&mut [u64; W]) -> Result<(), Fault> + 'a;

/// Plays one side to its end.
pub(crate) fn play<S: Sender<W>, R: Receiver<W>, const W: usize>(
    spec: &Spec,
    control: &Control,
    sender: Option<S>,
    receiver: Option<R>,
) -> Result<(), Fault> {
    match (spec.workload, sender, receiver) {
        (Workload::Wake, Some(tx), _) => wake::send(tx, spec, control),
        (Workload::Wake, _, Some(rx)) => wake::receive(rx, spec, control),
        (Workload::IdleReceiver, Some(tx), _) => blocked::send_late(tx, spec, control),
        (Workload::IdleReceiver, _, Some(rx)) => blocked::receive(rx, spec, control),
        (Workload::IdleSender, Some(tx), _) => blocked::send(tx, spec, control),
        (Workload::IdleSender, _, Some(rx)) => blocked::receive_late(rx, spec, control),
        (Workload::Memory, Some(tx), _) => memory::send(tx, spec, control),
        (Workload::Memory, _, Some(rx)) => memory::receive(rx, spec, control),
        (Workload::Burst | Workload::Paced, Some(tx), _) => send_timed(tx, spec, control),
        (Workload::Burst | Workload::Paced, _, Some(rx)) => receive_timed(rx, spec, control),
        (_, sender, receiver) => play_streams(spec, control, sender, receiver),
    }
}

/// [`play`], for streams and round trips only.
pub(crate) fn play_streams<S: Sender<W>, R: Receiver<W>, const W: usize>(
    spec: &Spec,
    control: &Control,
    sender: Option<S>,
    receiver: Option<R>,
) -> Result<(), Fault> {
    match (spec.workload, sender, receiver) {
        (Workload::Stream | Workload::OneCore, Some(tx), _) => stream::send(tx, spec, control),
        (Workload::Stream | Workload::OneCore, _, Some(rx)) => stream::receive(rx, spec, control),
        (Workload::Echo | Workload::OneCoreEcho, Some(tx), Some(rx)) => match spec.side {
            Side::A => echo::ask(tx, rx, spec, control),
            Side::B => echo::answer(tx, rx, spec, control),
        },
        _ => Err(no_end()),
    }
}

fn send_timed<const W: usize>(
    mut tx: impl Sender<W>,
    spec: &Spec,
    control: &Control,
) -> Result<(), Fault> {
    let mut send = |message: &[u64; W]| tx.send(message);
    match spec.workload {
        Workload::Burst => burst::send(&mut send, spec, control)?,
        _ => paced::send(&mut send, spec, control)?,
    }
    finish(spec, control, tx)
}

fn receive_timed<const W: usize>(
    mut rx: impl Receiver<W>,
    spec: &Spec,
    control: &Control,
) -> Result<(), Fault> {
    let mut receive = |message: &mut [u64; W]| rx.receive(message);
    match spec.workload {
        Workload::Burst => burst::receive(&mut receive, spec, control)?,
        _ => paced::receive(&mut receive, spec, control)?,
    }
    finish(spec, control, rx)
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
