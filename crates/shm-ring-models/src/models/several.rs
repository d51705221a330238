//! One thread that sleeps for two rings at once, as `wait_any` does: no wake-up of either is lost. Nobody polls here.

use loom::sync::Arc;
use loom::thread;

use super::park::{pop_at, push};
use super::{Region, WORD, explore};
use crate::protocol::bell::Bell;
use crate::protocol::clock::Deadline;
use crate::protocol::interrupt;
use crate::protocol::layout::SidePage;
use crate::protocol::park::{self, Gate, Sleeper};
use crate::protocol::position::{Head, Tail};
use crate::protocol::sync::Foreign;

/// Two rings of `limit` values of one word. One thread may sleep for both: on the producer's bell of the first, and on the
/// bell of the second that `role` names.
pub(super) fn two(limit: u64, role: Other) -> [Arc<Region>; 2] {
    let one = Region::at(0, limit);
    let mut other = Region::new(0, limit, 1);
    let bell = Bell::beside(&one.producer.bell.0);
    match role {
        Other::Producer => other.producer = SidePage::with_bell(0, bell),
        Other::Consumer => other.consumer = SidePage::with_bell(0, bell),
    }
    [one, Arc::new(other)]
}

pub(super) enum Other {
    Producer,
    Consumer,
}

/// A consumer's part in a sleep.
pub(super) fn for_a_record<'a>(region: &'a Region, head: &Head) -> Sleeper<'a> {
    let wake_at = head.position() + region.unit();
    Sleeper::until(wake_at, false, &region.consumer, Foreign::new(&region.producer))
}

/// A producer's.
fn for_room<'a>(region: &'a Region, tail: &Tail, bytes: u64) -> Sleeper<'a> {
    let limit = region.layout.limit;
    let wake_at = (tail.position() + bytes.max(limit / 2)).saturating_sub(limit);
    Sleeper::until(wake_at, true, &region.producer, Foreign::new(&region.consumer))
}

fn sleep(sleepers: [Sleeper<'_>; 2], last_look: impl FnOnce() -> bool) {
    let last_look = || last_look().then_some(());
    let _ = park::sleep::<2, _>(sleepers.into_iter(), interrupt::NONE, last_look, |_| Deadline);
}

/// Takes `count` values out of two rings, whichever has one: how many of each.
fn take_from(rings: &[Arc<Region>; 2], count: u64) -> [u64; 2] {
    let [one, other] = rings;
    let (mut heads, mut gates) = ([one.head(), other.head()], [Gate::new(true), Gate::new(true)]);
    let mut taken = [0, 0];
    while taken[0] + taken[1] < count {
        let mut found = false;
        for at in 0..2 {
            let (region, head) = (&rings[at], &mut heads[at]);
            if let Some(value) = region.pop(head) {
                taken[at] += 1;
                assert_eq!(value, taken[at]);
                let theirs = Foreign::new(&region.producer);
                gates[at].moved(head.position(), &region.consumer, theirs);
                found = true;
            }
        }
        if !found {
            let sleepers = [for_a_record(one, &heads[0]), for_a_record(other, &heads[1])];
            sleep(sleepers, || {
                let has_changed =
                    |at: usize| heads[at].has_changed(Foreign::new(&rings[at].producer));
                has_changed(0) || has_changed(1)
            });
        }
    }
    taken
}

fn push_all(region: &Arc<Region>, count: u64) {
    let (mut tail, mut gate) = (region.tail(), Gate::new(true));
    for value in 1..=count {
        push(region, &mut tail, &mut gate, value);
    }
}

/// One producer after the other, in both orders.
#[test]
fn a_record_in_either_of_two_rings_wakes_the_sleeper() {
    for first in [0, 1] {
        explore("several, one record each", Some(4), 1_300, move || {
            let rings = two(2, Other::Producer);
            let pushing = {
                let rings = rings.clone();
                thread::spawn(move || {
                    push_all(&rings[first], 1);
                    push_all(&rings[1 - first], 1);
                })
            };
            assert_eq!(take_from(&rings, 2), [1, 1]);
            pushing.join().unwrap();
        });
    }
}

/// Only one of the two ever gets something.
#[test]
fn a_record_in_one_of_two_rings_wakes_the_sleeper() {
    for which in [0, 1] {
        explore("several, one record", None, 93, move || {
            let rings = two(2, Other::Producer);
            let region = rings[which].clone();
            let pushing = thread::spawn(move || push_all(&region, 1));
            assert_eq!(take_from(&rings, 1)[which], 1);
            pushing.join().unwrap();
        });
    }
}

#[test]
fn two_producers_at_once_wake_the_sleeper() {
    explore("several, two producers", Some(3), 3_700, || {
        let rings = two(2, Other::Producer);
        let pushing = rings.clone().map(|region| thread::spawn(move || push_all(&region, 1)));
        assert_eq!(take_from(&rings, 2), [1, 1]);
        pushing.into_iter().for_each(|one| one.join().unwrap());
    });
}

/// The sleeper waits for a record in the first ring, which never gets one, and for all the room of the second, whose
/// consumer sleeps for two records where there is one.
#[test]
fn a_producer_among_several_that_wants_room_wakes_a_consumer_that_sleeps() {
    explore("several, threshold against room", None, 78_000, || {
        let rings = two(4, Other::Consumer);
        let popping = {
            let region = rings[1].clone();
            thread::spawn(move || {
                let (mut head, mut gate) = (region.head(), Gate::new(true));
                assert_eq!(pop_at(&region, &mut head, &mut gate, 2 * WORD), 1);
            })
        };
        let [one, other] = &rings;
        let (head, mut tail) = (one.head(), other.tail());
        push(other, &mut tail, &mut Gate::new(true), 1);
        let (all, layout) = (other.layout.limit, other.layout);
        let consumer = Foreign::new(&other.consumer);
        while !other.make_room(&mut tail, all) {
            sleep([for_a_record(one, &head), for_room(other, &tail, all)], || {
                head.has_changed(Foreign::new(&one.producer))
                    || tail.has_changed(&layout, consumer, all)
            });
        }
        popping.join().unwrap();
    });
}
