//! What each side does from attaching to closing, call by call as the script says.
//!
//! Owns: the calls and what is made of their answers. Knows nothing of: steps.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;

use shm_ring::{PopError, PushError, Threshold, Wait};
use shm_ring_fuzz::kind::{End, Reads};

use crate::carries::{Carries, Commit, Pushed, TIMEOUT};
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

/// A call that is being made.
struct Call {
    start: Start,
    /// When it began.
    since: u64,
    how: How,
}

fn begin(side: Side, how: How) -> Call {
    machine::begin(side);
    let start = oracle::with(|oracle| oracle.begin(side));
    Call { start, since: machine::clock(), how }
}

impl Call {
    fn check_time(&self) {
        let took = u128::from(machine::clock() - self.since);
        assert!(took >= TIMEOUT.as_nanos(), "timed out too early");
    }
}

pub(crate) fn producer<K: Carries>(ring: Rc<K::Ring>, wait: Wait) {
    let side = Side::Producer;
    machine::begin(side);
    let mut tx = K::producer(&ring).unwrap_or_else(|error| panic!("{error}"));
    oracle::with(|oracle| oracle.attached(side));
    tx.set_wait(wait);
    loop {
        match next(side) {
            Op::Push { how, len } => push::<K>(&mut tx, how, len),
            Op::Reserve { how, much } => reserve::<K>(&mut tx, how, much),
            Op::PushBatch { how, count } => push_run::<K>(&mut tx, how, count, K::push_batch),
            Op::PushSlice { how, count } => push_run::<K>(&mut tx, how, count, K::push_slice),
            _ => break,
        }
    }
    machine::begin(side);
    oracle::with(|oracle| oracle.closing(side));
    drop(tx);
}

fn push<K: Carries>(tx: &mut K::Tx, how: How, len: u8) {
    let call = begin(Side::Producer, how);
    let payloads = oracle::with(|oracle| {
        let len = K::len(len, &oracle.header);
        oracle.payloads([len], false)
    });
    let pushed = K::push(tx, how, &payloads[0]);
    let needed = payloads[0].len();
    judge_push(&call, &payloads, needed, (usize::from(pushed.is_ok()), pushed.err()));
}

/// Of values some, of which the first few are committed; of a message more than it takes.
fn reserve<K: Carries>(tx: &mut K::Tx, how: How, much: u8) {
    let call = begin(Side::Producer, how);
    let (payloads, commit, needed) = oracle::with(|oracle| {
        let header = &oracle.header;
        let longest = header.longest() as usize;
        match header.payload_offset() {
            0 => {
                let most = (header.limit / header.item_size) as usize;
                let count = (1 + usize::from(much) % 8).min(most);
                let commit = Commit { count: usize::from(much / 8) % (count + 1), spare: 0 };
                let lens = std::iter::repeat_n(longest, count);
                (oracle.payloads(lens, false), commit, count * longest)
            }
            _ => {
                let len = K::len(much, header);
                let spare = usize::from(much % 5 * 9).min(longest - len);
                let commit = Commit { count: usize::from(much % 4 != 0), spare };
                (oracle.payloads([len], false), commit, len + spare)
            }
        }
    });
    let reserved = K::reserve(tx, how, &payloads, commit);
    let count = if reserved.is_ok() { commit.count } else { 0 };
    judge_push(&call, &payloads, needed, (count, reserved.err()));
}

type Run<K> = fn(&mut <K as shm_ring_fuzz::kind::Kind>::Tx, How, &[Vec<u8>]) -> Pushed;

fn push_run<K: Carries>(tx: &mut K::Tx, how: How, count: u8, run: Run<K>) {
    // There is none with a time-out.
    let how = if how == How::Try { How::Try } else { How::Wait };
    let call = begin(Side::Producer, how);
    let payloads = oracle::with(|oracle| {
        let len = |index: usize| K::len(count.wrapping_mul(index as u8) % 100, &oracle.header);
        let many = match count {
            0..=219 => 1 + usize::from(count) % 12,
            // More than fit.
            _ => (oracle.header.limit / oracle.stride(len(1))) as usize + 1,
        };
        let lens: Vec<usize> = (0..many).map(len).collect();
        oracle.payloads(lens, how == How::Wait)
    });
    let (pushed, error) = run(tx, how, &payloads);
    let all = pushed == payloads.len();
    assert!(pushed > 0 || error.is_some(), "a batch of nothing");
    assert!(how == How::Try || all == error.is_none(), "a batch that ends early says why");
    let needed = payloads.get(pushed).map_or(0, Vec::len);
    if !all && error.is_none() {
        oracle::with(|oracle| oracle.check_full(call.start, &payloads[..pushed], needed));
    }
    judge_push(&call, &payloads, needed, (pushed, error));
}

/// `pushed` of the `payloads`; for the next one `needed` bytes of payload had to fit.
fn judge_push(call: &Call, payloads: &[Vec<u8>], needed: usize, (pushed, error): Pushed) {
    let (how, side) = (call.how, Side::Producer);
    let seen = machine::holds_nothing(side);
    oracle::with(|oracle| {
        oracle.pushed(payloads, pushed, seen);
        let Some(error) = error else { return };
        oracle.check_full(call.start, &payloads[..pushed], needed);
        match error {
            PushError::Full if how == How::Try => {}
            PushError::TimedOut if how == How::Timeout => call.check_time(),
            PushError::Closed if how != How::Try => oracle.check_gone(side, call.start, false),
            PushError::PeerDead if how != How::Try => oracle.check_gone(side, call.start, true),
            error => panic!("{how:?}: {error:?}"),
        }
    });
}

pub(crate) fn consumer<K: Carries>(ring: Rc<K::Ring>, wait: Wait) {
    let side = Side::Consumer;
    machine::begin(side);
    let mut rx = K::consumer(&ring).unwrap_or_else(|error| panic!("{error}"));
    oracle::with(|oracle| oracle.attached(side));
    rx.set_wait(wait);
    loop {
        let (how, popped) = match next(side) {
            Op::Pop { how } => consume(how, || pop::<K>(&mut rx, how)),
            Op::Peek { how, much } => consume(how, || peek::<K>(&mut rx, how, much)),
            Op::PopBatch { how, max } => consume(how, || pop_batch::<K>(&mut rx, how, max)),
            Op::PopSlice { how, max } => consume(how, || pop_slice::<K>(&mut rx, how, max)),
            Op::Threshold { words } => {
                let bytes = usize::from(words) * 16;
                rx.set_threshold((words > 0).then(|| Threshold::bytes(bytes, TIMEOUT / 2)));
                continue;
            }
            _ => break,
        };
        judge_pop(&how, popped);
    }
    machine::begin(side);
    oracle::with(|oracle| oracle.closing(side));
    drop(rx);
}

fn consume(how: How, call: impl FnOnce() -> Result<(), PopError>) -> (Call, Result<(), PopError>) {
    let begun = begin(Side::Consumer, how);
    (begun, call())
}

fn pop<K: Carries>(rx: &mut K::Rx, how: How) -> Result<(), PopError> {
    oracle::with(|oracle| oracle.may_take(1));
    let payload = K::pop(rx, how)?;
    oracle::with(|oracle| {
        oracle.show(&payload);
        oracle.taken(1);
    });
    Ok(())
}

fn peek<K: Carries>(rx: &mut K::Rx, how: How, much: u8) -> Result<(), PopError> {
    let max = 1 + usize::from(much % 6);
    let mut released = 0;
    K::peek(
        rx,
        how,
        max,
        |payload| oracle::with(|oracle| oracle.show(&payload)),
        |count| {
            assert!((1..=max).contains(&count), "a view of another size");
            released = usize::from(much / 8) % (count + 1);
            oracle::with(|oracle| oracle.may_take(released));
            released
        },
    )?;
    oracle::with(|oracle| oracle.taken(released));
    Ok(())
}

fn pop_batch<K: Carries>(rx: &mut K::Rx, how: How, max: u8) -> Result<(), PopError> {
    let max = usize::from(max % 16) + 1;
    let mut count = 0;
    let popped = K::pop_batch(rx, how, max, |payload| {
        count += 1;
        oracle::with(|oracle| {
            oracle.show(&payload);
            oracle.may_take(count);
        });
    })?;
    oracle::with(|oracle| oracle.taken(count));
    assert!(popped == count && (1..=max).contains(&count), "a batch of another size");
    Ok(())
}

fn pop_slice<K: Carries>(rx: &mut K::Rx, how: How, max: u8) -> Result<(), PopError> {
    let max = usize::from(max % 16) + 1;
    oracle::with(|oracle| oracle.may_take(max));
    let popped = K::pop_slice(rx, how, max)?;
    assert!((1..=max).contains(&popped.len()), "a slice of another size");
    oracle::with(|oracle| {
        popped.iter().for_each(|payload| oracle.show(payload));
        oracle.taken(popped.len());
    });
    Ok(())
}

fn judge_pop(call: &Call, popped: Result<(), PopError>) {
    let (how, side) = (call.how, Side::Consumer);
    let seen = machine::holds_nothing(side);
    oracle::with(|oracle| {
        if seen {
            oracle.check_released();
        }
        let Err(error) = popped else { return };
        oracle.check_empty(call.start);
        match error {
            PopError::Empty if how == How::Try => {}
            PopError::TimedOut if how == How::Timeout => call.check_time(),
            PopError::Closed if how != How::Try => oracle.check_gone(side, call.start, false),
            PopError::PeerDead if how != How::Try => oracle.check_gone(side, call.start, true),
            error => panic!("{how:?}: {error:?}"),
        }
    });
}
