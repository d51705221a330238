//! Looking at a ring from outside: what is seen is what is there, the sides are not disturbed, and whatever
//! they write, looking ends in an answer.

use std::fs::{File, Permissions};
use std::os::fd::AsRawFd;
use std::os::unix::fs::{MetadataExt, PermissionsExt};

use shm_ring::{Contents, Error, Item, MessageRing, Observer, Options, Peer, Region, Ring, Wait};
use shm_ring_outsider::{
    NEVER, POSITION, POSITION_END, WAKE_AT, consumer, data, pack, page, producer,
};

use crate::bytes::Bytes;
use crate::harness::{Child, Dir, Name, until};

fn of<T: Item>(ring: &Ring<T>) -> Observer {
    Observer::open(Region::descriptor(ring.descriptor().try_clone_to_owned().unwrap())).unwrap()
}

/// What the mappings of the file with this inode allow, in this process.
pub(crate) fn permissions(inode: u64) -> Vec<String> {
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
    let words = maps.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    words.filter(|words| words[4] == inode.to_string()).map(|words| words[1].to_owned()).collect()
}

#[test]
fn a_descriptor_for_reading_is_enough_and_nothing_is_changed() {
    let dir = Dir::new("read-only");
    let path = dir.join("ring");
    let ring = MessageRing::create(Region::file(&path), &Options::new().bytes(8192)).unwrap();
    let mut tx = ring.producer().unwrap();
    tx.push_batch(&["a", "bc", "def"]).unwrap();
    drop((tx, ring));
    std::fs::set_permissions(&path, Permissions::from_mode(0o400)).unwrap();
    let (before, stat) = (std::fs::read(&path).unwrap(), std::fs::metadata(&path).unwrap());

    let by_descriptor = Region::unsealed_descriptor(File::open(&path).unwrap());
    for region in [Region::file(&path), by_descriptor] {
        let observer = Observer::open(region).unwrap();
        let allowed = permissions(stat.ino());
        assert!(
            !allowed.is_empty() && allowed.iter().all(|allowed| allowed == "r--s"),
            "{allowed:?}"
        );
        let snapshot = observer.snapshot();
        assert_eq!((snapshot.tail, snapshot.head, snapshot.unread_bytes()), (48, 0, 48));
        assert_eq!(snapshot.producer.peer, Peer::Closed { session: 2 });
        assert_eq!(observer.dump().map(|found| found.unwrap().payload.len()).sum::<usize>(), 6);
        // It stands in nobody's way: both roles can be had beside it.
        let bytes = Bytes::at(&path);
        assert!(bytes.all() == before, "the region was written");
        let flags = rustix::fs::fcntl_getfl(observer.descriptor()).unwrap();
        assert_eq!(flags & rustix::fs::OFlags::RWMODE, rustix::fs::OFlags::RDONLY);
    }
    assert_eq!(std::fs::metadata(&path).unwrap().modified().unwrap(), stat.modified().unwrap());
}

#[test]
fn an_observer_keeps_nobody_from_a_role_and_is_no_owner() {
    let ring = Ring::<u64>::create(Region::memfd("watched"), &Options::new()).unwrap();
    let observer = of(&ring);
    assert_eq!(observer.snapshot().producer.peer, Peer::Absent);
    let (mut tx, mut rx) = (ring.producer().unwrap(), ring.consumer().unwrap());
    let us = std::process::id();
    let snapshot = observer.snapshot();
    assert_eq!(snapshot.producer.peer, Peer::Alive { session: 1, pid: Some(us) });
    assert_eq!(snapshot.consumer.peer, Peer::Alive { session: 1, pid: Some(us) });
    let command = std::fs::read_to_string("/proc/self/comm").unwrap();
    assert_eq!(snapshot.consumer.command.as_deref(), Some(command.trim_end()));
    tx.push(1).unwrap();
    drop(observer);
    assert_eq!(rx.peer(), Peer::Alive { session: 1, pid: Some(us) });
    assert_eq!(rx.pop(), Ok(1));
}

#[test]
fn positions_and_counters_are_those_of_the_two_sides() {
    let options = Options::new().bytes(4096).schema(9).label("prices").wait(Wait::SPIN);
    let ring = Ring::<[u32; 5]>::create(Region::memfd("numbers"), &options).unwrap();
    let (mut tx, mut rx) = (ring.producer().unwrap(), ring.consumer().unwrap());
    let observer = of(&ring);
    let fresh = observer.snapshot();
    assert_eq!((fresh.tail, fresh.head, fresh.unread_records()), (0, 0, Some(0)));
    for n in 0..100 {
        tx.push([n; 5]).unwrap();
    }
    for _ in 0..30 {
        rx.pop().unwrap();
    }
    let timeout = std::time::Duration::from_millis(1);
    while tx.push_timeout([0; 5], timeout).is_ok() {}
    let full = observer.snapshot();
    // 204 times 20 bytes fit.
    assert_eq!((full.tail, full.head), (234 * 20, 30 * 20));
    assert_eq!((full.unread_records(), full.unread_bytes()), (Some(204), 204 * 20));
    assert_eq!(full.contents, Contents::Values { size: 20, align: 4 });
    assert_eq!((full.schema, full.label.as_str(), full.layout), (9, "prices", 2));
    assert_eq!((full.capacity, full.limit, full.id), (4096, 4080, ring.id()));
    assert_eq!(full.high_water, 204 * 20);
    assert!(full.settled && !full.corrupt && full.producer.waits > fresh.producer.waits);
    assert!(full.taken > fresh.taken && full.age().as_secs() < 3600);
    assert_eq!((full.consumer.waits, full.producer.sleeps), (0, 0));
}

#[test]
fn a_side_that_sleeps_is_seen_and_one_that_died_is_dead() {
    let name = Name::new("asleep");
    drop(Ring::<u64>::create(name.as_str(), &Options::new()).unwrap());
    let observer = Observer::open(name.as_str()).unwrap();
    let mut child = Child::spawn("pop-and-tell", &[name.as_str(), "numbers"]);
    until("the consumer sleeps", || observer.snapshot().consumer.sleeps > 0);
    until("it has said so", || observer.snapshot().consumer.is_asleep());
    let asleep = observer.snapshot();
    assert_eq!(asleep.consumer.peer, Peer::Alive { session: 1, pid: Some(child.id()) });
    let command = std::fs::read_to_string(format!("/proc/{}/comm", child.id())).unwrap();
    assert_eq!(asleep.consumer.command.as_deref(), Some(command.trim_end()));
    assert!(asleep.consumer.waits > 0 && asleep.consumer.wakes_sent > 0);
    child.kill();
    let dead = observer.snapshot();
    assert_eq!(
        dead.consumer.peer,
        Peer::Dead { session: 1, pid: Some(child.id()), released: true }
    );
    assert_eq!((dead.consumer.command.clone(), dead.consumer.is_asleep()), (None, false));
}

#[test]
fn a_reused_process_id_is_not_given_for_the_owner() {
    let name = Name::new("reused");
    let ring = Ring::<u64>::create(name.as_str(), &Options::new()).unwrap();
    let _tx = ring.producer().unwrap();
    let observer = Observer::open(name.as_str()).unwrap();
    assert!(observer.snapshot().producer.command.is_some());
    // Somebody who exists, and has nothing to do with the ring.
    let other = Child::spawn("try-role", &["/shm-ring-it-nothing", "producer"]);
    Bytes::of(ring.descriptor())
        .write(producer() + shm_ring_outsider::PID, &other.id().to_le_bytes());
    assert_eq!(
        observer.snapshot().producer.peer,
        Peer::Alive { session: 1, pid: Some(other.id()) }
    );
    assert_eq!(observer.snapshot().producer.command, None);
}

#[test]
fn what_contradicts_the_protocol_is_said_to() {
    let ring = Ring::<u64>::create(Region::memfd("wild"), &Options::new().bytes(4096)).unwrap();
    let (bytes, observer) = (Bytes::of(ring.descriptor()), of(&ring));
    let (tail, head) = (producer() + POSITION, consumer() + POSITION);
    for (t, h, corrupt) in [
        (4096, 0, false),
        (0, 4096, true),
        (4104, 0, true),
        (0, 4104, true),
        (7, 0, true),
        (16, 12, true),
        (POSITION_END, POSITION_END - 16, true),
        (u64::MAX >> 1, u64::MAX, true),
    ] {
        bytes.set(tail, pack(t, t % 16 == 0));
        bytes.set(head, h);
        let snapshot = observer.snapshot();
        assert_eq!((snapshot.tail, snapshot.head, snapshot.corrupt), (t, h, corrupt));
        assert!(snapshot.unread_bytes() <= 4096);
        assert_eq!(snapshot.unread_bytes(), if corrupt { 0 } else { t.saturating_sub(h) });
    }
    bytes.set(producer() + WAKE_AT, 123);
    assert_eq!(observer.snapshot().producer.wakes_at, Some(123));
    assert!(!observer.snapshot().producer.is_asleep(), "nobody is there");
    bytes.set(producer() + WAKE_AT, NEVER);
    assert_eq!(observer.snapshot().producer.wakes_at, None);
}

/// An observer refuses what every side refuses, whatever it wants.
#[test]
fn the_header_is_checked_as_an_attaching_side_does() {
    let dir = Dir::new("header");
    let path = dir.join("ring");
    let options = || Options::new().bytes(8192).schema(77).label("prices v2");
    drop(Ring::<u64>::create(Region::file(&path), &options()).unwrap());
    let (file, good) = (Bytes::at(&path), std::fs::read(&path).unwrap());
    let (mut refused, mut looked_at) = (0, 0);
    for bit in 0..256 * 8 {
        let mut header = good[..256].to_vec();
        header[bit / 8] ^= 1 << (bit % 8);
        file.write(0, &header);
        let observed = Observer::open(Region::file(&path));
        if Ring::<u64>::open_with(Region::file(&path), &options()).is_ok() {
            assert!(observed.is_ok(), "bit {bit}: {observed:?}");
        }
        match observed {
            Err(_) => refused += 1,
            Ok(observer) => {
                looked_at += 1;
                // What is in the records, the schema, when, who, the label, reserved bytes; or a label.
                let any = matches!(bit / 8, 28 | 32..56 | 72..160 | 160..);
                assert!(any, "bit {bit} means something");
                // Whatever it is now, it can be looked at.
                let _ = (observer.snapshot(), observer.dump().count());
            }
        }
    }
    assert!(refused > 700 && looked_at > 900, "{refused} refused, {looked_at} looked at");
    for (offset, bytes, wanted) in [
        (28, &0_u32.to_le_bytes()[..], "record kind"),
        (28, &4_u32.to_le_bytes(), "record kind"),
        (32, &(1_u64 << 32).to_le_bytes(), "item size"),
        (32, &16384_u64.to_le_bytes(), "capacity"),
        (32, &24_u64.to_le_bytes(), "limit"),
        (160, &8191_u64.to_le_bytes(), "limit"),
        (40, &0_u64.to_le_bytes(), "item alignment"),
        (40, &24_u64.to_le_bytes(), "item alignment"),
        (40, &(2 * page()).to_le_bytes(), "item alignment"),
        (96, b"\xff\xfe", "label"),
        (150, b"behind", "label"),
    ] {
        file.write(0, &good[..256]);
        file.write(offset, bytes);
        let error = Observer::open(Region::file(&path)).unwrap_err();
        assert!(error.to_string().contains(wanted), "{wanted}: {error}");
    }
    file.write(0, &good[..256]);
    for len in [0, 100, 256, data(), data() + 8191, data() + 8193] {
        file.file().set_len(len).unwrap();
        let error = Observer::open(Region::file(&path)).unwrap_err();
        assert!(
            matches!(error, Error::WrongLength { found, .. } if found == len),
            "{len}: {error}"
        );
        file.file().set_len(data() + 8192).unwrap();
        file.write(0, &good[..256]);
    }
    Observer::open(Region::file(&path)).unwrap();
}

#[test]
fn a_descriptor_of_another_process_is_found_by_its_numbers() {
    let ring = Ring::<u64>::create(Region::memfd("numbers"), &Options::new()).unwrap();
    let (us, fd) = (std::process::id(), ring.descriptor().as_raw_fd() as u32);
    let region = || Region::of_process(us, fd);
    assert_eq!(Observer::open(region()).unwrap().snapshot().id, ring.id());
    // Roles can be had that way too.
    let mut tx = Ring::<u64>::open(region()).unwrap().producer().unwrap();
    tx.push(4).unwrap();
    assert_eq!(ring.consumer().unwrap().pop(), Ok(4));

    let (pipe, _other_end) = std::io::pipe().unwrap();
    let pipe = Region::of_process(us, pipe.as_raw_fd() as u32);
    assert!(matches!(Observer::open(pipe), Err(Error::NotRegular { .. })));
    // The largest number that a process can have is far below this.
    for nobody in [Region::of_process(us, u32::MAX), Region::of_process(u32::MAX, 0)] {
        let error = Observer::open(nobody).unwrap_err();
        assert!(matches!(error, Error::NotFound { .. }), "{error}");
    }
    let refused = Ring::<u64>::create(region(), &Options::new());
    assert!(matches!(refused, Err(Error::InvalidOptions { .. })));
    assert!(matches!(region().unlink(), Err(Error::InvalidName { .. })));
}

#[test]
fn a_name_goes_only_while_nobody_holds_a_role() {
    let name = Name::new("unused");
    let ring = Ring::<u64>::create(name.as_str(), &Options::new()).unwrap();
    let unlink = || Region::named(name.as_str()).unlink_unused(&Options::new());
    for role in ["producer", "consumer"] {
        let mut child = Child::spawn("hold", &[name.as_str(), role]);
        child.hear();
        match unlink() {
            Err(Error::RoleTaken { role: held, pid, .. }) => {
                assert_eq!((held.to_string().as_str(), pid), (role, Some(child.id())));
            }
            other => panic!("{other:?}"),
        }
        assert!(name.path().exists());
        child.kill();
    }
    // A question that was refused has left nothing held.
    drop((ring.producer().unwrap(), ring.consumer().unwrap()));
    unlink().unwrap();
    assert!(!name.path().exists());
    assert!(matches!(unlink(), Err(Error::NotFound { .. })));
    // What is no ring is not removed.
    std::fs::write(name.path(), "no ring").unwrap();
    std::fs::set_permissions(name.path(), Permissions::from_mode(0o600)).unwrap();
    assert!(unlink().is_err() && name.path().exists());
    let nameless = Region::unsealed_descriptor(ring.descriptor().try_clone_to_owned().unwrap());
    assert!(matches!(nameless.unlink_unused(&Options::new()), Err(Error::InvalidName { .. })));
}
