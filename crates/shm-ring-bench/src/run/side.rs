//! One side of a run, in a process of its own (or, for the reference between threads, both sides in
//! one). It must not know how many runs there are.

use rustix::process::{Resource, Rlimit, setrlimit};
use rustix::thread::{CpuSet, sched_setaffinity};

use crate::run::control::{Control, Measure, Side};
use crate::run::spec::{Spec, Workload};
use crate::run::transport::*;
use crate::run::workload::{
    ATTACHED_STAGE, FLOOR_STAGE, before_attaching, fan, play, play_batches, play_lines,
    play_streams,
};
use crate::run::{floor, sys};

/// Plays one side with its ends of the channel.
type Play<S, R> = fn(&Spec, &Control, Option<S>, Option<R>) -> Result<(), Fault>;

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
    let (spec, control) = (&spec, &control);
    #[cfg(feature = "go")]
    if spec.transport == go::NAME {
        pin(spec)?;
        // The stage of the floor is met once more, by both programs when they are attached.
        control.meet(spec.side, ATTACHED_STAGE);
        floor::measure(control, spec.side, spec.clock);
        return go::become_side(json, spec);
    }
    match (spec.workload, spec.bytes) {
        (Workload::Batch, 8) => in_batches::<1>(spec, control),
        (Workload::Batch, 64) => in_batches::<8>(spec, control),
        (Workload::Fan, 8) => in_turn::<1>(spec, control),
        (Workload::Fan, 64) => in_turn::<8>(spec, control),
        (Workload::Batch | Workload::Fan, bytes) => Err(Fault::none_of(bytes)),
        (_, bytes @ (16 | 24 | 40 | 48 | 104 | 200)) => {
            with_words!(bytes, W => streams::<W>(spec, control), 16 24 40 48 104 200)
        }
        (_, bytes @ ..=4096) => {
            with_words!(bytes, W => sized::<W>(spec, control), 8 64 256 1024 4096)
        }
        (_, bytes) => {
            with_words!(bytes, W => large::<W>(spec, control), 16_384 65_536 1_048_576)
        }
    }
}

/// Each combination of a transport, a size and a workload is compiled by itself, which takes the
/// compiler long: only where it would show in what is measured.
fn sized<const W: usize>(spec: &Spec, control: &Control) -> Result<(), Fault> {
    let name = spec.transport.as_str();
    if find(name).is_some_and(|entry| entry.threads) {
        return with_pair!(name, P => match const { W * 8 <= INLINED_MAX } {
            true => between_threads::<P, W>(spec, control, play::<_, _, W>),
            false => between_threads::<P, W>(spec, control, |spec, control, tx, rx| {
                play::<_, _, W>(spec, control, tx.map(any_sender), rx.map(any_receiver))
            }),
        });
    }
    pin(spec)?;
    with_transport!(name, T => match const { <T as Transport>::INLINED && W * 8 <= INLINED_MAX } {
        true => between_processes::<T, W>(spec, control, play::<_, _, W>),
        false => between_processes::<T, W>(spec, control, |spec, control, tx, rx| {
            play::<_, _, W>(spec, control, tx.map(any_sender), rx.map(any_receiver))
        }),
    })
}

/// [`sized`], for sizes of which there are streams and round trips only.
fn streams<const W: usize>(spec: &Spec, control: &Control) -> Result<(), Fault> {
    let name = spec.transport.as_str();
    if find(name).is_some_and(|entry| entry.threads) {
        return with_pair!(name, P => {
            between_threads::<P, W>(spec, control, play_streams::<_, _, W>)
        });
    }
    pin(spec)?;
    with_transport!(name, T => match const { <T as Transport>::INLINED } {
        true => between_processes::<T, W>(spec, control, play_streams::<_, _, W>),
        false => between_processes::<T, W>(spec, control, |spec, control, tx, rx| {
            play_streams::<_, _, W>(spec, control, tx.map(any_sender), rx.map(any_receiver))
        }),
    })
}

/// [`sized`], for messages that only some transports carry.
fn large<const W: usize>(spec: &Spec, control: &Control) -> Result<(), Fault> {
    pin(spec)?;
    with_large_transport!(spec.transport.as_str(), T => {
        between_processes::<T, W>(spec, control, |spec, control, tx, rx| {
            play::<_, _, W>(spec, control, tx.map(any_sender), rx.map(any_receiver))
        })
    })
}

fn any_sender<'a, const W: usize>(end: impl Sender<W> + 'a) -> AnySender<'a, W> {
    Box::new(end)
}

fn any_receiver<'a, const W: usize>(end: impl Receiver<W> + 'a) -> AnyReceiver<'a, W> {
    Box::new(end)
}

fn in_batches<const W: usize>(spec: &Spec, control: &Control) -> Result<(), Fault> {
    match spec.transport.as_str() {
        "rtrb" => between_threads::<Rtrb, W>(spec, control, play_batches::<_, _, W>),
        "shm-ring-spin" => {
            pin(spec)?;
            between_processes::<Ringed<Spin>, W>(spec, control, play_batches::<_, _, W>)
        }
        "shm-ring-in-place" => {
            pin(spec)?;
            between_processes::<RingInPlace, W>(spec, control, play_batches::<_, _, W>)
        }
        #[cfg(feature = "c")]
        "c-call" => {
            pin(spec)?;
            between_processes::<CCall, W>(spec, control, play_batches::<_, _, W>)
        }
        "shm-ring-messages" => {
            pin(spec)?;
            between_processes::<RingMessages, W>(spec, control, play_batches::<_, _, W>)
        }
        other => Err(Fault::new("transport", format_args!("{other} does no batches"))),
    }
}

fn in_turn<const W: usize>(spec: &Spec, control: &Control) -> Result<(), Fault> {
    let name = spec.transport.as_str();
    if find(name).is_some_and(|entry| entry.threads) {
        return with_pair!(name, P => fan_between_threads::<P, W>(spec, control));
    }
    pin(spec)?;
    with_transport!(name, T => fan_between_processes::<T, W>(spec, control))
}

fn fan_between_processes<T: Transport, const W: usize>(
    spec: &Spec,
    control: &Control,
) -> Result<(), Fault> {
    match spec.side {
        Side::A => {
            let rxs = spec.channels.iter().map(T::receiver::<W>).collect::<Result<_, _>>()?;
            begin(spec, control);
            fan::receive(rxs, spec, control)
        }
        Side::B => {
            let txs = spec.channels.iter().map(T::sender::<W>).collect::<Result<_, _>>()?;
            begin(spec, control);
            fan::send(txs, spec, control)
        }
    }
}

fn fan_between_threads<P: Pair, const W: usize>(
    spec: &Spec,
    control: &Control,
) -> Result<(), Fault> {
    let (txs, rxs): (Vec<_>, Vec<_>) = (0..spec.fan).map(|_| P::pair::<W>()).unzip();
    let sends = |b: &Spec| {
        pin(b)?;
        begin(b, control);
        fan::send(txs, b, control)
    };
    beside(spec, sends, || {
        pin(spec)?;
        begin(spec, control);
        fan::receive(rxs, spec, control)
    })
}

/// Side A in this thread, side B in one beside it.
fn beside(
    spec: &Spec,
    b: impl FnOnce(&Spec) -> Result<(), Fault> + Send,
    a: impl FnOnce() -> Result<(), Fault>,
) -> Result<(), Fault> {
    let of_b = Spec { side: Side::B, ..spec.clone() };
    std::thread::scope(|scope| {
        let other = scope.spawn(|| b(&of_b));
        a()?;
        other.join().unwrap_or_else(|_| Err(Fault::new("the other thread", "panicked")))
    })
}

fn over_lines(spec: &Spec, control: &Control) -> Result<(), Fault> {
    pin(spec)?;
    let missing = || Fault::new("starting", "the parent made no lines");
    let lines = lines::Lines::open(spec.channels.first().ok_or_else(missing)?)?;
    begin(spec, control);
    play_lines(spec, control, &lines)
}

fn between_processes<T: Transport, const W: usize>(
    spec: &Spec,
    control: &Control,
    play: Play<T::Sender<W>, T::Receiver<W>>,
) -> Result<(), Fault> {
    let [b_to_a, a_to_b] = [spec.channels.first(), spec.channels.get(1)];
    let missing = || Fault::new("starting", "the parent made no channel");
    let (sends, receives) = match spec.side {
        Side::A => (a_to_b, b_to_a),
        Side::B => (b_to_a, a_to_b),
    };
    let echo = spec.workload.is_echo();
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

fn between_threads<P: Pair, const W: usize>(
    spec: &Spec,
    control: &Control,
    play: Play<P::Sender<W>, P::Receiver<W>>,
) -> Result<(), Fault> {
    let (b_tx, a_rx) = P::pair::<W>();
    let (a_tx, b_rx) = P::pair::<W>();
    let echo = spec.workload.is_echo();
    let answers = |b: &Spec| {
        pin(b)?;
        begin(b, control);
        play(b, control, Some(b_tx), echo.then_some(b_rx))
    };
    beside(spec, answers, || {
        pin(spec)?;
        begin(spec, control);
        play(spec, control, echo.then_some(a_tx), Some(a_rx))
    })
}

fn begin(spec: &Spec, control: &Control) {
    control.meet(spec.side, ATTACHED_STAGE);
    // Where nothing is timed no floor says anything, and its histogram would be part of the memory.
    let timed = !spec.workload.is_steady() && !spec.counts_system_calls;
    if spec.cpus[0] != spec.cpus[1] && timed {
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
