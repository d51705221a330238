//! Finding rings: what `list` shows of /dev/shm, and looking at many rings at once.

use shm_ring::{
    Contents, Error, Latest, Listed, MessageRing, Observer, Options, Peer, Region, Ring, Watch,
};

use crate::harness::Name;

/// What is listed of the names of one test.
fn listed(names: &[&Name]) -> Vec<Listed> {
    let ours = |listed: &Listed| names.iter().any(|name| name.as_str().ends_with(&listed.name));
    let mut all = shm_ring::list(&Options::new()).unwrap();
    assert!(all.is_sorted_by_key(|listed| &listed.name));
    all.retain(ours);
    all
}

#[test]
fn all_kinds_are_listed_by_name_and_what_is_no_ring_is_left_out() {
    let [values, messages, latest, damaged, other, gone] =
        ["list-a", "list-b", "list-c", "list-d", "list-e", "list-f"].map(Name::new);
    let options = Options::new().items(3);
    let ring = Ring::<u64>::create(values.as_str(), &options).unwrap();
    let mut tx = ring.producer().unwrap();
    tx.push_slice(&[1, 2]).unwrap();
    MessageRing::create(messages.as_str(), &Options::new()).unwrap();
    Latest::<f64>::create(latest.as_str(), &Options::new()).unwrap();
    Ring::<u64>::create(damaged.as_str(), &Options::new()).unwrap();
    let mut header = std::fs::read(damaged.path()).unwrap();
    header[8] = 9;
    std::fs::write(damaged.path(), header).unwrap();
    std::fs::write(other.path(), "no ring at all").unwrap();
    Ring::<u64>::create(gone.as_str(), &Options::new()).unwrap();
    Region::named(gone.as_str()).unlink().unwrap();

    let found = listed(&[&values, &messages, &latest, &damaged, &other, &gone]);
    assert_eq!(found.len(), 4, "{found:?}");
    let of = |name: &Name| {
        let found = found.iter().find(|listed| name.as_str().ends_with(&listed.name));
        found.unwrap().snapshot.as_ref()
    };
    let first = of(&values).unwrap();
    assert_eq!((first.id, first.unread_records()), (ring.id(), Some(2)));
    let command = std::fs::read_to_string("/proc/self/comm").unwrap();
    assert_eq!(first.producer.command.as_deref(), Some(command.trim_end()));
    assert!(matches!(first.contents, Contents::Values { size: 8, .. }));
    assert!(matches!(of(&messages).unwrap().contents, Contents::Messages { .. }));
    assert!(matches!(of(&latest).unwrap().contents, Contents::Latest { size: 8, .. }));
    assert!(matches!(of(&damaged), Err(Error::Incompatible { .. })), "{:?}", of(&damaged));
}

/// A name that a creator gave to what was not whole when it was killed.
#[test]
fn what_a_creator_left_is_not_listed() {
    let name = Name::new("list-whole");
    Ring::<u64>::create(name.as_str(), &Options::new()).unwrap();
    let temporary = format!(".shm-ring-{:016x}.tmp", std::process::id());
    let copy = name.path().with_file_name(&temporary);
    std::fs::copy(name.path(), &copy).unwrap();
    let all = shm_ring::list(&Options::new());
    std::fs::remove_file(copy).unwrap();
    let all = all.unwrap();
    assert!(all.iter().any(|listed| name.as_str().ends_with(&listed.name)));
    assert!(!all.iter().any(|listed| listed.name == temporary));
}

/// 1,000 rings of a process must not cost 1,000 looks at its descriptors: what it opens after it was looked at is not
/// known to be open.
#[test]
fn a_process_is_looked_at_once_for_all_its_rings() {
    let create = || Ring::<u64>::create(Region::memfd("listed"), &Options::new()).unwrap();
    let first = create();
    let _tx = first.producer().unwrap();
    let mut later = None;
    let regions = (0..2).map(|n| {
        let fd = if n == 0 {
            first.descriptor().try_clone_to_owned()
        } else {
            let ring = create();
            let fd = ring.descriptor().try_clone_to_owned();
            later = Some((ring.producer().unwrap(), ring));
            fd
        };
        Region::descriptor(fd.unwrap())
    });
    let seen = Watch::new(&Options::new()).look(regions);
    let command = |n: usize| seen[n].as_ref().unwrap().producer.command.clone();
    assert!(command(0).is_some());
    assert_eq!(command(1), None, "the process was looked at again");
    let fd = later.as_ref().unwrap().1.descriptor().try_clone_to_owned().unwrap();
    let alone = Observer::open(Region::descriptor(fd)).unwrap().snapshot();
    assert!(alone.producer.command.is_some());
}

/// The files that this process has mapped, a line each time.
fn mapped(name: &Name) -> usize {
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
    maps.lines().filter(|line| line.contains(name.path().to_str().unwrap())).count()
}

#[test]
fn a_watch_keeps_what_it_has_seen_until_it_is_not_asked_for() {
    let (one, other) = (Name::new("watch-one"), Name::new("watch-other"));
    for name in [&one, &other] {
        Ring::<u64>::create(name.as_str(), &Options::new()).unwrap();
    }
    let mut watch = Watch::new(&Options::new());
    let mut look = |names: &[&Name]| {
        let seen = watch.look(names.iter().map(|name| name.as_str()));
        assert!(seen.iter().all(Result::is_ok), "{seen:?}");
    };
    look(&[&one, &other]);
    let kept = mapped(&one);
    assert!(kept > 0 && mapped(&other) > 0);
    look(&[&one]);
    assert_eq!((mapped(&one), mapped(&other)), (kept, 0));
    // As often as one likes in one look.
    look(&[&one, &one]);
    assert_eq!(mapped(&one), kept);
    drop(watch);
    assert_eq!(mapped(&one), 0);
}

#[test]
fn a_watch_sees_what_a_name_leads_to_now() {
    let name = Name::new("watch-now");
    let mut watch = Watch::new(&Options::new());
    let mut look = || watch.look([name.as_str()]).remove(0);
    assert!(matches!(look(), Err(Error::NotFound { .. })));
    let first = Ring::<u64>::create(name.as_str(), &Options::new()).unwrap();
    assert_eq!(look().unwrap().id, first.id());
    let mut tx = first.producer().unwrap();
    tx.push(7).unwrap();
    let seen = look().unwrap();
    let command = std::fs::read_to_string("/proc/self/comm").unwrap();
    assert_eq!(
        (seen.unread_records(), seen.producer.command.as_deref()),
        (Some(1), Some(command.trim_end()))
    );
    // Made anew while the first is in use.
    Region::named(name.as_str()).unlink().unwrap();
    assert!(matches!(look(), Err(Error::NotFound { .. })));
    let second = Ring::<u64>::create(name.as_str(), &Options::new()).unwrap();
    assert_eq!(look().unwrap().id, second.id());
    // Not to be trusted any more, as one that opens it finds.
    let open_to_all = std::os::unix::fs::PermissionsExt::from_mode(0o666);
    std::fs::set_permissions(name.path(), open_to_all).unwrap();
    assert!(matches!(look(), Err(Error::TooPermissive { .. })));
    let ours = std::os::unix::fs::PermissionsExt::from_mode(0o600);
    std::fs::set_permissions(name.path(), ours).unwrap();
    assert!(look().is_ok());
    // Cut: nothing behind the end is touched.
    std::fs::File::options().write(true).open(name.path()).unwrap().set_len(0).unwrap();
    assert!(matches!(look(), Err(Error::WrongLength { .. })));
}

/// A session that ends and another that begins are those of other holders.
#[test]
fn a_watch_follows_sessions() {
    let name = Name::new("watch-sessions");
    let ring = Ring::<u64>::create(name.as_str(), &Options::new()).unwrap();
    let mut watch = Watch::new(&Options::new());
    let mut producer = || watch.look([name.as_str()]).remove(0).unwrap().producer;
    for round in 0..3 {
        let tx = ring.producer().unwrap();
        for _ in 0..2 {
            let seen = producer();
            assert!(matches!(seen.peer, Peer::Alive { session, .. } if session == 2 * round + 1));
            assert!(seen.command.is_some());
        }
        drop(tx);
        let seen = producer();
        assert!(matches!(seen.peer, Peer::Closed { .. }) && seen.command.is_none(), "{seen:?}");
    }
}
