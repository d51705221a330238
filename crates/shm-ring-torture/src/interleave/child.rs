//! What each of the two traced processes does: gets ready, runs its operation between two marks, says
//! how it ended, and goes on for some records.
//!
//! Owns: the life of such a process. Knows nothing of: schedules.

use core::hint::black_box;
use core::time::Duration;
use std::rc::Rc;
use std::time::Instant;

use nix::sys::signal::{Signal, raise};
use shm_ring::{Error, Options, Peer, PopError, PushError, Region, Role, Threshold, Wait};

use super::case::{CAPACITY, Case, ITEMS, Kind, Op, Outcome};
use super::ledger::{Entry, Ledger};
use super::payload::{Lengths, Payload, bytes, make};

/// Records that go on afterwards.
pub(crate) const AFTERWARDS: u64 = 4;
/// What the other side gets before it counts as hanging.
const LIMIT: Duration = Duration::from_secs(3);

/// Where the ring is.
pub(crate) enum Site<P: Payload> {
    Given(Rc<P::Ring>),
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
pub(crate) fn options(kind: Kind) -> Options {
    // One thread each: a second one would run while its process is stepped.
    let options =
        Options::new().wait(Wait::PARK).death_notice(false).attach_timeout(Duration::ZERO);
    match kind {
        Kind::Values(_) => options.items(ITEMS as usize),
        Kind::Messages(..) => options.bytes(CAPACITY as usize),
    }
}

/// A mark that the parent sees: a system call that the library never makes.
#[inline(never)]
fn mark() {
    black_box(nix::unistd::getppid());
}

/// What a side has in its hands.
struct Hand<P: Payload> {
    site: Site<P>,
    ring: Option<Rc<P::Ring>>,
    kind: Kind,
    tx: Option<P::Producer>,
    rx: Option<P::Consumer>,
    saw_dead: bool,
}

/// Records on their way in and out, made before the operation so that it does nothing else.
struct Basket<P: Payload> {
    /// Those to push, from number `prefill` on.
    out: Vec<P::Held>,
    /// Places for those that are taken.
    taken: Vec<P::Held>,
}

/// The whole life of side `which`: its exit code.
pub(crate) fn run<P: Payload>(
    case: &Case,
    lengths: Lengths,
    which: usize,
    site: Site<P>,
    ledger: &Ledger,
) -> i32 {
    match live(case, lengths, which, site, ledger) {
        Ok(()) => 0,
        Err(fault) => fault as i32,
    }
}

fn live<P: Payload>(
    case: &Case,
    lengths: Lengths,
    which: usize,
    site: Site<P>,
    ledger: &Ledger,
) -> Result<(), Fault> {
    bound_the_processor_time().map_err(|_| Fault::Setup)?;
    let op = case.ops[which];
    let ring = match &site {
        Site::Given(ring) => Some(ring.clone()),
        Site::Named(_) => None,
    };
    let mut hand = Hand { site, ring, kind: case.kind, tx: None, rx: None, saw_dead: false };
    if let Some(role) = op.holds() {
        hand.attach(role).map_err(|_| Fault::Setup)?;
        // A predecessor of the other side may well be dead.
        hand.saw_dead = false;
    }
    if let (Op::PopThreshold(bytes), Some(rx)) = (op, &mut hand.rx) {
        P::set_threshold(rx, Some(Threshold::bytes(bytes, Duration::from_secs(60))));
    }
    let out = (case.prefill..case.prefill + 4).map(|number| make::<P>(number, lengths)).collect();
    let taken = (0..case.prefill + 8).map(|_| P::place()).collect();
    let mut basket = Basket { out, taken };
    raise(Signal::SIGSTOP).map_err(|_| Fault::Setup)?;

    mark();
    let answer = operate(op, &mut hand, &mut basket);
    mark();

    let (outcome, pushed, taken) = answer;
    for (number, held) in (0..).zip(&basket.taken[..taken as usize]) {
        check::<P>(held, number, lengths)?;
    }
    let ring = hand.ring.as_ref().map_or(0, |ring| P::id(ring));
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
            go_on::<P>(tx, &make::<P>(number, lengths))?;
        }
    }
    if let Some(rx) = &mut hand.rx {
        P::set_threshold(rx, None);
        take_the_rest::<P>(rx, taken..goal, lengths)?;
    }
    Ok(())
}

/// A child that goes round in circles ends.
fn bound_the_processor_time() -> rustix::io::Result<()> {
    use rustix::process::{Resource, Rlimit, setrlimit};
    setrlimit(Resource::Cpu, Rlimit { current: Some(5), maximum: Some(6) })
}

fn check<P: Payload>(held: &P::Held, number: u64, lengths: Lengths) -> Result<(), Fault> {
    let is = |number| P::bytes(held) == bytes(number, P::len(number, lengths));
    match is(number) {
        true => Ok(()),
        false if (0..number + 8).any(is) => Err(Fault::Order),
        false => Err(Fault::Torn),
    }
}

/// What is stepped. How it ended, records pushed, records taken.
#[inline(never)]
fn operate<P: Payload>(op: Op, hand: &mut Hand<P>, basket: &mut Basket<P>) -> (Outcome, u64, u64) {
    let Basket { out, taken } = basket;
    match (op, &mut hand.tx, &mut hand.rx) {
        (Op::Push(count), Some(tx), _) => {
            for (done, held) in (0..count).zip(out.iter()) {
                if let Err(error) = P::push(tx, held) {
                    return (not_pushed(error), done, 0);
                }
            }
            (Outcome::Done, count, 0)
        }
        (Op::TryPush, Some(tx), _) => pushed(P::try_push(tx, &out[0]).map(|()| 1)),
        (Op::PushClose, Some(tx), _) => {
            let answer = pushed(P::push(tx, &out[0]).map(|()| 1));
            hand.tx = None;
            answer
        }
        (Op::PushBatch(count), Some(tx), _) => pushed(P::push_batch(tx, &out[..count as usize])),
        (Op::PushSlice(count), Some(tx), _) => pushed(P::push_slice(tx, &out[..count as usize])),
        (Op::ReserveCommit(count), Some(tx), _) => {
            pushed(P::reserve_commit(tx, &out[..count as usize]))
        }
        (Op::Pop(count), _, Some(rx)) => {
            for (done, place) in (0..count).zip(taken.iter_mut()) {
                if let Err(error) = P::pop(rx, place) {
                    return (not_popped(error), 0, done);
                }
            }
            (Outcome::Done, 0, count)
        }
        (Op::PopThreshold(_), _, Some(rx)) => popped(P::pop(rx, &mut taken[0]).map(|()| 1)),
        (Op::TryPop, _, Some(rx)) => popped(P::try_pop(rx, &mut taken[0]).map(|()| 1)),
        (Op::PopBatch(count), _, Some(rx)) => {
            popped(P::pop_batch(rx, &mut taken[..count as usize]))
        }
        (Op::PopSlice(count), _, Some(rx)) => {
            popped(P::pop_slice(rx, &mut taken[..count as usize]))
        }
        (Op::PeekRelease(count), _, Some(rx)) => {
            popped(P::peek_release(rx, &mut taken[..count as usize]))
        }
        (Op::AttachPush, None, None) => match hand.attach(Role::Producer) {
            Ok(()) => operate(Op::TryPush, hand, basket),
            failed => (ended(failed), 0, 0),
        },
        (Op::AttachPop(count), None, None) => match (hand.attach(Role::Consumer), &mut hand.rx) {
            (Ok(()), Some(rx)) => popped(P::try_pop_batch(rx, &mut taken[..count as usize])),
            (answer, _) => (ended(answer), 0, 0),
        },
        (Op::Attach(role), None, None) => (ended(hand.attach(role)), 0, 0),
        (Op::Close(role), ..) => {
            match role {
                Role::Producer => hand.tx = None,
                _ => hand.rx = None,
            }
            (Outcome::Done, 0, 0)
        }
        (Op::Create | Op::Open | Op::OpenOrCreate, ..) => (ended(hand.make(op)), 0, 0),
        _ => (Outcome::Other, 0, 0),
    }
}

fn pushed(answer: Result<usize, PushError>) -> (Outcome, u64, u64) {
    let done = |count| (Outcome::Done, count as u64, 0);
    answer.map_or_else(|error| (not_pushed(error), 0, 0), done)
}

fn popped(answer: Result<usize, PopError>) -> (Outcome, u64, u64) {
    let done = |count| (Outcome::Done, 0, count as u64);
    answer.map_or_else(|error| (not_popped(error), 0, 0), done)
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

impl<P: Payload> Hand<P> {
    /// Takes a role and asks about the other.
    fn attach(&mut self, role: Role) -> Result<(), Error> {
        let Some(ring) = &self.ring else { return Ok(()) };
        let peer = match role {
            Role::Producer => P::peer_of_producer(self.tx.insert(P::producer(ring)?)),
            _ => P::peer_of_consumer(self.rx.insert(P::consumer(ring)?)),
        };
        self.saw_dead |= matches!(peer, Peer::Dead { .. });
        Ok(())
    }

    fn make(&mut self, op: Op) -> Result<(), Error> {
        let Site::Named(name) = &self.site else { return Ok(()) };
        let region = Region::named(name.as_str());
        let ring = match op {
            Op::Create => P::create(region, &options(self.kind))?,
            Op::Open => P::open(region, &options(self.kind))?,
            _ => P::open_or_create(region, &options(self.kind))?,
        };
        self.ring = Some(Rc::new(ring));
        Ok(())
    }

    /// Takes a role that the other side may be about to leave, of a ring that must be there.
    fn attach_patiently(&mut self, role: Role) -> Result<(), Fault> {
        if self.ring.is_none() {
            self.make(Op::Open).map_err(|_| Fault::Reopen)?;
        }
        let start = Instant::now();
        loop {
            match self.attach(role) {
                Ok(()) => return Ok(()),
                Err(Error::RoleTaken { .. }) if start.elapsed() < LIMIT => {
                    std::thread::sleep(Duration::from_millis(1));
                }
                Err(_) => return Err(Fault::Reopen),
            }
        }
    }
}

/// Pushes, whatever became of the consumer before: another one comes.
fn go_on<P: Payload>(tx: &mut P::Producer, held: &P::Held) -> Result<(), Fault> {
    let start = Instant::now();
    loop {
        match P::try_push(tx, held) {
            Ok(()) => return Ok(()),
            Err(PushError::Full) if start.elapsed() < LIMIT => {
                std::thread::sleep(Duration::from_micros(100));
            }
            Err(_) => return Err(Fault::PushAfterwards),
        }
    }
}

/// Takes records number so-and-so and finds no more.
fn take_the_rest<P: Payload>(
    rx: &mut P::Consumer,
    numbers: core::ops::Range<u64>,
    lengths: Lengths,
) -> Result<(), Fault> {
    let start = Instant::now();
    let mut held = P::place();
    for number in numbers {
        loop {
            match P::try_pop(rx, &mut held) {
                Ok(()) => break,
                Err(PopError::Empty) if start.elapsed() < LIMIT => {
                    std::thread::sleep(Duration::from_micros(100));
                }
                Err(_) => return Err(Fault::PopAfterwards),
            }
        }
        check::<P>(&held, number, lengths)?;
    }
    match P::try_pop(rx, &mut held) {
        Err(PopError::Empty) => Ok(()),
        _ => Err(Fault::More),
    }
}
