//! What the measured interval of a side took: wall time, processor time, context switches and, when
//! that is asked for, system calls. It must not know what the side does meanwhile.

use super::calls::Counter;
use crate::run::clock::{Clock, thread_cpu_ns, thread_queued_ns};
use crate::run::control::{Control, Measure, Side};
use crate::run::spec::Spec;
use crate::run::sys;
use crate::run::transport::Fault;

/// Started before the first measured message, stopped after the last.
pub(crate) struct Stopwatch {
    clock: Clock,
    cpu: u64,
    queued: u64,
    switches: u64,
    ticks: u64,
    no_system_calls: bool,
    calls: Option<Counter>,
}

impl Stopwatch {
    pub(crate) fn start(spec: &Spec) -> Result<Self, Fault> {
        let (clock, no_system_calls) = (spec.clock, spec.no_system_calls);
        let (queued, switches) = (thread_queued_ns(), sys::thread_switches());
        let cpu = thread_cpu_ns();
        if no_system_calls {
            sys::forbid_system_calls().map_err(|error| Fault::new("seccomp", error))?;
        }
        let calls = spec.counts_system_calls.then(Counter::start).transpose()?;
        Ok(Self { clock, cpu, queued, switches, ticks: clock.ticks(), no_system_calls, calls })
    }

    pub(crate) fn stop(self, control: &Control, side: Side, verified: u64) {
        self.stop_after_sleeps(control, side, verified, 0);
    }

    /// [`stop`](Self::stop), where the workload itself slept so often: a system call and a switch each
    /// that are none of the transport's.
    pub(crate) fn stop_after_sleeps(
        self,
        control: &Control,
        side: Side,
        verified: u64,
        slept: u64,
    ) {
        let wall = (self.clock.ticks() - self.ticks) as f64 * self.clock.ns_per_tick;
        if let Some(calls) = &self.calls {
            control.record(side, Measure::Calls, 1 + calls.so_far().saturating_sub(slept));
        }
        if !self.no_system_calls {
            control.record(side, Measure::CpuNs, thread_cpu_ns() - self.cpu);
            let switches = sys::thread_switches() - self.switches;
            control.record(side, Measure::Switches, switches.saturating_sub(slept));
            control.record(side, Measure::QueuedNs, thread_queued_ns() - self.queued);
        }
        control.record(side, Measure::WallNs, wall as u64);
        control.record(side, Measure::Verified, verified);
    }
}
