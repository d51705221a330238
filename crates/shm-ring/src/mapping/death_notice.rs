//! Owns: the kernel's notice of our death. Knows nothing of: what is done with a notice.
//!
//! A thread that only sleeps owns a robust list (set_robust_list(2)): when the process ends, however it ends, the kernel
//! walks that list, marks each liveness word that names the thread, and wakes whoever sleeps on it.
//!
//! One thread, the keeper, serves all attachments of a process, from the first to the end of the last.
//! The list's links stand in private memory; in a region stands only the word, at one and the same
//! distance from its node, as the kernel wants it. Never a process-shared mutex: its links live in the
//! region, where a hostile peer can write them.
//!
//! Any thread adds and removes nodes, and the process may be killed in between: each is one store to a
//! link, before and after which the list is whole. Invariants of the unsafe blocks:
//! 1. `LIST` and the nodes in it are mapped for as long as the keeper may end: who gave a node promised
//!    that, `LIST` is static.
//! 2. A `Keeper`, once published in `KEEPER`, is never freed.
//!
//! A forked child has a copy of everything here and no keeper: it starts over, with a `Keeper` of its own,
//! since the lock of its parent's may have been held at the fork.
#![allow(unsafe_code)]

use core::ptr::NonNull;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::keeper::Thread;
use crate::process::Process;
use crate::protocol::layout::LIVENESS_WAITERS;
use crate::protocol::sync::Ordering;
use crate::protocol::sync::private::{AtomicPtr, AtomicU64};

/// A link: the address of the next node, or of `LIST` itself.
type Node = AtomicU64;

/// `struct robust_list_head` of linux/futex.h.
#[repr(C)]
struct List {
    first: Node,
    /// From each node to its word.
    distance: AtomicU64,
    pending: AtomicU64,
}

static LIST: List =
    List { first: Node::new(0), distance: AtomicU64::new(0), pending: AtomicU64::new(0) };

/// The kernel walks no further (ROBUST_LIST_LIMIT of linux/futex.h).
const NODES_MAX: usize = 2048;
/// One attachment whose death the kernel tells of. Dropping it takes that back.
#[derive(Debug)]
pub(crate) struct DeathNotice {
    node: NonNull<Node>,
    thread: u32,
    process: Process,
}

// SAFETY: the node is only touched under the keeper's lock, by whichever thread.
unsafe impl Send for DeathNotice {}

impl DeathNotice {
    /// From now on the kernel marks the word `distance` bytes after `node` when this process ends, if
    /// [`liveness`](Self::liveness) stands in it then. `None` if there can be no such thread or list,
    /// or not for this distance.
    ///
    /// # Safety
    /// `node` is 8 bytes of private memory, aligned, that nobody else uses; it and the word stay mapped
    /// until the notice is dropped.
    pub(crate) unsafe fn give(node: NonNull<Node>, distance: usize) -> Option<Self> {
        let keeper = Keeper::of_this_process();
        let mut kept = keeper.kept();
        if kept.nodes.len() >= NODES_MAX {
            return None;
        }
        if kept.thread.is_none() {
            kept.thread = Some(start(distance as u64)?);
        }
        if LIST.distance.load(Ordering::Relaxed) != distance as u64 {
            return None;
        }
        let thread = kept.thread.as_ref()?.id();
        // SAFETY: by the contract above.
        let link = unsafe { node.as_ref() };
        link.store(LIST.first.load(Ordering::Relaxed), Ordering::Relaxed);
        // After the link, so that the list is whole before and after.
        LIST.first.store(address(node), Ordering::Release);
        kept.nodes.push(node);
        Some(Self { node, thread, process: keeper.process })
    }

    /// What must stand in the word while this attachment lives.
    pub(crate) fn liveness(&self) -> u32 {
        self.thread | LIVENESS_WAITERS
    }
}

impl Drop for DeathNotice {
    fn drop(&mut self) {
        // A forked child's copy: the list is its parent's, and the lock may be held for ever.
        if !self.process.is_this() {
            return;
        }
        let mut kept = Keeper::of_this_process().kept();
        let Some(at) = kept.nodes.iter().position(|&node| node == self.node) else { return };
        // SAFETY: invariant 1.
        let next = unsafe { self.node.as_ref() }.load(Ordering::Relaxed);
        match kept.nodes.get(at + 1) {
            // SAFETY: invariant 1: a node that is still in the list.
            Some(newer) => unsafe { newer.as_ref() }.store(next, Ordering::Release),
            None => LIST.first.store(next, Ordering::Release),
        }
        kept.nodes.remove(at);
        if kept.nodes.is_empty() {
            if let Some(thread) = kept.thread.take() {
                thread.end();
            }
        }
    }
}

/// The process's thread and what it stands for.
struct Keeper {
    process: Process,
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    thread: Option<Thread>,
    /// From the oldest, which the list comes to last.
    nodes: Vec<NonNull<Node>>,
}

// SAFETY: the nodes are only touched under the lock, by whichever thread.
unsafe impl Send for Kept {}

static KEEPER: AtomicPtr<Keeper> = AtomicPtr::new(core::ptr::null_mut());

impl Keeper {
    fn of_this_process() -> &'static Self {
        let process = Process::this();
        let mut published = KEEPER.load(Ordering::Acquire);
        loop {
            // SAFETY: invariant 2.
            match unsafe { published.as_ref() } {
                Some(keeper) if keeper.process.is_this() => return keeper,
                // None yet, or the parent's: one that is lost to another thread is a few bytes.
                _ => {
                    let fresh = Box::into_raw(Box::new(Self { process, kept: Mutex::default() }));
                    let (ok, failed) = (Ordering::AcqRel, Ordering::Acquire);
                    published = match KEEPER.compare_exchange(published, fresh, ok, failed) {
                        Ok(_) => fresh,
                        Err(other) => other,
                    };
                }
            }
        }
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Starts the keeper's thread with an empty list. `None` if there can be no thread or no list.
fn start(distance: u64) -> Option<Thread> {
    LIST.first.store(address(NonNull::from(&LIST.first)), Ordering::Relaxed);
    LIST.distance.store(distance, Ordering::Relaxed);
    // SAFETY: invariant 1: the kernel reads the list when the thread ends.
    unsafe { Thread::start(NonNull::from(&LIST).cast(), size_of::<List>()) }
}

fn address(node: NonNull<Node>) -> u64 {
    node.as_ptr().expose_provenance() as u64
}
