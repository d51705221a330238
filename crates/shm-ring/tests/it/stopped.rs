//! A stopped process is alive: its role is not taken over, nobody reports it dead, and it goes on.

use std::fs::File;
use std::io::Write;
use std::time::Duration;

use rustix::process::Signal;
use shm_ring::{Consumer, Error, Options, Peer, PopError, PushError, Ring, Wait};

use crate::bytes::Bytes;
use crate::harness::{Child, Dir, Home, Name, until};
use crate::items::{Numbered, Random};

/// Several slices: long enough for every question about the peer to have been asked.
const LONG: Duration = Duration::from_millis(350);

/// Stops it, and waits until it has stopped.
pub(crate) fn stop(child: &Child) {
    child.signal(Signal::STOP);
    until("it has stopped", || {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", child.id())).unwrap();
        stat.rsplit(") ").next().unwrap().starts_with('T')
    });
}

fn some_wait(random: &mut Random) -> Wait {
    random.one_of(&[Wait::SPIN, Wait::BALANCED, Wait::PARK])
}

/// Job: pushes numbered items for ever, going on where the last producer was killed.
pub(crate) fn feed(mut home: Home) {
    let name = home.argument(0).to_owned();
    let wait = some_wait(&mut Random::new(home.number(1)));
    let ring = Ring::<Numbered>::open_with(name, &Options::new().wait(wait)).unwrap();
    let mut tx = ring.producer().unwrap();
    let first = Bytes::of(ring.descriptor()).tail() / Numbered::STRIDE;
    home.say("attached");
    for n in first.. {
        while let Err(error) = tx.push(Numbered::new(n)) {
            assert!(matches!(error, PushError::Closed | PushError::PeerDead), "{error}");
            std::thread::sleep(Duration::from_micros(100));
        }
    }
}

/// Job: pops items for ever and writes their numbers to a log.
pub(crate) fn drain(mut home: Home) {
    let (name, log) = (home.argument(0).to_owned(), home.argument(1).to_owned());
    let wait = some_wait(&mut Random::new(home.number(2)));
    let mut rx = Consumer::<Numbered>::open_with(name, &Options::new().wait(wait)).unwrap();
    let mut log = File::options().append(true).create(true).open(log).unwrap();
    home.say("attached");
    loop {
        match rx.pop() {
            Ok(item) => log.write_all(&item.checked().to_le_bytes()).unwrap(),
            Err(PopError::Closed | PopError::PeerDead) => {
                std::thread::sleep(Duration::from_micros(100));
            }
            Err(error) => panic!("{error}"),
        }
    }
}

#[test]
fn a_stopped_producer_keeps_its_role_and_goes_on() {
    for wait in [Wait::SPIN, Wait::PARK] {
        let name = Name::new("stopped-producer");
        let options = Options::new().bytes(4096).wait(wait);
        let ring = Ring::<Numbered>::create(name.as_str(), &options).unwrap();
        let mut rx = ring.consumer().unwrap();
        let mut child = Child::spawn("feed", &[name.as_str(), "1"]);
        child.expect("attached");
        let mut expected = 0;
        for _ in 0..3 {
            for _ in 0..500 {
                assert_eq!(rx.pop().unwrap().checked(), expected);
                expected += 1;
            }
            stop(&child);
            while let Ok(item) = rx.try_pop() {
                assert_eq!(item.checked(), expected);
                expected += 1;
            }
            assert_eq!(rx.pop_timeout(LONG).map(drop), Err(PopError::TimedOut));
            assert_eq!(rx.peer(), Peer::Alive { session: 1, pid: Some(child.id()) });
            let taken = ring.producer();
            assert!(matches!(taken, Err(Error::RoleTaken { pid, .. }) if pid == Some(child.id())));
            child.signal(Signal::CONT);
        }
        assert_eq!(rx.pop().unwrap().checked(), expected);
    }
}

#[test]
fn a_stopped_consumer_keeps_its_role_and_goes_on() {
    for wait in [Wait::SPIN, Wait::PARK] {
        let (name, dir) = (Name::new("stopped-consumer"), Dir::new("stopped-consumer"));
        let options = Options::new().bytes(4096).wait(wait);
        let ring = Ring::<Numbered>::create(name.as_str(), &options).unwrap();
        let mut tx = ring.producer().unwrap();
        let log = dir.join("log");
        let mut child = Child::spawn("drain", &[name.as_str(), log.to_str().unwrap(), "1"]);
        child.expect("attached");
        let mut next = 0;
        for _ in 0..3 {
            for _ in 0..500 {
                tx.push(Numbered::new(next)).unwrap();
                next += 1;
            }
            stop(&child);
            while tx.try_push(Numbered::new(next)).is_ok() {
                next += 1;
            }
            assert_eq!(tx.push_timeout(Numbered::new(next), LONG), Err(PushError::TimedOut));
            assert_eq!(tx.peer(), Peer::Alive { session: 1, pid: Some(child.id()) });
            let taken = ring.consumer();
            assert!(matches!(taken, Err(Error::RoleTaken { pid, .. }) if pid == Some(child.id())));
            child.signal(Signal::CONT);
        }
        until("everything was read", || std::fs::read(&log).unwrap().len() as u64 == 8 * next);
    }
}
