//! Records that are messages of any length, slices of items: what `push` and `pop` mean for them, and
//! byte streams over them. It must not know how records are published, only in which order the floor's
//! steps go.

mod consumer;
mod producer;
mod stream;

pub use self::stream::{Reader, Writer};
