//! A producer killed between any two stores of a commit, and its successor: what existed is read, what
//! did not never existed, and the stream goes on. The consumer runs all the while.

use std::cell::Cell;

use loom::thread;

use super::{LEN, Region, STRIDE, explore};
use crate::protocol::position::Words;
use crate::protocol::layout::SidePage;
use crate::protocol::sync::AtomicU64;

/// The words of a producer that dies: stores from the one numbered `dies_at` on go nowhere.
pub(super) struct Dying<'a> {
    pub(super) region: &'a Region,
    pub(super) stores: Cell<u32>,
    pub(super) dies_at: u32,
    pub(super) nowhere: AtomicU64,
}

impl Words for Dying<'_> {
    fn word(&self, position: u64) -> &AtomicU64 {
        self.stores.set(self.stores.get() + 1);
        if self.stores.get() >= self.dies_at { &self.nowhere } else { self.region.word(position) }
    }
}

/// A commit stores the zero ahead, the commit word, the tail. Dying at 1 leaves a payload only; at 4
/// the commit was whole.
const ZERO_AHEAD: u32 = 1;
const COMMIT: u32 = 2;
const TAIL: u32 = 3;
const NEVER: u32 = 4;

fn killed_at(dies_at: u32) {
    let region = Region::at(0, 64);
    let mut head = region.head();
    let producers = {
        let region = region.clone();
        thread::spawn(move || {
            let mut first = region.tail();
            assert!(region.push(&mut first, 1));
            let position = first.position();
            let words = Dying {
                region: &region,
                stores: Cell::new(0),
                dies_at,
                nowhere: AtomicU64::new(0),
            };
            let ghost = SidePage::at(0);
            let page = if dies_at <= TAIL { &ghost } else { &region.producer };
            let _ = first.commit(&words, page, STRIDE, LEN, || region.write(position, 2));
            // The successor knows only what stands in the region.
            let mut second = region.tail();
            let existed = dies_at > COMMIT;
            assert_eq!(second.position(), position + if existed { STRIDE } else { 0 });
            assert!(region.push(&mut second, 3));
        })
    };
    let mut popped = Vec::new();
    while popped.last() != Some(&3) {
        match region.pop(&mut head) {
            Some(item) => popped.push(item),
            None => thread::yield_now(),
        }
    }
    assert_eq!(popped, if dies_at > COMMIT { vec![1, 2, 3] } else { vec![1, 3] });
    producers.join().unwrap();
}

#[test]
fn killed_before_the_zero_ahead() {
    explore("restart, zero ahead", Some(3), 500, || killed_at(ZERO_AHEAD));
}

#[test]
fn killed_before_the_commit_word() {
    explore("restart, commit word", Some(3), 500, || killed_at(COMMIT));
}

#[test]
fn killed_before_tail() {
    explore("restart, tail", Some(3), 1_900, || killed_at(TAIL));
}

#[test]
fn not_killed() {
    explore("restart, whole", Some(3), 1_900, || killed_at(NEVER));
}

/// Edge `tail`, when a successor moves it over what its predecessor committed and did not count.
#[test]
fn what_a_recovered_tail_counts_is_there() {
    explore("restart, recovered tail", Some(3), 100, || {
        let region = Region::at(0, 64);
        let head = region.head();
        let (dying, recovering) = (region.clone(), region.clone());
        let producers = thread::spawn(move || {
            // Two processes: the second knows of the first by the kernel, not by its own program.
            let first = thread::spawn(move || {
                let put = || dying.write(0, 1);
                let _ = dying.tail().commit(&*dying, &SidePage::at(0), STRIDE, LEN, put);
            });
            first.join().unwrap();
            assert_eq!(recovering.tail().position(), STRIDE);
        });
        let theirs = crate::protocol::sync::Foreign::new(&region.producer);
        while head.ready(&region.shape, theirs).expect("a tail that can be") == 0 {
            thread::yield_now();
        }
        let look = head.look(&*region, LEN);
        assert_eq!(look, crate::protocol::position::Look::Record, "tail counted what is not there");
        assert_eq!(region.read(0), 1);
        producers.join().unwrap();
    });
}
