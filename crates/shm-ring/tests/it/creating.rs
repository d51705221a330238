//! Creating: those who race for a ring get the same one; where there is no room nothing is left. That it appears whole or
//! not at all is what the campaign `stepkill` looks for after each instruction; what is left of a killed creator is shown
//! in `faults`.

use shm_ring::{Error, Options, Property, Region, Ring};
use shm_ring_outsider::page;

use crate::harness::{Child, Dir, Home, Name, root_or_skip};
use crate::system;

fn sized(bytes: usize) -> Options {
    Options::new().bytes(bytes)
}

/// Job: opens or creates the rings that it is told, and says which it got.
pub(crate) fn open_or_create(mut home: Home) {
    loop {
        let name = home.hear();
        if name.is_empty() {
            return;
        }
        let ring = Ring::<u64>::open_or_create(name, &sized(4096)).unwrap();
        home.say(&format!("{:x}", ring.id()));
    }
}

#[test]
fn all_who_open_or_create_at_once_get_the_same_ring() {
    let mut children: Vec<_> = (0..4).map(|_| Child::spawn("open-or-create", &[])).collect();
    let mut all = Vec::new();
    for _ in 0..40 {
        let name = Name::new("race");
        for child in &mut children {
            child.say(name.as_str());
        }
        let mut ids: Vec<_> = std::thread::scope(|scope| {
            let open = || Ring::<u64>::open_or_create(name.as_str(), &sized(4096)).unwrap().id();
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(open)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        ids.extend(children.iter_mut().map(|c| u128::from_str_radix(&c.hear(), 16).unwrap()));
        assert!(ids.iter().all(|id| *id == ids[0]), "{ids:x?}");
        all.push(ids[0]);
        let other = Ring::<u64>::open_or_create(name.as_str(), &sized(8192)).unwrap_err();
        let text = other.to_string();
        assert!(matches!(other, Error::Incompatible { property: Property::Capacity, .. }));
        assert!(text.contains("4096") && text.contains("8192"), "{text}");
        let other = Ring::<u32>::open_or_create(name.as_str(), &sized(4096)).unwrap_err();
        assert!(matches!(other, Error::Incompatible { property: Property::ItemSize, .. }));
    }
    all.sort_unstable();
    all.dedup();
    assert_eq!(all.len(), 40, "ids are random");
    for mut child in children {
        child.say("");
        child.finish();
    }
}

/// Job: creates rings in a tmpfs of 64 KiB until it is full.
pub(crate) fn small_tmpfs(home: Home) {
    let path = std::path::Path::new(home.argument(0));
    system::mount_tmpfs(path, 64 * 1024).unwrap();
    let create = |name: &str, bytes: usize| {
        Ring::<u64>::create(Region::file(path.join(name)), &sized(bytes))
    };
    let left = || std::fs::read_dir(path).unwrap().count();
    let error = create("large", 256 * 1024).map(drop).unwrap_err();
    let text = error.to_string();
    match error {
        Error::NoSpace { needed, available, .. } => {
            assert_eq!(needed, 3 * page() + 256 * 1024);
            assert!(available <= 64 * 1024 && available > 0, "{available}");
            assert!(text.contains(&needed.to_string()) && text.contains(&available.to_string()));
            assert_eq!(std::io::Error::from(error).kind(), std::io::ErrorKind::StorageFull);
        }
        other => panic!("{other}"),
    }
    assert_eq!(left(), 0);
    // One fits, and every page of it is really there: nothing is a SIGBUS later.
    let ring = create("small", 32 * 1024).unwrap();
    let refused = create("second", 32 * 1024).map(drop);
    assert!(matches!(refused, Err(Error::NoSpace { .. })), "{refused:?}");
    assert_eq!(left(), 1);
    let _ = std::fs::write(path.join("filler"), vec![1; 64 * 1024]);
    let (mut tx, mut rx) = (ring.producer().unwrap(), ring.consumer().unwrap());
    for n in 0..3 * tx.capacity() as u64 {
        tx.try_push(n).unwrap();
        assert_eq!(rx.try_pop(), Ok(n));
    }
}

#[test]
fn a_full_file_system_is_an_error_that_says_what_is_needed() {
    if root_or_skip("a full tmpfs") {
        let dir = Dir::new("small-tmpfs");
        Child::spawn("small-tmpfs", &[dir.path().to_str().unwrap()]).finish();
        assert_eq!(dir.names(), Vec::<String>::new(), "it was mounted here");
    }
}

#[test]
fn more_memory_than_there_is_is_refused_before_it_is_taken() {
    let refused = Ring::<u64>::create(Region::memfd("huge"), &sized(1 << 44)).unwrap_err();
    match refused {
        Error::NoSpace { needed, available, .. } => assert!(needed > available),
        other => panic!("{other}"),
    }
    for options in [
        Options::new().items(usize::MAX),
        Options::new().bytes(usize::MAX),
        Options::new().bytes((1 << 44) + 8),
        Options::new().label("x".repeat(65)),
        Options::new().label("a\0b"),
    ] {
        let refused = Ring::<u64>::create(Region::memfd("options"), &options);
        assert!(matches!(refused, Err(Error::InvalidOptions { .. })), "{options:?}: {refused:?}");
    }
}
