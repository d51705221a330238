//! The wire format by example: the bytes of rings of values of several sizes, of messages, and of a latest value,
//! committed. What this version writes must be that image, and what it reads may be that image.

use std::fmt::Write as _;
use std::os::fd::BorrowedFd;
use std::path::PathBuf;

use shm_ring::{
    Error, Item, Latest, MessageRing, Options, Peer, PopError, Producer, Property, Region, Ring,
};
use shm_ring_outsider::{
    FENCE_MODE, Header, NEVER, PID_NAMESPACE, WAKE_AT, cells, consumer, fresh, judge, judge_latest,
    page, producer,
};

use crate::bytes::Bytes;
use crate::harness::Dir;

/// Creation time and random id in the header.
const VARIES_IN_HEADER: std::ops::Range<usize> = 72..96;

/// An image, and what makes it.
struct Golden {
    text: &'static str,
    make: fn() -> Vec<u8>,
}

const VALUES_OF_1: Golden =
    Golden { text: include_str!("golden/v2-values-of-1.hex"), make: values::<u8> };
const VALUES_OF_5: Golden =
    Golden { text: include_str!("golden/v2-values-of-5.hex"), make: values::<[u8; 5]> };
const VALUES_OF_8: Golden =
    Golden { text: include_str!("golden/v2-values-of-8.hex"), make: values::<u64> };
const VALUES_OF_24: Golden =
    Golden { text: include_str!("golden/v2-values-of-24.hex"), make: values::<[u8; 24]> };
const MESSAGES: Golden = Golden { text: include_str!("golden/v2-messages.hex"), make: messages };
const LATEST: Golden = Golden { text: include_str!("golden/v2-latest.hex"), make: latest };

fn options() -> Options {
    Options::new().schema(0x0807_0605_0403_0201).label("golden")
}

/// The `n`th value: the letter of its number, over and over, and its number at its end.
fn value<T: Item>(n: u8) -> T {
    let mut value = T::new_zeroed();
    let bytes = value.as_mut_bytes();
    bytes.fill(b'a' + n);
    bytes[bytes.len() - 1] = b'0' + n;
    value
}

/// The image of `region` without what varies.
fn image(region: BorrowedFd<'_>) -> Vec<u8> {
    let mut bytes = Bytes::of(region).all();
    assert!(bytes[VARIES_IN_HEADER].iter().any(|byte| *byte != 0));
    bytes[VARIES_IN_HEADER].fill(0);
    // Whether membarrier may be called here, and whose number which process id is.
    for side in [producer(), consumer()] {
        let life = (side + FENCE_MODE) as usize..(side + PID_NAMESPACE) as usize + 8;
        bytes[life].fill(0);
    }
    bytes
}

/// Of a ring of 5 with four values: two pushed with the front, of which one was taken, two as a slice.
/// Then one more with the front. Both sides have closed.
fn values<T: Item>() -> Vec<u8> {
    let ring = Ring::<T>::create(Region::memfd("golden"), &options().items(5)).unwrap();
    let (mut tx, mut rx) = (ring.producer().unwrap(), ring.consumer().unwrap());
    tx.push(value(0)).unwrap();
    tx.push(value(1)).unwrap();
    assert!(rx.pop().is_ok_and(|item| item.as_bytes() == value::<T>(0).as_bytes()));
    tx.push_slice(&[value(2), value(3)]).unwrap();
    tx.push(value(4)).unwrap();
    drop((tx, rx));
    image(ring.descriptor())
}

const TEXTS: [&[u8]; 5] =
    [b"taken", b"", b"of 49 bytes, one more than there is in the front.", b"two", b"in the front"];

/// Of a ring of 500 bytes: five messages, the first of which was taken. Both sides have closed.
fn messages() -> Vec<u8> {
    let options = options().bytes(500).align(16);
    let ring = MessageRing::create(Region::memfd("golden"), &options).unwrap();
    let (mut tx, mut rx) = (ring.producer().unwrap(), ring.consumer().unwrap());
    tx.push(TEXTS[0]).unwrap();
    assert_eq!(rx.pop().unwrap(), TEXTS[0]);
    tx.push_batch(&TEXTS[1..3]).unwrap();
    tx.push_vectored(&[&TEXTS[3][..1], &TEXTS[3][1..]]).unwrap();
    tx.push(TEXTS[4]).unwrap();
    drop((tx, rx));
    image(ring.descriptor())
}

/// Of a latest value of 112 bytes: 33 versions in 32 slots.
fn latest() -> Vec<u8> {
    let latest = Latest::<[u8; 112]>::create(Region::memfd("golden"), &options()).unwrap();
    let mut writer = latest.writer().unwrap();
    for version in 1..=33 {
        writer.write(if version < 3 || version == 33 { value(version % 10) } else { [0; 112] });
    }
    writer.close();
    image(latest.descriptor())
}

/// Lines of 16 bytes with their offset and their text; lines of zeros are left out.
fn dump(bytes: &[u8]) -> String {
    let mut text = String::new();
    for (index, line) in
        bytes.chunks(16).enumerate().filter(|(_, line)| line.iter().any(|b| *b != 0))
    {
        write!(text, "{:06x} ", 16 * index).unwrap();
        line.iter().for_each(|byte| write!(text, " {byte:02x}").unwrap());
        let shown =
            line.iter().map(|b| if b.is_ascii_graphic() || *b == b' ' { *b as char } else { '.' });
        writeln!(text, "  |{}|", shown.collect::<String>()).unwrap();
    }
    writeln!(text, "{:06x}", bytes.len()).unwrap();
    text
}

fn undump(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let (offset, rest) = line.split_once("  ").unwrap_or((line, ""));
        bytes.resize(usize::from_str_radix(offset, 16).unwrap(), 0);
        let hex = rest.split("  |").next().unwrap();
        bytes.extend(
            hex.split(' ').filter(|h| !h.is_empty()).map(|h| u8::from_str_radix(h, 16).unwrap()),
        );
    }
    bytes
}

fn same_page_size() -> bool {
    let same = page() == 4096;
    if !same {
        eprintln!("skipped, since the golden images have pages of 4096 bytes");
    }
    same
}

/// A file with the bytes of an image.
fn file(dir: &Dir, text: &str) -> PathBuf {
    let path = dir.join("region");
    std::fs::write(&path, undump(text)).unwrap();
    path
}

#[test]
fn a_fresh_region_is_zero_but_for_the_header_and_two_words() {
    let ring = Ring::<u64>::create(Region::memfd("fresh"), &options().items(7)).unwrap();
    let mut bytes = Bytes::of(ring.descriptor()).all();
    let header = Header::of(&bytes[..]);
    assert_eq!((header.limit, header.capacity), (56, page()));
    // An outsider builds the same.
    assert!(fresh(&header) == bytes);
    for side in [producer(), consumer()] {
        let word = (side + WAKE_AT) as usize;
        assert_eq!(bytes[word..word + 8], NEVER.to_le_bytes());
        bytes[word..word + 8].fill(0);
    }
    assert!(bytes[168..].iter().all(|byte| *byte == 0));
}

#[test]
fn what_is_written_is_the_golden_image() {
    if !same_page_size() {
        return;
    }
    let mut changed = String::new();
    for golden in [VALUES_OF_1, VALUES_OF_5, VALUES_OF_8, VALUES_OF_24, MESSAGES, LATEST] {
        let found = dump(&(golden.make)());
        let lines = golden.text.lines();
        let (says, rest): (Vec<_>, Vec<_>) = lines.partition(|line| line.starts_with('#'));
        let expected: String = rest.iter().map(|line| format!("{line}\n")).collect();
        if found != expected {
            writeln!(changed, "{}\nis now\n{found}", says.join("\n")).unwrap();
        }
    }
    assert!(changed.is_empty(), "layout v2 has changed:\n{changed}");
}

#[test]
fn an_outsider_finds_nothing_wrong_with_the_golden_images() {
    if !same_page_size() {
        return;
    }
    for golden in [VALUES_OF_1, VALUES_OF_5, VALUES_OF_8, VALUES_OF_24, MESSAGES] {
        let image = undump(golden.text);
        let ring = judge(&image[..], &Header::of(&image[..])).unwrap_or_else(|why| panic!("{why}"));
        assert_eq!(ring.records.len(), 4);
    }
    let image = undump(LATEST.text);
    let latest = judge_latest(&image[..], &Header::of(&image[..]));
    assert_eq!(latest.unwrap_or_else(|why| panic!("{why}")).published, 33);
}

#[test]
fn the_golden_images_of_values_open_and_read() {
    fn reads<T: Item>(golden: &Golden) {
        let dir = Dir::new("golden");
        let path = file(&dir, golden.text);
        let ring = Ring::<T>::open_with(Region::file(&path), &options()).unwrap();
        assert_eq!((ring.limit_bytes(), ring.id()), (5 * size_of::<T>(), 0));
        let mut rx = ring.consumer().unwrap();
        assert_eq!((rx.session(), rx.len()), (3, 4));
        for n in 1..5 {
            assert_eq!(rx.pop().unwrap().as_bytes(), value::<T>(n).as_bytes());
        }
        assert_eq!(rx.pop().err(), Some(PopError::Closed));
        assert_eq!(Bytes::at(&path).get(consumer()), 5 * size_of::<T>() as u64);
        // And as a producer finds it that takes the ring over.
        let path = file(&dir, golden.text);
        let mut tx = Producer::<T>::open_with(Region::file(&path), &options()).unwrap();
        assert_eq!((tx.session(), tx.room_at_least()), (3, 1));
        assert_eq!(tx.peer(), Peer::Closed { session: 2 });
        tx.push(value(5)).unwrap();
        assert_eq!(tx.room_at_least(), 0);
    }
    if same_page_size() {
        reads::<u8>(&VALUES_OF_1);
        reads::<[u8; 5]>(&VALUES_OF_5);
        reads::<u64>(&VALUES_OF_8);
        reads::<[u8; 24]>(&VALUES_OF_24);
    }
}

#[test]
fn the_golden_image_of_messages_opens_and_reads() {
    if !same_page_size() {
        return;
    }
    let dir = Dir::new("golden-messages");
    let path = file(&dir, MESSAGES.text);
    let ring = MessageRing::open_with(Region::file(&path), &options()).unwrap();
    assert_eq!(ring.limit_bytes(), 500);
    let mut rx = ring.consumer().unwrap();
    for text in &TEXTS[1..] {
        assert_eq!(rx.pop().unwrap(), *text);
    }
    assert_eq!(rx.pop(), Err(PopError::Closed));
    let mut tx = ring.producer().unwrap();
    assert_eq!(tx.max_len(), 496 - 16);
    tx.push(&[1; 480]).unwrap();
    assert_eq!(rx.pop().unwrap(), [1; 480]);
}

#[test]
fn the_golden_image_of_a_latest_value_opens_and_reads() {
    if !same_page_size() {
        return;
    }
    let dir = Dir::new("golden-latest");
    let path = file(&dir, LATEST.text);
    let latest = Latest::<[u8; 112]>::open_with(Region::file(&path), &options()).unwrap();
    let mut reader = latest.reader().unwrap();
    assert_eq!((reader.read(), reader.version()), (Ok(value(3)), 33));
    assert_eq!(reader.writer(), Peer::Closed { session: 2 });
    let mut writer = latest.writer().unwrap();
    assert_eq!((writer.session(), writer.version()), (3, 33));
    writer.write(value(0));
    assert_eq!(reader.read(), Ok(value(0)));
}

/// A front that holds the newest record is read from there when it alone is new.
#[test]
fn a_consumer_that_takes_the_golden_ring_over_reads_the_data_and_not_the_front() {
    if !same_page_size() {
        return;
    }
    let dir = Dir::new("golden-front");
    let mut image = undump(VALUES_OF_8.text);
    // Four are new: what the front says of the last is not looked at.
    let front = producer() as usize + 8;
    image[front..front + 8].fill(0xee);
    let header = Header::of(&image[..]);
    assert!(judge(cells(&mut image), &header).is_err(), "an outsider finds the front wrong");
    let path = dir.join("region");
    std::fs::write(&path, &image).unwrap();
    let mut rx =
        Ring::<u64>::open_with(Region::file(&path), &options()).unwrap().consumer().unwrap();
    for n in 1..5 {
        assert_eq!(rx.pop(), Ok(value(n)));
    }
}

#[test]
fn a_region_of_layout_1_is_refused_by_name_and_the_text_says_what_to_do() {
    let dir = Dir::new("layout-1");
    let path = dir.join("old");
    drop(Ring::<u64>::create(Region::file(&path), &Options::new()).unwrap());
    let bytes = Bytes::at(&path);
    // As release 0.1 wrote it: no limit, and the version.
    bytes.write(8, &1_u32.to_le_bytes());
    bytes.set(160, 0);
    let answers = [
        Ring::<u64>::open(Region::file(&path)).map(drop),
        Ring::<u64>::open_or_create(Region::file(&path), &Options::new()).map(drop),
        MessageRing::open(Region::file(&path)).map(drop),
        Latest::<u64>::open(Region::file(&path)).map(drop),
        shm_ring::Observer::open(Region::file(&path)).map(drop),
    ];
    for answer in answers {
        let error = answer.unwrap_err();
        let text = error.to_string();
        match error {
            Error::Incompatible { property: Property::Version, found, wanted, .. } => {
                assert_eq!((found.as_str(), wanted.as_str()), ("1", "2"));
            }
            other => panic!("{other}"),
        }
        for said in ["old", "layout version 1", "take what is in it out", "shm-ring rm"] {
            assert!(text.contains(said), "{said}: {text}");
        }
    }
    assert!(path.exists(), "it is not ours to remove");
}
