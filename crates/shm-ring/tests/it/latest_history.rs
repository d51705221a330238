//! The latest value as a broadcast: each version in order, none twice, none torn, and one that is too slow learns exactly
//! how many it lost, across kills and restarts of the writer and beside words that cannot be.

use std::time::{Duration, Instant};

use shm_ring::{
    Error, Item, Latest, LatestReader, LatestWriter, MessageRing, NextError, Options, Property,
    ReadError, Region, Ring, Wait,
};
use shm_ring_outsider::{POSITION, POSITION_END, producer};

use crate::bytes::Bytes;
use crate::harness::{Child, Dir, LIMIT, Name, SOON, until, within};
use crate::items::{A64, A4096, Numbered, check, make};
use crate::opening::assert_differs;

fn memfd<T: Item>(options: &Options) -> Latest<T> {
    crate::harness::watch();
    Latest::create(Region::memfd("history"), options).unwrap()
}

/// A latest value of few slots, and its history.
fn small() -> (Latest<A4096>, u64) {
    let latest = memfd(&Options::new().history(7));
    let history = latest.history() as u64;
    assert_eq!(history, 7);
    (latest, history)
}

/// Writes values that hold their version, up to `last`.
fn write_up_to<T: Item>(writer: &mut LatestWriter<T>, last: u64) {
    while writer.version() < last {
        let next = make(writer.version() + 1);
        writer.write_from(&next);
    }
}

/// The next value, which must be this version; into a place now and then.
fn expect<T: Item>(reader: &mut LatestReader<T>, version: u64) {
    match version % 2 {
        0 => check(&reader.try_next().unwrap(), version),
        _ => {
            let mut place = T::new_zeroed();
            reader.try_next_into(&mut place).unwrap();
            check(&place, version);
        }
    }
    assert_eq!(reader.version(), version);
}

fn empty<T: Item>(reader: &mut LatestReader<T>) {
    assert_eq!(reader.try_next().err(), Some(NextError::Empty));
}

fn in_order<T: Item>() {
    let latest = memfd::<T>(&Options::new().history(50));
    let history = latest.history() as u64;
    assert!(history >= 50);
    let (mut writer, mut early) = (latest.writer().unwrap(), latest.reader().unwrap());
    empty(&mut early);
    write_up_to(&mut writer, 20);
    let mut late = latest.reader().unwrap();
    let mut read = 20;
    let last = 3 * history;
    // The late one takes as many at once as are kept.
    for (turn, version) in (1..=last).enumerate() {
        write_up_to(&mut writer, version);
        expect(&mut early, version);
        if version < 20 || (turn as u64 % history != 0 && version < last) {
            continue;
        }
        while read < writer.version() {
            read += 1;
            expect(&mut late, read);
        }
        empty(&mut late);
    }
    assert_eq!(read, last);
    empty(&mut early);
}

#[test]
fn each_version_comes_in_order_and_once_whatever_its_size_and_alignment() {
    in_order::<u8>();
    in_order::<[u8; 13]>();
    in_order::<u64>();
    in_order::<A64>();
    in_order::<[u8; 3000]>();
    in_order::<A4096>();
}

#[test]
fn whoever_is_too_slow_is_told_exactly_how_many_it_lost_and_goes_on_with_room_to_spare() {
    let (latest, history) = small();
    let mut writer = latest.writer().unwrap();
    for behind in 0..3 * history {
        let mut reader = latest.reader().unwrap();
        let mut next = writer.version() + 1;
        write_up_to(&mut writer, next + behind - 1);
        if behind > history {
            let before = reader.version();
            let mut place = make::<A4096>(1);
            let Err(NextError::Lagged(lost)) = reader.try_next_into(&mut place) else {
                panic!("{behind} behind, and {history} are kept");
            };
            check_zeros(&place);
            assert_eq!(reader.version(), before, "nothing was read");
            next += lost;
            // Half of what is kept is left to it, and as many again may be written before it lags again.
            assert_eq!(writer.version() - next, history / 2);
            let ahead = writer.version() + history / 2;
            write_up_to(&mut writer, ahead);
        }
        while next <= writer.version() {
            expect(&mut reader, next);
            next += 1;
        }
        empty(&mut reader);
    }
}

fn check_zeros(place: &A4096) {
    use zerocopy::IntoBytes;
    assert!(place.as_bytes().iter().all(|&byte| byte == 0), "an error left something torn");
}

#[test]
fn a_reader_begins_behind_what_is_there_or_at_the_oldest_and_shares_its_count_with_read() {
    let (latest, history) = small();
    let mut writer = latest.writer().unwrap();
    for written in [1, history - 1, history, history + 1, 10 * history] {
        write_up_to(&mut writer, written);
        let mut reader = latest.reader().unwrap();
        empty(&mut reader);
        assert!(reader.has_newer().unwrap(), "there is one that it may read");
        assert_eq!(reader.version(), 0);
        // What is there as well, of which the oldest is the one that could not be read if one more were written.
        reader.start_at_oldest().unwrap();
        let oldest = (written + 1).saturating_sub(history).max(1);
        for version in oldest..=written {
            expect(&mut reader, version);
        }
        empty(&mut reader);
        reader.start_at_oldest().unwrap();
        empty(&mut reader);
    }
    let last = writer.version();
    let (mut newest, mut each) = (latest.reader().unwrap(), latest.reader().unwrap());
    check(&newest.read().unwrap(), last);
    write_up_to(&mut writer, last + 3);
    expect(&mut newest, last + 1);
    check(&newest.read().unwrap(), last + 3);
    empty(&mut newest);
    assert!(!newest.has_newer().unwrap());
    // What `read` passes over is not called lost, and never handed out any more.
    expect(&mut each, last + 1);
    check(&each.read().unwrap(), last + 3);
    each.start_at_oldest().unwrap();
    empty(&mut each);
    write_up_to(&mut writer, last + 4);
    expect(&mut each, last + 4);
    // One that lags and wants to lose as little as it can.
    write_up_to(&mut writer, last + 4 + 2 * history);
    assert!(matches!(each.try_next().err(), Some(NextError::Lagged(_))));
    each.start_at_oldest().unwrap();
    expect(&mut each, last + 4 + history + 1);
}

#[test]
fn the_next_writer_goes_on_in_the_same_count() {
    let name = Name::new("history-killed");
    let options = Options::new().history(500);
    let latest = Latest::<Numbered>::create(name.as_str(), &options).unwrap();
    let mut readers = [latest.reader().unwrap(), latest.reader().unwrap()];
    // Versions that each has got or lost.
    let mut counted = [0; 2];
    let mut take = |which: usize, reader: &mut LatestReader<Numbered>| match reader.try_next() {
        Ok(value) => {
            counted[which] += 1;
            assert_eq!((value.checked(), reader.version()), (counted[which], counted[which]));
            true
        }
        Err(NextError::Lagged(lost)) => {
            assert!(lost > 0);
            counted[which] += lost;
            true
        }
        Err(error) => {
            assert_eq!(error, NextError::Empty);
            false
        }
    };
    for _ in 0..8 {
        let mut child = Child::spawn("latest-write-for-ever", &[name.as_str()]);
        child.hear();
        let before = readers[0].version();
        until("it writes", || {
            take(0, &mut readers[0]);
            readers[0].version() > before + 100
        });
        child.kill();
        for (which, reader) in readers.iter_mut().enumerate() {
            while take(which, reader) {}
        }
        assert_eq!(readers[0].version(), readers[1].version(), "both have the last");
        let last = readers[0].read().unwrap().checked();
        assert_eq!(last, readers[0].version());
        assert_eq!(readers[1].next_timeout(SOON), Err(NextError::WriterDead));
    }
}

#[test]
fn no_copy_is_torn_and_all_is_counted_beside_a_writer_that_never_rests() {
    const TURNS: u64 = 20_000;
    let options = Options::new().items(4);
    let latest = memfd::<[u64; 512]>(&options);
    let mut writer = latest.writer().unwrap();
    std::thread::scope(|scope| {
        let readers = [0, 1].map(|which| {
            let mut reader = latest.reader().unwrap();
            scope.spawn(move || {
                let (mut counted, mut read, mut lags, mut place) = (0, 0, 0, [0; 512]);
                let mut turn = 0_u64;
                while turn < TURNS || read < 100 || lags < 10 {
                    turn += 1;
                    if which == 1 && turn % 64 == 0 {
                        std::thread::yield_now();
                    }
                    match reader.try_next_into(&mut place) {
                        Ok(()) => {
                            counted += 1;
                            read += 1;
                            assert_eq!(reader.version(), counted, "in order, and each counted");
                            assert!(place.iter().all(|word| *word == counted), "torn");
                        }
                        Err(NextError::Lagged(lost)) => {
                            counted += lost;
                            lags += 1;
                            assert_eq!(place, [0; 512], "an error left something torn");
                        }
                        Err(error) => assert_eq!(error, NextError::Empty),
                    }
                }
            })
        });
        let start = Instant::now();
        while !readers.iter().all(|reader| reader.is_finished()) {
            assert!(start.elapsed() < LIMIT, "readers do not end");
            writer.write([writer.version() + 1; 512]);
        }
    });
}

#[test]
fn a_reader_waits_for_the_next_and_is_told_of_the_end() {
    for wait in [Wait::SPIN, Wait::BALANCED, Wait::PARK] {
        let options = Options::new().wait(wait).history(31);
        let latest = memfd::<u64>(&options);
        let mut reader = latest.reader().unwrap();
        let brief = Duration::from_millis(3);
        assert_eq!(reader.next_timeout(brief), Err(NextError::TimedOut), "absent is waited for");
        let mut writer = latest.writer().unwrap();
        for n in 1..=20 {
            let waiting = std::thread::spawn(move || {
                let mut place = 0;
                let second = reader.next();
                (second, reader.next_into(&mut place).map(|()| place), reader)
            });
            // Some of them wait by now.
            std::thread::sleep(Duration::from_micros(300));
            writer.write(2 * n - 1);
            writer.write(2 * n);
            if n % 2 == 0 {
                writer.notify();
            }
            let (one, other, back) = within(SOON, "a read", || waiting.join().unwrap());
            assert_eq!((one, other), (Ok(2 * n - 1), Ok(2 * n)));
            reader = back;
        }
        writer.write(100);
        // One that was there before is not waited for, and nor is it news to a reader that comes now.
        let mut late = latest.reader().unwrap();
        assert_eq!(late.next_timeout(brief), Err(NextError::TimedOut));
        assert_eq!(late.next_timeout(Duration::ZERO), Err(NextError::TimedOut));
        writer.close();
        assert_eq!(late.next_timeout(Duration::ZERO), Err(NextError::Closed));
        assert_eq!(late.next(), Err(NextError::Closed));
        assert_eq!(late.try_next(), Err(NextError::Empty), "it asks nobody");
        assert_eq!(reader.next_timeout(LIMIT), Ok(100), "what was written last comes first");
        let mut place = 7;
        for _ in 0..3 {
            assert_eq!(reader.next_into(&mut place), Err(NextError::Closed));
        }
        assert_eq!(place, 7);
        let mut writer = latest.writer().unwrap();
        let waiting = std::thread::spawn(move || reader.next());
        (0..100).for_each(|n| writer.write(n));
        let answer = within(SOON, "a read", || waiting.join().unwrap());
        assert!(matches!(answer, Ok(0) | Err(NextError::Lagged(_))), "{answer:?}");
    }
}

#[test]
fn as_much_history_is_kept_as_was_asked_for() {
    for (asked, kept) in [(0, 31), (1, 31), (31, 31), (32, 63), (63, 63), (64, 127), (1000, 1023)] {
        assert_eq!(memfd::<u64>(&Options::new().history(asked)).history(), kept, "{asked}");
        let both = Options::new().history(asked).items(40).bytes(5000);
        assert_eq!(memfd::<u64>(&both).history(), kept.max(63), "{asked}");
    }
    for (asked, kept) in [(0, 7), (1, 3), (3, 3), (4, 7), (7, 7), (8, 15)] {
        assert_eq!(memfd::<A4096>(&Options::new().history(asked)).history(), kept, "{asked}");
    }
    for absurd in [usize::MAX, usize::MAX - 1, usize::MAX / 128, 1 << 40] {
        let refused = Latest::<u64>::create(Region::memfd("many"), &Options::new().history(absurd));
        match refused {
            Err(error @ Error::InvalidOptions { .. }) => {
                let text = error.to_string();
                assert!(text.contains(&format!("{absurd} versions of 8 bytes")), "{text}");
            }
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn an_opener_that_wants_a_longer_history_is_refused_and_so_is_whoever_wants_one_of_a_ring() {
    let dir = Dir::new("history-opened");
    let file = |name: &str| Region::file(dir.join(name));
    let history = |versions| Options::new().history(versions);
    Latest::<u64>::create(file("latest"), &history(100)).unwrap();
    for open in [Latest::<u64>::open_with, Latest::<u64>::open_or_create] {
        open(file("latest"), &history(100)).unwrap();
        for more in [128, 1000, 1 << 50, usize::MAX] {
            let wanted = format!("at least {more} versions");
            let refused = open(file("latest"), &history(more));
            assert_differs(refused, Property::History, "127 versions", &wanted);
        }
    }
    // Whoever only opens takes more than it asks for; whoever may create it asks for the same.
    Latest::<u64>::open_with(file("latest"), &history(127)).unwrap();
    Latest::<u64>::open_with(file("latest"), &history(5)).unwrap();
    let less = Latest::<u64>::open_or_create(file("latest"), &history(5));
    assert_differs(less, Property::Capacity, "16384 bytes", "768 bytes");

    Ring::<u64>::create(file("values"), &history(0)).unwrap();
    MessageRing::create(file("messages"), &history(0)).unwrap();
    let refused = |answer: Option<Error>| {
        let text = answer.expect("a ring has no history").to_string();
        assert!(text.contains("Options::history() is for a Latest"), "{text}");
    };
    refused(Ring::<u64>::create(file("new"), &history(1)).err());
    refused(MessageRing::create(file("new"), &history(1)).err());
    refused(Ring::<u64>::open_with(file("values"), &history(1)).err());
    refused(MessageRing::open_with(file("messages"), &history(1)).err());
    refused(Ring::<u64>::open_or_create(file("values"), &history(1)).err());
    assert!(!dir.join("new").exists());
}

#[test]
fn counts_that_cannot_be_are_corrupt_for_good() {
    let latest = memfd::<u64>(&Options::new().history(31));
    let mut writer = latest.writer().unwrap();
    (1..=40).for_each(|n| writer.write(n));
    let bytes = Bytes::of(latest.descriptor());
    let set = |count| bytes.set(producer() + POSITION, count);
    for count in [0, 1, 38, POSITION_END, POSITION_END + 40, u64::MAX] {
        set(39);
        let mut reader = latest.reader().unwrap();
        set(40);
        assert_eq!(reader.try_next(), Ok(40));
        set(count);
        assert_eq!(reader.try_next(), Err(NextError::Corrupt), "{count:#x}");
        set(41);
        assert_eq!(reader.next(), Err(NextError::Corrupt), "{count:#x}");
        assert_eq!(reader.next_timeout(LIMIT), Err(NextError::Corrupt));
        assert_eq!(reader.start_at_oldest(), Err(ReadError::Corrupt));
        assert_eq!(reader.read(), Err(ReadError::Corrupt));
        // One that was there when the reader came cannot go back either, and one that cannot be is found at once.
        set(count);
        let mut reader = latest.reader().unwrap();
        set(count.wrapping_sub(1).min(POSITION_END));
        assert_eq!(reader.try_next(), Err(NextError::Corrupt), "{count:#x}");
        set(41);
        assert_eq!(reader.next(), Err(NextError::Corrupt), "{count:#x}");
    }
    // At the end of counting: an answer, and no sum that overflows.
    set(40);
    let mut reader = latest.reader().unwrap();
    set(POSITION_END - 1);
    assert_eq!(reader.try_next(), Err(NextError::Lagged(POSITION_END - 1 - 15 - 41)));
    (0..16).for_each(|_| assert!(reader.try_next().is_ok()));
    assert_eq!(reader.try_next(), Err(NextError::Empty));
    reader.start_at_oldest().unwrap();
    assert_eq!(reader.try_next(), Err(NextError::Empty));
}

#[test]
fn a_count_that_flaps_ends_a_wait() {
    let latest = memfd::<u64>(&Options::new().wait(Wait::SPIN));
    let bytes = Bytes::of(latest.descriptor());
    let mut reader = latest.reader().unwrap();
    let start = Instant::now();
    std::thread::scope(|scope| {
        let waiting = scope.spawn(move || {
            let mut found = 0;
            while found < 30 {
                match reader.next_timeout(Duration::from_millis(1)) {
                    // A version that one look saw was not there for the next.
                    Err(NextError::Corrupt) => found += 1,
                    Ok(_) => {}
                    Err(error) => assert_eq!(error, NextError::TimedOut),
                }
                reader = latest.reader().unwrap();
                assert!(start.elapsed() < LIMIT, "a count that goes back is found");
            }
        });
        while !waiting.is_finished() {
            bytes.set(producer() + POSITION, 1);
            bytes.set(producer() + POSITION, 0);
        }
        waiting.join().unwrap();
    });
}
