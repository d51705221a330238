//! What each side does from attaching to closing, call by call as the script says, and what is made of the
//! answers. It must not know about steps.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;

use shm_ring::{Consumer, PopError, Producer, PushError, Ring, Threshold, Wait};

use crate::kind::{Kind, TIMEOUT};
use crate::oracle::{self, Start};
use crate::script::{How, Op, Side};
use crate::{fiber, machine};

thread_local! {
    static OPS: RefCell<[VecDeque<Op>; 2]> = RefCell::default();
}

/// `side` has `op` to do.
pub(crate) fn order(side: Side, op: Op) {
    OPS.with_borrow_mut(|ops| ops[side as usize].push_back(op));
}

pub(crate) fn has_orders(side: Side) -> bool {
    OPS.with_borrow(|ops| !ops[side as usize].is_empty())
}

pub(crate) fn forget_orders() {
    OPS.take();
}

/// The next thing to do; waits for it.
fn next(side: Side) -> Op {
    machine::begin(side);
    loop {
        match OPS.with_borrow_mut(|ops| ops[side as usize].pop_front()) {
            Some(op) => return op,
            None => fiber::pause(side),
        }
    }
}

fn begin(side: Side) -> Start {
    machine::begin(side);
    oracle::with(|oracle| oracle.begin(side))
}

pub(crate) fn producer<K: Kind + ?Sized>(ring: Rc<Ring<K>>, wait: Wait) {
    machine::begin(Side::Producer);
    let mut tx = ring.producer().unwrap_or_else(|error| panic!("{error}"));
    oracle::with(|oracle| oracle.attached(Side::Producer));
    tx.set_wait(wait);
    loop {
        match next(Side::Producer) {
            Op::Push { how, len } => push(&mut tx, how, len),
            Op::Reserve { len, commit } => reserve(&mut tx, len, commit),
            Op::PushBatch { count } => push_batch(&mut tx, count),
            _ => break,
        }
    }
    machine::begin(Side::Producer);
    oracle::with(|oracle| oracle.closing(Side::Producer));
    drop(tx);
}

fn push<K: Kind + ?Sized>(tx: &mut Producer<K>, how: How, len: u8) {
    let (start, since) = (begin(Side::Producer), machine::clock());
    let payloads = oracle::with(|oracle| oracle.payloads([K::len(len)]));
    let pushed = K::push(tx, how, &payloads[0]);
    judge_push(start, how, since, &payloads, pushed.map(|()| 1));
}

fn reserve<K: Kind + ?Sized>(tx: &mut Producer<K>, len: u8, commit: bool) {
    let (start, since) = (begin(Side::Producer), machine::clock());
    let payloads = oracle::with(|oracle| oracle.payloads([K::len(len)]));
    let reserved = K::reserve(tx, &payloads[0], commit);
    judge_push(start, How::Try, since, &payloads, reserved.map(|()| usize::from(commit)));
}

fn push_batch<K: Kind + ?Sized>(tx: &mut Producer<K>, count: u8) {
    let (start, since) = (begin(Side::Producer), machine::clock());
    let many = match count {
        0..=219 => 1 + usize::from(count) % 12,
        _ => oracle::too_many(K::len(count % 100)),
    };
    let lens = (0..many).map(|index| K::len(count.wrapping_mul(index as u8) % 100));
    let payloads = oracle::with(|oracle| oracle.payloads(lens));
    let pushed = K::push_batch(tx, &payloads);
    assert_ne!(pushed, Ok(0), "a batch of nothing");
    judge_push(start, How::Try, since, &payloads, pushed);
}

fn judge_push(
    start: Start,
    how: How,
    since: u64,
    payloads: &[Vec<u8>],
    pushed: Result<usize, PushError>,
) {
    let side = Side::Producer;
    let seen = machine::holds_nothing(side);
    oracle::with(|oracle| {
        oracle.pushed(payloads, pushed.unwrap_or(0), seen);
        let Err(error) = pushed else { return };
        oracle.check_full(start, payloads[0].len());
        match error {
            PushError::Full if how == How::Try => {}
            PushError::TimedOut if how == How::Timeout => check_time(since),
            PushError::Closed if how != How::Try => oracle.check_gone(side, start, false),
            PushError::PeerDead if how != How::Try => oracle.check_gone(side, start, true),
            error => panic!("{how:?}: {error:?}"),
        }
    });
}

fn check_time(since: u64) {
    assert!(u128::from(machine::clock() - since) >= TIMEOUT.as_nanos(), "timed out too early");
}

pub(crate) fn consumer<K: Kind + ?Sized>(ring: Rc<Ring<K>>, wait: Wait) {
    let side = Side::Consumer;
    machine::begin(side);
    let mut rx = ring.consumer().unwrap_or_else(|error| panic!("{error}"));
    oracle::with(|oracle| oracle.attached(side));
    rx.set_wait(wait);
    loop {
        let op = next(side);
        let (start, since) = (begin(side), machine::clock());
        let (how, popped) = match op {
            Op::Pop { how } => (how, pop(&mut rx, how)),
            Op::Peek { how, release } => (how, peek(&mut rx, how, release)),
            Op::PopBatch { how, max } => (how, pop_batch(&mut rx, how, usize::from(max % 16) + 1)),
            Op::Threshold { words } => {
                let bytes = u64::from(words) * 16;
                rx.set_threshold((words > 0).then(|| Threshold::bytes(bytes, TIMEOUT / 2)));
                continue;
            }
            _ => break,
        };
        judge_pop(start, how, since, popped);
    }
    machine::begin(side);
    oracle::with(|oracle| oracle.closing(side));
    drop(rx);
}

fn pop<K: Kind + ?Sized>(rx: &mut Consumer<K>, how: How) -> Result<(), PopError> {
    oracle::with(|oracle| oracle.may_take(1));
    let payload = K::pop(rx, how)?;
    oracle::with(|oracle| {
        oracle.check_next(&payload);
        oracle.taken(1);
    });
    Ok(())
}

fn peek<K: Kind + ?Sized>(rx: &mut Consumer<K>, how: How, release: bool) -> Result<(), PopError> {
    let mut seen = false;
    K::peek(rx, how, |payload| {
        oracle::with(|oracle| {
            oracle.check_next(&payload);
            oracle.may_take(usize::from(release));
        });
        seen = release;
        release
    })?;
    if seen {
        oracle::with(|oracle| oracle.taken(1));
    }
    Ok(())
}

fn pop_batch<K: Kind + ?Sized>(rx: &mut Consumer<K>, how: How, max: usize) -> Result<(), PopError> {
    let mut count = 0;
    let popped = K::pop_batch(rx, how, max, |payload| {
        oracle::with(|oracle| {
            oracle.check_next(&payload);
            oracle.may_take(1);
            oracle.shown();
        });
        count += 1;
    })?;
    oracle::with(|oracle| oracle.taken(count));
    assert!(popped == count && (1..=max).contains(&count), "a batch of another size");
    Ok(())
}

fn judge_pop(start: Start, how: How, since: u64, popped: Result<(), PopError>) {
    let side = Side::Consumer;
    let seen = machine::holds_nothing(side);
    oracle::with(|oracle| {
        if seen {
            oracle.check_released();
        }
        let Err(error) = popped else { return };
        oracle.check_empty(start);
        match error {
            PopError::Empty if how == How::Try => {}
            PopError::TimedOut if how == How::Timeout => check_time(since),
            PopError::Closed if how != How::Try => oracle.check_gone(side, start, false),
            PopError::PeerDead if how != How::Try => oracle.check_gone(side, start, true),
            error => panic!("{how:?}: {error:?}"),
        }
    });
}
