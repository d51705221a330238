//! `stream`: messages one way as fast as they go, one at a time, each verified.

use super::{Stopwatch, finish};
use crate::control::Control;
use crate::spec::Spec;
use crate::transport::{Fault, Receiver, Sender};

#[inline(never)]
pub(super) fn send<const W: usize>(
    mut tx: impl Sender<W>,
    spec: &Spec,
    control: &Control,
) -> Result<(), Fault> {
    let (code, mut message) = (spec.code, [0; W]);
    for number in 0..spec.warm_up {
        code.stamp_whole(&mut message, number);
        tx.send(&message)?;
    }
    let watch = Stopwatch::start(spec)?;
    for number in spec.warm_up..spec.warm_up + spec.messages {
        tx.send_numbered(&mut message, code, number)?;
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
    let (code, mut message) = (spec.code, [0; W]);
    for number in 0..spec.warm_up {
        rx.receive(&mut message)?;
        code.verify_whole(&message, number)?;
    }
    let watch = Stopwatch::start(spec)?;
    for number in spec.warm_up..spec.warm_up + spec.messages {
        rx.receive_numbered(&mut message, code, number)?;
    }
    watch.stop(control, spec.side, spec.messages);
    finish(spec, control, rx)
}
