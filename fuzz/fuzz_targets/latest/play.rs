//! What an input says, and how it is played: a region, and one call after the other.
//!
//! Owns: the calls there are. Knows nothing of: what they answer.

use std::cell::RefCell;
use std::fmt::Debug;
use std::rc::Rc;

use arbitrary::{Arbitrary, Unstructured};
use std::time::Duration;

use shm_ring::{Item, Latest, Options};
use shm_ring_fuzz::choice::Policy;
use shm_ring_fuzz::damage::{Damage, check_refusal};
use shm_ring_outsider::{Header, Region, Writable, judge_latest};
use zerocopy::{FromBytes, Immutable, IntoBytes};

use crate::header::{self, Damaged};
use crate::machine::{self, Meanwhile};
use crate::others::{Act, Acts, Others};
use crate::reader::Reader;
use crate::scribble::{Count, Scribble};

/// The longest input that is looked at.
const CALLS: usize = 60;
const READERS: usize = 2;

#[derive(Debug)]
pub(crate) struct Input {
    kind: Kind,
    /// Whether somebody writes what he should not; if not, scribbles are passed over.
    hostile: bool,
    /// Few have any: most of it can only be refused.
    damages: Option<[Damage; 2]>,
    /// How long the region is, if not as long as its header says.
    len: Option<u16>,
    wait: Policy,
    /// How many versions there are at the beginning, if not none.
    first: Option<Count>,
    calls: Vec<Call>,
}

impl<'a> Arbitrary<'a> for Input {
    /// Calls to the end of the input: a list that says before each whether it goes on is a short one.
    fn arbitrary(u: &mut Unstructured<'a>) -> arbitrary::Result<Self> {
        let (kind, hostile, wait, first) =
            (u.arbitrary()?, u.arbitrary()?, u.arbitrary()?, u.arbitrary()?);
        let damages = if u.ratio(1, 8)? { u.arbitrary()? } else { None };
        let len = if u.ratio(1, 64)? { u.arbitrary()? } else { None };
        let mut calls = Vec::new();
        while !u.is_empty() && calls.len() < CALLS {
            calls.push(u.arbitrary()?);
        }
        Ok(Self { kind, hostile, damages, len, wait, first, calls })
    }
}

#[derive(Arbitrary, Debug)]
enum Kind {
    /// Few slots.
    Longest,
    Long,
    Aligned,
    Word,
    Odd,
    Byte,
}

/// More alignment than a word.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable)]
#[repr(C, align(256))]
struct Aligned([u8; 256]);

#[derive(Arbitrary, Debug)]
enum Call {
    Act(Act),
    Scribble(Scribble),
    Read {
        second: bool,
        into: bool,
        meanwhile: Vec<Meanwhile>,
    },
    ReadNewer {
        second: bool,
        micros: u16,
        meanwhile: Vec<Meanwhile>,
    },
    Next {
        second: bool,
        into: bool,
        meanwhile: Vec<Meanwhile>,
    },
    NextTimeout {
        second: bool,
        micros: u16,
        meanwhile: Vec<Meanwhile>,
    },
    StartAtOldest {
        second: bool,
        meanwhile: Vec<Meanwhile>,
    },
    HasNewer {
        second: bool,
        meanwhile: Vec<Meanwhile>,
    },
    Ask {
        second: bool,
        meanwhile: Vec<Meanwhile>,
    },
    /// Another reader in place of this one.
    Again {
        second: bool,
    },
}

pub(crate) fn choose(input: &Input) {
    match input.kind {
        Kind::Longest => play::<[u8; 1021]>(input),
        Kind::Long => play::<[u8; 300]>(input),
        Kind::Aligned => play::<Aligned>(input),
        Kind::Word => play::<u64>(input),
        Kind::Odd => play::<[u8; 13]>(input),
        Kind::Byte => play::<u8>(input),
    }
}

fn play<T: Item + Copy + Debug + 'static>(input: &Input) {
    let damages = input.damages.as_ref().map_or(&[][..], |damages| &damages[..]);
    let Damaged { memory, bytes, header, opens } = header::region::<T>(damages, input.len);
    let mut wait = input.wait.wait();
    // A wait that never sleeps makes a step for each hundred nanoseconds.
    (wait.park, wait.spins) = (true, wait.spins.min(300));
    let options = Options::new().wait(wait).attach_timeout(Duration::ZERO);
    let latest = match Latest::<T>::open_with(memory.region(), &options) {
        Ok(latest) if opens => Rc::new(latest),
        Err(error) if !opens => return check_refusal(&error),
        answer => panic!("{answer:?}, and it should open: {opens}"),
    };
    let first = input.first.map_or(0, |count| count.from(40));
    let others =
        Rc::new(RefCell::new(Others::new(latest.clone(), memory, header, first, input.hostile)));
    machine::begin(others.clone());
    others.borrow_mut().act(&Act::Attach);
    let mut readers = [(); READERS].map(|()| Reader::new(&latest, others.clone()));
    for call in &input.calls {
        match *call {
            Call::Act(ref act) => others.borrow_mut().act(act),
            Call::Scribble(ref scribble) => others.borrow_mut().scribble(scribble),
            Call::Read { second, into, ref meanwhile } => {
                readers[usize::from(second)].read(into, meanwhile);
            }
            Call::ReadNewer { second, micros, ref meanwhile } => {
                readers[usize::from(second)].read_newer(micros % 4096, meanwhile);
            }
            Call::Next { second, into, ref meanwhile } => {
                readers[usize::from(second)].next(into, meanwhile);
            }
            Call::NextTimeout { second, micros, ref meanwhile } => {
                readers[usize::from(second)].next_timeout(micros % 4096, meanwhile);
            }
            Call::StartAtOldest { second, ref meanwhile } => {
                readers[usize::from(second)].start_at_oldest(meanwhile);
            }
            Call::HasNewer { second, ref meanwhile } => {
                readers[usize::from(second)].has_newer(meanwhile);
            }
            Call::Ask { second, ref meanwhile } => readers[usize::from(second)].ask(meanwhile),
            Call::Again { second } => {
                readers[usize::from(second)] = Reader::new(&latest, others.clone());
            }
        }
        others.borrow().check();
    }
    others.borrow_mut().act(&Act::Close { write: false });
    machine::end();
    drop(readers);
    let others = others.borrow();
    assert_eq!(memory.read(0, bytes.len()), bytes, "somebody wrote into the header");
    if others.clean {
        others.check();
        // What is damaged and yet opens is reserved.
        let header = Header { reserved: [0; 88], ..header };
        memory.write(0, &header.to_bytes());
        judge_latest(memory, &header).unwrap_or_else(|violation| panic!("{violation}"));
    }
}
