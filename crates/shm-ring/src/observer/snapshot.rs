//! Owns: one look at a ring. Knows nothing of: records; `dump` does.

use core::time::Duration;
use std::os::fd::AsFd;
use std::time::{Instant, SystemTime};

use super::Observer;
use super::positions::Positions;
use crate::peer::Peer;
use crate::protocol::layout::{KIND_LATEST, KIND_VALUES, NEVER};
use crate::protocol::session::{self, Life};
use crate::region::lease;
use crate::region::procfs::Processes;
use crate::ring::header;
use crate::role::Role;

/// The state of a ring at one moment: [`Observer::snapshot`].
///
/// ```
/// # use shm_ring::{DumpError, Contents, Observer, Options, MessageRing, Peer, Region, Ring};
/// # let ring = Ring::<u64>::create(Region::memfd("doc"), &Options::new())?;
/// # let (mut tx, mut rx) = (ring.producer()?, ring.consumer()?);
/// # let fd = ring.descriptor().try_clone_to_owned()?;
/// # let observer = Observer::open(Region::descriptor(fd))?;
/// let Contents::Values { size, .. } = observer.snapshot().contents else { panic!("messages") };
/// assert_eq!(size, 8);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Snapshot {
    /// When the positions were read: rates are differences of two snapshots.
    pub taken: Instant,
    /// The region, as error messages name it.
    pub region: String,
    /// A random number: another ring under the same name has another one.
    pub id: u128,
    /// The layout version.
    pub layout: u32,
    /// When the ring was created, by the clock of its creator.
    pub created: SystemTime,
    /// The kind of the records.
    pub contents: Contents,
    /// The user's number for the meaning of the items; 0 if none was given.
    pub schema: u64,
    /// The user's text that says what is inside; empty if none was given.
    pub label: String,
    /// Bytes of the data area: the limit rounded up to a power of two, at least a page.
    pub capacity: u64,
    /// The most bytes of records in flight: "full" is this much.
    pub limit: u64,
    /// The producer's position: how many bytes have been published since the ring was created, messages with
    /// their headers and fill. Of a latest value, so many slots.
    pub tail: u64,
    /// The consumer's position: how many bytes have been read, counted in the same way. Zero of a latest value,
    /// whose readers leave no trace.
    pub head: u64,
    /// Whether `tail` and `head` belong to one moment. If not, the consumer moved on whenever we looked,
    /// and their difference is off by what moved meanwhile.
    pub settled: bool,
    /// Whether the two positions contradict the protocol: the next side to attach will be told
    /// `Corrupt`.
    pub corrupt: bool,
    /// The most bytes that the producer saw in flight when it looked, which it does when it runs out of
    /// room that it knows of. Zero until then.
    pub high_water: u64,
    /// How many records the producer's user counted as thrown away
    /// ([`Producer::count_dropped`](crate::Producer::count_dropped)).
    pub dropped: u64,
    /// The side that publishes. Of a latest value, its writer.
    pub producer: SideSnapshot,
    /// The side that reads. Of a latest value, nobody: its readers leave no trace.
    pub consumer: SideSnapshot,
}

/// The kind of the records of a ring, by its header.
///
/// ```
/// # use shm_ring::{DumpError, Contents, Observer, Options, MessageRing, Peer, Region, Ring};
/// # let ring = MessageRing::create(Region::memfd("doc"), &Options::new())?;
/// # let (mut tx, mut rx) = (ring.producer()?, ring.consumer()?);
/// # let fd = ring.descriptor().try_clone_to_owned()?;
/// # let observer = Observer::open(Region::descriptor(fd))?;
/// let messages = matches!(observer.snapshot().contents, Contents::Messages { .. });
/// assert!(messages);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Contents {
    /// Values of one size.
    Values {
        /// Bytes of a value.
        size: u64,
        /// Its alignment.
        align: u64,
    },
    /// Messages of any length.
    Messages {
        /// Always 1: messages are bytes.
        size: u64,
        /// The minimum alignment of the payloads ([`Options::align`](crate::Options::align)).
        align: u64,
    },
    /// No records: a [`Latest`](crate::Latest) value.
    Latest {
        /// Bytes of the value.
        size: u64,
        /// Its alignment.
        align: u64,
    },
}

/// One side of a ring, in a [`Snapshot`].
///
/// ```
/// # use shm_ring::{DumpError, Contents, Observer, Options, MessageRing, Peer, Region, Ring};
/// # let ring = Ring::<u64>::create(Region::memfd("doc"), &Options::new())?;
/// # let (mut tx, mut rx) = (ring.producer()?, ring.consumer()?);
/// # let fd = ring.descriptor().try_clone_to_owned()?;
/// # let observer = Observer::open(Region::descriptor(fd))?;
/// drop(tx);
/// let snapshot = observer.snapshot();
/// assert!(matches!(snapshot.producer.peer, Peer::Closed { .. }));
/// assert!(matches!(snapshot.consumer.peer, Peer::Alive { .. }));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SideSnapshot {
    /// Whether somebody holds the role, and the number of the attachment.
    pub peer: Peer,
    /// The name of the process that holds the role. `None` if nobody does, and if /proc does not show
    /// us that the process with that number has this ring open.
    pub command: Option<String>,
    /// Where the other side's position must come for this side to be woken, if it sleeps. A side that
    /// was killed asleep leaves this behind.
    pub wakes_at: Option<u64>,
    /// How often this side has gone to sleep.
    pub sleeps: u64,
    /// How often it has rung for the other side: to wake it, on attaching and on closing.
    pub wakes_sent: u64,
    /// How often it had to wait: the producer for room, the consumer for a record.
    pub waits: u64,
}

impl Snapshot {
    /// Bytes between the two positions: records that have been published and not read, messages with
    /// their headers and padding.
    ///
    /// ```
    /// use shm_ring::{MessageRing, Observer, Options, Region, Ring};
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let ring = MessageRing::create(Region::memfd("doc"), &Options::new().bytes(4096))?;
    /// ring.producer()?.push(b"eleven byte")?;
    /// let fd = ring.descriptor().try_clone_to_owned()?;
    /// let snapshot = Observer::open(Region::descriptor(fd))?.snapshot();
    /// assert_eq!((snapshot.unread_bytes(), snapshot.limit), (24, 4096));
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn unread_bytes(&self) -> u64 {
        match self.contents {
            _ if self.corrupt => 0,
            Contents::Latest { .. } => 0,
            _ => self.tail.saturating_sub(self.head).min(self.limit),
        }
    }

    /// How many records that is. `None` for messages, which have no common size ([`Observer::dump`]
    /// counts them), and for a latest value, of which nobody knows who has read it.
    ///
    /// ```
    /// # use shm_ring::{DumpError, Contents, Observer, Options, MessageRing, Peer, Region, Ring};
    /// # let ring = Ring::<u64>::create(Region::memfd("doc"), &Options::new())?;
    /// # let (mut tx, mut rx) = (ring.producer()?, ring.consumer()?);
    /// # let fd = ring.descriptor().try_clone_to_owned()?;
    /// # let observer = Observer::open(Region::descriptor(fd))?;
    /// tx.push_batch([1, 2, 3])?;
    /// rx.pop()?;
    /// assert_eq!(observer.snapshot().unread_records(), Some(2));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn unread_records(&self) -> Option<u64> {
        match self.contents {
            Contents::Latest { .. } => None,
            _ => self.contents.stride().map(|stride| self.unread_bytes() / stride),
        }
    }

    /// How many records have been published since the ring was created, or how often a latest value was
    /// written. `None` for messages.
    ///
    /// ```
    /// use shm_ring::{Latest, Observer, Options, Region};
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let latest = Latest::<u64>::create(Region::memfd("doc"), &Options::new())?;
    /// let mut writer = latest.writer()?;
    /// (1..=3).for_each(|n| writer.write(n));
    /// let fd = latest.descriptor().try_clone_to_owned()?;
    /// let snapshot = Observer::open(Region::descriptor(fd))?.snapshot();
    /// assert_eq!(snapshot.published_records(), Some(3));
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn published_records(&self) -> Option<u64> {
        self.contents.stride().map(|stride| self.tail / stride)
    }

    /// How long ago the ring was created, by the clock of this machine. Zero for one from the future.
    ///
    /// ```
    /// # use shm_ring::{DumpError, Contents, Observer, Options, MessageRing, Peer, Region, Ring};
    /// # let ring = Ring::<u64>::create(Region::memfd("doc"), &Options::new())?;
    /// # let (mut tx, mut rx) = (ring.producer()?, ring.consumer()?);
    /// # let fd = ring.descriptor().try_clone_to_owned()?;
    /// # let observer = Observer::open(Region::descriptor(fd))?;
    /// assert!(observer.snapshot().age().as_secs() < 3600);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn age(&self) -> Duration {
        SystemTime::now().duration_since(self.created).unwrap_or_default()
    }
}

impl Contents {
    /// Bytes from one record or slot to the next, where all have the same: a difference of positions
    /// divided by this is a number of records, or of values that were written.
    ///
    /// ```
    /// use shm_ring::{MessageRing, Observer, Options, Region, Ring};
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let ring = Ring::<[u32; 5]>::create(Region::memfd("doc"), &Options::new())?;
    /// let fd = ring.descriptor().try_clone_to_owned()?;
    /// let contents = Observer::open(Region::descriptor(fd))?.snapshot().contents;
    /// assert_eq!(contents.stride(), Some(20));
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn stride(&self) -> Option<u64> {
        match *self {
            Self::Values { size, .. } => Some(size),
            Self::Latest { size, align } => Some(crate::protocol::version::slot_size(align, size)),
            Self::Messages { .. } => None,
        }
    }
}

impl SideSnapshot {
    /// Whether somebody holds the role and sleeps.
    ///
    /// ```
    /// # use shm_ring::{DumpError, Contents, Observer, Options, MessageRing, Peer, Region, Ring};
    /// # let ring = Ring::<u64>::create(Region::memfd("doc"), &Options::new())?;
    /// # let (mut tx, mut rx) = (ring.producer()?, ring.consumer()?);
    /// # let fd = ring.descriptor().try_clone_to_owned()?;
    /// # let observer = Observer::open(Region::descriptor(fd))?;
    /// // Nobody waits here.
    /// assert!(!observer.snapshot().consumer.is_asleep());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn is_asleep(&self) -> bool {
        self.wakes_at.is_some() && matches!(self.peer, Peer::Alive { .. })
    }
}

/// Who held the sides of a ring at the last look. A session is one process's from its beginning to its end, so which
/// process that is need be found out only once.
#[derive(Default)]
pub(super) struct Holders {
    producer: Option<Holder>,
    consumer: Option<Holder>,
}

/// A process that has the ring open, and its session.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Holder {
    session: u64,
    pid: u32,
}

impl Observer {
    /// Returns the state of the ring now.
    ///
    /// Each position and counter is read whole, and none ever goes back as long as the ring is not
    /// corrupt, so the differences of two snapshots are exact: divide them by the time between their
    /// [`taken`](Snapshot::taken) for rates. The two positions belong to one moment if
    /// [`settled`](Snapshot::settled) says so; everything else is read one after the other while the
    /// sides go on, and may be a moment older or newer than the positions.
    ///
    /// It costs some loads, two questions to the kernel about the roles, and a look into /proc for the
    /// commands. It never waits.
    ///
    /// ```
    /// use shm_ring::{MessageRing, Observer, Options, Region, Ring};
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let ring = Ring::<u64>::create(Region::memfd("doc"), &Options::new())?;
    /// let (mut tx, mut rx) = (ring.producer()?, ring.consumer()?);
    /// let observer = Observer::open(Region::descriptor(ring.descriptor().try_clone_to_owned()?))?;
    /// let before = observer.snapshot();
    /// for n in 0..100 {
    ///     tx.push(n)?;
    ///     rx.pop()?;
    /// }
    /// let after = observer.snapshot();
    /// let records = (after.head - before.head) / after.contents.stride().expect("values");
    /// let seconds = (after.taken - before.taken).as_secs_f64();
    /// println!("{:.0} records a second", records as f64 / seconds);
    /// assert_eq!(records, 100);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        self.snapshot_beside(&mut Processes::default(), &mut Holders::default())
    }

    /// [`snapshot`](Self::snapshot), where other rings of the same processes were looked at before, and this one with those
    /// `holders`.
    pub(super) fn snapshot_beside(
        &self,
        processes: &mut Processes,
        holders: &mut Holders,
    ) -> Snapshot {
        let header = &self.header;
        let (size, align) = (header.item_size, header.item_align);
        let Positions { head, tail, settled, corrupt } = self.positions();
        let taken = Instant::now();
        let counters = self.mapping.side(Role::Producer).map(|page| &page.counters.0);
        Snapshot {
            taken,
            region: self.backing.region.clone(),
            id: u128::from_le_bytes(header.id),
            layout: header.version,
            created: SystemTime::UNIX_EPOCH + Duration::from_nanos(header.created),
            contents: match header.kind {
                KIND_VALUES => Contents::Values { size, align },
                KIND_LATEST => Contents::Latest { size, align },
                _ => Contents::Messages { size, align },
            },
            schema: header.schema,
            label: header::label(header).unwrap_or_default().to_owned(),
            capacity: self.layout.records.capacity,
            limit: self.layout.records.limit,
            tail,
            head,
            settled,
            corrupt,
            high_water: counters.map(|counters| &counters.high_water).relaxed(),
            dropped: counters.map(|counters| &counters.dropped).relaxed(),
            producer: self.side(Role::Producer, processes, &mut holders.producer),
            consumer: self.side(Role::Consumer, processes, &mut holders.consumer),
        }
    }

    fn side(
        &self,
        role: Role,
        processes: &mut Processes,
        holder: &mut Option<Holder>,
    ) -> SideSnapshot {
        let (page, fd) = (self.mapping.side(role), self.backing.fd.as_fd());
        let held = || lease::is_held(fd, self.layout.page, role);
        let (life, session) = session::look(page, held);
        let pid = processes.meaningful(session::signature(page));
        let peer = Peer::of(life, session, pid);
        let wake_at = page.map(|page| &page.park.0.wake_at).relaxed();
        let counters = page.map(|page| &page.counters.0);
        let now = pid.filter(|_| life == Life::Alive).map(|pid| Holder { session, pid });
        let mut has_open = |pid| *holder == now || processes.has_open(pid, fd);
        *holder = now.filter(|&Holder { pid, .. }| has_open(pid));
        SideSnapshot {
            command: holder.and_then(|holder| processes.name(holder.pid)),
            peer,
            wakes_at: (wake_at != NEVER).then_some(wake_at),
            sleeps: counters.map(|counters| &counters.sleeps).relaxed(),
            wakes_sent: counters.map(|counters| &counters.wakes_sent).relaxed(),
            waits: counters.map(|counters| &counters.waits).relaxed(),
        }
    }
}
