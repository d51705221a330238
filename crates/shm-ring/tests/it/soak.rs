//! Killing running processes at random moments, again and again: nothing published is lost, torn,
//! doubled or out of order; a killed consumer takes at most the one item that it had in its hands.

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

use shm_ring::{Consumer, Options, PopError, Producer, PushError, Ring, Wait};
use shm_ring_outsider::{POSITION, consumer, producer};

use crate::bytes::Bytes;
use crate::harness::{Child, Dir, Home, LIMIT, Name, SOON};
use crate::items::{Numbered, Random};

const KILLS: usize = 50;

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

fn read_log(path: &Path) -> Vec<u64> {
    let bytes = std::fs::read(path).unwrap_or_default();
    assert_eq!(bytes.len() % 8, 0);
    bytes.chunks(8).map(|word| u64::from_le_bytes(word.try_into().unwrap())).collect()
}

/// Numbers go up by one, and by two at most once for each kill of a consumer.
fn assert_at_most_once(log: &[u64], kills: usize) {
    assert!(log.first().is_none_or(|first| *first <= 1), "it begins with {:?}", log.first());
    let steps: Vec<_> = log.windows(2).map(|pair| pair[1].wrapping_sub(pair[0])).collect();
    let wrong = steps.iter().position(|step| !(1..=2).contains(step));
    assert_eq!(wrong.map(|at| &log[at..at + 2]), None, "doubled, lost or out of order");
    let lost = steps.iter().filter(|step| **step == 2).count();
    assert!(lost <= kills, "{lost} lost by {kills} kills");
}

#[test]
fn producers_killed_at_random_moments_lose_nothing() {
    let name = Name::new("soak-producer");
    let ring = Ring::<Numbered>::create(name.as_str(), &Options::new().bytes(4096)).unwrap();
    let bytes = Bytes::of(ring.descriptor());
    let mut rx = ring.consumer().unwrap();
    let mut random = Random::new(1);
    let (mut expected, mut last_session) = (0, 0);
    for round in 0..KILLS {
        let mut child = Child::spawn("feed", &[name.as_str(), &round.to_string()]);
        child.expect("attached");
        rx.set_wait(some_wait(&mut random));
        for _ in 0..random.below(600) {
            assert_eq!(rx.pop_timeout(LIMIT).unwrap().checked(), expected);
            expected += 1;
        }
        let moment = Instant::now() + Duration::from_nanos(random.below(150_000));
        while Instant::now() < moment {}
        child.kill();
        let start = Instant::now();
        let ended = loop {
            match rx.pop() {
                Ok(item) => assert_eq!(item.checked(), expected),
                Err(ended) => break ended,
            }
            expected += 1;
        };
        assert_eq!(ended, PopError::PeerDead);
        assert!(start.elapsed() < SOON, "the death was noticed after {:?}", start.elapsed());
        // All that the dead one published has been read.
        assert_eq!(bytes.tail() / Numbered::STRIDE, expected);
        let session = bytes.get(producer() + shm_ring_outsider::SESSION);
        assert!(session > last_session && session % 2 == 1);
        last_session = session;
    }
    assert!(expected > 1000, "{expected} items are no soak");
}

#[test]
fn consumers_killed_at_random_moments_lose_only_what_they_held() {
    let (name, dir) = (Name::new("soak-consumer"), Dir::new("soak-consumer"));
    let log = dir.join("log");
    let ring = Ring::<Numbered>::create(name.as_str(), &Options::new().bytes(4096)).unwrap();
    let mut tx: Producer<Numbered> = ring.producer().unwrap();
    let mut random = Random::new(2);
    let mut next = 0;
    for round in 0..KILLS {
        let arguments = [name.as_str(), log.to_str().unwrap(), &round.to_string()];
        let mut child = Child::spawn("drain", &arguments);
        child.expect("attached");
        tx.set_wait(some_wait(&mut random));
        for _ in 0..random.below(600) {
            tx.push_timeout(Numbered::new(next), LIMIT).unwrap();
            next += 1;
        }
        let moment = Instant::now() + Duration::from_nanos(random.below(150_000));
        while Instant::now() < moment {}
        child.kill();
        // Until it is full nobody is missed, and then the death is known.
        let start = Instant::now();
        let ended = loop {
            match tx.push(Numbered::new(next)) {
                Ok(()) => next += 1,
                Err(ended) => break ended,
            }
        };
        assert_eq!(ended, PushError::PeerDead);
        assert!(start.elapsed() < SOON, "the death was noticed after {:?}", start.elapsed());
    }
    let mut rx = ring.consumer().unwrap();
    let mut read = read_log(&log);
    read.extend(rx.try_iter().map(|item| item.unwrap().checked()));
    assert_eq!(read.last(), Some(&(next - 1)));
    assert!(next > 1000, "{next} items are no soak");
    assert_at_most_once(&read, KILLS);
}

#[test]
fn pairs_killed_at_random_moments_are_followed_by_pairs_that_go_on() {
    let (name, dir) = (Name::new("soak-both"), Dir::new("soak-both"));
    let log = dir.join("log");
    let ring = Ring::<Numbered>::create(name.as_str(), &Options::new().bytes(4096)).unwrap();
    let bytes = Bytes::of(ring.descriptor());
    let mut random = Random::new(3);
    const ROUNDS: usize = 25;
    for round in 0..ROUNDS {
        let seed = round.to_string();
        let mut feeding = Child::spawn("feed", &[name.as_str(), &seed]);
        let mut draining = Child::spawn("drain", &[name.as_str(), log.to_str().unwrap(), &seed]);
        feeding.expect("attached");
        draining.expect("attached");
        let before = bytes.get(consumer() + POSITION);
        crate::harness::until("the pair moves", || bytes.get(consumer() + POSITION) > before);
        std::thread::sleep(Duration::from_micros(random.below(3000)));
        if round % 2 == 0 {
            feeding.kill();
            draining.kill();
        } else {
            draining.kill();
            feeding.kill();
        }
    }
    let mut rx = ring.consumer().unwrap();
    let mut read = read_log(&log);
    read.extend(rx.try_iter().map(|item| item.unwrap().checked()));
    assert_at_most_once(&read, ROUNDS);
    // The tail is the number of all that was ever published.
    assert_eq!(bytes.tail() / Numbered::STRIDE, read.last().unwrap() + 1);
}
