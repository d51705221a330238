//! The outsider judged by images built by hand: what is right passes, and each rule refuses what breaks it.

mod header;
mod judge;
mod latest;
mod newest;
mod peers;
mod records;
mod regions;
mod sides;
mod wild;

use shm_ring_outsider::{
    Header, Region, Rule, Writable, cells, fresh, judge, lay, producer, publish,
};

/// The bytes that record number `n` of `len` bytes holds.
pub(crate) fn payload(n: usize, len: usize) -> Vec<u8> {
    (0..len).map(|at| (n * 31 + at * 7 + 1) as u8).collect()
}

/// A ring that begins at `start` with records of these lengths, all unread, and the front of the newest if it
/// fits and `front` says so.
pub(crate) fn ring(header: &Header, start: u64, lens: &[usize], front: bool) -> Vec<u8> {
    let mut image = fresh(header);
    let region = cells(&mut image);
    shm_ring_outsider::start_at(region, header, start);
    let (mut tail, mut newest) = (start, None);
    for (n, &len) in lens.iter().enumerate() {
        newest = Some((tail, payload(n, len)));
        tail = lay(region, header, tail, &payload(n, len));
    }
    let newest = newest.filter(|(at, payload)| front && header.front_of(*at, payload).is_some());
    publish(region, header, tail, newest.as_ref().map(|(at, payload)| (*at, &payload[..])));
    image
}

/// Asserts that `image` is refused by `rule` once `damage` was done to it, and passes before.
#[track_caller]
pub(crate) fn refused(image: &[u8], header: &Header, rule: Rule, damage: impl Fn(&Cells)) {
    judge(image, header).unwrap_or_else(|violation| panic!("undamaged: {violation}"));
    let mut image = image.to_vec();
    damage(cells(&mut image));
    let violation = judge(&image[..], header).expect_err("damaged");
    assert_eq!(violation.rule, rule, "{violation}");
    assert!(violation.to_string().len() > 20, "{violation}");
}

pub(crate) type Cells = [core::cell::Cell<u8>];

/// Turns the bit over that is `mask` in the byte at `at`.
pub(crate) fn flip(region: &Cells, at: u64, mask: u8) {
    region.write(at, &[region.read(at, 1)[0] ^ mask]);
}

/// An image whose producer moves by as much after each look at its position.
pub(crate) struct Moving {
    image: Vec<u8>,
    position: core::cell::Cell<u64>,
    by: u64,
}

impl Moving {
    pub(crate) fn new(image: Vec<u8>, by: u64) -> Self {
        let position = image[..].word(producer()).into();
        Self { image, position, by }
    }
}

impl Region for Moving {
    fn size(&self) -> u64 {
        self.image[..].size()
    }

    fn try_read(&self, at: u64, into: &mut [u8]) -> std::io::Result<()> {
        self.image[..].try_read(at, into)?;
        if at == producer() {
            let next = self.position.get().wrapping_add(self.by);
            into.copy_from_slice(&self.position.replace(next).to_le_bytes());
        }
        Ok(())
    }
}
