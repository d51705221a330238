//! A process that writes hostile values into the region all the time, while two sides push and pop:
//! they may be told `Corrupt`, and attach again; they are never stuck, and never crash.

use std::time::{Duration, Instant};

use shm_ring::{Consumer, Error, Options, Payload, PopError, Producer, PushError, Ring, Wait};

use crate::house::{Child, Home, Name, SOON};
use crate::items::Random;
use crate::wire::{
    Bytes, NEVER, POSITION, POSITION_END, SESSION, WAKE_AT, commit_word, consumer, data, producer,
};

const LAST: Duration = Duration::from_millis(1500);
const WAITS: [Wait; 3] = [Wait::SPIN, Wait::BALANCED, Wait::PARK];
pub(crate) const TIMEOUT: Duration = Duration::from_millis(2);

/// Job: writes wild values into a region until it is killed.
pub(crate) fn scribble(mut home: Home) {
    let bytes = Bytes::at(std::path::Path::new(home.argument(0)));
    let mut random = Random::new(home.number(1));
    home.say("begun");
    for turn in 0_u64.. {
        let page = random.one_of(&[producer(), consumer()]);
        let position = bytes.get(page + POSITION);
        let wild = random.next();
        let value = random.one_of(&[
            0,
            1,
            2,
            position,
            position.wrapping_add(16),
            position.wrapping_sub(16),
            position ^ 8,
            POSITION_END,
            u64::MAX,
            commit_word(position, wild as u32 % 5000),
            wild,
            wild & 0xffff,
        ]);
        let place = match random.below(5) {
            0 => page + random.below(100) * 8,
            1 => page + random.one_of(&[POSITION, WAKE_AT, SESSION]),
            2 => data() + random.below(4096 / 8) * 8,
            3 => data() + position % 4096 / 8 * 8,
            // What a sleeper and its waker decide by.
            _ => page + WAKE_AT,
        };
        bytes.set(place, value);
        // Now and then a way out of positions that no one could attach to.
        if turn % 64 == 0 {
            let start = random.below(1 << 20) * 16;
            bytes.start_at(start);
            bytes.set(page + WAKE_AT, NEVER);
        }
    }
}

/// Pushes or pops until the time is over, attaching again whenever it is told to.
fn play<E>(
    mut attach: impl FnMut() -> Result<E, Error>,
    mut turn: impl FnMut(&mut E) -> bool,
) -> (u64, u64) {
    let (start, mut slowest) = (Instant::now(), Duration::ZERO);
    let (mut turns, mut attached) = (0, 0);
    while start.elapsed() < LAST {
        match attach() {
            Ok(mut end) => {
                attached += 1;
                while start.elapsed() < LAST {
                    let before = Instant::now();
                    let goes_on = turn(&mut end);
                    slowest = slowest.max(before.elapsed());
                    turns += 1;
                    if !goes_on {
                        break;
                    }
                }
            }
            Err(Error::Corrupt { .. }) => {}
            Err(error) => panic!("{error}"),
        }
    }
    assert!(slowest < SOON, "a call with a deadline of {TIMEOUT:?} took {slowest:?}");
    (turns, attached)
}

#[test]
fn two_sides_survive_a_process_that_writes_anything_anywhere() {
    survive(
        |tx: &mut Producer<u64>, _| {
            let _ = (tx.room_at_least(), tx.peer());
            tx.push_timeout(1, TIMEOUT) != Err(PushError::Corrupt)
        },
        |rx: &mut Consumer<u64>, _| {
            let _ = (rx.ready_at_least(), rx.peer());
            rx.pop_timeout(TIMEOUT) != Err(PopError::Corrupt)
        },
    );
}

/// One turn of a side, which goes on unless it is told `Corrupt`.
type Turn<E> = fn(&mut E, &mut Random) -> bool;

/// Plays both sides of a ring that somebody scribbles over.
pub(crate) fn survive<K: Payload + ?Sized>(push: Turn<Producer<K>>, pop: Turn<Consumer<K>>) {
    let name = Name::new("scribbled");
    let ring = Ring::<K>::create(name.as_str(), Options::new().bytes(4096)).unwrap();
    let mut child = Child::spawn("scribble", &[name.path().to_str().unwrap(), "1"]);
    child.expect("begun");
    let (pushing, popping) = std::thread::scope(|scope| {
        let producer = scope.spawn(|| {
            let mut random = Random::new(2);
            play(
                || ring.producer(),
                |tx: &mut Producer<K>| {
                    tx.set_wait(random.one_of(&WAITS));
                    push(tx, &mut random)
                },
            )
        });
        let mut random = Random::new(3);
        let popping = play(
            || ring.consumer(),
            |rx: &mut Consumer<K>| {
                rx.set_wait(random.one_of(&WAITS));
                pop(rx, &mut random)
            },
        );
        (producer.join().unwrap(), popping)
    });
    child.kill();
    for (turns, attached) in [pushing, popping] {
        assert!(turns > 20 && attached > 5, "{turns} turns, {attached} attachments show nothing");
    }
}
