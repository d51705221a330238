//! One side of a run, in a process of its own (or, for the reference between threads, both sides in
//! one). It must not know how many runs there are.

use rustix::process::{Resource, Rlimit, setrlimit};
use rustix::thread::{CpuSet, sched_setaffinity};

use crate::control::{Control, Measure, Side};
use crate::spec::{Spec, Workload};
use crate::transport::*;
use crate::workload::{ATTACHED_STAGE, FLOOR_STAGE, before_attaching, play};
use crate::{floor, sys};

/// Does what the parent's JSON says.
pub(crate) fn main(json: &str) -> Result<(), Fault> {
    let spec: Spec = serde_json::from_str(json).map_err(|error| Fault::new("reading", error))?;
    if !sys::die_with(spec.parent) {
        return Err(Fault::new("starting", "the comparison is over"));
    }
    sys::exact_timers();
    // A side that makes a forbidden system call dies as if it had crashed.
    let no_core = Rlimit { current: Some(0), maximum: Some(0) };
    setrlimit(Resource::Core, no_core).map_err(|error| Fault::new("setrlimit", error))?;
    let control = sys::inherited(spec.control).and_then(Control::over);
    let control = control.map_err(|error| Fault::new("mapping the control page", error))?;
    control.record(spec.side, Measure::Process, u64::from(std::process::id()));
    if spec.workload == Workload::Lines {
        return over_lines(&spec, &control);
    }
    with_words!(spec.bytes, W => sized::<W>(&spec, &control))
}

fn sized<const W: usize>(spec: &Spec, control: &Control) -> Result<(), Fault> {
    if find(&spec.transport).is_some_and(|entry| entry.threads) {
        let name = spec.transport.as_str();
        return with_pair!(name, P => between_threads::<P, W>(spec, control));
    }
    pin(spec)?;
    with_transport!(spec.transport.as_str(), T => between_processes::<T, W>(spec, control))
}

fn over_lines(spec: &Spec, control: &Control) -> Result<(), Fault> {
    pin(spec)?;
    let missing = || Fault::new("starting", "the parent made no lines");
    let lines = lines::Lines::open(spec.channels.first().ok_or_else(missing)?)?;
    begin(spec, control);
    lines::play(spec, control, &lines)
}

fn between_processes<T: Transport, const W: usize>(
    spec: &Spec,
    control: &Control,
) -> Result<(), Fault> {
    let [b_to_a, a_to_b] = [spec.channels.first(), spec.channels.get(1)];
    let missing = || Fault::new("starting", "the parent made no channel");
    let (sends, receives) = match spec.side {
        Side::A => (a_to_b, b_to_a),
        Side::B => (b_to_a, a_to_b),
    };
    let echo = spec.workload == Workload::Echo;
    before_attaching(spec, control)?;
    let tx = match sends {
        Some(handle) if echo || spec.side == Side::B => Some(T::sender::<W>(handle)?),
        None if echo => return Err(missing()),
        _ => None,
    };
    let rx = match receives {
        Some(handle) if echo || spec.side == Side::A => Some(T::receiver::<W>(handle)?),
        None if echo => return Err(missing()),
        _ => None,
    };
    begin(spec, control);
    play(spec, control, tx, rx)
}

fn between_threads<P: Pair, const W: usize>(spec: &Spec, control: &Control) -> Result<(), Fault> {
    let (b_tx, a_rx) = P::pair::<W>();
    let (a_tx, b_rx) = P::pair::<W>();
    let echo = spec.workload == Workload::Echo;
    let b = Spec { side: Side::B, ..spec.clone() };
    std::thread::scope(|scope| {
        let other = scope.spawn(|| {
            pin(&b)?;
            begin(&b, control);
            play(&b, control, Some(b_tx), echo.then_some(b_rx))
        });
        pin(spec)?;
        begin(spec, control);
        play(spec, control, echo.then_some(a_tx), Some(a_rx))?;
        other.join().unwrap_or_else(|_| Err(Fault::new("the other thread", "panicked")))
    })
}

fn begin(spec: &Spec, control: &Control) {
    control.meet(spec.side, ATTACHED_STAGE);
    // Where nothing is timed no floor says anything, and its histogram would be part of the memory.
    if spec.cpus[0] != spec.cpus[1] && !spec.workload.is_steady() {
        floor::measure(control, spec.side, spec.clock);
    }
    control.meet(spec.side, FLOOR_STAGE);
}

fn pin(spec: &Spec) -> Result<(), Fault> {
    let cpu = spec.cpus[spec.side as usize];
    let mut set = CpuSet::new();
    set.set(cpu);
    sched_setaffinity(None, &set)
        .map_err(|error| Fault::new(&format!("pinning to processor {cpu}"), error))
}
