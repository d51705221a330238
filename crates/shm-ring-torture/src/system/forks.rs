//! Copies of an owner that nobody asked for: fork, and exec after it. It must not know about other
//! ways to two owners.

use std::io::Read;
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::process::{Command, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use shm_ring::{Consumer, Error, Observer, Options, Peer, PopError, Producer, Ring};

use super::case::{Case, Scene, Seen, case, ensure, want};
use super::process::{LIMIT, fork, until};

pub(crate) const CASES: &[Case] = &[
    case("fork/the child drops its copies", child_drops),
    case("fork/the child lives on and the parent closes", parent_closes),
    case("fork/the child lives on and the parent is killed", parent_killed),
    case("fork/the child executes another program", child_executes),
];

fn child_drops(scene: &Scene) -> Seen {
    let name = scene.name("ring");
    let mut owner = fork(|line| {
        let mut ring = Some(Ring::<u64>::create(name.as_str(), &Options::new().unlink_on_drop())?);
        // No role is held that would keep the name.
        fork(|_| {
            drop(ring.take());
            Ok(())
        })?
        .finish()?;
        ensure!(scene.shm("ring").exists(), "the child removed the parent's name");
        let Some(ring) = ring else { return Ok(()) };
        let mut tx = ring.producer()?;
        tx.push(1)?;
        let mut both = Some((tx, ring));
        // The copy that the child drops is its own.
        fork(|_| {
            drop(both.take());
            Ok(())
        })?
        .finish()?;
        line.say("forked")?;
        line.hear()?;
        if let Some((tx, _)) = &mut both {
            tx.push(2)?;
        }
        line.say("pushed")?;
        line.hear()?;
        drop(both);
        line.say("dropped")?;
        line.stay()
    })?;
    owner.expect("forked")?;
    ensure!(scene.shm("ring").exists(), "the child removed the parent's name");
    let ring = Ring::<u64>::open(name.as_str())?;
    let mut rx = ring.consumer()?;
    let pid = owner.pid();
    want!(rx.peer(), Peer::Alive { session: 1, pid: found } if *found == Some(pid), "after the child");
    want!(ring.producer(), Err(Error::RoleTaken { .. }), "the child unlocked the parent's role");
    owner.say("push")?;
    owner.expect("pushed")?;
    let popped = (rx.pop(), rx.pop());
    ensure!(popped == (Ok(1), Ok(2)), "{popped:?}");
    let observer = Observer::open(name.as_str())?;
    drop(rx);
    owner.say("drop")?;
    owner.expect("dropped")?;
    let peer = observer.snapshot().producer.peer;
    want!(peer, Peer::Closed { session: 2 }, "after the parent's own drop");
    ensure!(!scene.shm("ring").exists(), "the parent's drop left its name");
    Ok("role, session and name stay the parent's; its own drop closes".to_owned())
}

fn parent_closes(scene: &Scene) -> Seen {
    let name = scene.name("ring");
    let ring = Ring::<u64>::create(name.as_str(), &Options::new())?;
    let mut rx = ring.consumer()?;
    let mut owner = fork(|line| {
        let mut tx = Producer::<u64>::open(name.as_str())?;
        tx.push(1)?;
        let _lives_on = fork(|line| line.stay())?;
        tx.close();
        line.say("closed")?;
        line.stay()
    })?;
    owner.expect("closed")?;
    want!(rx.peer(), Peer::Closed { session: 2 }, "with a copy in a living child");
    let popped = (rx.pop(), rx.pop());
    ensure!(popped == (Ok(1), Err(PopError::Closed)), "{popped:?}");
    ensure!(ring.producer()?.session() == 3, "the next session");
    Ok("Closed, and the role is free although a child has a copy".to_owned())
}

fn parent_killed(scene: &Scene) -> Seen {
    let name = scene.name("ring");
    let ring = Ring::<u64>::create(name.as_str(), &Options::new())?;
    let mut rx = ring.consumer()?;
    let (ours, theirs) = UnixStream::pair()?;
    theirs.set_read_timeout(Some(LIMIT))?;
    let mut owner = fork(|line| {
        let mut tx = Producer::<u64>::open(name.as_str())?;
        tx.push(1)?;
        let _lives_on = fork(|_| {
            // It outlives its parent, until it is told to end or the case is long over.
            rustix::process::set_parent_process_death_signal(None)?;
            line.say("forked")?;
            let _ = (&theirs).read(&mut [0]);
            Ok(())
        })?;
        std::thread::sleep(2 * LIMIT);
        Ok(())
    })?;
    owner.expect("forked")?;
    owner.kill()?;
    // The child holds nothing of its parent's.
    until("the owner is known as dead", || matches!(rx.peer(), Peer::Dead { session: 1, .. }))?;
    let popped = (rx.pop(), rx.pop());
    ensure!(popped == (Ok(1), Err(PopError::PeerDead)), "{popped:?}");
    ensure!(ring.producer()?.session() == 3, "the next session");
    ours.shutdown(Shutdown::Both)?;
    Ok("Dead, and the role is free although a child lives".to_owned())
}

/// Every descriptor is closed on exec, so a program that an owner starts keeps nothing.
fn child_executes(scene: &Scene) -> Seen {
    let name = scene.name("ring");
    let ring = Ring::<u64>::create(name.as_str(), &Options::new())?;
    let rx = ring.consumer()?;
    let mut owner = fork(|line| {
        let _tx = Producer::<u64>::open(name.as_str())?;
        let mut sleeper =
            Command::new("sleep").arg("20").stdin(Stdio::null()).stdout(Stdio::null()).spawn()?;
        line.say(&sleeper.id().to_string())?;
        line.stay()?;
        sleeper.kill()?;
        Ok(())
    })?;
    let sleeper = owner.hear()?.parse::<i32>().unwrap_or(0);
    owner.kill()?;
    let dead = Peer::Dead { session: 1, pid: Some(owner.pid()), released: true };
    // Not at once: a parent goes on a moment before the kernel closes what closes on exec.
    let alone = until("the owner is known as dead", || rx.peer() == dead);
    let again = ring.producer().map(|tx| tx.session());
    let sleeps = std::fs::read_to_string(format!("/proc/{sleeper}/comm"));
    if sleeper > 1 && sleeps.as_deref().is_ok_and(|comm| comm == "sleep\n") {
        let _ = kill(Pid::from_raw(sleeper), Signal::SIGKILL);
    }
    ensure!(sleeps.is_ok(), "the program that was to outlive the owner has ended: shows nothing");
    ensure!(alone.is_ok(), "a program that the owner started keeps it alive: {:?}", rx.peer());
    want!(again, Ok(3), "taking the role over");
    let consumer = Consumer::<u64>::open(name.as_str());
    want!(consumer, Err(Error::RoleTaken { .. }), "a second consumer");
    Ok("Dead and free, although the program goes on".to_owned())
}
