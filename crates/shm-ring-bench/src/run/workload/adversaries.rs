//! Transports that lie, set against the harness: losing, repeating, reordering, tearing, damaging,
//! answering without waiting, counting empty polls. They must not know how the workloads find out.

use super::{LAST_STAGE, fan, play, play_batches};
use crate::run::clock::Clock;
use crate::run::control::{Control, Side};
use crate::run::message::Code;
use crate::run::spec::{BATCH, FAN, Spec, Workload};
use crate::run::transport::{Fault, Receiver, Sender};
use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, mpsc};

pub(super) type Message = [u64; 4];

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

/// What this side sent last and before that, for an end that knows it.
#[derive(Clone, Default)]
struct Sent(Arc<Mutex<[Message; 2]>>);

/// The sending end of an honest channel, of which the receiving end on the same side knows.
struct Watched(mpsc::Sender<Message>, Sent);

impl Sender<4> for Watched {
    fn send(&mut self, message: &Message) -> Result<(), Fault> {
        let mut sent = self.1.0.lock().unwrap();
        *sent = [*message, sent[0]];
        Sender::send(&mut self.0, message)
    }
}

type MakeUp = fn([Message; 2], [Message; 2]) -> Message;

/// In which way a transport lies once.
#[derive(Clone, Copy)]
enum Lie {
    /// Not at all.
    None,
    /// To what came it does this, once so many messages are there.
    Changes(usize, fn(&mut VecDeque<Message>)),
    /// It waits for none but makes one up, of the two that came last and the two that were sent last,
    /// and keeps the one to itself that comes then.
    MakesUp(MakeUp),
    /// It says that one came and none did: what the caller has stays as it is.
    CountsAnEmptyPoll,
}

/// The receiving end of a transport that lies once.
struct Liar {
    inner: mpsc::Receiver<Message>,
    queue: VecDeque<Message>,
    lie: Lie,
    /// How many messages come before the lie.
    honest: u64,
    /// How many of those that come were answered for already.
    early: usize,
    /// What came last, and before that.
    came: [Message; 2],
    sent: Sent,
    lied: Arc<AtomicU64>,
}

impl Liar {
    fn wait_for(&mut self, count: usize) -> Result<(), Fault> {
        while self.queue.len() < count {
            let mut next = [0; 4];
            self.inner.receive(&mut next)?;
            self.queue.push_back(next);
        }
        Ok(())
    }

    fn honestly(&mut self) -> Result<Message, Fault> {
        self.wait_for(1 + self.early)?;
        self.queue.drain(..std::mem::take(&mut self.early));
        let message = self.queue.pop_front().ok_or_else(|| Fault::new("receive", "none left"))?;
        self.came = [message, self.came[0]];
        Ok(message)
    }

    fn lies_now(&mut self) -> bool {
        let now = self.honest == 0 && !matches!(self.lie, Lie::None);
        self.honest = self.honest.wrapping_sub(1);
        self.lied.fetch_add(u64::from(now), Ordering::Relaxed);
        now
    }
}

impl Receiver<4> for Liar {
    fn receive(&mut self, message: &mut Message) -> Result<(), Fault> {
        if self.lies_now() {
            match self.lie {
                Lie::None => {}
                Lie::Changes(at_hand, change) => {
                    self.wait_for(at_hand)?;
                    change(&mut self.queue);
                }
                Lie::MakesUp(up) => {
                    *message = up(self.came, *self.sent.0.lock().unwrap());
                    self.came = [*message, self.came[0]];
                    self.early += 1;
                    return Ok(());
                }
                Lie::CountsAnEmptyPoll => return Ok(()),
            }
        }
        *message = self.honestly()?;
        Ok(())
    }

    fn receive_batch(
        &mut self,
        max: usize,
        mut each: impl FnMut(&Message),
    ) -> Result<usize, Fault> {
        // Not all at once: a batch may come in parts.
        let part = max.div_ceil(3);
        let mut message = self.came[0];
        for _ in 0..part {
            if matches!(self.lie, Lie::CountsAnEmptyPoll) && self.honest == 0 {
                self.lies_now();
                return Ok(part);
            }
            self.receive(&mut message)?;
            each(&message);
        }
        Ok(part)
    }
}

/// Whose receiving end it is that lies.
#[derive(Clone, Copy, PartialEq, Eq)]
enum At {
    A,
    /// Of the side that answers.
    B,
}

const MESSAGES: u64 = 1000;

/// A run of it with messages of 32 bytes, for side A.
pub(super) fn run_of(workload: Workload) -> Spec {
    let whole = BATCH as u64;
    let (warm_up, messages) = match workload {
        Workload::Wake | Workload::Burst => (0, MESSAGES),
        steady if steady.is_steady() => (0, MESSAGES),
        Workload::Batch => (4 * whole, (MESSAGES - 4 * whole).next_multiple_of(whole)),
        _ => (MESSAGES / 10, MESSAGES - MESSAGES / 10),
    };
    Spec {
        side: Side::A,
        transport: "rtrb".to_owned(),
        workload,
        bytes: 32,
        warm_up,
        messages,
        batch: BATCH,
        // As short as it can be: nothing here is about time.
        burst: 50,
        rate: 1_000_000,
        interval_ns: 10_000,
        cpus: [0, 0],
        clock: Clock { tsc: false, ns_per_tick: 1.0, read_ns: 0.0 },
        parent: std::process::id(),
        no_system_calls: false,
        counts_system_calls: false,
        code: Code::fresh().unwrap(),
        control: -1,
        channels: Vec::new(),
        fan: FAN,
    }
}

/// What side A says about a run over a transport that lies after `honest` messages.
fn said(workload: Workload, at: At, honest: u64, lie: Lie) -> Result<(), String> {
    let control = Control::new().unwrap();
    let a = run_of(workload);
    let b = Spec { side: Side::B, ..a.clone() };
    let (echo, sent, lied) = (workload.is_echo(), Sent::default(), Arc::new(AtomicU64::new(0)));
    let end = |inner, lie, sent: &Sent| {
        let (queue, sent, lied) = (VecDeque::new(), sent.clone(), Arc::clone(&lied));
        Liar { inner, queue, lie, honest, early: 0, came: [[0; 4]; 2], sent, lied }
    };
    let of = |side| if side == at { lie } else { Lie::None };
    let channels = if workload == Workload::Fan { a.fan } else { 1 };
    let (mut b_txs, a_rxs): (Vec<_>, Vec<_>) = (0..channels).map(|_| mpsc::channel()).unzip();
    let (a_tx, b_rx) = mpsc::channel();
    let mut a_rxs: Vec<_> = a_rxs.into_iter().map(|rx| end(rx, of(At::A), &sent)).collect();
    let answer = std::thread::scope(|scope| {
        scope.spawn(|| match workload {
            Workload::Fan => fan::send(std::mem::take(&mut b_txs), &b, &control),
            Workload::Batch => play_batches(&b, &control, b_txs.pop(), None::<Liar>),
            _ => {
                let b_rx = end(b_rx, of(At::B), &Sent::default());
                play(&b, &control, b_txs.pop(), echo.then_some(b_rx))
            }
        });
        let answer = match workload {
            Workload::Fan => {
                a_rxs[1..].iter_mut().for_each(|other| other.lie = Lie::None);
                fan::receive(a_rxs, &a, &control)
            }
            Workload::Batch => play_batches(&a, &control, None::<Watched>, a_rxs.pop()),
            _ => {
                let a_tx = Watched(a_tx, sent.clone());
                play(&a, &control, echo.then_some(a_tx), a_rxs.pop())
            }
        };
        // B waits at the end for an A that may have given up long before.
        control.arrive(Side::A, LAST_STAGE);
        answer.map_err(|fault| fault.to_string())
    });
    let lies = u64::from(!matches!(lie, Lie::None));
    assert_eq!(lied.load(Ordering::Relaxed).min(1), lies, "{workload}: the lie was never told");
    answer
}

/// Every workload that carries messages and is timed.
const ALL: [Workload; 7] = [
    Workload::Stream,
    Workload::Echo,
    Workload::Batch,
    Workload::Wake,
    Workload::Burst,
    Workload::Paced,
    Workload::Fan,
];

const LOSES: Lie = Lie::Changes(2, |queue| {
    let _lost = queue.pop_front();
});
const REPEATS: Lie = Lie::Changes(1, |queue| queue.push_front(queue[0]));
const REORDERS: Lie = Lie::Changes(2, |queue| queue.swap(0, 1));
const TEARS: Lie = Lie::Changes(1, |queue| queue[0][3] ^= 1);
const DAMAGES_THE_MIDDLE: Lie = Lie::Changes(1, |queue| queue[0][1] ^= 1);

#[test]
fn an_honest_transport_is_believed() {
    for workload in ALL {
        assert_eq!(said(workload, At::A, 0, Lie::None), Ok(()), "{workload}");
    }
}

#[test]
fn a_transport_that_loses_repeats_reorders_or_tears_a_message_fails() {
    // One channel of a fan carries each fourth message.
    for workload in ALL.into_iter().filter(|&workload| workload != Workload::Fan) {
        let says = |lie| said(workload, At::A, 500, lie).unwrap_err();
        // Those of `wake` are counted from 1.
        let at = 500 + u64::from(workload == Workload::Wake);
        let next = at + 1;
        let came =
            |due: u64, came: u64| format!("verifying: message {due} was due and {came} came");
        assert_eq!(says(REPEATS), came(next, at), "{workload}");
        assert_eq!(says(TEARS), format!("verifying: message {at} came torn"), "{workload}");
        if workload != Workload::Echo {
            assert_eq!(says(LOSES), came(at, next), "{workload}");
            assert_eq!(says(REORDERS), came(at, next), "{workload}");
        }
    }
    let fan = |lie| said(Workload::Fan, At::A, 100, lie).unwrap_err();
    assert_eq!(fan(LOSES), "verifying: message 400 was due and 404 came");
    assert_eq!(fan(REPEATS), "verifying: message 404 was due and 400 came");
    assert_eq!(fan(REORDERS), "verifying: message 400 was due and 404 came");
    assert_eq!(fan(TEARS), "verifying: message 400 came torn");
}

#[test]
fn damage_between_the_ends_of_a_message_fails_in_the_warm_up() {
    for workload in [Workload::Stream, Workload::Echo, Workload::Batch] {
        let why = said(workload, At::A, 50, DAMAGES_THE_MIDDLE).unwrap_err();
        assert_eq!(why, "verifying: message 50 came torn");
    }
    let why = said(Workload::Fan, At::A, 10, DAMAGES_THE_MIDDLE).unwrap_err();
    assert_eq!(why, "verifying: message 40 came torn");
}

/// After how many messages of a channel to lie: at once, in the warm-up, after it, and in the last.
fn moments(workload: Workload) -> [u64; 5] {
    let spec = run_of(workload);
    let channels = if workload == Workload::Fan { spec.fan as u64 } else { 1 };
    [0, 1, 20, 200, (spec.warm_up + spec.messages) / channels - 1]
}

/// A message that begins with this and is whole to whoever looks at its ends, as those before were.
fn sealed(first: u64, like: Message) -> Message {
    let pattern = like[3].wrapping_sub(3) ^ like[0].rotate_left(32);
    [first, 0, 0, (first.rotate_left(32) ^ pattern).wrapping_add(3)]
}

#[test]
fn a_transport_that_answers_without_waiting_fails() {
    let lies: [(&str, MakeUp); 7] = [
        ("nothing", |_, _| [0; 4]),
        ("the one before", |[last, _], _| last),
        ("the one before that", |[_, last], _| last),
        ("the next number", |[last, _], _| sealed(last[0].wrapping_add(1), last)),
        ("as far on as the last was", |[last, before], _| {
            sealed(last[0].wrapping_add(last[0].wrapping_sub(before[0])), last)
        }),
        ("now", |[last, _], _| sealed(crate::run::clock::monotonic_ns(), last)),
        ("what was sent, changed as the one before was", |[last, _], [sent, before]| {
            [sent[0] ^ before[0] ^ last[0], sent[1], sent[2], sent[3]]
        }),
    ];
    for workload in ALL {
        for honest in moments(workload) {
            for (what, lie) in lies {
                let answer = said(workload, At::A, honest, Lie::MakesUp(lie));
                let why =
                    answer.expect_err(&format!("{workload}: {what} after {honest} was believed"));
                assert!(why.starts_with("verifying: message"), "{workload}: {what}: {why}");
            }
        }
    }
}

#[test]
fn a_side_that_answers_what_has_not_come_fails() {
    let lies: [MakeUp; 3] =
        [|_, _| [0; 4], |[last, _], _| last, |[last, _], _| sealed(last[0].wrapping_add(1), last)];
    for honest in [0, 1, 60, 500] {
        for lie in lies.map(Lie::MakesUp).into_iter().chain([Lie::CountsAnEmptyPoll]) {
            let why = said(Workload::Echo, At::B, honest, lie).unwrap_err();
            assert!(why.starts_with("verifying: message"), "after {honest}: {why}");
        }
    }
}

#[test]
fn an_echo_that_comes_back_from_this_side_is_none() {
    let why = said(Workload::Echo, At::A, 500, Lie::MakesUp(|_, [sent, _]| sent)).unwrap_err();
    assert_eq!(why, "verifying: message 500 came back unanswered");
}

#[test]
fn a_transport_that_counts_empty_polls_fails() {
    for workload in ALL {
        for honest in moments(workload) {
            let answer = said(workload, At::A, honest, Lie::CountsAnEmptyPoll);
            let why = answer.expect_err(&format!("{workload}: a poll after {honest} was counted"));
            assert!(why.starts_with("verifying: "), "{workload}: {why}");
        }
    }
}
