//! What the rings of this machine say: who records them or passes them on, and whose consumer died and left records unread.

use shm_ring::{Peer, Snapshot};
use shm_ring_console::doctor::{Finding, note, ok};
use shm_ring_console::terminal::shown;

use crate::cli::Trust;
use crate::finding;
use crate::recording::{RECORDER, TAP};
use crate::rings;
use crate::target::Target;
use crate::units;

/// How the bridge calls its process.
const BRIDGE: &str = "shm-ring-bridge";

pub(super) fn all() -> Vec<Finding> {
    let trust = Trust { any_owner: false };
    let found = finding::named(trust).unwrap_or_default().into_iter();
    let rings: Vec<_> = found.filter_map(|ring| Some((ring.name, ring.ring.ok()?))).collect();
    let mut findings = vec![recorders(&rings)];
    findings.extend(rings.iter().filter_map(|(name, ring)| left(name, ring)));
    findings
}

/// Those that record rings or pass them on, now.
fn recorders(rings: &[(Target, Snapshot)]) -> Finding {
    let is_one = |command: &str| {
        [RECORDER, TAP].iter().any(|name| name.to_bytes() == command.as_bytes())
            || command == BRIDGE
    };
    let mut working = Vec::new();
    for (name, ring) in rings {
        for side in [&ring.consumer, &ring.producer] {
            if side.command.as_deref().is_some_and(is_one) {
                working.push(format!("{} ({})", shown(&name.to_string()), rings::side(side)));
            }
        }
    }
    match working.is_empty() {
        true => ok("recorders, bridges", "none at work"),
        false => ok("recorders, bridges", working.join(", ")),
    }
}

/// A ring whose consumer died before it had read everything. Nobody knows which program it was: a dead process has no name.
fn left(name: &Target, ring: &Snapshot) -> Option<Finding> {
    let Peer::Dead { pid, .. } = ring.consumer.peer else { return None };
    let unread = ring.unread_bytes();
    if unread == 0 {
        return None;
    }
    let pid = pid.map_or(String::new(), |pid| format!(" {pid}"));
    let name = shown(&name.to_string());
    let found = format!(
        "{name}: its consumer, process{pid}, died at position {} with {} unread",
        ring.head,
        units::size(unread)
    );
    let advice = format!(
        "start it again. A recorder: `shm-ring record {name} -o FILE` goes on where FILE ends; a bridge: `shm-ring-bridge source \
         {name}`; a reader: `shm-ring recv {name}`"
    );
    Some(note("a dead consumer", found, advice))
}

#[cfg(test)]
mod tests {
    use shm_ring::{Observer, Options, Region, Ring};
    use shm_ring_console::doctor::State;

    use super::*;

    fn ring(label: &str) -> (Ring<u64>, Observer) {
        let ring = Ring::create(Region::memfd("doctor"), &Options::new().label(label)).unwrap();
        let fd = ring.descriptor().try_clone_to_owned().unwrap();
        (ring, Observer::open(Region::descriptor(fd)).unwrap())
    }

    #[test]
    fn a_dead_consumer_is_found_if_it_left_something() {
        let (ring, observer) = ring("");
        let name = Target::Name("ticks".to_owned());
        let mut tx = ring.producer().unwrap();
        let rx = ring.consumer().unwrap();
        tx.push_slice(&[1, 2]).unwrap();
        assert_eq!(left(&name, &observer.snapshot()), None, "it lives");
        let dies = std::thread::spawn(move || {
            let _rx = rx;
            // An end that is dropped by a panic is that of a death.
            std::panic::resume_unwind(Box::new(()));
        });
        assert!(dies.join().is_err());
        let found = left(&name, &observer.snapshot()).expect("it died");
        assert_eq!(found.state, State::Note);
        assert!(found.found.contains("ticks: its consumer"), "{found:?}");
        assert!(found.found.contains("position 0 with 16 B unread"), "{found:?}");
        assert!(found.advice.unwrap().contains("shm-ring record ticks -o FILE"));
        ring.consumer().unwrap().skip_unread().unwrap();
        assert_eq!(left(&name, &observer.snapshot()), None, "somebody read it");
    }

    #[test]
    fn recorders_are_known_by_the_names_of_their_processes() {
        let (ring, observer) = ring("");
        let (_tx, _rx) = (ring.producer().unwrap(), ring.consumer().unwrap());
        let mut snapshot = observer.snapshot();
        let name = Target::Name("ticks".to_owned());
        for command in ["shm-ring-record", "shm-ring-bridge"] {
            snapshot.consumer.command = Some(command.to_owned());
            let found = recorders(&[(name.clone(), snapshot.clone())]).found;
            assert!(found.starts_with(&format!("ticks ({command} ")), "{found}");
        }
        snapshot.consumer.command = Some("shm-ring".to_owned());
        assert_eq!(recorders(&[(name, snapshot)]).found, "none at work");
    }
}
