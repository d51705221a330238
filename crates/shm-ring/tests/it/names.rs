//! Names over time: who attaches is on the ring that the name leads to, a name goes only while nobody uses what it leads to
//! and nothing in it is unread, and one that is replaced is never missing.
//!
//! The storms are about steps of two processes between each other. What needs no other process is `removing`.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};

use shm_ring::{
    Consumer, Error, ItemLayout, Latest, MessageProducer, MessageRing, Options, Producer, Region,
    Ring, UntypedConsumer, UntypedProducer,
};

use crate::harness::{Child, Ends, Home, Name};

/// How many removals or replacements a storm is about: each bug shows several times in them.
const STORM: u64 = 300;
/// The same where what is looked for is an instant.
const LONG_STORM: u64 = 5000;
/// A busy machine does fewer.
const AT_MOST: Duration = Duration::from_secs(5);

fn small() -> Options {
    Options::new().bytes(4096)
}

/// Job: removes what the name leads to whenever nobody uses it.
pub(crate) fn remove_unused(home: Home) {
    let region = Region::named(home.argument(0));
    storm(home, || match region.unlink_unused(&Options::new()) {
        Err(Error::NotFound { .. } | Error::RoleTaken { .. } | Error::Unread { .. }) => false,
        answer => answer.map(|()| true).unwrap(),
    });
}

/// Job: replaces what the name leads to whenever nobody uses it.
pub(crate) fn replace_unused(home: Home) {
    let name = home.argument(0).to_owned();
    storm(home, || match Ring::<u64>::replace_if_unused(name.as_str(), &small()) {
        Err(Error::RoleTaken { .. } | Error::Unread { .. }) => false,
        answer => answer.map(|_| true).unwrap(),
    });
}

/// Acts until it has succeeded often enough, and says how often it did.
fn storm(mut home: Home, mut acts: impl FnMut() -> bool) {
    home.say("begun");
    let (start, mut count) = (Instant::now(), 0);
    while count < home.number(1) && start.elapsed() < AT_MOST {
        count += u64::from(acts());
    }
    home.say(&count.to_string());
}

/// Runs `act` beside the child that does `job`, until that is done: how often it succeeded.
fn beside(job: &str, times: u64, name: &Name, mut act: impl FnMut()) -> u64 {
    let mut child = Child::spawn(job, &[name.as_str(), &times.to_string()]);
    child.expect("begun");
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let count = scope.spawn(|| {
            let _ends = Ends(&over);
            let count = child.hear().parse().unwrap();
            child.finish();
            count
        });
        while !over.load(Ordering::Relaxed) {
            act();
        }
        count.join().unwrap()
    })
}

/// What a storm of attachments counted.
#[derive(Debug, Default)]
struct Attached {
    count: u64,
    nameless: u64,
    errors: Vec<String>,
}

impl Attached {
    /// Whoever is attached is on the ring that the name leads to, and stays there.
    fn look<E>(&mut self, attached: Result<E, Error>, has_lost_its_name: impl Fn(&E) -> bool) {
        match attached {
            Ok(end) => {
                self.count += 1;
                // Longer than the other side takes from giving the leases up to removing the name, if it did that.
                let lost = (0..20).any(|_| has_lost_its_name(&end));
                self.nameless += u64::from(lost);
            }
            Err(error) => self.errors.push(error.to_string()),
        }
    }

    fn check(self, removed: u64) {
        assert!(self.errors.is_empty(), "{removed} removed: {self:?}");
        assert_eq!(self.nameless, 0, "{removed} removed: {self:?}");
        assert!(self.count > 0 && removed > 0, "{removed} removed: {self:?}");
    }
}

#[test]
fn whoever_attaches_beside_removal_is_on_the_ring_that_the_name_leads_to() {
    let name = Name::new("attach-beside-removal");
    let mut attached = Attached::default();
    let mut which = 0;
    let removed = beside("remove-unused", STORM, &name, || {
        which += 1;
        match which % 3 {
            0 => {
                let end = Producer::<u64>::open_or_create(name.as_str(), &small());
                attached.look(end, Producer::has_lost_its_name);
            }
            1 => {
                let end = Consumer::<u64>::open_or_create(name.as_str(), &small());
                attached.look(end, Consumer::has_lost_its_name);
            }
            _ => {
                let item = ItemLayout { size: 8, align: 8, schema: 0 };
                let end = UntypedProducer::open_or_create(name.as_str(), item, &small());
                attached.look(end, UntypedProducer::has_lost_its_name);
            }
        }
    });
    attached.check(removed);
}

#[test]
fn whoever_attaches_beside_replacing_finds_a_ring_and_stays_on_it() {
    let name = Name::new("attach-beside-replacing");
    drop(Ring::<u64>::create(name.as_str(), &small()).unwrap());
    let mut attached = Attached::default();
    let replaced = beside("replace-unused", 5 * STORM, &name, || {
        // They never create: the name is never missing.
        let end = Producer::<u64>::open(name.as_str());
        attached.look(end, Producer::has_lost_its_name);
        let end = UntypedConsumer::open_any(name.as_str(), &Options::new());
        attached.look(end, UntypedConsumer::has_lost_its_name);
        assert!(name.path().exists());
    });
    attached.check(replaced);
}

#[test]
fn whoever_opens_beside_replacing_finds_a_ring() {
    let name = Name::new("open-beside-replacing");
    drop(Ring::<u64>::create(name.as_str(), &small()).unwrap());
    let mut missed = Vec::new();
    let replaced = beside("replace-unused", LONG_STORM, &name, || {
        missed.extend(Ring::<u64>::open(name.as_str()).err().map(|error| error.to_string()));
    });
    assert!(replaced > 0 && missed.is_empty(), "{replaced} replaced: {missed:?}");
}

#[test]
fn no_record_is_lost_to_removal() {
    let name = Name::new("records-beside-removal");
    let (mut pushed, mut popped) = (0, 0);
    let drain = |popped: &mut u64| {
        let mut rx = Consumer::<u64>::open_or_create(name.as_str(), &small()).unwrap();
        for number in rx.try_iter() {
            assert_eq!(number.unwrap(), *popped, "a record is missing");
            *popped += 1;
        }
    };
    let removed = beside("remove-unused", STORM, &name, || {
        let mut tx = Producer::<u64>::open_or_create(name.as_str(), &small()).unwrap();
        tx.push(pushed).unwrap();
        pushed += 1;
        drop(tx);
        if pushed % 4 == 0 {
            drain(&mut popped);
        }
    });
    drain(&mut popped);
    assert_eq!(popped, pushed);
    assert!(removed > 0 && pushed > 0, "{removed} removed, {pushed} pushed");
}

/// Job: becomes the other end of rings as they are named, and leaves when the parent says so.
pub(crate) fn come_and_leave(mut home: Home) {
    loop {
        let name = home.hear();
        if name.is_empty() {
            return;
        }
        let rx = Consumer::<u64>::open_with(name, &small().unlink_on_drop()).unwrap();
        home.say("there");
        home.hear();
        drop(rx);
        home.say("left");
    }
}

#[test]
fn the_last_user_removes_the_name_also_if_both_leave_at_once() {
    let mut child = Child::spawn("come-and-leave", &[]);
    for round in 0..200 {
        let name = Name::new("both-leave");
        let tx = Producer::<u64>::create(name.as_str(), &small().unlink_on_drop()).unwrap();
        child.say(name.as_str());
        child.expect("there");
        match round {
            0 => {
                drop(tx);
                assert!(name.path().exists(), "the creator is gone, and a consumer is there");
                child.say("leave");
            }
            _ => {
                child.say("leave");
                drop(tx);
            }
        }
        child.expect("left");
        assert!(!name.path().exists(), "both have left, round {round}");
    }
    child.say("");
    child.finish();
}

#[test]
fn the_name_goes_when_both_leave_at_the_same_moment() {
    for round in 0..400 {
        let name = Name::new("same-moment");
        let options = small().unlink_on_drop();
        let tx = Producer::<u64>::create(name.as_str(), &options).unwrap();
        let rx = Consumer::<u64>::open_with(name.as_str(), &options).unwrap();
        let ready = AtomicU32::new(0);
        let meet = || {
            ready.fetch_add(1, Ordering::AcqRel);
            while ready.load(Ordering::Acquire) < 2 {
                std::hint::spin_loop();
            }
        };
        std::thread::scope(|scope| {
            scope.spawn(|| {
                meet();
                drop(rx);
            });
            meet();
            drop(tx);
        });
        assert!(!name.path().exists(), "each left it to the other, round {round}");
    }
}

#[test]
fn what_is_not_opened_is_not_removed() {
    let name = Name::new("refused");
    drop(Ring::<u64>::create(name.as_str(), &small()).unwrap());
    let other = Options::new().bytes(8192).unlink_on_drop();
    assert!(matches!(
        Ring::<u64>::open_or_create(name.as_str(), &other),
        Err(Error::Incompatible { .. })
    ));
    assert!(Ring::<u64>::open_with(name.as_str(), &other.label("other")).is_err());
    assert!(name.path().exists());
}

#[test]
fn a_name_stays_while_something_is_unread() {
    let name = Name::new("unread-at-the-end");
    let mut tx = MessageProducer::create(name.as_str(), &small().unlink_on_drop()).unwrap();
    tx.push(b"for whoever comes").unwrap();
    drop(tx);
    let ring = MessageRing::open_with(name.as_str(), &small().unlink_on_drop()).unwrap();
    let mut rx = ring.consumer().unwrap();
    assert_eq!(rx.pop().unwrap(), b"for whoever comes");
    drop((rx, ring));
    assert!(!name.path().exists());
}

#[test]
fn a_handle_whose_name_is_gone_takes_no_role_and_an_end_opens_what_is_there() {
    let name = Name::new("gone");
    let old = Ring::<u64>::create(name.as_str(), &small()).unwrap();
    let messages = || MessageRing::open_or_create(name.as_str(), &small());
    Region::named(name.as_str()).unlink().unwrap();
    for error in [old.producer().map(drop), old.consumer().map(drop)] {
        let error = error.unwrap_err();
        let text = error.to_string();
        assert!(
            matches!(error, Error::NameGone { .. }) && text.contains("open it again"),
            "{text}"
        );
        assert_eq!(std::io::Error::from(error).kind(), std::io::ErrorKind::NotFound);
    }
    assert!(matches!(Producer::<u64>::open(name.as_str()), Err(Error::NotFound { .. })));
    let new = messages().unwrap();
    assert!(new.producer().is_ok() && messages().unwrap().consumer().is_ok());
    // A name that leads to something else is lost too, and a link count of one does not hide it.
    let other = Name::new("gone-elsewhere");
    std::fs::rename(name.path(), other.path()).unwrap();
    assert!(new.has_lost_its_name());
    drop(Latest::<u64>::create(name.as_str(), &Options::new()).unwrap());
    assert!(new.has_lost_its_name());
}
