//! Tasks that sleep in an engine: no wake-up is lost between the producer, the helper thread and the task, whichever future is
//! dropped when. What a task does is the own code of `shm-ring-async`, and so is the engine's table; the helper thread's loop
//! is that of its `Worker::run`. Nobody polls here but who was woken.

use std::task::{Context, Poll, Wake, Waker};

use loom::sync::{Arc, Condvar, Mutex};
use loom::thread;

use super::park::push;
use super::several::for_a_record;
use super::{Region, explore};
use crate::protocol::bell::{Bell, Words};
use crate::protocol::clock::Deadline;
use crate::protocol::interrupt;
use crate::protocol::park::{self, Gate};
use crate::protocol::position::Head;
use crate::protocol::sync::{Foreign, Ordering};
use crate::sleeper::{Place, Sleeper, Wait};
use crate::slot::Slot;
use crate::table::{Bed, Noticed, Table};

/// What a consumer of one ring sleeps on.
#[derive(Clone)]
struct Armed {
    region: Arc<Region>,
    count: u32,
}

impl Armed {
    fn bell(&self) -> &Bell {
        &self.region.producer.bell.0
    }

    fn now(&self) -> u32 {
        Foreign::new(self.bell().word()).relaxed()
    }
}

impl Bed for Armed {
    fn words(&self) -> usize {
        1
    }

    fn is_rung(&self) -> bool {
        self.now() != self.count
    }

    fn renewed(&self) -> Self {
        Self { count: self.now(), region: self.region.clone() }
    }

    fn is(&self, other: &Self) -> bool {
        self.count == other.count
    }
}

/// An engine of one thread. There is no time: nothing is ever late.
struct Helper {
    shared: Mutex<(Table<Armed>, bool)>,
    control: Bell,
}

impl Helper {
    /// One for ends that sleep on the producer's bell of `region`.
    fn start(region: &Region) -> (Arc<Self>, thread::JoinHandle<()>) {
        let shared = Mutex::new((Table::new(8), false));
        let helper = Arc::new(Self { shared, control: Bell::beside(&region.producer.bell.0) });
        let thread = {
            let helper = helper.clone();
            thread::spawn(move || helper.run())
        };
        (helper, thread)
    }

    fn count(&self) -> u32 {
        self.control.word().load(Ordering::Relaxed)
    }

    fn run(&self) {
        loop {
            let (control, beds, wakers) = {
                let mut shared = self.shared.lock().unwrap();
                let mut wakers = Vec::new();
                shared.0.look(0, &mut wakers);
                if shared.1 {
                    return;
                }
                shared.0.sleep(0);
                let beds: Vec<Armed> = shared.0.entries.iter().map(|e| e.bed.clone()).collect();
                (self.count(), beds, wakers)
            };
            wakers.into_iter().for_each(Waker::wake);
            let mut words = Words::<8>::new();
            words.add_counted(&self.control, control);
            beds.iter().for_each(|bed| words.add_counted(bed.bell(), bed.count));
            words.sleep(Deadline);
        }
    }

    fn stop(&self, thread: thread::JoinHandle<()>) {
        {
            let mut shared = self.shared.lock().unwrap();
            assert_eq!(shared.0.sleepers(), 0, "an end sleeps on");
            shared.1 = true;
            self.control.word().store(self.count() + 1, Ordering::Relaxed);
        }
        self.control.wake();
        thread.join().unwrap();
    }
}

/// An end's place in a helper thread.
struct Bunk {
    helper: Arc<Helper>,
    id: u64,
}

impl Place for Bunk {
    type Armed = Armed;

    fn is_ours(&self) -> bool {
        true
    }

    fn watch(&mut self, slot: &std::sync::Arc<Slot>, armed: &Armed) {
        let mut shared = self.helper.shared.lock().unwrap();
        let noticed = shared.0.watch(self.id, slot, armed.clone(), u64::MAX, 0);
        if noticed == Noticed::ByAWakeUp {
            self.helper.control.word().store(self.helper.count() + 1, Ordering::Relaxed);
            drop(shared);
            self.helper.control.wake();
        }
    }

    fn unwatch(&mut self) {
        self.helper.shared.lock().unwrap().0.unwatch(self.id, 0);
    }

    fn leave(&mut self) {
        self.helper.shared.lock().unwrap().0.remove(self.id);
    }
}

/// A consumer, and the wait of a task for its next record.
struct Receiver {
    region: Arc<Region>,
    head: Head,
    gate: Gate,
}

impl Receiver {
    fn new(region: &Arc<Region>) -> Self {
        Self { region: region.clone(), head: region.head(), gate: Gate::new(true) }
    }

    fn disarm(&self) {
        park::disarm(std::iter::once(for_a_record(&self.region, &self.head)));
    }
}

struct Next;

impl Wait<Receiver, Armed, u64> for Next {
    fn answer(&mut self, end: &mut Receiver, _thorough: bool) -> Option<u64> {
        let item = end.region.pop(&mut end.head)?;
        let theirs = Foreign::new(&end.region.producer);
        end.gate.moved(end.head.position(), &end.region.consumer, theirs);
        Some(item)
    }

    fn arm(&mut self, end: &mut Receiver, _long: bool) -> Option<Armed> {
        let region = &end.region;
        let theirs = Foreign::new(&region.producer);
        let sleeper = std::iter::once(for_a_record(region, &end.head));
        let last_look = || end.head.has_changed(theirs).then_some(());
        let armed = park::arm_unless::<1, ()>(sleeper, interrupt::NONE, last_look).ok()?;
        let count = armed.words.value_of(region.producer.bell.0.word())?;
        Some(Armed { region: region.clone(), count })
    }

    fn is_armed(&self, end: &Receiver, _long: bool) -> bool {
        for_a_record(&end.region, &end.head).is_announced()
    }
}

/// The waker of a task whose thread sleeps until it is called.
struct Parked {
    called: Mutex<bool>,
    condition: Condvar,
}

impl Parked {
    fn new() -> std::sync::Arc<Self> {
        std::sync::Arc::new(Self { called: Mutex::new(false), condition: Condvar::new() })
    }

    /// Without a waker that is called this never returns.
    fn until_called(&self) {
        let mut called = self.called.lock().unwrap();
        while !*called {
            called = self.condition.wait(called).unwrap();
        }
        *called = false;
    }
}

impl Wake for Parked {
    fn wake(self: std::sync::Arc<Self>) {
        *self.called.lock().unwrap() = true;
        self.condition.notify_all();
    }
}

/// A task that receives.
struct Task {
    end: Receiver,
    sleeper: Sleeper<Bunk>,
}

impl Task {
    fn new(region: &Arc<Region>, helper: &Arc<Helper>) -> Self {
        let place = Bunk { helper: helper.clone(), id: 1 };
        Self { end: Receiver::new(region), sleeper: Sleeper::new(place) }
    }

    /// As [`new`](Self::new), with the end of another task, which has been dropped.
    fn with(end: Receiver, helper: &Arc<Helper>) -> Self {
        Self { end, sleeper: Sleeper::new(Bunk { helper: helper.clone(), id: 1 }) }
    }

    fn poll(&mut self, waker: &Waker) -> Poll<u64> {
        let Self { end, sleeper } = self;
        sleeper.poll(end, &Context::from_waker(waker), &mut Next, Receiver::disarm)
    }

    /// What dropping a future does.
    fn rise(&mut self) {
        self.sleeper.rise(&self.end, Receiver::disarm);
    }

    fn recv(&mut self) -> u64 {
        let parked = Parked::new();
        let waker = Waker::from(parked.clone());
        loop {
            if let Poll::Ready(item) = self.poll(&waker) {
                return item;
            }
            parked.until_called();
        }
    }

    /// One poll of a future that is then dropped.
    fn poll_and_drop(&mut self) -> Poll<u64> {
        let parked = Parked::new();
        let answer = self.poll(&Waker::from(parked.clone()));
        self.rise();
        assert_eq!(std::sync::Arc::strong_count(&parked), 1, "somebody keeps the waker");
        let wake_at = self.end.region.consumer.park.0.wake_at.load(Ordering::Relaxed);
        assert_eq!(wake_at, crate::protocol::layout::NEVER, "it wants to be woken");
        answer
    }
}

fn pushing(region: &Arc<Region>, items: u64) -> thread::JoinHandle<()> {
    let region = region.clone();
    thread::spawn(move || {
        let (mut tail, mut gate) = (region.tail(), Gate::new(true));
        (1..=items).for_each(|item| push(&region, &mut tail, &mut gate, item));
    })
}

#[test]
fn a_task_is_woken_for_a_record() {
    explore("tasks, one record", Some(3), 9_500, || {
        let region = Region::at(0, 2);
        let (helper, thread) = Helper::start(&region);
        let producer = pushing(&region, 1);
        let mut task = Task::new(&region, &helper);
        assert_eq!(task.recv(), 1);
        producer.join().unwrap();
        drop(task);
        helper.stop(thread);
    });
}

/// The second time the thread sleeps on the same words already, or on older ones.
#[test]
fn a_task_is_woken_for_each_of_two_records() {
    explore("tasks, two records", Some(3), 40_000, || {
        let region = Region::at(0, 2);
        let (helper, thread) = Helper::start(&region);
        let producer = pushing(&region, 2);
        let mut task = Task::new(&region, &helper);
        assert_eq!(task.recv(), 1);
        assert_eq!(task.recv(), 2);
        producer.join().unwrap();
        drop(task);
        helper.stop(thread);
    });
}

/// A future is polled and dropped beside a producer that publishes; the next one loses nothing.
#[test]
fn a_future_that_is_dropped_leaves_nothing_armed_and_takes_no_wake_up_along() {
    explore("tasks, a dropped future", Some(3), 35_000, || {
        let region = Region::at(0, 2);
        let (helper, thread) = Helper::start(&region);
        let producer = pushing(&region, 1);
        let mut task = Task::new(&region, &helper);
        if task.poll_and_drop() == Poll::Pending {
            assert_eq!(task.recv(), 1);
        }
        producer.join().unwrap();
        drop(task);
        helper.stop(thread);
    });
}

/// Polled again by another waker while it sleeps, as in `select!`: the last one is called.
#[test]
fn the_waker_of_the_last_poll_is_called() {
    explore("tasks, another waker", Some(3), 12_500, || {
        let region = Region::at(0, 2);
        let (helper, thread) = Helper::start(&region);
        let producer = pushing(&region, 1);
        let mut task = Task::new(&region, &helper);
        let first = task.poll(&Waker::from(Parked::new()));
        if first == Poll::Pending {
            assert_eq!(task.recv(), 1);
        }
        producer.join().unwrap();
        drop(task);
        helper.stop(thread);
    });
}

/// The end sleeps in one engine and then in another.
#[test]
fn an_end_that_changes_its_engine_loses_no_wake_up() {
    explore("tasks, two engines", Some(2), 71_000, || {
        let region = Region::at(0, 2);
        let engines = [Helper::start(&region), Helper::start(&region)];
        let producer = pushing(&region, 1);
        let mut task = Task::new(&region, &engines[0].0);
        let first = task.poll(&Waker::from(Parked::new()));
        task.rise();
        let Task { end, sleeper } = task;
        drop(sleeper);
        let mut task = Task::with(end, &engines[1].0);
        if first == Poll::Pending {
            assert_eq!(task.recv(), 1);
        }
        producer.join().unwrap();
        drop(task);
        for (helper, thread) in engines {
            helper.stop(thread);
        }
    });
}
