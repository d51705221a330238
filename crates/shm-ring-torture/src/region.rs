//! Names of our own. It must not know what stands under them.

use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};

/// A name under /dev/shm that nobody else has. What is there when it is dropped is removed.
pub(crate) struct Name(String);

impl Name {
    pub(crate) fn new(what: &str) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        Self(format!("/shm-ring-torture-{}-{count}-{what}", std::process::id()))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl Drop for Name {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(Path::new("/dev/shm").join(&self.0[1..]));
    }
}
