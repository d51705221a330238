//! Transports that stall, set against the workloads that time each message: whatever was to be sent
//! meanwhile is late by that. How long it takes otherwise decides nothing here: it only adds.

use std::sync::mpsc;
use std::time::Duration;

use super::adversaries::{Message, run_of};
use super::{LAST_STAGE, play};
use crate::run::control::{Control, Measure, PER_NANOSECOND, Side};
use crate::run::spec::{Spec, Workload};
use crate::run::transport::{Fault, Sender};

/// The sending end of an honest channel that keeps its caller in some sends.
struct Staller {
    inner: mpsc::Sender<Message>,
    sent: u64,
    stall: fn(u64) -> Duration,
}

impl Sender<4> for Staller {
    fn send(&mut self, message: &Message) -> Result<(), Fault> {
        std::thread::sleep((self.stall)(self.sent));
        self.sent += 1;
        Sender::send(&mut self.inner, message)
    }
}

/// What side A measured of a run over a transport that stalls.
fn measured(a: &Spec, stall: fn(u64) -> Duration) -> Control {
    let control = Control::new().unwrap();
    let b = Spec { side: Side::B, ..a.clone() };
    let (inner, rx) = mpsc::channel::<Message>();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let tx = Staller { inner, sent: 0, stall };
            play(&b, &control, Some(tx), None::<mpsc::Receiver<Message>>)
        });
        let answer = play(a, &control, None::<Staller>, Some(rx));
        control.arrive(Side::A, LAST_STAGE);
        answer.unwrap();
    });
    control
}

#[test]
fn what_was_due_while_a_send_stalled_is_late_by_that() {
    // A hundred messages of warm-up, and 900 that are due within 9 ms.
    let spec = Spec { rate: 100_000, ..run_of(Workload::Paced) };
    assert_eq!((spec.warm_up, spec.messages), (100, 900));
    let stall = |sent| Duration::from_millis(if sent == 200 { 50 } else { 0 });
    let control = measured(&spec, stall);
    let of = |measure| control.measured(Side::A, measure) as f64;
    // 800 of the 900 were due in the 8 ms after the first of them and gone 50 ms after it.
    for part in [Measure::P50, Measure::P75] {
        let late = of(part) / PER_NANOSECOND;
        assert!(late >= 41e6, "{part:?}: {late} ns");
    }
    assert!(of(Measure::SpanNs) >= 50e6, "the rate was not kept and is said to be");
    assert_eq!(of(Measure::Verified), 900.0);
}

#[test]
fn all_of_a_burst_are_late_by_what_its_first_send_took() {
    let spec = Spec { burst: 10, messages: 40, ..run_of(Workload::Burst) };
    let stall = |sent| Duration::from_millis(if sent % 10 == 0 { 5 } else { 0 });
    let control = measured(&spec, stall);
    for of in [Measure::P50, Measure::P90, Measure::Drain] {
        let late = control.measured(Side::A, of) as f64 / PER_NANOSECOND;
        assert!(late >= 4.9e6, "{of:?}: {late} ns");
    }
}
