//! How long a push and a pop take by a call of the C library, beside those of the typed ends in Rust: one thread, nobody waits,
//! a conversation (one at a time) and runs of 64.
//!
//! ```console
//! $ taskset -c 1 cargo run --release -p shm-ring-c --example pairs
//! ```
//!
//! The two take turns, and each figure is the median of many rounds, with the least and the most, in nanoseconds of a pair. The
//! calls go through addresses that the compiler does not know, as those of a shared library do.
//!
//! Owns: what is timed. Knows nothing of: two processes; `shm-ring-bench` has that, with the row `c-call`.
#![allow(unsafe_code)]

use std::ffi::{c_int, c_void};
use std::hint::black_box;
use std::mem::MaybeUninit;
use std::ptr::null;
use std::time::Instant;

use shm_ring::{Consumer, Options, Producer, Ring};
use shmring::{Handle, Out, shmr_options, shmr_place};

type Push = unsafe extern "C" fn(Option<&Handle>, *const c_void, usize, i64) -> c_int;
type Pop = unsafe extern "C" fn(Option<&Handle>, *mut c_void, usize, i64) -> i64;

const ROUNDS: usize = 41;
const PAIRS: usize = 400_000;
const ITEMS: usize = 1024;
const FOREVER: i64 = -1;

/// Pushes and pops `PAIRS` values, `run` at a time: nanoseconds of a pair.
fn time<const W: usize>(
    run: usize,
    mut push: impl FnMut(&[u64; W]),
    mut pop: impl FnMut(&mut [u64; W]),
) -> f64 {
    let (mut given, mut taken) = ([1; W], [0; W]);
    let start = Instant::now();
    for _ in 0..PAIRS / run {
        for number in 0..run {
            given[0] = number as u64;
            push(black_box(&given));
        }
        for number in 0..run {
            pop(&mut taken);
            assert_eq!(black_box(&taken)[0], number as u64);
        }
    }
    start.elapsed().as_nanos() as f64 / (PAIRS / run * run) as f64
}

struct Calls {
    push: Push,
    pop: Pop,
    tx: &'static Handle,
    rx: &'static Handle,
}

fn handle(make: impl FnOnce(Out<'_>) -> c_int) -> &'static Handle {
    let mut out = MaybeUninit::new(null::<Handle>());
    assert_eq!(make(Some(&mut out)), 0);
    // SAFETY: it was given a value.
    let handle = unsafe { out.assume_init() };
    // SAFETY: it succeeded, and the memory of a handle is never given back.
    unsafe { &*handle }
}

fn calls(bytes: usize) -> Calls {
    let place = shmr_place { kind: 3, fd: -1, name: c"pairs".as_ptr(), pid: 0, unused: 0 };
    // SAFETY: zeros are the defaults, by the header.
    let defaults = unsafe { MaybeUninit::<shmr_options>::zeroed().assume_init() };
    let size = size_of::<shmr_options>();
    let options = shmr_options { size, item_size: bytes, align: 8, items: ITEMS, ..defaults };
    // SAFETY: the place and the options are whole.
    let ring = handle(|out| unsafe { shmring::shmr_ring_create(place, &options, out) });
    Calls {
        push: black_box(shmring::shmr_push as Push),
        pop: black_box(shmring::shmr_pop as Pop),
        tx: handle(|out| shmring::shmr_ring_producer(Some(ring), out)),
        rx: handle(|out| shmring::shmr_ring_consumer(Some(ring), out)),
    }
}

fn by_calls<const W: usize>(calls: &Calls, run: usize) -> f64 {
    let (tx, rx, bytes) = (Some(calls.tx), Some(calls.rx), size_of::<[u64; W]>());
    time::<W>(
        run,
        // SAFETY: the value is as long as is said.
        |value| assert_eq!(unsafe { (calls.push)(tx, value.as_ptr().cast(), bytes, FOREVER) }, 0),
        |value| {
            // SAFETY: there is as much room as is said.
            let popped = unsafe { (calls.pop)(rx, value.as_mut_ptr().cast(), bytes, FOREVER) };
            assert_eq!(popped, bytes as i64);
        },
    )
}

fn typed<const W: usize>(
    tx: &mut Producer<[u64; W]>,
    rx: &mut Consumer<[u64; W]>,
    run: usize,
) -> f64 {
    time::<W>(run, |value| tx.push_from(value).unwrap(), |value| rx.pop_into(value).unwrap())
}

fn shown(mut figures: Vec<f64>) -> String {
    figures.sort_by(f64::total_cmp);
    let (median, most) = (figures[figures.len() / 2], figures[figures.len() - 1]);
    format!("{median:6.2} ({:.2} to {most:.2})", figures[0])
}

fn compare<const W: usize>() {
    let calls = calls(size_of::<[u64; W]>());
    let (mut tx, mut rx) = Ring::<[u64; W]>::pair(&Options::new().items(ITEMS)).unwrap();
    for run in [1, 64] {
        let (mut rust, mut c, mut more) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            rust.push(typed(&mut tx, &mut rx, run));
            c.push(by_calls::<W>(&calls, run));
            more.push(c[c.len() - 1] - rust[rust.len() - 1]);
        }
        let bytes = size_of::<[u64; W]>();
        println!("{bytes:3} B, runs of {run:2}: Rust {}", shown(rust));
        println!("{:18} C    {}", "", shown(c));
        println!("{:18} more {}", "", shown(more));
    }
}

fn main() {
    compare::<1>();
    compare::<8>();
}
