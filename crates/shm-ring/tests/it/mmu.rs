//! Law one by the memory management unit: each side can write what it owns and nothing else. A wild
//! store to the rest ends the process that makes it.

use std::os::unix::process::ExitStatusExt;

use shm_ring::{Options, Region, Ring};
use shm_ring_outsider::{consumer, data, page, producer};

use crate::harness::{Child, Home};
use crate::system;

const CAPACITY: u64 = 8192;

/// Where the pages of the region with this label are mapped: offset in the region, address, and
/// whether it can be written.
fn mapped(label: &str) -> Vec<(u64, usize, bool)> {
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
    let hex = |text: &str| u64::from_str_radix(text, 16).unwrap();
    let mut pages = Vec::new();
    for line in maps.lines().filter(|line| line.contains(label)) {
        let words: Vec<_> = line.split_whitespace().collect();
        let (start, end) = words[0].split_once('-').unwrap();
        for at in (0..hex(end) - hex(start)).step_by(page() as usize) {
            let writable = words[1].contains('w');
            assert!(words[1].starts_with('r') && words[1].ends_with('s'), "{line}");
            assert!(!words[1].contains('x'), "{line}");
            pages.push((hex(words[2]) + at, (hex(start) + at) as usize, writable));
        }
    }
    pages.sort_unstable();
    pages
}

/// Every page of the region in order, as a side must have it: the data twice.
fn expected(is_producer: bool) -> Vec<(u64, bool)> {
    let mut pages = vec![(0, false), (producer(), is_producer), (consumer(), !is_producer)];
    for at in (0..CAPACITY).step_by(page() as usize) {
        pages.extend([(data() + at, is_producer); 2]);
    }
    pages
}

#[test]
fn each_side_maps_what_the_other_owns_read_only() {
    for is_producer in [true, false] {
        let label = format!("shm-ring-law-one-{is_producer}");
        let options = Options::new().bytes(CAPACITY as usize);
        let ring = Ring::<u64>::create(Region::memfd(label.as_str()), &options).unwrap();
        assert_eq!(mapped(&label), [], "a handle maps nothing");
        let ends = match is_producer {
            true => (Some(ring.producer().unwrap()), None),
            false => (None, Some(ring.consumer().unwrap())),
        };
        let found: Vec<_> =
            mapped(&label).iter().map(|(offset, _, writable)| (*offset, *writable)).collect();
        assert_eq!(found, expected(is_producer));
        drop(ends);
        assert_eq!(mapped(&label), [], "everything is unmapped");
    }
}

/// Job: takes a role and stores a byte through one of the pages that it maps.
pub(crate) fn poke(mut home: Home) {
    const LABEL: &str = "shm-ring-poked";
    let options = Options::new().bytes(CAPACITY as usize);
    let ring = Ring::<u64>::create(Region::memfd(LABEL), &options).unwrap();
    let ends = match home.argument(0) {
        "producer" => (Some(ring.producer().unwrap()), None),
        _ => (None, Some(ring.consumer().unwrap())),
    };
    // The middle of the page, where no word of the protocol stands.
    let address = mapped(LABEL)[home.number(1) as usize].1 + 2048;
    home.say("storing");
    system::store(address, 1);
    home.say("stored");
    drop(ends);
}

#[test]
fn a_wild_store_ends_the_process_that_makes_it() {
    for role in ["producer", "consumer"] {
        for (index, (offset, writable)) in expected(role == "producer").into_iter().enumerate() {
            let mut child = Child::spawn("poke", &[role, &index.to_string()]);
            child.expect("storing");
            if writable {
                child.expect("stored");
                child.finish();
            } else {
                assert_eq!(child.hear_or_end(), None, "{role} wrote at {offset:#x}");
                assert_eq!(child.status().signal(), Some(libc::SIGSEGV), "{role} at {offset:#x}");
            }
        }
    }
}
