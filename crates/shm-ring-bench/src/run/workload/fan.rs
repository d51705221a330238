//! `fan`: messages one way as fast as they go, over several channels in turn, one thread at each end
//! that serves all of them. Each is verified.

use super::{Stopwatch, finish};
use crate::run::control::Control;
use crate::run::spec::Spec;
use crate::run::transport::{Fault, Receiver, Sender};

#[inline(never)]
pub(crate) fn send<const W: usize>(
    mut txs: Vec<impl Sender<W>>,
    spec: &Spec,
    control: &Control,
) -> Result<(), Fault> {
    let (code, mut message, mut number) = (spec.code, [0; W], 0);
    while number < spec.warm_up {
        for tx in &mut txs {
            code.stamp_whole(&mut message, number);
            tx.send(&message)?;
            number += 1;
        }
    }
    let watch = Stopwatch::start(spec)?;
    while number < spec.warm_up + spec.messages {
        for tx in &mut txs {
            code.stamp(&mut message, number);
            tx.send(&message)?;
            number += 1;
        }
    }
    watch.stop(control, spec.side, 0);
    finish(spec, control, txs)
}

#[inline(never)]
pub(crate) fn receive<const W: usize>(
    mut rxs: Vec<impl Receiver<W>>,
    spec: &Spec,
    control: &Control,
) -> Result<(), Fault> {
    let (code, mut message, mut number) = (spec.code, [0; W], 0);
    while number < spec.warm_up {
        for rx in &mut rxs {
            rx.receive(&mut message)?;
            code.verify_whole(&message, number)?;
            number += 1;
        }
    }
    let watch = Stopwatch::start(spec)?;
    while number < spec.warm_up + spec.messages {
        for rx in &mut rxs {
            rx.receive(&mut message)?;
            code.verify(&message, number)?;
            number += 1;
        }
    }
    watch.stop(control, spec.side, spec.messages);
    finish(spec, control, rxs)
}
