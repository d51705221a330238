//! A peer that leaves and comes again, several times, between two looks of a side that waits. The waiting process is
//! stopped meanwhile, so no time decides what it sees. Each end that is owed to it is reported, none twice, and it goes on.
//!
//! Owns: all short histories of a role between two looks. Knows nothing of: one end at a time (`ending`, `owed`).

use std::time::Duration;

use rustix::process::Signal;
use shm_ring::{Consumer, Ends, Options, Producer, Ring, Wait};
use shm_ring_outsider::{consumer, producer};

use crate::bytes::Bytes;
use crate::ending::unwinding;
use crate::harness::{Child, Home, Name, watch};
use crate::stopped::stop;

/// How one of the sessions between two looks ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Leaves {
    Closing,
    Unwinding,
    Killed,
}

/// One of those sessions.
#[derive(Clone, Copy, Debug)]
struct Stay {
    leaves: Leaves,
    pushes: bool,
}

const STAYS: [Stay; 5] = [
    Stay { leaves: Leaves::Closing, pushes: false },
    Stay { leaves: Leaves::Closing, pushes: true },
    Stay { leaves: Leaves::Unwinding, pushes: false },
    Stay { leaves: Leaves::Unwinding, pushes: true },
    Stay { leaves: Leaves::Killed, pushes: false },
];

/// Each history of up to two sessions, and each of three in which nobody is killed, which takes a process.
fn histories() -> Vec<Vec<Stay>> {
    let one = STAYS.map(|stay| vec![stay]);
    let with = |before: &[Vec<Stay>], stays: &[Stay]| -> Vec<Vec<Stay>> {
        let longer = |stay: Stay| before.iter().map(move |all| [&all[..], &[stay]].concat());
        stays.iter().copied().flat_map(longer).collect()
    };
    let here = |all: &Vec<Vec<Stay>>| -> Vec<_> {
        let is_here = |all: &&Vec<Stay>| all.iter().all(|stay| stay.leaves != Leaves::Killed);
        all.iter().filter(is_here).cloned().collect()
    };
    let two = with(&one, &STAYS);
    let three = with(&here(&two), &STAYS[..4]);
    [one.to_vec(), two, three].concat()
}

/// Job: waits, or looks once, when told to, and says what it was answered.
pub(crate) fn wait_as_told(mut home: Home) {
    let (name, role) = (home.argument(0).to_owned(), home.argument(1).to_owned());
    let ends = if home.argument(2) == "streams" { Ends::OfStream } else { Ends::Mine };
    let options = Options::new().wait(Wait::PARK).ends(ends);
    let mut rx =
        (role == "consumer").then(|| Consumer::<u64>::open_with(&*name, &options).unwrap());
    let mut tx = rx.is_none().then(|| Producer::<u64>::open_with(&*name, &options).unwrap());
    home.say("attached");
    loop {
        let waits = home.hear() == "wait";
        let answer = match (&mut rx, &mut tx) {
            (Some(rx), _) if waits => format!("{:?}", rx.pop()),
            (Some(rx), _) => format!("{:?}", rx.pop_timeout(Duration::ZERO)),
            (_, Some(tx)) if waits => format!("{:?}", tx.push(0)),
            (_, tx) => format!("{:?}", tx.as_mut().unwrap().push_timeout(0, Duration::ZERO)),
        };
        home.say(&answer);
    }
}

/// Somebody in the role whose sessions come and go.
enum Peer<E> {
    Here(E),
    There(Child),
}

impl<E: Send + 'static> Peer<E> {
    fn come(stay: Stay, name: &Name, role: &str, here: impl FnOnce() -> E) -> Self {
        if stay.leaves != Leaves::Killed {
            return Self::Here(here());
        }
        let mut child = Child::spawn("hold", &[name.as_str(), role]);
        child.hear();
        Self::There(child)
    }

    fn leave(self, stay: Stay) {
        match self {
            Self::There(mut child) => child.kill(),
            Self::Here(end) if stay.leaves == Leaves::Unwinding => unwinding(end),
            Self::Here(end) => drop(end),
        }
    }
}

/// What a consumer that waited through all this is answered, call by call. The newest two streams have ends of their own.
fn answers(stays: &[Stay], of_streams: bool, somebody_is_there: bool) -> Vec<String> {
    let apart = of_streams && !somebody_is_there && stays.len() > 1;
    let (older, newest) = stays.split_at(if apart { stays.len() - 1 } else { stays.len() });
    let mut said = Vec::new();
    let mut number = 0..;
    for stream in [older, newest].into_iter().filter(|stream| !stream.is_empty()) {
        let pushed = stream.iter().filter(|stay| stay.pushes);
        said.extend(
            number.by_ref().take(pushed.count()).map(|number: u64| format!("Ok({number})")),
        );
        let died = stream.iter().any(|stay| stay.leaves != Leaves::Closing);
        said.push(if died { "Err(PeerDead)" } else { "Err(Closed)" }.to_owned());
    }
    said
}

#[test]
fn the_ends_of_producers_between_two_looks_are_reported_once() {
    watch();
    for ends in ["mine", "streams"] {
        let name = Name::new("flapping");
        let ring = Ring::<u64>::create(name.as_str(), &Options::new().items(8)).unwrap();
        let bytes = Bytes::of(ring.descriptor());
        let come = |stay: Stay| Peer::come(stay, &name, "producer", || ring.producer().unwrap());
        let start = || {
            let mut child = Child::spawn("wait-as-told", &[name.as_str(), "consumer", ends]);
            child.expect("attached");
            child
        };
        let mut waiting = start();
        for (stays, somebody) in histories().iter().flat_map(|all| [(all, false), (all, true)]) {
            let what = format!("{stays:?}, then somebody: {somebody}, ends: {ends}");
            let mut first = Some(come(stays[0]));
            waiting.say("wait");
            bytes.until_parked(consumer());
            stop(&waiting);
            let mut number = 0..;
            for stay in stays {
                let mut peer = first.take().unwrap_or_else(|| come(*stay));
                if let (Peer::Here(tx), true) = (&mut peer, stay.pushes) {
                    tx.push(number.next().unwrap()).unwrap();
                }
                peer.leave(*stay);
            }
            let next = somebody.then(|| ring.producer().unwrap());
            waiting.signal(Signal::CONT);
            for (nth, answer) in answers(stays, ends == "streams", somebody).iter().enumerate() {
                if nth > 0 {
                    waiting.say("wait");
                }
                assert_eq!(waiting.hear(), *answer, "answer {nth} of {what}");
            }
            // Beside one that is there nothing of what was told is told again, to the next consumer neither.
            let next = next.unwrap_or_else(|| ring.producer().unwrap());
            waiting.say("look");
            assert_eq!(waiting.hear(), "Err(TimedOut)", "told twice: {what}");
            if stays.len() == 1 {
                waiting.kill();
                waiting = start();
                waiting.say("look");
                assert_eq!(waiting.hear(), "Err(TimedOut)", "told the next one too: {what}");
            }
            drop(next);
            waiting.say("wait");
            waiting.expect("Err(Closed)");
        }
    }
}

#[test]
fn the_end_of_the_newest_consumer_between_two_looks_is_reported_once() {
    watch();
    let name = Name::new("flapping");
    let ring = Ring::<u64>::create(name.as_str(), &Options::new().items(1)).unwrap();
    let bytes = Bytes::of(ring.descriptor());
    let come = |stay: Stay| Peer::come(stay, &name, "consumer", || ring.consumer().unwrap());
    let mut waiting = Child::spawn("wait-as-told", &[name.as_str(), "producer", "mine"]);
    waiting.expect("attached");
    waiting.say("wait");
    waiting.expect("Ok(())");
    let nobody_pops = |all: &&Vec<Stay>| all.iter().all(|stay| !stay.pushes);
    for stays in histories().iter().filter(nobody_pops) {
        for somebody in [false, true] {
            let mut first = Some(come(stays[0]));
            waiting.say("wait");
            bytes.until_parked(producer());
            stop(&waiting);
            for stay in stays {
                first.take().unwrap_or_else(|| come(*stay)).leave(*stay);
            }
            let next = somebody.then(|| ring.consumer().unwrap());
            waiting.signal(Signal::CONT);
            let mut next = next.unwrap_or_else(|| {
                let died = stays.last().is_some_and(|stay| stay.leaves != Leaves::Closing);
                waiting.expect(if died { "Err(PeerDead)" } else { "Err(Closed)" });
                let next = ring.consumer().unwrap();
                waiting.say("look");
                waiting.expect("Err(TimedOut)");
                waiting.say("wait");
                next
            });
            // The one that is there makes room, and it goes on.
            assert_eq!(next.pop(), Ok(0));
            assert_eq!(waiting.hear(), "Ok(())", "{stays:?}, then somebody: {somebody}");
        }
    }
}
