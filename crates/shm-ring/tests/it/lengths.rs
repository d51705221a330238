//! Every length by every form: what arrives is what was sent, byte for byte, and no byte beyond it is
//! touched, in the region or in buffers. What can never fit, or does not fit a buffer, changes nothing.

use shm_ring::{Consumer, Options, OutOfBounds, PopError, Producer, PushError, Region, Ring};

use crate::forms::{Kind, Put, Room, Take};
use crate::items::{
    A16, A32, A64, A128, A256, A512, A1024, A2048, A4096, elements, make, message, text,
};
use crate::system;
use crate::wire::{Bytes, POSITION, data, producer};

const CAPACITY: usize = 8192;
/// What stands in the data before anything was pushed: no commit word, and not zero.
const OLD: u8 = 0xff;

fn ring<K: Kind + ?Sized>(capacity: usize) -> (Bytes, Producer<K>, Consumer<K>) {
    crate::house::watch();
    let options = Options::new().bytes(capacity as u64);
    let ring = Ring::<K>::create(Region::memfd("lengths"), options).unwrap();
    let bytes = Bytes::of(ring.descriptor());
    bytes.write(data(), &vec![OLD; capacity]);
    (bytes, ring.producer().unwrap(), ring.consumer().unwrap())
}

/// Around words, lines, where copying goes by blocks, pages, and all that the ring can hold.
fn lens(unit: usize, max: usize) -> Vec<usize> {
    let around = [0, 8, 16, 64, 128, 256, 320, 4096, CAPACITY / 2, CAPACITY - 16, CAPACITY];
    let around = around.into_iter().flat_map(|len| len.saturating_sub(9)..=len + 9);
    let mut lens: Vec<_> =
        around.map(|bytes| bytes / unit).chain([max]).filter(|len| *len <= max).collect();
    lens.sort_unstable();
    lens.dedup();
    lens
}

fn through_every_form<K: Kind + ?Sized>(max: usize) {
    let (_, mut tx, mut rx) = ring::<K>(CAPACITY);
    for (turn, len) in lens(K::UNIT, max).into_iter().enumerate() {
        // The two counts have no common divisor, so that all lengths together see every pair.
        for n in 0..K::PUSHES.len().max(K::POPS.len()) {
            let put = K::PUSHES[n % K::PUSHES.len()];
            let take = K::POPS[(turn + n) % K::POPS.len()];
            let bytes = text((turn * 100 + n) as u64, len * K::UNIT);
            assert_eq!(K::push(&mut tx, put, &bytes), Ok(()), "{put:?} of {len}");
            // The form itself looks at what stands behind the message in its buffer.
            let popped = K::pop(&mut rx, take, len + n % 4);
            assert!(popped.as_ref() == Ok(&bytes), "{take:?} of {len} after {put:?}: {popped:?}");
        }
    }
}

#[test]
fn every_length_by_every_form_arrives_byte_for_byte() {
    through_every_form::<[u8]>(CAPACITY - 16);
    through_every_form::<[u32]>((CAPACITY - 16) / 4);
    through_every_form::<[[u8; 3]]>((CAPACITY - 16) / 3);
    through_every_form::<[A16]>((CAPACITY - 32) / 16);
}

fn too_large<K: Kind + ?Sized>(max: usize) {
    let (bytes, mut tx, mut rx) = ring::<K>(CAPACITY);
    let before = bytes.all();
    for len in [max + 1, max + 7, 2 * max] {
        let expected = Err(PushError::TooLarge { len, max });
        for put in K::PUSHES {
            assert_eq!(K::push(&mut tx, *put, &text(1, len * K::UNIT)), expected, "{put:?}");
        }
        for way in 0..3 {
            let told = K::reserve(&mut tx, way, Room::Drop, &text(1, len * K::UNIT), 0);
            assert_eq!(told.map(drop), expected);
        }
    }
    assert!(bytes.all() == before, "something was written");
    let longest = text(2, max * K::UNIT);
    assert_eq!(K::push(&mut tx, Put::Try, &longest), Ok(()));
    assert_eq!(K::push(&mut tx, Put::Try, &[]), Err(PushError::Full));
    assert_eq!(K::pop(&mut rx, Take::Try, 0), Ok(longest));
}

#[test]
fn what_can_never_fit_is_too_large_by_exact_numbers() {
    too_large::<[u8]>(CAPACITY - 16);
    too_large::<[u32]>((CAPACITY - 16) / 4);
    too_large::<[[u8; 3]]>((CAPACITY - 16) / 3);
    // Of 64 records of 128 bytes and no zero behind them one less, and its commit word.
    too_large::<[A128]>(CAPACITY / 128 - 2);
    // Lengths whose bytes no number can count.
    let (_, mut tx, _rx) = ring::<[u32]>(CAPACITY);
    let max = tx.max_len();
    for len in [usize::MAX, usize::MAX / 2, usize::MAX / 4 + 1, usize::MAX / 4 + 2] {
        let told = tx.try_reserve(len).map(drop);
        assert_eq!(told, Err(PushError::TooLarge { len, max }));
    }
}

#[test]
fn a_buffer_that_is_too_small_leaves_the_message_and_says_how_long_it_is() {
    let (bytes, mut tx, mut rx) = ring::<[u32]>(CAPACITY);
    for needed in [1, 2, 3, 70, 2044] {
        let sent = text(needed as u64, needed * 4);
        K32::push(&mut tx, Put::Try, &sent).unwrap();
        let before = bytes.all();
        for len in (0..needed).step_by(1 + needed / 50) {
            for take in [Take::TryTo, Take::To, Take::ToTimeout] {
                // The form itself looks at the buffer.
                let told = K32::pop(&mut rx, take, len);
                assert_eq!(told, Err(PopError::TooSmall { len, needed }));
                assert!(bytes.all() == before, "something was written");
            }
        }
        assert_eq!(K32::pop(&mut rx, Take::To, needed), Ok(sent));
    }
}

type K32 = [u32];

/// What stands behind a payload of `len` bytes in the first record of a fresh ring, as far as the
/// layout promises something about it.
fn fill<K: Kind + ?Sized>(len: usize, put: impl FnOnce(&mut Producer<K>)) -> Vec<u8> {
    let (bytes, mut tx, _rx) = ring::<K>(4096);
    put(&mut tx);
    let start = data() as usize + K::ALIGN;
    bytes.all()[start + len..start + len.next_multiple_of(8)].to_vec()
}

fn fill_of_every_form<K: Kind + ?Sized>(lens: impl Iterator<Item = usize>) {
    for len in lens {
        let bytes = vec![OLD; len * K::UNIT];
        let check = |what: &str, fill: Vec<u8>| {
            assert!(fill.iter().all(|byte| *byte == 0), "{fill:02x?} behind {len} by {what}");
        };
        for put in K::PUSHES {
            let filled = fill::<K>(bytes.len(), |tx| K::push(tx, *put, &bytes).unwrap());
            check(&format!("{put:?}"), filled);
        }
        let batch = vec![bytes.clone(); 3];
        let filled = fill::<K>(bytes.len(), |tx| assert_eq!(K::push_batch(tx, &batch), Ok(3)));
        check("a batch", filled);
        if K::LEN.is_none() {
            // More was written than is committed.
            let more = vec![OLD; (len + 13) * K::UNIT];
            let filled = fill::<K>(bytes.len(), |tx| {
                let told = K::reserve(tx, 0, Room::Less, &more, len);
                assert_eq!(told, Ok(Some(bytes.len())));
            });
            check("a part of a reservation", filled);
        }
    }
}

#[test]
fn what_fills_a_payload_up_to_a_word_is_zero() {
    fill_of_every_form::<[u8]>((0..18).chain(254..266));
    fill_of_every_form::<[[u8; 3]]>(0..9);
    fill_of_every_form::<[u16]>(0..9);
    fill_of_every_form::<u8>([1].into_iter());
    fill_of_every_form::<[u8; 5]>([1].into_iter());
    fill_of_every_form::<[u8; 259]>([1].into_iter());
}

const SIZE: usize = 48;

#[test]
fn writing_at_an_offset_touches_those_bytes_and_no_others() {
    let (bytes, mut tx, _rx) = ring::<[u8]>(4096);
    let from = text(1, 24);
    let start = data() as usize + 8;
    let mut expected = bytes.all();
    let mut room = tx.try_reserve(SIZE).unwrap();
    for offset in 0..=SIZE {
        for len in 0..=24 {
            let written = room.write_at(offset, &from[..len]);
            if offset + len <= SIZE {
                assert_eq!(written, Ok(()));
                expected[start + offset..start + offset + len].copy_from_slice(&from[..len]);
            } else {
                assert_eq!(written, Err(OutOfBounds { offset, len, size: SIZE }));
            }
            assert!(bytes.all() == expected, "{len} bytes at {offset}");
            // So that the next ones can be told from these.
            room.write_at(0, &[OLD; SIZE]).unwrap();
            expected[start..start + SIZE].fill(OLD);
        }
    }
    for offset in [usize::MAX, usize::MAX - 7] {
        let told = room.write_at(offset, &7_u64);
        assert_eq!(told, Err(OutOfBounds { offset, len: 8, size: SIZE }));
    }
    let told = room.commit_len(SIZE + 1);
    assert_eq!(told, Err(OutOfBounds { offset: 0, len: SIZE + 1, size: SIZE }));
    assert!(bytes.all() == expected, "what is out of bounds was written or published");
}

macro_rules! read_at_sizes {
    ($view:expr, $offset:expr, $expected:expr; $($size:literal)*) => {$(
        let told = $view.read_at::<[u8; $size]>($offset).map(|bytes| bytes.to_vec());
        assert_eq!(told, expected_at($expected, $offset, $size));
    )*};
}

fn expected_at(message: &[u8], offset: usize, len: usize) -> Result<Vec<u8>, OutOfBounds> {
    match offset.checked_add(len).and_then(|end| message.get(offset..end)) {
        Some(bytes) => Ok(bytes.to_vec()),
        None => Err(OutOfBounds { offset, len, size: message.len() }),
    }
}

#[test]
fn reading_at_an_offset_gives_those_bytes_and_writes_no_others() {
    let (_, mut tx, mut rx) = ring::<[u8]>(4096);
    let sent = text(2, SIZE);
    tx.push(&sent).unwrap();
    let view = rx.try_peek().unwrap();
    for offset in (0..=SIZE).chain([usize::MAX, usize::MAX - 7]) {
        for len in 0..=24 {
            let mut buffer = [0xa5; 40];
            let told = view.copy_to(offset, &mut buffer[8..8 + len]);
            let expected = expected_at(&sent, offset, len);
            assert_eq!(told.err(), expected.as_ref().err().copied());
            let expected = expected.unwrap_or(vec![0xa5; len]);
            assert_eq!(buffer[8..8 + len], expected, "{len} bytes at {offset}");
            let around = buffer[..8].iter().chain(&buffer[8 + len..]);
            assert!(around.copied().all(|byte| byte == 0xa5), "{len} bytes at {offset}");
        }
        read_at_sizes!(view, offset, &sent; 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 23 24 48 49);
    }
}

fn aligned<T: shm_ring::Item>() {
    let align = align_of::<T>();
    let (_, mut tx, mut rx) = ring::<[T]>(64 * 1024);
    for len in [0, 1, 2, 3, 1, 0, 2] {
        // Written by the slice and in the ordinary way, read by slices.
        let mut room = tx.reserve(len).unwrap();
        let address = system::write_slice(&mut room, message::<T>(1, len));
        assert_eq!(address % align, 0, "a reservation of {len} elements aligned to {align}");
        room.commit();
        tx.push(&message::<T>(2, len)).unwrap();
        tx.push(&message::<T>(3, len)).unwrap();
        let check = |n, (address, bytes): (usize, Vec<u8>)| {
            assert_eq!(address % align, 0, "a message of {len} elements aligned to {align}");
            assert!(bytes == text(n, len * size_of::<T>()));
        };
        for n in [1, 2] {
            let view = rx.peek().unwrap();
            check(n, system::slice_bytes(&view));
            view.release();
        }
        rx.pop_batch(1, |record| check(3, system::slice_bytes(record))).unwrap();
    }
    let (_, mut tx, mut rx) = ring::<T>(64 * 1024);
    for n in 0..5 {
        let mut room = tx.reserve().unwrap();
        assert_eq!(system::write_value(&mut room, make::<T>(n)) % align, 0);
        room.commit();
        let view = rx.peek().unwrap();
        let (address, bytes) = system::value_bytes(&view);
        assert_eq!(address % align, 0, "a value aligned to {align}");
        assert!(elements::<T>(&bytes)[0].as_bytes() == make::<T>(n).as_bytes());
        view.release();
    }
}

#[test]
fn payloads_are_aligned_as_their_elements_are() {
    aligned::<u8>();
    aligned::<[u8; 3]>();
    aligned::<u16>();
    aligned::<u32>();
    aligned::<u64>();
    aligned::<A16>();
    aligned::<A32>();
    aligned::<A64>();
    aligned::<A128>();
    aligned::<A256>();
    aligned::<A512>();
    aligned::<A1024>();
    aligned::<A2048>();
    aligned::<A4096>();
}

#[test]
fn an_empty_ring_says_where_its_first_record_will_be() {
    // What the tests above take for granted.
    let (bytes, mut tx, _rx) = ring::<[u8]>(4096);
    assert_eq!(bytes.get(producer() + POSITION), 0);
    tx.push(b"x").unwrap();
    assert_eq!(bytes.get(producer() + POSITION), 16);
}
