//! Two sides that open or create the same region at once, where there is memory for one: both get it. And where there is
//! none for anybody, an end to the wait.

use std::path::Path;
use std::sync::Barrier;
use std::time::{Duration, Instant};

use shm_ring::{Error, Latest, MessageConsumer, MessageProducer, Options, Region, Ring};

use crate::harness::{Child, Dir, Home, root_or_skip};
use crate::system;

const MIB: usize = 1 << 20;

/// What `one` and `other` answer, called at the same time.
fn at_once<R: Send, S: Send>(
    one: impl FnOnce() -> R + Send,
    other: impl FnOnce() -> S + Send,
) -> (R, S) {
    let start = Barrier::new(2);
    std::thread::scope(|scope| {
        let one = scope.spawn(|| {
            start.wait();
            one()
        });
        start.wait();
        let other = other();
        (one.join().unwrap(), other)
    })
}

/// Job: rings of 32 MiB in a tmpfs of so many MiB, made by two sides at once.
pub(crate) fn room_for_one(home: Home) {
    let path = Path::new(home.argument(0));
    system::mount_tmpfs(path, home.number(1) as usize as u64 * MIB as u64).unwrap();
    let file = path.join("ring");
    let region = || Region::file(&file);
    let left = || std::fs::read_dir(path).unwrap().count();
    let options = Options::new().bytes(32 * MIB).unlink_on_drop();
    for round in 0..8 {
        let open = || Ring::<u64>::open_or_create(region(), &options);
        let (one, other) = at_once(open, open);
        let (one, other) = (one.unwrap(), other.unwrap());
        assert_eq!(one.id(), other.id(), "round {round}");
        drop((one, other));
        assert_eq!(left(), 0);
    }
    for _ in 0..2 {
        let (tx, rx) = at_once(
            || MessageProducer::open_or_create(region(), &options).unwrap(),
            || MessageConsumer::open_or_create(region(), &options).unwrap(),
        );
        assert!(!tx.has_lost_its_name() && !rx.has_lost_its_name());
        drop((tx, rx));
        let open = || Latest::<[u64; 4]>::open_or_create(region(), &options).unwrap();
        let (one, other) = at_once(open, open);
        assert_eq!(one.id(), other.id());
        drop((one, other));
        assert_eq!(left(), 0);
    }
    // Where there is no room for anybody the wait ends, and where there never will be it does not begin.
    std::fs::write(path.join("filler"), vec![1; 8 * MIB]).unwrap();
    std::fs::write(path.join("more"), vec![1; (home.number(1) as usize).saturating_sub(34) * MIB])
        .unwrap();
    for (bytes, limit) in [(32 * MIB, 5), (1024 * MIB, 1)] {
        let start = Instant::now();
        let refused = Ring::<u64>::open_or_create(region(), &Options::new().bytes(bytes));
        assert!(matches!(refused, Err(Error::NoSpace { .. })), "{refused:?}");
        let took = start.elapsed();
        assert!(took < Duration::from_secs(limit), "{bytes} bytes: {took:?}");
    }
    assert_eq!(left(), 2);
}

#[test]
fn both_sides_get_the_ring_where_there_is_room_for_one() {
    if root_or_skip("a tmpfs of our own") {
        // With 64 one is whole and the other not; with 33 each may take what the other needs.
        for mebibytes in ["64", "33"] {
            let dir = Dir::new("room-for-one");
            Child::spawn("room-for-one", &[dir.path().to_str().unwrap(), mebibytes]).finish();
        }
    }
}
