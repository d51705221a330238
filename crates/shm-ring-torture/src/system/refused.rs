//! Sandboxes: what the kernel refuses makes the ring slower or is an error that names the call, and
//! never leaves anyone stuck or anything half-made. It must not know how calls are refused.

use std::path::Path;
use std::time::{Duration, Instant};

use rustix::io::Errno;
use shm_ring::{Error, Options, Peer, PopError, Producer, Region, Ring, Wait, wait_any};
use shm_ring_outsider::{
    Descriptor, FENCE_MODE, Region as _, SESSION, SLEEPS, consumer, lock_on, page, producer,
};

use super::case::{Case, Scene, Seen, Stop, case, ensure, want};
use super::kernel::{Refusal, every, fcntl, open, refuse, tmpfile};
use super::memory::three_laps;
use super::mounts;
use super::process::{SOON, fork};
use super::streams::{self, PLAIN, Side};

pub(crate) const CASES: &[Case] = &[
    case("refused/membarrier, ENOSYS", |scene| membarrier(scene, Errno::NOSYS)),
    case("refused/membarrier, EPERM", |scene| membarrier(scene, Errno::PERM)),
    case("refused/membarrier, after the waker relies on it", sleep_lightly).special(),
    case("refused/futex, EPERM", |scene| {
        stream_without(scene, every(libc::SYS_futex, Errno::PERM))
    }),
    case("refused/futex_waitv, ENOSYS", |scene| waitv(scene, Errno::NOSYS)),
    case("refused/futex_waitv, EPERM", |scene| waitv(scene, Errno::PERM)),
    case("refused/set_robust_list, ENOSYS", |scene| robust_list(scene, Errno::NOSYS)),
    case("refused/set_robust_list, EPERM", |scene| robust_list(scene, Errno::PERM)),
    case("refused/F_OFD_SETLK, EPERM", |scene| lease(scene, Errno::PERM)),
    case("refused/F_OFD_SETLK, ENOSYS", |scene| lease(scene, Errno::NOSYS)),
    case("refused/F_OFD_SETLK, EINVAL", |scene| lease(scene, Errno::INVAL)),
    case("refused/F_OFD_GETLK", question),
    case("refused/each call of create", create),
    case("refused/each call of attach", attach),
    case("refused/proc not mounted", without_proc).special(),
];

/// A stream with one refusal on both sides, on one, on the other, before attaching and after.
fn everywhere(
    scene: &Scene,
    refusal: Refusal,
    mut check: impl FnMut(&streams::Ran, [bool; 2], bool) -> Result<(), Stop>,
) -> Result<(u64, u64), Stop> {
    let refuse = || refuse(&[refusal]);
    let (early, late) = (Side { before: &refuse, ..PLAIN }, Side { after: &refuse, ..PLAIN });
    let (mut runs, mut parks) = (0, 0);
    for (refused, is_early) in [(&early, true), (&late, false)] {
        for sides in [[true, true], [true, false], [false, true]] {
            let of = |hit: bool| if hit { refused } else { &PLAIN };
            let ran = streams::run(scene, of(sides[0]), of(sides[1]))?;
            check(&ran, sides, is_early)?;
            runs += 1;
            parks += ran.parks.iter().sum::<u64>();
        }
    }
    Ok((runs, parks))
}

fn stream_without(scene: &Scene, refusal: Refusal) -> Seen {
    let (runs, parks) = everywhere(scene, refusal, |_, _, _| Ok(()))?;
    Ok(format!("{runs} streams of {} values went through, {parks} sleeps", streams::VALUES))
}

fn membarrier(scene: &Scene, errno: Errno) -> Seen {
    let refusal = every(libc::SYS_membarrier, errno);
    let (runs, parks) = everywhere(scene, refusal, |ran, sides, early| {
        // Whoever could not register says that it fences by itself.
        for (hit, mode) in sides.into_iter().zip(ran.fence_modes) {
            ensure!(!(early && hit) || mode == 0, "relies on a membarrier that it cannot have");
        }
        Ok(())
    })?;
    Ok(format!("{runs} streams of {} values went through, {parks} sleeps", streams::VALUES))
}

/// The waker left its half of the barrier to a sleeper who then cannot have it.
fn sleep_lightly(_: &Scene) -> Seen {
    let options = Options::new().wait(Wait::PARK);
    let ring = Ring::<u64>::create(Region::memfd("light"), &options)?;
    let (_tx, mut rx) = (ring.producer()?, ring.consumer()?);
    let bytes = Descriptor::of(ring.descriptor())?;
    if bytes.half(producer() + FENCE_MODE) == 0 {
        return Err(Stop::Skipped("this kernel has no global expedited membarrier".to_owned()));
    }
    refuse(&[every(libc::SYS_membarrier, Errno::PERM)])?;
    let waited = rx.pop_timeout(Duration::from_millis(400));
    ensure!(waited == Err(PopError::TimedOut), "{waited:?}");
    let sleeps = bytes.word(consumer() + SLEEPS);
    // Of 1 ms they would be hundreds, of 100 ms four.
    ensure!(sleeps > 20, "{sleeps} sleeps in 400 ms: the barrier was believed though refused");
    Ok(format!("{sleeps} short sleeps in 400 ms in place of 4 long ones"))
}

/// One sleeper, several rings; and a plain one.
fn waitv(scene: &Scene, errno: Errno) -> Seen {
    let refusal = every(libc::SYS_futex_waitv, errno);
    let names = ["a", "b", "c"].map(|one| scene.name(one));
    let mut rings = Vec::new();
    for name in &names {
        rings.push(Ring::<u64>::create(name.as_str(), &Options::new().wait(Wait::PARK))?);
    }
    let mut producing = fork(|line| {
        let mut ends = Vec::new();
        for name in &names {
            ends.push(Producer::<u64>::open(name.as_str())?);
        }
        line.say("attached")?;
        line.hear()?;
        for n in 0..60 {
            std::thread::sleep(Duration::from_millis(1));
            ends[n as usize % 3].push(n)?;
        }
        Ok(())
    })?;
    producing.expect("attached")?;
    refuse(&[refusal])?;
    let (mut a, mut b, mut c) = (rings[0].consumer()?, rings[1].consumer()?, rings[2].consumer()?);
    let quiet = wait_any(&mut [&mut a, &mut b, &mut c], Some(Duration::from_millis(120)));
    ensure!(quiet == Err(shm_ring::WaitAnyError::TimedOut), "with nothing there: {quiet:?}");
    producing.say("go")?;
    let mut next = [0, 1, 2];
    for _ in 0..60 {
        let which = wait_any(&mut [&mut a, &mut b, &mut c], Some(SOON))?;
        let popped = [&mut a, &mut b, &mut c][which].try_pop();
        ensure!(popped == Ok(next[which]), "ring {which}: {popped:?}, not {}", next[which]);
        next[which] += 3;
    }
    producing.finish()?;
    let (runs, parks) = everywhere(scene, refusal, |_, _, _| Ok(()))?;
    Ok(format!("60 values of 3 rings by wait_any; {runs} streams, {parks} sleeps"))
}

/// For a death notice by robust lists: without them attaching and waiting work, and a death is
/// noticed by the slices.
fn robust_list(scene: &Scene, errno: Errno) -> Seen {
    let refusal = every(libc::SYS_set_robust_list, errno);
    let (runs, parks) = everywhere(scene, refusal, |_, _, _| Ok(()))?;
    refuse(&[refusal])?;
    let name = scene.name("ring");
    let options = Options::new().wait(Wait::PARK);
    let mut rx = Ring::<u64>::create(name.as_str(), &options)?.consumer()?;
    let mut owner = fork(|line| {
        let _tx = Producer::<u64>::open(name.as_str())?;
        line.say("attached")?;
        line.stay()
    })?;
    owner.expect("attached")?;
    let start = Instant::now();
    let waited = std::thread::scope(|scope| {
        let waiting = scope.spawn(|| rx.pop());
        std::thread::sleep(Duration::from_millis(20));
        (owner.kill(), waiting.join())
    });
    waited.0?;
    let popped = waited.1.map_err(|_| Stop::Violated("panicked".to_owned()))?;
    ensure!(popped == Err(PopError::PeerDead), "{popped:?}");
    ensure!(start.elapsed() < SOON, "the death was noticed after {:?}", start.elapsed());
    Ok(format!("{runs} streams, {parks} sleeps; a death noticed by a sleeper"))
}

fn lease(scene: &Scene, errno: Errno) -> Seen {
    let name = scene.name("ring");
    let ring = Ring::<u64>::create(name.as_str(), &Options::new())?;
    let mut text = String::new();
    let mut refused = fork(|line| {
        refuse(&[fcntl(libc::F_OFD_SETLK, errno)])?;
        let ring = Ring::<u64>::open(name.as_str())?;
        for answer in [ring.producer().map(drop), ring.consumer().map(drop)] {
            let Err(error @ Error::Os { call: "fcntl(F_OFD_SETLK)", .. }) = answer else {
                return Err(Stop::Violated(format!("attached without a lease: {answer:?}")));
            };
            text = error.to_string();
        }
        line.say(&text)
    })?;
    let text = refused.hear()?;
    refused.finish()?;
    let bytes = Descriptor::of(ring.descriptor())?;
    for at in [producer(), consumer()] {
        ensure!(bytes.word(at + SESSION) == 0, "a session was opened without a lease");
    }
    three_laps(&ring)?;
    Ok(text)
}

/// Nobody is declared dead because the question is refused.
fn question(scene: &Scene) -> Seen {
    let name = scene.name("ring");
    let ring = Ring::<u64>::create(name.as_str(), &Options::new())?;
    let mut owner = fork(|line| {
        let mut tx = Producer::<u64>::open(name.as_str())?;
        line.say("attached")?;
        line.hear()?;
        tx.push(5)?;
        Ok(())
    })?;
    owner.expect("attached")?;
    let mut rx = ring.consumer()?;
    refuse(&[fcntl(libc::F_OFD_GETLK, Errno::PERM)])?;
    want!(rx.peer(), Peer::Alive { session: 1, .. }, "a living producer");
    let waited = rx.pop_timeout(Duration::from_millis(250));
    ensure!(waited == Err(PopError::TimedOut), "waiting for a living producer: {waited:?}");
    owner.say("go")?;
    owner.finish()?;
    let popped = rx.pop();
    ensure!(popped == Ok(5), "{popped:?}");
    Ok("Alive, TimedOut, then the value: nobody is declared dead".to_owned())
}

/// Each call that creating needs, refused in turn: an error that names it, and nothing left.
fn create(scene: &Scene) -> Seen {
    let refusals = [
        ("open", open(Errno::PERM)),
        ("O_TMPFILE", vec![tmpfile(Errno::ACCESS)]),
        ("fallocate", vec![every(libc::SYS_fallocate, Errno::PERM)]),
        ("pwrite", vec![every(libc::SYS_pwrite64, Errno::IO)]),
        ("fchmod", vec![every(libc::SYS_fchmod, Errno::PERM)]),
        ("linkat", vec![every(libc::SYS_linkat, Errno::PERM)]),
        ("getrandom", vec![every(libc::SYS_getrandom, Errno::NOSYS)]),
    ];
    let mut said = Vec::new();
    for (what, refusals) in refusals {
        let mut child = fork(|line| {
            refuse(&refusals)?;
            for region in [Region::named(scene.name("ring")), Region::file(scene.file("ring"))] {
                match Ring::<u64>::create(region, &Options::new()) {
                    // Without the kernel's randomness there may be another source.
                    Ok(_) if what == "getrandom" => {}
                    Ok(_) => return Err(Stop::Violated(format!("created without {what}"))),
                    Err(error) => {
                        let text = error.to_string();
                        ensure!(text.contains(what), "without {what}: {text}");
                    }
                }
            }
            line.say("done")
        })?;
        child.expect("done")?;
        child.finish()?;
        if what == "getrandom" {
            let _ = std::fs::remove_file(scene.shm("ring"));
            let _ = std::fs::remove_file(scene.file("ring"));
        }
        want!(scene.files()?.as_slice(), [], "left without {what}");
        ensure!(!scene.shm("ring").exists(), "left under its name without {what}");
        said.push(what);
    }
    Ok(format!("errors that name the call, nothing left: {}", said.join(", ")))
}

fn attach(scene: &Scene) -> Seen {
    let name = scene.name("ring");
    let ring = Ring::<u64>::create(name.as_str(), &Options::new())?;
    let refusals = [
        ("open", open(Errno::PERM), false),
        ("fstat", vec![every(libc::SYS_fstat, Errno::PERM)], false),
        ("mmap", vec![every(libc::SYS_mmap, Errno::NOMEM)], false),
        // What only makes a page ready may be missing.
        ("madvise", vec![every(libc::SYS_madvise, Errno::INVAL)], true),
    ];
    let mut said = Vec::new();
    for (what, refusals, goes) in refusals {
        fork(|_| {
            let opened = Ring::<u64>::open_with(name.as_str(), &Options::new().prefault())?;
            refuse(&refusals)?;
            for answer in [opened.producer().map(drop), opened.consumer().map(drop)] {
                match answer {
                    Ok(()) => ensure!(goes, "attached without {what}"),
                    Err(error) => {
                        let text = error.to_string();
                        ensure!(!goes && text.contains(what), "without {what}: {text}");
                    }
                }
            }
            Ok(())
        })?
        .finish()?;
        let left = lock_on(ring.descriptor(), 0, 3 * page())?;
        ensure!(left.is_none(), "a lease is left without {what}");
        said.push(what);
    }
    three_laps(&ring)?;
    Ok(format!("errors that name the call, or done without it: {}", said.join(", ")))
}

/// A description of one's own is had through /proc, and an unnamed file its name.
fn without_proc(scene: &Scene) -> Seen {
    let (name, other) = (scene.name("ring"), scene.name("other"));
    Ring::<u64>::create(name.as_str(), &Options::new())?;
    let memfd = Ring::<u64>::create(Region::memfd("without"), &Options::new())?;
    mounts::over(Path::new("/proc"), "tmpfs", "size=4k")?;
    let answers = [
        ("create", Ring::<u64>::create(other.as_str(), &Options::new()).err()),
        ("open", Ring::<u64>::open(name.as_str()).err()),
        ("open_or_create", Ring::<u64>::open_or_create(name.as_str(), &Options::new()).err()),
        ("producer", memfd.producer().err()),
        ("consumer", memfd.consumer().err()),
    ];
    for (what, error) in &answers {
        let text = error.as_ref().map(ToString::to_string).unwrap_or_default();
        ensure!(text.contains("/proc"), "{what} without /proc: {text:?}");
    }
    ensure!(!scene.shm("other").exists(), "left under its name without /proc");
    Ok(format!("{} errors that say so, nothing left", answers.len()))
}
