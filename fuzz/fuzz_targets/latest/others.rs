//! The writer, which goes on store by store, is killed, closes and comes again, and somebody who writes anything anywhere.
//!
//! Owns: what was written, and what the region must hold as long as nobody wrote what he should not.
//! Knows nothing of: what readers answer.

use std::collections::{HashMap, VecDeque};
use std::rc::Rc;

use arbitrary::Arbitrary;
use shm_ring::{Error, Item, Latest, LatestWriter, Peer, Role};
use shm_ring_fuzz::choice::value;
use shm_ring_fuzz::memory::Memory;
use shm_ring_outsider::{self as outsider, Header, Region, Word, Writable};

use crate::machine::{self, few_or_many};
use crate::scribble::Scribble;

/// The most stores that one input makes: enough to overrun a reader of any kind.
const STORES: u64 = 40_000;
/// Stores that are held back at most.
const HELD: usize = 2_000;

#[derive(Arbitrary, Clone, Debug)]
pub(crate) enum Act {
    /// Writes so many values; the stores of all of them are shown at once, or later.
    Write {
        count: Many,
        hold: bool,
    },
    /// Shows so many of the writer's stores.
    Show(u8),
    /// Rings, often for a value that has just been written.
    Notify {
        write: bool,
    },
    Attach,
    /// Closes, often behind a value that has just been written.
    Close {
        write: bool,
    },
    Kill,
    Scribble(Scribble),
}

#[derive(Arbitrary, Clone, Copy, Debug)]
pub(crate) enum Many {
    Few(u8),
    /// About as many as there are slots: what a copy may and may not bear.
    Round(u8),
}

impl Many {
    fn of(self, slots: u64) -> u64 {
        match self {
            Self::Few(count) => 1 + u64::from(count % 4),
            Self::Round(count) => slots - 2 + u64::from(count % 4),
        }
    }
}

/// Those who act, whatever the value is.
pub(crate) trait Acts {
    fn act(&mut self, act: &Act);
}

pub(crate) struct Others<T: Item> {
    latest: Rc<Latest<T>>,
    pub(crate) memory: &'static Memory,
    pub(crate) header: Header,
    writer: Option<LatestWriter<T>>,
    /// The last version that the writer has written, shown or not.
    version: u64,
    /// Versions of which not all stores have been shown.
    pending: VecDeque<u64>,
    /// By which number the payload of a version was made.
    numbers: HashMap<u64, u64>,
    made: u64,
    pub(crate) published: u64,
    /// The version that the region began with: its payload is zeros, and so are those before it.
    first: u64,
    /// Nobody has written what he should not.
    pub(crate) clean: bool,
    /// Whether anybody ever does.
    hostile: bool,
    /// How often anybody did anything.
    pub(crate) acts: u64,
    stores: u64,
    /// How long readers had slept when a version came that is newer than this, and when it was rung for.
    newer_than: u64,
    pub(crate) news: Option<u64>,
    pub(crate) rung: Option<u64>,
    /// What had been published when a writer ended: the first of whom a call may tell.
    pub(crate) ended_at: Option<u64>,
}

impl<T: Item + Copy> Others<T> {
    /// Those in the region `memory`, which begins with version `first`.
    pub(crate) fn new(
        latest: Rc<Latest<T>>,
        memory: &'static Memory,
        header: Header,
        first: u64,
        hostile: bool,
    ) -> Self {
        memory.set_named(outsider::Side::Producer, Word::Position, first);
        Self {
            latest,
            memory,
            header,
            writer: None,
            version: first,
            pending: VecDeque::new(),
            numbers: HashMap::new(),
            made: 0,
            published: first,
            first,
            // A version that cannot be is nothing that was written.
            clean: first < outsider::Latest::ATTACH_END,
            hostile,
            acts: 0,
            stores: 0,
            newer_than: u64::MAX,
            news: None,
            rung: None,
            ended_at: None,
        }
    }

    /// A value that no other is like.
    pub(crate) fn next_value(&mut self) -> T {
        self.made += 1;
        value(self.made)
    }

    /// A word of the writer's.
    pub(crate) fn word(&self, word: Word) -> u64 {
        self.memory.named(outsider::Side::Producer, word)
    }

    pub(crate) fn slots(&self) -> u64 {
        self.header.slots()
    }

    /// What a reader of `version` must have got, if nobody wrote what he should not.
    pub(crate) fn bytes_of(&self, version: u64) -> Vec<u8> {
        match self.numbers.get(&version) {
            Some(&number) => value::<T>(number).as_bytes().to_vec(),
            None => {
                assert!(version <= self.first, "a version that was never published");
                vec![0; size_of::<T>()]
            }
        }
    }

    /// What stands in the slot of `version`.
    pub(crate) fn slot(&self, version: u64) -> Vec<u8> {
        self.memory.read(self.header.slot_at(version), size_of::<T>().next_multiple_of(8))
    }

    /// A reader that has read `version` begins a call.
    pub(crate) fn begin(&mut self, version: u64) {
        (self.newer_than, self.news, self.rung) = (version, None, None);
        self.ended_at = self.writer.is_none().then_some(self.published);
    }

    /// What a reader must be told of the writer now.
    pub(crate) fn peer(&self) -> Peer {
        let session = self.word(Word::Session);
        let pid = self.word(Word::Pid) as u32;
        let is_ours = self.word(Word::PidNamespace) == outsider::pid_namespace();
        let pid = (pid != 0 && is_ours).then_some(pid);
        let held = self.writer.is_some();
        let open = session % 2 == 1;
        let marked =
            self.word(Word::Liveness) & 1 << 30 != 0 || open && self.word(Word::Died) == session;
        match (session, open, held && !marked) {
            (_, true, true) => Peer::Alive { session, pid },
            (_, true, false) => Peer::Dead { session, pid, released: !held },
            (0, _, false) => Peer::Absent,
            // Somebody wrote the number: the holder never has an even one.
            (0, _, true) => Peer::Attaching,
            (..) => Peer::Closed { session },
        }
    }

    /// Compares the region with what was written.
    pub(crate) fn check(&self) {
        if !self.clean {
            return;
        }
        assert_eq!(self.word(Word::Position), self.published, "published");
        // The next one is begun only behind the last.
        let begun = self.pending.len() as u64;
        if begun < self.slots() {
            self.check_slot(self.published);
        }
    }

    fn check_slot(&self, version: u64) {
        let mut whole = self.bytes_of(version);
        whole.resize(whole.len().next_multiple_of(8), 0);
        assert!(self.slot(version) == whole, "version {version} is not whole in its slot");
    }

    pub(crate) fn scribble(&mut self, scribble: &Scribble) {
        if self.hostile {
            self.acts += 1;
            self.clean = false;
            scribble.write(self.memory, &self.header);
        }
    }

    fn write(&mut self, count: u64, hold: bool) {
        for _ in 0..count {
            let value = self.next_value();
            let Some(writer) = &mut self.writer else { return };
            self.stores += size_of::<T>().div_ceil(8) as u64 + 1;
            if self.stores > STORES {
                return;
            }
            machine::hold(true);
            match self.made % 2 {
                0 => writer.write(value),
                _ => writer.write_from(&value),
            }
            machine::hold(false);
            self.version += 1;
            assert_eq!(writer.version(), self.version, "what the writer counts");
            self.numbers.insert(self.version, self.made);
            self.pending.push_back(self.version);
            if !hold || machine::held() > HELD {
                self.show(usize::MAX);
            }
        }
    }

    fn show(&mut self, stores: usize) {
        for _ in 0..stores {
            let Some(value) = machine::show() else { break };
            // Its payload may hold the same number.
            if self.pending.front() == Some(&value) && self.word(Word::Position) == value {
                self.pending.pop_front();
                self.published = value;
                if self.clean {
                    self.check_slot(value);
                }
                if value > self.newer_than && self.news.is_none() {
                    self.news = Some(machine::slept());
                }
            }
        }
        assert!(machine::held() > 0 || self.pending.is_empty(), "a version that never appeared");
    }

    fn attach(&mut self) {
        let (last, session) = (self.word(Word::Position), self.word(Word::Session));
        let bell = self.next_bell();
        let taken = self.writer.is_some();
        match self.latest.writer() {
            Err(Error::RoleTaken { role: Role::Writer, .. }) if taken => {}
            Err(Error::Corrupt { role: Role::Writer, .. })
                if !taken && last >= outsider::Latest::ATTACH_END => {}
            Ok(writer) if !taken && last < outsider::Latest::ATTACH_END => {
                assert_eq!(writer.version(), last, "where the last writer stopped");
                assert_eq!(writer.session(), session.wrapping_add(1) | 1);
                assert_eq!(self.word(Word::Session), writer.session());
                assert_eq!(self.word(Word::Pid), std::process::id().into());
                assert_eq!(self.word(Word::Bell), bell, "nobody rang");
                self.version = last;
                self.writer = Some(writer);
            }
            answer => panic!("{answer:?}, with {last} versions"),
        }
    }

    fn close(&mut self) {
        self.show(usize::MAX);
        let Some(writer) = self.writer.take() else { return };
        let (closed, bell) = (writer.session().wrapping_add(1), self.next_bell());
        self.ended_at.get_or_insert(self.published);
        writer.close();
        assert_eq!(self.word(Word::Session), closed);
        assert_eq!(self.word(Word::Bell), bell, "nobody rang");
    }

    fn kill(&mut self) {
        let Some(writer) = self.writer.take() else { return };
        self.ended_at.get_or_insert(self.published);
        machine::kill(|| drop(writer));
        for version in self.pending.drain(..) {
            self.numbers.remove(&version);
        }
    }

    /// The bell after it was rung once more.
    fn next_bell(&self) -> u64 {
        u64::from((self.word(Word::Bell) as u32).wrapping_add(1))
    }

    fn notify(&mut self) {
        self.show(usize::MAX);
        let bell = self.next_bell();
        let Some(writer) = &mut self.writer else { return };
        writer.notify();
        assert_eq!(self.word(Word::Bell), bell, "nobody rang");
        if self.news.is_some() && self.rung.is_none() {
            self.rung = Some(machine::slept());
        }
    }
}

impl<T: Item + Copy> Acts for Others<T> {
    fn act(&mut self, act: &Act) {
        self.acts += 1;
        match *act {
            Act::Write { count, hold } => self.write(count.of(self.slots()), hold),
            Act::Show(stores) => self.show(few_or_many(stores, 8).into()),
            Act::Notify { write } => {
                if write {
                    self.write(1, false);
                }
                self.notify();
            }
            Act::Attach => self.attach(),
            Act::Close { write } => {
                if write {
                    self.write(1, false);
                }
                self.close();
            }
            Act::Kill => self.kill(),
            Act::Scribble(ref scribble) => self.scribble(scribble),
        }
    }
}
