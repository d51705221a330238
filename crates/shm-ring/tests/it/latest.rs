//! The latest value between processes: whole, never older than what was read before, across kills and restarts
//! of its writer; readers need nothing but the right to read, and are told what becomes of the writer.

use std::fs::{File, Permissions};
use std::os::fd::AsFd;
use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, Instant};

use shm_ring::{Error, Item, Latest, Options, Peer, ReadError, Region, Role, Wait};
use shm_ring_outsider::{POSITION, SESSION, data, producer};

use crate::bytes::Bytes;
use crate::harness::{Child, Dir, Home, LIMIT, Name, SOON, root_or_skip, until, within};
use crate::items::{A16, A64, A4096, Numbered, check, make};
use crate::system;

/// Longer than any test takes: reaching it is a failure.
const LONG: Duration = LIMIT;

fn memfd<T: Item>() -> Latest<T> {
    crate::harness::watch();
    Latest::create(Region::memfd("latest"), &Options::new()).unwrap()
}

/// Job: becomes the writer and writes, without end, values that hold their version.
pub(crate) fn write_for_ever(mut home: Home) {
    let latest = Latest::<Numbered>::open(home.argument(0)).unwrap();
    let mut writer = latest.writer().unwrap();
    home.say(&writer.version().to_string());
    loop {
        writer.write(Numbered::new(writer.version() + 1));
    }
}

/// Job: becomes the writer, and closes in order when told to.
pub(crate) fn hold(mut home: Home) {
    match Latest::<u64>::open(home.argument(0)).unwrap().writer() {
        Ok(writer) => {
            home.say(&writer.session().to_string());
            home.hear();
            writer.close();
            home.say("closed");
        }
        Err(error) => home.say(&error.to_string()),
    }
}

fn copies_of<T: Item>() {
    let latest = memfd::<T>();
    let (mut writer, mut one, mut other) =
        (latest.writer().unwrap(), latest.reader().unwrap(), latest.reader().unwrap());
    let mut place = make::<T>(77);
    assert_eq!(one.read_into(&mut place), Err(ReadError::Empty));
    check(&place, 77);
    for n in 1..=100 {
        match n % 2 {
            0 => writer.write(make(n)),
            _ => writer.write_from(&make(n)),
        }
        assert_eq!((writer.version(), one.version()), (n, n - 1));
        assert!(one.has_newer().unwrap());
        check(&one.read().unwrap(), n);
        assert_eq!((one.has_newer(), one.version()), (Ok(false), n));
        check(&one.read().unwrap(), n);
        if n % 7 == 0 {
            other.read_into(&mut place).unwrap();
            check(&place, n);
        }
    }
}

#[test]
fn every_reader_has_the_last_value_whatever_its_size_and_alignment() {
    copies_of::<u8>();
    copies_of::<[u8; 13]>();
    copies_of::<u64>();
    copies_of::<[u64; 8]>();
    copies_of::<A16>();
    copies_of::<A64>();
    copies_of::<[u8; 129]>();
    copies_of::<[u8; 4000]>();
    copies_of::<A4096>();
    copies_of::<[u64; 2_000]>();
    let few = Options::new().items(1);
    let latest = Latest::<A4096>::create(Region::memfd("few"), &few).unwrap();
    let mut writer = latest.writer().unwrap();
    for n in 1..10 {
        writer.write(make(n));
        check(&latest.reader().unwrap().read().unwrap(), n);
    }
    let ready = Options::new().prefault().lock_memory();
    let latest = Latest::<u64>::create(Region::memfd("ready"), &ready).unwrap();
    latest.writer().unwrap().write(1);
    assert_eq!(latest.reader().unwrap().read(), Ok(1));
}

#[test]
fn a_writer_killed_while_it_writes_leaves_a_whole_value_and_the_next_goes_on() {
    let name = Name::new("latest-killed");
    let latest = Latest::<Numbered>::create(name.as_str(), &Options::new()).unwrap();
    let mut reader = latest.reader().unwrap();
    assert_eq!((reader.read().err(), reader.writer()), (Some(ReadError::Empty), Peer::Absent));
    for round in 0..15 {
        let mut child = Child::spawn("latest-write-for-ever", &[name.as_str()]);
        child.expect(&reader.version().to_string());
        until("it writes", || reader.has_newer().unwrap());
        for _ in 0..200 {
            let before = reader.version();
            match reader.read() {
                Ok(value) => {
                    assert_eq!(value.checked(), reader.version());
                    assert!(reader.version() >= before, "older than what was read before");
                }
                // An answer, too, for a reader that is put aside often enough.
                Err(error) => assert_eq!(error, ReadError::Overrun),
            }
        }
        let session = 2 * round + 1;
        assert_eq!(reader.writer(), Peer::Alive { session, pid: Some(child.id()) });
        child.kill();
        assert_eq!(reader.writer(), Peer::Dead { session, pid: Some(child.id()), released: true });
        let last = reader.read().map(|value| value.checked());
        assert_eq!(last, Ok(reader.version()), "nobody disturbs this read");
        let fresh = latest.reader().unwrap().read().map(|value| value.checked());
        assert_eq!(fresh, last, "a reader that comes afterwards reads the same");
    }
}

#[test]
fn no_copy_of_four_kilobytes_is_torn() {
    const READS: u64 = 30_000;
    let options = Options::new().items(4);
    let latest = Latest::<[u64; 512]>::create(Region::memfd("torn"), &options).unwrap();
    let mut writer = latest.writer().unwrap();
    writer.write([1; 512]);
    std::thread::scope(|scope| {
        let readers = [(); 2].map(|()| {
            scope.spawn(|| {
                let mut reader = latest.reader().unwrap();
                let (mut place, mut new) = ([0; 512], 0);
                let mut turn = 0_u64;
                while turn < READS || new < 100 {
                    turn += 1;
                    let before = reader.version();
                    match reader.read_into(&mut place) {
                        Ok(()) => {
                            let whole = place.iter().all(|word| *word == reader.version());
                            assert!(whole, "torn: {} and others", place[0]);
                            assert!(reader.version() >= before, "older than before");
                            new += u32::from(reader.version() > before);
                        }
                        Err(error) => {
                            assert_eq!(error, ReadError::Overrun);
                            assert_eq!(place, [0; 512], "an error left something torn");
                        }
                    }
                }
            })
        });
        let start = Instant::now();
        while !readers.iter().all(|reader| reader.is_finished()) {
            assert!(start.elapsed() < LIMIT, "readers do not end");
            writer.write([writer.version() + 1; 512]);
        }
    });
}

#[test]
fn there_is_one_writer_and_who_comes_second_learns_who_it_is() {
    let name = Name::new("latest-second");
    let latest = Latest::<u64>::create(name.as_str(), &Options::new()).unwrap();
    let mut writer = latest.writer().unwrap();
    writer.write(5);
    match latest.writer() {
        Err(Error::RoleTaken { role, pid, .. }) => {
            assert_eq!((role, pid), (Role::Writer, Some(std::process::id())));
        }
        other => panic!("{other:?}"),
    }
    let mut child = Child::spawn("latest-hold", &[name.as_str()]);
    let said = child.hear();
    let expected = format!("has a writer already (process {})", std::process::id());
    assert!(said.contains(&expected), "{said}");
    child.finish();
    writer.close();
    let mut child = Child::spawn("latest-hold", &[name.as_str()]);
    child.expect("3");
    assert!(
        matches!(latest.writer(), Err(Error::RoleTaken { pid, .. }) if pid == Some(child.id()))
    );
    child.kill();
    assert_eq!(latest.writer().unwrap().session(), 5);
    let session = Bytes::of(latest.descriptor()).get(producer() + SESSION);
    assert_eq!(session, 6, "the refused ones opened none");
}

/// Job: writes, forks, and has the fork drop all that it inherited.
pub(crate) fn fork_and_drop(mut home: Home) {
    let options = Options::new().unlink_on_drop();
    let latest = Latest::<u64>::create(home.argument(0), &options).unwrap();
    let mut writer = latest.writer().unwrap();
    writer.write(1);
    match system::fork() {
        None => {
            drop((writer, latest));
            system::exit_now(0);
        }
        Some(pid) => assert_eq!(system::wait_for(pid), 0),
    }
    home.say("forked");
    home.hear();
    writer.write(2);
    home.say("written");
    home.stay();
}

#[test]
fn a_forked_copy_of_a_writer_that_is_dropped_closes_nothing() {
    let name = Name::new("latest-fork");
    let mut child = Child::spawn("latest-fork-and-drop", &[name.as_str()]);
    child.expect("forked");
    let latest = Latest::<u64>::open(name.as_str()).expect("the name is the parent's to remove");
    let mut reader = latest.reader().unwrap();
    assert_eq!(reader.writer(), Peer::Alive { session: 1, pid: Some(child.id()) });
    assert!(matches!(latest.writer(), Err(Error::RoleTaken { .. })));
    child.say("write");
    child.expect("written");
    assert_eq!(reader.read(), Ok(2));
    child.kill();
    assert_eq!(reader.writer(), Peer::Dead { session: 1, pid: Some(child.id()), released: true });
}

#[test]
fn a_version_that_was_begun_and_not_published_never_existed() {
    let latest = memfd::<[u64; 4]>();
    let mut writer = latest.writer().unwrap();
    for n in 1..=40 {
        writer.write([n; 4]);
    }
    drop(writer);
    // As a writer that is killed in the next: half of its payload stands in the slot.
    let bytes = Bytes::of(latest.descriptor());
    let slot = data() + 41 % 32 * 128;
    assert_eq!(bytes.get(slot + 24), 9, "the slot of the 41st holds the 9th until then");
    bytes.set(slot + 24, 41);
    let mut reader = latest.reader().unwrap();
    assert_eq!(reader.read(), Ok([40; 4]));
    let mut writer = latest.writer().unwrap();
    assert_eq!((writer.version(), bytes.get(producer() + POSITION)), (40, 40));
    writer.write([42; 4]);
    assert_eq!((reader.read(), reader.version()), (Ok([42; 4]), 41));
}

/// Job: becomes a user, and reads what it may read and not write.
pub(crate) fn read_only(mut home: Home) {
    match home.number(1) {
        0 => {}
        user => system::become_user(user as u32),
    }
    let latest = Latest::<u64>::open(Region::file(home.argument(0))).unwrap();
    let flags = rustix::fs::fcntl_getfl(latest.descriptor()).unwrap();
    assert_eq!(flags & rustix::fs::OFlags::RWMODE, rustix::fs::OFlags::RDONLY);
    assert_eq!(latest.reader().unwrap().read(), Ok(7));
    match latest.writer() {
        Err(error @ Error::Os { .. }) => {
            assert_eq!(std::io::Error::from(error).kind(), std::io::ErrorKind::PermissionDenied);
        }
        other => panic!("{other:?}"),
    }
    home.say("read");
}

#[test]
fn a_reader_needs_only_the_right_to_read() {
    let dir = Dir::new("latest-0400");
    std::fs::set_permissions(dir.path(), Permissions::from_mode(0o755)).unwrap();
    let path = dir.join("latest");
    let latest = Latest::<u64>::create(Region::file(&path), &Options::new()).unwrap();
    latest.writer().unwrap().write(7);
    std::fs::set_permissions(&path, Permissions::from_mode(0o400)).unwrap();
    let root = root_or_skip("a file that its reader may not write, as another user");
    let user = if root { 65534 } else { 0 };
    if root {
        std::os::unix::fs::chown(&path, Some(user), Some(user)).unwrap();
    }
    let mut child = Child::spawn("latest-read-only", &[path.to_str().unwrap(), &user.to_string()]);
    child.expect("read");
    child.finish();
    // A descriptor that was received, and a memfd's.
    let file = File::open(&path).unwrap();
    let by_file = Latest::<u64>::open(Region::unsealed_descriptor(file)).unwrap();
    let memfd = memfd::<u64>();
    memfd.writer().unwrap().write(7);
    let fd = std::os::fd::AsRawFd::as_raw_fd(&memfd.descriptor().as_fd());
    let sealed = Region::descriptor(File::open(format!("/proc/self/fd/{fd}")).unwrap());
    for latest in [by_file, Latest::open(sealed).unwrap()] {
        let mut reader = latest.reader().unwrap();
        assert_eq!(reader.read(), Ok(7));
        let inode = rustix::fs::fstat(latest.descriptor()).unwrap().st_ino;
        let allowed = crate::observer::permissions(inode);
        assert!(!allowed.is_empty(), "nothing is mapped");
        assert!(allowed.iter().all(|allowed| allowed == "r--s"), "{allowed:?}");
    }
}

#[test]
fn a_reader_that_waits_is_told_of_what_is_newer_and_of_the_end() {
    for wait in [Wait::SPIN, Wait::BALANCED, Wait::PARK] {
        let name = Name::new("latest-waits");
        let options = Options::new().wait(wait);
        let latest = Latest::<u64>::create(name.as_str(), &options).unwrap();
        let mut reader = latest.reader().unwrap();
        let brief = Duration::from_millis(3);
        assert_eq!(
            reader.read_newer_timeout(brief),
            Err(ReadError::TimedOut),
            "absent is waited for"
        );
        let mut writer = latest.writer().unwrap();
        let mut notifies = false;
        for n in 1..=20 {
            let waiting = std::thread::spawn(move || (reader.read_newer(), reader));
            // Some of them wait by now.
            std::thread::sleep(Duration::from_micros(300));
            writer.write(n);
            notifies = !notifies;
            if notifies {
                writer.notify();
            }
            let (read, back) = within(SOON, "a read", || waiting.join().unwrap());
            assert_eq!(read, Ok(n));
            reader = back;
        }
        writer.write(100);
        writer.close();
        assert_eq!(reader.read_newer_timeout(LONG), Ok(100), "what was written last comes first");
        for _ in 0..3 {
            assert_eq!(reader.read_newer(), Err(ReadError::Closed));
        }
        let mut child = Child::spawn("latest-hold", &[name.as_str()]);
        child.hear();
        assert_eq!(
            reader.read_newer_timeout(brief),
            Err(ReadError::TimedOut),
            "there is a new one"
        );
        let waiting = std::thread::spawn(move || (reader.read_newer_timeout(LONG), reader));
        child.kill();
        let (read, mut reader) = within(SOON, "a read", || waiting.join().unwrap());
        assert_eq!(read, Err(ReadError::WriterDead));
        assert_eq!(reader.read_newer_timeout(LONG), Err(ReadError::WriterDead));
        assert_eq!(reader.read(), Ok(100));
        let mut child = Child::spawn("latest-hold", &[name.as_str()]);
        child.hear();
        let waiting = std::thread::spawn(move || reader.read_newer());
        child.say("close");
        child.expect("closed");
        let read = within(SOON, "a read", || waiting.join().unwrap());
        assert_eq!(read, Err(ReadError::Closed));
        until("it has ended", || child.hear_or_end().is_none());
    }
}

#[test]
fn a_reader_hears_of_the_end_by_the_shortest_wait() {
    for wait in [Wait::SPIN, Wait::BALANCED, Wait::PARK] {
        for timeout in [Duration::ZERO, Duration::from_nanos(1)] {
            let options = Options::new().wait(wait);
            let latest = Latest::<u64>::create(Region::memfd("latest-short"), &options).unwrap();
            let (mut writer, mut reader) = (latest.writer().unwrap(), latest.reader().unwrap());
            writer.write(1);
            assert_eq!(reader.read(), Ok(1));
            assert_eq!(reader.read_newer_timeout(timeout), Err(ReadError::TimedOut));
            writer.close();
            assert_eq!(reader.read_newer_timeout(timeout), Err(ReadError::Closed), "{wait:?}");
        }
        // A death changes no word that a reader could look at.
        let name = Name::new("latest-short-dead");
        let options = Options::new().wait(wait);
        let latest = Latest::<u64>::create(name.as_str(), &options).unwrap();
        let mut child = Child::spawn("latest-hold", &[name.as_str()]);
        child.hear();
        let readers = [(); 3].map(|()| latest.reader().unwrap());
        child.kill();
        let timeouts = [Duration::ZERO, Duration::from_nanos(1), Duration::from_millis(1)];
        for (mut reader, timeout) in readers.into_iter().zip(timeouts) {
            let read = reader.read_newer_timeout(timeout);
            assert_eq!(read, Err(ReadError::WriterDead), "{wait:?} {timeout:?}");
            let next = reader.next_timeout(timeout);
            assert_eq!(next, Err(shm_ring::NextError::WriterDead), "{wait:?} {timeout:?}");
        }
    }
}
