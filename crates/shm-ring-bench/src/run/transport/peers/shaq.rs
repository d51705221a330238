//! shaq between two processes: one commit for each message written, one for each read, as it is used
//! for one item at a time.
//!
//! Invariant of the unsafe blocks: the parent initialises a file once and attaches to it no more; one
//! child joins as the producer and one as the consumer, both for messages of the size that the file
//! was made for, which are plain words.
#![allow(unsafe_code)]

use std::fs::File;
use std::hint::spin_loop;

use ::shaq::spsc;
use rustix::fs::{MemfdFlags, memfd_create};

use crate::run::transport::{
    Fault, Handle, Inherited, Made, Receiver, Sender, Transport, items, with_words,
};

pub(crate) struct Shaq;

pub(crate) struct Tx<const W: usize>(spsc::Producer<[u64; W]>);
pub(crate) struct Rx<const W: usize>(spsc::Consumer<[u64; W]>);

fn fault(error: ::shaq::error::Error) -> Fault {
    Fault::new("shaq", format_args!("{error:?}"))
}

fn initialise<const W: usize>(file: &File) -> Result<(), Fault> {
    let size = spsc::minimum_file_size::<[u64; W]>(items(size_of::<[u64; W]>()));
    // SAFETY: the invariant.
    unsafe { spsc::Producer::<[u64; W]>::create(file, size) }.map(drop).map_err(fault)
}

impl Transport for Shaq {
    type Sender<const W: usize> = Tx<W>;
    type Receiver<const W: usize> = Rx<W>;

    const INLINED: bool = true;

    fn make(bytes: usize) -> Result<Box<dyn Made>, Fault> {
        let fd = memfd_create("shm-ring-bench-shaq", MemfdFlags::CLOEXEC)
            .map_err(|error| Fault::new("memfd_create", error))?;
        let file = File::from(fd);
        with_words!(bytes, W => initialise::<W>(&file))?;
        Ok(Box::new(Inherited::new(vec![file.into()]).holding((items(bytes) * bytes) as u64)))
    }

    fn sender<const W: usize>(handle: &Handle) -> Result<Tx<W>, Fault> {
        // SAFETY: the invariant.
        unsafe { spsc::Producer::join(&handle.descriptor(0)?.into()) }.map(Tx).map_err(fault)
    }

    fn receiver<const W: usize>(handle: &Handle) -> Result<Rx<W>, Fault> {
        // SAFETY: the invariant.
        unsafe { spsc::Consumer::join(&handle.descriptor(0)?.into()) }.map(Rx).map_err(fault)
    }
}

impl<const W: usize> Sender<W> for Tx<W> {
    #[inline(always)]
    fn send(&mut self, message: &[u64; W]) -> Result<(), Fault> {
        let mut item = *message;
        while let Err(back) = self.0.try_write(item) {
            item = back;
            spin_loop();
            self.0.sync();
        }
        self.0.commit();
        Ok(())
    }
}

impl<const W: usize> Receiver<W> for Rx<W> {
    #[inline(always)]
    fn receive(&mut self, message: &mut [u64; W]) -> Result<(), Fault> {
        loop {
            if let Some(item) = self.0.try_read() {
                *message = *item;
                self.0.finalize();
                return Ok(());
            }
            spin_loop();
            self.0.sync();
        }
    }
}
