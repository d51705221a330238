//! Which ends of the other side an end reports: not that of a peer that had gone before it came, but each that concerns it,
//! once among all consumers that follow one another; and that of every stream, if it asks for that.

use std::io::{ErrorKind, Read};
use std::time::Duration;

use shm_ring::{
    Consumer, Ends, MessageConsumer, MessageRing, Options, Peer, PopError, Producer, PushError,
    Region, Ring, StreamReader, Wait, WaitAnyError, wait_any,
};
use shm_ring_outsider::{DIED, LIVENESS, STARTS, TOLD, consumer, producer};

use crate::bytes::Bytes;
use crate::harness::{Child, Home, Name, SOON, within};

const WAITS: [Wait; 3] = [Wait::SPIN, Wait::BALANCED, Wait::PARK];
const BRIEF: Duration = Duration::from_millis(3);

/// Job: pushes a number, says its session, and stays until it is killed or told to close.
pub(crate) fn push_and_stay(mut home: Home) {
    let mut tx = Producer::<u64>::open(home.argument(0)).unwrap();
    if let Ok(number) = home.argument(1).parse() {
        tx.push(number).unwrap();
    }
    home.say(&tx.session().to_string());
    home.hear();
    tx.close();
}

/// Job: pops a number, says it, and stays until it is killed.
pub(crate) fn pop_and_stay(mut home: Home) {
    let mut rx = Consumer::<u64>::open(home.argument(0)).unwrap();
    home.say(&rx.pop().unwrap().to_string());
    home.stay();
}

fn options(wait: Wait) -> Options {
    Options::new().items(4).wait(wait)
}

/// A producer that pushes `number`, if it is one, and is killed.
fn killed_after(name: &Name, number: &str) {
    let mut child = Child::spawn("push-and-stay", &[name.as_str(), number]);
    child.hear();
    child.kill();
}

/// A ring whose only producer has ended in each of three ways.
fn left(how: usize, wait: Wait) -> (Name, Ring<u64>) {
    let name = Name::new("left");
    let ring = Ring::create(name.as_str(), &options(wait)).unwrap();
    match how {
        0 => ring.producer().unwrap().close(),
        _ => killed_after(&name, "none"),
    }
    if how == 2 {
        // As after a producer of whose death the kernel was not to tell.
        Bytes::of(ring.descriptor()).write(producer() + LIVENESS, &[0; 4]);
    }
    (name, ring)
}

#[test]
fn a_consumer_that_comes_after_the_end_waits_for_the_next_producer() {
    for wait in WAITS {
        for how in 0..3 {
            let (_name, ring) = left(how, wait);
            let mut rx = ring.consumer().unwrap();
            let gone = rx.peer();
            assert!(matches!(gone, Peer::Closed { .. } | Peer::Dead { .. }), "{gone:?}");
            for timeout in [Duration::ZERO, Duration::from_micros(100), BRIEF] {
                assert_eq!(rx.pop_timeout(timeout), Err(PopError::TimedOut), "{wait:?} {how}");
            }
            assert_eq!(rx.wait(2, Some(BRIEF)), Err(PopError::TimedOut));
            assert_eq!((rx.wait_for_peer(BRIEF), rx.wait_for_end(BRIEF)), (gone, gone));
            assert_eq!(wait_any(&mut [&mut rx], Some(BRIEF)), Err(WaitAnyError::TimedOut));
            let awaited = wait_any(&mut [&mut rx.awaited_peer()], Some(BRIEF));
            assert_eq!(awaited, Err(WaitAnyError::TimedOut));
            let popping = std::thread::spawn(move || (rx.pop(), rx.pop(), rx));
            let mut tx = ring.producer().unwrap();
            tx.push(7).unwrap();
            tx.close();
            let popped = within(SOON, "two pops", || popping.join().unwrap());
            assert_eq!((popped.0, popped.1), (Ok(7), Err(PopError::Closed)), "{wait:?} {how}");
        }
    }
}

#[test]
fn a_consumer_of_messages_that_comes_after_the_end_waits_and_is_woken() {
    let ring = MessageRing::create(Region::memfd("after"), &Options::new().wait(Wait::PARK));
    let ring = ring.unwrap();
    let bytes = Bytes::of(ring.descriptor());
    ring.producer().unwrap().close();
    let mut rx = ring.consumer().unwrap();
    assert_eq!(rx.pop_timeout(BRIEF), Err(PopError::TimedOut));
    let popping = std::thread::spawn(move || (rx.pop(), rx));
    bytes.until_parked(consumer());
    let mut tx = ring.producer().unwrap();
    tx.push(b"next").unwrap();
    let (popped, mut rx) = within(SOON, "a pop", || popping.join().unwrap());
    assert_eq!(popped.unwrap(), b"next");
    let popping = std::thread::spawn(move || rx.pop());
    bytes.until_parked(consumer());
    tx.close();
    let popped = within(SOON, "a pop", || popping.join().unwrap());
    assert_eq!(popped, Err(PopError::Closed));
}

#[test]
fn a_producer_that_finds_the_ring_full_and_its_consumer_gone_waits_for_the_next() {
    for wait in WAITS {
        for killed in [false, true] {
            let name = Name::new("full");
            let ring = Ring::<u64>::create(name.as_str(), &options(wait)).unwrap();
            if killed {
                ring.producer().unwrap().push(0).unwrap();
                let mut child = Child::spawn("pop-and-stay", &[name.as_str()]);
                child.expect("0");
                child.kill();
            } else {
                ring.consumer().unwrap().close();
            }
            let mut tx = ring.producer().unwrap();
            tx.push_slice(&[1, 2, 3, 4]).unwrap();
            let gone = tx.peer();
            for timeout in [Duration::ZERO, BRIEF] {
                assert_eq!(tx.push_timeout(5, timeout), Err(PushError::TimedOut), "{wait:?}");
                assert_eq!(tx.wait(1, Some(timeout)), Err(PushError::TimedOut));
            }
            assert_eq!(wait_any(&mut [&mut tx], Some(BRIEF)), Err(WaitAnyError::TimedOut));
            assert_eq!((tx.wait_for_peer(BRIEF), tx.wait_for_end(BRIEF)), (gone, gone));
            let pushing = std::thread::spawn(move || (tx.push(5), tx));
            let mut rx = ring.consumer().unwrap();
            assert_eq!((rx.pop(), rx.pop()), (Ok(1), Ok(2)));
            let (pushed, mut tx) = within(SOON, "a push", || pushing.join().unwrap());
            assert_eq!(pushed, Ok(()));
            // That one is its own.
            tx.push(6).unwrap();
            rx.close();
            assert_eq!(tx.push(7), Err(PushError::Closed));
            assert_eq!(
                tx.push_timeout(7, Duration::ZERO),
                Err(PushError::Closed),
                "as often as it asks"
            );
        }
    }
}

#[test]
fn an_end_between_two_looks_is_told_once_and_what_follows_is_waited_for() {
    for wait in WAITS {
        for (killed, ended) in [(false, PopError::Closed), (true, PopError::PeerDead)] {
            let name = Name::new("between");
            let ring = Ring::<u64>::create(name.as_str(), &options(wait)).unwrap();
            let mut rx = ring.consumer().unwrap();
            let mut child = Child::spawn("push-and-stay", &[name.as_str(), "1"]);
            child.expect("1");
            assert_eq!(rx.pop(), Ok(1));
            assert_eq!(rx.pop_timeout(Duration::ZERO), Err(PopError::TimedOut));
            if killed {
                child.kill();
            } else {
                child.say("close");
                child.finish();
            }
            // From one odd number to the next.
            let mut tx = ring.producer().unwrap();
            assert_eq!(rx.pop_timeout(SOON), Err(ended), "{wait:?}");
            assert_eq!(rx.pop_timeout(BRIEF), Err(PopError::TimedOut), "{wait:?}");
            tx.push(2).unwrap();
            tx.close();
            // The death was reported: it says nothing of this one.
            assert_eq!((rx.pop(), rx.pop()), (Ok(2), Err(PopError::Closed)), "{wait:?}");
        }
    }
}

#[test]
fn an_end_behind_what_is_unread_is_told_by_the_shortest_wait() {
    let short = Duration::from_micros(100);
    for wait in WAITS {
        let name = Name::new("shortest");
        let ring = Ring::<u64>::create(name.as_str(), &options(wait)).unwrap();
        let mut tx = ring.producer().unwrap();
        tx.push(1).unwrap();
        tx.close();
        let mut rx = ring.consumer().unwrap();
        assert_eq!((rx.pop(), rx.pop_timeout(short)), (Ok(1), Err(PopError::Closed)), "{wait:?}");
        rx.close();
        killed_after(&name, "2");
        // As after a producer of whose death the kernel was not to tell.
        Bytes::of(ring.descriptor()).write(producer() + LIVENESS, &[0; 4]);
        let mut rx = ring.consumer().unwrap();
        assert_eq!((rx.pop(), rx.pop_timeout(short)), (Ok(2), Err(PopError::PeerDead)), "{wait:?}");
    }
}

#[test]
fn what_came_before_the_first_look_is_told_behind_its_records() {
    let name = Name::new("behind");
    let ring = Ring::<u64>::create(name.as_str(), &options(Wait::BALANCED)).unwrap();
    let mut rx = ring.consumer().unwrap();
    killed_after(&name, "1");
    let mut tx = ring.producer().unwrap();
    assert_eq!((rx.pop(), rx.pop_timeout(SOON)), (Ok(1), Err(PopError::PeerDead)));
    tx.push(2).unwrap();
    assert_eq!((rx.pop(), rx.pop_timeout(BRIEF)), (Ok(2), Err(PopError::TimedOut)));
    assert_eq!(rx.wait_for_end(BRIEF), rx.peer());
    tx.close();
    assert_eq!(rx.wait_for_end(Duration::MAX), Peer::Closed { session: 4 });
}

#[test]
fn a_wait_for_the_end_returns_one_that_somebody_has_followed() {
    let name = Name::new("followed");
    let ring = Ring::<u64>::create(name.as_str(), &options(Wait::BALANCED)).unwrap();
    let mut rx = ring.consumer().unwrap();
    ring.producer().unwrap().close();
    let _tx = ring.producer().unwrap();
    assert_eq!(rx.wait_for_end(SOON), Peer::Closed { session: 2 });
    assert!(matches!(rx.wait_for_end(BRIEF), Peer::Alive { session: 3, .. }));
}

#[test]
fn several_ends_count_as_one_and_one_death_among_them_is_a_death() {
    for numbers in [["none", "none"], ["1", "2"]] {
        let name = Name::new("several");
        let ring = Ring::<u64>::create(name.as_str(), &options(Wait::BALANCED)).unwrap();
        let mut rx = ring.consumer().unwrap();
        numbers.iter().for_each(|number| killed_after(&name, number));
        ring.producer().unwrap().close();
        let tx = ring.producer().unwrap();
        let read = numbers.iter().filter_map(|number| number.parse::<u64>().ok());
        assert!(rx.try_iter().map(Result::unwrap).eq(read));
        assert_eq!(rx.pop_timeout(SOON), Err(PopError::PeerDead));
        assert_eq!(rx.pop_timeout(BRIEF), Err(PopError::TimedOut), "they count as one");
        drop(tx);
        assert_eq!(rx.pop_timeout(SOON), Err(PopError::Closed));
    }
}

#[test]
fn the_next_consumer_is_told_what_the_one_before_it_was_not() {
    for killed in [false, true] {
        let name = Name::new("restarts");
        let ring = Ring::<u64>::create(name.as_str(), &options(Wait::BALANCED)).unwrap();
        let bytes = Bytes::of(ring.descriptor());
        let mut tx = ring.producer().unwrap();
        tx.push_slice(&[1, 2]).unwrap();
        tx.close();
        // The first reads one and is gone.
        if killed {
            let mut child = Child::spawn("pop-and-stay", &[name.as_str()]);
            child.expect("1");
            child.kill();
        } else {
            assert_eq!(ring.consumer().unwrap().pop(), Ok(1));
        }
        // The second reads what is left, and reports the end.
        let mut rx = ring.consumer().unwrap();
        assert_eq!((rx.pop(), rx.pop()), (Ok(2), Err(PopError::Closed)));
        assert_eq!(bytes.get(consumer() + TOLD), 1, "for all that come after it");
        assert_eq!(rx.pop(), Err(PopError::Closed), "as often as it asks");
        drop(rx);
        // The third does not report it again, of streams either.
        for ends in [Ends::Mine, Ends::OfStream] {
            let again = Ring::<u64>::open_with(name.as_str(), &Options::new().ends(ends)).unwrap();
            let mut rx = again.consumer().unwrap();
            assert_eq!(rx.pop_timeout(BRIEF), Err(PopError::TimedOut), "{ends:?}");
        }
    }
}

#[test]
fn what_is_unread_of_a_dead_producer_ends_with_its_death_for_the_next_consumer() {
    let name = Name::new("inherited");
    let ring = Ring::<u64>::create(name.as_str(), &options(Wait::BALANCED)).unwrap();
    killed_after(&name, "1");
    let mut tx = ring.producer().unwrap();
    tx.push(2).unwrap();
    // Both are of the one that came after it, since it reads records of both.
    let mut rx = ring.consumer().unwrap();
    assert_eq!((rx.pop(), rx.pop()), (Ok(1), Ok(2)));
    assert_eq!(rx.pop_timeout(SOON), Err(PopError::PeerDead));
    assert_eq!(rx.pop_timeout(BRIEF), Err(PopError::TimedOut));
    tx.push(3).unwrap();
    drop(rx);
    // All that is unread is of the one that lives.
    let mut rx = ring.consumer().unwrap();
    assert_eq!((rx.pop(), rx.pop_timeout(BRIEF)), (Ok(3), Err(PopError::TimedOut)));
    tx.close();
    assert_eq!(rx.pop_timeout(SOON), Err(PopError::Closed));
}

fn of_stream(ring: &MessageRing) -> MessageConsumer {
    let again = Region::descriptor(ring.descriptor().try_clone_to_owned().unwrap());
    let options = Options::new().ends(Ends::OfStream);
    MessageRing::open_with(again, &options).unwrap().consumer().unwrap()
}

fn say(ring: &MessageRing, text: &[u8]) {
    let mut tx = ring.producer().unwrap();
    tx.push(text).unwrap();
    tx.close();
}

/// What a reader of one stream finds.
fn read(reader: &mut StreamReader) -> Result<String, ErrorKind> {
    // What is there is read at once, and a hang is a failure.
    reader.set_timeout(Some(SOON));
    let mut text = String::new();
    reader.read_to_string(&mut text).map(|_| text).map_err(|error| error.kind())
}

#[test]
fn a_stream_that_ended_before_its_reader_came_ends_whether_it_is_empty_or_was_read() {
    let ring = MessageRing::create(Region::memfd("streams"), &Options::new()).unwrap();
    ring.producer().unwrap().close();
    assert_eq!(of_stream(&ring).pop(), Err(PopError::Closed), "an empty one");
    say(&ring, b"read");
    // A reader that is gone before it reports the end.
    assert_eq!(of_stream(&ring).pop().unwrap(), b"read");
    let mut reader = ring.consumer().unwrap().into_reader();
    assert_eq!(read(&mut reader), Ok(String::new()));
    drop(reader);
    // Both ends were reported.
    let mut reader = ring.consumer().unwrap().into_reader();
    reader.set_timeout(Some(BRIEF));
    assert_eq!(reader.read(&mut [0; 8]).unwrap_err().kind(), ErrorKind::TimedOut);
    let (mut rx, _) = reader.into_inner();
    assert_eq!(rx.pop_timeout(BRIEF), Err(PopError::TimedOut));
}

#[test]
fn streams_are_told_apart_and_what_is_read_of_one_is_not_of_the_next() {
    let ring = MessageRing::create(Region::memfd("apart"), &Options::new()).unwrap();
    let mut tx = ring.producer().unwrap();
    let mut reader = ring.consumer().unwrap().into_reader();
    tx.push(b"one").unwrap();
    tx.close();
    say(&ring, b"two");
    assert_eq!(read(&mut reader), Ok("one".to_owned()));
    assert_eq!(read(&mut reader), Ok("two".to_owned()));
    // An ordinary consumer reads through, and reports one end.
    let (mut rx, _) = reader.into_inner();
    say(&ring, b"three");
    say(&ring, b"four");
    assert_eq!((rx.pop().unwrap(), rx.pop().unwrap()), (b"three".to_vec(), b"four".to_vec()));
    assert_eq!(rx.pop(), Err(PopError::Closed));
    let tx = ring.producer().unwrap();
    assert_eq!(rx.pop_timeout(BRIEF), Err(PopError::TimedOut), "they counted as one");
    drop(tx);
}

#[test]
fn no_call_shows_the_next_stream_before_the_end_of_this_one() {
    let name = Name::new("shown");
    let options = options(Wait::BALANCED).ends(Ends::OfStream);
    let ring = Ring::<u64>::create(name.as_str(), &options).unwrap();
    let mut rx = ring.consumer().unwrap();
    killed_after(&name, "1");
    let mut tx = ring.producer().unwrap();
    tx.push_slice(&[2, 3]).unwrap();
    assert_eq!(rx.try_peek(4).unwrap().len(), 1);
    assert_eq!(rx.len(), 1);
    assert_eq!(rx.wait(2, Some(Duration::ZERO)), Err(PopError::PeerDead), "no second one comes");
    drop(rx);
    let mut rx = ring.consumer().unwrap();
    assert!(rx.try_iter().eq([Ok(1)]));
    assert_eq!(rx.try_pop(), Err(PopError::Empty));
    assert_eq!(wait_any(&mut [&mut rx], Some(BRIEF)), Ok(0), "there is something to say");
    assert_eq!(rx.pop_timeout(Duration::ZERO), Err(PopError::PeerDead));
    assert!(rx.try_iter().eq([Ok(2), Ok(3)]));
    assert_eq!(rx.pop_timeout(BRIEF), Err(PopError::TimedOut));
    drop(tx);
    assert_eq!(rx.pop(), Err(PopError::Closed));
}

#[test]
fn the_end_of_an_older_stream_comes_first() {
    let name = Name::new("older");
    let options = options(Wait::BALANCED).ends(Ends::OfStream);
    let ring = Ring::<u64>::create(name.as_str(), &options).unwrap();
    killed_after(&name, "none");
    ring.producer().unwrap().close();
    let mut rx = ring.consumer().unwrap();
    assert_eq!((rx.pop(), rx.pop()), (Err(PopError::PeerDead), Err(PopError::Closed)));
}

#[test]
fn a_region_without_these_words_is_read_as_before_them() {
    for ends in [Ends::Mine, Ends::OfStream] {
        let options = options(Wait::BALANCED).ends(ends);
        let ring = Ring::<u64>::create(Region::memfd("without"), &options).unwrap();
        let bytes = Bytes::of(ring.descriptor());
        ring.consumer().unwrap().close();
        for n in 1..4 {
            let mut tx = ring.producer().unwrap();
            tx.push(n).unwrap();
            tx.close();
            // As a producer leaves it that does not know of them.
            bytes.write(producer() + DIED, &[0; 8]);
            bytes.write(producer() + STARTS, &[0; 48]);
        }
        let mut rx = ring.consumer().unwrap();
        assert_eq!((rx.pop(), rx.pop(), rx.pop()), (Ok(1), Ok(2), Ok(3)), "{ends:?}");
        assert_eq!(rx.pop(), Err(PopError::Closed), "{ends:?}");
    }
}

#[test]
fn streams_that_were_seen_before_they_were_read_as_streams_are_told_apart() {
    let ring = MessageRing::create(Region::memfd("seen"), &Options::new()).unwrap();
    let mut rx = ring.consumer().unwrap();
    say(&ring, b"one");
    say(&ring, b"two");
    assert_eq!(rx.try_peek(2).unwrap().iter().count(), 2);
    let mut reader = rx.into_reader();
    assert_eq!(read(&mut reader), Ok("one".to_owned()));
    assert_eq!(read(&mut reader), Ok("two".to_owned()));
}
