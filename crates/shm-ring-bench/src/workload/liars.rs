//! Transports that lie, set against the harness: losing, repeating, reordering, tearing, damaging. It
//! must not know how the workloads find out.

use super::{LAST_STAGE, play, play_batches};
use crate::clock::Clock;
use crate::control::{Control, Side};
use crate::plan::{Effort, Row};
use crate::spec::{Spec, Workload};
use crate::transport::find;
use crate::transport::{Fault, Receiver, Sender};
use std::collections::VecDeque;
use std::sync::mpsc;

type Message = [u64; 4];

/// A channel between threads that keeps its promises, to set a liar against.
impl Sender<4> for mpsc::Sender<Message> {
    fn send(&mut self, message: &Message) -> Result<(), Fault> {
        mpsc::Sender::send(self, *message).map_err(|error| Fault::new("send", error))
    }

    fn send_batch(&mut self, messages: &[Message]) -> Result<(), Fault> {
        messages.iter().try_for_each(|message| Sender::send(self, message))
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

    fn receive_batch(
        &mut self,
        max: usize,
        mut each: impl FnMut(&Message),
    ) -> Result<usize, Fault> {
        let mut message = [0; 4];
        // Not all at once: a batch may come in parts.
        for _ in 0..max.div_ceil(3) {
            self.receive(&mut message)?;
            each(&message);
        }
        Ok(max.div_ceil(3))
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
        enough: 1,
        patience: std::time::Duration::ZERO,
        run_time: std::time::Duration::ZERO,
        messages: None,
        limit: std::time::Duration::ZERO,
        cpus: [0, 0],
        clock,
    };
    let a = Row::new(find("rtrb").unwrap(), workload, 32).spec(MESSAGES, effort);
    let b = Spec { side: Side::B, ..a.clone() };
    let (b_tx, inner) = mpsc::channel();
    let (a_tx, b_rx) = mpsc::channel();
    let liar = Liar { inner, queue: VecDeque::new(), lie, honest, at_hand };
    let (echo, batches) = (workload == Workload::Echo, workload == Workload::Batch);
    std::thread::scope(|scope| {
        scope.spawn(|| match batches {
            true => play_batches(&b, &control, Some(b_tx), None::<mpsc::Receiver<Message>>),
            false => play(&b, &control, Some(b_tx), echo.then_some(b_rx)),
        });
        let answer = match batches {
            true => play_batches(&a, &control, None::<mpsc::Sender<Message>>, Some(liar)),
            false => play(&a, &control, echo.then_some(a_tx), Some(liar)),
        };
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
    assert_eq!(played(Workload::Batch, 500, 1, |_| {}), Ok(()));
}

#[test]
fn a_stream_that_loses_repeats_reorders_or_tears_a_message_fails() {
    for workload in [Workload::Stream, Workload::Batch] {
        let stream = |at_hand, lie| played(workload, 500, at_hand, lie).unwrap_err();
        assert_eq!(stream(2, lose), "verifying: message 500 was due and 501 came");
        assert_eq!(stream(1, repeat), "verifying: message 501 was due and 500 came");
        assert_eq!(stream(2, reorder), "verifying: message 500 was due and 501 came");
        assert_eq!(stream(1, tear), "verifying: message 500 came torn");
    }
}

#[test]
fn damage_between_the_ends_of_a_message_fails_in_the_warm_up() {
    for workload in [Workload::Stream, Workload::Echo, Workload::Batch] {
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
