//! A process that writes hostile values into the region all the time, while two sides push and pop:
//! they may be told `Corrupt`, and attach again; they are never stuck, and never crash.

use std::path::Path;
use std::time::{Duration, Instant};

use shm_ring::{Consumer, Error, Options, PopError, Producer, PushError, Ring, Wait};
use shm_ring_outsider::{
    NEVER, POSITION, SESSION, WAKE_AT, consumer, data, producer, unpack, wild_positions,
    wild_record_headers,
};

use crate::bytes::Bytes;
use crate::forms::{AnyRing, Rx, Tx};
use crate::harness::{Child, Home, Name, SOON};
use crate::items::Random;

const LAST: Duration = Duration::from_millis(1500);
const WAITS: [Wait; 3] = [Wait::SPIN, Wait::BALANCED, Wait::PARK];
pub(crate) const TIMEOUT: Duration = Duration::from_millis(2);

/// Job: writes wild values into a region until it is killed.
pub(crate) fn scribble(mut home: Home) {
    let bytes = Bytes::at(Path::new(home.argument(0)));
    let header = bytes.header();
    let mut random = Random::new(home.number(1));
    home.say("begun");
    for turn in 0_u64.. {
        let page = random.one_of(&[producer(), consumer()]);
        let position = unpack(bytes.get(page + POSITION)).0;
        let value = match random.below(3) {
            0 => random.one_of(&wild_positions(&header, position)),
            1 => random.one_of(&wild_record_headers(&header, position)),
            _ => random.next() >> random.below(64),
        };
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
            bytes.start_at(random.below(1 << 20) * 16);
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
    survive::<Ring<u64>>(
        |name, options| Ring::create(name, options),
        |tx: &mut Producer<u64>, random| {
            let _ = (tx.room_at_least(), tx.peer());
            let told = match random.below(5) {
                0 => tx.try_push_slice(&[1; 20]).map(drop),
                1 => tx.try_push_all(&[2; 5]),
                2 => {
                    tx.count_dropped(1);
                    let _ = (tx.stats(), tx.is_closed(), tx.len(), tx.position());
                    tx.push_all(&[3; 2])
                }
                3 => tx
                    .wait(9, Some(TIMEOUT))
                    .and_then(|()| tx.try_reserve(9))
                    .map(|room| room.commit(7)),
                _ => tx.push_timeout(1, TIMEOUT),
            };
            told != Err(PushError::Corrupt)
        },
        |rx: &mut Consumer<u64>, random| {
            let _ = (rx.len(), rx.peer());
            let told = match random.below(6) {
                0 => rx.pop_slice_timeout(&mut [0; 20], TIMEOUT).map(drop),
                1 => rx.wait(1, Some(TIMEOUT)).and_then(|()| rx.try_peek(9)).map(|view| {
                    let half = view.iter().count() / 2;
                    view.release(half);
                }),
                2 => rx.pop_batch_timeout(9, TIMEOUT, drop).map(drop),
                3 => rx.skip_unread().map(|skipped| assert!(skipped <= 512)),
                4 => {
                    let _ = (rx.stats(), rx.is_closed(), rx.is_empty());
                    match rx.release_to(rx.position() + 4 * random.below(9)) {
                        Err(PopError::NotABoundary { .. }) => Ok(()),
                        released => released.map(|released| assert!(released <= 4)),
                    }
                }
                _ => rx.pop_timeout(TIMEOUT).map(drop),
            };
            told != Err(PopError::Corrupt)
        },
    );
}

/// One turn of a side, which goes on unless it is told `Corrupt`.
type Turn<E> = fn(&mut E, &mut Random) -> bool;

/// Plays both sides of a ring that somebody scribbles over.
pub(crate) fn survive<R: AnyRing>(
    create: impl FnOnce(&str, &Options) -> Result<R, Error>,
    push: Turn<R::Tx>,
    pop: Turn<R::Rx>,
) {
    let name = Name::new("scribbled");
    let ring = create(name.as_str(), &Options::new().bytes(4096)).unwrap();
    let mut child = Child::spawn("scribble", &[name.path().to_str().unwrap(), "1"]);
    child.expect("begun");
    let (pushing, popping) = std::thread::scope(|scope| {
        let producer = scope.spawn(|| {
            let mut random = Random::new(2);
            play(
                || ring.producer(),
                |tx: &mut R::Tx| {
                    tx.set_wait(random.one_of(&WAITS));
                    push(tx, &mut random)
                },
            )
        });
        let mut random = Random::new(3);
        let popping = play(
            || ring.consumer(),
            |rx: &mut R::Rx| {
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
