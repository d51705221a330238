//! The workloads: what each side does with its end. They must not know which transport it is.

use crate::clock::{Clock, monotonic_ns, sleep_until, thread_cpu_ns, thread_queued_ns};
use crate::control::{Control, Measure, Side};
use crate::histogram::Histogram;
use crate::message::{stamp, stamp_whole, verify, verify_whole};
use crate::spec::{Spec, Workload};
use crate::sys;
use crate::transport::{Fault, Receiver, Sender};

/// Processor time and wall time of the measured interval.
struct Stopwatch {
    clock: Clock,
    cpu: u64,
    queued: u64,
    ticks: u64,
    no_system_calls: bool,
}

impl Stopwatch {
    fn start(spec: &Spec) -> Result<Self, Fault> {
        let (clock, no_system_calls) = (spec.clock, spec.no_system_calls);
        let (queued, cpu) = (thread_queued_ns(), thread_cpu_ns());
        if no_system_calls {
            sys::forbid_system_calls().map_err(|error| Fault::new("seccomp", error))?;
        }
        Ok(Self { clock, cpu, queued, ticks: clock.ticks(), no_system_calls })
    }

    fn stop(self, control: &Control, side: Side, verified: u64) {
        let wall = (self.clock.ticks() - self.ticks) as f64 * self.clock.ns_per_tick;
        if !self.no_system_calls {
            control.record(side, Measure::CpuNs, thread_cpu_ns() - self.cpu);
            control.record(side, Measure::QueuedNs, thread_queued_ns() - self.queued);
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
        stamp_whole(&mut message, number);
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
        verify_whole(&message, number)?;
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
    for number in 0..spec.warm_up {
        stamp_whole(&mut message, number);
        tx.send(&message)?;
        rx.receive(&mut message)?;
        verify_whole(&message, number)?;
    }
    let (watch, clock) = (Stopwatch::start(spec)?, spec.clock);
    for number in spec.warm_up..spec.warm_up + spec.messages {
        stamp(&mut message, number);
        let from = clock.ticks();
        tx.send(&message)?;
        rx.receive(&mut message)?;
        let took = clock.ticks() - from;
        verify(&message, number)?;
        histogram.record(took);
    }
    watch.stop(control, spec.side, spec.messages);
    histogram.report(control, spec.side, clock.ns_per_tick);
    finish(spec, control, (tx, rx))
}

fn echo_answer<const W: usize>(
    mut tx: impl Sender<W>,
    mut rx: impl Receiver<W>,
    spec: &Spec,
    control: &Control,
) -> Result<(), Fault> {
    let mut message = [0; W];
    for _ in 0..spec.warm_up {
        rx.receive(&mut message)?;
        tx.send(&message)?;
    }
    let watch = Stopwatch::start(spec)?;
    for _ in 0..spec.messages {
        rx.receive(&mut message)?;
        tx.send(&message)?;
    }
    watch.stop(control, spec.side, 0);
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
    use crate::plan::{Effort, Row};
    use crate::transport::find;
    use std::collections::VecDeque;
    use std::sync::mpsc;

    type Message = [u64; 4];

    /// A channel between threads that keeps its promises, to set a liar against.
    impl Sender<4> for mpsc::Sender<Message> {
        fn send(&mut self, message: &Message) -> Result<(), Fault> {
            mpsc::Sender::send(self, *message).map_err(|error| Fault::new("send", error))
        }
    }

    impl Receiver<4> for mpsc::Receiver<Message> {
        fn receive(&mut self, message: &mut Message) -> Result<(), Fault> {
            *message = self.recv().map_err(|error| Fault::new("receive", error))?;
            Ok(())
        }
    }

    /// The receiving end of a transport that lies once, in one way.
    struct Liar {
        inner: mpsc::Receiver<Message>,
        queue: VecDeque<Message>,
        lie: fn(&mut VecDeque<Message>),
        /// How many messages come before the lie.
        honest: u64,
        /// How many messages the lie needs at hand.
        at_hand: usize,
    }

    impl Receiver<4> for Liar {
        fn receive(&mut self, message: &mut Message) -> Result<(), Fault> {
            let lies = self.honest == 0;
            self.honest = self.honest.wrapping_sub(1);
            while self.queue.len() < if lies { self.at_hand } else { 1 } {
                let mut next = [0; 4];
                self.inner.receive(&mut next)?;
                self.queue.push_back(next);
            }
            if lies {
                (self.lie)(&mut self.queue);
            }
            *message = self.queue.pop_front().ok_or_else(|| Fault::new("receive", "none left"))?;
            Ok(())
        }
    }

    const MESSAGES: u64 = 1000;

    /// What side A says about a run over a transport that lies after `honest` messages.
    fn played(
        workload: Workload,
        honest: u64,
        at_hand: usize,
        lie: fn(&mut VecDeque<Message>),
    ) -> Result<(), String> {
        let control = Control::new().unwrap();
        let clock = Clock { tsc: false, ns_per_tick: 1.0, read_ns: 0.0 };
        let effort = Effort {
            runs: 1,
            patience: std::time::Duration::ZERO,
            run_time: std::time::Duration::ZERO,
            limit: std::time::Duration::ZERO,
            cpus: [0, 0],
            clock,
        };
        let a = Row::new(find("rtrb").unwrap(), workload, 32).spec(MESSAGES, effort);
        let b = Spec { side: Side::B, ..a.clone() };
        let (b_tx, inner) = mpsc::channel();
        let (a_tx, b_rx) = mpsc::channel();
        let liar = Liar { inner, queue: VecDeque::new(), lie, honest, at_hand };
        let echo = workload == Workload::Echo;
        std::thread::scope(|scope| {
            scope.spawn(|| play(&b, &control, Some(b_tx), echo.then_some(b_rx)));
            let answer = play(&a, &control, echo.then_some(a_tx), Some(liar));
            // B waits at the end for an A that may have given up long before.
            control.arrive(Side::A, LAST_STAGE);
            answer.map_err(|fault| fault.to_string())
        })
    }

    fn lose(queue: &mut VecDeque<Message>) {
        let _lost = queue.pop_front();
    }
    fn repeat(queue: &mut VecDeque<Message>) {
        queue.push_front(queue[0]);
    }
    fn reorder(queue: &mut VecDeque<Message>) {
        queue.swap(0, 1);
    }
    fn tear(queue: &mut VecDeque<Message>) {
        queue[0][3] ^= 1;
    }
    fn damage_the_middle(queue: &mut VecDeque<Message>) {
        queue[0][1] ^= 1;
    }

    #[test]
    fn an_honest_transport_is_believed() {
        assert_eq!(played(Workload::Stream, 500, 1, |_| {}), Ok(()));
        assert_eq!(played(Workload::Echo, 500, 1, |_| {}), Ok(()));
    }

    #[test]
    fn a_stream_that_loses_repeats_reorders_or_tears_a_message_fails() {
        let stream = |at_hand, lie| played(Workload::Stream, 500, at_hand, lie).unwrap_err();
        assert_eq!(stream(2, lose), "verifying: message 500 was due and 501 came");
        assert_eq!(stream(1, repeat), "verifying: message 501 was due and 500 came");
        assert_eq!(stream(2, reorder), "verifying: message 500 was due and 501 came");
        assert_eq!(stream(1, tear), "verifying: message 500 came torn");
    }

    #[test]
    fn damage_between_the_ends_of_a_message_fails_in_the_warm_up() {
        for workload in [Workload::Stream, Workload::Echo] {
            let said = played(workload, 50, 1, damage_the_middle).unwrap_err();
            assert_eq!(said, "verifying: message 50 came torn");
        }
    }

    #[test]
    fn an_echo_that_repeats_or_tears_a_message_fails() {
        let echo = |lie| played(Workload::Echo, 500, 1, lie).unwrap_err();
        assert_eq!(echo(repeat), "verifying: message 501 was due and 500 came");
        assert_eq!(echo(tear), "verifying: message 500 came torn");
    }
}
