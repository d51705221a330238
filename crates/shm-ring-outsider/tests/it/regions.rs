//! The same bytes by an image, a descriptor and a mapping; and locks.

use std::os::fd::OwnedFd;

use rustix::fs::{MemfdFlags, memfd_create};
use shm_ring_outsider::{
    Descriptor, Header, Lease, Life, Mapping, Region, Side, Word, Writable, cells, fresh, judge,
    life, lock_on, page,
};

/// A region in memory with these bytes.
pub(crate) fn memfd(image: &[u8]) -> Descriptor {
    let fd: OwnedFd = memfd_create("outsider", MemfdFlags::CLOEXEC).unwrap();
    let region = Descriptor::from(std::fs::File::from(fd));
    region.write(0, image);
    region
}

fn writes<R: Writable + ?Sized>(region: &R) {
    region.set_named(Side::Producer, Word::Session, 0x0102_0304_0506_0708);
    assert_eq!(region.named(Side::Producer, Word::Session), 0x0102_0304_0506_0708);
    region.set_named(Side::Producer, Word::FenceMode, 0xffff_ffff_0000_0001);
    assert_eq!(region.named(Side::Producer, Word::Pid), 0, "four bytes and no more");
    assert_eq!(region.read(page() + 384, 4), [8, 7, 6, 5]);
    region.write(3 * page() + 1, b"odd");
    assert_eq!(region.read(3 * page(), 5), *b"\0odd\0");
    assert_eq!(region.half(page() + 392), 1);
    let end = region.size();
    assert!(region.try_read(end - 7, &mut [0; 8]).is_err());
    assert!(region.try_read(u64::MAX - 3, &mut [0; 8]).is_err());
}

#[test]
fn an_image_a_descriptor_and_a_mapping_hold_the_same() {
    let header = Header::values(8, 8, 3);
    let mut image = fresh(&header);
    let (by_descriptor, by_mapping) = (memfd(&image), memfd(&image));
    writes(cells(&mut image));
    writes(&by_descriptor);
    let mapping = Mapping::writable(&by_mapping).unwrap();
    writes(&mapping);
    assert!(image == by_descriptor.all() && image == mapping.all() && image == by_mapping.all());
    assert_eq!(judge(&image[..], &header), judge(&by_descriptor, &header));
    assert_eq!(judge(&image[..], &header), judge(&mapping, &header));
    let reading = Mapping::read_only(&by_mapping).unwrap();
    assert_eq!(reading.named(Side::Producer, Word::Session), 0x0102_0304_0506_0708);
    assert!(reading.try_write(0, &[1]).is_err(), "mapped for reading alone");
    assert!(cells(&mut image).try_write(u64::MAX, &[1]).is_err());
    assert!(mapping.try_write(mapping.size(), &[1]).is_err());
    mapping.atomic(page()).store(7, std::sync::atomic::Ordering::Relaxed);
    assert_eq!(by_mapping.word(page()), 7);
}

#[test]
fn a_lease_is_held_by_one_and_seen_by_others() {
    let region = memfd(&fresh(&Header::messages(8, 64)));
    let held = |side| Lease::is_held(&region, side).unwrap();
    assert!(!held(Side::Producer) && !held(Side::Consumer));
    let lease = Lease::take(&region, Side::Producer).unwrap().unwrap();
    assert!(held(Side::Producer) && !held(Side::Consumer));
    assert!(Lease::take(&region, Side::Producer).unwrap().is_none());
    assert_eq!(lock_on(&region, 0, 4 * page()).unwrap(), Some((page(), page())));
    assert_eq!(lock_on(&region, 0, page()).unwrap(), None);
    let other = Lease::take(&region, Side::Consumer).unwrap();
    drop(lease);
    assert!(!held(Side::Producer) && held(Side::Consumer));
    drop(other);
    Lease::take(&region, Side::Producer).unwrap().unwrap();
}

#[test]
fn life_and_death_are_told_by_session_and_lock() {
    for (session, held, told) in [
        (0, false, Life::Absent),
        (0, true, Life::Changing),
        (1, true, Life::Alive),
        (2, true, Life::Changing),
        (2, false, Life::Closed),
        (3, false, Life::Dead),
    ] {
        assert_eq!(life(session, held), told);
    }
}
