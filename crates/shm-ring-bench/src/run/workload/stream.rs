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
    tx.send_stream(&mut message, code, spec.warm_up..spec.warm_up + spec.messages)?;
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
    rx.receive_stream(&mut message, code, spec.warm_up..spec.warm_up + spec.messages)?;
    watch.stop(control, spec.side, spec.messages);
    Ok(rx)
}
