//! `batch`: messages one way as fast as they go, a fixed number handed over at a time, each verified.

use super::Stopwatch;
use crate::run::control::Control;
use crate::run::spec::Spec;
use crate::run::transport::{Fault, Receiver, Sender};

#[inline(never)]
pub(super) fn send<S: Sender<W>, const W: usize>(
    mut tx: S,
    spec: &Spec,
    control: &Control,
) -> Result<S, Fault> {
    let (code, mut batch) = (spec.code, vec![[0; W]; spec.batch]);
    for first in (0..spec.warm_up).step_by(spec.batch) {
        (first..).zip(&mut batch).for_each(|(number, message)| code.stamp_whole(message, number));
        tx.send_batch(&batch)?;
    }
    let watch = Stopwatch::start(spec)?;
    for first in (spec.warm_up..spec.warm_up + spec.messages).step_by(spec.batch) {
        tx.send_batch_numbered(&mut batch, code, first)?;
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
    let (code, mut number) = (spec.code, 0);
    // What is taken may be less than a batch, and must not reach into what comes after.
    let most = |number, end| (spec.batch as u64).min(end - number) as usize;
    while number < spec.warm_up {
        number = take(&mut rx, most(number, spec.warm_up), number, |message, number| {
            code.verify_whole(message, number)
        })?;
    }
    let watch = Stopwatch::start(spec)?;
    let end = spec.warm_up + spec.messages;
    while number < end {
        number = take(&mut rx, most(number, end), number, |message, number| {
            code.verify(message, number)
        })?;
    }
    watch.stop(control, spec.side, spec.messages);
    Ok(rx)
}

/// Takes what is there, `max` messages at most, of which message `number` must be the first. The number that
/// is due next.
#[inline(always)]
fn take<const W: usize>(
    rx: &mut impl Receiver<W>,
    max: usize,
    mut number: u64,
    check: impl Fn(&[u64; W], u64) -> Result<(), Fault>,
) -> Result<u64, Fault> {
    let (mut verdict, from) = (Ok(()), number);
    let taken = rx.receive_batch(max, |message| {
        if verdict.is_ok() {
            verdict = check(message, number);
            number += 1;
        }
    })?;
    verdict?;
    match number - from == taken as u64 {
        true => Ok(number),
        false => Err(Fault::new("verifying", format_args!("{taken} said to be taken"))),
    }
}
