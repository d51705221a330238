//! Limits of a process: each ends in an error that says what is short, with nothing half-made, and leaves the role free.

use std::fs::File;
use std::os::fd::AsRawFd;
use std::os::unix::process::ExitStatusExt;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use shm_ring::{Consumer, Error, Options, Peer, Producer, Region, Ring};
use shm_ring_outsider::{SESSION, lock_on, page};

use super::{sized, three_laps};
use crate::alone::{alone, in_fork};
use crate::bytes::Bytes;
use crate::harness::{Dir, Name};

fn limit(resource: Resource, current: Option<u64>) {
    let maximum = getrlimit(resource).maximum;
    setrlimit(resource, Rlimit { current, maximum }).unwrap();
}

/// So POSIX has it, unless the signal is ignored (settings).
#[test]
fn a_file_that_grows_too_long_ends_its_creator_and_leaves_nothing() {
    alone(|| {
        let name = Name::new("too-long");
        let ended = in_fork(|| {
            limit(Resource::Fsize, Some(64 << 10));
            drop(Ring::<u64>::create(name.as_str(), &sized(1 << 20)));
        });
        assert_eq!(ended.signal(), Some(libc::SIGXFSZ));
        assert!(!name.path().exists());
    });
}

/// Bytes of address space that this process has now.
fn address_space_used() -> u64 {
    let pages = std::fs::read_to_string("/proc/self/statm").unwrap();
    pages.split(' ').next().unwrap().parse::<u64>().unwrap() * page()
}

#[test]
fn too_little_address_space_is_an_error_that_says_for_what() {
    alone(|| {
        const BYTES: usize = 64 << 20;
        let ring = Ring::<u64>::create(Region::memfd("space"), &sized(BYTES)).unwrap();
        let other = ring.consumer().unwrap();
        // Enough for the region and not for its mirror.
        limit(Resource::As, Some(address_space_used() + (BYTES + BYTES / 2) as u64));
        let refused = ring.producer().unwrap_err();
        assert!(matches!(refused, Error::Os { call: "mmap", .. }), "{refused}");
        assert!(refused.to_string().contains("mirror"), "{refused}");
        assert_eq!(other.peer(), Peer::Absent);
        drop(other);
        limit(Resource::As, getrlimit(Resource::As).maximum);
        let (mut tx, mut rx) = (ring.producer().unwrap(), ring.consumer().unwrap());
        tx.push(1).unwrap();
        assert_eq!(rx.pop(), Ok(1));
    });
}

/// All descriptors that this process may have but for so many.
fn hoard(spare: usize) -> Vec<File> {
    let null = File::open("/dev/null").unwrap();
    limit(Resource::Nofile, Some(128));
    let mut hoard: Vec<_> = (0..).map_while(|_| null.try_clone().ok()).collect();
    assert!(hoard.len() > 60, "only {} descriptors could be hoarded", hoard.len());
    hoard.push(null);
    hoard.sort_by_key(AsRawFd::as_raw_fd);
    hoard.truncate(hoard.len() - spare);
    hoard
}

/// Does `act` with 0, 1, 2... descriptors to spare until it succeeds; each time before that it must say that there are
/// too many, and leave as many to spare as before.
fn short_of_descriptors<T>(act: impl Fn() -> Result<T, Error>, nothing_left: impl Fn()) {
    for spare in 0..20 {
        let hoard = hoard(spare);
        let answer = act();
        let after: Vec<_> =
            (0..128).map_while(|_| File::open("/dev/null").ok()).take(128).collect();
        let left = after.len();
        drop((hoard, after));
        let Err(error) = answer else {
            assert!(spare > 0, "nothing was opened");
            return;
        };
        assert!(error.to_string().contains("Too many open files"), "{spare} to spare: {error}");
        assert_eq!(left, spare, "to spare after the error");
        nothing_left();
    }
    panic!("20 descriptors are not enough");
}

#[test]
fn without_descriptors_nothing_is_created_opened_or_attached_by_half() {
    alone(|| {
        let (dir, name) = (Dir::new("descriptors"), Name::new("descriptors"));
        let create = |region| Ring::<u64>::create(region, &sized(4096));
        let named = || create(Region::named(name.as_str()));
        let file = || create(Region::file(dir.join("ring")));
        short_of_descriptors(named, || assert!(!name.path().exists()));
        short_of_descriptors(file, || assert_eq!(dir.names(), Vec::<String>::new()));
        short_of_descriptors(|| create(Region::memfd("m")), || ());

        short_of_descriptors(|| Ring::<u64>::open(name.as_str()), || ());
        let ring = Ring::<u64>::open_with(name.as_str(), &Options::new()).unwrap();
        let bytes = Bytes::at(&name.path());
        let free = || {
            assert_eq!(lock_on(bytes.fd(), page(), 2 * page()).unwrap(), None);
            assert_eq!(bytes.get(page() + SESSION), 0, "a session was opened");
        };
        short_of_descriptors(|| ring.producer(), free);
        short_of_descriptors(|| ring.consumer(), || ());
        // And in one step, as most programs do.
        short_of_descriptors(|| Producer::<u64>::open(name.as_str()), || ());
        short_of_descriptors(|| Consumer::<u64>::open(name.as_str()), || ());
        three_laps(&ring);
    });
}
