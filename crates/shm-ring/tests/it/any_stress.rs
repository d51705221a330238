//! No wake-up is lost while one thread waits for two rings, into which another pushes at every moment of that wait.
//! `SHM_RING_SECONDS` says for how long (2).

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::time::{Duration, Instant};

use shm_ring::{Options, Region, Ring, Wait, wait_any};
use shm_ring_outsider::{SLEEPS, WAKES_SENT, consumer, producer};

use crate::bytes::Bytes;
use crate::harness;

#[test]
fn no_wake_up_is_lost_at_any_moment_of_a_wait_for_two_rings() {
    harness::watch();
    let until = Instant::now() + harness::asked_seconds().unwrap_or(Duration::from_secs(2));
    let options = Options::new().bytes(4096).wait(Wait::PARK);
    let rings = [(); 2].map(|()| Ring::<u64>::create(Region::memfd("any"), &options).unwrap());
    let bytes = rings.each_ref().map(|ring| Bytes::of(ring.descriptor()));
    let sum = |word: u64| bytes.iter().map(|bytes| bytes.get(word)).sum::<u64>();
    let [mut one, mut other] = rings.each_ref().map(|ring| ring.consumer().unwrap());
    let (taken, pushed, over) = (AtomicU64::new(0), AtomicU64::new(0), AtomicBool::new(false));
    let (mut waits, mut lost, mut slept) = (0, 0, 0);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let [mut one, mut other] = rings.each_ref().map(|ring| ring.producer().unwrap());
            let mut random = 88_172_645_463_325_252_u64;
            for n in 0.. {
                while taken.load(SeqCst) < n {
                    if over.load(SeqCst) {
                        return;
                    }
                    std::thread::yield_now();
                }
                random ^= random << 13;
                random ^= random >> 7;
                random ^= random << 17;
                (0..(random >> 8) % 400).for_each(|_| std::hint::spin_loop());
                let tx = if random & 1 == 0 { &mut one } else { &mut other };
                tx.try_push(n).unwrap();
                pushed.store(n + 1, SeqCst);
            }
        });
        while Instant::now() < until {
            let before = [sum(consumer() + SLEEPS), sum(producer() + WAKES_SENT)];
            let start = Instant::now();
            let popped = match wait_any(&mut [&mut one, &mut other], None).unwrap() {
                0 => one.try_pop(),
                _ => other.try_pop(),
            };
            assert_eq!(popped, Ok(waits));
            let took = start.elapsed();
            waits += 1;
            // It rings before it returns, if it does.
            while pushed.load(SeqCst) < waits {
                std::thread::yield_now();
            }
            let after = [sum(consumer() + SLEEPS), sum(producer() + WAKES_SENT)];
            slept += u64::from(after[0] > before[0]);
            // Asleep to the end of a slice, with the record there and nobody rung for it.
            lost += u64::from(took > Duration::from_millis(80) && after[1] == before[1]);
            taken.store(waits, SeqCst);
        }
        over.store(true, SeqCst);
    });
    assert!(slept > waits / 1000, "{slept} of {waits} waits slept");
    assert_eq!(lost, 0, "lost wake-ups in {waits} waits");
}
