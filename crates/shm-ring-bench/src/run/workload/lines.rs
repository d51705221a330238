//! `lines`: memory written by one side and read by the other, each word of it, as fast as that goes.

use super::{Stopwatch, finish};
use crate::run::control::{Control, Side};
use crate::run::spec::Spec;
use crate::run::transport::{Fault, lines::Lines};

/// Plays one side to its end.
pub(crate) fn play(spec: &Spec, control: &Control, lines: &Lines) -> Result<(), Fault> {
    let (first, end) = (spec.warm_up, spec.warm_up + spec.messages);
    let mut other = 0;
    let mut step = |number| match spec.side {
        Side::B => {
            lines.write(number, &mut other);
            Ok(())
        }
        Side::A if lines.read(number, &mut other) => Ok(()),
        Side::A => Err(Fault::new("verifying", format_args!("block {number} came torn"))),
    };
    (0..first).try_for_each(&mut step)?;
    let watch = Stopwatch::start(spec)?;
    (first..end).try_for_each(step)?;
    watch.stop(control, spec.side, if spec.side == Side::A { spec.messages } else { 0 });
    finish(spec, control, ())
}
