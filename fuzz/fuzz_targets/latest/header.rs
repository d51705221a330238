//! A region for a latest value, of which somebody may have damaged the header.
//!
//! Owns: what an input says of the region. Knows nothing of: what happens in a region that is open.

use shm_ring::Item;
use shm_ring_fuzz::damage::{Damage, affordable};
use shm_ring_fuzz::memory::{Memory, memory};
use shm_ring_outsider::{HEADER, Header, Region, Writable};

pub(crate) struct Damaged {
    pub(crate) memory: &'static Memory,
    pub(crate) bytes: [u8; HEADER],
    pub(crate) header: Header,
    /// Whether LAYOUT.md lets somebody open it who expects a latest `T`.
    pub(crate) opens: bool,
}

pub(crate) fn region<T: Item>(damages: &[Damage], len: Option<u16>) -> Damaged {
    let memory = memory();
    let wanted = Header::latest(size_of::<T>() as u64, align_of::<T>() as u64);
    memory.create(&wanted);
    let mut bytes = wanted.to_bytes();
    for damage in damages {
        damage.inflict(&mut bytes);
    }
    let header = Header::parse(&bytes);
    memory.write(0, &bytes);
    let len = len.map_or(affordable(&header), u64::from);
    if len != memory.size() {
        let mut image = memory.all();
        image.resize(len as usize, 0);
        memory.hold(&image);
    }
    let opens = header.opens(&wanted, memory.size()).is_ok();
    Damaged { memory, bytes, header, opens }
}
