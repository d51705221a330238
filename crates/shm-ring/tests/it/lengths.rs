//! Every length by every form: what arrives is what was sent, byte for byte, and no byte beyond it is
//! touched, in the region or in buffers. What can never fit, or does not fit a buffer, changes nothing.

use shm_ring::{MessageProducer, Options, OutOfBounds, PopError, PushError, Region};
use shm_ring_outsider::{POSITION, cells, data, lay, poison, producer};

use crate::bytes::Bytes;
use crate::forms::{Aligned, AnyRing, Kind, Put, Room, RxOf, Take, TxOf, slices};
use crate::items::{A16, A64, A4096, text};

const CAPACITY: usize = 8192;
/// What stands in the data before anything was pushed: no record header, and not zero.
const OLD: u8 = 0xff;

fn ring<K: Kind + ?Sized>(capacity: usize) -> (Bytes, TxOf<K>, RxOf<K>) {
    crate::harness::watch();
    let ring = K::create(Region::memfd("lengths"), &Options::new().bytes(capacity)).unwrap();
    let bytes = Bytes::of(ring.descriptor());
    poison(bytes.region(), &bytes.header(), None);
    (bytes, ring.producer().unwrap(), ring.consumer().unwrap())
}

/// Around words, lines, where copying goes by blocks, pages, and all that the ring can hold.
fn lens(max: usize) -> Vec<usize> {
    let around = [0, 8, 16, 64, 128, 256, 320, 4096, CAPACITY / 2, CAPACITY - 16, CAPACITY];
    let around = around.into_iter().flat_map(|len| len.saturating_sub(9)..=len + 9);
    let mut lens: Vec<_> = around.chain([max]).filter(|len| *len <= max).collect();
    lens.sort_unstable();
    lens.dedup();
    lens
}

fn through_every_form<K: Kind + ?Sized>(lens: &[usize]) {
    let (_, mut tx, mut rx) = ring::<K>(CAPACITY);
    for (turn, &len) in lens.iter().enumerate() {
        // The two counts have no common divisor, so that all lengths together see every pair.
        for n in 0..K::PUSHES.len().max(K::POPS.len()) {
            let put = K::PUSHES[n % K::PUSHES.len()];
            let take = K::POPS[(turn + n) % K::POPS.len()];
            let bytes = text((turn * 100 + n) as u64, len);
            assert_eq!(K::push(&mut tx, put, &bytes), Ok(()), "{put:?} of {len}");
            // The form itself looks at what stands behind the message in its buffer.
            let popped = K::pop(&mut rx, take, len + n % 4);
            assert!(popped.as_ref() == Ok(&bytes), "{take:?} of {len} after {put:?}: {popped:?}");
        }
    }
}

#[test]
fn every_length_by_every_form_arrives_byte_for_byte() {
    through_every_form::<[u8]>(&lens(CAPACITY - 8));
    through_every_form::<Aligned<16>>(&lens(CAPACITY - 16));
    through_every_form::<Aligned<1024>>(&lens(CAPACITY - 1024));
}

/// Values of each size that is copied in another way, and of neighbours that are not.
macro_rules! sizes {
    ($run:ident: $($size:literal)*) => {$( $run::<[u8; $size]>(); )*};
}

#[test]
fn values_of_every_size_by_every_form_arrive_byte_for_byte() {
    fn run<T: shm_ring::Item + Send + 'static>() {
        through_every_form::<T>(&[size_of::<T>(); 40]);
    }
    sizes!(run: 1 2 3 4 5 7 8 9 12 16 17 24 31 48 55 56 57 64 65 96 100 255 256 257 263 320 321 4096 8191);
    run::<u16>();
    run::<u32>();
    run::<u64>();
    run::<u128>();
    run::<A16>();
    run::<A64>();
    run::<A4096>();
}

fn too_large<K: Kind + ?Sized>(capacity: usize, max: usize) {
    let (bytes, mut tx, mut rx) = ring::<K>(capacity);
    let before = bytes.all();
    for len in [max + 1, max + 7, 2 * max] {
        let expected = Err(PushError::TooLarge { len, max });
        for put in K::PUSHES {
            assert_eq!(K::push(&mut tx, *put, &text(1, len)), expected, "{put:?}");
        }
        for way in 0..3 {
            let told = K::reserve(&mut tx, way, Room::Drop, &text(1, len), 0);
            assert_eq!(told.map(drop), expected);
        }
    }
    assert!(bytes.all() == before, "something was written");
    let longest = text(2, max);
    assert_eq!(K::push(&mut tx, Put::Try, &longest), Ok(()));
    // It fills the ring, but for what is no whole record any more.
    assert_eq!(K::push(&mut tx, Put::Try, &[]), Err(PushError::Full));
    assert_eq!(K::pop(&mut rx, Take::Try, 0), Ok(longest));
}

#[test]
fn what_can_never_fit_is_too_large_by_exact_numbers() {
    too_large::<[u8]>(CAPACITY, CAPACITY - 8);
    too_large::<[u8]>(5000, 5000 - 8);
    too_large::<[u8]>(5003, 5000 - 8);
    too_large::<[u8]>(64, 64 - 8);
    too_large::<Aligned<16>>(CAPACITY, CAPACITY - 16);
    too_large::<Aligned<128>>(CAPACITY, CAPACITY - 128);
    too_large::<Aligned<128>>(1000, 896 - 128);
    // Lengths whose records no number can count.
    let (_, mut tx, _rx) = ring::<[u8]>(CAPACITY);
    let max = tx.max_len();
    for len in [usize::MAX, usize::MAX - 7, usize::MAX / 2] {
        let told = tx.try_reserve(len).map(drop);
        assert_eq!(told, Err(PushError::TooLarge { len, max }));
    }
    let (_, mut tx, _rx) = ring::<u64>(CAPACITY);
    for len in [CAPACITY / 8 + 1, usize::MAX, usize::MAX / 8 + 1, usize::MAX / 8 + 2] {
        let told = tx.try_reserve(len).map(drop);
        assert_eq!(told, Err(PushError::TooLarge { len, max: CAPACITY / 8 }));
    }
    assert_eq!(tx.try_reserve(CAPACITY / 8).map(|room| room.len()), Ok(CAPACITY / 8));
}

#[test]
fn a_buffer_that_is_too_small_leaves_the_message_and_says_how_long_it_is() {
    let (bytes, mut tx, mut rx) = ring::<[u8]>(CAPACITY);
    for needed in [1, 2, 3, 48, 49, 70, 8184] {
        let sent = text(needed as u64, needed);
        for put in [Put::Try, Put::Batch] {
            <[u8]>::push(&mut tx, put, &sent).unwrap();
            let before = bytes.all();
            for len in (0..needed).step_by(1 + needed / 50) {
                for take in [Take::TryTo, Take::To, Take::ToTimeout] {
                    // The form itself looks at the buffer.
                    let told = <[u8]>::pop(&mut rx, take, len);
                    assert_eq!(told, Err(PopError::TooSmall { len, needed }));
                    assert!(bytes.all() == before, "something was written");
                }
            }
            assert_eq!(<[u8]>::pop(&mut rx, Take::To, needed), Ok(sent.clone()));
        }
    }
}

/// Every form of publishing writes its record, at most its fill, and not a byte beside it.
fn neighbours<K: Kind + ?Sized>(lens: impl Iterator<Item = usize>) {
    for len in lens {
        let payload = text(len as u64, len);
        for put in K::PUSHES.iter().copied().chain([Put::Reserve(Room::Forget)]) {
            let (bytes, mut tx, _rx) = ring::<K>(4096);
            let header = bytes.header();
            let mut expected = bytes.all();
            K::push(&mut tx, put, &payload).unwrap();
            let end = lay(cells(&mut expected), &header, 0, &payload);
            assert_eq!(end, K::stride(len));
            let found = bytes.all().split_off(data() as usize);
            let expected = expected.split_off(data() as usize);
            let start = header.payload_offset() as usize;
            let written = put != Put::Reserve(Room::Forget) || start == 0;
            if written {
                let (from, to) = (start, start + len);
                assert!(found[from..to] == expected[from..to], "{put:?} of {len}");
            }
            let rest = end as usize;
            assert!(found[rest..] == expected[rest..], "{put:?} of {len} wrote beside its record");
        }
    }
}

#[test]
fn no_form_writes_beside_its_record() {
    neighbours::<[u8]>((0..18).chain(254..266).chain([4088]));
    neighbours::<Aligned<64>>((0..18).chain([63, 64, 65, 1000]));
    neighbours::<u8>([1].into_iter());
    neighbours::<[u8; 2]>([2].into_iter());
    neighbours::<[u8; 3]>([3].into_iter());
    neighbours::<[u8; 5]>([5].into_iter());
    neighbours::<[u8; 7]>([7].into_iter());
    neighbours::<[u8; 12]>([12].into_iter());
    neighbours::<u64>([8].into_iter());
    neighbours::<[u8; 259]>([259].into_iter());
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
    let view = rx.try_peek(1).unwrap();
    let message = view.first();
    for offset in (0..=SIZE).chain([usize::MAX, usize::MAX - 7]) {
        for len in 0..=24 {
            let mut buffer = [0xa5; 40];
            let told = message.copy_to(offset, &mut buffer[8..8 + len]);
            let expected = expected_at(&sent, offset, len);
            assert_eq!(told.err(), expected.as_ref().err().copied());
            let expected = expected.unwrap_or(vec![0xa5; len]);
            assert_eq!(buffer[8..8 + len], expected, "{len} bytes at {offset}");
            let around = buffer[..8].iter().chain(&buffer[8 + len..]);
            assert!(around.copied().all(|byte| byte == 0xa5), "{len} bytes at {offset}");
        }
        read_at_sizes!(message, offset, &sent; 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 23 24 48 49);
    }
}

fn aligned_messages<const A: usize>() {
    let (_, mut tx, mut rx) = ring::<Aligned<A>>(64 * 1024);
    let align = A.max(8);
    for len in [0, 1, 2, 3, 1, 0, 2, 100, 5000] {
        // Written by the slice and in the ordinary way, read by slices.
        let mut room = tx.reserve(len).unwrap();
        let address = slices::write_message(&mut room, &text(1, len));
        assert_eq!(address % align, 0, "a reservation of {len} bytes aligned to {align}");
        room.commit(len);
        tx.push(&text(2, len)).unwrap();
        tx.push(&text(3, len)).unwrap();
        let check = |n, (address, bytes): (usize, Vec<u8>)| {
            assert_eq!(address % align, 0, "a message of {len} bytes aligned to {align}");
            assert!(bytes == text(n, len));
        };
        for n in [1, 2] {
            let view = rx.peek(1).unwrap();
            check(n, slices::message_bytes(&view.first()));
            view.release(1);
        }
        rx.pop_batch(1, |message| check(3, slices::message_bytes(message))).unwrap();
    }
}

#[test]
fn payloads_of_messages_are_aligned_as_asked() {
    aligned_messages::<1>();
    aligned_messages::<2>();
    aligned_messages::<8>();
    aligned_messages::<16>();
    aligned_messages::<64>();
    aligned_messages::<512>();
    aligned_messages::<4096>();
    // Whoever opens it takes the alignment that is there, and no more than that.
    let open = |asked: usize| {
        let ring = Aligned::<64>::create(Region::memfd("aligned"), &Options::new()).unwrap();
        let fd = Region::descriptor(ring.descriptor().try_clone_to_owned().unwrap());
        MessageProducer::open_with(fd, &Options::new().align(asked))
    };
    for asked in [1, 8, 32, 64] {
        let mut tx = open(asked).unwrap();
        let mut room = tx.reserve(9).unwrap();
        assert_eq!(slices::write_message(&mut room, &text(1, 9)) % 64, 0);
    }
    assert!(open(128).is_err());
}

#[test]
fn an_empty_ring_says_where_its_first_record_will_be() {
    // What the tests above take for granted.
    let (bytes, mut tx, _rx) = ring::<[u8]>(4096);
    assert_eq!(bytes.get(producer() + POSITION), 0);
    tx.push(b"x").unwrap();
    assert_eq!(bytes.get(producer() + POSITION), 16, "with the front");
}
