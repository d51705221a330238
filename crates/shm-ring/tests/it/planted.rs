//! What may stand under a name: only a regular file of ours with one name and the mode that was
//! asked for. Links, pipes, devices, other people's files are refused untouched. And what we create
//! has exactly the mode that was asked for, whatever the umask.

use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::os::unix::net::UnixListener;
use std::path::Path;

use rustix::fs::{CWD, FileType, Mode, makedev, mknodat};
use shm_ring::{Error, Options, Region, Ring};

use crate::harness::{Child, Dir, Home, Name, SOON, root_or_skip, within};

fn ring_at(path: &Path) {
    drop(Ring::<u64>::create(Region::file(path), &Options::new()).unwrap());
}

/// Opening, creating and opening-or-creating `path`, each of which must return soon.
fn opened(path: &Path) -> [Result<Ring<u64>, Error>; 2] {
    let path = path.to_owned();
    within(SOON, "opening what was planted", move || {
        [
            Ring::<u64>::open(Region::file(&path)),
            Ring::<u64>::open_or_create(Region::file(&path), &Options::new()),
        ]
    })
}

#[track_caller]
fn assert_not_regular(path: &Path, expected: &str) {
    for answer in opened(path) {
        match answer {
            Err(Error::NotRegular { found, .. }) => assert_eq!(found, expected),
            other => panic!("{other:?}"),
        }
    }
    let created = Ring::<u64>::create(Region::file(path), &Options::new());
    assert!(matches!(created, Err(Error::AlreadyExists { .. })), "{created:?}");
}

#[test]
fn links_and_pipes_and_devices_are_refused() {
    let dir = Dir::new("planted");
    ring_at(&dir.join("ring"));
    let path = dir.join("link");
    symlink(dir.join("ring"), &path).unwrap();
    assert_not_regular(&path, "a symbolic link");
    let path = dir.join("dangling");
    symlink(dir.join("nothing"), &path).unwrap();
    assert_not_regular(&path, "a symbolic link");
    assert!(!dir.join("nothing").exists(), "nothing was created through the link");
    let path = dir.join("directory");
    std::fs::create_dir(&path).unwrap();
    assert_not_regular(&path, "a directory");
    let path = dir.join("fifo");
    mknodat(CWD, &path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
    assert_not_regular(&path, "a FIFO");
    let path = dir.join("socket");
    let _listener = UnixListener::bind(&path).unwrap();
    assert_not_regular(&path, "a socket");
    if root_or_skip("a planted device") {
        let path = dir.join("device");
        let null = makedev(1, 3);
        mknodat(CWD, &path, FileType::CharacterDevice, Mode::RUSR | Mode::WUSR, null).unwrap();
        assert_not_regular(&path, "a device");
    }
    // The same under /dev/shm.
    let (name, target) = (Name::new("planted-link"), Name::new("target"));
    drop(Ring::<u64>::create(target.as_str(), &Options::new()).unwrap());
    symlink(target.path(), name.path()).unwrap();
    let opened = Ring::<u64>::open(name.as_str());
    assert!(matches!(opened, Err(Error::NotRegular { found: "a symbolic link", .. })));
    let created = Ring::<u64>::create(name.as_str(), &Options::new());
    assert!(matches!(created, Err(Error::AlreadyExists { .. })), "{created:?}");
}

#[test]
fn a_ring_with_a_second_name_is_refused() {
    let dir = Dir::new("hard-link");
    let (ring, other) = (dir.join("ring"), dir.join("other"));
    ring_at(&ring);
    std::fs::hard_link(&ring, &other).unwrap();
    for path in [&ring, &other] {
        for answer in opened(path) {
            assert!(matches!(answer, Err(Error::HardLinked { found: 2, .. })), "{answer:?}");
        }
    }
    std::fs::remove_file(&other).unwrap();
    Ring::<u64>::open(Region::file(&ring)).unwrap();
}

#[test]
fn a_ring_of_another_user_is_refused_unless_asked_for() {
    if !root_or_skip("a ring of another user") {
        return;
    }
    let dir = Dir::new("owner");
    let path = dir.join("ring");
    ring_at(&path);
    std::os::unix::fs::chown(&path, Some(65534), Some(65534)).unwrap();
    for answer in opened(&path) {
        let error = answer.unwrap_err();
        assert!(error.to_string().contains("65534"), "{error}");
        assert!(matches!(error, Error::ForeignOwner { found: 65534, wanted: 0, .. }));
    }
    let options = Options::new().any_owner();
    Ring::<u64>::open_with(Region::file(&path), &options).unwrap().producer().unwrap();
}

#[test]
fn a_ring_that_more_people_may_write_than_agreed_is_refused() {
    let dir = Dir::new("mode");
    let path = dir.join("ring");
    ring_at(&path);
    for (mode, agreed, fine) in [
        (0o600, 0o600, true),
        (0o644, 0o600, true),
        (0o620, 0o600, false),
        (0o602, 0o600, false),
        (0o666, 0o600, false),
        (0o666, 0o660, false),
        (0o660, 0o660, true),
        (0o666, 0o666, true),
    ] {
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        let opened = Ring::<u64>::open_with(Region::file(&path), &Options::new().mode(agreed));
        match opened {
            Ok(_) => assert!(fine, "{mode:o} for {agreed:o}"),
            Err(Error::TooPermissive { found, allowed, .. }) => {
                assert!(!fine && (found, allowed) == (mode, agreed), "{mode:o} for {agreed:o}");
            }
            Err(error) => panic!("{error}"),
        }
    }
}

/// Job: creates rings under a umask.
pub(crate) fn create_under_umask(home: Home) {
    rustix::process::umask(Mode::from_raw_mode(home.number(0) as u32));
    let options = Options::new().mode(home.number(1) as u32);
    Ring::<u64>::create(Region::file(home.argument(2)), &options).unwrap();
    Ring::<u64>::create(home.argument(3), &options).unwrap();
}

#[test]
fn the_umask_has_no_say() {
    let dir = Dir::new("umask");
    for umask in [0, 0o022, 0o777] {
        for mode in [0o600, 0o640, 0o666, 0o777] {
            let (path, name) = (dir.join(&format!("{umask:o}-{mode:o}")), Name::new("umask"));
            let (umask, shown) = (umask.to_string(), mode.to_string());
            let arguments = [&umask, &shown, path.to_str().unwrap(), name.as_str()];
            Child::spawn("create-under-umask", &arguments).finish();
            for path in [path, name.path()] {
                let found = path.metadata().unwrap().mode() & 0o7777;
                assert_eq!(found, mode, "{} has mode {found:o}", path.display());
            }
        }
    }
}

#[test]
fn names_that_cannot_be_names_are_refused() {
    let long = "x".repeat(256);
    let options = Options::new;
    for name in ["", "/", ".", "..", "/..", "a/b", "/a/b", "//a", "a\0b", "a/", &long] {
        for answer in [
            Ring::<u64>::create(name, &options()),
            Ring::<u64>::open(name),
            Ring::<u64>::open_or_create(name, &options()),
        ] {
            assert!(matches!(answer, Err(Error::InvalidName { .. })), "{name:?}: {answer:?}");
        }
        let unlinked = Region::named(name).unlink();
        assert!(matches!(unlinked, Err(Error::InvalidName { .. })), "{name:?}: {unlinked:?}");
    }
    let dir = Dir::new("names");
    for path in [Path::new(""), Path::new("/"), Path::new(".."), &dir.join(".."), &dir.join(&long)]
    {
        let answer = Ring::<u64>::create(Region::file(path), &options());
        assert!(matches!(answer, Err(Error::InvalidName { .. })), "{path:?}: {answer:?}");
    }
    assert!(Ring::<u64>::create(Region::file(dir.join("no/such")), &options()).is_err());
    assert!(Ring::<u64>::create(Region::file(dir.join("a\0b/c")), &options()).is_err());
    assert_eq!(dir.names(), Vec::<String>::new());
    // The longest name is one, with a slash and without; both mean the same.
    let (name, padding) = (Name::new("long"), "y".repeat(150));
    let long = format!("{}-{padding}", name.as_str());
    let ring = Ring::<u64>::create(long.as_str(), &options().unlink_on_drop()).unwrap();
    assert_eq!(Ring::<u64>::open(&long[1..]).unwrap().id(), ring.id());
}

#[test]
fn nothing_is_not_found_and_something_exists_already() {
    let (name, dir) = (Name::new("exists"), Dir::new("exists"));
    let path = dir.join("ring");
    let regions = || [Region::named(name.as_str()), Region::file(&path)];
    for region in regions() {
        assert!(matches!(region.unlink(), Err(Error::NotFound { .. })));
        let error = Ring::<u64>::open(region).unwrap_err();
        assert!(matches!(error, Error::NotFound { .. }), "{error}");
        assert_eq!(std::io::Error::from(error).kind(), std::io::ErrorKind::NotFound);
    }
    let rings = regions().map(|region| Ring::<u64>::create(region, &Options::new()).unwrap());
    for (region, ring) in regions().into_iter().zip(&rings) {
        let error = Ring::<u64>::create(region, &Options::new()).unwrap_err();
        assert!(matches!(error, Error::AlreadyExists { .. }), "{error}");
        assert_eq!(std::io::Error::from(error).kind(), std::io::ErrorKind::AlreadyExists);
        ring.producer().unwrap();
    }
    assert_eq!(dir.names(), ["ring"]);
}
