//! Who holds a role: one process, whoever else asks from wherever, and the kernel alone says when it
//! is gone. No pid decides anything. It must not know about forked copies of an owner.

use nix::sched::{CloneFlags, unshare};
use nix::sys::signal::Signal;
use shm_ring::{Consumer, Error, Options, Peer, Producer, Ring, Role};
use shm_ring_outsider::{
    Descriptor, PID, Region as _, SESSION, Writable as _, consumer, lock_on, page, producer,
};

use super::case::{Case, Scene, Seen, Stop, case, ensure, or_skip, root, want};
use super::process::{Child, Line, fork, until};

pub(crate) const CASES: &[Case] = &[
    case("owners/the lease stands on the role's page", lease_range),
    case("owners/second one in this process and on a thread", second_here),
    case("owners/second one in another process", second_in_process),
    case("owners/second one in another pid namespace", second_in_namespace).special(),
    case("owners/second one while the first is stopped", second_while_stopped),
    case("owners/killed in another pid namespace", killed_in_namespace).special(),
    case("owners/the pid of a dead one is reused", pid_reused),
    case("owners/the pid of a living one means nothing", pid_meaningless),
];

/// Does `job` in a pid namespace of its own.
fn fork_in_namespace(job: impl FnOnce(&mut Line) -> Result<(), Stop>) -> Result<Child, Stop> {
    root("a pid namespace")?;
    fork(|line| {
        or_skip(unshare(CloneFlags::CLONE_NEWPID), "unshare(CLONE_NEWPID)")?;
        // The first one forked is process 1 there. It speaks over our line.
        let inner = fork(|_| job(line))?;
        inner.finish()
    })
}

fn lease_range(_: &Scene) -> Seen {
    let ring = Ring::<u64>::create(shm_ring::Region::memfd("lease"), &Options::new())?;
    let bytes = Descriptor::of(ring.descriptor())?;
    for (role, at) in [("producer", producer()), ("consumer", consumer())] {
        let free = lock_on(&bytes, 0, 0)?;
        ensure!(free.is_none(), "locked before anyone attached: {free:?}");
        let held = match role {
            "producer" => {
                let _tx = ring.producer()?;
                lock_on(&bytes, 0, 0)?
            }
            _ => {
                let _rx = ring.consumer()?;
                lock_on(&bytes, 0, 0)?
            }
        };
        ensure!(held == Some((at, page())), "the {role} holds {held:?}, not its page at {at}");
    }
    Ok("the ranges that LAYOUT.md names, freed by dropping".to_owned())
}

/// What trying to take a role must come to while `pid` has it.
fn refused(name: &str, role: Role, pid: Option<u32>) -> Result<(), Stop> {
    let answer = match role {
        Role::Producer => Producer::<u64>::open(name).map(drop),
        _ => Consumer::<u64>::open(name).map(drop),
    };
    want!(
        answer,
        Err(Error::RoleTaken { role: found, pid: shown, .. }) if (*found, *shown) == (role, pid),
        "a second {role}"
    );
    Ok(())
}

/// A pair in this process, and whatever `disturb` does with both roles taken must leave it so.
fn undisturbed(
    scene: &Scene,
    disturb: impl Fn(&str, Role) -> Result<(), Stop>,
) -> Result<(), Stop> {
    let name = scene.name("ring");
    let ring = Ring::<u64>::create(name.as_str(), &Options::new())?;
    let (mut tx, mut rx) = (ring.producer()?, ring.consumer()?);
    let before = (tx.session(), rx.session());
    let us = std::process::id();
    for (n, role) in [Role::Producer, Role::Consumer].into_iter().enumerate() {
        tx.push(n as u64)?;
        disturb(&name, role)?;
        let popped = rx.pop();
        ensure!(popped == Ok(n as u64), "after a second {role}: {popped:?}");
        for peer in [tx.peer(), rx.peer()] {
            want!(peer, Peer::Alive { session: 1, pid } if *pid == Some(us), "after a second {role}");
        }
    }
    ensure!(before == (tx.session(), rx.session()), "the sessions changed");
    let bytes = Descriptor::of(ring.descriptor())?;
    for at in [producer(), consumer()] {
        let session = bytes.word(at + SESSION);
        ensure!(session == 1, "a refused one opened session {session}");
    }
    Ok(())
}

fn second_here(scene: &Scene) -> Seen {
    let us = std::process::id();
    undisturbed(scene, |name, role| {
        refused(name, role, Some(us))?;
        let by_thread =
            std::thread::scope(|scope| scope.spawn(|| refused(name, role, Some(us))).join());
        by_thread.unwrap_or_else(|_| Err(Stop::Violated("panicked".to_owned())))
    })?;
    Ok("RoleTaken with the first one's pid, 4 times; the pair goes on".to_owned())
}

fn second_in_process(scene: &Scene) -> Seen {
    let us = std::process::id();
    undisturbed(scene, |name, role| fork(|_| refused(name, role, Some(us)))?.finish())?;
    Ok("RoleTaken with the first one's pid, twice; the pair goes on".to_owned())
}

fn second_in_namespace(scene: &Scene) -> Seen {
    undisturbed(scene, |name, role| fork_in_namespace(|_| refused(name, role, None))?.finish())?;
    Ok("RoleTaken with an unknown pid, twice; the pair goes on".to_owned())
}

/// Attaches as producer and stays; says so first.
fn hold(name: &str, line: &mut Line) -> Result<(), Stop> {
    let mut tx = Producer::<u64>::open(name)?;
    tx.push(7)?;
    line.say("attached")?;
    line.hear()?;
    tx.push(8)?;
    line.say("pushed")?;
    line.stay()
}

fn second_while_stopped(scene: &Scene) -> Seen {
    let name = scene.name("ring");
    let ring = Ring::<u64>::create(name.as_str(), &Options::new())?;
    let mut rx = ring.consumer()?;
    let mut owner = fork(|line| hold(&name, line))?;
    owner.expect("attached")?;
    owner.signal(Signal::SIGSTOP)?;
    let stopped = || {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", owner.pid()));
        stat.is_ok_and(|stat| stat.rsplit(')').next().is_some_and(|rest| rest.starts_with(" T")))
    };
    until("the owner is stopped", stopped)?;
    refused(&name, Role::Producer, Some(owner.pid()))?;
    want!(rx.peer(), Peer::Alive { session: 1, .. }, "a stopped owner");
    // Longer than several slices: nobody is declared dead for being silent.
    ensure!(rx.pop() == Ok(7), "the value from before");
    let waited = rx.pop_timeout(std::time::Duration::from_millis(350));
    ensure!(waited == Err(shm_ring::PopError::TimedOut), "waiting for a stopped owner: {waited:?}");
    refused(&name, Role::Producer, Some(owner.pid()))?;
    owner.signal(Signal::SIGCONT)?;
    owner.say("go")?;
    owner.expect("pushed")?;
    let popped = rx.pop();
    ensure!(popped == Ok(8), "after SIGCONT: {popped:?}");
    Ok("alive while stopped for 350 ms, RoleTaken twice; goes on after SIGCONT".to_owned())
}

fn killed_in_namespace(scene: &Scene) -> Seen {
    let name = scene.name("ring");
    let ring = Ring::<u64>::create(name.as_str(), &Options::new())?;
    let mut rx = ring.consumer()?;
    let mut owner = fork_in_namespace(|line| hold(&name, line))?;
    owner.expect("attached")?;
    // It is process 1 there; process 1 here is somebody else, and alive.
    want!(rx.peer(), Peer::Alive { session: 1, pid: None }, "an owner in a namespace");
    refused(&name, Role::Producer, None)?;
    ensure!(rx.pop() == Ok(7), "what it pushed");
    owner.kill()?;
    let dead = Peer::Dead { session: 1, pid: None, released: true };
    until("the death in the namespace is known", || rx.peer() == dead)?;
    let popped = rx.pop();
    ensure!(popped == Err(shm_ring::PopError::PeerDead), "{popped:?}");
    let session = ring.producer()?.session();
    ensure!(session == 3, "the next session is {session}");
    Ok("Dead, though a process of its number lives here; the role is free".to_owned())
}

/// The worst reuse: the dead owner's number is that of a process that lives, this one.
fn pid_reused(scene: &Scene) -> Seen {
    let name = scene.name("ring");
    let ring = Ring::<u64>::create(name.as_str(), &Options::new())?;
    let rx = ring.consumer()?;
    let mut owner = fork(|line| hold(&name, line))?;
    owner.expect("attached")?;
    owner.kill()?;
    let us = std::process::id();
    let bytes = Descriptor::of(ring.descriptor())?;
    for pid in [us, 1, owner.pid()] {
        bytes.set_half(producer() + PID, pid);
        let dead = Peer::Dead { session: 1, pid: Some(pid), released: true };
        let mut last = Peer::Absent;
        let known = until("the death is known", || {
            last = rx.peer();
            last == dead
        });
        ensure!(known.is_ok(), "with pid {pid} written down: {last:?}, not dead");
    }
    bytes.set_half(producer() + PID, us);
    ring.producer()?.push(1)?;
    Ok("Dead with the number of a living process, of process 1, of nobody; the role is free"
        .to_owned())
}

/// The other way round: an owner lives whose number is nobody's here.
fn pid_meaningless(scene: &Scene) -> Seen {
    let name = scene.name("ring");
    let ring = Ring::<u64>::create(name.as_str(), &Options::new())?;
    let mut rx = ring.consumer()?;
    let mut owner = fork(|line| hold(&name, line))?;
    owner.expect("attached")?;
    let mut gone = fork(|_| Ok(()))?;
    let nobody = gone.pid();
    ensure!(gone.end_within(super::process::LIMIT).is_some(), "a process that does nothing hangs");
    let bytes = Descriptor::of(ring.descriptor())?;
    for pid in [nobody, 0, u32::MAX] {
        bytes.set_half(producer() + PID, pid);
        want!(rx.peer(), Peer::Alive { session: 1, .. }, "with pid {pid} written down");
        refused(&name, Role::Producer, Some(pid).filter(|pid| *pid != 0))?;
    }
    owner.say("go")?;
    owner.expect("pushed")?;
    let popped = (rx.pop(), rx.pop());
    ensure!(popped == (Ok(7), Ok(8)), "{popped:?}");
    Ok("Alive and RoleTaken with the number of nobody, 0 and the largest".to_owned())
}
