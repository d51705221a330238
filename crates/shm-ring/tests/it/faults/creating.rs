//! Creating, with and without unnamed files, where a system call is refused or the last: a whole ring or none, and
//! nothing left behind.

use std::cell::Cell;
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;

use rustix::fs::Mode;
use shm_ring::{Error, Options, Region, Ring};

use super::{forked, sized, three_laps};
use crate::alone::{alone, in_fork};
use crate::harness::{Dir, Name};
use crate::system::{self, Call};

/// All that any way to create a ring calls.
const CALLS: [libc::c_long; 11] = [
    libc::SYS_openat,
    libc::SYS_fstat,
    libc::SYS_fchmod,
    libc::SYS_ftruncate,
    libc::SYS_fallocate,
    libc::SYS_pwrite64,
    libc::SYS_linkat,
    libc::SYS_renameat2,
    libc::SYS_renameat,
    libc::SYS_unlinkat,
    libc::SYS_close,
];

fn region(is_file: bool, path: &Path, name: &Name) -> Region {
    if is_file { Region::file(path) } else { Region::named(name.as_str()) }
}

/// What is refused before, which makes creating go one way or the other.
fn go_by(way: &str) {
    if way.contains("temporary name") {
        system::refuse(&[Call::unnamed_file()], libc::EOPNOTSUPP);
    }
    if way.contains("link") {
        system::refuse(&[libc::SYS_renameat2], libc::EINVAL);
    }
    if way.contains("zeros") {
        system::refuse(&[libc::SYS_fallocate], libc::EOPNOTSUPP);
    }
}

#[test]
fn killed_at_any_call_a_creator_leaves_a_whole_ring_or_none() {
    alone(|| {
        let bytes = 256 << 10;
        for way in ["unnamed file", "temporary name", "temporary name and a link", "zeros"] {
            let (dir, name) = (Dir::new("killed"), Name::new("killed"));
            let path = dir.join("ring");
            let (mut whole, mut killed, mut temporary) = (0, 0, 0);
            for call in CALLS {
                for is_file in [true, false] {
                    let region = || region(is_file, &path, &name);
                    let ended = in_fork(|| {
                        go_by(way);
                        system::die_at(call);
                        let ring = Ring::<u64>::create(region(), &sized(bytes));
                        drop(ring.unwrap());
                    });
                    assert!(ended.success() || ended.signal() == Some(libc::SIGSYS), "{ended}");
                    killed += u32::from(!ended.success());
                    match Ring::<u64>::open(region()) {
                        Ok(ring) => {
                            assert_eq!(ring.limit_bytes(), bytes);
                            three_laps(&ring);
                            whole += 1;
                            region().unlink().unwrap();
                        }
                        Err(Error::NotFound { .. }) => assert!(!ended.success()),
                        // Where nothing replaces a name it has two for a moment.
                        Err(Error::HardLinked { found: 2, .. }) if way.contains("link") => {
                            region().unlink().unwrap();
                        }
                        Err(error) => panic!("by {way}, half a ring at call {call}: {error}"),
                    }
                }
                for left in dir.names() {
                    let ours = left.starts_with(".shm-ring-") && left.ends_with(".tmp");
                    assert!(ours && way.contains("temporary"), "by {way}, left at {call}: {left}");
                    std::fs::remove_file(dir.join(&left)).unwrap();
                    temporary += 1;
                }
            }
            assert!(whole > 0 && killed > 8, "by {way}: {whole} whole, {killed} killed");
            assert_eq!(temporary > 0, way.contains("temporary"), "by {way}");
        }
    });
}

#[test]
fn each_call_refused_is_an_error_that_names_it_and_leaves_nothing() {
    alone(|| {
        let (dir, name) = (Dir::new("refused"), Name::new("refused"));
        let path = dir.join("ring");
        let calls: [(&str, &[Call], i32); 5] = [
            ("open", &[libc::SYS_openat.into()], libc::EPERM),
            ("fallocate", &[libc::SYS_fallocate.into()], libc::EPERM),
            ("pwrite", &[libc::SYS_pwrite64.into()], libc::EIO),
            ("fchmod", &[libc::SYS_fchmod.into()], libc::EPERM),
            ("linkat", &[libc::SYS_linkat.into()], libc::EPERM),
        ];
        let unnamed: &[Call] = &[Call::unnamed_file()];
        let ways = calls.map(|call| ("unnamed file", call)).into_iter();
        let ways = ways.chain([("unnamed file", ("O_TMPFILE", unnamed, libc::EACCES))]);
        let fallback = calls[1..4].iter().map(|call| ("temporary name", *call));
        let rename: &[Call] = &[libc::SYS_renameat2.into()];
        let fallback = fallback.chain([("temporary name", ("renameat2", rename, libc::EPERM))]);
        for (way, (what, calls, errno)) in ways.chain(fallback) {
            forked(|| {
                go_by(way);
                system::refuse(calls, errno);
                for region in [Region::file(&path), Region::named(name.as_str())] {
                    let refused = Ring::<u64>::create(region, &Options::new()).unwrap_err();
                    assert!(refused.to_string().contains(what), "without {what}: {refused}");
                }
            });
            assert_eq!(dir.names(), Vec::<String>::new(), "left after {what} failed, by {way}");
            assert!(!name.path().exists(), "a name is left after {what} failed, by {way}");
        }
    });
}

/// Kernels and file systems without unnamed files answer in four ways; and some rename only over what is there.
#[test]
fn without_unnamed_files_a_ring_is_created_by_a_rename() {
    alone(|| {
        let (dir, name) = (Dir::new("renamed"), Name::new("renamed"));
        let path = dir.join("ring");
        let umask = Cell::new(0o777);
        for errno in [libc::EOPNOTSUPP, libc::EISDIR, libc::ENOENT, libc::EINVAL] {
            for rename in [true, false] {
                forked(|| {
                    system::refuse(&[Call::unnamed_file()], errno);
                    if !rename {
                        system::refuse(&[libc::SYS_renameat2], libc::EINVAL);
                    }
                    rustix::process::umask(Mode::from_raw_mode(umask.get()));
                    for is_file in [true, false] {
                        let region = || region(is_file, &path, &name);
                        let options = sized(4096).mode(0o640);
                        let ring = Ring::<u64>::create(region(), &options).unwrap();
                        three_laps(&ring);
                        let found = Ring::<u64>::open_with(region(), &options).unwrap();
                        assert_eq!(found.id(), ring.id());
                        let second = Ring::<u64>::create(region(), &options);
                        assert!(matches!(second, Err(Error::AlreadyExists { .. })), "{second:?}");
                    }
                });
                umask.set(umask.get() >> 1);
                assert_eq!(dir.names(), ["ring"]);
                for path in [path.clone(), name.path()] {
                    assert_eq!(path.metadata().unwrap().mode() & 0o7777, 0o640);
                    std::fs::remove_file(path).unwrap();
                }
            }
        }
    });
}
