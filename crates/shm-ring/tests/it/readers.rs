//! A reader: a process of another user that may open a region for reading and may not write it. What it can do with locks
//! and futexes, and that it can do no more: it ends nobody's session and keeps nobody alive, it loses no record, and what
//! it delays comes within a slice.
//!
//! Owns: SECURITY.md's column of the reader. Knows nothing of: who may not even read (`strangers`).

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use rustix::fs::{FallocateFlags, Mode, OFlags};
use rustix::thread::futex;
use shm_ring::{
    Consumer, Error, Latest, Observer, Options, Peer, PopError, Producer, PushError, ReadError,
    Region, Ring, Role, Wait,
};
use shm_ring_outsider::{BELL, LIVENESS, Mapping, SLEEPS, consumer, page, producer};

use crate::bytes::Bytes;
use crate::harness::{Child, Home, Name, SOON, root_or_skip, until, within};
use crate::system;

/// A user without rights here.
const READER: u32 = 65534;
/// Of locks: to the end of the file, however far that is.
const WHOLE: [u64; 2] = [0, 0];

/// Everybody may read.
fn options() -> Options {
    Options::new().bytes(4096).mode(0o644).wait(Wait::PARK)
}

fn path(name: &str) -> String {
    format!("/dev/shm{name}")
}

/// Job: takes a role, as a producer publishes 1, 2 and 3, and stays. The kernel is to tell of its death if so asked.
pub(crate) fn publish_and_stay(mut home: Home) {
    let options = options().death_notice(home.argument(2) == "told");
    let (name, role) = (home.argument(0).to_owned(), home.argument(1).to_owned());
    let ends = match role.as_str() {
        "producer" => {
            let mut tx = Producer::<u64>::open_with(name, &options).unwrap();
            tx.push_slice(&[1, 2, 3]).unwrap();
            (Some(tx), None)
        }
        _ => (None, Some(Consumer::<u64>::open_with(name, &options).unwrap())),
    };
    home.say("attached");
    home.stay();
    drop(ends);
}

/// Job: as a reader, waits for a lock for reading and keeps it.
pub(crate) fn lock_as_a_reader(mut home: Home) {
    system::become_user(READER);
    let file = File::open(path(home.argument(0))).unwrap();
    home.say("waiting");
    system::lock_for_reading_when_free(&file, home.number(1), home.number(2));
    home.say("locked");
    home.stay();
}

/// A process with a lock for reading on `[start, len]`, or that waits for it.
fn reader(name: &Name, [start, len]: [u64; 2]) -> Child {
    let numbers = [start.to_string(), len.to_string()];
    let mut child = Child::spawn("lock-as-a-reader", &[name.as_str(), &numbers[0], &numbers[1]]);
    child.expect("waiting");
    child
}

/// What is asked for a role that a reader keeps from everybody ends soon, and leaves everything as it was.
#[track_caller]
fn assert_kept_from(role: Role, name: &Name) {
    let (text, path) = (name.as_str().to_owned(), name.path());
    let answers = within(SOON, "what a reader's lock is in the way of", move || {
        let open = |role| match role {
            Role::Producer => Producer::<u64>::open_with(text.as_str(), &options()).map(drop),
            _ => Consumer::<u64>::open_with(text.as_str(), &options()).map(drop),
        };
        [
            open(role),
            Region::named(text.as_str()).unlink_unused(&options()),
            Region::named(text.as_str()).unlink_unused_and_discard(&options()),
            Ring::<u64>::replace_if_unused(text.as_str(), &options()).map(drop),
        ]
    });
    for answer in answers {
        let kept = matches!(answer, Err(Error::BlockedByReader { .. }));
        assert!(kept, "{role}: {answer:?}");
    }
    assert!(path.exists());
}

#[test]
fn a_death_beside_a_readers_locks_is_a_death_and_what_was_published_is_read() {
    if !root_or_skip("a reader of another user") {
        return;
    }
    for (role, told) in [Role::Producer, Role::Consumer]
        .iter()
        .flat_map(|role| ["told", "untold"].map(|told| (*role, told)))
    {
        let name = Name::new("reader-and-death");
        let ring = Ring::<u64>::create(name.as_str(), &options()).unwrap();
        let mut child = Child::spawn("publish-and-stay", &[name.as_str(), &role.to_string(), told]);
        child.expect("attached");
        let pid = child.id();
        let at = if role == Role::Producer { producer() } else { consumer() };
        // Both wait for the lock of an owner that lives.
        let (mut one, mut whole) = (reader(&name, [at, page()]), reader(&name, WHOLE));
        let alive = Peer::Alive { session: 1, pid: Some(pid) };
        let dead = Peer::Dead { session: 1, pid: Some(pid), released: true };
        let observer = Observer::open(name.as_str()).unwrap();
        let observed = || match role {
            Role::Producer => observer.snapshot().producer.peer,
            _ => observer.snapshot().consumer.peer,
        };
        let what = format!("{role}, {told}");
        assert_eq!(observed(), alive, "{what}");
        match role {
            Role::Producer => {
                let mut rx = ring.consumer().unwrap();
                assert_eq!(rx.peer(), alive, "{what}");
                child.kill();
                one.expect("locked");
                assert_eq!((rx.peer(), observed()), (dead, dead), "{what}");
                let (answers, rx) =
                    within(SOON, "the end of a stream", move || ([(); 4].map(|()| rx.pop()), rx));
                let end = Err(PopError::PeerDead);
                assert_eq!(answers, [Ok(1), Ok(2), Ok(3), end], "{what}");
                drop(rx);
            }
            _ => {
                let mut tx = ring.producer().unwrap();
                assert_eq!(tx.peer(), alive, "{what}");
                child.kill();
                one.expect("locked");
                assert_eq!((tx.peer(), observed()), (dead, dead), "{what}");
                let (told, tx) = within(SOON, "a push into a full ring", move || {
                    (std::iter::repeat_with(|| tx.push(7)).find_map(Result::err), tx)
                });
                assert_eq!(told, Some(PushError::PeerDead), "{what}");
                tx.close();
            }
        }
        // The lock of the whole file waited for the other side.
        whole.expect("locked");
        assert_eq!(observed(), dead, "{what}");
        assert_kept_from(role, &name);
        assert_eq!(observed(), dead, "{what}");
        one.kill();
        assert_kept_from(role, &name);
        whole.kill();
        match role {
            Role::Producer => assert_eq!(ring.producer().unwrap().session(), 3),
            _ => assert_eq!(ring.consumer().unwrap().session(), 3),
        }
    }
}

#[test]
fn a_readers_lock_is_nobody_and_does_not_outlast_what_removes_by_force() {
    if !root_or_skip("a reader of another user") {
        return;
    }
    let name = Name::new("reader-alone");
    let ring = Ring::<u64>::create(name.as_str(), &options()).unwrap();
    let mut whole = reader(&name, WHOLE);
    whole.expect("locked");
    let observer = Observer::open(name.as_str()).unwrap();
    let peers = || [observer.snapshot().producer.peer, observer.snapshot().consumer.peer];
    assert_eq!(peers(), [Peer::Absent; 2]);
    assert_kept_from(Role::Producer, &name);
    assert_kept_from(Role::Consumer, &name);
    assert_eq!(peers(), [Peer::Absent; 2]);
    whole.kill();
    let (tx, rx) = (ring.producer().unwrap(), ring.consumer().unwrap());
    // It asks for what is held, and gets nothing; it may lock what proves nothing, and that is in nobody's way.
    let (mut beside, _waits) = (reader(&name, [0, page()]), reader(&name, WHOLE));
    beside.expect("locked");
    assert!(matches!((tx.peer(), rx.peer()), (Peer::Alive { .. }, Peer::Alive { .. })));
    drop((tx, rx));
    beside.kill();
    until("the lock is had", || matches!(ring.producer(), Err(Error::BlockedByReader { .. })));
    drop(ring);
    let again = Ring::<u64>::open_with(name.as_str(), &options().unlink_on_drop()).unwrap();
    let id = again.id();
    within(SOON, "leaving a ring that a reader keeps", move || drop(again));
    assert!(name.path().exists(), "it was removed beside a lock");
    // `rm --force`: no lock keeps that.
    Region::named(name.as_str()).unlink().unwrap();
    let next = Ring::<u64>::create(name.as_str(), &options()).unwrap();
    assert_ne!(next.id(), id);
    drop((next.producer().unwrap(), next.consumer().unwrap()));
}

#[test]
fn a_dead_writer_of_a_latest_value_is_dead_beside_a_readers_lock() {
    if !root_or_skip("a reader of another user") {
        return;
    }
    let name = Name::new("reader-and-writer");
    let latest = Latest::<u64>::create(name.as_str(), &Options::new().mode(0o644)).unwrap();
    latest.writer().unwrap().write(7);
    let mut child = Child::spawn("latest-hold", &[name.as_str()]);
    child.expect("3");
    let (mut reading, mut whole) = (latest.reader().unwrap(), reader(&name, WHOLE));
    assert_eq!(reading.read(), Ok(7));
    let pid = child.id();
    assert_eq!(reading.writer(), Peer::Alive { session: 3, pid: Some(pid) });
    child.kill();
    whole.expect("locked");
    assert_eq!(reading.writer(), Peer::Dead { session: 3, pid: Some(pid), released: true });
    let (told, mut reading) =
        within(SOON, "a read of what is newer", move || (reading.read_newer(), reading));
    assert_eq!(told, Err(ReadError::WriterDead));
    let again = Latest::<u64>::open(name.as_str()).unwrap();
    let taken = within(SOON, "a writer that a reader keeps out", move || again.writer().map(drop));
    assert!(matches!(taken, Err(Error::BlockedByReader { role: Role::Writer, .. })), "{taken:?}");
    assert_eq!(reading.read(), Ok(7));
    whole.kill();
    assert_eq!(latest.writer().unwrap().session(), 5);
}

/// Job: as a reader, tries all that would change the region, and says what it was allowed.
pub(crate) fn try_all_as_a_reader(mut home: Home) {
    let name = home.argument(0).to_owned();
    let path = path(&name);
    system::become_user(READER);
    let file = File::open(&path).unwrap();
    let again = format!("/proc/self/fd/{}", std::os::fd::AsRawFd::as_raw_fd(&file));
    let for_writing = |path: &str| rustix::fs::open(path, OFlags::RDWR, Mode::empty()).is_ok();
    let punch = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
    let allowed = [
        ("opens it", for_writing(&path)),
        ("opens its descriptor", for_writing(&again)),
        ("maps it", Mapping::writable(&file).is_ok()),
        ("writes", file.write_at(&[1], 0).is_ok()),
        ("cuts", file.set_len(0).is_ok()),
        ("grows", file.set_len(1 << 20).is_ok()),
        ("punches", rustix::fs::fallocate(&file, punch, 0, 4096).is_ok()),
        ("locks for writing", system::lock_for_writing(&file, 0, 0).is_ok()),
        ("changes the mode", rustix::fs::fchmod(&file, Mode::from_raw_mode(0o666)).is_ok()),
        ("removes the name", std::fs::remove_file(&path).is_ok()),
        ("moves the name", std::fs::rename(&path, format!("{path}-moved")).is_ok()),
        ("produces", Producer::<u64>::open_with(&*name, &options().any_owner()).is_ok()),
        ("consumes", Consumer::<u64>::open_with(&*name, &options().any_owner()).is_ok()),
    ];
    let allowed: Vec<_> = allowed.iter().filter(|(_, is)| *is).map(|(what, _)| *what).collect();
    home.say(&format!("{allowed:?}"));
    let observer = Observer::open_with(&*name, &options().any_owner()).unwrap();
    home.say(&format!("{:?}", observer.snapshot().unread_records()));
}

#[test]
fn a_reader_looks_and_changes_nothing() {
    if !root_or_skip("a reader of another user") {
        return;
    }
    let name = Name::new("reader-tries");
    let ring = Ring::<u64>::create(name.as_str(), &options()).unwrap();
    let (mut tx, mut rx) = (ring.producer().unwrap(), ring.consumer().unwrap());
    tx.push_slice(&[1, 2, 3]).unwrap();
    let bytes = Bytes::of(ring.descriptor());
    let before = bytes.all();
    let mut child = Child::spawn("try-all-as-a-reader", &[name.as_str()]);
    child.expect("[]");
    child.expect("Some(3)");
    child.finish();
    assert!(before == bytes.all(), "it changed the region");
    assert!(!tx.has_lost_its_name());
    assert_eq!([(); 3].map(|()| rx.pop()), [Ok(1), Ok(2), Ok(3)]);
}

/// Job: as a reader, makes one call on the futex at an offset.
pub(crate) fn meddle_with_futexes(mut home: Home) {
    system::become_user(READER);
    let file = File::open(path(home.argument(0))).unwrap();
    let mapping = Mapping::read_only(&file).unwrap();
    let (word, elsewhere) = (mapping.futex(home.number(1)), AtomicU32::new(0));
    let (flags, all) = (futex::Flags::empty(), i32::MAX as u32);
    let now = || word.load(Ordering::Relaxed);
    let how = home.argument(2).to_owned();
    match how.as_str() {
        "move" => loop {
            home.hear();
            until("somebody sleeps there", || {
                futex::requeue(word, flags, 0, all, &elsewhere).unwrap() > 0
            });
            home.say("moved");
        },
        "wake" => {
            home.say("waking");
            loop {
                futex::wake(word, flags, all).unwrap();
            }
        }
        // Both until this process is killed.
        _ => {
            home.say(&rustix::thread::gettid().as_raw_nonzero().to_string());
            loop {
                let _ = match how.as_str() {
                    "sleep" => futex::wait(word, flags, now(), None),
                    _ => futex::wait_requeue_pi(word, flags, now(), None, &elsewhere),
                };
            }
        }
    }
}

fn meddle(name: &Name, at: u64, how: &str) -> Child {
    Child::spawn("meddle-with-futexes", &[name.as_str(), &at.to_string(), how])
}

/// Waits until the reader that says its number next sleeps on a futex: before anybody who comes later.
fn until_in_the_way(child: &mut Child) {
    let thread: u32 = child.hear().parse().unwrap();
    let path = format!("/proc/{}/task/{thread}/syscall", child.id());
    let call = format!("{} ", libc::SYS_futex);
    until("the reader sleeps", || std::fs::read_to_string(&path).unwrap().starts_with(&call));
}

/// Starts a pop, and waits until it sleeps for the second time: the first sleep is short.
fn asleep(bytes: &Bytes, mut rx: Consumer<u64>) -> std::thread::JoinHandle<Popped> {
    let before = bytes.get(consumer() + SLEEPS);
    let popping = std::thread::spawn(move || (rx.pop(), rx));
    until("it sleeps for long", || bytes.get(consumer() + SLEEPS) > before + 1);
    bytes.until_parked(consumer());
    popping
}

type Popped = (Result<u64, PopError>, Consumer<u64>);

#[test]
fn a_wake_up_that_a_reader_is_in_the_way_of_comes_with_the_slice() {
    if !root_or_skip("a reader of another user") {
        return;
    }
    for how in ["move", "wait where a waker fails"] {
        let name = Name::new("reader-and-bell");
        let ring = Ring::<u64>::create(name.as_str(), &options()).unwrap();
        let bytes = Bytes::of(ring.descriptor());
        let (mut tx, mut rx) = (ring.producer().unwrap(), ring.consumer().unwrap());
        let mut child = meddle(&name, producer() + BELL, how);
        if how != "move" {
            until_in_the_way(&mut child);
        }
        for n in 0..2 {
            let popping = asleep(&bytes, rx);
            if how == "move" {
                child.say("move");
                child.expect("moved");
            }
            tx.push(n).unwrap();
            let (popped, back) = within(SOON, "a sleeper by slices", || popping.join().unwrap());
            assert_eq!(popped, Ok(n), "{how}");
            rx = back;
        }
        // Nothing is left over, and a deadline is kept.
        let start = Instant::now();
        let timeout = Duration::from_millis(150);
        assert_eq!(rx.pop_timeout(timeout), Err(PopError::TimedOut), "{how}");
        assert!((timeout..SOON).contains(&start.elapsed()), "{how}: {:?}", start.elapsed());
    }
}

#[test]
fn a_death_whose_notice_a_reader_takes_is_found_with_the_slice() {
    if !root_or_skip("a reader of another user") {
        return;
    }
    for how in ["sleep", "wait where a waker fails"] {
        let name = Name::new("reader-and-notice");
        let ring = Ring::<u64>::create(name.as_str(), &options()).unwrap();
        let bytes = Bytes::of(ring.descriptor());
        let mut owner = Child::spawn("publish-and-stay", &[name.as_str(), "producer", "told"]);
        owner.expect("attached");
        let mut rx = ring.consumer().unwrap();
        assert_eq!([(); 3].map(|()| rx.pop()), [Ok(1), Ok(2), Ok(3)]);
        // The kernel wakes one sleeper, the first.
        let mut child = meddle(&name, producer() + LIVENESS, how);
        until_in_the_way(&mut child);
        let popping = asleep(&bytes, rx);
        owner.kill();
        let (told, rx) = within(SOON, "a sleeper by slices", || popping.join().unwrap());
        assert_eq!(told, Err(PopError::PeerDead), "{how}");
        assert!(matches!(rx.peer(), Peer::Dead { session: 1, .. }), "{how}: {:?}", rx.peer());
    }
}

#[test]
fn a_reader_that_wakes_all_the_time_changes_no_answer() {
    if !root_or_skip("a reader of another user") {
        return;
    }
    let name = Name::new("reader-wakes");
    let ring = Ring::<u64>::create(name.as_str(), &options()).unwrap();
    let (mut tx, mut rx) = (ring.producer().unwrap(), ring.consumer().unwrap());
    let mut child = meddle(&name, producer() + BELL, "wake");
    child.expect("waking");
    let (start, timeout) = (Instant::now(), Duration::from_millis(300));
    assert_eq!(rx.pop_timeout(timeout), Err(PopError::TimedOut));
    assert!((timeout..timeout + SOON).contains(&start.elapsed()), "{:?}", start.elapsed());
    tx.push(7).unwrap();
    assert_eq!(rx.pop(), Ok(7));
    drop(tx);
    assert_eq!(rx.pop(), Err(PopError::Closed));
}
