//! What a peer that means harm can do, beside wild words (`hostile`, `forged`): it can refuse service, lose what is
//! unread, end others by cutting a named region, and look alive for as long as somebody holds its lock.
//!
//! Owns: these rows of SECURITY.md's column of the peer. Knows nothing of: wild words.

use std::fs::File;
use std::os::unix::process::ExitStatusExt;

use std::time::Duration;

use shm_ring::{Error, Options, Peer, PopError, Region, Ring, Role, Wait};
use shm_ring_outsider::{LIVENESS, POSITION, SESSION, SLEEPS, consumer, page, producer};

use crate::bytes::Bytes;
use crate::harness::{Child, Name, SOON, until, within};
use crate::system;

fn parked() -> Options {
    Options::new().attach_timeout(Duration::from_millis(100)).bytes(4096).wait(Wait::PARK)
}

/// Another description for writing, as a process opens that may write the region.
fn another(name: &Name) -> File {
    File::options().read(true).write(true).open(name.path()).unwrap()
}

#[test]
fn a_lock_for_writing_keeps_a_free_role_and_takes_no_held_one() {
    let name = Name::new("writers-lock");
    let ring = Ring::<u64>::create(name.as_str(), &parked()).unwrap();
    let (mut tx, mut rx) = (ring.producer().unwrap(), ring.consumer().unwrap());
    for at in [producer(), consumer()] {
        let refused = system::lock_for_writing(&another(&name), at, page()).unwrap_err();
        assert_eq!(refused.kind(), std::io::ErrorKind::WouldBlock);
    }
    tx.push(1).unwrap();
    assert_eq!(rx.pop(), Ok(1));
    drop(tx);
    let other = another(&name);
    system::lock_for_writing(&other, producer(), page()).unwrap();
    assert_eq!(rx.peer(), Peer::Closed { session: 2 });
    let (taken, ring) = within(SOON, "taking a role", move || (ring.producer().map(drop), ring));
    assert!(matches!(taken, Err(Error::RoleTaken { role: Role::Producer, .. })), "{taken:?}");
    drop(other);
    ring.producer().unwrap();
}

/// A lock for writing is what proves life: an accomplice may hold it. The kernel's mark counts all the same.
#[test]
fn whoever_holds_a_dead_peers_lock_for_writing_keeps_it_alive_unless_it_was_marked() {
    const DIED: u64 = 0x4000_0000;
    let name = Name::new("accomplice");
    let ring = Ring::<u64>::create(name.as_str(), &parked()).unwrap();
    let mut rx = ring.consumer().unwrap();
    drop(ring.producer().unwrap());
    let bytes = Bytes::of(ring.descriptor());
    // As after a death of which the kernel was not asked to tell.
    bytes.set(producer() + SESSION, 1);
    assert!(matches!(rx.peer(), Peer::Dead { session: 1, released: true, .. }));
    let accomplice = another(&name);
    system::lock_for_writing(&accomplice, producer(), page()).unwrap();
    assert!(matches!(rx.peer(), Peer::Alive { session: 1, .. }), "{:?}", rx.peer());
    bytes.write(producer() + LIVENESS, &(DIED as u32).to_le_bytes());
    assert!(matches!(rx.peer(), Peer::Dead { session: 1, released: false, .. }));
    let told = within(SOON, "a pop", move || rx.pop());
    assert_eq!(told, Err(PopError::PeerDead));
}

#[test]
fn a_producer_that_publishes_and_does_not_ring_is_found_with_the_slice() {
    let ring = Ring::<u64>::create(Region::memfd("silent"), &parked()).unwrap();
    let bytes = Bytes::of(ring.descriptor());
    let (_tx, mut rx) = (ring.producer().unwrap(), ring.consumer().unwrap());
    let popping = std::thread::spawn(move || rx.pop());
    // The first sleep is short.
    until("it sleeps for long", || bytes.get(consumer() + SLEEPS) > 1);
    bytes.until_parked(consumer());
    bytes.publish_silently(&7_u64.to_le_bytes());
    let popped = within(SOON, "a sleeper by slices", move || popping.join().unwrap());
    assert_eq!(popped, Ok(7));
}

/// The MMU keeps each side's library from the other's pages, and nobody from a mapping of his own.
#[test]
fn whoever_writes_a_consumers_page_loses_it_records() {
    let ring = Ring::<u64>::create(Region::memfd("overwritten"), &parked()).unwrap();
    ring.producer().unwrap().push_slice(&[1, 2, 3]).unwrap();
    Bytes::of(ring.descriptor()).set(consumer() + POSITION, 16);
    let mut rx = ring.consumer().unwrap();
    assert_eq!((rx.pop(), rx.pop()), (Ok(3), Err(PopError::Closed)));
}

#[test]
fn whoever_may_write_a_named_region_ends_its_users_by_cutting_it() {
    let name = Name::new("cut");
    let ring = Ring::<u64>::create(name.as_str(), &parked()).unwrap();
    let mut child = Child::spawn("hold", &[name.as_str(), "producer"]);
    child.expect("1");
    another(&name).set_len(0).unwrap();
    // It closes, and so touches its page.
    child.say("close");
    assert_eq!(child.status().signal(), Some(libc::SIGBUS));
    // What comes later is refused.
    let refused = ring.producer().map(drop);
    assert!(matches!(refused, Err(Error::WrongLength { found: 0, .. })), "{refused:?}");
}
