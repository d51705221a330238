//! The sizes of messages, how many of each a ring holds, and the way from a size to the constant that
//! types need. It must not know any transport.

/// Messages up to this size are passed to transports that are [`INLINED`](super::Transport::INLINED)
/// without a call through a pointer.
pub(crate) const INLINED_MAX: usize = 256;

/// Runs `$body` with `$words` as the number of words of a message of `$bytes` bytes.
macro_rules! with_words {
    ($bytes:expr, $words:ident => $body:expr) => {
        with_words!(
            $bytes, $words => $body,
            8 16 24 40 48 64 104 200 256 1024 4096 16_384 65_536 1_048_576
        )
    };
    ($bytes:expr, $words:ident => $body:expr, $($size:literal)*) => {
        match $bytes {
            $($size => {
                const $words: usize = $size / size_of::<u64>();
                $body
            })*
            other => Err(Fault::none_of(other)),
        }
    };
}
pub(crate) use with_words;

/// The capacity of rings, in messages.
pub(crate) const ITEMS: usize = 1024;
/// The capacity of rings for messages of a kilobyte and more, in bytes.
pub(crate) const LARGE: usize = 1 << 20;
/// Messages that a ring has room for in any case: with fewer the sides would take turns.
const ITEMS_MIN: usize = 4;

/// How many messages of so many bytes a ring holds.
pub(crate) const fn items(bytes: usize) -> usize {
    match LARGE / bytes {
        _ if bytes < 1024 => ITEMS,
        few if few < ITEMS_MIN => ITEMS_MIN,
        many => many,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::spec::SIZES;
    use crate::run::transport::Fault;

    #[test]
    fn every_size_that_may_be_asked_for_has_its_words_and_room() {
        for bytes in SIZES {
            let words: Result<usize, Fault> = with_words!(bytes, W => Ok(W));
            assert_eq!(words.ok(), Some(bytes / 8));
            let room = items(bytes) * bytes;
            assert!(items(bytes) >= ITEMS_MIN && room <= 4 * LARGE, "{bytes}: {room}");
        }
        let words: Result<usize, Fault> = with_words!(65, W => Ok(W));
        assert!(words.is_err());
    }
}
