//! A model of the world around the words: the names, leases, sessions, liveness marks and forks of the processes that use a
//! ring. Every system call and every store to a shared word is a step of its own, and all orders of all steps of two or three
//! processes are explored.
//!
//! Three models stand over one kernel ([`os`]): [`names`] (create, open, take a role, remove, replace), [`life`] (sessions,
//! marks, and which ends are owed to a consumer) and [`forks`] (leases and what a child does with its copies). Each has a
//! protocol that keeps every [`rules::Rule`], and [`variants`]: the same protocol with one planted fault, and the rule it
//! must break.
//!
//! Stores are seen in the order in which they were made: the orderings of memory are loom's business
//! (`crates/shm-ring-models`). There is no clock: what waits for a while may wait for any number of others' steps.

pub mod catalogue;
pub mod explore;
pub mod forks;
pub mod life;
pub mod names;
pub mod os;
pub mod planted;
pub mod rules;
pub mod variants;
