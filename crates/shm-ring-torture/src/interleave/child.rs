//! What each of the two traced processes does: gets ready, runs its operation between two marks, says
//! how it ended, and goes on for some records.
//!
//! Owns: the life of such a process. Knows nothing of: schedules.

use core::hint::black_box;
use core::time::Duration;
use std::rc::Rc;
use std::time::Instant;

use nix::sys::signal::{Signal, raise};
use shm_ring::{Consumer, Error, Options, Peer, PopError, Producer, PushError, Region, Ring, Role};

use super::case::{Case, ITEMS, Op, Outcome, Value, value};
use super::ledger::{Entry, Ledger};

/// Records that go on afterwards.
pub(crate) const AFTERWARDS: u64 = 4;
/// What the other side gets before it counts as hanging.
const LIMIT: Duration = Duration::from_secs(3);

/// Where the ring is.
pub(crate) enum Site {
    Given(Rc<Ring<Value>>),
    Named(String),
}

/// Why a child gave up: its exit code.
#[derive(Clone, Copy, Debug)]
#[repr(i32)]
pub(crate) enum Fault {
    Setup = 60,
    Torn,
    Order,
    PushAfterwards,
    PopAfterwards,
    More,
    Reopen,
}

impl Fault {
    pub(crate) fn explain(code: i32) -> &'static str {
        use Fault::*;
        let all = [
            (Setup, "it could not be set up"),
            (Torn, "a record was torn"),
            (Order, "a record was lost, doubled or out of order"),
            (PushAfterwards, "it could not push afterwards"),
            (PopAfterwards, "it could not pop afterwards"),
            (More, "there was a record too many afterwards"),
            (Reopen, "it could not attach afterwards"),
        ];
        let found = all.into_iter().find(|(fault, _)| *fault as i32 == code);
        found.map_or("an unknown code", |(_, text)| text)
    }
}

/// The options of every ring here. Sides that wait sleep at once.
pub(crate) fn options() -> Options {
    // One thread each: a second one would run while its process is stepped.
    let options = Options::new().wait(shm_ring::Wait::PARK).death_notice(false);
    options.attach_timeout(Duration::ZERO).items(ITEMS as usize)
}

/// A mark that the parent sees: a system call that the library never makes.
#[inline(never)]
fn mark() {
    black_box(nix::unistd::getppid());
}

/// What a side has in its hands.
struct Hand {
    site: Site,
    ring: Option<Rc<Ring<Value>>>,
    tx: Option<Producer<Value>>,
    rx: Option<Consumer<Value>>,
    saw_dead: bool,
}

/// Values on their way in and out, made before the operation so that it does nothing else.
struct Basket {
    /// Those to push, from number `prefill` on.
    out: [Value; ITEMS as usize],
    /// Those that were taken: no more than were there and were pushed.
    taken: Vec<Value>,
}

/// The whole life of side `which`: its exit code.
pub(crate) fn run(case: &Case, which: usize, site: Site, ledger: &Ledger) -> i32 {
    match live(case, which, site, ledger) {
        Ok(()) => 0,
        Err(fault) => fault as i32,
    }
}

fn live(case: &Case, which: usize, site: Site, ledger: &Ledger) -> Result<(), Fault> {
    bound_the_processor_time().map_err(|_| Fault::Setup)?;
    let op = case.ops[which];
    let ring = match &site {
        Site::Given(ring) => Some(ring.clone()),
        Site::Named(_) => None,
    };
    let mut hand = Hand { site, ring, tx: None, rx: None, saw_dead: false };
    if let Some(role) = op.holds() {
        hand.attach(role).map_err(|_| Fault::Setup)?;
        // A predecessor of the other side may well be dead.
        hand.saw_dead = false;
    }
    let out = [0, 1, 2, 3].map(|more| value(case.prefill + more));
    // No allocation while it is stepped.
    let mut basket = Basket { out, taken: Vec::with_capacity(2 * ITEMS as usize) };
    raise(Signal::SIGSTOP).map_err(|_| Fault::Setup)?;

    mark();
    let (outcome, pushed) = operate(op, &mut hand, &mut basket);
    mark();

    let taken = basket.taken.len() as u64;
    for (number, found) in (0..).zip(&basket.taken) {
        check(found, number)?;
    }
    let ring = hand.ring.as_ref().map_or(0, |ring| ring.id());
    let entry = Entry { outcome, pushed, taken, saw_dead: hand.saw_dead, ring };
    ledger.write(which, &entry).map_err(|_| Fault::Setup)?;
    // The parent looks at the ring and says how many records there will be.
    raise(Signal::SIGSTOP).map_err(|_| Fault::Setup)?;

    let goal = ledger.goal().map_err(|_| Fault::Setup)?;
    if hand.tx.is_none() && hand.rx.is_none() {
        hand.attach_patiently(case.then[which])?;
    }
    if let Some(tx) = &mut hand.tx {
        for number in goal - AFTERWARDS..goal {
            go_on(tx, value(number))?;
        }
    }
    if let Some(rx) = &mut hand.rx {
        take_the_rest(rx, taken..goal)?;
    }
    Ok(())
}

/// A child that goes round in circles ends.
fn bound_the_processor_time() -> rustix::io::Result<()> {
    use rustix::process::{Resource, Rlimit, setrlimit};
    setrlimit(Resource::Cpu, Rlimit { current: Some(5), maximum: Some(6) })
}

fn check(found: &Value, number: u64) -> Result<(), Fault> {
    match *found == value(number) {
        true => Ok(()),
        false if (0..number + 8).any(|other| *found == value(other)) => Err(Fault::Order),
        false => Err(Fault::Torn),
    }
}

/// What is stepped. How it ended, and records pushed.
#[inline(never)]
fn operate(op: Op, hand: &mut Hand, basket: &mut Basket) -> (Outcome, u64) {
    let Basket { out, taken } = basket;
    match (op, &mut hand.tx, &mut hand.rx) {
        (Op::Push(count), Some(tx), _) => {
            for (done, item) in (0..count).zip(*out) {
                if let Err(error) = tx.push(item) {
                    return (not_pushed(error), done);
                }
            }
            (Outcome::Done, count)
        }
        (Op::TryPush, Some(tx), _) => pushed(tx.try_push(out[0])),
        (Op::PushClose, Some(tx), _) => {
            let answer = pushed(tx.push(out[0]));
            hand.tx = None;
            answer
        }
        (Op::Pop(count), _, Some(rx)) => {
            for _ in 0..count {
                match rx.pop() {
                    Ok(item) => taken.push(item),
                    Err(error) => return (not_popped(error), 0),
                }
            }
            (Outcome::Done, 0)
        }
        (Op::PopClose, _, Some(rx)) => {
            let answer = popped(rx.pop().map(|item| taken.push(item)));
            hand.rx = None;
            answer
        }
        (Op::TryPop, _, Some(rx)) => popped(rx.try_pop().map(|item| taken.push(item))),
        (Op::AttachPush, None, None) => match hand.attach(Role::Producer) {
            Ok(()) => operate(Op::TryPush, hand, basket),
            failed => (ended(failed), 0),
        },
        (Op::AttachPop(count), None, None) => match (hand.attach(Role::Consumer), &mut hand.rx) {
            (Ok(()), Some(rx)) => {
                popped(rx.try_pop_batch(count as usize, |item| taken.push(item)).map(drop))
            }
            (answer, _) => (ended(answer), 0),
        },
        (Op::Attach(role), None, None) => (ended(hand.attach(role)), 0),
        (Op::Close(role), ..) => {
            match role {
                Role::Producer => hand.tx = None,
                _ => hand.rx = None,
            }
            (Outcome::Done, 0)
        }
        (Op::Create | Op::Open | Op::OpenOrCreate, ..) => (ended(hand.make(op)), 0),
        _ => (Outcome::Other, 0),
    }
}

fn pushed(answer: Result<(), PushError>) -> (Outcome, u64) {
    answer.map_or_else(|error| (not_pushed(error), 0), |()| (Outcome::Done, 1))
}

fn popped(answer: Result<(), PopError>) -> (Outcome, u64) {
    (answer.map_or_else(not_popped, |()| Outcome::Done), 0)
}

fn not_pushed(error: PushError) -> Outcome {
    match error {
        PushError::Full => Outcome::Nothing,
        PushError::Closed => Outcome::Closed,
        PushError::PeerDead => Outcome::PeerDead,
        PushError::Corrupt => Outcome::Corrupt,
        _ => Outcome::Other,
    }
}

fn not_popped(error: PopError) -> Outcome {
    match error {
        PopError::Empty => Outcome::Nothing,
        PopError::Closed => Outcome::Closed,
        PopError::PeerDead => Outcome::PeerDead,
        PopError::Corrupt => Outcome::Corrupt,
        _ => Outcome::Other,
    }
}

fn ended(answer: Result<(), Error>) -> Outcome {
    match answer {
        Ok(()) => Outcome::Done,
        Err(Error::RoleTaken { .. }) => Outcome::RoleTaken,
        Err(Error::NotFound { .. }) => Outcome::NotFound,
        Err(Error::AlreadyExists { .. }) => Outcome::AlreadyExists,
        Err(Error::Corrupt { .. }) => Outcome::Corrupt,
        Err(_) => Outcome::Other,
    }
}

impl Hand {
    /// Takes a role and asks about the other.
    fn attach(&mut self, role: Role) -> Result<(), Error> {
        let Some(ring) = &self.ring else { return Ok(()) };
        let peer = match role {
            Role::Producer => self.tx.insert(ring.producer()?).peer(),
            _ => self.rx.insert(ring.consumer()?).peer(),
        };
        self.saw_dead |= matches!(peer, Peer::Dead { .. });
        Ok(())
    }

    fn make(&mut self, op: Op) -> Result<(), Error> {
        let Site::Named(name) = &self.site else { return Ok(()) };
        let region = Region::named(name.as_str());
        let ring = match op {
            Op::Create => Ring::create(region, &options())?,
            Op::Open => Ring::open_with(region, &options())?,
            _ => Ring::open_or_create(region, &options())?,
        };
        self.ring = Some(Rc::new(ring));
        Ok(())
    }

    /// Takes a role that the other side may be about to leave, of a ring that must be there.
    fn attach_patiently(&mut self, role: Role) -> Result<(), Fault> {
        if self.ring.is_none() {
            self.make(Op::Open).map_err(|_| Fault::Reopen)?;
        }
        patiently(|| match self.attach(role) {
            Err(Error::RoleTaken { .. }) => None,
            answer => Some(answer.map_err(|_| Fault::Reopen)),
        })
        .unwrap_or(Err(Fault::Reopen))
    }
}

/// Tries until there is an answer; `None` if that takes too long.
fn patiently<T>(mut attempt: impl FnMut() -> Option<T>) -> Option<T> {
    let start = Instant::now();
    while start.elapsed() < LIMIT {
        match attempt() {
            None => std::thread::sleep(Duration::from_micros(100)),
            answer => return answer,
        }
    }
    None
}

/// Pushes, whatever became of the consumer before: another one comes.
fn go_on(tx: &mut Producer<Value>, item: Value) -> Result<(), Fault> {
    match patiently(|| Some(tx.try_push(item)).filter(|answer| *answer != Err(PushError::Full))) {
        Some(Ok(())) => Ok(()),
        _ => Err(Fault::PushAfterwards),
    }
}

/// Takes records number so-and-so and finds no more.
fn take_the_rest(rx: &mut Consumer<Value>, numbers: core::ops::Range<u64>) -> Result<(), Fault> {
    for number in numbers {
        match patiently(|| Some(rx.try_pop()).filter(|answer| *answer != Err(PopError::Empty))) {
            Some(Ok(item)) => check(&item, number)?,
            _ => return Err(Fault::PopAfterwards),
        }
    }
    match rx.try_pop() {
        Err(PopError::Empty) => Ok(()),
        _ => Err(Fault::More),
    }
}
