//! Messages that are longer than the memory that is left: an answer, and the message stays.

use rustix::process::{Resource, Rlimit, setrlimit};
use shm_ring::{DumpError, Error, MessageRing, Observer, Options, PopError, Property, Region};
use shm_ring_outsider::{POSITION, consumer, data, pack, producer, record_header};

use crate::bytes::Bytes;
use crate::harness::{Child, Home, Name};

/// A message that nobody has written: a header and a tail are all that there is of it.
const LONG: u64 = 1 << 30;

/// A ring with that message and a short one behind it, in a few pages of memory.
fn ring(name: &Name) -> MessageRing {
    let options = Options::new().bytes(LONG as usize + 4096).sparse();
    let ring = MessageRing::create(name.as_str(), &options).unwrap();
    let bytes = Bytes::of(ring.descriptor());
    let next = 8 + LONG;
    bytes.set(data(), record_header(0, LONG as u32));
    bytes.set(data() + next, record_header(next, 5));
    bytes.write(data() + next + 8, b"short");
    bytes.set(producer() + POSITION, pack(next + 16, false));
    ring
}

/// Bytes of addresses that this process has.
fn addresses() -> u64 {
    let pages = std::fs::read_to_string("/proc/self/statm").unwrap();
    pages.split(' ').next().unwrap().parse::<u64>().unwrap() * shm_ring_outsider::page()
}

/// Job: takes messages where there is no more memory than it has and a little.
pub(crate) fn take_with_little_memory(mut home: Home) {
    let name = home.argument(0).to_owned();
    let ring = MessageRing::open(name.as_str()).unwrap();
    let observer = Observer::open(name.as_str()).unwrap();
    let mut rx = ring.consumer().unwrap();
    let limit = Some(addresses() + LONG / 4);
    setrlimit(Resource::As, Rlimit { current: limit, maximum: limit }).unwrap();
    let needed = LONG as usize;
    let no_memory = PopError::NoMemory { needed };
    let mut place = b"as it was".to_vec();
    for _ in 0..2 {
        assert_eq!(rx.try_pop(), Err(no_memory));
        assert_eq!(rx.pop(), Err(no_memory));
        assert_eq!(rx.pop_into(&mut place), Err(no_memory));
        assert_eq!(place, b"as it was");
        let too_small = PopError::TooSmall { len: 9, needed };
        assert_eq!(rx.pop_to(&mut place), Err(too_small));
    }
    assert_eq!(rx.try_iter().next(), Some(Err(no_memory)));
    let dumped: Vec<_> = observer.dump().map(|found| found.map(|unread| unread.payload)).collect();
    let expected = [Err(DumpError::NoMemory { position: 0, needed }), Ok(b"short".to_vec())];
    assert!(dumped == expected);
    // In place it needs no memory of ours.
    let view = rx.peek(1).unwrap();
    assert_eq!((view.first().len(), view.first().read_at(needed - 8)), (needed, Ok(0_u64)));
    assert_eq!(view.release(1), 1);
    assert_eq!(rx.pop().unwrap(), b"short");
    home.say(&format!("{no_memory}"));
}

#[test]
fn a_message_that_there_is_no_memory_for_is_an_answer_and_stays() {
    let name = Name::new("no-memory");
    let ring = ring(&name);
    let mut child = Child::spawn("take-with-little-memory", &[name.as_str()]);
    let text = child.hear();
    assert!(text.contains("1073741824 bytes") && text.contains("stays in the ring"), "{text}");
    child.finish();
    let head = Bytes::of(ring.descriptor()).get(consumer() + POSITION);
    assert_eq!(head, 8 + LONG + 16);
}

#[test]
fn an_opener_can_bound_what_a_message_may_ask_for() {
    let name = Name::new("bounded");
    let _ring = ring(&name);
    let bounded = Options::new().max_capacity(1 << 20);
    for error in [
        MessageRing::open_with(name.as_str(), &bounded).unwrap_err(),
        MessageRing::open_or_create(name.as_str(), &bounded).unwrap_err(),
    ] {
        let text = error.to_string();
        assert!(
            matches!(error, Error::Incompatible { property: Property::Capacity, .. }),
            "{text}"
        );
        assert!(text.contains("2147483648") && text.contains("1048576"), "{text}");
    }
    assert!(Region::named(name.as_str()).unlink().is_ok());
}
