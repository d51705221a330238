//! The system calls of message queues, System V and POSIX, which only libc has, each behind a safe
//! function. It must not know what is measured.
//!
//! Every block is one foreign call. The calls take plain numbers, or pointers to values of ours that
//! outlive the call and are as long as it is told.
#![allow(unsafe_code)]

use std::ffi::CStr;
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

/// A new System V queue without a key.
pub(crate) fn system_v_create() -> io::Result<i32> {
    // SAFETY: takes numbers only.
    check(unsafe { libc::msgget(libc::IPC_PRIVATE, libc::IPC_CREAT | 0o600) })
}

/// Removes a queue; whoever waits on it gets an error.
pub(crate) fn system_v_remove(id: i32) {
    // SAFETY: IPC_RMID ignores its pointer.
    unsafe { libc::msgctl(id, libc::IPC_RMID, std::ptr::null_mut()) };
}

/// Sends all words but the first, which is the type of the message, waiting for room.
pub(crate) fn system_v_send(id: i32, message: &[u64]) -> io::Result<()> {
    let bytes = size_of_val(message) - size_of::<u64>();
    until_uninterrupted(|| {
        // SAFETY: a type and so many bytes, of ours.
        check(unsafe { libc::msgsnd(id, message.as_ptr().cast(), bytes, 0) })
    })
    .map(|_| ())
}

/// Takes the oldest message, waiting for it: its type into the first word, the rest into the others. How
/// many bytes those were; longer messages are an error.
pub(crate) fn system_v_receive(id: i32, message: &mut [u64]) -> io::Result<usize> {
    let bytes = size_of_val(message) - size_of::<u64>();
    until_uninterrupted(|| {
        // SAFETY: room for a type and so many bytes, of ours.
        check_size(unsafe { libc::msgrcv(id, message.as_mut_ptr().cast(), bytes, 0, 0) })
    })
}

/// A new POSIX queue for `messages` messages of `bytes` bytes.
pub(crate) fn posix_create(name: &CStr, messages: usize, bytes: usize) -> io::Result<OwnedFd> {
    // SAFETY: plain numbers, of which all may be zero.
    let mut attributes: libc::mq_attr = unsafe { MaybeUninit::zeroed().assume_init() };
    attributes.mq_maxmsg = messages as libc::c_long;
    attributes.mq_msgsize = bytes as libc::c_long;
    let flags = libc::O_CREAT | libc::O_EXCL | libc::O_RDWR | libc::O_CLOEXEC;
    let mode: libc::mode_t = 0o600;
    // SAFETY: a name and attributes of ours.
    let fd = check(unsafe { libc::mq_open(name.as_ptr(), flags, mode, &raw mut attributes) })?;
    // SAFETY: new, and on Linux a descriptor like any other.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// Takes the name away; the queue lives on as long as it is open somewhere.
pub(crate) fn posix_unlink(name: &CStr) -> io::Result<()> {
    // SAFETY: a name of ours.
    check(unsafe { libc::mq_unlink(name.as_ptr()) }).map(|_| ())
}

/// Sends a message, waiting for room.
pub(crate) fn posix_send(queue: BorrowedFd<'_>, message: &[u8]) -> io::Result<()> {
    let (queue, len) = (queue.as_raw_fd(), message.len());
    until_uninterrupted(|| {
        // SAFETY: so many bytes, of ours.
        check(unsafe { libc::mq_send(queue, message.as_ptr().cast(), len, 0) })
    })
    .map(|_| ())
}

/// Takes the oldest message, waiting for it. Its bytes; `message` must have room for the longest.
pub(crate) fn posix_receive(queue: BorrowedFd<'_>, message: &mut [u8]) -> io::Result<usize> {
    let (queue, len) = (queue.as_raw_fd(), message.len());
    until_uninterrupted(|| {
        let priority = std::ptr::null_mut();
        // SAFETY: room for so many bytes, of ours; nobody asks for the priority.
        check_size(unsafe { libc::mq_receive(queue, message.as_mut_ptr().cast(), len, priority) })
    })
}

fn until_uninterrupted<T>(mut call: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    loop {
        match call() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            answer => return answer,
        }
    }
}

fn check(answer: libc::c_int) -> io::Result<i32> {
    if answer == -1 { Err(io::Error::last_os_error()) } else { Ok(answer) }
}

fn check_size(answer: libc::ssize_t) -> io::Result<usize> {
    usize::try_from(answer).map_err(|_| io::Error::last_os_error())
}
