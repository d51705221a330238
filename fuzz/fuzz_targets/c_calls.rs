//! The C interface: any calls in any order on the handles of one region, right and wrong, with buffers of exactly the length
//! that is said. Nothing unwinds or aborts, nothing beyond a buffer is touched (AddressSanitizer), nothing is `SHMR_INTERNAL`,
//! and a handle that is closed, lent or of another kind says so, while what was used rightly is a queue.
//!
//! Owns: the calls, and what each must answer. Knows nothing of: the wire format, and how the border does it.
#![no_main]

use std::collections::VecDeque;
use std::ffi::c_void;
use std::mem::MaybeUninit;
use std::ptr::null;

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use shmring::*;

/// The longest input that is looked at.
const CALLS: usize = 40;
/// Closed handles that are told for certain.
const TOLD: usize = 60;

#[derive(Arbitrary, Debug)]
struct Input {
    carries: Carries,
    options: Chosen,
    calls: Vec<Call>,
}

#[derive(Arbitrary, Clone, Copy, Debug, PartialEq)]
enum Carries {
    Values(u8),
    Messages,
    Latest(u8),
    /// Whatever the options say.
    Any,
}

/// What the options hold besides: small, or wrong.
#[derive(Arbitrary, Clone, Copy, Debug)]
struct Chosen {
    size: Number,
    item_size: Number,
    align: Number,
    items: Number,
    bytes: Number,
    history: Number,
    flags: u32,
    wait: u8,
}

#[derive(Arbitrary, Clone, Copy, Debug)]
enum Number {
    Zero,
    Small(u8),
    Power(u8),
    Right,
    Huge(u8),
}

impl Number {
    fn of(self, right: usize) -> usize {
        match self {
            Self::Zero => 0,
            Self::Small(number) => number.into(),
            Self::Power(exponent) => 1 << (exponent % 13),
            Self::Right => right,
            Self::Huge(less) => usize::MAX - usize::from(less),
        }
    }
}

/// Where a call of C's has its bytes.
#[derive(Arbitrary, Clone, Copy, Debug)]
enum Place {
    Right,
    /// As many, at an address of one byte that must not be touched beyond.
    Null,
    Huge,
    Long(u16),
}

#[derive(Arbitrary, Clone, Copy, Debug)]
enum Call {
    Push { place: Place, wait: bool },
    PushMany { count: u8, huge: bool, wait: bool },
    PushParts { lens: [u8; 3] },
    Reserve { amount: Number },
    Commit { amount: Number },
    Cancel,
    Pop { place: Place, wait: bool },
    PopMany { count: u8, room: u16, wait: bool },
    NextLen,
    Peek { max: u8 },
    Release { count: Number },
    ReleaseTo { ahead: Number },
    Skip,
    WaitAny { twice: bool, both: bool, peer: bool },
    Ask { which: u8 },
    Close { producer: bool },
    Attach { producer: bool },
    Wrong { which: u8, old: u8 },
    Write { place: Place },
    Read { place: Place, which: u8 },
}

type H = *const Handle;

/// A pointer of C's: NULL, or a handle, whose memory is never given back.
fn h(handle: H) -> Option<&'static Handle> {
    // SAFETY: see above; the second law of the crate.
    unsafe { handle.as_ref() }
}

fn make(call: impl FnOnce(Out<'_>) -> i32) -> Result<H, i32> {
    let mut out = MaybeUninit::new(null::<Handle>());
    let code = call(Some(&mut out));
    // SAFETY: it was given a value.
    let handle = unsafe { out.assume_init() };
    assert_eq!(code == 0, !handle.is_null(), "{code}");
    if code == 0 { Ok(handle) } else { Err(known(code.into()) as i32) }
}

/// That a result is a documented one, and has words.
fn known(result: i64) -> i64 {
    let is_code = CODES.iter().any(|(_, code)| i64::from(*code) == result);
    assert!(result >= 0 || is_code, "{result}");
    assert!(!shmr_text(result).is_null());
    assert_ne!(result, i64::from(SHMR_INTERNAL), "a fault of the library");
    result
}

fn is(result: i64, expected: &[i32]) {
    known(result);
    assert!(expected.iter().any(|code| i64::from(*code) == result), "{result}, not {expected:?}");
}

const NONE_NOW: &[i32] = &[SHMR_EMPTY, SHMR_TIMED_OUT, SHMR_CLOSED, SHMR_PEER_DEAD];
const NO_ROOM: &[i32] = &[SHMR_FULL, SHMR_TIMED_OUT, SHMR_CLOSED, SHMR_PEER_DEAD];

fn time(wait: bool) -> i64 {
    i64::from(wait)
}

struct Play {
    ring: H,
    tx: H,
    rx: H,
    /// Of values.
    size: usize,
    messages: bool,
    most: usize,
    queue: VecDeque<Vec<u8>>,
    made: u8,
    reserved: Option<(usize, *mut c_void)>,
    peeked: Option<usize>,
    old: Vec<H>,
}

fuzz_target!(|input: Input| {
    let place = shmr_place { kind: 3, fd: -1, name: c"fuzz".as_ptr(), pid: 0, unused: 0 };
    let mut options = options_of(&input);
    match input.carries {
        Carries::Latest(_) => {
            // SAFETY: the place and the options are whole.
            let latest = make(|out| unsafe { shmr_latest_create(place, &options, out) });
            play_latest(latest.unwrap(), options.item_size, &input.calls);
        }
        Carries::Any => {
            options.size =
                input.options.size.of(size_of::<shmr_options>()).min(size_of_val(&options));
            // SAFETY: the place is whole, and the options are as long as they say.
            let ring = make(|out| unsafe { shmr_ring_create(place, &options, out) });
            if let Ok(ring) = ring {
                let mut info = MaybeUninit::uninit();
                is(shmr_ring_describe(h(ring), Some(&mut info)).into(), &[0]);
                // SAFETY: it succeeded.
                let info: shmr_info = unsafe { info.assume_init() };
                play(ring, info.item_size, &input.calls);
            }
        }
        Carries::Values(_) | Carries::Messages => {
            // SAFETY: the place and the options are whole.
            let ring = make(|out| unsafe { shmr_ring_create(place, &options, out) });
            play(ring.unwrap(), options.item_size, &input.calls);
        }
    }
});

fn options_of(input: &Input) -> shmr_options {
    // SAFETY: zeros are the defaults, by the header.
    let mut options: shmr_options = unsafe { std::mem::zeroed() };
    options.size = size_of::<shmr_options>();
    match input.carries {
        Carries::Values(size) | Carries::Latest(size) => {
            (options.item_size, options.align) = (1 + usize::from(size), 1);
            options.bytes = 4096;
        }
        Carries::Messages => options.bytes = 4096,
        Carries::Any => {
            let chosen = &input.options;
            (options.item_size, options.align) = (chosen.item_size.of(8), chosen.align.of(8));
            (options.items, options.bytes) = (chosen.items.of(16), chosen.bytes.of(4096));
            options.history = chosen.history.of(0);
            // Memory is not to be locked or touched by the gigabyte, and groups are the machine's.
            (options.flags, options.wait) = (chosen.flags & !(2 | 4 | 256), chosen.wait.into());
        }
    }
    options
}

fn play(ring: H, size: usize, calls: &[Call]) {
    let tx = make(|out| shmr_ring_producer(h(ring), out)).unwrap();
    let rx = make(|out| shmr_ring_consumer(h(ring), out)).unwrap();
    let most = known(shmr_producer_capacity(h(tx))) as usize;
    let mut play = Play {
        ring,
        tx,
        rx,
        size,
        messages: size == 0,
        most,
        queue: VecDeque::new(),
        made: 0,
        reserved: None,
        peeked: None,
        old: Vec::new(),
    };
    for call in calls.iter().take(CALLS) {
        play.call(*call);
    }
    is(shmr_producer_close(h(play.tx)).into(), &[0]);
    is(shmr_consumer_close(h(play.rx)).into(), &[0]);
    is(shmr_ring_close(h(ring)).into(), &[0]);
}

impl Play {
    fn record(&mut self, len: usize) -> Vec<u8> {
        self.made = self.made.wrapping_add(1);
        vec![self.made; len]
    }

    /// What a call on an end without its state answers, if it does not get further.
    fn refused(&self, producer: bool) -> Option<i32> {
        let (handle, lent) = match producer {
            true => (self.tx, self.reserved.is_some()),
            false => (self.rx, self.peeked.is_some()),
        };
        match (handle.is_null(), lent) {
            (true, _) => Some(SHMR_HANDLE),
            (false, true) => Some(SHMR_BUSY),
            (false, false) => None,
        }
    }

    /// Whether another record must fit: always into an empty ring, and values exactly.
    fn must_fit(&self) -> bool {
        self.queue.is_empty() || (!self.messages && self.queue.len() < self.most)
    }

    fn call(&mut self, call: Call) {
        match call {
            Call::Push { place, wait } => self.push(place, wait),
            Call::PushMany { count, huge, wait } => self.push_many(count.into(), huge, wait),
            Call::PushParts { lens } => self.push_parts(lens),
            Call::Reserve { amount } => self.reserve(amount.of(1)),
            Call::Commit { amount } => self.commit(amount),
            Call::Cancel => {
                let expected = match (self.tx.is_null(), self.reserved.take()) {
                    (true, _) => SHMR_HANDLE,
                    (_, None) => SHMR_NOT_LENT,
                    _ => 0,
                };
                is(shmr_cancel(h(self.tx)).into(), &[expected]);
            }
            Call::Pop { place, wait } => self.pop(place, wait),
            Call::PopMany { count, room, wait } => self.pop_many(count.into(), room.into(), wait),
            Call::NextLen => {
                let answer = shmr_next_len(h(self.rx), 0);
                match (self.refused(false), self.queue.front()) {
                    (Some(code), _) => is(answer, &[code]),
                    (None, None) => is(answer, NONE_NOW),
                    (None, Some(next)) => assert_eq!(answer, next.len() as i64),
                }
            }
            Call::Peek { max } => self.peek(max.into()),
            Call::Release { count } => self.release(count),
            Call::ReleaseTo { ahead } => self.release_to(ahead),
            Call::Skip => {
                let answer = shmr_skip_unread(h(self.rx));
                match self.refused(false) {
                    Some(code) => is(answer, &[code]),
                    None => {
                        // Of messages it is bytes, with a header each.
                        let bytes: usize = self.queue.iter().map(|record| 8 + record.len()).sum();
                        assert!(self.messages || answer == self.queue.len() as i64);
                        assert!(!self.messages || answer >= bytes as i64);
                        self.queue.clear();
                    }
                }
            }
            Call::WaitAny { twice, both, peer } => self.wait_any(twice, both, peer),
            Call::Ask { which } => self.ask(which),
            Call::Close { producer } => self.close(producer),
            Call::Attach { producer } => self.attach(producer),
            Call::Wrong { which, old } => self.wrong(which, old.into()),
            Call::Write { .. } => is(shmr_notify(h(self.tx)).into(), &[SHMR_HANDLE]),
            Call::Read { .. } => is(shmr_has_newer(h(self.rx)).into(), &[SHMR_HANDLE]),
        }
    }

    fn push(&mut self, place: Place, wait: bool) {
        let right = if self.messages { 40 } else { self.size };
        let (address, len, record) = match place {
            Place::Right => (None, right, self.record(right)),
            Place::Long(len) => (None, len.into(), self.record(len.into())),
            Place::Null => (Some(null()), right, Vec::new()),
            Place::Huge => (None, usize::MAX, self.record(1)),
        };
        let record = record.into_boxed_slice();
        let address = address.unwrap_or(record.as_ptr().cast());
        // SAFETY: what is not refused has as many bytes as it says.
        let answer = unsafe { shmr_push(h(self.tx), address, len, time(wait)) }.into();
        let wrong = match place {
            Place::Null | Place::Huge => Some(SHMR_INVALID),
            _ if !self.messages && len != self.size => Some(SHMR_WRONG_LENGTH),
            _ if self.messages && len > self.most => Some(SHMR_TOO_LARGE),
            _ => None,
        };
        match self.refused(true).or(wrong) {
            Some(code) => is(answer, &[code]),
            None if answer == 0 => self.queue.push_back(record.into_vec()),
            None => {
                assert!(!self.must_fit());
                is(answer, NO_ROOM);
            }
        }
    }

    fn push_many(&mut self, count: usize, huge: bool, wait: bool) {
        let records: Vec<Vec<u8>> = (0..count)
            .map(|at| self.record(if self.messages { at % 50 } else { self.size }))
            .collect();
        let answer = if self.messages {
            let spans: Box<[Span]> = records
                .iter()
                .map(|record| Span { data: record.as_ptr().cast(), len: record.len() })
                .collect();
            let count = if huge { usize::MAX } else { count };
            // SAFETY: what is not refused is as long as it says.
            unsafe { shmr_push_messages(h(self.tx), spans.as_ptr(), count, 0) }
        } else {
            let values = records.concat().into_boxed_slice();
            let count = if huge { usize::MAX } else { count };
            // SAFETY: as above.
            unsafe { shmr_push_values(h(self.tx), values.as_ptr().cast(), count, time(wait)) }
        };
        match self.refused(true) {
            Some(code) => is(answer, &[code]),
            None if huge => is(answer, &[SHMR_INVALID]),
            None if answer >= 0 => {
                assert!(answer as usize <= count);
                self.queue.extend(records.into_iter().take(answer as usize));
                assert!(self.messages || answer as usize == count || self.queue.len() == self.most);
            }
            None => {
                assert!(count > 0 && !self.must_fit());
                is(answer, NO_ROOM);
            }
        }
    }

    fn push_parts(&mut self, lens: [u8; 3]) {
        let parts = lens.map(|len| self.record(len.into()).into_boxed_slice());
        let spans =
            parts.each_ref().map(|part| Span { data: part.as_ptr().cast(), len: part.len() });
        // SAFETY: all of it is as long as it says.
        let answer = unsafe { shmr_push_parts(h(self.tx), spans.as_ptr(), 3, 0) }.into();
        let kind = (!self.messages).then_some(SHMR_KIND);
        match self.refused(true).or(kind) {
            Some(code) => is(answer, &[code]),
            None if answer == 0 => self.queue.push_back(parts.concat()),
            None => {
                assert!(!self.must_fit());
                is(answer, NO_ROOM);
            }
        }
    }

    fn reserve(&mut self, amount: usize) {
        let mut room = MaybeUninit::new(std::ptr::null_mut());
        let answer = shmr_reserve(h(self.tx), amount, Some(&mut room), 0).into();
        let large = (amount > self.most).then_some(SHMR_TOO_LARGE);
        match self.refused(true).or(large) {
            Some(code) => is(answer, &[code]),
            None if answer == 0 => {
                // SAFETY: it was given a value.
                self.reserved = Some((amount, unsafe { room.assume_init() }));
            }
            None => {
                assert!(!self.queue.is_empty());
                is(answer, NO_ROOM);
            }
        }
    }

    fn commit(&mut self, amount: Number) {
        let Some((reserved, room)) = self.reserved.filter(|_| !self.tx.is_null()) else {
            let expected = if self.tx.is_null() { SHMR_HANDLE } else { SHMR_NOT_LENT };
            return is(shmr_commit(h(self.tx), amount.of(1)).into(), &[expected]);
        };
        let amount = amount.of(reserved);
        if amount > reserved {
            return is(shmr_commit(h(self.tx), amount).into(), &[SHMR_INVALID]);
        }
        let records = match self.messages {
            true => vec![self.record(amount)],
            false => (0..amount).map(|_| self.record(self.size)).collect(),
        };
        let bytes = records.concat();
        // SAFETY: as much was lent.
        unsafe { bytes.as_ptr().copy_to(room.cast(), bytes.len()) };
        is(shmr_commit(h(self.tx), amount).into(), &[0]);
        self.reserved = None;
        self.queue.extend(records);
    }

    fn pop(&mut self, place: Place, wait: bool) {
        let next = self.queue.front().map_or(self.size, Vec::len);
        let (null_address, room, bytes) = match place {
            Place::Right => (false, next, next),
            Place::Long(len) => (false, len.into(), len.into()),
            Place::Null => (true, next.max(1), 0),
            Place::Huge => (false, usize::MAX, 1),
        };
        let mut buffer = vec![0xee; bytes].into_boxed_slice();
        let address = if null_address { std::ptr::null_mut() } else { buffer.as_mut_ptr().cast() };
        // SAFETY: what is not refused has room for as much as it says.
        let answer = unsafe { shmr_pop(h(self.rx), address, room, time(wait)) };
        let wrong = match place {
            Place::Null | Place::Huge => Some(SHMR_INVALID),
            _ if !self.messages && room < self.size => Some(SHMR_TOO_SMALL),
            _ => None,
        };
        match (self.refused(false).or(wrong), self.queue.front()) {
            (Some(code), _) => is(answer, &[code]),
            (None, None) => is(answer, NONE_NOW),
            (None, Some(record)) if record.len() > room => is(answer, &[SHMR_TOO_SMALL]),
            (None, Some(record)) => {
                assert_eq!(answer, record.len() as i64);
                assert_eq!(buffer[..record.len()], **record);
                assert!(buffer[record.len()..].iter().all(|byte| *byte == 0xee));
                self.queue.pop_front();
                return;
            }
        }
        assert!(buffer.iter().all(|byte| *byte == 0xee), "touched");
    }

    fn pop_many(&mut self, count: usize, room: usize, wait: bool) {
        let answer;
        let taken: Vec<Vec<u8>>;
        let whole = if self.messages { room } else { count * self.size };
        let mut buffer = vec![0; whole].into_boxed_slice();
        let address = buffer.as_mut_ptr().cast();
        if self.messages {
            let mut spans = vec![Span { data: null(), len: 0 }; count].into_boxed_slice();
            let (to, rx) = (spans.as_mut_ptr(), h(self.rx));
            // SAFETY: all of it is as long as it says.
            answer = unsafe { shmr_pop_messages(rx, address, room, to, count, time(wait)) };
            let found = &spans[..usize::try_from(answer).unwrap_or(0)];
            // SAFETY: it says that they stand there.
            let bytes =
                |span: &Span| unsafe { std::slice::from_raw_parts(span.data.cast(), span.len) };
            taken = found.iter().map(|span| bytes(span).to_vec()).collect();
        } else {
            // SAFETY: as above.
            answer = unsafe { shmr_pop_values(h(self.rx), address, count, time(wait)) };
            let found = usize::try_from(answer).unwrap_or(0);
            taken = buffer.chunks(self.size).take(found).map(<[u8]>::to_vec).collect();
        }
        match self.refused(false) {
            Some(code) => is(answer, &[code]),
            None if count == 0 => assert_eq!(answer, 0),
            None if self.queue.is_empty() => is(answer, NONE_NOW),
            None if self.messages && self.queue[0].len() > room => is(answer, &[SHMR_TOO_SMALL]),
            None => {
                assert!(answer > 0 && self.queue.len() >= taken.len(), "{answer}");
                assert!(self.messages || taken.len() == count.min(self.queue.len()));
                taken
                    .iter()
                    .for_each(|record| assert_eq!(Some(record), self.queue.pop_front().as_ref()));
            }
        }
    }

    fn peek(&mut self, max: usize) {
        let (answer, found): (i64, Vec<Vec<u8>>);
        let copy = |data: *const c_void, len| {
            // SAFETY: as much is lent.
            unsafe { std::slice::from_raw_parts(data.cast::<u8>(), len) }.to_vec()
        };
        if self.messages {
            let mut spans = vec![Span { data: null(), len: 0 }; max].into_boxed_slice();
            // SAFETY: there is as much room as it says.
            answer = unsafe { shmr_peek_messages(h(self.rx), spans.as_mut_ptr(), max, 0) };
            let lent = &spans[..usize::try_from(answer).unwrap_or(0)];
            found = lent.iter().map(|span| copy(span.data, span.len)).collect();
        } else {
            let mut address = MaybeUninit::new(null());
            answer = shmr_peek_values(h(self.rx), Some(&mut address), max, 0);
            // SAFETY: it was given a value.
            let address: *const c_void = unsafe { address.assume_init() };
            let lent = usize::try_from(answer).unwrap_or(0);
            let at = |index| address.wrapping_byte_add(index * self.size);
            found = (0..lent).map(|index| copy(at(index), self.size)).collect();
        }
        match self.refused(false) {
            Some(code) => is(answer, &[code]),
            None if max == 0 => assert_eq!(answer, 0),
            None if self.queue.is_empty() => is(answer, NONE_NOW),
            None => {
                assert_eq!(found.len(), max.min(self.queue.len()));
                assert!(found.iter().eq(self.queue.iter().take(max)));
                self.peeked = Some(found.len());
            }
        }
    }

    fn release(&mut self, count: Number) {
        let Some(peeked) = self.peeked.filter(|_| !self.rx.is_null()) else {
            let expected = if self.rx.is_null() { SHMR_HANDLE } else { SHMR_NOT_LENT };
            return is(shmr_release(h(self.rx), count.of(1)), &[expected]);
        };
        let count = count.of(peeked);
        let answer = shmr_release(h(self.rx), count);
        if count > peeked {
            return is(answer, &[SHMR_INVALID]);
        }
        assert_eq!(answer, count as i64);
        self.queue.drain(..count);
        self.peeked = None;
    }

    fn release_to(&mut self, ahead: Number) {
        let mut position = MaybeUninit::new(0);
        known(shmr_consumer_position(h(self.rx), Some(&mut position)).into());
        // SAFETY: it was given a value.
        let position = unsafe { position.assume_init() };
        let to = position.wrapping_add(ahead.of(self.size) as u64);
        let answer = shmr_release_to(h(self.rx), to);
        match self.refused(false) {
            Some(code) => is(answer, &[code]),
            None if answer < 0 => is(answer, &[SHMR_NOT_A_BOUNDARY]),
            None => drop(self.queue.drain(..answer as usize)),
        }
    }

    fn wait_any(&mut self, twice: bool, both: bool, peer: bool) {
        let end = |producer, consumer| shmr_end {
            producer: h(producer),
            consumer: h(consumer),
            awaits_peer: peer.into(),
            unused: 0,
        };
        let mut ends = vec![end(null(), self.rx), end(self.tx, null())];
        if twice {
            ends.push(end(self.tx, null()));
        }
        if both {
            ends.push(end(self.tx, self.rx));
        }
        // SAFETY: they are as many as it says.
        let answer = known(unsafe { shmr_wait_any(ends.as_ptr(), ends.len(), 0) });
        let whole = !self.tx.is_null() && !self.rx.is_null();
        let free = self.reserved.is_none() && self.peeked.is_none();
        if whole && free && !twice && !both {
            assert!((0..2).contains(&answer) || answer == i64::from(SHMR_TIMED_OUT), "{answer}");
        } else {
            assert!(answer < 0 && answer != i64::from(SHMR_TIMED_OUT), "{answer}");
        }
    }

    fn ask(&mut self, which: u8) {
        let (mut peer, mut stats) = (MaybeUninit::uninit(), MaybeUninit::uninit());
        let mut number = MaybeUninit::uninit();
        let (tx, rx) = (h(self.tx), h(self.rx));
        let (answer, handle) = match which % 12 {
            0 => (shmr_producer_peer(tx, Some(&mut peer)).into(), tx),
            1 => (shmr_consumer_peer(rx, Some(&mut peer)).into(), rx),
            2 => (shmr_producer_stats(tx, Some(&mut stats)).into(), tx),
            3 => (shmr_consumer_stats(rx, Some(&mut stats)).into(), rx),
            4 => (shmr_producer_position(tx, Some(&mut number)).into(), tx),
            5 => (shmr_consumer_session(rx, Some(&mut number)).into(), rx),
            6 => (shmr_producer_is_closed(tx).into(), tx),
            7 => (shmr_consumer_is_closed(rx).into(), rx),
            8 => (shmr_unread(rx), rx),
            9 => (shmr_count_dropped(tx, u64::MAX).into(), tx),
            10 => (shmr_producer_has_lost_its_name(tx).into(), tx),
            _ => (shmr_consumer_capacity(rx), rx),
        };
        known(answer);
        assert_eq!(answer < 0, handle.is_none(), "{answer}");
    }

    fn close(&mut self, producer: bool) {
        let handle = if producer { &mut self.tx } else { &mut self.rx };
        let handle = std::mem::replace(handle, null());
        let answer = match producer {
            true => shmr_producer_close(h(handle)),
            false => shmr_consumer_close(h(handle)),
        };
        is(answer.into(), &[0]);
        // What was lent is published or released by nobody.
        match producer {
            true => self.reserved = None,
            false => self.peeked = None,
        }
        if !handle.is_null() {
            self.old.push(handle);
        }
    }

    fn attach(&mut self, producer: bool) {
        let (handle, made) = match producer {
            true => (&mut self.tx, make(|out| shmr_ring_producer(h(self.ring), out))),
            false => (&mut self.rx, make(|out| shmr_ring_consumer(h(self.ring), out))),
        };
        match made {
            Ok(made) => {
                assert!(handle.is_null(), "two of one role");
                *handle = made;
            }
            Err(code) => {
                assert_eq!(code, SHMR_ROLE_TAKEN);
                assert!(!handle.is_null());
            }
        }
    }

    /// Calls on what is no handle of their kind.
    fn wrong(&mut self, which: u8, old: usize) {
        // Those closed last are told; the others may be somebody else's again.
        let told = &self.old[self.old.len().saturating_sub(TOLD)..];
        let handle = match old.checked_rem(told.len() + 1) {
            Some(index) if index < told.len() => told[index],
            _ => self.ring,
        };
        let mut byte = [0_u8; 1];
        let to = byte.as_mut_ptr().cast();
        let handle = h(handle);
        let answer = match which % 10 {
            // SAFETY: one byte is there.
            0 => unsafe { shmr_push(handle, to, 1, 0) }.into(),
            // SAFETY: one byte is there.
            1 => unsafe { shmr_pop(handle, to, 1, 0) },
            2 => shmr_commit(handle, 1).into(),
            3 => shmr_release(handle, 1),
            4 => shmr_producer_close(handle).into(),
            5 => shmr_consumer_close(handle).into(),
            6 => shmr_interrupt_raise(handle).into(),
            7 => shmr_latest_close(handle).into(),
            // SAFETY: one byte is there.
            8 => unsafe { shmr_read(handle, to, 1) }.into(),
            _ => shmr_producer_is_closed(handle).into(),
        };
        is(answer, &[SHMR_HANDLE]);
    }
}

/// What the value of a version holds.
fn version_of(version: u64, size: usize) -> Vec<u8> {
    (0..size).map(|at| (version as u8).wrapping_add(at as u8)).collect()
}

fn play_latest(latest: H, size: usize, calls: &[Call]) {
    let mut writer = make(|out| shmr_latest_writer(h(latest), out)).unwrap();
    let reader = make(|out| shmr_latest_reader(h(latest), out)).unwrap();
    let mut written = 0_u64;
    for call in calls.iter().take(CALLS) {
        match *call {
            Call::Write { place } => {
                let (len, value) = match place {
                    Place::Right => (size, version_of(written + 1, size)),
                    Place::Long(len) => (len.into(), version_of(written + 1, len.into())),
                    Place::Null => (size, Vec::new()),
                    Place::Huge => (usize::MAX, vec![0]),
                };
                let address = if value.is_empty() { null() } else { value.as_ptr().cast() };
                // SAFETY: what is not refused is as long as it says.
                let answer = unsafe { shmr_write(h(writer), address, len) }.into();
                let expected = match (writer.is_null(), place) {
                    (true, _) => SHMR_HANDLE,
                    (_, Place::Null | Place::Huge) => SHMR_INVALID,
                    _ if len != size => SHMR_WRONG_LENGTH,
                    _ => 0,
                };
                is(answer, &[expected]);
                written += u64::from(answer == 0);
            }
            Call::Read { place, which } => read_latest(reader, size, written, place, which),
            Call::Close { .. } => {
                is(shmr_writer_close(h(writer)).into(), &[0]);
                writer = null();
            }
            Call::Attach { .. } => match make(|out| shmr_latest_writer(h(latest), out)) {
                Ok(next) => writer = next,
                Err(code) => assert!(code == SHMR_ROLE_TAKEN && !writer.is_null()),
            },
            Call::Skip => is(shmr_start_at_oldest(h(reader)).into(), &[0]),
            _ => {}
        }
    }
    is(shmr_writer_close(h(writer)).into(), &[0]);
    is(shmr_reader_close(h(reader)).into(), &[0]);
    is(shmr_latest_close(h(latest)).into(), &[0]);
}

fn read_latest(reader: H, size: usize, written: u64, place: Place, which: u8) {
    let (room, bytes) = match place {
        Place::Right => (size, size),
        Place::Long(len) => (len.into(), len.into()),
        Place::Null => (size, 0),
        Place::Huge => (usize::MAX, 1),
    };
    let mut value = vec![0xee; bytes].into_boxed_slice();
    let is_null = matches!(place, Place::Null);
    let to = if is_null { std::ptr::null_mut() } else { value.as_mut_ptr().cast() };
    // SAFETY: what is not refused has room for as much as it says.
    let answer = i64::from(unsafe {
        match which % 3 {
            0 => shmr_read(h(reader), to, room),
            1 => shmr_read_newer(h(reader), to, room, 1),
            _ => shmr_next(h(reader), to, room, 0, None),
        }
    });
    match place {
        Place::Null | Place::Huge => is(answer, &[SHMR_INVALID]),
        _ if room != size => is(answer, &[SHMR_WRONG_LENGTH]),
        _ if answer == 0 => {
            let mut version = MaybeUninit::new(0);
            is(shmr_reader_version(h(reader), Some(&mut version)).into(), &[0]);
            // SAFETY: it was given a value.
            let version = unsafe { version.assume_init() };
            assert!(0 < version && version <= written);
            assert_eq!(*value, *version_of(version, size));
            assert!(which % 3 != 0 || version == written);
            return;
        }
        _ if answer == i64::from(SHMR_LAGGED) => {
            assert!(value.iter().all(|byte| *byte == 0));
            return;
        }
        _ if which % 3 == 0 => {
            assert_eq!(written, 0);
            is(answer, &[SHMR_EMPTY]);
        }
        _ => is(answer, NONE_NOW),
    }
    assert!(value.iter().all(|byte| *byte == 0xee), "touched");
}
