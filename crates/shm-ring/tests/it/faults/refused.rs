//! What a sandbox refuses to those who attach: an error that names the call, and never a role without its lock or an
//! owner that is taken for dead.

use std::time::Duration;

use shm_ring::{Error, Options, Peer, PopError, Ring};
use shm_ring_outsider::{SESSION, consumer, lock_on, producer};

use super::{forked, three_laps};
use crate::alone::alone;
use crate::bytes::Bytes;
use crate::harness::{Child, Name};
use crate::system::{self, Call};

#[test]
fn without_the_lock_nobody_attaches() {
    alone(|| {
        let name = Name::new("unlocked");
        let ring = Ring::<u64>::create(name.as_str(), &Options::new()).unwrap();
        for errno in [libc::EPERM, libc::ENOSYS, libc::EINVAL] {
            forked(|| {
                system::refuse(&[Call::fcntl(libc::F_OFD_SETLK)], errno);
                let ring = Ring::<u64>::open(name.as_str()).unwrap();
                for refused in [ring.producer().map(drop), ring.consumer().map(drop)] {
                    let named = |call| call == "fcntl(F_OFD_SETLK)";
                    assert!(matches!(refused, Err(Error::Os { call, .. }) if named(call)));
                }
            });
            let bytes = Bytes::of(ring.descriptor());
            let sessions = [producer(), consumer()].map(|page| bytes.get(page + SESSION));
            assert_eq!(sessions, [0; 2], "a session was opened without a lease");
        }
        three_laps(&ring);
    });
}

#[test]
fn nobody_is_dead_because_the_question_is_refused() {
    alone(|| {
        let name = Name::new("unasked");
        let ring = Ring::<u64>::create(name.as_str(), &Options::new()).unwrap();
        let mut child = Child::spawn("hold", &[name.as_str(), "producer"]);
        child.expect("1");
        let mut rx = ring.consumer().unwrap();
        system::refuse(&[Call::fcntl(libc::F_OFD_GETLK)], libc::EPERM);
        assert_eq!(rx.peer(), Peer::Alive { session: 1, pid: Some(child.id()) });
        // Longer than a slice, so that it is asked.
        assert_eq!(rx.pop_timeout(Duration::from_millis(250)), Err(PopError::TimedOut));
        child.say("close");
        assert_eq!(rx.pop(), Err(PopError::Closed));
    });
}

#[test]
fn each_call_of_attaching_that_is_refused_is_named_or_done_without() {
    alone(|| {
        let name = Name::new("unattached");
        let ring = Ring::<u64>::create(name.as_str(), &Options::new()).unwrap();
        for (what, calls, errno, goes) in [
            ("open", system::OPEN, libc::EPERM, false),
            ("fstat", &[libc::SYS_fstat], libc::EPERM, false),
            ("mmap", &[libc::SYS_mmap], libc::ENOMEM, false),
            // What only makes a page ready may be missing.
            ("madvise", &[libc::SYS_madvise], libc::EINVAL, true),
        ] {
            forked(|| {
                let options = Options::new().prefault();
                let ring = Ring::<u64>::open_with(name.as_str(), &options).unwrap();
                system::refuse(calls, errno);
                for answer in [ring.producer().map(drop), ring.consumer().map(drop)] {
                    match answer {
                        Ok(()) => assert!(goes, "attached without {what}"),
                        Err(error) => {
                            assert!(!goes && error.to_string().contains(what), "{what}: {error}");
                        }
                    }
                }
            });
            assert_eq!(lock_on(ring.descriptor(), 0, 0).unwrap(), None, "left without {what}");
        }
        three_laps(&ring);
    });
}
