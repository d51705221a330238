//! What the kernel lets a message have, and names that nobody else has. It must not know any transport.

use std::fs;
use std::sync::atomic::{AtomicU32, Ordering};

use super::Fault;

/// A name that no other run of this or another comparison has.
pub(crate) fn fresh_name() -> String {
    static RUN: AtomicU32 = AtomicU32::new(0);
    let run = RUN.fetch_add(1, Ordering::Relaxed);
    format!("shm-ring-bench-{}-{run}", std::process::id())
}

/// The number in a file below /proc/sys.
pub(crate) fn limit(file: &str) -> Result<usize, Fault> {
    let path = format!("/proc/sys/{file}");
    let text = fs::read_to_string(&path).map_err(|error| Fault::new(&path, error))?;
    text.trim().parse().map_err(|error| Fault::new(&path, error))
}

/// Whether the limit in a file below /proc/sys lets messages of `bytes` bytes be.
pub(crate) fn within(file: &str, bytes: usize) -> Result<(), Fault> {
    match limit(file)? {
        most if bytes <= most => Ok(()),
        most => {
            let why = format_args!(
                "a message of {bytes} bytes, and {file} allows {most}: raise it (sysctl) or ask for less"
            );
            Err(Fault::new("making a channel", why))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_beyond_a_limit_is_refused_with_both_sizes() {
        let most = limit("kernel/msgmax").unwrap();
        assert!(within("kernel/msgmax", most).is_ok());
        let said = within("kernel/msgmax", most + 1).unwrap_err().to_string();
        let [wanted, allowed] = [most + 1, most].map(|bytes| bytes.to_string());
        assert!(said.contains(&wanted) && said.contains(&allowed), "{said}");
        assert!(limit("kernel/no-such-limit").is_err());
    }

    #[test]
    fn names_are_not_used_twice() {
        assert_ne!(fresh_name(), fresh_name());
    }
}
