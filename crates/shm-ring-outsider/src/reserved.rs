//! The bytes that nobody writes.
//!
//! Owns: the rules for the region's length, its header and what is reserved. Knows nothing of: records.

use crate::header::{HEADER, Header};
use crate::region::Region;
use crate::violation::{Rule, Violation};
use crate::words::{Side, Word};

/// Refuses a region whose length, header or reserved bytes are not what its creator left.
pub(crate) fn check<R: Region + ?Sized>(region: &R, header: &Header) -> Result<(), Violation> {
    header.possible()?;
    header.fits(region.size())?;
    let page = u64::from(header.page);
    let first = region.read(0, page as usize);
    Violation::unless(first[..HEADER] == header.to_bytes(), Rule::Header, || {
        "the header is not the one that its creator wrote".to_owned()
    })?;
    zero(&header.reserved, "the header at 168")?;
    zero(&first[HEADER..], "the header's page at 256")?;
    for side in Side::BOTH {
        let bytes = region.read(side.page(page), page as usize);
        let mut end = 0;
        for word in Word::ALL {
            zero(&bytes[end..word.offset() as usize], &format!("the {side:?}'s page at {end}"))?;
            end = (word.offset() + word.bytes()) as usize;
            if is_absent(side, word) {
                let name = word.name(side);
                zero(&bytes[word.offset() as usize..end], &format!("the {side:?}'s {name}"))?;
            }
        }
        zero(&bytes[end..], &format!("the {side:?}'s page at {end}"))?;
    }
    Ok(())
}

/// Whether `side` does not have `word`, although its page has a place for it.
fn is_absent(side: Side, word: Word) -> bool {
    match side {
        Side::Producer => matches!(word, Word::Hint | Word::Told),
        Side::Consumer => matches!(
            word,
            Word::Front
                | Word::HighWater
                | Word::Dropped
                | Word::Died
                | Word::StartEven
                | Word::StartOdd
        ),
    }
}

fn zero(bytes: &[u8], place: &str) -> Result<(), Violation> {
    // Nearly always there is nothing, and a comparison of many bytes is one that a fuzzer counts once.
    if bytes.chunks(256).all(|chunk| *chunk == [0; 256][..chunk.len()]) {
        return Ok(());
    }
    match bytes.iter().position(|&byte| byte != 0) {
        None => Ok(()),
        Some(index) => Err(Violation::new(
            Rule::Reserved,
            format!("reserved bytes were written: {place}, byte {index} of {}", bytes.len()),
        )),
    }
}
