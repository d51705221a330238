//! Values in and out of a ring 32 at a time, by the same thread: what is left of the cost of one when
//! many are published by one store. It must not know what one at a time costs.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use shm_ring::{Options, Region, Ring};
use std::hint::black_box;

const BATCH: usize = 32;

fn batches<const W: usize>(criterion: &mut Criterion) {
    let bytes = size_of::<[u64; W]>();
    let mut group = criterion.benchmark_group("32 pushed and popped");
    group.throughput(Throughput::Elements(BATCH as u64));
    let options = Options::new().bytes(1 << 20).prefault();
    let ring = Ring::<[u64; W]>::create(Region::memfd("bench"), &options).expect("a memfd ring");
    let mut tx = ring.producer().expect("the only producer");
    let mut rx = ring.consumer().expect("the only consumer");
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

fn all(criterion: &mut Criterion) {
    batches::<1>(criterion);
    batches::<8>(criterion);
    batches::<32>(criterion);
    batches::<512>(criterion);
}

criterion_group!(benches, all);
criterion_main!(benches);
