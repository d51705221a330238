//! Taking part: finding or making the ring, and becoming one of its ends. It must not know what is sent.

use shm_ring::{
    Contents, Ends, Error, MessageConsumer, MessageProducer, MessageRing, Observer, Options,
    Snapshot, UntypedConsumer, UntypedProducer, UntypedRing,
};
use shm_ring_console::terminal;

use crate::cli::{Copying, Frames};
use crate::failure::{Code, Failure};

/// What a ring that was created on demand says of itself: when the stream that it carried has ended, its
/// reader removes it.
const ON_DEMAND: &str = "shm-ring stream";

/// How often a ring that went away is looked for again.
const ROUNDS: u32 = 200;

/// A ring, or an end of it, and whether the ring was created on demand.
pub(crate) struct Attached<E> {
    pub(crate) end: E,
    pub(crate) on_demand: bool,
}

/// A ring, or an end of one, by what it carries.
pub(crate) enum Carrying<M, V> {
    Messages(M),
    Values(V),
}

type Ring = Carrying<MessageRing, UntypedRing>;

pub(crate) fn producer(
    copying: &Copying,
) -> Result<Attached<Carrying<MessageProducer, UntypedProducer>>, Failure> {
    attach(copying, |ring| match ring {
        Carrying::Messages(ring) => ring.producer().map(Carrying::Messages),
        Carrying::Values(ring) => ring.producer().map(Carrying::Values),
    })
}

pub(crate) fn consumer(
    copying: &Copying,
) -> Result<Attached<Carrying<MessageConsumer, UntypedConsumer>>, Failure> {
    attach(copying, |ring| match ring {
        Carrying::Messages(ring) => ring.consumer().map(Carrying::Messages),
        Carrying::Values(ring) => ring.consumer().map(Carrying::Values),
    })
}

fn attach<E>(
    copying: &Copying,
    take: impl Fn(&Ring) -> Result<E, Error>,
) -> Result<Attached<E>, Failure> {
    for _ in 0..ROUNDS {
        let Some(Attached { end: ring, on_demand }) = open_or_create(copying)? else { continue };
        match take(&ring) {
            Ok(end) => return Ok(Attached { end, on_demand }),
            // It was removed in between.
            Err(Error::NameGone { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Err(Failure::new(
        Code::Failure,
        format!("{} comes and goes all the time", copying.target),
        "somebody else creates and removes it: use another name",
    ))
}

/// The ring, with what it carries, the schema and the label that it has. `None` if somebody was faster.
fn open_or_create(copying: &Copying) -> Result<Option<Attached<Ring>>, Failure> {
    let region = || copying.target.region();
    let found = match look(copying) {
        Ok(snapshot) => open(copying, &snapshot)
            .map(|ring| Attached { end: ring, on_demand: snapshot.label == ON_DEMAND }),
        Err(Error::NotFound { .. }) if copying.target.has_a_name() => {
            let options = Options::new().bytes(copying.bytes).label(ON_DEMAND).ends(Ends::OfStream);
            let created = MessageRing::create(region(), &options);
            match created {
                Ok(_) => terminal::note(&format!(
                    "created {}, which waits for the other side",
                    copying.target
                )),
                // The other side may be making it: both do not fit at once.
                Err(Error::NoSpace { .. }) => {
                    return match MessageRing::open_or_create(region(), &options) {
                        // It is there, and is as the other side wants it.
                        Err(Error::Incompatible { .. }) => Ok(None),
                        answer => {
                            let end = Carrying::Messages(answer?);
                            Ok(Some(Attached { end, on_demand: true }))
                        }
                    };
                }
                Err(_) => {}
            }
            created.map(|ring| Attached { end: Carrying::Messages(ring), on_demand: true })
        }
        Err(error) => return Err(error.into()),
    };
    match found {
        Err(Error::AlreadyExists { .. } | Error::NotFound { .. }) => Ok(None),
        found => Ok(Some(found?)),
    }
}

fn open(copying: &Copying, snapshot: &Snapshot) -> Result<Ring, Error> {
    let (region, options) = (copying.target.region(), copying.trust.to_attach());
    if let Contents::Values { .. } = snapshot.contents {
        return UntypedRing::open_any(region, &options).map(Carrying::Values);
    }
    // Of a latest value the library says what differs.
    let options = options.schema(snapshot.schema).label(snapshot.label.as_str());
    MessageRing::open_with(region, &options).map(Carrying::Messages)
}

fn look(copying: &Copying) -> Result<Snapshot, Error> {
    let observer = Observer::open_with(copying.target.region(), &copying.trust.to_look())?;
    Ok(observer.snapshot())
}

/// Bytes in the ring that nobody has read, as it is now.
pub(crate) fn unread(copying: &Copying) -> u64 {
    look(copying).map_or(0, |snapshot| snapshot.unread_bytes())
}

/// Framing says where messages end. Values have one size, and `--raw` says nothing else.
pub(crate) fn only_raw(copying: &Copying, size: usize) -> Result<(), Failure> {
    if copying.framing.frames() == Frames::Raw {
        return Ok(());
    }
    Err(Failure::new(
        Code::Usage,
        format!(
            "{} carries values of {size} bytes, which are neither lines nor prefixed",
            copying.target
        ),
        "without --lines and --length-prefixed they are copied as they are",
    ))
}
