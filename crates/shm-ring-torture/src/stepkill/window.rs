//! Owns: one operation of one child, instruction by instruction: looked at after each, or killed after one of them. Knows
//! nothing of: which scenes there are.

use std::io::IoSliceMut;

use nix::sys::signal::Signal;
use nix::sys::uio::{RemoteIoVec, process_vm_readv};
use shm_ring::Region;
use shm_ring_outsider::{
    Descriptor, Ends, Header, Life, Region as _, Ring, Side, Writable, changes, fresh, poison,
};

use super::judge::{Seen, copied, goes_on, judge, released, whole};
use super::kind::Kind;
use super::op::Op;
use super::perform::{MISREAD, perform};
use super::scene::{Scene, Start};
use super::successors::{Survivor, after_consumer, after_producer};
use crate::trace::{Step, Traced};

/// A window that is still open after so many instructions hangs.
pub(super) const STEPS_MAX: u64 = 1_000_000;

/// A ring that is laid out anew for each window, and its bytes.
pub(crate) struct Arena<K: Kind> {
    pub(super) ring: K::Ring,
    pub(super) region: Descriptor,
    pub(super) header: Header,
    /// As its creator left it.
    pub(super) blank: Vec<u8>,
}

/// Two of them: one that is worked on, and one for copies of it.
pub(crate) struct Fixture<K: Kind> {
    pub(super) arena: Arena<K>,
    copy: Arena<K>,
}

/// What a window showed.
#[derive(Debug, Default)]
pub(crate) struct Window {
    /// Instructions between the two marks.
    pub(crate) steps: u64,
    /// Distinct images that were checked.
    pub(crate) images: u64,
    /// After which instruction what was stored.
    pub(crate) sites: Vec<(u64, Vec<String>)>,
    /// After which instruction the operation had published or released what it must.
    pub(crate) moved: Option<u64>,
    /// The address of each instruction.
    pub(crate) path: Vec<u64>,
}

/// The rings or the tracing failed, or something was violated.
pub(crate) type Outcome<T> = Result<T, String>;

pub(super) fn os<E: std::fmt::Display>(what: &'static str) -> impl Fn(E) -> String {
    move |error| format!("{what}: {error}")
}

/// Checks that `image` is a region as a creator leaves it that was asked for `wanted`: the header that it has.
pub(super) fn created(image: &[u8], wanted: Header) -> Outcome<Header> {
    let found = Header::of(image);
    let wanted = Header { created: found.created, id: found.id, ..wanted };
    if found != wanted {
        return Err(format!("the header is {found:?} and must be {wanted:?}"));
    }
    if found.id == [0; 16] {
        return Err("the header has no id".to_owned());
    }
    if image != fresh(&found) {
        let what = changes(&found, &fresh(&found), image);
        return Err(format!("written in a fresh region: {what:?}"));
    }
    Ok(found)
}

impl<K: Kind> Arena<K> {
    fn new() -> Outcome<Self> {
        let ring = K::create(Region::memfd("stepkill"), &K::options());
        Self::over(ring.map_err(os("a ring for the campaign"))?, K::header())
    }

    /// A ring that has just been created, with a header like `wanted`.
    pub(super) fn over(ring: K::Ring, wanted: Header) -> Outcome<Self> {
        let region = Descriptor::of(K::descriptor(&ring)).map_err(os("a descriptor"))?;
        let blank = region.all();
        let header = created(&blank, wanted)?;
        Ok(Self { ring, region, header, blank })
    }

    pub(super) fn set(&self, image: &[u8]) {
        self.region.write(0, image);
    }

    /// What it holds, if it may hold that.
    pub(super) fn judged(&self) -> Outcome<Ring> {
        Ok(shm_ring_outsider::judge(&self.region.all()[..], &self.header)?)
    }

    /// What `side` knows that has just attached, beside a role that somebody holds or not.
    pub(super) fn ends(&self, side: Side, held: bool) -> Ends {
        Ends::attach(&self.region.all()[..], &self.header, side, false, held)
    }

    /// How the other side, whose role nobody holds, has ended for it, which notes that as reported.
    pub(super) fn told(&self, ends: &mut Ends) -> Life {
        let due = ends.due(&self.region.all()[..], &self.header, false);
        if let Some(end) = due {
            ends.tell(end);
        }
        match due {
            None => Life::Alive,
            Some(end) if end.dead => Life::Dead,
            Some(_) => Life::Closed,
        }
    }
}

impl<K: Kind> Fixture<K> {
    pub(crate) fn new() -> Outcome<Self> {
        let (arena, copy) = (Arena::new()?, Arena::new()?);
        // What a process finds out once is found out before anyone is forked. Twice: what was closed is free.
        for _ in 0..2 {
            let ends = (K::producer(&arena.ring), K::consumer(&arena.ring));
            ends.0.map_err(os("a role that is free cannot be taken"))?;
            ends.1.map_err(os("a role that is free cannot be taken"))?;
        }
        Ok(Self { arena, copy })
    }

    pub(super) fn start(&self, scene: Scene) -> Start {
        scene.start::<K>(&self.arena.header, &self.arena.blank)
    }

    /// What the other side stores, as far as the operation can see.
    fn set_peer(&self, scene: Scene) {
        for (side, word, value) in scene.peer_words::<K>(&self.arena.header) {
            self.arena.region.set_named(side, word, value);
        }
    }

    /// A child stopped right before the operation.
    pub(super) fn child(
        &self,
        scene: Scene,
        start: &Start,
        kept: &mut [K::Unit],
    ) -> Outcome<Traced> {
        let ring = &self.arena.ring;
        let mut child =
            Traced::start(|| perform::<K>(scene, start, ring, kept)).map_err(os("tracing"))?;
        match child.go().map_err(os("tracing"))? {
            Step::Signalled(Signal::SIGSTOP) => Ok(child),
            other => Err(format!("a child did not get ready: {other:?}")),
        }
    }

    /// Copies the region after each instruction, and checks each copy that differs from the one before as one who finds
    /// it when everybody is dead.
    pub(crate) fn images(&self, scene: Scene) -> Outcome<Window> {
        let Arena { region, header, .. } = &self.arena;
        let start = self.start(scene);
        self.arena.set(&start.image);
        self.set_peer(scene);
        let mut kept = K::kept();
        let mut child = self.child(scene, &start, &mut kept)?;
        let mut image = region.all();
        let mut last = image.clone();
        let mut window = Window::default();
        let mut seen: Option<(Seen, Ring)> = None;
        let (_, began) = judge::<K>(scene, &start, header, &image)?;
        loop {
            let at = |what: String| format!("after instruction {}, image: {what}", window.steps);
            if seen.is_none() || image != last {
                let (now, ring) = judge::<K>(scene, &start, header, &image).map_err(at)?;
                if let Some((_, before)) = &seen {
                    goes_on(scene, &began, before, &ring, &now).map_err(at)?;
                    window.sites.push((window.steps, changes(header, &last, &image)));
                }
                copied::<K>(scene, &start, &now, &read_kept(&child, &kept)?).map_err(at)?;
                // The copy differs in nothing but when it was made, and which one.
                self.copy.set(&image);
                self.copy.region.write(0, &self.copy.blank[..header.header_len as usize]);
                let survivor = Survivor::Nobody { victim_first: window.images % 2 == 1 };
                self.successors(&self.copy, scene, survivor, &now).map_err(at)?;
                last.clone_from(&image);
                if now.added + now.taken > 0 && window.moved.is_none() {
                    window.moved = Some(window.steps);
                    if now.taken > 0 {
                        // A producer may write there from now on: what is read later shows.
                        poison(region, header, None);
                        last = region.all();
                    }
                }
                seen = Some((now, ring));
                window.images += 1;
            }
            window.path.push(child.instruction().map_err(os("tracing"))?);
            match child.step().map_err(os("tracing"))? {
                Step::Stopped if window.steps < STEPS_MAX => window.steps += 1,
                Step::Signalled(Signal::SIGSTOP) => break,
                other => return Err(at(format!("it hangs or ended: {other:?}"))),
            }
            region.try_read(0, &mut image).map_err(os("reading a region"))?;
        }
        let Some((seen, now)) = seen else { return Err("nothing was seen".to_owned()) };
        whole(scene, &start, &began, &now, &seen)?;
        if scene.op.closes() {
            // The process lives on, and must not keep what it gave up.
            released(region, scene.op.side())
                .and_then(|()| {
                    let survivor = Survivor::Nobody { victim_first: false };
                    self.successors(&self.arena, scene, survivor, &seen)
                })
                .map_err(|what| format!("closed by a process that lives on: {what}"))?;
        }
        match child.go().map_err(os("tracing"))? {
            Step::Exited(0) => Ok(window),
            Step::Exited(MISREAD) => Err("it read something else than was published".to_owned()),
            other => Err(format!("the operation failed: {other:?}")),
        }
    }

    /// Kills a child after `steps` instructions and checks what is left, with or without a survivor. `path` are the
    /// addresses of the window's instructions as far as they are known.
    pub(crate) fn kill(&self, scene: Scene, steps: u64, path: &[u64], alone: bool) -> Outcome<()> {
        let inside = self.kill_one(scene, steps, path, alone)?;
        if !inside && steps < path.len() as u64 {
            // It went another way and missed the breakpoint.
            self.kill_one(scene, steps, &[], alone)?;
        }
        Ok(())
    }

    /// Whether the kill was inside of the operation, and not behind it.
    fn kill_one(&self, scene: Scene, steps: u64, path: &[u64], alone: bool) -> Outcome<bool> {
        let at = |what: String| format!("killed after instruction {steps}: {what}");
        let Arena { ring, region, header, .. } = &self.arena;
        let start = self.start(scene);
        self.arena.set(&start.image);
        let survivor = match (alone, scene.op.side()) {
            // Head is moved behind a consumer's back there.
            _ if scene.op == Op::PushLook => Survivor::Nobody { victim_first: alone },
            (true, _) => Survivor::Nobody { victim_first: steps & 2 == 0 },
            (false, Side::Producer) => {
                let rx = K::consumer(ring).map_err(os("a survivor"))?;
                Survivor::Consumer(rx, self.arena.ends(Side::Consumer, false))
            }
            (false, Side::Consumer) => {
                let tx = K::producer(ring).map_err(os("a survivor"))?;
                Survivor::Producer(tx, self.arena.ends(Side::Producer, false))
            }
        };
        self.set_peer(scene);
        let mut kept = K::kept();
        let mut child = self.child(scene, &start, &mut kept)?;
        let inside = advance(&mut child, steps, path).map_err(at)?;
        let read = read_kept(&child, &kept)?;
        drop(child);
        released(region, scene.op.side()).map_err(at)?;
        let (seen, _) = judge::<K>(scene, &start, header, &region.all()).map_err(at)?;
        copied::<K>(scene, &start, &seen, &read).map_err(at)?;
        self.successors(&self.arena, scene, survivor, &seen).map_err(at)?;
        Ok(inside)
    }

    fn successors(
        &self,
        arena: &Arena<K>,
        scene: Scene,
        survivor: Survivor<K>,
        seen: &Seen,
    ) -> Outcome<()> {
        match scene.op.side() {
            Side::Producer => after_producer(arena, survivor, seen),
            Side::Consumer => after_consumer(arena, survivor, seen),
        }
    }
}

/// Whether a child has made `steps` instructions of its window; not if it is behind the whole operation.
/// `path` are the addresses of another child's, which may have gone another way.
pub(super) fn advance(child: &mut Traced, steps: u64, path: &[u64]) -> Outcome<bool> {
    match child.advance(steps, path).map_err(os("tracing"))? {
        Step::Stopped => Ok(true),
        Step::Signalled(Signal::SIGSTOP) => Ok(false),
        other => Err(format!("it hangs or ended: {other:?}")),
    }
}

/// What the child has kept, which stands where ours does.
fn read_kept<U>(child: &Traced, kept: &[U]) -> Outcome<Vec<u8>> {
    let (base, len) = (kept.as_ptr().addr(), size_of_val(kept));
    let mut bytes = vec![0; len];
    process_vm_readv(child.pid(), &mut [IoSliceMut::new(&mut bytes)], &[RemoteIoVec { base, len }])
        .map_err(os("reading a child's memory"))?;
    Ok(bytes)
}
