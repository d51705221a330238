//! Random operations of both kinds against a queue in plain memory (`forms::model`).

use shm_ring::{Options, Region};

use crate::forms::model::{Model, Op};
use crate::forms::{Aligned, AnyRing, Kind, Room};
use crate::items::{A64, Random};

/// Says where it was when a panic passes.
struct Where {
    seed: u64,
    step: u64,
    op: Option<Op>,
}

impl Drop for Where {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("seed {}, step {}: {:?}", self.seed, self.step, self.op);
        }
    }
}

const SEEDS: u64 = 4;
const STEPS: u64 = 1000;
/// Steps until the tide turns.
const TIDE: u64 = 250;

/// In turns rather more pushes and rather more pops, so that rings run full and dry.
fn random_op(random: &mut Random, step: u64) -> Op {
    let bits = random.next();
    let what = match (step / TIDE % 2 == 0, bits >> 32 & 1) {
        (_, 0) => bits as u8,
        (true, _) => bits as u8 % 8,
        (false, _) => 8 + bits as u8 % 7,
    };
    Op { what, form: (bits >> 8) as u8, size: (bits >> 16) as u16 }
}

fn random_operations<K: Kind + ?Sized>(limit: usize) {
    crate::harness::watch();
    for seed in 0..SEEDS {
        let mut random = Random::new(seed);
        let ring = K::create(Region::memfd("model"), &Options::new().bytes(limit)).unwrap();
        // Of values it is what whole ones take.
        assert_eq!(ring.limit_bytes(), K::LEN.map_or(limit, |len| limit / len * len));
        let mut model = Model::<K>::new(ring, &Room::ALL);
        let mut place = Where { seed, step: 0, op: None };
        for step in 0..STEPS {
            let op = random_op(&mut random, step);
            (place.step, place.op) = (step, Some(op));
            model.apply(op);
        }
        model.drain();
    }
}

#[test]
fn values_answer_as_a_queue_with_exactly_that_room() {
    random_operations::<u64>(4096);
    random_operations::<u8>(4096);
    // Limits that are no power of two, smaller than a page, or exactly of so many items.
    random_operations::<u64>(24);
    random_operations::<[u8; 5]>(4096);
    random_operations::<[u8; 3]>(100);
    random_operations::<A64>(192 * 7);
    random_operations::<[u8; 12]>(5000);
    random_operations::<[u8; 504]>(4096);
}

#[test]
fn messages_answer_as_a_queue_with_exactly_that_room() {
    random_operations::<[u8]>(4096);
    random_operations::<[u8]>(1000);
    random_operations::<[u8]>(5003);
    random_operations::<Aligned<64>>(4096);
    random_operations::<Aligned<16>>(3333);
    random_operations::<Aligned<4096>>(8 * 4096);
}
