//! Names over time: removed and given anew while somebody is attached, and the mode that a new one
//! gets whatever the umask says. It must not know what may be planted.

use std::os::unix::fs::MetadataExt;

use rustix::fs::Mode;
use rustix::io::Errno;
use shm_ring::{Consumer, Error, Options, Peer, Region, Ring};

use super::case::{Case, Scene, Seen, Stop, case, ensure, want};
use super::kernel::{refuse, tmpfile};
use super::process::fork;

pub(crate) const CASES: &[Case] = &[
    case("names/removed and made anew while attached", made_anew),
    case("names/a new ring's name outlives the old owner", outlives),
    case("names/umask 0, 022, 077, 0777", umasks),
];

fn made_anew(scene: &Scene) -> Seen {
    let name = scene.name("ring");
    let old = Ring::<u64>::create(name.as_str(), &Options::new())?;
    let mut tx = old.producer()?;
    let mut consumer = fork(|line| {
        let mut rx = Consumer::<u64>::open(name.as_str())?;
        line.say("attached")?;
        line.hear()?;
        for n in 0..100 {
            let popped = rx.pop();
            ensure!(popped == Ok(n), "value {n} came as {popped:?} after the name went");
        }
        Ok(())
    })?;
    consumer.expect("attached")?;
    let inode = scene.shm("ring").metadata()?.ino();
    Region::named(name.as_str()).unlink()?;
    want!(Ring::<u64>::open(name.as_str()), Err(Error::NotFound { .. }), "nothing is there");
    let new = Ring::<u64>::create(name.as_str(), &Options::new())?;
    consumer.say("go")?;
    for n in 0..100 {
        tx.push(n)?;
    }
    consumer.finish()?;
    // Whoever comes by the name sees another region, and can tell.
    let again = Ring::<u64>::open(name.as_str())?;
    ensure!(again.id() == new.id() && again.id() != old.id(), "the ids do not tell them apart");
    ensure!(scene.shm("ring").metadata()?.ino() != inode, "the same inode");
    let rx = again.consumer()?;
    let peer = rx.peer();
    ensure!(peer == Peer::Absent, "the old pair is seen in the new ring: {peer:?}");
    want!(old.producer(), Err(Error::NameGone { .. }), "a second producer of the old one");
    let mut second = again.producer()?;
    second.push(1)?;
    ensure!(tx.room_at_least() > 0, "the old producer was disturbed");
    Ok("100 values between the old pair; the new ring has another id, inode and free roles"
        .to_owned())
}

/// `unlink_on_drop` removes the ring's own name and not that of one made later.
fn outlives(scene: &Scene) -> Seen {
    let name = scene.name("ring");
    let old = Ring::<u64>::create(name.as_str(), &Options::new().unlink_on_drop())?;
    Region::named(name.as_str()).unlink()?;
    let new = Ring::<u64>::create(name.as_str(), &Options::new())?;
    drop(old);
    let found = Ring::<u64>::open(name.as_str()).map(|ring| ring.id());
    ensure!(matches!(found, Ok(id) if id == new.id()), "the name of the new ring went: {found:?}");
    Ok("the old owner's drop left the new ring's name alone".to_owned())
}

fn umasks(scene: &Scene) -> Seen {
    let mut count = 0;
    for fallback in [false, true] {
        for umask in [0, 0o022, 0o077, 0o777] {
            let child = fork(|_| {
                if fallback {
                    refuse(&[tmpfile(Errno::OPNOTSUPP)])?;
                }
                rustix::process::umask(Mode::from_raw_mode(umask));
                for mode in [0o600, 0o640, 0o660, 0o666, 0o777] {
                    let options = || Options::new().bytes(4096).mode(mode);
                    let (path, shm) = (scene.file("ring"), scene.shm("ring"));
                    Ring::<u64>::create(Region::file(&path), &options())?;
                    Ring::<u64>::create(scene.name("ring"), &options())?;
                    for path in [path, shm] {
                        let found = path.metadata()?.mode() & 0o7777;
                        ensure!(
                            found == mode,
                            "umask {umask:04o}: mode {found:04o}, not {mode:04o}"
                        );
                        std::fs::remove_file(path)?;
                    }
                }
                Ok::<(), Stop>(())
            })?;
            child.finish()?;
            count += 10;
        }
    }
    Ok(format!("{count} new regions have the mode that was asked for, with O_TMPFILE and without"))
}
