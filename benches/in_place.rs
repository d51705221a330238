//! One value written and read where it stands: reserve and commit, peek and release, by the same
//! thread. What value.rs measures with copies in between; it must not know that file.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use shm_ring::{Options, Region, Ring};
use std::hint::black_box;

fn pairs<const W: usize>(criterion: &mut Criterion) {
    let bytes = size_of::<[u64; W]>();
    let mut group = criterion.benchmark_group("reserve, commit, peek, release");
    group.throughput(Throughput::Bytes(bytes as u64));
    let options = Options::new().bytes(1 << 20).prefault();
    let ring = Ring::<[u64; W]>::create(Region::memfd("bench"), &options).expect("a memfd ring");
    let mut tx = ring.producer().expect("the only producer");
    let mut rx = ring.consumer().expect("the only consumer");
    group.bench_function(format!("{bytes} B"), |bencher| {
        let item = [7; W];
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
}

fn all(criterion: &mut Criterion) {
    pairs::<1>(criterion);
    pairs::<8>(criterion);
    pairs::<32>(criterion);
    pairs::<512>(criterion);
}

criterion_group!(benches, all);
criterion_main!(benches);
