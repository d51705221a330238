//! What a user may choose: when a name goes, whether memory is there, touched, locked.

use std::os::unix::fs::MetadataExt;

use rustix::process::{Resource, Rlimit, setrlimit};
use shm_ring::{Error, Options, Region, Ring};
use shm_ring_outsider::page;

use crate::harness::{Child, Dir, Home, Name, root_or_skip};
use crate::system;

#[test]
fn a_name_goes_with_the_last_handle_if_asked() {
    let (name, dir) = (Name::new("unlink"), Dir::new("unlink"));
    let path = dir.join("ring");
    for (region, path) in [(Region::named(name.as_str()), name.path()), (Region::file(&path), path)]
    {
        let ring = Ring::<u64>::create(region, &Options::new().unlink_on_drop()).unwrap();
        let tx = ring.producer().unwrap();
        let opened = Ring::<u64>::open_with(Region::file(&path), &Options::new().unlink_on_drop());
        drop(opened.unwrap());
        assert!(path.exists(), "there is a producer");
        drop(ring);
        assert!(path.exists(), "a role is a handle too");
        drop(tx);
        assert!(!path.exists());
    }
    drop(Ring::<u64>::create(name.as_str(), &Options::new()).unwrap());
    assert!(name.path().exists(), "nobody asked");
}

#[test]
fn a_name_made_anew_is_not_the_old_creators_to_remove() {
    let name = Name::new("anew");
    let old = Ring::<u64>::create(name.as_str(), &Options::new().unlink_on_drop()).unwrap();
    Region::named(name.as_str()).unlink().unwrap();
    let new = Ring::<u64>::create(name.as_str(), &Options::new()).unwrap();
    drop(old);
    assert_eq!(Ring::<u64>::open(name.as_str()).unwrap().id(), new.id());
}

#[test]
fn an_attached_pair_goes_on_when_its_name_is_used_again() {
    let name = Name::new("reused");
    let old = Ring::<u64>::create(name.as_str(), &Options::new()).unwrap();
    let (mut tx, mut rx) = (old.producer().unwrap(), old.consumer().unwrap());
    tx.push(1).unwrap();
    Region::named(name.as_str()).unlink().unwrap();
    assert!(matches!(Ring::<u64>::open(name.as_str()), Err(Error::NotFound { .. })));
    tx.push(2).unwrap();
    let new = Ring::<u64>::create(name.as_str(), &Options::new()).unwrap();
    assert_ne!(Ring::<u64>::open(name.as_str()).unwrap().id(), old.id());
    let (mut other_tx, mut other_rx) = (new.producer().unwrap(), new.consumer().unwrap());
    other_tx.push(9).unwrap();
    tx.push(3).unwrap();
    assert_eq!([rx.pop(), rx.pop(), rx.pop()], [Ok(1), Ok(2), Ok(3)]);
    assert_eq!(other_rx.pop(), Ok(9));
    // Nobody comes to the old ring any more by its name, nor by a handle that was made by it.
    drop(tx);
    assert!(rx.has_lost_its_name() && old.has_lost_its_name() && !new.has_lost_its_name());
    assert!(matches!(old.producer(), Err(Error::NameGone { .. })));
    // Whoever wants just that says it with a descriptor, of which a link count says nothing.
    let fd = old.descriptor().try_clone_to_owned().unwrap();
    let again = Ring::<u64>::open(Region::unsealed_descriptor(fd)).unwrap();
    let mut tx = again.producer().unwrap();
    assert!(!tx.has_lost_its_name(), "it has none");
    tx.push(4).unwrap();
    assert_eq!(rx.pop(), Ok(4));
}

/// Job: closes its last end as a thread that others do not get past, and says how long it was busy with that.
pub(crate) fn close_urgently(mut home: Home) {
    let ring = Ring::<u64>::create(Region::memfd("urgent"), &Options::new()).unwrap();
    let tx = ring.producer().unwrap();
    if !system::become_urgent() {
        return home.say("refused");
    }
    let busy = || rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    let before = busy();
    drop(tx);
    let (sec, nsec) = (busy().tv_sec - before.tv_sec, busy().tv_nsec - before.tv_nsec);
    home.say(&(sec * 1_000_000 + nsec / 1000).to_string());
}

#[test]
fn the_last_end_of_an_urgent_thread_closes_without_a_busy_wait() {
    let mut child = Child::spawn("close-urgently", &[]);
    let said = child.hear();
    child.finish();
    match said.parse::<i64>() {
        // Of the 100 ms for which the end of the other thread is waited for at most.
        Ok(micros) => assert!(micros < 20_000, "busy for {micros} us"),
        Err(_) => eprintln!("skipped, since urgent threads are refused"),
    }
}

/// How many mappings of `label` there are, and how many of them stand in a core dump.
fn dumped(label: &str) -> (usize, usize) {
    let smaps = std::fs::read_to_string("/proc/self/smaps").unwrap();
    let (mut ours, mut all, mut dumped) = (false, 0, 0);
    for line in smaps.lines() {
        if line.split(' ').next().is_some_and(|word| word.contains('-')) {
            ours = line.contains(label);
        } else if let (true, Some(flags)) = (ours, line.strip_prefix("VmFlags:")) {
            all += 1;
            dumped += usize::from(!flags.split_whitespace().any(|flag| flag == "dd"));
        }
    }
    (all, dumped)
}

#[test]
fn the_data_stands_once_in_a_core_dump() {
    let options = Options::new().bytes(1 << 20);
    let ring = Ring::<u64>::create(Region::memfd("shm-ring-dumped"), &options).unwrap();
    let _tx = ring.producer().unwrap();
    let (all, dumped) = dumped("shm-ring-dumped");
    assert_eq!(all - dumped, 1, "of {all} mappings");
}

/// Kilobytes of the mappings of `label` that are there.
fn resident(label: &str) -> u64 {
    let smaps = std::fs::read_to_string("/proc/self/smaps").unwrap();
    let mut ours = false;
    let mut sum = 0;
    for line in smaps.lines() {
        if line.split(' ').next().is_some_and(|word| word.contains('-')) {
            ours = line.contains(label);
        } else if ours && line.starts_with("Rss:") {
            sum += line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap();
        }
    }
    sum
}

#[test]
fn prefaulting_touches_every_page() {
    const CAPACITY: u64 = 1 << 20;
    let whole = (3 * page() + 2 * CAPACITY) / 1024;
    for (label, options, expected) in [
        ("shm-ring-untouched", Options::new(), 0..whole / 2),
        ("shm-ring-prefaulted", Options::new().prefault(), whole..whole + 1),
        ("shm-ring-locked", Options::new().lock_memory(), whole..whole + 1),
    ] {
        let ring =
            Ring::<u64>::create(Region::memfd(label), &options.bytes(CAPACITY as usize)).unwrap();
        let _tx = ring.producer().unwrap();
        assert!(expected.contains(&resident(label)), "{label}: {}", resident(label));
        drop(_tx);
        let _rx = ring.consumer().unwrap();
        assert!(expected.contains(&resident(label)), "{label}: {}", resident(label));
    }
}

/// Job: tries to lock more than it may.
pub(crate) fn lock_too_much(mut home: Home) {
    system::become_user(65534);
    setrlimit(Resource::Memlock, Rlimit { current: Some(8192), maximum: Some(8192) }).unwrap();
    let ring = Ring::<u64>::create(Region::memfd("locked"), &Options::new().lock_memory()).unwrap();
    home.say(&ring.producer().unwrap_err().to_string());
    // Nothing is held by the attempt.
    let ring =
        Ring::<u64>::open(Region::descriptor(ring.descriptor().try_clone_to_owned().unwrap()));
    ring.unwrap().producer().unwrap().push(1).unwrap();
}

#[test]
fn locking_more_than_allowed_is_an_error_that_says_so() {
    if root_or_skip("a user with a small RLIMIT_MEMLOCK") {
        let mut child = Child::spawn("lock-too-much", &[]);
        let text = child.hear();
        assert!(text.contains("mlock") && text.contains("RLIMIT_MEMLOCK"), "{text}");
        child.finish();
    }
}

/// Job: a process that has used up one of its limits, and what its errors advise.
pub(crate) fn run_out(mut home: Home) {
    let create = |region: Region, options: &Options| {
        let ring = Ring::<u64>::create(region, options);
        ring.and_then(|ring| ring.producer().map(drop)).unwrap_err().to_string()
    };
    let limit = |resource, limit| {
        setrlimit(resource, Rlimit { current: Some(limit), maximum: Some(limit) }).unwrap();
    };
    let said = match home.argument(1) {
        "descriptors" => {
            let fd = std::fs::File::open("/dev/null").unwrap();
            limit(Resource::Nofile, std::os::fd::AsRawFd::as_raw_fd(&fd) as u64 + 1);
            let name = Region::named(home.argument(0));
            let memfd = create(Region::memfd("x"), &Options::new());
            format!("{} | {memfd}", create(name, &Options::new()))
        }
        "locked memory" => {
            let all = Options::new().mode(0o666);
            let ring = Ring::<u64>::create(home.argument(0), &all).unwrap();
            system::lock_all_of_the_future();
            limit(Resource::Memlock, 8192);
            system::become_user(65534);
            ring.producer().unwrap_err().to_string()
        }
        _ => {
            limit(Resource::Fsize, 8192);
            system::ignore_file_size_signals();
            create(Region::named(home.argument(0)), &Options::new())
        }
    };
    home.say(&said);
    home.stay();
}

#[test]
fn what_a_limit_forbids_is_an_error_that_names_the_limit() {
    if !root_or_skip("users with small limits") {
        return;
    }
    for (what, words) in [
        ("descriptors", &["Too many open files", "RLIMIT_NOFILE"][..]),
        ("locked memory", &["mmap", "RLIMIT_MEMLOCK"]),
        ("file size", &["fallocate", "RLIMIT_FSIZE"]),
    ] {
        let name = Name::new("limits");
        let said = Child::spawn("run-out", &[name.as_str(), what]).hear();
        for answer in said.split(" | ") {
            assert!(words.iter().all(|word| answer.contains(word)), "{what}: {answer}");
        }
    }
}

#[test]
fn memory_is_there_unless_sparse_was_asked_for() {
    let (dense, sparse) = (Name::new("dense"), Name::new("sparse"));
    let blocks = |name: &Name| name.path().metadata().unwrap().blocks() * 512;
    let ring = Ring::<u64>::create(dense.as_str(), &Options::new().bytes(1 << 20)).unwrap();
    assert!(blocks(&dense) >= 3 * page() + ring.limit_bytes() as u64);
    let options = Options::new().bytes(1 << 36).sparse();
    let ring = Ring::<u64>::create(sparse.as_str(), &options).unwrap();
    assert_eq!(ring.limit_bytes(), 1 << 36);
    let (mut tx, mut rx) = (ring.producer().unwrap(), ring.consumer().unwrap());
    for n in 0..10_000 {
        tx.push(n).unwrap();
    }
    for n in 0..10_000 {
        assert_eq!(rx.pop(), Ok(n));
    }
    assert!(blocks(&sparse) < 1 << 24);
}
