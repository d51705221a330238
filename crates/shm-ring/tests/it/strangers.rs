//! A stranger: a process of another user that may not open a region, and may make names where regions have theirs. What it
//! plants under a name is refused, and named; what is there already it cannot touch.
//!
//! Owns: SECURITY.md's column of the stranger. Knows nothing of: who may read a region (`readers`).

use std::fs::File;
use std::os::unix::fs::{MetadataExt, symlink};
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::time::Instant;

use rustix::fs::{CWD, FileType, Mode, mknodat};
use shm_ring::{Consumer, Error, Latest, Observer, Options, Producer, Region, Ring};

use crate::bytes::Bytes;
use crate::harness::{Child, Home, LIMIT, Name, SOON, root_or_skip, within};
use crate::system;

const STRANGER: u32 = 65534;

fn path(name: &str) -> String {
    format!("/dev/shm{name}")
}

/// Job: as a stranger, tries all that would read, change or take away a region, and says what it was allowed.
pub(crate) fn try_all_as_a_stranger(mut home: Home) {
    let (name, own) = (home.argument(0).to_owned(), path(home.argument(1)));
    let path = path(&name);
    let links = std::fs::read_to_string("/proc/sys/fs/protected_hardlinks");
    let links_are_protected = links.is_ok_and(|answer| answer.trim() == "1");
    system::become_user(STRANGER);
    std::fs::write(&own, "mine").unwrap();
    let trusting = Options::new().any_owner();
    let parent = std::os::unix::process::parent_id();
    let of_parent = |fd: &str| format!("/proc/{parent}/fd/{fd}");
    let allowed = [
        ("reads", File::open(&path).is_ok()),
        ("writes", File::options().write(true).open(&path).is_ok()),
        ("finds its descriptors", std::fs::read_dir(of_parent("")).is_ok()),
        ("opens its descriptors", (0..64).any(|fd| File::open(of_parent(&fd.to_string())).is_ok())),
        ("cuts", rustix::fs::open(&path, rustix::fs::OFlags::TRUNC, Mode::empty()).is_ok()),
        ("links", links_are_protected && std::fs::hard_link(&path, format!("{own}-link")).is_ok()),
        ("removes the name", std::fs::remove_file(&path).is_ok()),
        ("moves the name", std::fs::rename(&path, format!("{own}-moved")).is_ok()),
        ("replaces", std::fs::rename(&own, &path).is_ok()),
        ("observes", Observer::open_with(&*name, &trusting).is_ok()),
        ("produces", Producer::<u64>::open_with(&*name, &trusting).is_ok()),
        ("consumes", Consumer::<u64>::open_with(&*name, &trusting).is_ok()),
        ("unlinks", Region::named(&*name).unlink_unused_and_discard(&trusting).is_ok()),
    ];
    let allowed: Vec<_> = allowed.iter().filter(|(_, is)| *is).map(|(what, _)| *what).collect();
    home.say(&format!("{allowed:?}"));
}

#[test]
fn a_stranger_opens_nothing_and_takes_no_name_away() {
    if !root_or_skip("a stranger of another user") {
        return;
    }
    let (name, own) = (Name::new("strange"), Name::new("strangers-own"));
    let ring = Ring::<u64>::create(name.as_str(), &Options::new()).unwrap();
    let (mut tx, mut rx) = (ring.producer().unwrap(), ring.consumer().unwrap());
    tx.push(7).unwrap();
    let bytes = Bytes::of(ring.descriptor());
    let before = bytes.all();
    let mut child = Child::spawn("try-all-as-a-stranger", &[name.as_str(), own.as_str()]);
    child.expect("[]");
    child.finish();
    assert!(before == bytes.all(), "it changed the region");
    assert!(!tx.has_lost_its_name());
    assert_eq!(rx.pop(), Ok(7));
}

const KINDS: [&str; 8] =
    ["ring", "value", "text", "nothing in it", "link", "fifo", "socket", "directory"];

/// Puts something under the name, whatever it is.
fn put(kind: &str, name: &str, target: &Path) {
    let path = path(name);
    // Nothing is wrong with it but its owner, which would be in the way of nobody who is root.
    let fine = Options::new().bytes(4096).mode(0o644);
    match kind {
        "ring" => drop(Ring::<u64>::create(name, &fine)),
        "value" => drop(Latest::<u64>::create(name, &Options::new().mode(0o644))),
        "text" => drop(std::fs::write(&path, [b'x'; 20_000])),
        "link" => drop(symlink(target, &path)),
        "fifo" => drop(mknodat(CWD, &path, FileType::Fifo, Mode::from_raw_mode(0o666), 0)),
        "socket" => drop(UnixListener::bind(&path)),
        "directory" => drop(std::fs::create_dir(&path)),
        _ => drop(File::create(&path)),
    }
}

/// Takes it away, if it is its own.
fn remove(name: &str) {
    let path = path(name);
    let _ = std::fs::remove_file(&path).or_else(|_| std::fs::remove_dir(&path));
}

/// Job: as a stranger, plants something under a name.
pub(crate) fn plant(mut home: Home) {
    system::become_user(STRANGER);
    let (name, target) = (home.argument(0).to_owned(), path(home.argument(1)));
    for kind in KINDS {
        put(kind, &name, Path::new(&target));
        home.say(kind);
        home.hear();
        remove(&name);
    }
}

/// What a side of ours says of the name.
fn answers(name: &Name) -> Vec<Result<Ring<u64>, Error>> {
    let name = name.as_str().to_owned();
    within(SOON, "opening what a stranger planted", move || {
        let options = Options::new().bytes(4096);
        vec![
            Ring::<u64>::open(name.as_str()),
            Ring::<u64>::open_or_create(name.as_str(), &options),
            Ring::<u64>::create(name.as_str(), &options),
            Ring::<u64>::replace_if_unused(name.as_str(), &options),
        ]
    })
}

#[test]
fn what_a_stranger_plants_is_refused_and_named() {
    if !root_or_skip("a stranger of another user") {
        return;
    }
    let (name, target) = (Name::new("planted"), Name::new("target"));
    // Where the link leads: a ring of ours that would do.
    let ours = Ring::<u64>::create(target.as_str(), &Options::new().bytes(4096)).unwrap();
    let before = Bytes::of(ours.descriptor()).all();
    let mut child = Child::spawn("plant", &[name.as_str(), target.as_str()]);
    for kind in KINDS {
        child.expect(kind);
        let answers = answers(&name);
        assert!(matches!(answers[2], Err(Error::AlreadyExists { .. })), "{kind}: {:?}", answers[2]);
        for answer in [&answers[0], &answers[1], &answers[3]] {
            let error = answer.as_ref().unwrap_err();
            match error {
                Error::ForeignOwner { found: STRANGER, .. } | Error::NotRegular { .. } => {}
                _ => panic!("{kind}: {error}"),
            }
            assert!(error.to_string().contains(name.as_str()), "{kind}: {error}");
        }
        let name = name.as_str().to_owned();
        let looked = within(SOON, "looking at what a stranger planted", move || {
            let removed = Region::named(name.as_str()).unlink_unused(&Options::new());
            (
                Observer::open(name.as_str()).is_ok(),
                removed.is_ok(),
                shm_ring::list(&Options::new()),
            )
        });
        let (observed, removed, listed) = looked;
        assert!(!observed && !removed, "{kind}");
        listed.unwrap();
        child.say("next");
    }
    child.finish();
    assert!(before == Bytes::of(ours.descriptor()).all(), "it was reached through a link");
    // The name is free again.
    Ring::<u64>::create(name.as_str(), &Options::new()).unwrap().producer().unwrap();
}

/// Job: as a stranger, puts one thing after another under a name and takes it away, until it is killed.
pub(crate) fn plant_for_ever(mut home: Home) {
    system::become_user(STRANGER);
    let (name, target) = (home.argument(0).to_owned(), path(home.argument(1)));
    home.say("planting");
    for kind in KINDS.iter().cycle() {
        put(kind, &name, Path::new(&target));
        remove(&name);
    }
}

#[test]
fn a_name_that_a_stranger_flips_ends_every_call_and_leads_to_ours_or_nowhere() {
    if !root_or_skip("a stranger of another user") {
        return;
    }
    let (name, target) = (Name::new("flipped"), Name::new("flipped-target"));
    let ours = Ring::<u64>::create(target.as_str(), &Options::new().bytes(4096)).unwrap();
    let us = rustix::process::geteuid().as_raw();
    let mut child = Child::spawn("plant-for-ever", &[name.as_str(), target.as_str()]);
    child.expect("planting");
    let (mut had, mut refused) = (0, 0);
    let start = Instant::now();
    for round in 0.. {
        if had > 0 && refused > 0 && round > 1000 || start.elapsed() > LIMIT {
            break;
        }
        let answers = answers(&name);
        for ring in answers.iter().flatten() {
            let file = File::from(ring.descriptor().try_clone_to_owned().unwrap());
            assert_eq!(file.metadata().unwrap().uid(), us, "a ring of the stranger's");
            assert_ne!(ring.id(), ours.id(), "through a link");
        }
        let count = answers.iter().flatten().count();
        had += count;
        refused += answers.len() - count;
        // The stranger cannot: what is ours stays until we remove it.
        remove(name.as_str());
    }
    assert!(had > 0 && refused > 0, "{had} rings, {refused} refusals: nothing was tried");
    child.kill();
}
