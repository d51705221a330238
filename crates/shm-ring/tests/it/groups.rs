//! A region that two users share by a group: who may give it to the group, and what each side says.

use std::os::unix::fs::MetadataExt;
use std::path::Path;

use shm_ring::{Consumer, Error, Latest, MessageRing, Options, Producer, Region, Ring};

use crate::harness::{Child, Dir, Home, Name, root_or_skip};
use crate::system;

/// A group that nobody is in, and two users.
const GROUP: u32 = 54_321;
const USERS: [u32; 2] = [65_533, 65_534];

fn shared() -> Options {
    Options::new().bytes(4096).group(GROUP).mode(0o660).any_owner()
}

/// Job: as a user, in the group or not, opens or creates the ring and becomes one of its ends.
pub(crate) fn share(mut home: Home) {
    let (user, name) = (home.number(0) as u32, home.argument(1).to_owned());
    let groups: &[u32] = if home.argument(2) == "member" { &[GROUP] } else { &[] };
    system::become_user_in(user, groups);
    let answer = match home.argument(3) {
        "producer" => Producer::<u64>::open_or_create(name.as_str(), &shared()).map(|mut tx| {
            tx.push(7).unwrap();
            "pushed 7".to_owned()
        }),
        _ => Consumer::<u64>::open_or_create(name.as_str(), &shared())
            .map(|mut rx| format!("popped {}", rx.pop().unwrap())),
    };
    home.say(&answer.unwrap_or_else(|error| error.to_string().replace('\n', " ")));
    home.stay();
}

#[test]
fn two_users_share_a_ring_by_a_group_that_is_not_their_first() {
    if !root_or_skip("two users and a group") {
        return;
    }
    for first in [0, 1] {
        let name = Name::new("group");
        let child = |user: u32, groups: &str, role: &str| {
            Child::spawn("share", &[&user.to_string(), name.as_str(), groups, role])
        };
        let (one, other) = (USERS[first], USERS[1 - first]);
        let mut producer = child(one, "member", "producer");
        producer.expect("pushed 7");
        let found = name.path().metadata().unwrap();
        assert_eq!((found.uid(), found.gid(), found.mode() & 0o7777), (one, GROUP, 0o660));
        // Of neither: the kernel lets nobody in.
        let said = child(other, "stranger", "consumer").hear();
        assert!(said.contains("Permission denied") && said.contains("its mode"), "{said}");
        let mut consumer = child(other, "member", "consumer");
        consumer.expect("popped 7");
    }
}

#[test]
fn who_is_not_in_the_group_cannot_give_it_a_region() {
    if !root_or_skip("a user outside a group") {
        return;
    }
    let name = Name::new("no-group");
    let user = USERS[0].to_string();
    let said = Child::spawn("share", &[&user, name.as_str(), "stranger", "producer"]).hear();
    assert!(said.contains("fchown") && said.contains("member of a group"), "{said}");
    assert!(!name.path().exists());
}

#[test]
fn a_region_has_its_group_and_mode_before_its_name() {
    if !root_or_skip("giving files to groups") {
        return;
    }
    let dir = Dir::new("groups");
    let found = |path: &Path| {
        let stat = path.metadata().unwrap();
        (stat.gid(), stat.mode() & 0o7777)
    };
    for mode in [0o600, 0o660, 0o666] {
        let path = dir.join(&format!("ring-{mode:o}"));
        let region = || Region::file(&path);
        let options = shared().mode(mode);
        drop(Ring::<u64>::create(region(), &options).unwrap());
        assert_eq!(found(&path), (GROUP, mode));
        drop(
            MessageRing::replace_if_unused(region(), &shared().group(GROUP + 1).mode(mode))
                .unwrap(),
        );
        assert_eq!(found(&path), (GROUP + 1, mode));
        drop(Latest::<u64>::replace_if_unused(region(), &Options::new().mode(mode)).unwrap());
        assert_eq!(found(&path), (0, mode), "nobody asked for a group");
    }
    // The number that stands for none.
    let refused = Ring::<u64>::create(dir.join("none"), &shared().group(u32::MAX));
    assert!(matches!(refused, Err(Error::InvalidOptions { .. })), "{refused:?}");
    assert!(!dir.join("none").exists());
}
