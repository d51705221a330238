//! A latest value that one side knows by its type and the other as bytes: the same region, the same answers.
//!
//! Owns: what an `UntypedLatest` promises. Knows nothing of: what its bytes are for.

use std::time::Duration;

use shm_ring::{
    Error, ItemLayout, Latest, NextError, Options, Property, PushError, ReadError, Region,
    UntypedLatest,
};

const ITEM: ItemLayout = ItemLayout { size: 24, align: 8, schema: 7 };

fn create(options: &Options) -> UntypedLatest {
    UntypedLatest::create(Region::memfd("untyped"), ITEM, options).unwrap()
}

fn typed(untyped: &UntypedLatest) -> Latest<[u64; 3]> {
    let fd = untyped.descriptor().try_clone_to_owned().unwrap();
    Latest::open_with(Region::descriptor(fd), &Options::new().schema(7)).unwrap()
}

fn bytes(value: [u64; 3]) -> Vec<u8> {
    value.iter().flat_map(|word| word.to_ne_bytes()).collect()
}

#[test]
fn what_one_side_knows_by_its_type_the_other_knows_as_bytes() {
    let untyped = create(&Options::new().history(15));
    let typed = typed(&untyped);
    assert_eq!((untyped.history(), untyped.item()), (typed.history(), ITEM));
    let mut place = [9; 24];

    let mut writer = untyped.writer().unwrap();
    let mut reader = typed.reader().unwrap();
    for number in 1..=100 {
        writer.write(&bytes([number; 3])).unwrap();
        assert_eq!(reader.read(), Ok([number; 3]));
    }
    assert_eq!((writer.version(), reader.version()), (100, 100));
    drop(writer);

    let mut writer = typed_writer(&untyped);
    let mut reader = untyped.reader().unwrap();
    reader.read_into(&mut place).unwrap();
    assert_eq!(place, *bytes([100; 3]));
    for number in 101..=200 {
        writer.write([number; 3]);
        reader.try_next_into(&mut place).unwrap();
        assert_eq!(place, *bytes([number; 3]));
    }
    assert_eq!(reader.try_next_into(&mut place), Err(NextError::Empty));
    assert_eq!(place, *bytes([200; 3]), "unchanged");
    (201..=300).for_each(|number| writer.write([number; 3]));
    let Err(NextError::Lagged(lost)) = reader.try_next_into(&mut place) else { panic!() };
    assert_eq!(place, [0; 24], "never torn");
    reader.try_next_into(&mut place).unwrap();
    assert_eq!(place, *bytes([201 + lost; 3]));
    assert!(reader.has_newer().unwrap());
}

/// A writer that knows the type, by a descriptor that may write.
fn typed_writer(untyped: &UntypedLatest) -> shm_ring::LatestWriter<[u64; 3]> {
    typed(untyped).writer().unwrap()
}

#[test]
fn a_reader_of_bytes_waits_for_the_next_and_hears_of_the_end() {
    let latest = create(&Options::new());
    let mut reader = latest.reader().unwrap();
    let mut place = [9; 24];
    let briefly = Some(Duration::from_millis(2));
    assert_eq!(reader.read_into(&mut place), Err(ReadError::Empty));
    assert_eq!(reader.read_newer_into(&mut place, briefly), Err(ReadError::TimedOut));
    assert_eq!(reader.next_into(&mut place, briefly), Err(NextError::TimedOut));
    assert_eq!(place, [9; 24]);
    let mut writer = latest.writer().unwrap();
    let waiting = std::thread::spawn(move || {
        let mut place = [0; 24];
        let answer = reader.read_newer_into(&mut place, None);
        (answer, place, reader)
    });
    writer.write(&bytes([1, 2, 3])).unwrap();
    writer.notify();
    let (answer, found, mut reader) = waiting.join().unwrap();
    assert_eq!((answer, found.to_vec()), (Ok(()), bytes([1, 2, 3])));
    writer.write(&bytes([4, 5, 6])).unwrap();
    drop(writer);
    // What was written before the end comes first.
    reader.next_into(&mut place, None).unwrap();
    assert_eq!(place, *bytes([4, 5, 6]));
    assert_eq!(reader.next_into(&mut place, None), Err(NextError::Closed));
    assert_eq!(reader.read_newer_into(&mut place, None), Err(ReadError::Closed));
}

#[test]
fn bytes_of_another_length_are_refused_and_nothing_is_touched() {
    let latest = create(&Options::new());
    let (mut writer, mut reader) = (latest.writer().unwrap(), latest.reader().unwrap());
    writer.write(&bytes([1; 3])).unwrap();
    for len in [0, 8, 23, 25, 48, 1 << 16] {
        let mut place = vec![9; len];
        assert_eq!(writer.write(&place), Err(PushError::WrongLength { len, item: 24 }));
        let wrong = ReadError::WrongLength { len, item: 24 };
        assert_eq!(reader.read_into(&mut place), Err(wrong));
        assert_eq!(reader.read_newer_into(&mut place, None), Err(wrong));
        let wrong = NextError::WrongLength { len, item: 24 };
        assert_eq!(reader.try_next_into(&mut place), Err(wrong));
        assert_eq!(reader.next_into(&mut place, None), Err(wrong));
        assert!(place.iter().all(|byte| *byte == 9));
    }
    assert_eq!((writer.version(), reader.version()), (1, 0));
}

#[test]
fn a_value_that_no_region_can_be_and_one_of_another_size_are_refused() {
    for item in [
        ItemLayout { size: 0, ..ITEM },
        ItemLayout { size: 20, ..ITEM },
        ItemLayout { align: 3, ..ITEM },
        ItemLayout { size: usize::MAX & !7, ..ITEM },
    ] {
        let refused = UntypedLatest::create(Region::memfd("refused"), item, &Options::new());
        assert!(matches!(refused, Err(Error::InvalidOptions { .. })), "{item:?}");
    }
    let latest = create(&Options::new());
    let open = |item| {
        let fd = latest.descriptor().try_clone_to_owned().unwrap();
        UntypedLatest::open_with(Region::descriptor(fd), item, &Options::new())
    };
    for (item, differs) in [
        (ItemLayout { size: 16, ..ITEM }, Property::ItemSize),
        (ItemLayout { align: 4, ..ITEM }, Property::ItemAlignment),
        (ItemLayout { schema: 8, ..ITEM }, Property::Schema),
    ] {
        let Err(Error::Incompatible { property, .. }) = open(item) else { panic!("{item:?}") };
        assert_eq!(property, differs);
    }
    assert!(open(ITEM).unwrap().reader().is_ok());
}

#[test]
fn sizes_that_are_no_multiple_of_a_word_come_whole() {
    for size in [1, 3, 7, 9, 63, 65, 4095, 100_001] {
        let item = ItemLayout { size, align: 1, schema: 0 };
        let latest = UntypedLatest::create(Region::memfd("odd"), item, &Options::new()).unwrap();
        let (mut writer, mut reader) = (latest.writer().unwrap(), latest.reader().unwrap());
        for round in 1..=20_u8 {
            let value: Vec<u8> = (0..size).map(|at| at as u8 ^ round).collect();
            let mut place = vec![0; size];
            writer.write(&value).unwrap();
            reader.read_into(&mut place).unwrap();
            assert!(place == value, "{size} bytes, round {round}");
        }
    }
}
