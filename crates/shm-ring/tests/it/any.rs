//! Waiting for any of several rings, of values and of messages, each with a producer in a process of its
//! own: one that has something wakes the sleeper, and so does one that goes; where the kernel cannot have
//! a thread sleep on many words the wait goes on without.

use std::time::{Duration, Instant};

use shm_ring::{
    AnyEnd, Consumer, MessageConsumer, MessageRing, Options, Peer, PopError, PushError, Region,
    Ring, WAIT_ANY_MAX, Wait, WaitAnyError, wait_any,
};
use shm_ring_outsider::{LIVENESS, NEVER, POSITION, SLEEPS, WAKE_AT, consumer, producer};

use crate::bytes::Bytes;
use crate::forms::{Aligned, AnyRing, Kind, Put, Take};
use crate::harness::{Child, Home, LIMIT, Name, SOON, within};
use crate::items::text;
use crate::system;

const WAITS: [Wait; 4] = [
    Wait::SPIN,
    Wait::BALANCED,
    Wait::PARK,
    Wait { spins: 0, yields: 8, park: false, ..Wait::SPIN },
];

fn named<K: Kind + ?Sized>(wait: Wait) -> (Name, K::Ring) {
    let name = Name::new("any");
    let ring = K::create(name.as_str(), &Options::new().bytes(4096).wait(wait)).unwrap();
    (name, ring)
}

fn memfd<K: Kind + ?Sized>(wait: Wait) -> K::Ring {
    crate::harness::watch();
    K::create(Region::memfd("any"), &Options::new().bytes(4096).wait(wait)).unwrap()
}

/// Job: pushes one record each time it is told to, and closes when told that.
pub(crate) fn push_when_told(mut home: Home) {
    fn run<K: Kind + ?Sized>(home: &mut Home, len: usize) {
        let ring = K::Ring::open(home.argument(0)).unwrap();
        let mut tx = ring.producer().unwrap();
        home.say("attached");
        for n in 0.. {
            match home.hear().as_str() {
                "push" => K::push(&mut tx, Put::Try, &text(n, len)).unwrap(),
                _ => break,
            }
        }
    }
    match home.argument(1) {
        "values" => run::<u64>(&mut home, 8),
        "messages" => run::<[u8]>(&mut home, 100),
        _ => run::<Aligned<64>>(&mut home, WIDE),
    }
}

/// Three rings of three kinds, each with its producer elsewhere.
struct Three {
    values: Consumer<u64>,
    messages: MessageConsumer,
    wide: MessageConsumer,
}

impl Three {
    fn wait(&mut self) -> Result<usize, WaitAnyError> {
        wait_any(&mut [&mut self.values, &mut self.messages, &mut self.wide], None)
    }

    fn try_pop(&mut self, index: usize) -> Result<Vec<u8>, PopError> {
        match index {
            0 => <u64>::pop(&mut self.values, Take::Try, 0),
            1 => <[u8]>::pop(&mut self.messages, Take::Try, 0),
            _ => <Aligned<64>>::pop(&mut self.wide, Take::Try, 0),
        }
    }

    fn pop(&mut self, index: usize) -> Result<Vec<u8>, PopError> {
        match index {
            0 => <u64>::pop(&mut self.values, Take::Wait, 0),
            1 => <[u8]>::pop(&mut self.messages, Take::Wait, 0),
            _ => <Aligned<64>>::pop(&mut self.wide, Take::Wait, 0),
        }
    }
}

/// Bytes of a message of the third ring.
const WIDE: usize = 192;
const LENS: [usize; 3] = [8, 100, WIDE];

/// The rings, their bytes and their producers.
type Set = (Three, [Bytes; 3], [Child; 3], [Name; 3]);

fn three(wait: Wait) -> Set {
    let (values_name, values) = named::<u64>(wait);
    let (messages_name, messages) = named::<[u8]>(wait);
    let (wide_name, wide) = named::<Aligned<64>>(wait);
    let bytes = [values.descriptor(), messages.descriptor(), wide.descriptor()].map(Bytes::of);
    let names = [values_name, messages_name, wide_name];
    let kinds = ["values", "messages", "wide"];
    let children = [0, 1, 2].map(|n: usize| {
        let mut child = Child::spawn("push-when-told", &[names[n].as_str(), kinds[n]]);
        child.expect("attached");
        child
    });
    let three = Three {
        values: values.consumer().unwrap(),
        messages: messages.consumer().unwrap(),
        wide: wide.consumer().unwrap(),
    };
    (three, bytes, children, names)
}

fn until_all_asleep(bytes: &[Bytes; 3]) {
    bytes.iter().for_each(|bytes| bytes.until_parked(consumer()));
}

#[track_caller]
fn assert_all_awake(bytes: &[Bytes]) {
    for (index, bytes) in bytes.iter().enumerate() {
        assert_eq!(bytes.get(consumer() + WAKE_AT), NEVER, "ring {index} is still slept on");
    }
}

#[test]
fn whichever_ring_gets_something_wakes_the_sleeper() {
    const ROUNDS: u64 = 90;
    let (mut three, bytes, mut children, _names) = three(Wait::PARK);
    let mut pushed = [0; 3];
    let start = Instant::now();
    for round in 0..ROUNDS {
        let waiting = std::thread::spawn(move || (three.wait(), three));
        until_all_asleep(&bytes);
        let turn = round as usize * 7 % 3;
        children[turn].say("push");
        let (told, back) = within(LIMIT, "a wait", || waiting.join().unwrap());
        three = back;
        assert_eq!(told, Ok(turn));
        assert_all_awake(&bytes);
        for index in 0..3 {
            let expected = match index == turn {
                true => Ok(text(pushed[index], LENS[index])),
                false => Err(PopError::Empty),
            };
            assert_eq!(three.try_pop(index), expected);
        }
        pushed[turn] += 1;
    }
    // A sleeper that nobody wakes looks again at the end of a slice: nine seconds for ninety.
    assert!(start.elapsed() < SOON, "{ROUNDS} rounds took {:?}", start.elapsed());
    // All were slept on, or this shows nothing.
    for bytes in &bytes {
        assert!(bytes.get(consumer() + SLEEPS) > ROUNDS / 10);
    }
}

#[test]
fn whichever_producer_goes_ends_the_wait_and_its_records_come_first() {
    for wait in WAITS {
        for (turn, killed) in [(0, false), (1, true), (2, false), (0, true), (2, true)] {
            let (mut three, bytes, mut children, _names) = three(wait);
            let waiting = std::thread::spawn(move || (three.wait(), three));
            if wait == Wait::PARK {
                until_all_asleep(&bytes);
            }
            if killed {
                children[turn].kill();
            } else {
                children[turn].say("close");
            }
            let (told, back) = within(SOON, "a wait", || waiting.join().unwrap());
            three = back;
            assert_eq!(told, Ok(turn), "{wait:?}");
            assert_all_awake(&bytes);
            let ended = if killed { PopError::PeerDead } else { PopError::Closed };
            // As often as it is asked.
            for _ in 0..2 {
                assert_eq!(three.wait(), Ok(turn));
                assert_eq!(three.pop(turn), Err(ended));
            }
            // Something to read in any other ring is more.
            let other = (turn + 1) % 3;
            children[other].say("push");
            crate::harness::until("it is there", || bytes[other].tail() > 0);
            assert_eq!(three.wait(), Ok(other));
            assert_eq!(three.pop(other), Ok(text(0, LENS[other])));
            assert_eq!(three.wait(), Ok(turn));
        }
    }
}

#[test]
fn a_record_published_before_a_death_is_found_by_a_sleeper_that_nobody_woke() {
    let (name, ring) = named::<u64>(Wait::PARK);
    let other = memfd::<[u8]>(Wait::PARK);
    let (mut number, mut message) = (ring.consumer().unwrap(), other.consumer().unwrap());
    let mut child = Child::spawn("push-when-told", &[name.as_str(), "values"]);
    child.expect("attached");
    let bytes = Bytes::of(ring.descriptor());
    let waiting = std::thread::spawn(move || {
        let told = wait_any(&mut [&mut message, &mut number], None);
        (told, number.pop(), number.pop())
    });
    bytes.until_parked(consumer());
    // As a producer that is killed between its publish and its look at the sleeper, and of whose death
    // the kernel does not tell.
    bytes.write(producer() + LIVENESS, &[0; 4]);
    bytes.publish_silently(&7_u64.to_le_bytes());
    child.kill();
    let told = within(SOON, "a wait", || waiting.join().unwrap());
    assert_eq!(told, (Ok(1), Ok(7), Err(PopError::PeerDead)));
}

#[test]
fn a_record_comes_before_a_producer_that_goes_at_the_same_time() {
    let (closing, publishing) = (memfd::<u64>(Wait::PARK), memfd::<u64>(Wait::PARK));
    let (tx, _other) = (closing.producer().unwrap(), publishing.producer().unwrap());
    let (mut first, mut second) = (closing.consumer().unwrap(), publishing.consumer().unwrap());
    let waiting = std::thread::spawn(move || {
        let told = wait_any(&mut [&mut first, &mut second], None);
        (told, second.try_pop(), wait_any(&mut [&mut first, &mut second], None))
    });
    let bytes = Bytes::of(publishing.descriptor());
    bytes.until_parked(consumer());
    // Published without a word to the sleeper, so that it wakes for the other and finds both.
    bytes.publish_silently(&7_u64.to_le_bytes());
    tx.close();
    let told = within(LIMIT, "a wait", || waiting.join().unwrap());
    assert_eq!(told, (Ok(1), Ok(7), Ok(0)));
}

#[test]
fn no_rings_and_too_many_are_errors_and_as_many_as_the_kernel_takes_are_not() {
    assert_eq!(WAIT_ANY_MAX, 127);
    let rings: Vec<_> = (0..=WAIT_ANY_MAX).map(|_| memfd::<u64>(Wait::PARK)).collect();
    let mut consumers: Vec<_> = rings.iter().map(|ring| ring.consumer().unwrap()).collect();
    let mut any: Vec<&mut dyn AnyEnd> =
        consumers.iter_mut().map(|one| one as &mut dyn AnyEnd).collect();
    for timeout in [Some(Duration::ZERO), None] {
        assert_eq!(wait_any(&mut [], timeout), Err(WaitAnyError::Count { count: 0 }));
        assert_eq!(wait_any(&mut any, timeout), Err(WaitAnyError::Count { count: 128 }));
    }
    let all: Vec<_> = rings.iter().map(|ring| Bytes::of(ring.descriptor())).collect();
    let timeout = Duration::from_millis(200);
    let told = wait_any(&mut any[..127], Some(timeout));
    assert_eq!(told, Err(WaitAnyError::TimedOut));
    assert_all_awake(&all);
    // They slept for a slice at a time, and did not nap a millisecond at a time.
    let parks = all[0].get(consumer() + SLEEPS);
    assert!(parks < 30, "{parks} sleeps");
    std::thread::scope(|scope| {
        let last = &rings[126];
        let pushing = scope.spawn(|| {
            let mut tx = last.producer().unwrap();
            all[126].until_parked(consumer());
            tx.push(1).unwrap();
            tx
        });
        assert_eq!(wait_any(&mut any[..127], Some(LIMIT)), Ok(126));
        pushing.join().unwrap();
    });
    assert_all_awake(&all);
}

#[test]
fn a_wait_for_more_rings_than_words_looks_each_tenth_of_a_second() {
    // A bell each, and one word of a death less than rings.
    let rings: Vec<_> = (0..65).map(|_| memfd::<u64>(Wait::PARK)).collect();
    let _producers: Vec<_> = rings.iter().map(|ring| ring.producer().unwrap()).collect();
    let mut consumers: Vec<_> = rings.iter().map(|ring| ring.consumer().unwrap()).collect();
    let mut any: Vec<_> = consumers.iter_mut().map(|rx| rx as &mut dyn AnyEnd).collect();
    let told = wait_any(&mut any, Some(Duration::from_millis(2500)));
    assert_eq!(told, Err(WaitAnyError::TimedOut));
    let sleeps = Bytes::of(rings[0].descriptor()).get(consumer() + SLEEPS);
    assert!(sleeps >= 10, "{sleeps} sleeps in 2.5 s");
}

#[test]
fn a_time_out_comes_not_before_its_time_and_corruption_at_once() {
    for wait in WAITS {
        let (numbers, texts) = (memfd::<u64>(wait), memfd::<[u8]>(wait));
        let (_tx, _other) = (numbers.producer().unwrap(), texts.producer().unwrap());
        let (mut number, mut text) = (numbers.consumer().unwrap(), texts.consumer().unwrap());
        for millis in [0, 1, 30, 150] {
            let (timeout, start) = (Duration::from_millis(millis), Instant::now());
            let told = wait_any(&mut [&mut number, &mut text], Some(timeout));
            assert_eq!(told, Err(WaitAnyError::TimedOut));
            let elapsed = start.elapsed();
            assert!((timeout..timeout + SOON).contains(&elapsed), "{wait:?}: {elapsed:?}");
        }
        Bytes::of(texts.descriptor()).set(producer() + POSITION, 3);
        assert_eq!(wait_any(&mut [&mut number, &mut text], Some(SOON)), Ok(1));
        assert_eq!(text.try_pop(), Err(PopError::Corrupt));
        assert_eq!(wait_any(&mut [&mut number, &mut text], Some(SOON)), Ok(1), "and it stays so");
    }
}

#[test]
fn rings_that_always_have_something_are_answered_alike() {
    let rings = [(); 3].map(|()| memfd::<u64>(Wait::BALANCED));
    let mut producers = rings.each_ref().map(|ring| ring.producer().unwrap());
    let mut consumers = rings.each_ref().map(|ring| ring.consumer().unwrap());
    let mut answers = [0; 3];
    for _ in 0..300 {
        producers.iter_mut().for_each(|tx| while tx.try_push(1).is_ok() {});
        let [one, two, three] = &mut consumers;
        let told = wait_any(&mut [one, two, three], None).unwrap();
        assert_eq!(consumers[told].try_pop(), Ok(1));
        answers[told] += 1;
    }
    assert_eq!(answers, [100; 3]);
    // In another order, and with one that was not asked about before: that one is next.
    let more = memfd::<u64>(Wait::BALANCED);
    let mut fourth = more.consumer().unwrap();
    more.producer().unwrap().push(1).unwrap();
    let [one, two, three] = &mut consumers;
    assert_eq!(wait_any(&mut [three, &mut fourth, one, two], None), Ok(1));
    // Those that are gone take turns too.
    drop(producers);
    consumers.iter_mut().for_each(|rx| while rx.try_pop().is_ok() {});
    let mut told = [(); 3].map(|()| {
        let [one, two, three] = &mut consumers;
        wait_any(&mut [one, two, three], None).unwrap()
    });
    told.sort_unstable();
    assert_eq!(told, [0, 1, 2]);
}

#[test]
fn a_producer_in_the_list_is_answered_when_there_is_room_for_what_it_wants() {
    for wait in WAITS {
        let (numbers, texts) = (memfd::<u64>(wait), memfd::<[u8]>(wait));
        let (mut number, mut text) = (numbers.consumer().unwrap(), texts.producer().unwrap());
        let mut rx = texts.consumer().unwrap();
        let _tx = numbers.producer().unwrap();
        assert_eq!(wait_any(&mut [&mut number, &mut text], None), Ok(1));
        // Room for one of 8 bytes is left, and not for what it was refused.
        text.try_push(&[1; 4096 - 8 - 16]).unwrap();
        assert_eq!(wait_any(&mut [&mut number, &mut text], None), Ok(1));
        assert_eq!(text.try_push(&[2; 1000]), Err(PushError::Full));
        let briefly = Some(Duration::from_millis(2));
        let told = wait_any(&mut [&mut number, &mut text], briefly);
        assert_eq!(told, Err(WaitAnyError::TimedOut));
        let bytes = Bytes::of(texts.descriptor());
        let waiting = std::thread::spawn(move || {
            let told = wait_any(&mut [&mut number, &mut text], None);
            (told, text.try_push(&[2; 1000]), wait_any(&mut [&mut number, &mut text], None))
        });
        if wait == Wait::PARK {
            bytes.until_parked(producer());
        }
        assert_eq!(rx.try_pop().unwrap().len(), 4096 - 8 - 16);
        let told = within(SOON, "a wait", || waiting.join().unwrap());
        assert_eq!(told, (Ok(1), Ok(()), Ok(1)), "{wait:?}");
        // And when its consumer goes.
        let mut text = texts.producer().unwrap();
        while text.try_push(&[3; 8]).is_ok() {}
        let mut number = numbers.consumer().unwrap();
        let waiting = std::thread::spawn(move || wait_any(&mut [&mut text, &mut number], None));
        rx.close();
        assert_eq!(within(SOON, "a wait", || waiting.join().unwrap()), Ok(0));
    }
}

/// Job: waits for two rings where sleeping on several words is refused; says which had something, and
/// whether it slept often before a time-out.
pub(crate) fn wait_refused(mut home: Home) {
    let options = Options::new().wait(Wait::PARK);
    let numbers = Ring::<u64>::open_with(home.argument(0), &options).unwrap();
    let texts = MessageRing::open_with(home.argument(1), &options).unwrap();
    let (mut number, mut text) = (numbers.consumer().unwrap(), texts.consumer().unwrap());
    let bytes = Bytes::of(numbers.descriptor());
    system::refuse(&[libc::SYS_futex_waitv], home.number(2) as i32);
    let timeout = Duration::from_millis(400);
    let told = wait_any(&mut [&mut number, &mut text], Some(timeout));
    home.say(&format!("{told:?} {}", bytes.get(consumer() + SLEEPS) > 10));
    for _ in 0..20 {
        let told = wait_any(&mut [&mut number, &mut text], None).unwrap();
        let popped = match told {
            0 => number.try_pop().map(|number| number.to_string()),
            _ => text.try_pop().map(|text| String::from_utf8(text).unwrap()),
        };
        home.say(&format!("{told} {}", popped.unwrap()));
    }
    home.say(&format!("{:?}", wait_any(&mut [&mut number, &mut text], None)));
}

#[test]
fn where_the_kernel_refuses_to_sleep_on_many_words_the_wait_goes_on() {
    for errno in [libc::ENOSYS, libc::EPERM] {
        let (number_name, numbers) = named::<u64>(Wait::PARK);
        let (text_name, texts) = named::<[u8]>(Wait::PARK);
        let (mut number, mut text) = (numbers.producer().unwrap(), texts.producer().unwrap());
        let arguments = [number_name.as_str(), text_name.as_str(), &errno.to_string()];
        let mut child = Child::spawn("wait-refused", &arguments);
        // Naps of a millisecond instead of four sleeps.
        child.expect("Err(TimedOut) true");
        for n in 0..10 {
            Bytes::of(texts.descriptor()).until_parked(consumer());
            number.push(n).unwrap();
            child.expect(&format!("0 {n}"));
            Bytes::of(numbers.descriptor()).until_parked(consumer());
            text.push(n.to_string().as_bytes()).unwrap();
            child.expect(&format!("1 {n}"));
        }
        text.close();
        child.expect("Ok(1)");
        child.finish();
    }
}

#[test]
fn whoever_attaches_to_a_ring_whose_end_was_told_wakes_the_sleeper() {
    let (busy, left) = (memfd::<u64>(Wait::PARK), memfd::<u64>(Wait::PARK));
    let (mut tx, mut rx) = (busy.producer().unwrap(), busy.consumer().unwrap());
    let mut gone = left.consumer().unwrap();
    let brief = Some(Duration::from_millis(20));
    let told = wait_any(&mut [&mut rx, &mut gone.awaited_peer()], brief);
    assert_eq!(told, Err(WaitAnyError::TimedOut), "nobody has come");
    left.producer().unwrap().push(1).unwrap();
    // An end counts as news until a call has returned it.
    assert_eq!(wait_any(&mut [&mut rx, &mut gone.awaited_peer()], None), Ok(1));
    assert_eq!((gone.pop(), gone.pop()), (Ok(1), Err(PopError::Closed)));
    let told = wait_any(&mut [&mut rx, &mut gone.awaited_peer()], brief);
    assert_eq!(told, Err(WaitAnyError::TimedOut), "an end that was told is no news");
    // The other ends are waited for all the same.
    tx.push(7).unwrap();
    assert_eq!(wait_any(&mut [&mut rx, &mut gone.awaited_peer()], None), Ok(0));
    assert_eq!(rx.pop(), Ok(7));
    let bytes = Bytes::of(busy.descriptor());
    let waiting = std::thread::spawn(move || {
        let which = wait_any(&mut [&mut rx, &mut gone.awaited_peer()], None);
        (which, gone.peer(), gone.pop())
    });
    bytes.until_parked(consumer());
    let mut next = left.producer().unwrap();
    next.push(2).unwrap();
    let (which, peer, popped) = within(SOON, "a wait for a peer", || waiting.join().unwrap());
    assert_eq!((which, popped), (Ok(1), Ok(2)));
    assert!(matches!(peer, Peer::Alive { session: 3, .. }), "{peer:?}");
}
