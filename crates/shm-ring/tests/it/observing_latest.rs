//! Looking at a latest value from outside: what it is, how often it was written, who writes it; never torn,
//! nothing changed, and its name goes only while nobody writes.

use std::fs::{File, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt};

use shm_ring::{
    Contents, DumpError, Error, Item, Latest, Observer, Options, Peer, Region, Role, Snapshot,
    Unread,
};
use shm_ring_outsider::{POSITION, POSITION_END, producer};
use zerocopy::FromBytes;

use crate::bytes::Bytes;
use crate::harness::{Child, Dir, Name};
use crate::items::Numbered;
use crate::observer::permissions;

fn of<T: Item>(latest: &Latest<T>) -> Observer {
    let fd = latest.descriptor().try_clone_to_owned().unwrap();
    Observer::open(Region::descriptor(fd)).unwrap()
}

fn value(observer: &Observer) -> Option<Result<Unread, DumpError>> {
    let mut dump = observer.dump();
    let value = dump.next();
    assert_eq!(dump.next(), None, "there is one value");
    value
}

#[test]
fn the_value_its_writer_and_how_often_it_was_written_are_seen() {
    let options = Options::new().schema(9).label("pose");
    let latest = Latest::<[u8; 200]>::create(Region::memfd("seen"), &options).unwrap();
    let observer = of(&latest);
    let Snapshot { contents, schema, label, capacity, producer, .. } = observer.snapshot();
    assert_eq!(contents, Contents::Latest { size: 200, align: 1 });
    assert_eq!((contents.stride(), schema, label.as_str()), (Some(256), 9, "pose"));
    assert_eq!((capacity, producer.peer), (4096, Peer::Absent));
    assert_eq!(value(&observer), None, "nothing was written yet");

    let mut writer = latest.writer().unwrap();
    for n in 1..=40_u8 {
        writer.write([n; 200]);
        let snapshot = observer.snapshot();
        let seen = (snapshot.published_records(), snapshot.tail, snapshot.head, snapshot.corrupt);
        let n = u64::from(n);
        assert_eq!(seen, (Some(n), 256 * n, 0, false));
        assert_eq!((snapshot.unread_bytes(), snapshot.unread_records()), (0, None));
        let found = value(&observer).unwrap().unwrap();
        assert_eq!((found.position, found.payload), (256 * (n - 1), vec![n as u8; 200]));
    }
    let rings = observer.snapshot().producer.wakes_sent;
    writer.notify();
    assert_eq!(observer.snapshot().producer.wakes_sent, rings + 1);
    let us = std::process::id();
    assert_eq!(observer.snapshot().producer.peer, Peer::Alive { session: 1, pid: Some(us) });
    assert_eq!(observer.snapshot().consumer.peer, Peer::Absent);
    drop(writer);
    assert_eq!(observer.snapshot().producer.peer, Peer::Closed { session: 2 });
    assert_eq!(value(&observer).unwrap().unwrap().payload, [40; 200], "the value stays");
}

#[test]
fn a_descriptor_for_reading_is_enough_and_nothing_is_changed() {
    let dir = Dir::new("latest-observed");
    let path = dir.join("latest");
    let latest = Latest::<[u64; 3]>::create(Region::file(&path), &Options::new()).unwrap();
    latest.writer().unwrap().write([1, 2, 3]);
    drop(latest);
    std::fs::set_permissions(&path, Permissions::from_mode(0o400)).unwrap();
    let (before, stat) = (std::fs::read(&path).unwrap(), std::fs::metadata(&path).unwrap());
    let by_descriptor = Region::unsealed_descriptor(File::open(&path).unwrap());
    for region in [Region::file(&path), by_descriptor] {
        let observer = Observer::open(region).unwrap();
        let allowed = permissions(stat.ino());
        assert!(!allowed.is_empty() && allowed.iter().all(|allowed| allowed == "r--s"));
        assert_eq!(observer.snapshot().published_records(), Some(1));
        assert_eq!(value(&observer).unwrap().unwrap().payload.len(), 24);
        assert!(std::fs::read(&path).unwrap() == before, "the region was written");
    }
}

#[test]
fn no_dump_beside_a_writer_is_torn() {
    let name = Name::new("latest-dumped");
    drop(Latest::<Numbered>::create(name.as_str(), &Options::new()).unwrap());
    let mut child = Child::spawn("latest-write-for-ever", &[name.as_str()]);
    child.hear();
    let observer = Observer::open(name.as_str()).unwrap();
    let (mut last, mut whole) = (0, 0);
    while whole < 1_000 {
        match value(&observer) {
            None => {}
            Some(Err(error)) => assert_eq!(error, DumpError::Overrun),
            Some(Ok(Unread { position, payload, .. })) => {
                let stride = observer.snapshot().contents.stride().unwrap();
                let number = Numbered::read_from_bytes(&payload).unwrap().checked();
                assert_eq!(position, (number - 1) * stride);
                assert!(number >= last, "{number} came after {last}");
                last = number;
                whole += 1;
            }
        }
    }
    child.kill();
    let dead = observer.snapshot().producer.peer;
    assert!(matches!(dead, Peer::Dead { session: 1, .. }), "{dead:?}");
    let left = value(&observer).unwrap().unwrap().payload;
    let left = Numbered::read_from_bytes(&left).unwrap().checked();
    assert_eq!(observer.snapshot().published_records(), Some(left));
}

#[test]
fn counts_that_cannot_be_are_said_to_be_corrupt() {
    let latest = Latest::<u64>::create(Region::memfd("counts"), &Options::new()).unwrap();
    latest.writer().unwrap().write(7);
    let (observer, bytes) = (of(&latest), Bytes::of(latest.descriptor()));
    for count in [POSITION_END, POSITION_END + 1, u64::MAX] {
        bytes.set(producer() + POSITION, count);
        assert!(observer.snapshot().corrupt, "{count:#x}");
        let corrupt = DumpError::Corrupt { position: 0, word: count };
        assert_eq!(value(&observer), Some(Err(corrupt)));
    }
    bytes.set(producer() + POSITION, POSITION_END - 1);
    assert!(!observer.snapshot().corrupt);
    assert!(value(&observer).unwrap().is_ok(), "whatever stands in that slot");
}

#[test]
fn a_name_goes_only_while_nobody_writes_and_who_reads_goes_on() {
    let name = Name::new("latest-unused");
    let latest = Latest::<u64>::create(name.as_str(), &Options::new()).unwrap();
    latest.writer().unwrap().write(5);
    let mut reader = latest.reader().unwrap();
    let unlink = || Region::named(name.as_str()).unlink_unused(&Options::new());
    let mut child = Child::spawn("latest-hold", &[name.as_str()]);
    child.expect("3");
    match unlink() {
        Err(Error::RoleTaken { role: Role::Writer, pid, .. }) => assert_eq!(pid, Some(child.id())),
        other => panic!("{other:?}"),
    }
    assert!(name.path().exists());
    child.kill();
    // A value that was written is something to read.
    assert!(matches!(unlink(), Err(Error::Unread { bytes: 8, .. })));
    Region::named(name.as_str()).unlink_unused_and_discard(&Options::new()).unwrap();
    assert!(!name.path().exists());
    assert_eq!(reader.read(), Ok(5));
    assert!(reader.has_lost_its_name() && latest.has_lost_its_name());
    assert!(matches!(latest.reader(), Err(Error::NameGone { .. })));
    assert!(matches!(latest.writer(), Err(Error::NameGone { .. })));
    // One that was never written holds nothing.
    drop(Latest::<u64>::create(name.as_str(), &Options::new()).unwrap());
    unlink().unwrap();
}
