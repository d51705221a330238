use shm_ring::*;
use std::time::Instant;
fn main() {
    let n: usize = std::env::args().nth(1).unwrap().parse().unwrap();
    let rings: Vec<_> = (0..n).map(|i| Ring::<u64>::create(format!("/shm-ring-zz-{}-{i}", std::process::id()).as_str(), &Options::new().items(512).unlink_on_drop()).unwrap()).collect();
    let ends: Vec<_> = rings.iter().map(|r| (r.producer().unwrap(), r.consumer().unwrap())).collect();
    for _ in 0..5 { 
        let t = Instant::now(); let l = list(&Options::new()).unwrap(); let a = t.elapsed();
        let obs: Vec<_> = rings.iter().map(|r| Observer::open(Region::descriptor(r.descriptor().try_clone_to_owned().unwrap())).unwrap()).collect();
        let t = Instant::now(); let s: Vec<_> = obs.iter().map(|o| o.snapshot().tail).collect(); let b = t.elapsed();
        let t = Instant::now(); let s2 = Observer::snapshots(rings.iter().map(|r| Region::descriptor(r.descriptor().try_clone_to_owned().unwrap())), &Options::new()); let c = t.elapsed();
        println!("list {} {:?}; kept, each alone {:?} {}; snapshots {:?} {}", l.len(), a, b, s.len(), c, s2.len());
    }
    drop(ends);
}
