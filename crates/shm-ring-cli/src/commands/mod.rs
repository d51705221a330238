//! One file per command: `run` does it.

pub(crate) mod create;
pub(crate) mod doctor;
pub(crate) mod dump;
pub(crate) mod gc;
pub(crate) mod info;
pub(crate) mod ls;
pub(crate) mod metrics;
pub(crate) mod record;
pub(crate) mod recv;
pub(crate) mod replay;
pub(crate) mod rm;
pub(crate) mod send;
pub(crate) mod shell;
pub(crate) mod stat;
pub(crate) mod tap;
pub(crate) mod top;
