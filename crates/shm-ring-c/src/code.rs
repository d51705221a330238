//! Owns: the codes of errors, which never change, and the words to the last one of each thread. Knows nothing of: which call
//! failed.
#![allow(unsafe_code)]

use core::any::Any;
use core::cell::RefCell;
use core::ffi::{CStr, c_char};
use std::ffi::CString;

use shm_ring::{BatchError, Error, NextError, PopError, PushError, ReadError, WaitAnyError};

macro_rules! codes {
    ($($name:ident = $code:literal, $text:literal;)*) => {
        $(#[doc = $text] pub const $name: i32 = $code;)*
        /// All codes by name, for the test that compares them with the header.
        pub const CODES: &[(&str, i32)] = &[$((stringify!($name), $name)),*];
        /// What can be said of a code alone.
        fn general(code: i64) -> &'static CStr {
            const UNKNOWN: &CStr = c"no code of shm_ring.h";
            $(const _: () = assert!($code <= 0);)*
            match i32::try_from(code) {
                $(Ok($code) => {
                    const TEXT: &str = concat!($text, "\0");
                    match CStr::from_bytes_with_nul(TEXT.as_bytes()) {
                        Ok(text) => text,
                        Err(_) => UNKNOWN,
                    }
                })*
                _ if code > 0 => c"no error",
                _ => UNKNOWN,
            }
        }
    };
}

codes! {
    SHMR_OK = 0, "no error";
    SHMR_EMPTY = -1, "there is nothing to read now";
    SHMR_FULL = -2, "there is no room now";
    SHMR_TIMED_OUT = -3, "nothing changed until the deadline";
    SHMR_CLOSED = -4, "the other side has closed in order";
    SHMR_PEER_DEAD = -5, "the other side died";
    SHMR_INTERRUPTED = -6, "the wait was interrupted";
    SHMR_LAGGED = -7, "values were lost: the writer overtook this reader";
    SHMR_OVERRUN = -8, "the writer overwrote each slot while it was copied: read again, or use more slots";
    SHMR_CORRUPT = -9, "the other side's words contradict the protocol: create the ring anew";
    SHMR_FORKED = -10, "this handle belongs to the process that we were forked from: attach after forking";
    SHMR_INVALID = -20, "an argument cannot be: the documentation of the call says which";
    SHMR_HANDLE = -21, "no handle of the kind that this call takes: it is NULL, closed, or another one";
    SHMR_BUSY = -22, "the handle is in another call, or has lent room or records: commit, cancel or release them first";
    SHMR_NOT_LENT = -23, "nothing is lent: reserve or peek comes first";
    SHMR_TOO_LARGE = -24, "more than this ring ever has room for";
    SHMR_TOO_SMALL = -25, "the buffer is too small";
    SHMR_WRONG_LENGTH = -26, "not the length of a value of this ring";
    SHMR_NOT_A_BOUNDARY = -27, "no unread record begins or ends at that position";
    SHMR_KIND = -28, "the ring carries values where this call wants messages, or the other way round";
    SHMR_NO_MEMORY = -29, "there is no memory";
    SHMR_NAME = -40, "the name or path cannot be one";
    SHMR_OPTIONS = -41, "no region can meet the options";
    SHMR_NOT_FOUND = -42, "nothing stands under the name";
    SHMR_NAME_GONE = -43, "the name was removed since, or leads to another region";
    SHMR_UNREAD = -44, "something in the region can still be read";
    SHMR_EXISTS = -45, "something stands under the name already";
    SHMR_NO_SPACE = -46, "the file system or the memory has no room for the region";
    SHMR_NOT_REGULAR = -47, "what stands under the name is no regular file";
    SHMR_FOREIGN_OWNER = -48, "the region belongs to another user";
    SHMR_TOO_PERMISSIVE = -49, "more people may write the region than was agreed to";
    SHMR_HARD_LINKED = -50, "the region has a second name, or none any more";
    SHMR_DESCRIPTOR = -51, "the descriptor is not sealed, or cannot be written";
    SHMR_REGION_LENGTH = -52, "the region has not the length that its header says";
    SHMR_NOT_A_RING = -53, "the region does not begin as a ring does";
    SHMR_HEADER = -54, "the header contradicts itself";
    SHMR_INCOMPATIBLE = -55, "a ring, but not the one that was asked for";
    SHMR_ROLE_TAKEN = -56, "somebody holds the role already";
    SHMR_BLOCKED = -57, "a lock of a process that reads the region keeps the role from being taken";
    SHMR_OS = -58, "a system call failed";
    SHMR_INTERNAL = -70, "a fault of this library: please report it";
}

/// What a call answers instead of a result: a code below 0. Where there is more to say, that was kept when it was made. It is
/// as long as a result, so that either is returned in registers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Failure(i64);

thread_local! {
    /// The last failure that there was more to say of.
    static LAST: RefCell<Option<(i32, CString)>> = const { RefCell::new(None) };
}

impl Failure {
    /// The code says it all.
    #[inline]
    pub(crate) const fn plain(code: i32) -> Self {
        Self(code as i64)
    }

    /// There is more to say, which this thread keeps.
    #[cold]
    pub(crate) fn told(code: i32, text: impl Into<String>) -> Self {
        let bytes: Vec<u8> = text.into().into_bytes().into_iter().filter(|b| *b != 0).collect();
        let text = CString::new(bytes).unwrap_or_default();
        // A thread that ends has no place for words any more.
        let _ =
            LAST.try_with(|last| last.try_borrow_mut().map(|mut last| *last = Some((code, text))));
        Self(code as i64)
    }

    #[inline]
    pub(crate) fn code(self) -> i64 {
        self.0
    }
}

#[cold]
pub(crate) fn panicked(panic: Box<dyn Any + Send>) -> i64 {
    let text = match (panic.downcast_ref::<&str>(), panic.downcast_ref::<String>()) {
        (Some(text), _) => (*text).to_owned(),
        (_, Some(text)) => text.clone(),
        _ => "no words".to_owned(),
    };
    Failure::told(SHMR_INTERNAL, format!("a fault of this library, please report it: {text}"))
        .code()
}

/// `shmr_text`: what went wrong, in words. It does not fail.
#[unsafe(no_mangle)]
pub extern "C" fn shmr_text(result: i64) -> *const c_char {
    let last = LAST.try_with(|last| match last.try_borrow().ok()?.as_ref() {
        Some((code, text)) if i64::from(*code) == result => Some(text.as_ptr()),
        _ => None,
    });
    last.ok().flatten().unwrap_or_else(|| general(result).as_ptr())
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let code = match &error {
            Error::InvalidName { .. } => SHMR_NAME,
            Error::InvalidOptions { .. } => SHMR_OPTIONS,
            Error::NotFound { .. } => SHMR_NOT_FOUND,
            Error::NameGone { .. } => SHMR_NAME_GONE,
            Error::Unread { .. } => SHMR_UNREAD,
            Error::AlreadyExists { .. } => SHMR_EXISTS,
            Error::NoSpace { .. } => SHMR_NO_SPACE,
            Error::NotRegular { .. } => SHMR_NOT_REGULAR,
            Error::ForeignOwner { .. } => SHMR_FOREIGN_OWNER,
            Error::TooPermissive { .. } => SHMR_TOO_PERMISSIVE,
            Error::HardLinked { .. } => SHMR_HARD_LINKED,
            Error::Descriptor { .. } => SHMR_DESCRIPTOR,
            Error::WrongLength { .. } => SHMR_REGION_LENGTH,
            Error::NotARing { .. } => SHMR_NOT_A_RING,
            Error::InvalidHeader { .. } => SHMR_HEADER,
            Error::Incompatible { .. } => SHMR_INCOMPATIBLE,
            Error::RoleTaken { .. } => SHMR_ROLE_TAKEN,
            Error::BlockedByReader { .. } => SHMR_BLOCKED,
            Error::Corrupt { .. } => SHMR_CORRUPT,
            Error::Os { .. } => SHMR_OS,
            _ => SHMR_INTERNAL,
        };
        Self::told(code, error.to_string())
    }
}

impl From<PushError> for Failure {
    #[inline]
    fn from(error: PushError) -> Self {
        Self::plain(match error {
            PushError::Full => SHMR_FULL,
            PushError::TimedOut => SHMR_TIMED_OUT,
            PushError::Closed => SHMR_CLOSED,
            PushError::PeerDead => SHMR_PEER_DEAD,
            PushError::Interrupted => SHMR_INTERRUPTED,
            PushError::Corrupt => SHMR_CORRUPT,
            PushError::Forked => SHMR_FORKED,
            PushError::TooLarge { .. } => return Self::told(SHMR_TOO_LARGE, error.to_string()),
            PushError::WrongLength { .. } => {
                return Self::told(SHMR_WRONG_LENGTH, error.to_string());
            }
            _ => SHMR_INTERNAL,
        })
    }
}

impl From<PopError> for Failure {
    #[inline]
    fn from(error: PopError) -> Self {
        let code = match error {
            PopError::Empty => return Self::plain(SHMR_EMPTY),
            PopError::TimedOut => return Self::plain(SHMR_TIMED_OUT),
            PopError::Closed => return Self::plain(SHMR_CLOSED),
            PopError::PeerDead => return Self::plain(SHMR_PEER_DEAD),
            PopError::Interrupted => return Self::plain(SHMR_INTERRUPTED),
            PopError::Corrupt => return Self::plain(SHMR_CORRUPT),
            PopError::Forked => return Self::plain(SHMR_FORKED),
            PopError::Full => SHMR_FULL,
            PopError::NoMemory { .. } => SHMR_NO_MEMORY,
            PopError::NotABoundary { .. } => SHMR_NOT_A_BOUNDARY,
            PopError::TooSmall { .. } => SHMR_TOO_SMALL,
            PopError::WrongLength { .. } => SHMR_WRONG_LENGTH,
            _ => SHMR_INTERNAL,
        };
        Self::told(code, error.to_string())
    }
}

impl From<BatchError> for Failure {
    fn from(error: BatchError) -> Self {
        error.error.into()
    }
}

impl From<ReadError> for Failure {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Empty => Self::plain(SHMR_EMPTY),
            ReadError::Overrun => Self::plain(SHMR_OVERRUN),
            ReadError::TimedOut => Self::plain(SHMR_TIMED_OUT),
            ReadError::Closed => Self::plain(SHMR_CLOSED),
            ReadError::WriterDead => Self::plain(SHMR_PEER_DEAD),
            ReadError::Corrupt => Self::plain(SHMR_CORRUPT),
            ReadError::WrongLength { .. } => Self::told(SHMR_WRONG_LENGTH, error.to_string()),
            _ => Self::plain(SHMR_INTERNAL),
        }
    }
}

impl From<NextError> for Failure {
    fn from(error: NextError) -> Self {
        match error {
            NextError::Empty => Self::plain(SHMR_EMPTY),
            NextError::Lagged(_) => Self::told(SHMR_LAGGED, error.to_string()),
            NextError::TimedOut => Self::plain(SHMR_TIMED_OUT),
            NextError::Closed => Self::plain(SHMR_CLOSED),
            NextError::WriterDead => Self::plain(SHMR_PEER_DEAD),
            NextError::Corrupt => Self::plain(SHMR_CORRUPT),
            NextError::WrongLength { .. } => Self::told(SHMR_WRONG_LENGTH, error.to_string()),
            _ => Self::plain(SHMR_INTERNAL),
        }
    }
}

impl From<WaitAnyError> for Failure {
    fn from(error: WaitAnyError) -> Self {
        match error {
            WaitAnyError::TimedOut => Self::plain(SHMR_TIMED_OUT),
            WaitAnyError::Interrupted => Self::plain(SHMR_INTERRUPTED),
            WaitAnyError::Forked => Self::plain(SHMR_FORKED),
            WaitAnyError::Count { .. } => Self::told(SHMR_INVALID, error.to_string()),
            _ => Self::plain(SHMR_INTERNAL),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::border::guard;

    fn words(result: i64) -> String {
        // SAFETY: a text of ours, which lives until the next failure of this thread.
        unsafe { CStr::from_ptr(shmr_text(result)) }.to_str().unwrap().to_owned()
    }

    #[test]
    fn a_panic_is_an_error_with_its_words_and_goes_no_further() {
        assert_eq!(guard(|| panic!("planted {}", 7)), i64::from(SHMR_INTERNAL));
        assert!(words(SHMR_INTERNAL.into()).ends_with("please report it: planted 7"));
    }

    #[test]
    fn the_words_of_a_failure_are_those_of_the_last_one_with_that_code() {
        let told = |text: &str| guard(|| Err(Failure::told(SHMR_INVALID, text.to_owned())));
        assert_eq!(words(told("one\0two")), "onetwo");
        assert_eq!(words(SHMR_OS.into()), "a system call failed");
        assert_eq!(words(3), "no error");
        assert_eq!(words(-999), "no code of shm_ring.h");
        assert_eq!(words(i64::MIN), "no code of shm_ring.h");
    }
}
