//! Children: what one that is forked inherits is not its own. It holds no role, reaches no ring, and ends nothing of its
//! parent's, whatever it does with its copies, whatever its number, and however the parent ends.

use std::process::Stdio;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal};
use shm_ring::{
    Consumer, Error, Latest, LatestWriter, MessageRing, Options, Peer, PopError, Process, Producer,
    PushError, Region, Ring, WaitAnyError, wait_any,
};

use crate::alone::Fork;
use crate::harness::{Child, Home, LIMIT, Name, SOON, root_or_skip, until};
use crate::system;

/// Whether a fork of this process came to the end of `child`.
fn in_child(fork: impl FnOnce() -> Option<i32>, child: impl FnOnce()) -> bool {
    Fork::new(fork, child).ended().success()
}

/// Job: has a child do all it can with what it inherits.
pub(crate) fn misused_by_a_child(mut home: Home) {
    let ring = Ring::<u64>::create(Region::memfd("forks"), &Options::new()).unwrap();
    let (mut tx, mut rx) = (ring.producer().unwrap(), ring.consumer().unwrap());
    let latest = Latest::<u64>::create(Region::memfd("forks"), &Options::new()).unwrap();
    let (mut writer, mut reader) = (latest.writer().unwrap(), latest.reader().unwrap());
    writer.write(7);
    tx.push_slice(&[1, 2, 3]).unwrap();
    assert_eq!(rx.pop(), Ok(1));
    let mut left = Some((tx, rx, writer));
    let misuse = || {
        let (mut tx, mut rx, mut writer) = left.take().unwrap();
        for n in 0..10_000 {
            let _ = tx.try_push(100 + n);
            let _ = tx.try_push_slice(&[100; 9]);
            let _ = rx.try_pop();
            writer.write(100 + n);
        }
        // Its parent's value is there to be read all the same.
        assert_eq!(reader.read(), Ok(7));
        // And the roles of another ring, and of this one once it is free, are there to be taken.
        let own = Ring::<u64>::create(Region::memfd("own"), &Options::new()).unwrap();
        let (mut ours, mut theirs) = (own.producer().unwrap(), own.consumer().unwrap());
        ours.push(9).unwrap();
        assert_eq!(theirs.pop(), Ok(9));
        assert!(matches!(ring.producer(), Err(Error::RoleTaken { .. })));
        drop((tx, rx, writer));
        assert!(matches!(ring.producer(), Err(Error::RoleTaken { .. })));
        assert!(matches!(latest.writer(), Err(Error::RoleTaken { .. })));
    };
    assert!(in_child(system::fork, misuse), "the child failed");
    let (mut tx, mut rx, mut writer) = left.take().unwrap();
    assert!(matches!(rx.peer(), Peer::Alive { session: 1, .. }), "{:?}", rx.peer());
    tx.push(4).unwrap();
    let popped: Vec<_> = (0..4).map(|_| rx.try_pop()).collect();
    assert_eq!(popped, [Ok(2), Ok(3), Ok(4), Err(PopError::Empty)]);
    assert_eq!(latest.reader().unwrap().read(), Ok(7));
    writer.write(8);
    assert_eq!(latest.reader().unwrap().read(), Ok(8));
    tx.close();
    assert_eq!(rx.pop(), Err(PopError::Closed));
    home.say("unharmed");
}

#[test]
fn a_child_changes_nothing_whatever_it_does_with_its_copies() {
    let mut child = Child::spawn("misused-by-a-child", &[]);
    child.expect("unharmed");
    child.finish();
}

fn unseen() {
    panic!("a child is shown something")
}

/// Job: has a child call whatever there is, on rings that are empty, half full and full.
pub(crate) fn refused_to_a_child(mut home: Home) {
    for unread in [0, 1, 5, 64] {
        let options = Options::new().items(64);
        let ring = Ring::<u64>::create(Region::memfd("refused"), &options).unwrap();
        let (mut tx, mut rx) = (ring.producer().unwrap(), ring.consumer().unwrap());
        tx.push_slice(&vec![7; unread]).unwrap();
        // So that the consumer knows of some.
        let _ = rx.try_peek(unread / 2);
        let now = Duration::ZERO;
        let child = || {
            let pushed = [
                tx.try_push(1),
                tx.push(1),
                tx.push_timeout(1, now),
                tx.try_push_slice(&[1; 3]).map(drop),
                tx.push_slice(&[1; 3]).map(drop).map_err(|failed| failed.error),
                tx.try_push_batch([1, 2]).map(drop),
                tx.push_batch([1, 2]).map(drop).map_err(|failed| failed.error),
                tx.push_all(&[1, 2]),
                tx.try_reserve(2).map(drop),
                tx.reserve(2).map(drop),
                tx.wait(64, None),
            ];
            // Room for as many may be known.
            let pushed = &pushed[..if unread == 0 { 10 } else { 11 }];
            assert!(pushed.iter().all(|one| *one == Err(PushError::Forked)), "{pushed:?}");
            let mut items = [0; 4];
            let popped = [
                rx.try_pop().map(drop),
                rx.pop().map(drop),
                rx.pop_timeout(now).map(drop),
                rx.pop_into(&mut items[0]),
                rx.try_pop_slice(&mut items).map(drop),
                rx.pop_slice(&mut items).map(drop),
                rx.try_pop_batch(4, |_| unseen()).map(drop),
                rx.pop_batch(4, |_| unseen()).map(drop),
                rx.try_peek(4).map(drop),
                rx.peek(4).map(drop),
                rx.wait(64, None),
                rx.iter().next().unwrap().map(drop),
            ];
            assert!(popped.iter().all(|one| *one == Err(PopError::Forked)), "{popped:?}");
            assert_eq!(wait_any(&mut [&mut rx, &mut tx], None), Err(WaitAnyError::Forked));
            assert_eq!(rx.wait_for_peer(Duration::MAX), Peer::Absent);
            assert_eq!(tx.peer(), Peer::Absent);
        };
        assert!(in_child(system::fork, child), "with {unread} unread");
        let messages = MessageRing::create(Region::memfd("refused"), &Options::new()).unwrap();
        let (mut tx, mut rx) = (messages.producer().unwrap(), messages.consumer().unwrap());
        (0..unread).for_each(|_| tx.push(b"a message").unwrap());
        let _ = rx.try_peek(1);
        let child = || {
            let pushed = [
                tx.try_push(b"another"),
                tx.push(&[1; 100]),
                tx.try_push_batch(&["one", "two"]).map(drop),
                tx.try_push_all(&["one", "two"]),
                tx.try_push_vectored(&[&b"one"[..], b"two"]),
                tx.try_reserve(9).map(drop),
            ];
            assert!(pushed.iter().all(|one| *one == Err(PushError::Forked)), "{pushed:?}");
            let popped = [
                rx.try_pop().map(drop),
                rx.pop().map(drop),
                rx.pop_to(&mut [0; 9]).map(drop),
                rx.try_pop_batch(4, |_| unseen()).map(drop),
                rx.try_peek(4).map(drop),
                rx.wait(2, None),
            ];
            assert!(popped.iter().all(|one| *one == Err(PopError::Forked)), "{popped:?}");
        };
        assert!(in_child(system::fork, child), "with {unread} messages unread");
    }
    home.say("refused");
}

#[test]
fn a_child_is_refused_whatever_it_calls() {
    let mut child = Child::spawn("refused-to-a-child", &[]);
    child.expect("refused");
    child.finish();
}

/// Job: has children drop what they inherit.
pub(crate) fn dropped_by_children(mut home: Home) {
    let name = home.argument(0).to_owned();
    let mut left = Some(Held::new(&name));
    for fork in [system::fork, || system::clone_without_handlers(false)] {
        assert!(in_child(fork, || drop(left.take())), "the child failed");
        left.as_mut().unwrap().check(&name);
    }
    // One that was made without handlers has a table of its own: its children close nothing that is not theirs.
    let own = || {
        let tx = Producer::<u64>::create(Region::memfd("own"), &Options::new()).unwrap();
        let files = || std::fs::read_dir("/proc/self/fd").unwrap().count();
        let before = files();
        assert!(in_child(system::fork, || assert_eq!(files() + 1, before, "but for one lease")));
        drop(tx);
    };
    assert!(in_child(|| system::clone_without_handlers(false), own));
    // One that keeps its copies, for as long as it lives.
    let Some(pid) = system::clone_without_handlers(false) else {
        std::thread::sleep(LIMIT);
        system::exit_now(0);
    };
    let Held { tx, ring, .. } = left.take().unwrap();
    tx.close();
    assert!(ring.producer().is_ok(), "a copy keeps a role that was given up");
    rustix::process::kill_process(Pid::from_raw(pid).unwrap(), Signal::KILL).unwrap();
    system::wait_for(pid);
    home.say("unharmed");
}

/// All that a child can inherit.
struct Held {
    tx: Producer<u64>,
    rx: Consumer<u64>,
    writer: LatestWriter<u64>,
    ring: Ring<u64>,
}

impl Held {
    fn new(name: &str) -> Self {
        let ring = Ring::<u64>::create(name, &Options::new().unlink_on_drop()).unwrap();
        let latest = Latest::<u64>::create(Region::memfd("forks"), &Options::new()).unwrap();
        let (tx, rx) = (ring.producer().unwrap(), ring.consumer().unwrap());
        Self { tx, rx, writer: latest.writer().unwrap(), ring }
    }

    fn check(&mut self, name: &str) {
        let Self { tx, rx, writer, ring } = self;
        assert!(matches!(rx.peer(), Peer::Alive { session: 1, .. }), "{:?}", rx.peer());
        assert!(matches!(ring.producer(), Err(Error::RoleTaken { .. })));
        assert!(Ring::<u64>::open(name).is_ok(), "the name is gone");
        tx.push(2).unwrap();
        assert_eq!((rx.pop(), rx.try_pop()), (Ok(2), Err(PopError::Empty)));
        writer.write(7);
        assert_eq!(writer.session(), 1);
    }
}

#[test]
fn a_child_drops_nothing_of_its_parents_however_it_was_made() {
    let name = Name::new("drops");
    let mut child = Child::spawn("dropped-by-children", &[name.as_str()]);
    child.expect("unharmed");
    child.finish();
}

/// Job: has a child that is process 1 too drop what it inherits.
pub(crate) fn dropped_by_process_1(mut home: Home) {
    // Process 1 of a container.
    let container = system::clone_without_handlers(true);
    if let Some(pid) = container {
        assert_eq!(system::wait_for(pid), 0);
        return;
    }
    let ended = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        assert_eq!(std::process::id(), 1);
        let name = home.argument(0).to_owned();
        let mut left = Some(Held::new(&name));
        let drops = || {
            assert_eq!(std::process::id(), 1);
            drop(left.take());
        };
        assert!(in_child(|| system::clone_without_handlers(true), drops));
        left.as_mut().unwrap().check(&name);
        home.say("unharmed");
    }));
    system::exit_now(i32::from(ended.is_err()));
}

#[test]
fn a_child_with_its_parents_number_drops_nothing_of_its_parents() {
    if root_or_skip("a pid namespace") {
        let name = Name::new("number");
        let mut child = Child::spawn("dropped-by-process-1", &[name.as_str()]);
        child.expect("unharmed");
        child.finish();
    }
}

/// Job: attaches to a number of rings, while another thread forks children that live on.
pub(crate) fn attaching_beside_forks(mut home: Home) {
    let (name, rings) = (home.argument(0).to_owned(), home.number(1));
    let forking = std::thread::spawn(|| {
        for _ in 0..200 {
            if system::fork().is_none() {
                // It lives on after its parent, for a while.
                rustix::process::set_parent_process_death_signal(None).unwrap();
                let parent = rustix::process::getppid();
                while rustix::process::getppid() == parent {
                    std::thread::sleep(Duration::from_millis(20));
                }
                std::thread::sleep(2 * SOON);
                system::exit_now(0);
            }
        }
    });
    let attach = |n| Producer::<u64>::create(format!("{name}-{n}"), &Options::new()).unwrap();
    let held: Vec<_> = (0..rings).map(attach).collect();
    forking.join().unwrap();
    home.say("forked");
    home.stay();
    drop(held);
}

#[test]
fn no_child_keeps_a_role_whenever_it_was_forked() {
    const RINGS: u64 = 300;
    let name = Name::new("beside-forks");
    let names: Vec<_> = (0..RINGS).map(|n| format!("{}-{n}", name.as_str())).collect();
    let mut child = Child::spawn("attaching-beside-forks", &[name.as_str(), &RINGS.to_string()]);
    child.expect("forked");
    child.kill();
    // A child that has not run yet has not closed anything yet.
    let deadline = Instant::now() + SOON;
    let mut kept = names;
    let mut last = None;
    while !kept.is_empty() && Instant::now() < deadline {
        kept.retain(|name| {
            let removed = Region::named(name.as_str()).unlink_unused(&Options::new());
            removed.map_err(|error| last = Some(error)).is_err()
        });
        std::thread::sleep(Duration::from_millis(1));
    }
    assert!(kept.is_empty(), "{} of {RINGS} roles are held by children: {last:?}", kept.len());
}

/// Job: becomes the producer, and then a daemon, which is refused what it inherits and attaches for itself.
pub(crate) fn daemon_with_an_end(mut home: Home) {
    let name = home.argument(0).to_owned();
    let mut tx = Producer::<u64>::open(name.as_str()).unwrap();
    tx.push(1).unwrap();
    let first = rustix::process::getpid();
    system::become_a_daemon();
    assert_eq!(tx.push(2), Err(PushError::Forked));
    drop(tx);
    // Until then it is alive, and has the role.
    until("what became a daemon has ended", || rustix::process::getppid() != Some(first));
    let mut tx = Producer::<u64>::open(name.as_str()).unwrap();
    tx.push(3).unwrap();
    home.say("attached");
    home.stay();
}

#[test]
fn whoever_becomes_a_daemon_keeps_nothing_and_attaches_anew() {
    let name = Name::new("daemon");
    let ring = Ring::<u64>::create(name.as_str(), &Options::new()).unwrap();
    let mut rx = ring.consumer().unwrap();
    let mut child = Child::spawn("daemon-with-an-end", &[name.as_str()]);
    child.expect("attached");
    assert!(child.status().success(), "what became a daemon has ended");
    assert_eq!((rx.pop(), rx.pop()), (Ok(1), Ok(3)));
    assert!(matches!(rx.peer(), Peer::Alive { session: 3, .. }), "{:?}", rx.peer());
    // The first one never closed.
    assert_eq!(rx.pop(), Err(PopError::PeerDead));
    assert_eq!(rx.pop_timeout(Duration::ZERO), Err(PopError::TimedOut));
}

/// Job: becomes the producer and starts another program, which lives on.
pub(crate) fn start_a_program(mut home: Home) {
    let _tx = Producer::<u64>::open(home.argument(0)).unwrap();
    let mut sleep = std::process::Command::new("sleep");
    let mut program = sleep.arg("60").stdin(Stdio::null()).stdout(Stdio::null()).spawn().unwrap();
    home.say(&program.id().to_string());
    home.stay();
    program.wait().unwrap();
}

/// Job: becomes the producer; a child that shares its memory asks for the same role and ends, between two records.
pub(crate) fn share_memory_with_a_child(mut home: Home) {
    static OWNER: OnceLock<(Process, String)> = OnceLock::new();
    fn child() -> i32 {
        let (owner, name) = OWNER.get().unwrap();
        let taken = Producer::<u64>::open(name.as_str());
        i32::from(!owner.is_this() || !matches!(taken, Err(Error::RoleTaken { .. })))
    }
    let (_, name) = OWNER.get_or_init(|| (Process::this(), home.argument(0).to_owned()));
    let mut tx = Producer::<u64>::open(name.as_str()).unwrap();
    tx.push(1).unwrap();
    for _ in 0..20 {
        assert_eq!(system::in_a_shared_child(child), 0);
    }
    tx.push(2).unwrap();
    home.say("pushed");
    home.stay();
}

/// As `vfork` makes it: it is the same process but for its number, and its end is nobody's.
#[test]
fn a_child_that_shares_the_memory_of_an_owner_ends_nothing() {
    let name = Name::new("shares");
    let ring = Ring::<u64>::create(name.as_str(), &Options::new()).unwrap();
    let mut rx = ring.consumer().unwrap();
    let mut child = Child::spawn("share-memory-with-a-child", &[name.as_str()]);
    child.expect("pushed");
    let pid = Some(child.id());
    assert_eq!(rx.peer(), Peer::Alive { session: 1, pid });
    assert_eq!((rx.pop(), rx.pop()), (Ok(1), Ok(2)));
    child.kill();
    until("the owner is dead", || rx.peer() == Peer::Dead { session: 1, pid, released: true });
    assert_eq!(rx.pop(), Err(PopError::PeerDead));
}

/// Every descriptor is closed as a program is executed.
#[test]
fn a_program_that_an_owner_starts_keeps_nothing_of_it() {
    let name = Name::new("executes");
    let ring = Ring::<u64>::create(name.as_str(), &Options::new()).unwrap();
    let rx = ring.consumer().unwrap();
    let mut child = Child::spawn("start-a-program", &[name.as_str()]);
    let program: i32 = child.hear().parse().unwrap();
    child.kill();
    // Not at once: the child goes on a moment before the kernel closes what closes as it executes.
    let (start, dead) =
        (Instant::now(), Peer::Dead { session: 1, pid: Some(child.id()), released: true });
    while rx.peer() != dead && start.elapsed() < SOON {
        std::thread::sleep(Duration::from_millis(1));
    }
    let (peer, next) = (rx.peer(), ring.producer().map(|tx| tx.session()));
    let program = Pid::from_raw(program).unwrap();
    rustix::process::kill_process(program, Signal::KILL).expect("it was to outlive the owner");
    assert_eq!(peer, dead);
    assert_eq!(next.unwrap(), 3);
}
