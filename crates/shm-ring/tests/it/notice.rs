//! The death notice: the kernel tells a side that sleeps of its peer's death, however the peer ends, and
//! the thread that this takes comes and goes with the attachments. How fast it is, is measured elsewhere:
//! no test here depends on time, but for what would be a hang.

use std::fs;
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::sync::mpsc::channel;
use std::time::Duration;

use rustix::process::Signal;
use shm_ring::{Consumer, Options, PopError, Producer, PushError, Region, Ring, Wait, wait_any};
use shm_ring_outsider::{LIVENESS, consumer, producer};

use crate::bytes::Bytes;
use crate::harness::{Child, Home, Name, SOON, root_or_skip, until, within};
use crate::system;

/// In a liveness word, by linux/futex.h: somebody may sleep here; the one who stood here died.
const WAITERS: u32 = 0x8000_0000;
const DIED: u32 = 0x4000_0000;

const THREAD: &str = "shm-ring-notice";

fn parked() -> Options {
    Options::new().bytes(4096).wait(Wait::PARK)
}

fn liveness(bytes: &Bytes, page: u64) -> u32 {
    bytes.get(page + LIVENESS) as u32
}

/// The threads of this process with the keeper's name.
fn keepers() -> Vec<u32> {
    let tasks = fs::read_dir("/proc/self/task").unwrap().flatten();
    let is_keeper = |task: &fs::DirEntry| {
        fs::read_to_string(task.path().join("comm")).is_ok_and(|name| name.trim() == THREAD)
    };
    let id = |task: fs::DirEntry| task.file_name().to_str().unwrap().parse().unwrap();
    tasks.filter(is_keeper).map(id).collect()
}

/// The signals that a thread of this process does not take: bit 0 is signal 1.
fn signals_blocked(thread: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/self/task/{thread}/status")).unwrap();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigBlk:")).unwrap();
    u64::from_str_radix(mask.trim(), 16).unwrap()
}

pub(crate) fn has_waitv() -> bool {
    let release = rustix::system::uname().release().to_string_lossy().into_owned();
    let mut numbers = release.split(['.', '-']).map_while(|part| part.parse::<u32>().ok());
    let version = (numbers.next().unwrap(), numbers.next().unwrap());
    if version < (5, 16) {
        eprintln!("skipped, since Linux {release} has no futex_waitv");
    }
    version >= (5, 16)
}

/// Waits until `thread` of this process sleeps on `words` words at once.
fn until_asleep_on(thread: u32, words: usize) {
    let call = format!("{} ", libc::SYS_futex_waitv);
    let count = format!("{words:#x}");
    until(&format!("the thread sleeps on {words} words"), || {
        let asleep = fs::read_to_string(format!("/proc/self/task/{thread}/syscall")).unwrap();
        asleep.starts_with(&call) && asleep.split(' ').nth(2) == Some(&count)
    });
}

/// Runs `wait`, which sleeps on `words` words until `death` is done.
fn asleep_until<R: Send + 'static>(
    words: usize,
    wait: impl FnOnce() -> R + Send + 'static,
    death: impl FnOnce(),
) -> R {
    let (tell, hear) = channel();
    let sleeper = std::thread::spawn(move || {
        tell.send(rustix::thread::gettid()).unwrap();
        wait()
    });
    until_asleep_on(hear.recv().unwrap().as_raw_nonzero().get() as u32, words);
    death();
    within(SOON, "a sleeper whose peer died", move || sleeper.join().unwrap())
}

/// Job: says how many keepers there are while attachments come and go.
pub(crate) fn count_keepers(mut home: Home) {
    let named = |what: &str| Ring::<u64>::create(Region::memfd(what), &parked()).unwrap();
    let (one, other) = (named("one"), named("other"));
    let (ones, others) = (Bytes::of(one.descriptor()), Bytes::of(other.descriptor()));
    let words = || {
        [(&ones, producer()), (&ones, consumer()), (&others, producer()), (&others, consumer())]
            .map(|(bytes, page)| liveness(bytes, page))
    };
    assert_eq!((words(), keepers()), ([0; 4], vec![]), "nobody has attached");

    let (tx, rx) = (one.producer().unwrap(), one.consumer().unwrap());
    let (mut far_tx, far_rx) = (other.producer().unwrap(), other.consumer().unwrap());
    let keeper = keepers();
    assert_eq!(keeper.len(), 1, "one for all");
    assert_eq!(words(), [keeper[0] | WAITERS; 4]);
    let asked_for = [libc::SIGHUP, libc::SIGINT, libc::SIGTERM, libc::SIGUSR1, libc::SIGCHLD];
    let taken = asked_for.map(|signal| signals_blocked(keeper[0]) >> (signal - 1) & 1 == 0);
    assert_eq!(taken, [false; 5], "signals are for the threads of the program");
    // In the middle, at the start and at the end of what it keeps.
    drop(rx);
    assert_eq!(words(), [keeper[0] | WAITERS, 0, keeper[0] | WAITERS, keeper[0] | WAITERS]);
    drop((tx, far_rx));
    assert_eq!((words(), keepers()), ([0, 0, keeper[0] | WAITERS, 0], keeper.clone()));
    far_tx.push(1).unwrap();
    far_tx.close();
    assert_eq!((words(), keepers()), ([0; 4], vec![]), "gone with the last");

    let quiet = Options::new().death_notice(false);
    let fd = other.descriptor().try_clone_to_owned().unwrap();
    let rx = Ring::<u64>::open_with(Region::descriptor(fd), &quiet).unwrap().consumer().unwrap();
    assert_eq!((words(), keepers()), ([0; 4], vec![]), "not wanted");
    let _tx = other.producer().unwrap();
    let another = keepers();
    assert_eq!(words(), [0, 0, another[0] | WAITERS, 0]);
    drop(rx);
    home.say("fine");
}

#[test]
fn one_thread_serves_all_attachments_and_goes_with_the_last() {
    let mut child = Child::spawn("count-keepers", &[]);
    child.expect("fine");
    child.finish();
}

/// Job: attaches as told and ends as told.
pub(crate) fn end_somehow(mut home: Home) {
    let ring = Ring::<u64>::open(home.argument(0)).unwrap();
    let (mut tx, mut rx) = (None, None);
    match home.argument(1) {
        "producer" => tx = Some(ring.producer().unwrap()),
        _ => rx = Some(ring.consumer().unwrap()),
    }
    home.say("attached");
    match home.hear().as_str() {
        "segv" => system::store(8, 0),
        "abort" => std::process::abort(),
        "exit" => std::process::exit(0),
        "exec" => {
            let error = Command::new("/bin/sleep").arg("30").exec();
            panic!("exec: {error}");
        }
        "return" => drop((tx.take().map(core::mem::forget), rx.take().map(core::mem::forget))),
        other => panic!("{other}"),
    }
}

const ENDS: [&str; 6] = ["kill", "segv", "abort", "exit", "exec", "return"];

fn end(child: &mut Child, how: &str) {
    match how {
        "kill" => child.signal(Signal::KILL),
        how => child.say(how),
    }
}

#[test]
fn however_a_producer_ends_the_kernel_tells_a_consumer_that_sleeps() {
    if has_waitv() {
        for how in ENDS {
            let name = Name::new("told");
            let ring = Ring::<u64>::create(name.as_str(), &parked()).unwrap();
            let bytes = Bytes::of(ring.descriptor());
            let mut child = Child::spawn("end-somehow", &[name.as_str(), "producer"]);
            child.expect("attached");
            let mut rx = ring.consumer().unwrap();
            let answer = asleep_until(2, move || rx.pop(), || end(&mut child, how));
            assert_eq!(answer, Err(PopError::PeerDead), "{how}");
            assert_eq!(liveness(&bytes, producer()), WAITERS | DIED, "{how}");
        }
    }
}

#[test]
fn however_a_consumer_ends_the_kernel_tells_a_producer_that_sleeps() {
    if has_waitv() {
        for how in ENDS {
            let name = Name::new("told-producer");
            let ring = Ring::<u64>::create(name.as_str(), &parked()).unwrap();
            let bytes = Bytes::of(ring.descriptor());
            let mut child = Child::spawn("end-somehow", &[name.as_str(), "consumer"]);
            child.expect("attached");
            let mut tx = ring.producer().unwrap();
            while tx.try_push(1).is_ok() {}
            let answer = asleep_until(2, move || tx.push(1), || end(&mut child, how));
            assert_eq!(answer, Err(PushError::PeerDead), "{how}");
            assert_eq!(liveness(&bytes, consumer()), WAITERS | DIED, "{how}");
        }
    }
}

#[test]
fn a_death_in_another_pid_namespace_is_told_too() {
    if has_waitv() && root_or_skip("a pid namespace") {
        let name = Name::new("told-from-afar");
        let ring = Ring::<u64>::create(name.as_str(), &parked()).unwrap();
        let bytes = Bytes::of(ring.descriptor());
        let mut child =
            Child::spawn("in-pid-namespace", &["attach-and-abort", name.as_str(), "producer"]);
        child.expect("attached");
        let inside = liveness(&bytes, producer());
        assert!(inside & WAITERS != 0 && inside & !WAITERS < 100, "a thread's number in there");
        let mut rx = ring.consumer().unwrap();
        let go = Bytes::of(ring.descriptor());
        // The line to the grandchild is its parent's: it looks at the label instead.
        let answer = asleep_until(2, move || rx.pop(), || go.set(LABEL, 1));
        assert_eq!(answer, Err(PopError::PeerDead));
        assert_eq!(liveness(&bytes, producer()), WAITERS | DIED);
    }
}

/// Where the label stands, which nobody reads after attaching.
const LABEL: u64 = 96;

/// Job: attaches, and aborts when the label is written over.
pub(crate) fn attach_and_abort(mut home: Home) {
    let ring = Ring::<u64>::open(home.argument(0)).unwrap();
    let _tx = ring.producer().unwrap();
    let bytes = Bytes::of(ring.descriptor());
    home.say("attached");
    until("the label is written over", || bytes.get(LABEL) != 0);
    std::process::abort();
}

#[test]
fn the_death_of_any_of_many_producers_is_told() {
    if has_waitv() {
        let names = [Name::new("told-one"), Name::new("told-other")];
        let rings =
            names.each_ref().map(|name| Ring::<u64>::create(name.as_str(), &parked()).unwrap());
        let mut children = names.each_ref().map(|name| {
            let mut child = Child::spawn("end-somehow", &[name.as_str(), "producer"]);
            child.expect("attached");
            child
        });
        let [mut one, mut other] = rings.each_ref().map(|ring| ring.consumer().unwrap());
        let wait = move || {
            let told = wait_any(&mut [&mut one, &mut other], None);
            (told, one.try_pop(), other.pop())
        };
        let told = asleep_until(4, wait, || end(&mut children[1], "kill"));
        assert_eq!(told, (Ok(1), Err(PopError::Empty), Err(PopError::PeerDead)));
    }
}

/// A word that names a thread which the kernel does not tell of is believed for a slice, by however many waits.
#[test]
fn a_death_that_nobody_tells_is_found_by_short_waits_too() {
    let name = Name::new("untold");
    let ring = Ring::<u64>::create(name.as_str(), &parked()).unwrap();
    let mut rx = ring.consumer().unwrap();
    let mut child = Child::spawn("end-somehow", &[name.as_str(), "producer"]);
    child.expect("attached");
    let other = u32::MAX >> 3;
    Bytes::of(ring.descriptor()).write(producer() + LIVENESS, &other.to_ne_bytes());
    assert_eq!(rx.pop_timeout(Duration::from_millis(1)), Err(PopError::TimedOut));
    end(&mut child, "kill");
    until("the death is found", || {
        rx.pop_timeout(Duration::from_millis(5)) == Err(PopError::PeerDead)
    });
}

/// Job: attaches to three rings, gives one of them back, and stays.
pub(crate) fn keep_two_of_three(mut home: Home) {
    let open = |index| Producer::<u64>::open(home.argument(index)).unwrap();
    let mut held = vec![open(0), open(1), open(2)];
    held.remove(home.number(3) as usize).close();
    home.say("closed");
    home.stay();
}

#[test]
fn a_kill_after_any_attachment_was_closed_is_told() {
    if has_waitv() {
        for closed in 0..3 {
            let names = [Name::new("first"), Name::new("second"), Name::new("third")];
            let rings =
                names.each_ref().map(|name| Ring::<u64>::create(name.as_str(), &parked()).unwrap());
            let [one, two, three] = names.each_ref().map(Name::as_str);
            let mut child =
                Child::spawn("keep-two-of-three", &[one, two, three, &closed.to_string()]);
            child.expect("closed");
            child.kill();
            let told = rings.map(|ring| liveness(&Bytes::of(ring.descriptor()), producer()));
            let mut expected = [WAITERS | DIED; 3];
            expected[closed] = 0;
            assert_eq!(told, expected, "the list is whole without any of its nodes");
        }
    }
}

/// Job: a forked child attaches, drops what it inherited and ends; its parent goes on.
pub(crate) fn fork_beside_a_keeper(mut home: Home) {
    let (name, other) = (home.argument(0).to_owned(), home.argument(1).to_owned());
    let tx = Producer::<u64>::open(name).unwrap();
    match system::fork() {
        None => {
            assert_eq!(keepers(), [], "threads are not inherited");
            drop(tx);
            let forked = Producer::<u64>::open(other.as_str()).unwrap();
            assert_eq!(keepers().len(), 1);
            home.say(&format!("forked {}", keepers()[0]));
            home.hear();
            core::mem::forget(forked);
            system::exit_now(0);
        }
        Some(pid) => {
            assert_eq!(system::wait_for(pid), 0);
            home.say(&format!("parent {}", keepers()[0]));
            home.stay();
        }
    }
}

#[test]
fn a_forked_child_has_a_keeper_of_its_own_and_leaves_its_parents_alone() {
    if has_waitv() {
        let (name, other) = (Name::new("told-parent"), Name::new("told-forked"));
        let rings =
            [&name, &other].map(|name| Ring::<u64>::create(name.as_str(), &parked()).unwrap());
        let words = rings.each_ref().map(|ring| Bytes::of(ring.descriptor()));
        let [mut rx, mut other_rx] = rings.each_ref().map(|ring| ring.consumer().unwrap());
        let mut child = Child::spawn("fork-beside-a-keeper", &[name.as_str(), other.as_str()]);
        let keeper = |line: String, who: &str| {
            let id = line.strip_prefix(who).unwrap_or_else(|| panic!("{line}"));
            id.trim().parse::<u32>().unwrap() | WAITERS
        };
        let forked = keeper(child.hear(), "forked");
        assert_eq!(liveness(&words[1], producer()), forked);
        let answer = asleep_until(2, move || other_rx.pop(), || child.say("end"));
        assert_eq!(answer, Err(PopError::PeerDead));
        assert_eq!(liveness(&words[1], producer()), WAITERS | DIED);
        let parent = keeper(child.hear(), "parent");
        assert_ne!(parent, forked);
        assert_eq!(liveness(&words[0], producer()), parent);
        let answer = asleep_until(2, move || rx.pop(), || end(&mut child, "kill"));
        assert_eq!(answer, Err(PopError::PeerDead));
        assert_eq!(liveness(&words[0], producer()), WAITERS | DIED);
    }
}

/// Job: attaches where there can be no robust list, and where there can be one again.
pub(crate) fn without_robust_list(mut home: Home) {
    let ring = Ring::<u64>::open(home.argument(0)).unwrap();
    let bytes = Bytes::of(ring.descriptor());
    system::refuse(&[libc::SYS_set_robust_list], libc::ENOSYS);
    let mut tx = ring.producer().unwrap();
    assert_eq!((liveness(&bytes, producer()), keepers()), (0, vec![]));
    tx.push(1).unwrap();
    home.say("attached");
    home.stay();
}

#[test]
fn where_the_kernel_refuses_the_list_slices_tell() {
    let name = Name::new("untold");
    let ring = Ring::<u64>::create(name.as_str(), &parked()).unwrap();
    let bytes = Bytes::of(ring.descriptor());
    let mut child = Child::spawn("without-robust-list", &[name.as_str()]);
    child.expect("attached");
    let mut rx = ring.consumer().unwrap();
    assert_eq!(rx.pop(), Ok(1));
    let sleeper = std::thread::spawn(move || rx.pop());
    bytes.until_parked(consumer());
    child.kill();
    let answer = within(SOON, "a sleeper by slices", move || sleeper.join().unwrap());
    assert_eq!(answer, Err(PopError::PeerDead));
    assert_eq!(liveness(&bytes, producer()), 0);
}

#[test]
fn the_next_holder_is_not_taken_for_the_dead_one() {
    if has_waitv() {
        let name = Name::new("told-and-followed");
        let ring = Ring::<u64>::create(name.as_str(), &parked()).unwrap();
        let bytes = Bytes::of(ring.descriptor());
        let mut rx: Consumer<u64> = ring.consumer().unwrap();
        let mut child = Child::spawn("end-somehow", &[name.as_str(), "producer"]);
        child.expect("attached");
        child.kill();
        assert_eq!(rx.pop(), Err(PopError::PeerDead));
        assert_eq!(liveness(&bytes, producer()), WAITERS | DIED);
        let quiet = Options::new().death_notice(false);
        let next = Ring::<u64>::open_with(name.as_str(), &quiet).unwrap();
        let mut tx = next.producer().unwrap();
        assert_eq!(liveness(&bytes, producer()), 0, "what was told of the dead one is taken back");
        tx.push(1).unwrap();
        assert_eq!(rx.pop(), Ok(1));
    }
}
