//! The latest value in a region that is not what it should be: another kind, other types, damaged, or
//! cut. Calls end with an answer, in time; `Corrupt` stays.

use std::time::{Duration, Instant};

use shm_ring::{
    Contents, Error, Latest, LatestReader, MessageRing, Observer, Options, Property, ReadError,
    Region, Ring,
};
use shm_ring::{Role, Wait};
use shm_ring_outsider::{BELL, POSITION, POSITION_END, SESSION, consumer, data, page, producer};

use crate::bytes::Bytes;
use crate::harness::{Dir, LIMIT, SOON, within};
use crate::opening::assert_differs;

const BRIEF: Duration = Duration::from_micros(20);

#[test]
fn another_kind_and_other_types_are_refused_and_both_are_named() {
    let dir = Dir::new("latest-kinds");
    let file = |name: &str| Region::file(dir.join(name));
    let options = || Options::new().label("speed").schema(3);
    Latest::<u64>::create(file("latest"), &options()).unwrap();
    Ring::<u64>::create(file("values"), &options()).unwrap();
    MessageRing::create(file("messages"), &options()).unwrap();
    let kind = Property::RecordKind;
    for open in [Latest::<u64>::open_with, Latest::<u64>::open_or_create] {
        assert_differs(open(file("values"), &options()), kind, "values", "latest value");
        assert_differs(open(file("messages"), &options()), kind, "messages", "latest value");
    }
    let latest = || file("latest");
    assert_differs(Ring::<u64>::open_with(latest(), &options()), kind, "latest value", "values");
    assert_differs(MessageRing::open_with(latest(), &options()), kind, "latest value", "messages");
    let contents = Observer::open(latest()).unwrap().snapshot().contents;
    assert_eq!(contents, Contents::Latest { size: 8, align: 8 });
    let size = Latest::<u32>::open_with(latest(), &options());
    assert_differs(size, Property::ItemSize, "8", "4");
    let align = Latest::<[u8; 8]>::open_with(latest(), &options());
    assert_differs(align, Property::ItemAlignment, "8", "1");
    let schema = Latest::<u64>::open_with(latest(), &options().schema(4));
    assert_differs(schema, Property::Schema, "3", "4");
    let label = Latest::<u64>::open_with(latest(), &options().label("pace"));
    assert_differs(label, Property::Label, "\"speed\"", "\"pace\"");
    let larger = Latest::<u64>::open_or_create(latest(), &options().items(100));
    assert_differs(larger, Property::Capacity, "4096 bytes", "12800 bytes");
    Latest::<u64>::open_or_create(latest(), &options()).unwrap();
}

#[test]
fn a_capacity_without_slots_and_a_region_that_was_cut_are_refused() {
    let dir = Dir::new("latest-cut");
    let path = dir.join("latest");
    let latest = Latest::<[u8; 3000]>::create(Region::file(&path), &Options::new()).unwrap();
    let bytes = Bytes::at(&path);
    assert_eq!(bytes.get(56), 8 * 4096, "eight slots of a power of two");
    for capacity in [4096, 2 * 4096, 3 * 4096, 0] {
        bytes.set(56, capacity);
        let refused = Latest::<[u8; 3000]>::open(Region::file(&path));
        match refused {
            Err(Error::InvalidHeader { field: "capacity", found, .. }) => {
                assert_eq!(found, capacity)
            }
            other => panic!("{other:?}"),
        }
    }
    bytes.set(56, 8 * 4096);
    let whole = 3 * page() + 8 * 4096;
    for len in [0, page(), whole - 1, whole + 1] {
        bytes.file().set_len(len).unwrap();
        for refused in [latest.reader().map(drop), latest.writer().map(drop)] {
            assert!(matches!(refused, Err(Error::WrongLength { found, .. }) if found == len));
        }
    }
    bytes.file().set_len(whole).unwrap();
    latest.writer().unwrap();
    let many = Options::new().items(usize::MAX / 2);
    let refused = Latest::<u64>::create(Region::memfd("many"), &many);
    assert!(matches!(refused, Err(Error::InvalidOptions { .. })), "{refused:?}");
}

/// Every call of a reader; the answers are of the types' making, but `Corrupt` stays.
fn call_everything(reader: &mut LatestReader<u64>) {
    let mut corrupt = false;
    let mut place = 0;
    for _ in 0..2 {
        for error in [
            reader.read().err(),
            reader.read_into(&mut place).err(),
            reader.has_newer().err(),
            reader.read_newer_timeout(BRIEF).err(),
        ] {
            assert!(!corrupt || error == Some(ReadError::Corrupt), "{error:?}");
            corrupt |= error == Some(ReadError::Corrupt);
        }
        let _ = (reader.writer(), reader.version(), format!("{reader:?}"));
    }
}

#[test]
fn any_value_in_any_word_is_answered_in_time() {
    const WRITTEN: u64 = 40;
    let words = (0..768 / 8).map(|word| producer() + 8 * word);
    let others = (0..8).map(|word| consumer() + 128 * word);
    let slots = (0..64).map(|word| data() + 64 * word);
    let offsets: Vec<_> = words.chain(others).chain(slots).collect();
    within(LIMIT, "a call under hostile values", move || {
        let options = Options::new().wait(Wait::PARK);
        let latest = Latest::<u64>::create(Region::memfd("hostile"), &options).unwrap();
        let mut writer = latest.writer().unwrap();
        (0..WRITTEN).for_each(|n| writer.write(n));
        drop(writer);
        let bytes = Bytes::of(latest.descriptor());
        for offset in offsets {
            let right = bytes.get(offset);
            for value in [
                0,
                1,
                WRITTEN - 1,
                WRITTEN + 1,
                WRITTEN + 31,
                POSITION_END / 2,
                POSITION_END - 1,
                POSITION_END,
                u64::MAX - 1,
                u64::MAX,
            ] {
                let mut reader = latest.reader().unwrap();
                reader.read().unwrap();
                bytes.set(offset, value);
                call_everything(&mut reader);
                call_everything(&mut latest.reader().unwrap());
                match latest.writer() {
                    Ok(mut writer) => {
                        writer.write(1);
                        writer.notify();
                        call_everything(&mut reader);
                    }
                    Err(error) => {
                        let role = Role::Writer;
                        assert!(matches!(error, Error::Corrupt { role: r, .. } if r == role));
                        assert!(offset == producer() + POSITION && value >= POSITION_END / 2);
                    }
                }
                bytes.set(offset, right);
                bytes.set(producer() + POSITION, WRITTEN);
                bytes.set(producer() + SESSION, 2);
                bytes.set(producer() + BELL, 0);
            }
        }
    });
}

#[test]
fn counts_that_cannot_be_are_corrupt_for_good() {
    let latest = Latest::<u64>::create(Region::memfd("counts"), &Options::new()).unwrap();
    let mut writer = latest.writer().unwrap();
    (1..=40).for_each(|n| writer.write(n));
    let bytes = Bytes::of(latest.descriptor());
    // It went back, or beyond the end of counting.
    for count in [0, 1, 39, POSITION_END, POSITION_END + 40, u64::MAX] {
        let mut reader = latest.reader().unwrap();
        assert_eq!(reader.read(), Ok(40));
        bytes.set(producer() + POSITION, count);
        assert_eq!(reader.read(), Err(ReadError::Corrupt), "{count:#x}");
        bytes.set(producer() + POSITION, 40);
        let mut place = 5;
        for _ in 0..3 {
            assert_eq!(reader.read(), Err(ReadError::Corrupt), "{count:#x}");
            assert_eq!(reader.read_into(&mut place), Err(ReadError::Corrupt));
            assert_eq!(reader.read_newer_timeout(SOON), Err(ReadError::Corrupt));
            assert_eq!(reader.has_newer(), Err(ReadError::Corrupt));
        }
        assert_eq!(place, 5);
    }
    // A writer believes its own count, not what stands in the region.
    bytes.set(producer() + POSITION, 3);
    writer.write(41);
    assert_eq!((bytes.get(producer() + POSITION), writer.version()), (41, 41));
}

#[test]
fn a_read_ends_beside_a_writer_that_writes_all_the_time() {
    type Large = [u64; 16 * 1024];
    let options = Options::new().items(4);
    let latest = Latest::<Large>::create(Region::memfd("overrun"), &options).unwrap();
    latest.writer().unwrap().write([1; 16 * 1024]);
    let (bytes, start) = (Bytes::of(latest.descriptor()), Instant::now());
    std::thread::scope(|scope| {
        let reading = scope.spawn(|| {
            let mut reader = latest.reader().unwrap();
            let mut place = Box::new([1; 16 * 1024]);
            while reader.read_into(&mut place) != Err(ReadError::Overrun) {
                assert!(start.elapsed() < LIMIT, "whoever is so slow is overrun");
            }
            assert!(place.iter().all(|word| *word == 0), "an error left something torn");
        });
        // Faster than anybody can write, or copy.
        let mut count = 1;
        while !reading.is_finished() && start.elapsed() < LIMIT {
            count += 100;
            bytes.set(producer() + POSITION, count);
        }
        reading.join().unwrap();
    });
}
