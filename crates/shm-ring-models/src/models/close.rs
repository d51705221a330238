//! Closing: a sleeper learns of it, has taken everything by then, and never takes it for a death.

use loom::sync::Arc;
use loom::sync::atomic::{AtomicBool, Ordering};
use loom::thread;

use super::{Region, explore};
use crate::protocol::clock::Deadline;
use crate::protocol::interrupt;
use crate::protocol::park::{self, Gate, Sleeper};
use crate::protocol::session::{self, Life};
use crate::protocol::sync::Foreign;

/// The kernel's lock: as strong as a lock is.
struct Lease(AtomicBool);

impl Lease {
    fn taken() -> Arc<Self> {
        Arc::new(Self(AtomicBool::new(true)))
    }

    fn is_held(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }

    fn give_up(&self) {
        self.0.store(false, Ordering::Release);
    }
}

/// Edges `close` and `bell`: the producer publishes one item and closes; the consumer sleeps
/// whenever it finds neither an item nor the end.
#[test]
fn a_sleeping_consumer_takes_all_and_learns_of_the_end() {
    explore("close", Some(3), 2_000, || {
        let region = Region::in_front(0, 2, 1);
        let lease = Lease::taken();
        let mut head = region.head();
        let mut tail = region.tail();
        let open = session::open(&region.producer);
        let producer = {
            let (region, lease) = (region.clone(), lease.clone());
            thread::spawn(move || {
                assert!(region.push(&mut tail, 1));
                let consumer = Foreign::new(&region.consumer);
                Gate::new(true).moved(tail.position(), &region.producer, consumer);
                session::close(&region.producer, open);
                park::ring(&region.producer);
                lease.give_up();
            })
        };
        let (mine, theirs) = (&region.consumer, Foreign::new(&region.producer));
        let mut taken = 0;
        loop {
            if region.pop(&mut head).is_some() {
                taken += 1;
                continue;
            }
            let last_look = || {
                if head.has_changed(theirs) {
                    return Some(Life::Alive);
                }
                match session::look(theirs, || lease.is_held()) {
                    // Closing and not yet closed: a slice would end that sleep; here, do not sleep.
                    (Life::Alive, session) => (session % 2 == 0).then_some(Life::Alive),
                    (life, _) => Some(life),
                }
            };
            let wake_at = head.position() + super::WORD;
            let sleeper = std::iter::once(Sleeper::until(wake_at, false, mine, theirs));
            match park::sleep::<1, _>(sleeper, interrupt::NONE, last_look, |_| Deadline) {
                None => {}
                Some(Life::Alive) => thread::yield_now(),
                // The look that every waiting form ends with: what was published is still there.
                Some(Life::Closed) => {
                    taken += u32::from(region.pop(&mut head).is_some());
                    break;
                }
                Some(life) => panic!("a producer that closed in order looked {life:?}"),
            }
        }
        assert_eq!(taken, 1, "the end was reported before the last item");
        producer.join().unwrap();
    });
}

/// Session, lease, session: whoever closes in order never looks dead, and whoever attaches next does
/// not either.
#[test]
fn closing_and_attaching_never_look_like_a_death() {
    explore("close and attach", None, 500, || {
        let region = Region::in_front(0, 2, 1);
        let lease = Lease::taken();
        let open = session::open(&region.producer);
        let closing = {
            let (region, lease) = (region.clone(), lease.clone());
            thread::spawn(move || {
                session::close(&region.producer, open);
                lease.give_up();
                lease.0.store(true, Ordering::Release);
                session::open(&region.producer);
            })
        };
        let (life, _) = session::look(Foreign::new(&region.producer), || lease.is_held());
        assert!(!matches!(life, Life::Dead { .. }), "{life:?}");
        closing.join().unwrap();
    });
}
