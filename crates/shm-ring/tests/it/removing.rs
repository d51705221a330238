//! What keeps a name from being removed or replaced, each by itself, and what each refusal says to do.

use shm_ring::{Error, Latest, MessageRing, Options, Property, Region, Ring};
use shm_ring_outsider::{POSITION, consumer, producer};

use crate::bytes::Bytes;
use crate::harness::{Dir, Name};

fn small() -> Options {
    Options::new().bytes(4096)
}

/// Removing and replacing what `name` leads to.
fn both(name: &Name) -> [Result<(), Error>; 2] {
    [
        Region::named(name.as_str()).unlink_unused(&Options::new()),
        Ring::<u64>::replace_if_unused(name.as_str(), &small()).map(drop),
    ]
}

#[test]
fn nothing_goes_while_a_role_is_held() {
    let name = Name::new("held");
    let ring = Ring::<u64>::create(name.as_str(), &small()).unwrap();
    let id = ring.id();
    let (tx, rx) = (ring.producer().unwrap(), ring.consumer().unwrap());
    let stays = |why: &str| {
        for answer in both(&name) {
            assert!(matches!(answer, Err(Error::RoleTaken { .. })), "{why}: {answer:?}");
        }
        assert_eq!(Ring::<u64>::open(name.as_str()).unwrap().id(), id, "{why}");
    };
    stays("both are there");
    drop(tx);
    stays("a consumer is there");
    drop(rx);
    let _tx = ring.producer().unwrap();
    stays("a producer is there");
    drop(_tx);
    for answer in both(&name) {
        // The first removes, and creators are others: there is nothing left to replace.
        assert!(matches!(answer, Ok(()) | Err(Error::NotFound { .. })), "{answer:?}");
    }
    assert!(!name.path().exists());
}

#[test]
fn nothing_goes_while_a_record_is_unread_unless_it_is_said() {
    let name = Name::new("unread");
    let ring = Ring::<u64>::create(name.as_str(), &small()).unwrap();
    ring.producer().unwrap().push_slice(&[1, 2, 3]).unwrap();
    assert_eq!(ring.consumer().unwrap().pop(), Ok(1));
    for answer in both(&name) {
        let error = answer.unwrap_err();
        let text = error.to_string();
        assert!(matches!(error, Error::Unread { bytes: 16, .. }), "{text}");
        assert!(text.contains("16 bytes") && text.contains("rm --unread"), "{text}");
        assert_eq!(std::io::Error::from(error).kind(), std::io::ErrorKind::ResourceBusy);
    }
    assert_eq!(ring.consumer().unwrap().pop_slice(&mut [0; 8]), Ok(2));
    Region::named(name.as_str()).unlink_unused(&Options::new()).unwrap();

    let ring = MessageRing::create(name.as_str(), &small()).unwrap();
    ring.producer().unwrap().push(b"unread").unwrap();
    assert!(
        both(&name).iter().all(|answer| matches!(answer, Err(Error::Unread { bytes: 16, .. })))
    );
    Region::named(name.as_str()).unlink_unused_and_discard(&Options::new()).unwrap();
    assert!(!name.path().exists() && ring.has_lost_its_name());
}

#[test]
fn a_ring_that_contradicts_itself_is_replaced_and_removed_only_if_it_is_said() {
    let name = Name::new("contradiction");
    for (tail, head) in [(0, 8), (8192, 0), (1 << 62, 0), (3, 0)] {
        let ring = Ring::<u64>::create(name.as_str(), &small()).unwrap();
        let bytes = Bytes::of(ring.descriptor());
        bytes.set(producer() + POSITION, tail);
        bytes.set(consumer() + POSITION, head);
        let removed = Region::named(name.as_str()).unlink_unused(&Options::new());
        let text = removed.as_ref().unwrap_err().to_string();
        let corrupt = matches!(removed, Err(Error::Corrupt { .. }));
        assert!(corrupt && text.contains("rm --unread"), "{tail}, {head}: {text}");
        let new = Ring::<u64>::replace_if_unused(name.as_str(), &small()).unwrap();
        assert!(new.id() != ring.id() && new.producer().is_ok(), "{tail}, {head}");
        Region::named(name.as_str()).unlink_unused_and_discard(&Options::new()).unwrap();
    }
}

#[test]
fn what_has_a_second_name_stays() {
    let (name, other) = (Name::new("linked"), Name::new("linked-too"));
    let ring = Ring::<u64>::create(name.as_str(), &small().unlink_on_drop()).unwrap();
    std::fs::hard_link(name.path(), other.path()).unwrap();
    for answer in both(&name) {
        assert!(matches!(answer, Err(Error::HardLinked { found: 2, .. })), "{answer:?}");
    }
    drop(ring);
    assert!(name.path().exists(), "the memory would stay, under the other name alone");
}

#[test]
fn only_a_name_that_leads_there_is_removed() {
    let (name, moved) = (Name::new("moved"), Name::new("moved-away"));
    let ring = Ring::<u64>::create(name.as_str(), &small().unlink_on_drop()).unwrap();
    std::fs::rename(name.path(), moved.path()).unwrap();
    let new = Ring::<u64>::create(name.as_str(), &small()).unwrap();
    drop(ring);
    assert_eq!(Ring::<u64>::open(name.as_str()).unwrap().id(), new.id());
    assert!(moved.path().exists(), "that name is another's");
}

#[test]
fn a_name_is_removed_and_asked_about_wherever_the_process_works() {
    let dir = Dir::new("relative");
    let here = std::env::current_dir().unwrap();
    // Relative to where other tests work too: no directory is changed in this process.
    let up = here.components().count() - 1;
    let path =
        std::path::Path::new(&"../".repeat(up)).join(dir.join("ring").strip_prefix("/").unwrap());
    let ring = Ring::<u64>::create(Region::file(&path), &small().unlink_on_drop()).unwrap();
    assert!(dir.join("ring").exists() && !ring.has_lost_its_name());
    drop(ring);
    assert_eq!(dir.names(), Vec::<String>::new());
}

#[test]
fn a_ring_is_replaced_by_one_of_another_kind_and_size() {
    let name = Name::new("replaced");
    let old = Ring::<u64>::create(name.as_str(), &small().label("v1")).unwrap();
    let wider = Options::new().bytes(8192).label("v2");
    let error = Ring::<u64>::open_or_create(name.as_str(), &wider).unwrap_err();
    assert!(matches!(error, Error::Incompatible { property: Property::Label, .. }));
    assert!(error.to_string().contains("replace_if_unused"), "{error}");
    let ring = Ring::<u64>::replace_if_unused(name.as_str(), &wider).unwrap();
    assert_eq!(ring.id(), Ring::<u64>::open_or_create(name.as_str(), &wider).unwrap().id());
    assert!(old.has_lost_its_name() && matches!(old.producer(), Err(Error::NameGone { .. })));
    let messages = MessageRing::replace_if_unused(name.as_str(), &small()).unwrap();
    let latest = Latest::<u64>::replace_if_unused(name.as_str(), &Options::new()).unwrap();
    assert!(ring.has_lost_its_name() && messages.has_lost_its_name());
    latest.writer().unwrap().write(7);
    // A value is no record: whoever replaces it says so by that.
    let options = Options::new().label("newer").unlink_on_drop();
    let newer = Latest::<u64>::replace_if_unused(name.as_str(), &options).unwrap();
    assert!(latest.has_lost_its_name());
    drop(newer);
    assert!(!name.path().exists(), "it was asked to");
    let nothing = Ring::<u64>::replace_if_unused(name.as_str(), &small());
    assert!(matches!(nothing, Err(Error::NotFound { .. })));
    let nameless = Ring::<u64>::replace_if_unused(Region::memfd("x"), &small());
    assert!(matches!(nameless, Err(Error::InvalidOptions { .. })), "{nameless:?}");
}

#[test]
fn what_is_refused_to_be_replaced_leaves_nothing_behind() {
    let dir = Dir::new("replace-refused");
    let path = dir.join("ring");
    let ring = Ring::<u64>::create(Region::file(&path), &small()).unwrap();
    let _tx = ring.producer().unwrap();
    let refused = Ring::<u64>::replace_if_unused(path.as_path(), &small());
    assert!(matches!(refused, Err(Error::RoleTaken { .. })), "{refused:?}");
    std::fs::write(dir.join("text"), "precious").unwrap();
    let refused = Ring::<u64>::replace_if_unused(dir.join("text"), &small().mode(0o666));
    assert!(
        matches!(refused, Err(Error::NotARing { .. } | Error::WrongLength { .. })),
        "{refused:?}"
    );
    assert_eq!(dir.names(), ["ring", "text"]);
}

#[test]
fn of_layout_1_nobody_knows_what_is_unread() {
    let name = Name::new("version-1");
    drop(Ring::<u64>::create(name.as_str(), &small()).unwrap());
    let file = std::fs::File::options().write(true).open(name.path()).unwrap();
    std::os::unix::fs::FileExt::write_all_at(&file, &[1], 8).unwrap();
    for answer in both(&name) {
        let error = answer.unwrap_err();
        let of_version = matches!(error, Error::Incompatible { property: Property::Version, .. });
        assert!(of_version && error.to_string().contains("unlink_unused_and_discard"), "{error}");
    }
    Region::named(name.as_str()).unlink_unused_and_discard(&Options::new()).unwrap();
    assert!(!name.path().exists());
}
