//! The workloads: what each side does with its end. They must not know which transport it is.

use std::hint::black_box;

use crate::clock::{monotonic_ns, ns_per_tick, sleep_until, ticks};
use crate::control::{Control, Measure, Side};
use crate::histogram::Histogram;
use crate::spec::{Spec, Workload};
use crate::sys;
use crate::transport::{Fault, Receiver, Sender};

/// Message number `number`: its first word is the number, its last is made from it.
#[inline(always)]
fn stamp<const W: usize>(message: &mut [u64; W], number: u64) {
    if W > 1 {
        message[W - 1] = seal(number);
    }
    message[0] = number;
    // As far as the compiler knows every word is new: it must not send constants.
    black_box(message);
}

#[inline(always)]
fn seal(number: u64) -> u64 {
    number.rotate_left(32) ^ 0x5ea1_5ea1_5ea1_5ea1
}

/// Whether this is message number `number`, whole.
#[inline(always)]
fn verify<const W: usize>(message: &[u64; W], number: u64) -> Result<(), Fault> {
    // As far as the compiler knows every word is used: it must not skip receiving it.
    let message = black_box(message);
    if message[0] == number && (W == 1 || message[W - 1] == seal(number)) {
        return Ok(());
    }
    let found = message[0];
    Err(Fault::new("verifying", format_args!("message {number} was due and {found} came")))
}

/// Processor time and wall time of the measured interval.
struct Stopwatch {
    cpu: u64,
    ticks: u64,
    no_system_calls: bool,
}

impl Stopwatch {
    fn start(spec: &Spec) -> Result<Self, Fault> {
        let no_system_calls = spec.no_system_calls;
        let cpu = sys::thread_cpu_ns();
        if no_system_calls {
            sys::forbid_system_calls().map_err(|error| Fault::new("seccomp", error))?;
        }
        Ok(Self { cpu, ticks: ticks(), no_system_calls })
    }

    fn stop(self, control: &Control, side: Side, verified: u64) {
        let wall = (ticks() - self.ticks) as f64 * ns_per_tick();
        if !self.no_system_calls {
            control.record(side, Measure::CpuNs, sys::thread_cpu_ns() - self.cpu);
        }
        control.record(side, Measure::WallNs, wall as u64);
        control.record(side, Measure::Verified, verified);
    }
}

/// Plays one side to its end.
pub(crate) fn play<S: Sender<W>, R: Receiver<W>, const W: usize>(
    spec: &Spec,
    control: &Control,
    sender: Option<S>,
    receiver: Option<R>,
) -> Result<(), Fault> {
    match (spec.workload, sender, receiver) {
        (Workload::Stream, Some(tx), _) => stream_send(tx, spec, control),
        (Workload::Stream, _, Some(rx)) => stream_receive(rx, spec, control),
        (Workload::Wake, Some(tx), _) => wake_send(tx, spec, control),
        (Workload::Wake, _, Some(rx)) => wake_receive(rx, spec, control),
        (Workload::Echo, Some(tx), Some(rx)) => match spec.side {
            Side::A => echo_ask(tx, rx, spec, control),
            Side::B => echo_answer(tx, rx, spec, control),
        },
        _ => Err(Fault::new("starting", "a side has no end of the channel")),
    }
}

fn stream_send<const W: usize>(
    mut tx: impl Sender<W>,
    spec: &Spec,
    control: &Control,
) -> Result<(), Fault> {
    let mut message = [0; W];
    for number in 0..spec.warm_up {
        stamp(&mut message, number);
        tx.send(&message)?;
    }
    let watch = Stopwatch::start(spec)?;
    for number in spec.warm_up..spec.warm_up + spec.messages {
        stamp(&mut message, number);
        tx.send(&message)?;
    }
    watch.stop(control, spec.side, 0);
    finish(spec, control, tx)
}

fn stream_receive<const W: usize>(
    mut rx: impl Receiver<W>,
    spec: &Spec,
    control: &Control,
) -> Result<(), Fault> {
    let mut message = [0; W];
    for number in 0..spec.warm_up {
        rx.receive(&mut message)?;
        verify(&message, number)?;
    }
    let watch = Stopwatch::start(spec)?;
    for number in spec.warm_up..spec.warm_up + spec.messages {
        rx.receive(&mut message)?;
        verify(&message, number)?;
    }
    watch.stop(control, spec.side, spec.messages);
    finish(spec, control, rx)
}

fn echo_ask<const W: usize>(
    mut tx: impl Sender<W>,
    mut rx: impl Receiver<W>,
    spec: &Spec,
    control: &Control,
) -> Result<(), Fault> {
    let mut histogram = Histogram::new();
    let mut message = [0; W];
    let mut watch = None;
    for number in 0..spec.warm_up + spec.messages {
        if number == spec.warm_up {
            watch = Some(Stopwatch::start(spec)?);
        }
        stamp(&mut message, number);
        let from = ticks();
        tx.send(&message)?;
        rx.receive(&mut message)?;
        let took = ticks() - from;
        verify(&message, number)?;
        if number >= spec.warm_up {
            histogram.record(took);
        }
    }
    if let Some(watch) = watch {
        watch.stop(control, spec.side, spec.messages);
    }
    histogram.report(control, spec.side, ns_per_tick());
    finish(spec, control, (tx, rx))
}

fn echo_answer<const W: usize>(
    mut tx: impl Sender<W>,
    mut rx: impl Receiver<W>,
    spec: &Spec,
    control: &Control,
) -> Result<(), Fault> {
    let mut message = [0; W];
    let mut watch = None;
    for number in 0..spec.warm_up + spec.messages {
        if number == spec.warm_up {
            watch = Some(Stopwatch::start(spec)?);
        }
        rx.receive(&mut message)?;
        tx.send(&message)?;
    }
    if let Some(watch) = watch {
        watch.stop(control, spec.side, 0);
    }
    finish(spec, control, (tx, rx))
}

fn wake_send<const W: usize>(
    mut tx: impl Sender<W>,
    spec: &Spec,
    control: &Control,
) -> Result<(), Fault> {
    let mut message = [0; W];
    let watch = Stopwatch::start(spec)?;
    let start = monotonic_ns();
    for number in 1..=spec.messages {
        sleep_until(start + number * spec.interval_ns);
        stamp(&mut message, monotonic_ns());
        tx.send(&message)?;
    }
    watch.stop(control, spec.side, 0);
    finish(spec, control, tx)
}

fn wake_receive<const W: usize>(
    mut rx: impl Receiver<W>,
    spec: &Spec,
    control: &Control,
) -> Result<(), Fault> {
    let mut histogram = Histogram::new();
    let mut message = [0; W];
    let mut last = 0;
    let watch = Stopwatch::start(spec)?;
    for _ in 0..spec.messages {
        rx.receive(&mut message)?;
        let now = monotonic_ns();
        let sent = message[0];
        verify(&message, sent)?;
        if sent <= last || sent > now {
            let order = format_args!("sent at {sent}, after {last}, received at {now}");
            return Err(Fault::new("verifying", order));
        }
        last = sent;
        histogram.record(now - sent);
    }
    watch.stop(control, spec.side, spec.messages);
    histogram.report(control, spec.side, 1.0);
    finish(spec, control, rx)
}

/// The end of a side: it stays until the other is done too, since some transports take back what a
/// process did when it ends.
fn finish(spec: &Spec, control: &Control, ends: impl Sized) -> Result<(), Fault> {
    control.record(spec.side, Measure::Done, 1);
    if spec.no_system_calls {
        control.meet_spinning(spec.side, LAST_STAGE);
        sys::exit_thread();
    }
    control.meet(spec.side, LAST_STAGE);
    drop(ends);
    Ok(())
}

/// The stages at which the two sides wait for each other.
pub(crate) const ATTACHED_STAGE: u64 = 1;
pub(crate) const FLOOR_STAGE: u64 = 2;
const LAST_STAGE: u64 = 3;

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::VecDeque;

    /// A transport that lies in one way.
    struct Liar {
        queue: VecDeque<[u64; 2]>,
        lie: fn(&mut VecDeque<[u64; 2]>),
    }

    impl Receiver<2> for Liar {
        fn receive(&mut self, message: &mut [u64; 2]) -> Result<(), Fault> {
            if self.queue.len() == 50 {
                (self.lie)(&mut self.queue);
            }
            *message = self.queue.pop_front().unwrap_or([0; 2]);
            Ok(())
        }
    }

    fn received(lie: fn(&mut VecDeque<[u64; 2]>)) -> Result<(), String> {
        let mut queue = VecDeque::new();
        for number in 0..100 {
            let mut message = [0; 2];
            stamp(&mut message, number);
            queue.push_back(message);
        }
        let mut liar = Liar { queue, lie };
        let mut message = [0; 2];
        for number in 0..100 {
            liar.receive(&mut message).map_err(|fault| fault.to_string())?;
            verify(&message, number).map_err(|fault| fault.to_string())?;
        }
        Ok(())
    }

    #[test]
    fn the_truth_is_believed_and_each_lie_is_caught() {
        assert_eq!(received(|_| {}), Ok(()));
        let lost = received(|queue| {
            queue.pop_front();
        });
        assert!(lost.unwrap_err().contains("message 50 was due and 51 came"));
        let repeated = received(|queue| queue.push_front(queue[0]));
        assert!(repeated.unwrap_err().contains("message 51 was due and 50 came"));
        let reordered = received(|queue| queue.swap(0, 1));
        assert!(reordered.unwrap_err().contains("message 50 was due and 51 came"));
        let torn = received(|queue| queue[0][1] ^= 1);
        assert!(torn.unwrap_err().contains("message 50"));
    }
}
