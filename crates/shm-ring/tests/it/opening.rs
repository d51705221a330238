//! What a region's bytes say is checked before it is believed: every field of the header, its
//! length, and every length that a cut file can have. Errors name both values.

use shm_ring::{Error, MessageRing, Options, Property, Region, Ring};
use shm_ring_outsider::page;

use crate::bytes::Bytes;
use crate::harness::Dir;
use crate::items::Random;

const LABEL: &str = "prices v2";

fn options() -> Options {
    Options::new().bytes(8192).schema(77).label(LABEL)
}

/// A file with a ring of `u64` in it, and its bytes.
fn original(dir: &Dir) -> (std::path::PathBuf, Vec<u8>) {
    let path = dir.join("ring");
    drop(Ring::<u64>::create(Region::file(&path), &options()).unwrap());
    let bytes = std::fs::read(&path).unwrap();
    assert_eq!(bytes.len() as u64, 3 * page() + 8192);
    (path, bytes)
}

fn open(path: &std::path::Path) -> Result<Ring<u64>, Error> {
    Ring::open_with(Region::file(path), &options())
}

#[track_caller]
pub(crate) fn assert_differs<T>(
    answer: Result<T, Error>,
    expected: Property,
    found: &str,
    wanted: &str,
) {
    let error = answer.err().expect("they differ");
    let text = error.to_string();
    match error {
        Error::Incompatible { property, found: f, wanted: w, .. } => {
            assert_eq!((property, f.as_str(), w.as_str()), (expected, found, wanted));
        }
        _ => panic!("{text}"),
    }
    assert!(text.contains(found) && text.contains(wanted), "{text}");
}

#[test]
fn what_two_sides_must_agree_on_is_compared_and_both_are_named() {
    let dir = Dir::new("agree");
    let (path, _) = original(&dir);
    let file = || Region::file(&path);
    open(&path).unwrap();
    assert_differs(Ring::<u32>::open_with(file(), &options()), Property::ItemSize, "8", "4");
    assert_differs(Ring::<[u64; 2]>::open_with(file(), &options()), Property::ItemSize, "8", "16");
    assert_differs(
        Ring::<[u8; 8]>::open_with(file(), &options()),
        Property::ItemAlignment,
        "8",
        "1",
    );
    assert_differs(
        Ring::<u64>::open_with(file(), &options().schema(78)),
        Property::Schema,
        "77",
        "78",
    );
    assert_differs(
        Ring::<u64>::open_with(file(), &options().label("prices v3")),
        Property::Label,
        "\"prices v2\"",
        "\"prices v3\"",
    );
    assert_differs(
        Ring::<u64>::open_with(file(), &options().label("")),
        Property::Label,
        "\"prices v2\"",
        "\"\"",
    );
    assert_differs(
        Ring::<u64>::open_or_create(file(), &options().bytes(16384)),
        Property::Capacity,
        "8192 bytes",
        "16384 bytes",
    );
    // Those who only open need not know the capacity.
    Ring::<u64>::open_with(file(), &options().bytes(16384)).unwrap();
}

#[test]
fn every_field_of_the_header_is_checked() {
    let dir = Dir::new("fields");
    let (path, good) = original(&dir);
    let file = Bytes::at(&path);
    let p = page();
    let with = |offset: u64, bytes: &[u8]| {
        file.write(0, &good);
        file.write(offset, bytes);
        open(&path)
    };
    let with_u32 = |offset, value: u32| with(offset, &value.to_le_bytes());
    let with_u64 = |offset, value: u64| with(offset, &value.to_le_bytes());
    for magic in [b"SHM-RING", b"\0\0\0\0\0\0\0\0", b"shm-rinh", b"\x7fELF\x02\x01\x01\0"] {
        assert!(matches!(with(0, magic), Err(Error::NotARing { .. })));
    }
    for version in [0, 1, 3, u32::MAX] {
        assert_differs(with_u32(8, version), Property::Version, &version.to_string(), "2");
    }
    assert_differs(with(16, &[1, 2, 3, 4]), Property::ByteOrder, "67305985", "16909060");
    assert_differs(with_u32(20, 4), Property::WordSize, "4", "8");
    for other in [0, 16384, 65536, 4095] {
        assert_differs(with_u32(24, other), Property::PageSize, &other.to_string(), &p.to_string());
    }
    assert_differs(with_u32(28, 2), Property::RecordKind, "messages", "values");
    assert_differs(with_u32(28, 3), Property::RecordKind, "latest value", "values");
    assert_differs(with_u32(28, 4), Property::RecordKind, "4", "values");
    assert_differs(with_u64(32, u64::MAX), Property::ItemSize, &u64::MAX.to_string(), "8");
    assert_differs(with_u64(40, 0), Property::ItemAlignment, "0", "8");
    // An older or newer layout is told by its version, whatever else it changed.
    let mut newer = good.clone();
    newer[8] = 9;
    newer[12..16].fill(0xff);
    newer[20..].fill(0xee);
    assert_differs(with(0, &newer), Property::Version, "9", "2");

    let cannot_be = |answer: Result<Ring<u64>, Error>, expected: &str, value: u64| {
        let error = answer.err().unwrap_or_else(|| panic!("{expected} {value} was believed"));
        assert!(error.to_string().contains(&value.to_string()), "{error}");
        match error {
            Error::InvalidHeader { field, found, .. } => {
                assert_eq!((field, found), (expected, value))
            }
            other => panic!("{other}"),
        }
    };
    for len in [0, 255, 257, u32::MAX] {
        cannot_be(with_u32(12, len), "header length", u64::from(len));
    }
    for capacity in
        [0, 1, 8, p / 2, p - 1, p + 8, 3 * p, 1 << 45, 1 << 62, 1 << 63, u64::MAX, u64::MAX - p + 1]
    {
        cannot_be(with_u64(56, capacity), "capacity", capacity);
    }
    for limit in [0, 1, 4, 8191, 8196, 8200, 1 << 62, u64::MAX, u64::MAX - 7] {
        cannot_be(with_u64(160, limit), "limit", limit);
    }
    for offset in [0, p, 2 * p, 4 * p, 3 * p + 8, u64::MAX] {
        cannot_be(with_u64(64, offset), "data offset", offset);
    }
    // A capacity that can be, and a file that is not as long as that.
    for capacity in [2 * 8192, 1 << 44] {
        match with_u64(56, capacity) {
            Err(Error::WrongLength { found, wanted, .. }) => {
                assert_eq!((found, wanted), (good.len() as u64, 3 * p + capacity));
            }
            other => panic!("{other:?}"),
        }
    }
    // Any smaller limit that can be is believed: it is what the creator asked for.
    let ring = with_u64(160, 24).unwrap();
    assert_eq!(ring.producer().unwrap().capacity(), 3);
    file.write(0, &good);
    open(&path).unwrap();
}

/// An opener takes the alignment of messages as it is, so it must be one.
#[test]
fn an_alignment_of_messages_that_is_none_is_refused() {
    let dir = Dir::new("alignments");
    let path = dir.join("ring");
    let options = Options::new().bytes(8192);
    drop(MessageRing::create(Region::file(&path), &options).unwrap());
    let file = Bytes::at(&path);
    for align in [0, 3, 9, 24, 4097, 2 * page(), 1 << 63, u64::MAX] {
        file.set(40, align);
        for asked in [1, 8] {
            let opened = MessageRing::open_with(Region::file(&path), &Options::new().align(asked));
            let asked = asked.to_string();
            assert_differs(opened, Property::ItemAlignment, &align.to_string(), &asked);
        }
        assert!(shm_ring::Observer::open(Region::file(&path)).is_err(), "{align}");
    }
    for align in [1, 2, 16, 4096] {
        file.set(40, align);
        let ring = MessageRing::open(Region::file(&path)).unwrap();
        let (mut tx, mut rx) = (ring.producer().unwrap(), ring.consumer().unwrap());
        tx.push(b"text").unwrap();
        assert_eq!(rx.pop().unwrap(), b"text");
        drop((tx, rx));
        file.start_at(0);
    }
    file.set(40, 16);
    let refused = MessageRing::open_with(Region::file(&path), &Options::new().align(32));
    assert_differs(refused, Property::ItemAlignment, "16", "32");
}

#[test]
fn a_ring_that_is_larger_than_the_opener_wants_is_refused() {
    let dir = Dir::new("too-large");
    let path = dir.join("ring");
    drop(MessageRing::create(Region::file(&path), &Options::new().bytes(5000)).unwrap());
    let open =
        |most| MessageRing::open_with(Region::file(&path), &Options::new().max_capacity(most));
    for most in [0, 4096, 5000, 8191] {
        let expected = format!("at most {most} bytes");
        assert_differs(open(most), Property::Capacity, "8192 bytes", &expected);
    }
    open(8192).unwrap();
}

#[test]
fn every_length_but_the_right_one_is_refused() {
    let dir = Dir::new("lengths");
    let (path, good) = original(&dir);
    let (whole, p) = (good.len() as u64, page());
    let file = Bytes::at(&path);
    let around = [p, 2 * p, 3 * p, 3 * p + 4096, whole, 2 * whole];
    let around = around.into_iter().flat_map(|len| [len - 1, len, len + 1, len + 8]);
    for len in (0..=300).chain(around).filter(|len| *len != whole) {
        file.file().set_len(0).unwrap();
        file.file().set_len(len).unwrap();
        file.write(0, &good[..good.len().min(len as usize)]);
        match open(&path) {
            Err(Error::WrongLength { found, wanted, .. }) if len < 256 => {
                assert_eq!((found, wanted), (len, 256));
            }
            Err(Error::WrongLength { found, wanted, .. }) => {
                assert_eq!((found, wanted), (len, whole))
            }
            other => panic!("{len} bytes: {other:?}"),
        }
    }
    // Cut between opening and attaching: noticed by the descriptor that would be mapped.
    file.file().set_len(whole).unwrap();
    file.write(0, &good);
    let ring = open(&path).unwrap();
    for len in [0, p, whole - 1, whole + 1] {
        file.file().set_len(len).unwrap();
        for refused in [ring.producer().map(drop), ring.consumer().map(drop)] {
            assert!(matches!(refused, Err(Error::WrongLength { found, .. }) if found == len));
        }
    }
    file.file().set_len(whole).unwrap();
    file.write(0, &good);
    ring.producer().expect("a refused attachment has left the role free").push(1).unwrap();
}

#[test]
fn a_file_that_is_something_else_is_no_ring() {
    let dir = Dir::new("else");
    let path = dir.join("text");
    std::fs::write(&path, "To be, or not to be".repeat(1000)).unwrap();
    set_private(&path);
    assert!(matches!(open(&path), Err(Error::NotARing { .. })));
    let mut random = Random::new(6);
    for _ in 0..50 {
        let noise: Vec<u8> = (0..20480).map(|_| random.next() as u8).collect();
        std::fs::write(&path, noise).unwrap();
        assert!(matches!(open(&path), Err(Error::NotARing { .. })));
    }
}

fn set_private(path: &std::path::Path) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).unwrap();
}
