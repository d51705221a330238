//! Values in and out of a ring by the same thread: by copy, in place, and 32 at a time. What that costs when nothing has
//! to travel between processors. It must not know how long a round trip takes: that is the comparison's (README.md).

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use shm_ring::{Consumer, Options, Producer, Region, Ring};
use std::hint::black_box;

const BATCH: usize = 32;

/// Both ends of a ring that holds many.
fn ends<const W: usize>() -> (Producer<[u64; W]>, Consumer<[u64; W]>) {
    let options = Options::new().bytes(1 << 20).prefault();
    let ring = Ring::create(Region::memfd("bench"), &options).expect("a ring in a memfd");
    (ring.producer().expect("the only producer"), ring.consumer().expect("the only consumer"))
}

fn of_size<const W: usize>(criterion: &mut Criterion) {
    let bytes = size_of::<[u64; W]>();
    let mut group = criterion.benchmark_group("push and pop");
    group.throughput(Throughput::Bytes(bytes as u64));
    let (mut tx, mut rx) = ends::<W>();
    group.bench_function(format!("{bytes} B"), |bencher| {
        let item = [7; W];
        bencher.iter(|| {
            tx.try_push(*black_box(&item)).expect("there is room");
            black_box(rx.try_pop().expect("there is one"));
        });
    });
    let mut item = [7; W];
    group.bench_function(format!("{bytes} B by reference"), |bencher| {
        bencher.iter(|| {
            tx.try_push_from(black_box(&item)).expect("there is room");
            rx.try_pop_into(black_box(&mut item)).expect("there is one");
        });
    });
    group.finish();
    let mut group = criterion.benchmark_group("reserve, commit, peek, release");
    group.throughput(Throughput::Bytes(bytes as u64));
    group.bench_function(format!("{bytes} B"), |bencher| {
        bencher.iter(|| {
            let mut room = tx.try_reserve(1).expect("there is room");
            room.write(0, black_box(&item));
            room.commit(1);
            let view = rx.try_peek(1).expect("there is one");
            black_box(view.get(0));
            view.release(1);
        });
    });
    group.finish();
    let mut group = criterion.benchmark_group("32 pushed and popped");
    group.throughput(Throughput::Elements(BATCH as u64));
    group.bench_function(format!("{bytes} B"), |bencher| {
        let items = vec![[7; W]; BATCH];
        bencher.iter(|| {
            let pushed = tx.try_push_batch(black_box(&items).iter().copied());
            assert_eq!(pushed.expect("there is room"), BATCH);
            let popped = rx.try_pop_batch(BATCH, |item| {
                black_box(item);
            });
            assert_eq!(popped.expect("there are as many"), BATCH);
        });
    });
    group.finish();
}

/// Alone, into a ring with room, and alone, out of a ring with many: what a pair hides.
fn halves(criterion: &mut Criterion) {
    const RUN: u64 = 1000;
    let mut group = criterion.benchmark_group("a thousand of 64 B");
    group.throughput(Throughput::Elements(RUN));
    let (mut tx, mut rx) = ends::<8>();
    group.bench_function("push", |bencher| {
        let drained = |rx: &mut Consumer<[u64; 8]>| while rx.try_pop().is_ok() {};
        bencher.iter_batched(
            || drained(&mut rx),
            |()| (0..RUN).for_each(|_| tx.try_push(black_box([7; 8])).expect("there is room")),
            BatchSize::PerIteration,
        );
        drained(&mut rx);
    });
    group.bench_function("pop", |bencher| {
        bencher.iter_batched(
            || (0..RUN).for_each(|_| tx.try_push([7; 8]).expect("there is room")),
            |()| {
                for _ in 0..RUN {
                    black_box(rx.try_pop().expect("there is one"));
                }
            },
            BatchSize::PerIteration,
        );
    });
    group.finish();
}

fn all(criterion: &mut Criterion) {
    of_size::<1>(criterion);
    of_size::<8>(criterion);
    of_size::<32>(criterion);
    of_size::<512>(criterion);
    halves(criterion);
}

criterion_group!(benches, all);
criterion_main!(benches);
