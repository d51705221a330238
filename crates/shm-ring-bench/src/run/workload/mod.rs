//! The workloads: what each side does with its end. They must not know which transport it is.
//!
//! What is timed is never inlined: each loop is a function of its own, so that what the compiler makes of
//! it does not depend on which other transports there are.

#[cfg(test)]
mod adversaries;
mod batch;
mod blocked;
mod burst;
mod calls;
mod echo;
pub(crate) mod fan;
mod lines;
mod memory;
mod paced;
#[cfg(test)]
mod stalls;
mod stopwatch;
mod stream;
mod wake;

use std::ops::Range;

use crate::run::control::{Control, Measure, Side};
use crate::run::message::Code;
use crate::run::spec::{Spec, Workload};
use crate::run::sys;
use crate::run::transport::{Fault, Receiver, Sender};

pub(crate) use self::calls::COUNTING;
pub(crate) use self::lines::play as play_lines;
pub(crate) use self::memory::before_attaching;
pub(crate) use self::stopwatch::Stopwatch;

/// What sends one message, and what receives one, where the loop around it is not compiled for each.
type SendOne<'a, const W: usize> = dyn FnMut(&[u64; W]) -> Result<(), Fault> + 'a;
type ReceiveOne<'a, const W: usize> = dyn FnMut(&mut [u64; W]) -> Result<(), Fault> + 'a;

/// The ends of a side, which stay until both sides are done.
type Ends<S, R> = (Option<S>, Option<R>);

/// Plays one side to its end.
pub(crate) fn play<S: Sender<W>, R: Receiver<W>, const W: usize>(
    spec: &Spec,
    control: &Control,
    sender: Option<S>,
    receiver: Option<R>,
) -> Result<(), Fault> {
    use Workload::{Burst, IdleReceiver, IdleSender, Memory, Paced, Wake};
    let ends = match (spec.workload, sender, receiver) {
        (Wake, Some(tx), _) => (Some(wake::send(tx, spec, control)?), None),
        (Wake, _, Some(rx)) => (None, Some(wake::receive(rx, spec, control)?)),
        (Burst | Paced, Some(mut tx), _) => {
            let mut send = |message: &[u64; W]| tx.send(message);
            match spec.workload {
                Burst => burst::send(&mut send, spec, control)?,
                _ => paced::send(&mut send, spec, control)?,
            }
            (Some(tx), None)
        }
        (Burst | Paced, _, Some(mut rx)) => {
            let mut receive = |message: &mut [u64; W]| rx.receive(message);
            match spec.workload {
                Burst => burst::receive(&mut receive, spec, control)?,
                _ => paced::receive(&mut receive, spec, control)?,
            }
            (None, Some(rx))
        }
        (IdleReceiver | IdleSender | Memory, Some(tx), _) => {
            (Some(send_untimed(tx, spec, control)?), None)
        }
        (IdleReceiver | IdleSender | Memory, _, Some(rx)) => {
            (None, Some(receive_untimed(rx, spec, control)?))
        }
        (_, sender, receiver) => streams(spec, control, sender, receiver)?,
    };
    finish(spec, control, ends)
}

/// [`play`], for streams and round trips only.
pub(crate) fn play_streams<S: Sender<W>, R: Receiver<W>, const W: usize>(
    spec: &Spec,
    control: &Control,
    sender: Option<S>,
    receiver: Option<R>,
) -> Result<(), Fault> {
    let ends = streams(spec, control, sender, receiver)?;
    finish(spec, control, ends)
}

fn streams<S: Sender<W>, R: Receiver<W>, const W: usize>(
    spec: &Spec,
    control: &Control,
    sender: Option<S>,
    receiver: Option<R>,
) -> Result<Ends<S, R>, Fault> {
    use Workload::{Echo, OneCore, OneCoreEcho, Stream};
    Ok(match (spec.workload, sender, receiver) {
        (Stream | OneCore, Some(tx), _) => (Some(stream::send(tx, spec, control)?), None),
        (Stream | OneCore, _, Some(rx)) => (None, Some(stream::receive(rx, spec, control)?)),
        (Echo | OneCoreEcho, Some(tx), Some(rx)) => {
            let (tx, rx) = match spec.side {
                Side::A => echo::ask(tx, rx, spec, control)?,
                Side::B => echo::answer(tx, rx, spec, control)?,
            };
            (Some(tx), Some(rx))
        }
        _ => return Err(no_end()),
    })
}

/// [`play`], for `batch`.
pub(crate) fn play_batches<S: Sender<W>, R: Receiver<W>, const W: usize>(
    spec: &Spec,
    control: &Control,
    sender: Option<S>,
    receiver: Option<R>,
) -> Result<(), Fault> {
    let ends = match (sender, receiver) {
        (Some(tx), _) => (Some(batch::send(tx, spec, control)?), None),
        (_, Some(rx)) => (None, Some(batch::receive(rx, spec, control)?)),
        _ => return Err(no_end()),
    };
    finish(spec, control, ends)
}

/// Sends all messages where nobody times them: another thing is measured.
#[inline(never)]
fn send_untimed<S: Sender<W>, const W: usize>(
    mut tx: S,
    spec: &Spec,
    control: &Control,
) -> Result<S, Fault> {
    if spec.workload == Workload::IdleReceiver {
        blocked::watch(spec, control)?;
    }
    pass(&mut tx, &mut [0; W], spec.code, 0..spec.messages)?;
    passed(spec, control)?;
    Ok(tx)
}

/// Receives what [`send_untimed`] sends.
#[inline(never)]
fn receive_untimed<R: Receiver<W>, const W: usize>(
    mut rx: R,
    spec: &Spec,
    control: &Control,
) -> Result<R, Fault> {
    if spec.workload == Workload::IdleSender {
        blocked::watch(spec, control)?;
    }
    take(&mut rx, &mut [0; W], spec.code, 0..spec.messages)?;
    control.record(spec.side, Measure::Verified, spec.messages);
    passed(spec, control)?;
    Ok(rx)
}

/// Sends messages that nobody times, every word of each stamped in `message`, of which a stack has not room for many.
#[inline(always)]
fn pass<const W: usize>(
    tx: &mut impl Sender<W>,
    message: &mut [u64; W],
    code: Code,
    numbers: Range<u64>,
) -> Result<(), Fault> {
    for number in numbers {
        code.stamp_whole(message, number);
        tx.send(message)?;
    }
    Ok(())
}

/// Receives messages that nobody times, and verifies every word of each.
#[inline(always)]
fn take<const W: usize>(
    rx: &mut impl Receiver<W>,
    message: &mut [u64; W],
    code: Code,
    numbers: Range<u64>,
) -> Result<(), Fault> {
    for number in numbers {
        rx.receive(message)?;
        code.verify_whole(message, number)?;
    }
    Ok(())
}

/// What is left to measure once all messages have passed that nobody times.
fn passed(spec: &Spec, control: &Control) -> Result<(), Fault> {
    match spec.workload {
        Workload::Memory => memory::after_passing(spec, control),
        _ => Ok(()),
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
