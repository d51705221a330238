//! Finding rings: what `list` shows of /dev/shm, and looking at many rings at once.

use shm_ring::{Contents, Error, Latest, Listed, MessageRing, Observer, Options, Region, Ring};

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
    let seen = Observer::snapshots(regions, &Options::new());
    let command = |n: usize| seen[n].as_ref().unwrap().producer.command.clone();
    assert!(command(0).is_some());
    assert_eq!(command(1), None, "the process was looked at again");
    let fd = later.as_ref().unwrap().1.descriptor().try_clone_to_owned().unwrap();
    let alone = Observer::open(Region::descriptor(fd)).unwrap().snapshot();
    assert!(alone.producer.command.is_some());
}
