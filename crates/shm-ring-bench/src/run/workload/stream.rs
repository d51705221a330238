//! `stream`: messages one way as fast as they go, one at a time, each verified.

use super::{Stopwatch, pass, take};
use crate::run::control::Control;
use crate::run::spec::Spec;
use crate::run::transport::{Fault, Receiver, Sender};

#[inline(never)]
pub(super) fn send<S: Sender<W>, const W: usize>(
    mut tx: S,
    spec: &Spec,
    control: &Control,
) -> Result<S, Fault> {
    let (code, mut message) = (spec.code, [0; W]);
    pass(&mut tx, &mut message, code, 0..spec.warm_up)?;
    let watch = Stopwatch::start(spec)?;
    for number in spec.warm_up..spec.warm_up + spec.messages {
        tx.send_numbered(&mut message, code, number)?;
    }
    watch.stop(control, spec.side, 0);
    Ok(tx)
}

#[inline(never)]
pub(super) fn receive<R: Receiver<W>, const W: usize>(
    mut rx: R,
    spec: &Spec,
    control: &Control,
) -> Result<R, Fault> {
    let (code, mut message) = (spec.code, [0; W]);
    take(&mut rx, &mut message, code, 0..spec.warm_up)?;
    let watch = Stopwatch::start(spec)?;
    for number in spec.warm_up..spec.warm_up + spec.messages {
        rx.receive_numbered(&mut message, code, number)?;
    }
    watch.stop(control, spec.side, spec.messages);
    Ok(rx)
}
