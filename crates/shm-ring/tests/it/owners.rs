//! A ring has one producer and one consumer, whoever else asks: another process, another thread,
//! another pid namespace, a forked copy. The first is not disturbed.

use std::time::Duration;

use shm_ring::{
    Consumer, Error, Latest, Observer, Options, Peer, PopError, Producer, Region, Ring, Role,
};
use shm_ring_outsider::{LIVENESS, Lease, PID, SESSION, Side, consumer, lock_on, page, producer};

use crate::bytes::Bytes;
use crate::harness::{Child, Home, LIMIT, Name, SOON, root_or_skip, until, within};
use crate::system;

fn take(name: &str, role: &str) -> Result<(), Error> {
    match role {
        "producer" => Producer::<u64>::open(name).map(drop),
        _ => Consumer::<u64>::open(name).map(drop),
    }
}

/// Job: tries to take a role and says what happened.
pub(crate) fn try_role(mut home: Home) {
    let answer = match take(home.argument(0), home.argument(1)) {
        Ok(()) => "got it".to_owned(),
        Err(Error::RoleTaken { role, pid, .. }) => format!("{role} is {pid:?}"),
        Err(error) => error.to_string(),
    };
    home.say(&answer);
}

/// Job: has another job done in a pid namespace of its own, and passes on what it says.
pub(crate) fn in_pid_namespace(mut home: Home) {
    // No thread can be started after the next line.
    crate::harness::watch();
    system::unshare(libc::CLONE_NEWPID).unwrap();
    let mut child = Child::spawn(home.argument(0), &[home.argument(1), home.argument(2)]);
    while let Some(line) = child.hear_or_end() {
        home.say(&line);
    }
}

#[test]
fn a_second_owner_is_refused_and_the_first_goes_on() {
    let name = Name::new("second");
    let ring = Ring::<u64>::create(name.as_str(), &Options::new()).unwrap();
    let (mut tx, mut rx) = (ring.producer().unwrap(), ring.consumer().unwrap());
    let sessions = (tx.session(), rx.session());
    let us = std::process::id();
    let mut n = 0;
    let mut goes_on = || {
        tx.push(n).unwrap();
        assert_eq!(rx.pop(), Ok(n));
        assert_eq!(tx.peer(), Peer::Alive { session: 1, pid: Some(us) });
        assert_eq!(rx.peer(), Peer::Alive { session: 1, pid: Some(us) });
        n += 1;
    };
    for role in ["producer", "consumer"] {
        goes_on();
        // By the handle that the first was taken from, by a handle of its own, on another thread.
        let expected = if role == "producer" { Role::Producer } else { Role::Consumer };
        let by_same = match expected {
            Role::Producer => ring.producer().map(drop),
            _ => ring.consumer().map(drop),
        };
        let by_thread =
            std::thread::scope(|scope| scope.spawn(|| take(name.as_str(), role)).join().unwrap());
        for taken in [by_same, take(name.as_str(), role), by_thread] {
            match taken {
                Err(Error::RoleTaken { role, pid, .. }) => {
                    assert_eq!((role, pid), (expected, Some(us)))
                }
                other => panic!("{other:?}"),
            }
        }
        goes_on();
        let mut child = Child::spawn("try-role", &[name.as_str(), role]);
        child.expect(&format!("{role} is {:?}", Some(us)));
        child.finish();
        goes_on();
        if root_or_skip("a second owner in another pid namespace") {
            let mut child = Child::spawn("in-pid-namespace", &["try-role", name.as_str(), role]);
            child.expect(&format!("{role} is None"));
            child.finish();
            goes_on();
        }
    }
    assert_eq!(sessions, (tx.session(), rx.session()));
    let bytes = Bytes::of(ring.descriptor());
    assert_eq!(bytes.get(producer() + SESSION), 1, "the refused ones opened no session");
    // Once it is free it can be had.
    drop((tx, rx));
    for role in ["producer", "consumer"] {
        let mut child = Child::spawn("try-role", &[name.as_str(), role]);
        child.expect("got it");
        child.finish();
    }
}

#[test]
fn an_owner_whose_pid_means_nothing_here_is_alive() {
    if !root_or_skip("an owner in another pid namespace") {
        return;
    }
    let name = Name::new("namespace");
    let ring = Ring::<u64>::create(name.as_str(), &Options::new()).unwrap();
    let rx = ring.consumer().unwrap();
    let mut child = Child::spawn("in-pid-namespace", &["hold", name.as_str(), "producer"]);
    child.expect("1");
    // Process 1 there; process 1 here is somebody else.
    assert_eq!(rx.peer(), Peer::Alive { session: 1, pid: None });
    assert!(matches!(ring.producer(), Err(Error::RoleTaken { pid: None, .. })));
    child.kill();
    until("the death is known", || {
        rx.peer() == Peer::Dead { session: 1, pid: None, released: true }
    });
    assert_eq!(ring.producer().unwrap().session(), 3);
}

/// A number that is used again, the number of process 1, of nobody and of no process at all.
#[test]
fn no_number_that_an_owner_wrote_down_decides() {
    let name = Name::new("numbers");
    let ring = Ring::<u64>::create(name.as_str(), &Options::new()).unwrap();
    let rx = ring.consumer().unwrap();
    let mut child = Child::spawn("hold", &[name.as_str(), "producer"]);
    child.expect("1");
    let mut gone = std::process::Command::new("/bin/true").spawn().unwrap();
    gone.wait().unwrap();
    let bytes = Bytes::of(ring.descriptor());
    let write_down = |pid: u32| bytes.write(producer() + PID, &pid.to_le_bytes());
    for pid in [gone.id(), 0, u32::MAX] {
        write_down(pid);
        let shown = Some(pid).filter(|pid| *pid != 0);
        assert_eq!(rx.peer(), Peer::Alive { session: 1, pid: shown });
        let taken = ring.producer();
        assert!(matches!(taken, Err(Error::RoleTaken { pid: found, .. }) if found == shown));
    }
    child.kill();
    for pid in [std::process::id(), 1, gone.id()] {
        write_down(pid);
        until("the death is known", || {
            rx.peer() == Peer::Dead { session: 1, pid: Some(pid), released: true }
        });
    }
    write_down(std::process::id());
    assert_eq!(ring.producer().unwrap().session(), 3);
}

#[test]
fn the_lease_stands_on_the_page_of_its_role() {
    let ring = Ring::<u64>::create(Region::memfd("lease"), &Options::new()).unwrap();
    let held = || lock_on(ring.descriptor(), 0, 0).unwrap();
    assert_eq!(held(), None);
    let tx = ring.producer().unwrap();
    assert_eq!(held(), Some((producer(), page())));
    drop(tx);
    let rx = ring.consumer().unwrap();
    assert_eq!(held(), Some((consumer(), page())));
    drop(rx);
    assert_eq!(held(), None);
}

/// Job: creates a ring, forks, and has the fork drop all that it inherited.
pub(crate) fn fork_and_drop(mut home: Home) {
    let options = Options::new().unlink_on_drop();
    let ring = Ring::<u64>::create(home.argument(0), &options).unwrap();
    // Nobody holds a role: only whose handle it is keeps the name.
    match system::fork() {
        None => {
            drop(ring);
            system::exit_now(0);
        }
        Some(pid) => assert_eq!(system::wait_for(pid), 0),
    }
    let mut tx = ring.producer().unwrap();
    tx.push(1).unwrap();
    match system::fork() {
        None => {
            drop((tx, ring));
            system::exit_now(0);
        }
        Some(pid) => assert_eq!(system::wait_for(pid), 0),
    }
    home.say("forked");
    home.hear();
    tx.push(2).unwrap();
    home.say("pushed");
    home.hear();
    drop((tx, ring));
    home.say("dropped");
    home.stay();
}

#[test]
fn a_forked_copy_that_is_dropped_closes_nothing() {
    let name = Name::new("fork");
    let mut child = Child::spawn("fork-and-drop", &[name.as_str()]);
    child.expect("forked");
    let ring = Ring::<u64>::open(name.as_str()).expect("the name is the parent's to remove");
    let mut rx = ring.consumer().unwrap();
    assert_eq!(rx.peer(), Peer::Alive { session: 1, pid: Some(child.id()) });
    assert!(
        matches!(ring.producer(), Err(Error::RoleTaken { pid, .. }) if pid == Some(child.id()))
    );
    assert_eq!(rx.pop(), Ok(1));
    child.say("push");
    child.expect("pushed");
    assert_eq!(rx.pop(), Ok(2));
    let observer = Observer::open(name.as_str()).unwrap();
    drop(rx);
    child.say("drop");
    child.expect("dropped");
    assert_eq!(observer.snapshot().producer.peer, Peer::Closed { session: 2 });
    assert!(!name.path().exists(), "the parent removes the name");
}

/// Job: becomes the producer, forks a process that lives on, and closes.
pub(crate) fn fork_and_close(mut home: Home) {
    let mut tx = Producer::<u64>::open(home.argument(0)).unwrap();
    tx.push(1).unwrap();
    if system::fork().is_none() {
        loop {
            std::thread::sleep(LIMIT);
        }
    }
    tx.close();
    home.say("closed");
    home.stay();
}

#[test]
fn a_forked_copy_that_lives_on_does_not_keep_a_closed_role() {
    let name = Name::new("fork-close");
    let ring = Ring::<u64>::create(name.as_str(), &Options::new()).unwrap();
    let mut rx = ring.consumer().unwrap();
    let mut child = Child::spawn("fork-and-close", &[name.as_str()]);
    child.expect("closed");
    assert_eq!(rx.peer(), Peer::Closed { session: 2 });
    assert_eq!((rx.pop(), rx.pop()), (Ok(1), Err(PopError::Closed)));
    assert_eq!(ring.producer().unwrap().session(), 3);
}

/// Whoever attaches for the first time holds its role before it has a session: it is nobody yet, and gone neither.
#[test]
fn a_role_that_is_held_before_its_first_session_is_attaching() {
    let options = Options::new().attach_timeout(Duration::ZERO);
    let ring = Ring::<u64>::create(Region::memfd("attaching"), &options).unwrap();
    let mut rx = ring.consumer().unwrap();
    let latest = Latest::<u64>::create(Region::memfd("attaching"), &options).unwrap();
    let reader = latest.reader().unwrap();
    assert_eq!((rx.peer(), reader.writer()), (Peer::Absent, Peer::Absent));
    let take = |fd| Lease::take(fd, Side::Producer).unwrap().unwrap();
    let leases = [take(ring.descriptor()), take(latest.descriptor())];
    assert_eq!((rx.peer(), reader.writer()), (Peer::Attaching, Peer::Attaching));
    assert_eq!(rx.pop_timeout(Duration::ZERO), Err(PopError::TimedOut));
    // Nobody's number stands there.
    assert!(matches!(ring.producer(), Err(Error::RoleTaken { pid: None, .. })));
    assert!(matches!(latest.writer(), Err(Error::RoleTaken { pid: None, .. })));
    drop(leases);
    assert_eq!((rx.peer(), reader.writer()), (Peer::Absent, Peer::Absent));
    let _tx = ring.producer().unwrap();
    assert!(matches!(rx.peer(), Peer::Alive { session: 1, .. }), "{:?}", rx.peer());
}

/// A process that may only read the region can lock it for reading: that makes it no owner, and a dead owner not alive.
#[test]
fn who_locks_for_reading_is_no_owner() {
    let name = Name::new("read-lock");
    let ring = Ring::<u64>::create(name.as_str(), &Options::new()).unwrap();
    let (tx, mut rx) = (ring.producer().unwrap(), ring.consumer().unwrap());
    let reader = std::fs::File::open(name.path()).unwrap();
    let page = rustix::param::page_size() as u64;
    // As after a kill: the session is odd, and nobody holds the lease.
    drop(tx);
    Bytes::of(ring.descriptor()).set(producer() + SESSION, 1);
    system::lock_for_reading(&reader, page, page);
    assert!(matches!(rx.peer(), Peer::Dead { session: 1, .. }), "{:?}", rx.peer());
    assert_eq!(rx.pop_timeout(LIMIT), Err(PopError::PeerDead));
    // What it can do: nobody takes the role meanwhile.
    let blocked = ring.producer();
    assert!(matches!(blocked, Err(Error::BlockedByReader { role: Role::Producer, .. })));
    drop(reader);
    ring.producer().unwrap();
}

#[test]
fn a_role_that_a_dead_process_holds_is_waited_for_and_no_other() {
    const DIED: u32 = 1 << 30;
    let ring = Ring::<u64>::create(Region::memfd("dying"), &Options::new()).unwrap();
    let with = |timeout| {
        let region = Region::descriptor(ring.descriptor().try_clone_to_owned().unwrap());
        Ring::<u64>::open_with(region, &Options::new().attach_timeout(timeout)).unwrap()
    };
    let tx = ring.producer().unwrap();
    // Somebody lives: at once, whatever the time.
    let taken = within(SOON, "a refusal", {
        let ring = with(100 * LIMIT);
        move || ring.producer().map(drop)
    });
    assert!(matches!(taken, Err(Error::RoleTaken { .. })), "{taken:?}");
    // As of a process whose memory the kernel is still tearing down.
    Bytes::of(ring.descriptor()).write(producer() + LIVENESS, &DIED.to_le_bytes());
    let taken = with(Duration::ZERO).producer();
    assert!(matches!(taken, Err(Error::RoleTaken { .. })), "{taken:?}");
    let torn_down = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(150));
        drop(tx);
    });
    let next = ring.producer();
    torn_down.join().unwrap();
    assert_eq!(next.unwrap().session(), 3);
}
