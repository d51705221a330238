//! `idle-receiver` and `idle-sender`: what a side costs that is blocked, in a receive with nothing
//! there or in a send without room. The side that is awake measures it from outside, so that nothing
//! is counted but the wait. It must not know how the transport waits.

use std::time::Duration;

use super::finish;
use crate::clock::monotonic_ns;
use crate::control::{Control, Measure, Side};
use crate::spec::Spec;
use crate::sys::cpu_of_process_ns;
use crate::transport::{Fault, Receiver, Sender};

/// Until then a side has filled what there is to fill and waits.
const SETTLING: Duration = Duration::from_millis(200);

/// Watches the other side, which must be blocked, for the interval.
fn watch(spec: &Spec, control: &Control) -> Result<(), Fault> {
    let blocked = spec.side.other();
    let process = control.measured(blocked, Measure::Process) as i32;
    let cpu = || {
        let spent = cpu_of_process_ns(process);
        spent.map_err(|error| Fault::new("asking for the other side's processor time", error))
    };
    std::thread::sleep(SETTLING);
    let (start, before) = (monotonic_ns(), cpu()?);
    std::thread::sleep(Duration::from_nanos(spec.interval_ns));
    let (after, end) = (cpu()?, monotonic_ns());
    if control.measured(blocked, Measure::Done) == 1 {
        return Err(Fault::new("watching the other side", "it was done instead of blocked"));
    }
    control.record(blocked, Measure::CpuNs, after - before);
    control.record(blocked, Measure::WallNs, end - start);
    Ok(())
}

/// The sender of `idle-receiver`.
pub(super) fn send_late<const W: usize>(
    tx: impl Sender<W>,
    spec: &Spec,
    control: &Control,
) -> Result<(), Fault> {
    watch(spec, control)?;
    send(tx, spec, control)
}

/// The receiver of `idle-sender`.
pub(super) fn receive_late<const W: usize>(
    rx: impl Receiver<W>,
    spec: &Spec,
    control: &Control,
) -> Result<(), Fault> {
    watch(spec, control)?;
    receive(rx, spec, control)
}

pub(super) fn send<const W: usize>(
    mut tx: impl Sender<W>,
    spec: &Spec,
    control: &Control,
) -> Result<(), Fault> {
    let (code, mut message) = (spec.code, [0; W]);
    for number in 0..spec.messages {
        code.stamp_whole(&mut message, number);
        tx.send(&message)?;
    }
    finish(spec, control, tx)
}

pub(super) fn receive<const W: usize>(
    mut rx: impl Receiver<W>,
    spec: &Spec,
    control: &Control,
) -> Result<(), Fault> {
    let (code, mut message) = (spec.code, [0; W]);
    for number in 0..spec.messages {
        rx.receive(&mut message)?;
        code.verify_whole(&message, number)?;
    }
    control.record(Side::A, Measure::Verified, spec.messages);
    finish(spec, control, rx)
}
