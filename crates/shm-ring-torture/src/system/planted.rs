//! What somebody may have planted under a name: everything but a regular file of ours with one name
//! and the mode that was asked for is refused untouched, and the error says what it is. It must not
//! know what is in a ring.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, FileType, Mode, makedev, mknodat};
use shm_ring::{Error, Options, Region, Ring};

use super::case::{Case, Scene, Seen, Stop, case, ensure, or_skip, root, want};
use super::process::fork;

pub(crate) const CASES: &[Case] = &[
    case("planted/symbolic link to a good ring of ours", link_to_ring),
    case("planted/dangling symbolic link", dangling),
    case("planted/FIFO", |scene| node(scene, FileType::Fifo, "a FIFO")),
    case("planted/socket", socket),
    case("planted/device", device).special(),
    case("planted/directory", directory),
    case("planted/second name", second_name),
    case("planted/file of another user", other_owner).special(),
    case("planted/ring made by another user", made_by_another).special(),
    case("planted/mode that lets others write", wider_mode),
    case("planted/file that is no ring", no_ring),
];

/// Where something is planted: under /dev/shm and in a directory.
fn places(scene: &Scene) -> [PathBuf; 2] {
    [scene.shm("planted"), scene.file("planted")]
}

/// The region there, named where it has a name.
fn region(path: &Path) -> Region {
    match path.strip_prefix("/dev/shm") {
        Ok(name) => Region::named(name.to_string_lossy()),
        Err(_) => Region::file(path),
    }
}

/// Opening what stands there, both ways, and creating over it. The errors of the first two.
fn tried(path: &Path) -> Result<[Error; 2], Stop> {
    let created = Ring::<u64>::create(region(path), &Options::new());
    want!(created, Err(Error::AlreadyExists { .. }), "created over it");
    let refused = |answer: Result<Ring<u64>, Error>| match answer {
        Err(error) => Ok(error),
        Ok(_) => Err(Stop::Violated(format!("{} was opened", path.display()))),
    };
    Ok([
        refused(Ring::open(region(path)))?,
        refused(Ring::open_or_create(region(path), &Options::new()))?,
    ])
}

/// Plants something in both places; all ways to it must say that it is `kind`.
fn not_regular(scene: &Scene, kind: &str, plant: impl Fn(&Path) -> Result<(), Stop>) -> Seen {
    let mut last = String::new();
    for path in places(scene) {
        plant(&path)?;
        let before = fs::symlink_metadata(&path)?;
        for error in tried(&path)? {
            let text = error.to_string();
            want!(error, Error::NotRegular { found, .. } if *found == kind, "{}", path.display());
            ensure!(text.contains(kind), "the error does not say what it is: {text}");
            last = text;
        }
        let after = fs::symlink_metadata(&path)?;
        let untouched = (before.ino(), before.mode()) == (after.ino(), after.mode());
        ensure!(untouched, "{} was touched", path.display());
    }
    Ok(last)
}

fn link_to_ring(scene: &Scene) -> Seen {
    let target = scene.shm("target");
    let ring = Ring::<u64>::create(scene.name("target"), &Options::new())?;
    let seen = not_regular(scene, "a symbolic link", |path| Ok(symlink(&target, path)?))?;
    ring.producer()?;
    Ok(seen)
}

fn dangling(scene: &Scene) -> Seen {
    let target = scene.file("nothing");
    let seen = not_regular(scene, "a symbolic link", |path| Ok(symlink(&target, path)?))?;
    ensure!(!target.exists(), "a file was made through the link");
    Ok(seen)
}

/// A FIFO must not keep who opens it waiting: the time limit of the case says.
fn node(scene: &Scene, kind: FileType, shown: &str) -> Seen {
    not_regular(scene, shown, |path| {
        Ok(mknodat(CWD, path, kind, Mode::RUSR | Mode::WUSR, makedev(1, 3))?)
    })
}

fn device(scene: &Scene) -> Seen {
    root("a device node")?;
    let try_it = mknodat(
        CWD,
        scene.file("try"),
        FileType::CharacterDevice,
        Mode::RUSR | Mode::WUSR,
        makedev(1, 3),
    );
    or_skip(try_it, "mknod")?;
    node(scene, FileType::CharacterDevice, "a device")
}

fn socket(scene: &Scene) -> Seen {
    not_regular(scene, "a socket", |path| Ok(UnixListener::bind(path).map(drop)?))
}

fn directory(scene: &Scene) -> Seen {
    not_regular(scene, "a directory", |path| Ok(fs::create_dir(path)?))
}

fn second_name(scene: &Scene) -> Seen {
    let mut last = String::new();
    for path in places(scene) {
        Ring::<u64>::create(region(&path), &Options::new())?;
        let other = path.with_extension("other");
        fs::hard_link(&path, &other)?;
        for path in [&path, &other] {
            for error in tried(path)? {
                last = error.to_string();
                want!(error, Error::HardLinked { found: 2, .. }, "{}", path.display());
            }
        }
        fs::remove_file(&other)?;
        Ring::<u64>::open(region(&path))?;
    }
    Ok(last)
}

/// Whoever a ring of `uid` is refused to: opened only if it is asked for.
fn refused_for_owner(scene: &Scene, uid: u32) -> Seen {
    let mut last = String::new();
    let us = rustix::process::geteuid().as_raw();
    for path in places(scene) {
        for error in tried(&path)? {
            last = error.to_string();
            let expected = matches!(error, Error::ForeignOwner { found, wanted, .. } if (found, wanted) == (uid, us));
            ensure!(expected && last.contains(&uid.to_string()), "{}: {last}", path.display());
        }
        let asked_for = Options::new().any_owner().mode(0o666);
        Ring::<u64>::open_with(region(&path), &asked_for)?.producer()?;
    }
    Ok(last)
}

const NOBODY: u32 = 65534;

fn other_owner(scene: &Scene) -> Seen {
    root("a file of another user")?;
    for path in places(scene) {
        Ring::<u64>::create(region(&path), &Options::new())?;
        or_skip(chown(&path, Some(NOBODY), Some(NOBODY)), "chown")?;
    }
    refused_for_owner(scene, NOBODY)
}

/// The attacker's own ring, before ours is there.
fn made_by_another(scene: &Scene) -> Seen {
    root("another user")?;
    fs::set_permissions(scene.directory(), fs::Permissions::from_mode(0o777))?;
    let attacker = fork(|_| {
        let nobody = nix::unistd::Uid::from_raw(NOBODY);
        or_skip(nix::unistd::setresuid(nobody, nobody, nobody), "setresuid")?;
        for path in places(scene) {
            Ring::<u64>::create(region(&path), &Options::new().mode(0o666))?;
        }
        Ok(())
    })?;
    attacker.finish()?;
    refused_for_owner(scene, NOBODY)
}

fn wider_mode(scene: &Scene) -> Seen {
    let (mut refused, mut opened) = (0, 0);
    for path in places(scene) {
        Ring::<u64>::create(region(&path), &Options::new())?;
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
            fs::set_permissions(&path, fs::Permissions::from_mode(mode))?;
            match Ring::<u64>::open_with(region(&path), &Options::new().mode(agreed)) {
                Ok(_) => {
                    ensure!(fine, "mode {mode:o} was opened where {agreed:o} was agreed to");
                    opened += 1;
                }
                Err(error) => {
                    let text = error.to_string();
                    want!(
                        error,
                        Error::TooPermissive { found, allowed, .. }
                            if !fine && (*found, *allowed) == (mode, agreed),
                        "mode {mode:o} where {agreed:o} was agreed to"
                    );
                    let both = [mode, agreed].map(|mode| text.contains(&format!("{mode:04o}")));
                    ensure!(both == [true; 2], "the error does not name both: {text}");
                    refused += 1;
                }
            }
        }
    }
    Ok(format!("{refused} refused, {opened} within what was agreed to opened"))
}

fn no_ring(scene: &Scene) -> Seen {
    for path in places(scene) {
        fs::write(&path, vec![0; 65536])?;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600))?;
        for error in tried(&path)? {
            want!(error, Error::NotARing { .. }, "64 KiB of zeros");
        }
        fs::write(&path, b"")?;
        for error in tried(&path)? {
            want!(error, Error::WrongLength { .. }, "an empty file");
        }
        ensure!(fs::read(&path)?.is_empty(), "the file was written");
    }
    Ok("zeros: NotARing; empty: Length; both untouched".to_owned())
}
