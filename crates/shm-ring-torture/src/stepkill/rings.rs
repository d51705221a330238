//! Owns: rings under the knife: laid out for each child, and judged after each of its instructions. Knows nothing of: which
//! scenes there are.

use std::io::IoSliceMut;

use nix::sys::uio::{RemoteIoVec, process_vm_readv};
use shm_ring::Region;
use shm_ring_outsider::{
    Descriptor, Ends, Header, Life, Region as _, Ring, Side, Writable, changes, fresh, poison,
};

use super::judge::{Seen, copied, goes_on, judge, released, whole};
use super::kind::Kind;
use super::knife::{Done, Kill, Outcome, Subject, Window, os};
use super::op::Op;
use super::perform::perform;
use super::scene::{Scene, Start};
use super::successors::{Survivor, after};
use crate::trace::Traced;

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

/// What one child finds.
pub(crate) struct Stage<K: Kind> {
    pub(super) scene: Scene,
    pub(super) start: Start,
    survivor: Survivor<K>,
    /// What a consumer reads.
    kept: Vec<K::Unit>,
    image: Vec<u8>,
    last: Vec<u8>,
    began: Option<Ring>,
    seen: Option<(Seen, Ring)>,
}

impl<K: Kind> Stage<K> {
    /// Without anybody beside the child.
    pub(super) fn new(scene: Scene, start: Start) -> Self {
        let survivor = Survivor::Nobody { victim_first: false };
        let (kept, image) = (K::kept(), start.image.clone());
        Self { scene, start, survivor, kept, image, last: Vec::new(), began: None, seen: None }
    }
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
}

impl<K: Kind> Subject for Fixture<K> {
    type Scene = Scene;
    type Stage = Stage<K>;

    fn name(scene: Scene) -> String {
        scene.op.name().to_owned()
    }

    fn least(scene: Scene) -> (u64, u64) {
        scene.op.least()
    }

    fn says(&self, scene: Scene) -> String {
        let Scene { op, newest, at, sequence } = scene;
        let capacity = self.arena.header.capacity;
        let (lap, offset, len) = (at / capacity, at % capacity, K::len(sequence));
        let (name, kind, newest) = (op.name(), K::NAME, newest.name());
        format!("{name} ({kind}, {len} bytes, lap {lap}, offset {offset}, {newest})")
    }

    fn stage(&self, scene: Scene, kill: Option<Kill>) -> Outcome<Stage<K>> {
        let Arena { ring, region, header, .. } = &self.arena;
        let mut stage = Stage::new(scene, self.start(scene));
        self.arena.set(&stage.start.image);
        stage.survivor = match (kill, scene.op.side()) {
            (None, _) => Survivor::Nobody { victim_first: false },
            // Head is moved behind a consumer's back there.
            (Some(Kill { alone, .. }), _) if scene.op == Op::PushLook => {
                Survivor::Nobody { victim_first: alone }
            }
            (Some(Kill { alone: true, steps }), _) => {
                Survivor::Nobody { victim_first: steps & 2 == 0 }
            }
            (_, Side::Producer) => {
                let rx = K::consumer(ring).map_err(os("a survivor"))?;
                Survivor::Consumer(rx, self.arena.ends(Side::Consumer, false))
            }
            (_, Side::Consumer) => {
                let tx = K::producer(ring).map_err(os("a survivor"))?;
                Survivor::Producer(tx, self.arena.ends(Side::Producer, false))
            }
        };
        // What the other side stores, as far as the operation can see.
        for (side, word, value) in scene.peer_words::<K>(header) {
            region.set_named(side, word, value);
        }
        Ok(stage)
    }

    fn perform(&self, stage: &mut Stage<K>) -> Done {
        perform::<K>(stage.scene, &stage.start, &self.arena.ring, &mut stage.kept)
    }

    fn look(&self, stage: &mut Stage<K>, child: &Traced, window: &mut Window) -> Outcome<()> {
        let Arena { region, header, .. } = &self.arena;
        let Stage { scene, start, kept, image, last, began, seen, .. } = stage;
        let scene = *scene;
        region.try_read(0, image).map_err(os("reading a region"))?;
        if seen.is_some() && image == last {
            return Ok(());
        }
        let (now, ring) = judge::<K>(scene, start, header, image)?;
        let began = began.get_or_insert_with(|| ring.clone());
        if let Some((_, before)) = seen {
            goes_on(scene, began, before, &ring, &now)?;
        }
        copied::<K>(scene, start, &now, &read_kept(child, kept)?)?;
        // The copy differs in nothing but when it was made, and which one.
        self.copy.set(image);
        self.copy.region.write(0, &self.copy.blank[..header.header_len as usize]);
        let survivor = Survivor::Nobody { victim_first: window.images % 2 == 1 };
        after(&self.copy, scene.op.side(), survivor, &now)?;
        last.clone_from(image);
        if now.added + now.taken > 0 && window.moved.is_none() {
            window.moved = Some(window.steps);
            if now.taken > 0 {
                // A producer may write there from now on: what is read later shows.
                poison(region, header, None);
                *last = region.all();
            }
        }
        *seen = Some((now, ring));
        window.images += 1;
        Ok(())
    }

    fn whole(&self, stage: Stage<K>) -> Outcome<()> {
        let Stage { scene, start, survivor, began, seen, .. } = stage;
        let (Some(began), Some((seen, now))) = (began, seen) else {
            return Err("nothing was seen".to_owned());
        };
        whole(scene, &start, &began, &now, &seen)?;
        if scene.op.closes() {
            // The process lives on, and must not keep what it gave up.
            let side = scene.op.side();
            released(&self.arena.region, side)
                .and_then(|()| after(&self.arena, side, survivor, &seen))
                .map_err(|what| format!("closed by a process that lives on: {what}"))?;
        }
        Ok(())
    }

    fn killed(&self, stage: Stage<K>, child: Traced) -> Outcome<()> {
        let Arena { region, header, .. } = &self.arena;
        let Stage { scene, start, survivor, kept, .. } = stage;
        let read = read_kept(&child, &kept)?;
        drop(child);
        let side = scene.op.side();
        released(region, side)?;
        let (seen, _) = judge::<K>(scene, &start, header, &region.all())?;
        copied::<K>(scene, &start, &seen, &read)?;
        after(&self.arena, side, survivor, &seen)
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
