//! Descriptors that were received: a memfd over a Unix socket, and those that are refused.

use std::io::{IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;

use rustix::fs::{MemfdFlags, Mode, OFlags, SealFlags, fcntl_add_seals, ftruncate, memfd_create};
use rustix::io::Errno;
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, recvmsg, sendmsg,
};
use shm_ring::{Consumer, Error, Observer, Options, Peer, PopError, Region, Ring, Role};

use crate::bytes::Bytes;
use crate::harness::{Child, Dir, Home, root_or_skip, until};
use crate::items::{check, make};
use crate::system;

fn send(socket: &UnixStream, fd: impl AsFd) {
    let fds = [fd.as_fd()];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut ancillary = SendAncillaryBuffer::new(&mut space);
    assert!(ancillary.push(SendAncillaryMessage::ScmRights(&fds)));
    sendmsg(socket, &[IoSlice::new(b"!")], &mut ancillary, SendFlags::empty()).unwrap();
}

fn received(socket: &UnixStream) -> OwnedFd {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut ancillary = RecvAncillaryBuffer::new(&mut space);
    let mut byte = [0];
    let mut into = [IoSliceMut::new(&mut byte)];
    recvmsg(socket, &mut into, &mut ancillary, RecvFlags::CMSG_CLOEXEC).unwrap();
    let mut messages = ancillary.drain();
    match messages.next() {
        Some(RecvAncillaryMessage::ScmRights(mut fds)) => fds.next().unwrap(),
        _ => panic!("no descriptor came"),
    }
}

/// Job: as another user, opens for writing what it is sent for reading, if that can be.
pub(crate) fn reopen_what_is_given(mut home: Home) {
    let given = received(home.socket());
    system::become_user(65534);
    let again = format!("/proc/self/fd/{}", std::os::fd::AsRawFd::as_raw_fd(&given));
    match rustix::fs::open(again, OFlags::RDWR, Mode::empty()) {
        Ok(_) => home.say("open"),
        Err(errno) => {
            assert_eq!(errno, Errno::ACCESS);
            home.say("refused");
        }
    }
}

/// A memfd's mode lets everybody write: whoever has a descriptor of one, for whatever it is open, is a peer. With a file it
/// is a reader.
#[test]
fn what_is_open_for_reading_is_a_bound_for_files_and_none_for_memfds() {
    if !root_or_skip("a receiver of another user") {
        return;
    }
    let dir = Dir::new("given");
    let options = Options::new().mode(0o644);
    for (region, expected) in
        [(Region::memfd("given"), "open"), (Region::file(dir.join("given")), "refused")]
    {
        let ring = Ring::<u64>::create(region, &options).unwrap();
        let fd = std::os::fd::AsRawFd::as_raw_fd(&ring.descriptor());
        let for_reading = std::fs::File::open(format!("/proc/self/fd/{fd}")).unwrap();
        let mut child = Child::spawn("reopen-what-is-given", &[]);
        send(child.socket(), for_reading);
        child.expect(expected);
        child.finish();
    }
}

const ITEMS: u64 = 5000;

/// Job: receives a ring's descriptor and reads the stream.
pub(crate) fn receive(mut home: Home) {
    let ring = Ring::<[u8; 40]>::open(Region::descriptor(received(home.socket()))).unwrap();
    let mut rx = ring.consumer().unwrap();
    for n in 0..ITEMS {
        check(&rx.pop().unwrap(), n);
    }
    assert_eq!(rx.pop().map(drop), Err(PopError::Closed));
    home.say(&format!("{:032x}", ring.id()));
}

#[test]
fn a_memfd_goes_over_a_socket() {
    let ring = Ring::<[u8; 40]>::create(Region::memfd("sent"), &Options::new()).unwrap();
    let mut child = Child::spawn("receive-descriptor", &[]);
    send(child.socket(), ring.descriptor());
    let mut tx = ring.producer().unwrap();
    for n in 0..ITEMS {
        tx.push(make(n)).unwrap();
    }
    tx.close();
    child.expect(&format!("{:032x}", ring.id()));
    child.finish();
}

/// Job: with neither /proc nor the right to open anything, becomes the consumer by a descriptor that it is sent.
pub(crate) fn receive_in_a_sandbox(mut home: Home) {
    system::mount_tmpfs(std::path::Path::new("/proc"), 4096).unwrap();
    system::refuse(&[libc::SYS_openat, libc::SYS_openat2], libc::EACCES);
    let plain = Ring::<u64>::open(Region::descriptor(received(home.socket()))).unwrap();
    assert!(matches!(plain.consumer(), Err(Error::Os { call: "open(/proc/self/fd)", .. })));
    // To look at a path is deadly from here on.
    system::die_at(libc::SYS_newfstatat);
    let ring = Ring::<u64>::open(Region::for_one_role(received(home.socket()))).unwrap();
    // One that is refused leaves the descriptor for another.
    assert!(matches!(ring.producer(), Err(Error::RoleTaken { role: Role::Producer, .. })));
    let mut rx = ring.consumer().unwrap();
    for refused in [ring.consumer().map(drop), ring.producer().map(drop)] {
        assert!(matches!(refused, Err(Error::InvalidOptions { .. })), "{refused:?}");
    }
    home.say(&rx.pop().unwrap().to_string());
    home.stay();
}

#[test]
fn an_end_is_handed_to_a_process_that_may_open_nothing() {
    if !root_or_skip("a mount namespace without /proc") {
        return;
    }
    let ring = Ring::<u64>::create(Region::memfd("sandbox"), &Options::new()).unwrap();
    let mut tx = ring.producer().unwrap();
    let mut child = Child::spawn("receive-in-a-sandbox", &[]);
    send(child.socket(), ring.descriptor());
    send(child.socket(), ring.descriptor_for_one_role().unwrap());
    tx.push(7).unwrap();
    child.expect("7");
    // It could not ask in which pid namespace it is.
    assert_eq!(tx.peer(), Peer::Alive { session: 1, pid: None });
    assert!(matches!(ring.consumer(), Err(Error::RoleTaken { role: Role::Consumer, .. })));
    // Its role goes with it: nobody else has that description.
    child.kill();
    until("the death is known", || {
        tx.peer() == Peer::Dead { session: 1, pid: None, released: true }
    });
    assert_eq!(ring.consumer().unwrap().session(), 3);
}

/// Job: takes a role by a descriptor that was made for one, and forks a child that lives on after it.
pub(crate) fn take_one_role_and_fork(mut home: Home) {
    let ring = Ring::<u64>::open(Region::for_one_role(received(home.socket()))).unwrap();
    let rx = ring.consumer().unwrap();
    if system::fork().is_none() {
        rustix::process::set_parent_process_death_signal(None).unwrap();
        // Until the test is over.
        home.stay();
        system::exit_now(0);
    }
    home.say("forked");
    home.stay();
    drop((ring, rx));
}

#[test]
fn a_child_keeps_no_role_that_was_taken_by_a_descriptor_for_one() {
    let ring = Ring::<u64>::create(Region::memfd("one-forked"), &Options::new()).unwrap();
    let tx = ring.producer().unwrap();
    let mut child = Child::spawn("take-one-role-and-fork", &[]);
    send(child.socket(), ring.descriptor_for_one_role().unwrap());
    child.expect("forked");
    child.kill();
    until("the role is free", || matches!(tx.peer(), Peer::Dead { released: true, .. }));
    assert_eq!(ring.consumer().unwrap().session(), 3);
}

/// Job: opens a descriptor for one role, of which a child has nothing, and its parent all.
pub(crate) fn open_for_one_role_and_fork(mut home: Home) {
    let ring = Ring::<u64>::open(Region::for_one_role(received(home.socket()))).unwrap();
    let child = system::fork();
    let Some(child) = child else {
        let taken = ring.producer().map(drop);
        system::exit_now(i32::from(!matches!(taken, Err(Error::InvalidOptions { .. }))));
    };
    assert_eq!(system::wait_for(child), 0, "a child takes a role by it");
    ring.producer().unwrap().push(1).unwrap();
    home.say("pushed");
}

#[test]
fn a_child_takes_no_role_by_a_descriptor_for_one_and_its_parent_does() {
    let ring = Ring::<u64>::create(Region::memfd("one-forked"), &Options::new()).unwrap();
    let mut child = Child::spawn("open-for-one-role-and-fork", &[]);
    send(child.socket(), ring.descriptor_for_one_role().unwrap());
    child.expect("pushed");
    child.finish();
    assert_eq!(ring.consumer().unwrap().pop(), Ok(1));
}

#[test]
fn a_descriptor_for_one_role_is_for_an_end_of_a_sealed_ring() {
    let ring = Ring::<u64>::create(Region::memfd("one"), &Options::new()).unwrap();
    let fd = || ring.descriptor_for_one_role().unwrap();
    let mut tx = Ring::<u64>::open(Region::for_one_role(fd())).unwrap().producer().unwrap();
    let mut rx = Consumer::<u64>::open(Region::for_one_role(fd())).unwrap();
    tx.push(1).unwrap();
    assert_eq!(rx.pop(), Ok(1));
    drop(tx);
    drop(ring.producer().unwrap());
    assert!(matches!(
        Observer::open(Region::for_one_role(fd())),
        Err(Error::InvalidOptions { .. })
    ));
    let created = Ring::<u64>::create(Region::for_one_role(fd()), &Options::new());
    assert!(matches!(created, Err(Error::InvalidOptions { .. })));
    let unsealed = Ring::<u64>::open(Region::for_one_role(copy(SealFlags::SHRINK)));
    assert!(matches!(unsealed, Err(Error::Descriptor { .. })));
}

#[test]
fn a_memfd_ring_cannot_be_cut_or_grown() {
    let ring = Ring::<u64>::create(Region::memfd("sealed"), &Options::new()).unwrap();
    let whole = Bytes::of(ring.descriptor()).all().len() as u64;
    for len in [0, 4096, whole - 1, whole + 1] {
        assert_eq!(ftruncate(ring.descriptor(), len), Err(Errno::PERM), "to {len}");
    }
    assert_eq!(fcntl_add_seals(ring.descriptor(), SealFlags::WRITE), Err(Errno::PERM));
    let flags = rustix::io::fcntl_getfd(ring.descriptor()).unwrap();
    assert!(flags.contains(rustix::io::FdFlags::CLOEXEC));
}

/// A copy of a ring in a memfd with these seals.
fn copy(seals: SealFlags) -> OwnedFd {
    crate::harness::watch();
    let ring = Ring::<u64>::create(Region::memfd("original"), &Options::new()).unwrap();
    let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
    let fd = memfd_create("copy", flags).unwrap();
    Bytes::of(fd.as_fd()).write(0, &Bytes::of(ring.descriptor()).all());
    fcntl_add_seals(&fd, seals).unwrap();
    fd
}

#[test]
fn what_could_be_cut_is_refused_unless_asked_for() {
    for seals in [
        SealFlags::empty(),
        SealFlags::SHRINK,
        SealFlags::GROW,
        SealFlags::GROW | SealFlags::SEAL,
        SealFlags::SHRINK | SealFlags::SEAL,
    ] {
        let refused = Ring::<u64>::open(Region::descriptor(copy(seals)));
        assert!(matches!(refused, Err(Error::Descriptor { .. })), "{seals:?}: {refused:?}");
        let ring = Ring::<u64>::open(Region::unsealed_descriptor(copy(seals))).unwrap();
        let (mut tx, mut rx) = (ring.producer().unwrap(), ring.consumer().unwrap());
        tx.push(1).unwrap();
        assert_eq!(rx.pop(), Ok(1));
    }
    Ring::<u64>::open(Region::descriptor(copy(SealFlags::SHRINK | SealFlags::GROW))).unwrap();
    // A file has no seals at all.
    let dir = Dir::new("unsealed");
    let ring = Ring::<u64>::create(Region::file(dir.join("ring")), &Options::new()).unwrap();
    let fd = || ring.descriptor().try_clone_to_owned().unwrap();
    assert!(matches!(Ring::<u64>::open(Region::descriptor(fd())), Err(Error::Descriptor { .. })));
    assert_eq!(Ring::<u64>::open(Region::unsealed_descriptor(fd())).unwrap().id(), ring.id());
}

#[test]
fn descriptors_that_are_no_memory_or_cannot_be_written_are_refused() {
    let ring = Ring::<u64>::create(Region::memfd("read-only"), &Options::new()).unwrap();
    let path = format!("/proc/self/fd/{}", std::os::fd::AsRawFd::as_raw_fd(&ring.descriptor()));
    for flags in [OFlags::RDONLY, OFlags::WRONLY, OFlags::PATH] {
        let fd = rustix::fs::open(&path, flags | OFlags::CLOEXEC, Mode::empty()).unwrap();
        let refused = Ring::<u64>::open(Region::descriptor(fd));
        assert!(matches!(refused, Err(Error::Descriptor { .. })), "{flags:?}: {refused:?}");
    }
    let null = std::fs::File::options().read(true).write(true).open("/dev/null").unwrap();
    let (socket, _other) = UnixStream::pair().unwrap();
    for fd in [OwnedFd::from(null), OwnedFd::from(socket)] {
        // Whatever it is, it has no seals, and nothing else is asked of it.
        let sealed = Ring::<u64>::open(Region::descriptor(fd.try_clone().unwrap())).unwrap_err();
        assert!(sealed.to_string().contains("not sealed"), "{sealed}");
        let refused = Ring::<u64>::open(Region::unsealed_descriptor(fd));
        assert!(matches!(refused, Err(Error::NotRegular { .. })), "{refused:?}");
    }
    // Nor is there anything to create in one, or to open by a memfd's label.
    let fd = ring.descriptor().try_clone_to_owned().unwrap();
    let refused = Ring::<u64>::create(Region::descriptor(fd), &Options::new());
    assert!(matches!(refused, Err(Error::InvalidOptions { .. })), "{refused:?}");
    let refused = Ring::<u64>::open(Region::memfd("read-only"));
    assert!(matches!(refused, Err(Error::InvalidOptions { .. })), "{refused:?}");
}
