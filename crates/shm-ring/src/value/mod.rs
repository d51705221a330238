//! Records that are values of one size: what `push` and `pop` mean. It must not know how records
//! are published, only in which order the floor's steps go.

mod consumer;
mod producer;
