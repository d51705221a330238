//! What the other side may have stored: each bound of `Head` and `Tail`, at the last value that is allowed and at the first
//! that is not. What contradicts the protocol once does so permanently.

use super::{Region, WORD, explore};
use crate::protocol::position::{Corrupt, Head, Look, Tail};
use crate::protocol::record::POSITION_MAX;
use crate::protocol::sync::{Foreign, Ordering};

const MARK: u64 = 1 << 63;

/// What a consumer at `position` of a ring of three values answers that sees each of `words` in turn.
fn seen(position: u64, words: &[u64]) -> Result<Look, Corrupt> {
    let region = Region::at(position, 3);
    let mut head = region.head();
    let mut last = Ok(Look::Empty);
    for &word in words {
        region.producer.position.0.word.store(word, Ordering::Relaxed);
        let theirs = Foreign::new(&region.producer);
        let ready = head.ready(&region.layout, theirs);
        last = head.look(&region.layout, theirs);
        assert_eq!(ready.is_none(), last.is_err(), "counting and looking disagree on {word:#x}");
        assert_eq!(head.has_record(), matches!(last, Ok(Look::Records | Look::Front { .. })));
    }
    last
}

#[test]
fn of_the_tail() {
    explore("bounds of the tail", None, 1, || {
        let start = 5 * WORD;
        for records in 1..=3 {
            let word = start + records * WORD;
            assert_eq!(seen(start, &[word]), Ok(Look::Front { word }));
            assert_eq!(seen(start, &[word | MARK]), Ok(Look::Records));
        }
        assert_eq!(seen(start, &[start]), Ok(Look::Empty));
        assert_eq!(seen(start, &[start | MARK]), Ok(Look::Empty));
        for mark in [0, MARK] {
            let far = [start + 4 * WORD, start - WORD, 0, start + 1, start + WORD + 1];
            for word in far.into_iter().chain([POSITION_MAX, POSITION_MAX | (start + WORD), !MARK])
            {
                assert_eq!(seen(start, &[word | mark]), Err(Corrupt), "{word:#x}");
            }
            // Backwards, though not below the head.
            assert_eq!(seen(start, &[start + 2 * WORD, (start + WORD) | mark]), Err(Corrupt));
            assert_eq!(
                seen(start, &[(start + 4 * WORD) | mark, start + WORD]),
                Err(Corrupt),
                "it ends"
            );
            let top = POSITION_MAX - WORD;
            assert!(seen(top - WORD, &[top | mark]).is_ok());
            assert_eq!(seen(top, &[POSITION_MAX | mark]), Err(Corrupt), "the end of all positions");
        }
    });
}

#[test]
fn of_the_consumers_own_head() {
    explore("bounds of the consumer's own head", None, 1, || {
        for (position, good) in [(3 * WORD, true), (3 * WORD + 1, false), (POSITION_MAX, false)] {
            let region = Region::at(position, 3);
            assert_eq!(Head::recover(&region.layout, &region.consumer).is_ok(), good, "{position}");
        }
    });
}

/// What a producer at `position` of a ring of three values answers that sees each of `heads` in turn: its room in values.
fn room(position: u64, heads: &[u64]) -> Result<u64, Corrupt> {
    let region = Region::at(position, 3);
    let consumer = Foreign::new(&region.consumer);
    let mut tail = Tail::recover(&region.layout, &region.producer, consumer)?;
    let mut last = Ok(());
    for &head in heads {
        region.consumer.position.0.word.store(head, Ordering::Relaxed);
        last = tail.refresh(&region.layout, &region.producer, consumer, WORD);
    }
    let room = (1..=4).take_while(|values| tail.has_room(values * WORD)).count() as u64;
    assert!(last.is_ok() || room == 0, "room in a ring that is corrupt");
    last.map(|()| room)
}

/// The room in values of a producer that takes up at `word` where the consumer is at `head`.
fn recovered(word: u64, head: u64) -> Result<u64, Corrupt> {
    let region = Region::at(head, 3);
    region.producer.position.0.word.store(word, Ordering::Relaxed);
    let consumer = Foreign::new(&region.consumer);
    let tail = Tail::recover(&region.layout, &region.producer, consumer)?;
    Ok((1..=4).take_while(|values| tail.has_room(values * WORD)).count() as u64)
}

#[test]
fn of_the_head() {
    explore("bounds of the head", None, 1, || {
        let start = 5 * WORD;
        for read in 0..=3 {
            assert_eq!(room(start, &[start - read * WORD]), Ok(3 - read));
        }
        let wild =
            [start + WORD, start - 4 * WORD, start - 1, start | MARK, POSITION_MAX, u64::MAX];
        for head in wild {
            assert_eq!(room(start, &[head]), Err(Corrupt), "{head:#x}");
            assert_eq!(room(start, &[head, start]), Err(Corrupt), "it ends");
        }
        assert_eq!(recovered(start, start - WORD), Ok(2), "after a restart");
        assert_eq!(recovered(start | MARK, start - WORD), Ok(2), "after a restart");
        assert_eq!(recovered(start, start + WORD), Err(Corrupt), "after a restart");
        assert_eq!(recovered(start + 1, start), Err(Corrupt), "its own");
        assert_eq!(recovered(POSITION_MAX, POSITION_MAX - WORD), Err(Corrupt), "its own");
        let top = POSITION_MAX - 2 * WORD;
        assert_eq!(room(top, &[top]), Ok(1), "a record that would end at the end of all positions");
        assert_eq!(room(top + WORD, &[top + WORD]), Err(Corrupt));
    });
}
