//! What each side does from attaching to closing, call by call as the script says.
//!
//! Owns: which calls, and what is made of their answers. Knows nothing of: steps.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;

use std::time::Duration;

use shm_ring::{PopError, PushError, Threshold};
use shm_ring_outsider::Header;

use crate::forms::{AnyRing, Kind, Put, Room, Rx, RxOf, Take, TxOf};
use crate::oracle::{self, Start};
use crate::script::{How, Op, Side};
use crate::{fiber, machine};

/// How long a call that may time out waits.
pub(crate) const TIMEOUT: Duration = Duration::from_millis(30);

/// How many of several were published, and why not more.
type Pushed = (usize, Option<PushError>);

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

pub(crate) fn producer<K: Kind + ?Sized>(ring: Rc<K::Ring>) {
    let side = Side::Producer;
    machine::begin(side);
    let mut tx = ring.producer().unwrap_or_else(|error| panic!("{error}"));
    oracle::with(|oracle| oracle.attached(side));
    loop {
        match next(side) {
            Op::Push { how, len } => push::<K>(&mut tx, how, len),
            Op::Reserve { how, much } => reserve::<K>(&mut tx, how, much),
            Op::PushBatch { how, count } => push_run::<K>(&mut tx, how, count, 0),
            Op::PushSlice { how, count } => push_run::<K>(&mut tx, how, count, 1),
            _ => break,
        }
    }
    machine::begin(side);
    oracle::with(|oracle| oracle.closing(side));
    drop(tx);
}

/// The number by which the forms know `how`.
fn way(how: How) -> usize {
    match how {
        How::Try => 0,
        How::Timeout => 1,
        How::Wait => 2,
    }
}

/// The length of a payload for which the input says `len`: a short one, a long one, or the longest.
fn length<K: Kind + ?Sized>(len: u8, header: &Header) -> usize {
    let longest = header.longest() as usize;
    let len = match len {
        _ if K::LEN.is_some() => longest,
        0..=99 => len.into(),
        100..=199 => usize::from(len - 100) * 16,
        len => longest.saturating_sub(usize::from(255 - len) * 8),
    };
    len.min(longest)
}

fn push<K: Kind + ?Sized>(tx: &mut TxOf<K>, how: How, len: u8) {
    let call = begin(Side::Producer, how);
    let payloads = oracle::with(|oracle| {
        let len = length::<K>(len, &oracle.header);
        oracle.payloads([len], false)
    });
    let needed = payloads[0].len();
    let forms = match K::LEN {
        Some(_) => [Put::TryFrom, Put::Timeout, Put::From],
        None if needed % 4 == 3 => [Put::TryParts, Put::PartsTimeout, Put::Parts],
        None => [Put::Try, Put::Timeout, Put::Wait],
    };
    let pushed = K::push(tx, forms[way(how)], &payloads[0]);
    judge_push(&call, &payloads, needed, (usize::from(pushed.is_ok()), pushed.err()));
}

/// Of values some, of which the first few are committed; of a message more than it takes.
fn reserve<K: Kind + ?Sized>(tx: &mut TxOf<K>, how: How, much: u8) {
    let call = begin(Side::Producer, how);
    let (payloads, count, spare) = oracle::with(|oracle| {
        let header = &oracle.header;
        let longest = header.longest() as usize;
        match K::LEN {
            Some(_) => {
                let most = (header.limit / header.item_size) as usize;
                let many = (1 + usize::from(much) % 8).min(most);
                let lens = std::iter::repeat_n(longest, many);
                (oracle.payloads(lens, false), usize::from(much / 8) % (many + 1), 0)
            }
            None => {
                let len = length::<K>(much, header);
                let spare = usize::from(much % 5 * 9).min(longest - len);
                (oracle.payloads([len], false), usize::from(much % 4 != 0), spare)
            }
        }
    });
    let mut bytes = payloads.concat();
    let (room, part) = match (count, K::LEN) {
        (0, _) => (Room::Drop, bytes.len() / 3),
        (_, Some(_)) => (Room::Less, count),
        (_, None) => (Room::Less, bytes.len()),
    };
    bytes.resize(bytes.len() + spare, 0);
    let reserved = K::reserve(tx, way(how), room, &bytes, part);
    let count = if reserved.is_ok() { count } else { 0 };
    judge_push(&call, &payloads, bytes.len(), (count, reserved.err()));
}

/// A batch, of which the forms push an `odd` number of values as a slice.
fn push_run<K: Kind + ?Sized>(tx: &mut TxOf<K>, how: How, count: u8, odd: usize) {
    // There is none with a time-out.
    let how = if how == How::Try { How::Try } else { How::Wait };
    let call = begin(Side::Producer, how);
    let payloads = oracle::with(|oracle| {
        let len = |index: usize| length::<K>(count.wrapping_mul(index as u8) % 100, &oracle.header);
        let many = match count {
            0..=219 => 1 + usize::from(count) % 12,
            // More than fit.
            _ => (oracle.header.limit / oracle.stride(len(1))) as usize + 1,
        };
        let lens: Vec<usize> = (0..many.next_multiple_of(2) + odd).map(len).collect();
        oracle.payloads(lens, how == How::Wait)
    });
    let (pushed, error) = match how {
        How::Try => match K::try_push_batch(tx, &payloads) {
            Ok(count) => (count, None),
            Err(error) => (0, Some(error)),
        },
        _ => match K::push_batch(tx, &payloads) {
            Ok(count) => (count, None),
            Err(failed) => (failed.pushed, Some(failed.error)),
        },
    };
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

pub(crate) fn consumer<K: Kind + ?Sized>(ring: Rc<K::Ring>) {
    let side = Side::Consumer;
    machine::begin(side);
    let mut rx = ring.consumer().unwrap_or_else(|error| panic!("{error}"));
    oracle::with(|oracle| oracle.attached(side));
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

fn pop<K: Kind + ?Sized>(rx: &mut RxOf<K>, how: How) -> Result<(), PopError> {
    oracle::with(|oracle| oracle.may_take(1));
    let form = [Take::Try, Take::Timeout, Take::Wait][way(how)];
    let payload = K::pop(rx, form, 0)?;
    oracle::with(|oracle| {
        oracle.show(&payload);
        oracle.taken(1);
    });
    Ok(())
}

/// The form of a peek that copies one record after the other.
const ITERATE: usize = 6;

fn peek<K: Kind + ?Sized>(rx: &mut RxOf<K>, how: How, much: u8) -> Result<(), PopError> {
    let max = 1 + usize::from(much % 6);
    let mut released = 0;
    K::peek(rx, way(how), ITERATE, max, |seen| {
        assert!((1..=max).contains(&seen.len()), "a view of another size");
        released = usize::from(much / 8) % (seen.len() + 1);
        oracle::with(|oracle| {
            seen.iter().for_each(|payload| oracle.show(payload));
            oracle.may_take(released);
        });
        released
    })?;
    oracle::with(|oracle| oracle.taken(released));
    Ok(())
}

/// By items, of which the forms take an even number so.
fn pop_batch<K: Kind + ?Sized>(rx: &mut RxOf<K>, how: How, max: u8) -> Result<(), PopError> {
    let max = (usize::from(max % 16) + 1).next_multiple_of(2);
    let mut count = 0;
    let popped = K::pop_batch(rx, way(how), max, |payload| {
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

/// An odd number of values at once; a message into a place that is there.
fn pop_slice<K: Kind + ?Sized>(rx: &mut RxOf<K>, how: How, max: u8) -> Result<(), PopError> {
    let max = if K::LEN.is_some() { usize::from(max % 16) | 1 } else { 1 };
    let longest = oracle::with(|oracle| {
        oracle.may_take(max);
        oracle.header.longest() as usize
    });
    let mut taken = Vec::new();
    match K::LEN {
        Some(_) => drop(K::pop_batch(rx, way(how), max, |payload| taken.push(payload))?),
        None => {
            let form = [Take::TryTo, Take::ToTimeout, Take::To][way(how)];
            taken.push(K::pop(rx, form, longest)?);
        }
    }
    assert!((1..=max).contains(&taken.len()), "a slice of another size");
    oracle::with(|oracle| {
        taken.iter().for_each(|payload| oracle.show(payload));
        oracle.taken(taken.len());
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
