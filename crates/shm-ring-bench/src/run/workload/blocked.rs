//! `idle-receiver` and `idle-sender`: what a side costs that is blocked, in a receive with nothing
//! there or in a send without room. The side that is awake measures it from outside, so that nothing
//! is counted but the wait. It must not know how the transport waits.

use std::time::Duration;

use crate::run::clock::monotonic_ns;
use crate::run::control::{Control, Measure};
use crate::run::spec::Spec;
use crate::run::sys::cpu_of_process_ns;
use crate::run::transport::Fault;

/// Until then a side has filled what there is to fill and waits.
const SETTLING: Duration = Duration::from_millis(200);

/// Watches the other side, which must be blocked, for the interval: what the side that is awake does
/// before all messages pass.
pub(super) fn watch(spec: &Spec, control: &Control) -> Result<(), Fault> {
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
