//! Closing: a sleeper learns of it, has taken everything by then, and never takes it for a death.

use loom::sync::Arc;
use loom::sync::atomic::{AtomicBool, Ordering};
use loom::thread;

use super::{Region, explore};
use crate::protocol::clock::Deadline;
use crate::protocol::ending;
use crate::protocol::interrupt;
use crate::protocol::layout::LIVENESS_DIED;
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

/// Edge `bury`: whoever takes a dead holder's mark away has said before that it died.
#[test]
fn a_successor_never_makes_the_dead_look_alive() {
    explore("bury", None, 20, || {
        let region = Region::in_front(0, 2, 1);
        session::open(&region.producer);
        region.producer.liveness.0.store(LIVENESS_DIED, Ordering::Relaxed);
        let successor = {
            let region = region.clone();
            thread::spawn(move || {
                session::bury(&region.producer);
                session::name_thread(&region.producer, 0);
                session::begin(&region.producer);
                session::open(&region.producer);
            })
        };
        // Its lease is held all the while: by the kernel for the dead, and then by the successor.
        let (life, session) = session::look(Foreign::new(&region.producer), || true);
        assert!(session != 1 || life != Life::Alive, "a dead session looked alive");
        successor.join().unwrap();
    });
}

/// Edge `start`: each place is used by every other session, and what is found there is of the session that was found.
#[test]
fn where_a_session_began_is_never_that_of_another() {
    explore("start", Some(3), 20, || {
        let region = Region::in_front(0, 4, 1);
        session::begin(&region.producer);
        let first = session::open(&region.producer);
        let producers = {
            let region = region.clone();
            thread::spawn(move || {
                let mut open = first;
                for tail in [8, 16] {
                    session::close(&region.producer, open);
                    region.producer.position.0.word.store(tail, Ordering::Release);
                    session::bury(&region.producer);
                    session::begin(&region.producer);
                    open = session::open(&region.producer);
                }
            })
        };
        let seen = ending::look(Foreign::new(&region.producer), || false);
        if let Some(start) = seen.start() {
            assert_eq!(start.began, 8 * (seen.begun() / 2), "where another session began");
        }
        producers.join().unwrap();
    });
}
