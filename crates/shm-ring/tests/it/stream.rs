//! Order and content: every item arrives once, whole, in order, whatever its size and alignment,
//! however both sides push, pop and wait, over many laps.

use std::time::Duration;

use shm_ring::{Consumer, Item, Options, PopError, Producer, PushError, Ring, Wait};

use crate::harness::{Child, Home, Name};
use crate::items::{A16, A64, A128, A2048, A4096, Random, check, make};

const WAITS: [(&str, Wait); 4] = [
    ("spin", Wait::SPIN),
    ("balanced", Wait::BALANCED),
    ("park", Wait::PARK),
    ("yield", Wait { spins: 3, yields: 16, park: false, ..Wait::SPIN }),
];
const PUSHES: [&str; 5] = ["try", "block", "timeout", "from", "slice"];
const POPS: [&str; 6] = ["try", "block", "timeout", "into", "iterate", "slice"];

/// Calls `$run::<T>($arguments)` for the type of that name.
macro_rules! with_type {
    ($kind:expr, $run:ident $arguments:tt) => {
        match $kind {
            "1" => $run::<u8> $arguments,
            "2" => $run::<u16> $arguments,
            "3" => $run::<[u8; 3]> $arguments,
            "5" => $run::<[u8; 5]> $arguments,
            "7" => $run::<[u8; 7]> $arguments,
            "8" => $run::<u64> $arguments,
            "9" => $run::<[u8; 9]> $arguments,
            "12" => $run::<[u32; 3]> $arguments,
            "63" => $run::<[u8; 63]> $arguments,
            "64" => $run::<[u64; 8]> $arguments,
            "65" => $run::<[u8; 65]> $arguments,
            "256" => $run::<[u32; 64]> $arguments,
            "4096" => $run::<[u8; 4096]> $arguments,
            "a16" => $run::<A16> $arguments,
            "a64" => $run::<A64> $arguments,
            "a128" => $run::<A128> $arguments,
            "a2048" => $run::<A2048> $arguments,
            "a4096" => $run::<A4096> $arguments,
            kind => panic!("no type is called {kind}"),
        }
    };
}

const KINDS: [&str; 18] = [
    "1", "2", "3", "5", "7", "8", "9", "12", "63", "64", "65", "256", "4096", "a16", "a64", "a128",
    "a2048", "a4096",
];

/// What both sides do in one run.
struct Plan<'a> {
    count: u64,
    push: &'a str,
    pop: &'a str,
    seed: u64,
}

impl Plan<'_> {
    /// Now and then a side dawdles, so that the ring runs full and dry.
    fn dawdle(random: &mut Random) {
        match random.below(400) {
            0 => std::thread::sleep(Duration::from_micros(random.below(200))),
            1..4 => std::thread::yield_now(),
            _ => {}
        }
    }

    fn produce<T: Item>(&self, tx: &mut Producer<T>) {
        let mut random = Random::new(self.seed);
        for n in 0..self.count {
            Self::dawdle(&mut random);
            let mut push = || match self.push {
                "try" => tx.try_push(make(n)),
                "block" => tx.push(make(n)),
                "timeout" => tx.push_timeout(make(n), Duration::from_micros(500)),
                "from" if n % 2 == 0 => tx.push_from(&make(n)),
                "from" => tx.try_push_from(&make(n)),
                "slice" if n % 2 == 0 => tx.try_push_slice(&[make(n)]).map(drop),
                "slice" => tx.push_slice(&[make(n)]).map(drop).map_err(|told| told.error),
                form => panic!("no way to push is called {form}"),
            };
            while let Err(error) = push() {
                assert!(matches!(error, PushError::Full | PushError::TimedOut), "{n}: {error}");
                std::thread::yield_now();
            }
        }
    }

    fn consume<T: Item>(&self, rx: &mut Consumer<T>) {
        let mut random = Random::new(!self.seed);
        let mut place = make::<T>(0);
        for n in 0..self.count {
            Self::dawdle(&mut random);
            let mut pop = || match self.pop {
                "try" => rx.try_pop(),
                "block" => rx.pop(),
                "timeout" => rx.pop_timeout(Duration::from_micros(500)),
                "into" if n % 2 == 0 => rx.pop_into(&mut place).map(|()| read(&place)),
                "into" => rx.try_pop_into(&mut place).map(|()| read(&place)),
                "slice" if n % 2 == 0 => {
                    rx.try_pop_slice(core::slice::from_mut(&mut place)).map(|_| read(&place))
                }
                "slice" => rx.pop_slice(core::slice::from_mut(&mut place)).map(|_| read(&place)),
                "iterate" if n % 2 == 0 => rx.iter().next().unwrap(),
                "iterate" => rx.try_iter().next().unwrap_or(Err(PopError::Empty)),
                form => panic!("no way to pop is called {form}"),
            };
            let item = loop {
                match pop() {
                    Ok(item) => break item,
                    Err(PopError::Empty | PopError::TimedOut) => std::thread::yield_now(),
                    Err(error) => panic!("{n}: {error}"),
                }
            };
            check(&item, n);
        }
        assert_eq!(rx.pop().err(), Some(PopError::Closed), "something came after the last item");
        assert_eq!(rx.try_pop().err(), Some(PopError::Empty));
    }
}

fn read<T: Item>(item: &T) -> T {
    T::read_from_bytes(item.as_bytes()).unwrap()
}

fn wait_called(name: &str) -> Wait {
    WAITS.iter().find(|(known, _)| *known == name).unwrap().1
}

/// The job of the child: the side that its parent does not take.
pub(crate) fn other_side(mut home: Home) {
    let plan = Plan {
        count: home.number(3),
        push: home.argument(4),
        pop: home.argument(5),
        seed: home.number(6),
    };
    let (name, options) = (home.argument(0), Options::new().wait(wait_called(home.argument(7))));
    fn run<T: Item>(name: &str, options: Options, side: &str, plan: &Plan<'_>) {
        let ring = Ring::<T>::open_with(name, &options).unwrap();
        match side {
            "producer" => plan.produce(&mut ring.producer().unwrap()),
            _ => plan.consume(&mut ring.consumer().unwrap()),
        }
    }
    with_type!(home.argument(1), run(name, options, home.argument(2), &plan));
    home.say("done");
}

fn both_sides(kind: &str, bytes: usize, laps: u64, turn: usize) {
    fn run<T: Item>(kind: &str, bytes: usize, laps: u64, turn: usize) {
        let name = Name::new(&format!("stream-{kind}"));
        // Rotated so that all kinds together see every combination of neighbours.
        let (push, pop) = (PUSHES[turn % 5], POPS[turn % 6]);
        let (our_wait, their_wait) = (WAITS[turn % 4].1, WAITS[turn / 2 % 4].0);
        let options = Options::new().items(1).bytes(bytes).wait(our_wait).unlink_on_drop();
        let ring = Ring::<T>::create(name.as_str(), &options).unwrap();
        let size = size_of::<T>();
        assert_eq!(ring.limit_bytes(), (bytes / size * size).max(size));
        let records = (ring.limit_bytes() / size) as u64;
        let plan = Plan { count: (laps * records).max(50), push, pop, seed: turn as u64 };
        let child = |side: &str| {
            let (count, seed) = (plan.count.to_string(), plan.seed.to_string());
            let arguments = [name.as_str(), kind, side, &count, push, pop, &seed, their_wait];
            Child::spawn("stream", &arguments)
        };
        let other = if turn % 3 == 0 {
            let other = child("consumer");
            plan.produce(&mut ring.producer().unwrap());
            other
        } else {
            let mut rx = ring.consumer().unwrap();
            let other = child("producer");
            plan.consume(&mut rx);
            other
        };
        other.finish();
    }
    with_type!(kind, run(kind, bytes, laps, turn));
}

#[test]
fn every_size_and_alignment_through_the_smallest_ring() {
    for (turn, kind) in KINDS.iter().enumerate() {
        both_sides(kind, 4096, 12, turn);
    }
}

#[test]
fn every_size_and_alignment_through_a_large_ring() {
    for (turn, kind) in KINDS.iter().enumerate() {
        both_sides(kind, 256 * 1024, 2, turn + 7);
    }
}

#[test]
fn every_way_to_wait_on_both_sides() {
    // One size, and turns that pair each way to push, pop and wait with many others.
    for turn in 0..20 {
        both_sides("64", 4096, 15, turn);
    }
}

#[test]
fn capacities_are_what_was_asked_for_and_all_of_it_can_be_used() {
    crate::harness::watch();
    let exactly = |options: Options, items: usize| {
        let region = shm_ring::Region::memfd("capacity");
        let ring = Ring::<u64>::create(region, &options).unwrap();
        assert_eq!(ring.limit_bytes(), 8 * items);
        let (mut tx, mut rx) = (ring.producer().unwrap(), ring.consumer().unwrap());
        assert_eq!((tx.capacity(), rx.capacity()), (items, items));
        for lap in 0..3 {
            for n in 0..items {
                assert_eq!(tx.room_at_least(), items - n);
                tx.try_push((lap * n) as u64).unwrap();
                assert_eq!(rx.len(), n + 1);
            }
            assert_eq!(tx.try_push(0), Err(PushError::Full));
            let read: Vec<_> = rx.try_iter().map(Result::unwrap).collect();
            assert!(read.into_iter().eq((0..items).map(|n| (lap * n) as u64)));
            assert_eq!(rx.try_pop(), Err(PopError::Empty));
        }
    };
    for (bytes, items) in
        [(1, 1), (8, 1), (15, 1), (16, 2), (100, 12), (4096, 512), (4097, 512), (65536, 8192)]
    {
        exactly(Options::new().bytes(bytes), items);
    }
    for items in [1, 2, 3, 5, 100, 511, 512, 513, 1000] {
        exactly(Options::new().items(items), items);
    }
    // Whichever is more.
    exactly(Options::new().items(3).bytes(100), 12);
    exactly(Options::new().items(13).bytes(100), 13);
    exactly(Options::new(), 8192);
}
