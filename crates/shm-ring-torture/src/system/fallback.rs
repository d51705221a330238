//! Kernels and file systems without O_TMPFILE: a temporary name and a rename serve. It must not know
//! how a process may be killed on the way.

use rustix::io::Errno;
use shm_ring::{Error, Options, Region, Ring};

use super::case::{Case, Scene, Seen, case, ensure, want};
use super::kernel::{Refusal, every, refuse, tmpfile};
use super::memory::three_laps;
use super::process::fork;

pub(crate) const CASES: &[Case] = &[
    case("without O_TMPFILE/created by a rename", by_rename),
    case("without O_TMPFILE/what fails leaves nothing", fails),
];

fn by_rename(scene: &Scene) -> Seen {
    let mut ways = 0;
    for errno in [Errno::OPNOTSUPP, Errno::ISDIR, Errno::NOENT, Errno::INVAL] {
        for no_replace in [true, false] {
            fork(|_| {
                refuse(&[tmpfile(errno)])?;
                if !no_replace {
                    refuse(&[every(libc::SYS_renameat2, Errno::INVAL)])?;
                }
                for named in [true, false] {
                    let region = || match named {
                        true => Region::named(scene.name("ring")),
                        false => Region::file(scene.file("ring")),
                    };
                    let ring = Ring::<u64>::create(region(), &Options::new().bytes(4096))?;
                    three_laps(&ring)?;
                    let found = Ring::<u64>::open(region())?;
                    ensure!(found.id() == ring.id(), "another ring stands there");
                    let second = Ring::<u64>::create(region(), &Options::new().bytes(4096));
                    want!(second, Err(Error::AlreadyExists { .. }), "over a ring");
                }
                Ok(())
            })?
            .finish()?;
            want!(scene.files()?.as_slice(), [one] if one == "ring", "left behind");
            std::fs::remove_file(scene.file("ring"))?;
            std::fs::remove_file(scene.shm("ring"))?;
            ways += 1;
        }
    }
    Ok(format!("{ways} refusals, by name and by path: whole, once, and no temporary name left"))
}

/// Whatever fails between the temporary name and the rename takes that name away again.
fn fails(scene: &Scene) -> Seen {
    let refusals: [(&str, Refusal); 4] = [
        ("fallocate", every(libc::SYS_fallocate, Errno::NOSPC)),
        ("pwrite", every(libc::SYS_pwrite64, Errno::IO)),
        ("fchmod", every(libc::SYS_fchmod, Errno::PERM)),
        ("renameat2", every(libc::SYS_renameat2, Errno::PERM)),
    ];
    for (what, refusal) in refusals {
        fork(|_| {
            refuse(&[tmpfile(Errno::OPNOTSUPP), refusal])?;
            let answer = Ring::<u64>::create(Region::file(scene.file("ring")), &Options::new());
            match (what, answer.map(drop)) {
                ("fallocate", answer) => {
                    want!(answer, Err(Error::NoSpace { .. }), "without {what}");
                }
                (_, answer) => {
                    want!(answer, Err(Error::Os { call, .. }) if *call == what, "without {what}");
                }
            }
            Ok(())
        })?
        .finish()?;
        want!(scene.files()?.as_slice(), [], "left after {what} failed");
    }
    Ok(format!("{} failures on the way, each named, no name left", refusals.len()))
}
