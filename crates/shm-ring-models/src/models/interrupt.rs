//! Interrupts: whatever a side sleeps for, one that comes at any moment ends the wait. Nobody else would.

use loom::sync::Arc;
use loom::thread;

use super::several::{Other, for_a_record, two};
use super::{Region, explore};
use crate::protocol::bell::Bell;
use crate::protocol::clock::Deadline;
use crate::protocol::interrupt::{Flag, Interrupts};
use crate::protocol::park::{self, Sleeper};
use crate::protocol::sync::Foreign;

/// The bell of the process, which may be slept on together with that of the producer.
fn beside(region: &Region) -> Arc<Bell> {
    Arc::new(Bell::beside(&region.producer.bell.0))
}

/// Sleeps for `rings`, in which nothing ever happens, until all `flags` are up. A thread raises each.
fn until_interrupted<'a>(
    rings: impl Iterator<Item = Sleeper<'a>> + Clone,
    bell: &'a Arc<Bell>,
    flags: usize,
) {
    let flags: Vec<_> = (0..flags).map(|_| Arc::new(Flag::new())).collect();
    let raising: Vec<_> = flags
        .iter()
        .map(|flag| {
            let (bell, flag) = (bell.clone(), flag.clone());
            thread::spawn(move || flag.raise(&bell))
        })
        .collect();
    let are_up = || flags.iter().all(|flag| flag.is_up());
    while !are_up() {
        let interrupts = Interrupts { bell: Some(bell), are_up };
        let _ = park::sleep::<3, ()>(rings.clone(), interrupts, || None, |_| Deadline);
    }
    raising.into_iter().for_each(|one| one.join().unwrap());
}

#[test]
fn a_sleep_for_one_ring_is_interrupted() {
    explore("interrupt, one ring", Some(2), 58, || {
        let region = Region::at(0, 2);
        let sleeper = for_a_record(&region, &region.head());
        until_interrupted(std::iter::once(sleeper), &beside(&region), 1);
    });
}

#[test]
fn a_sleep_for_two_rings_is_interrupted() {
    explore("interrupt, two rings", Some(2), 58, || {
        let [one, other] = two(2, Other::Producer);
        let sleepers = [for_a_record(&one, &one.head()), for_a_record(&other, &other.head())];
        until_interrupted(sleepers.into_iter(), &beside(&one), 1);
    });
}

/// As `wait_for_peer` does.
#[test]
fn a_listener_is_interrupted() {
    explore("interrupt, listener", Some(2), 58, || {
        let region = Region::at(0, 2);
        let listener = Sleeper::listener(Foreign::new(&region.producer));
        until_interrupted(std::iter::once(listener), &beside(&region), 1);
    });
}

/// Two at the same time ring the same bell, and neither takes the count of the other.
#[test]
fn no_interrupt_hides_another() {
    explore("interrupt, two at once", Some(2), 2_600, || {
        let region = Region::at(0, 2);
        let listener = Sleeper::listener(Foreign::new(&region.producer));
        until_interrupted(std::iter::once(listener), &beside(&region), 2);
    });
}
