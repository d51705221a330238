//! What crosses in a schedule, as values and as messages: how a record of a given number is made,
//! pushed, taken and recognised. It must not know about schedules.

use shm_ring::{Consumer, Payload, PopError, Producer, PushError, Record};

/// Bytes of message number so-and-so; at least 8.
pub(crate) type Lengths = fn(u64) -> usize;

/// Records that carry their number, so that whoever takes one can tell whether it is whole.
pub(crate) trait Carried: Payload {
    /// What is handed in and taken out.
    type Held: Clone;

    /// Record number `number`.
    fn make(number: u64, lengths: Lengths) -> Self::Held;
    /// The number of a record, if it is whole.
    fn number(held: &Self::Held, lengths: Lengths) -> Option<u64>;
    /// Bytes from record `number` to the next.
    fn stride(number: u64, lengths: Lengths) -> u64;

    fn push(tx: &mut Producer<Self>, held: &Self::Held) -> Result<(), PushError>;
    fn try_push(tx: &mut Producer<Self>, held: &Self::Held) -> Result<(), PushError>;
    fn push_batch(tx: &mut Producer<Self>, held: &[Self::Held]) -> Result<usize, PushError>;
    fn reserve_commit(tx: &mut Producer<Self>, held: &Self::Held) -> Result<(), PushError>;

    fn pop(rx: &mut Consumer<Self>, held: &mut Self::Held) -> Result<(), PopError>;
    fn try_pop(rx: &mut Consumer<Self>, held: &mut Self::Held) -> Result<(), PopError>;
    /// Up to `held.len()` records; how many it was.
    fn pop_batch(rx: &mut Consumer<Self>, held: &mut [Self::Held]) -> Result<usize, PopError>;
    fn peek_release(rx: &mut Consumer<Self>, held: &mut Self::Held) -> Result<(), PopError>;
}

fn mixed(number: u64) -> u64 {
    crate::rng::Rng::new(number).next()
}

/// Values: the number, inverted so that no record is what an empty ring looks like, and something that
/// only the number explains.
impl Carried for [u64; 2] {
    type Held = Self;

    fn make(number: u64, _: Lengths) -> Self {
        [!number, mixed(number)]
    }

    fn number(&[inverted, mark]: &Self, _: Lengths) -> Option<u64> {
        let number = !inverted;
        (mark == mixed(number)).then_some(number)
    }

    fn stride(_: u64, _: Lengths) -> u64 {
        8 + size_of::<Self>() as u64
    }

    fn push(tx: &mut Producer<Self>, held: &Self) -> Result<(), PushError> {
        tx.push(*held)
    }

    fn try_push(tx: &mut Producer<Self>, held: &Self) -> Result<(), PushError> {
        tx.try_push(*held)
    }

    fn push_batch(tx: &mut Producer<Self>, held: &[Self]) -> Result<usize, PushError> {
        tx.push_batch(held.iter().copied()).map_err(|failed| failed.error)
    }

    fn reserve_commit(tx: &mut Producer<Self>, held: &Self) -> Result<(), PushError> {
        let mut room = tx.reserve()?;
        room.write(held);
        room.commit();
        Ok(())
    }

    fn pop(rx: &mut Consumer<Self>, held: &mut Self) -> Result<(), PopError> {
        *held = rx.pop()?;
        Ok(())
    }

    fn try_pop(rx: &mut Consumer<Self>, held: &mut Self) -> Result<(), PopError> {
        *held = rx.try_pop()?;
        Ok(())
    }

    fn pop_batch(rx: &mut Consumer<Self>, held: &mut [Self]) -> Result<usize, PopError> {
        let max = held.len();
        let mut places = held.iter_mut();
        rx.pop_batch(max, |value| {
            if let Some(place) = places.next() {
                *place = value;
            }
        })
    }

    fn peek_release(rx: &mut Consumer<Self>, held: &mut Self) -> Result<(), PopError> {
        let view = rx.peek()?;
        *held = view.read();
        view.release();
        Ok(())
    }
}

/// Messages: the number, inverted too, and bytes and a length that only the number explains.
impl Carried for [u8] {
    type Held = Vec<u8>;

    fn make(number: u64, lengths: Lengths) -> Vec<u8> {
        let mut message = (!number).to_le_bytes().to_vec();
        let mark = mixed(number).to_le_bytes();
        message.extend(mark.iter().cycle().take(lengths(number) - message.len()));
        message
    }

    fn number(held: &Vec<u8>, lengths: Lengths) -> Option<u64> {
        let number = !u64::from_le_bytes(*held.first_chunk()?);
        // A torn number must not ask for a message of any length.
        (number < 1 << 20 && *held == Self::make(number, lengths)).then_some(number)
    }

    fn stride(number: u64, lengths: Lengths) -> u64 {
        8 + lengths(number).next_multiple_of(8) as u64
    }

    fn push(tx: &mut Producer<Self>, held: &Vec<u8>) -> Result<(), PushError> {
        tx.push(held)
    }

    fn try_push(tx: &mut Producer<Self>, held: &Vec<u8>) -> Result<(), PushError> {
        tx.try_push(held)
    }

    fn push_batch(tx: &mut Producer<Self>, held: &[Vec<u8>]) -> Result<usize, PushError> {
        tx.push_batch(held).map_err(|failed| failed.error)
    }

    fn reserve_commit(tx: &mut Producer<Self>, held: &Vec<u8>) -> Result<(), PushError> {
        let mut room = tx.reserve(held.len())?;
        // Cannot fail: as much was reserved. If it did, the record would not be whole.
        let _ = room.write_at(0, held.as_slice());
        room.commit();
        Ok(())
    }

    fn pop(rx: &mut Consumer<Self>, held: &mut Vec<u8>) -> Result<(), PopError> {
        rx.pop_into(held).map(drop)
    }

    fn try_pop(rx: &mut Consumer<Self>, held: &mut Vec<u8>) -> Result<(), PopError> {
        rx.try_pop_into(held).map(drop)
    }

    fn pop_batch(rx: &mut Consumer<Self>, held: &mut [Vec<u8>]) -> Result<usize, PopError> {
        let max = held.len();
        let mut places = held.iter_mut();
        rx.pop_batch(max, |record| {
            if let Some(place) = places.next() {
                copy_out(record, place);
            }
        })
    }

    fn peek_release(rx: &mut Consumer<Self>, held: &mut Vec<u8>) -> Result<(), PopError> {
        let view = rx.peek()?;
        copy_out(&view, held);
        view.release();
        Ok(())
    }
}

fn copy_out(record: &Record<'_, [u8]>, to: &mut Vec<u8>) {
    to.resize(record.len(), 0);
    // Cannot fail: it is as long. If it did, the record would not be whole.
    let _ = record.copy_to(0, to);
}
