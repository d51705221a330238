//! shm-ring as a transport, in the ways it can wait. It must not know the others.

use std::marker::PhantomData;

use shm_ring::{Consumer, Options, Producer, Region, Ring, Wait};

use super::{
    Fault, Handle, ITEMS, Inherited, Made, Receiver, Sender, Transport, items, with_words,
};

/// How a ring waits, and whether it looks for sleepers.
pub(crate) trait Way {
    const WAIT: Wait;
    const QUIET: bool = false;
}

/// Never sleeps.
pub(crate) struct Spin;
/// Sleeps at once.
pub(crate) struct Park;
/// Spins, then sleeps.
pub(crate) struct Balanced;
/// Never sleeps and never wakes.
pub(crate) struct Bare;

impl Way for Spin {
    const WAIT: Wait = Wait::SPIN;
}
impl Way for Park {
    const WAIT: Wait = Wait::PARK;
}
impl Way for Balanced {
    const WAIT: Wait = Wait::BALANCED;
}
impl Way for Bare {
    const WAIT: Wait = Wait::SPIN;
    const QUIET: bool = true;
}

/// The ring, waiting in one way.
pub(crate) struct Ringed<Y>(PhantomData<Y>);

pub(super) fn made<const W: usize>() -> Result<Box<dyn Made>, Fault> {
    let bytes = size_of::<[u64; W]>();
    let options = match bytes < 1024 {
        true => Options::new().items(ITEMS),
        false => Options::new().bytes(items(bytes) * bytes),
    };
    let ring = Ring::<[u64; W]>::create(Region::memfd("shm-ring-bench"), &options)
        .map_err(|error| Fault::new("creating the ring", error))?;
    let fd = ring.descriptor().try_clone_to_owned();
    let fd = fd.map_err(|error| Fault::new("keeping the ring", error))?;
    Ok(Box::new(Inherited::new(vec![fd]).holding(ring.limit_bytes() as u64)))
}

pub(super) fn open<const W: usize>(handle: &Handle, wait: Wait) -> Result<Ring<[u64; W]>, Fault> {
    let fd = handle.descriptor(0)?;
    Ring::open_with(Region::descriptor(fd), &Options::new().prefault().wait(wait))
        .map_err(|error| Fault::new("opening the ring", error))
}

impl<Y: Way> Transport for Ringed<Y> {
    type Sender<const W: usize> = Tx<Y, W>;
    type Receiver<const W: usize> = Rx<Y, W>;

    const INLINED: bool = true;

    fn make(bytes: usize) -> Result<Box<dyn Made>, Fault> {
        with_words!(bytes, W => made::<W>())
    }

    fn sender<const W: usize>(handle: &Handle) -> Result<Self::Sender<W>, Fault> {
        let producer = open(handle, Y::WAIT)?.producer();
        Ok(Tx(producer.map_err(|error| Fault::new("attaching", error))?, PhantomData))
    }

    fn receiver<const W: usize>(handle: &Handle) -> Result<Self::Receiver<W>, Fault> {
        let consumer = open(handle, Y::WAIT)?.consumer();
        let consumer = consumer.map_err(|error| Fault::new("attaching", error))?;
        let at_once = if W > SHORT { Vec::new() } else { vec![[0; W]; AT_ONCE] };
        Ok(Rx { consumer, at_once, way: PhantomData })
    }
}

pub(crate) struct Tx<Y, const W: usize>(Producer<[u64; W]>, PhantomData<Y>);
pub(crate) struct Rx<Y, const W: usize> {
    consumer: Consumer<[u64; W]>,
    /// Where short messages of a batch are taken to by one copy.
    at_once: Vec<[u64; W]>,
    way: PhantomData<Y>,
}

impl<Y: Way, const W: usize> Sender<W> for Tx<Y, W> {
    #[inline(always)]
    fn send(&mut self, message: &[u64; W]) -> Result<(), Fault> {
        let pushed = if Y::QUIET { self.0.push_quiet(message) } else { self.0.push_from(message) };
        pushed.map_err(|error| Fault::new("push", error))
    }

    #[inline(always)]
    fn send_batch(&mut self, messages: &[[u64; W]]) -> Result<(), Fault> {
        let pushed = self.0.push_slice(messages);
        pushed.map(|_| ()).map_err(|error| Fault::new("push_slice", error))
    }
}

impl<Y: Way, const W: usize> Receiver<W> for Rx<Y, W> {
    #[inline(always)]
    fn receive(&mut self, message: &mut [u64; W]) -> Result<(), Fault> {
        let popped = if Y::QUIET {
            self.consumer.pop_quiet(message)
        } else {
            self.consumer.pop_into(message)
        };
        popped.map_err(|error| Fault::new("pop", error))
    }

    #[inline(always)]
    fn receive_batch(
        &mut self,
        max: usize,
        mut each: impl FnMut(&[u64; W]),
    ) -> Result<usize, Fault> {
        // Short messages by one copy, longer ones one after the other: what is faster for each.
        if W > SHORT {
            let popped = self.consumer.pop_batch(max, |message| each(&message));
            return popped.map_err(|error| Fault::new("pop_batch", error));
        }
        let at_once = max.min(self.at_once.len());
        let popped = self.consumer.pop_slice(&mut self.at_once[..at_once]);
        let count = popped.map_err(|error| Fault::new("pop_slice", error))?;
        self.at_once[..count].iter().for_each(each);
        Ok(count)
    }
}

/// Words of a short message.
const SHORT: usize = 3;
/// The most short messages that are taken by one copy.
const AT_ONCE: usize = 64;
