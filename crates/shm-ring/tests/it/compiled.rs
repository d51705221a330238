//! What an optimizing compiler may not move: the waker's look at `wake_at` stays behind the stores before it and is made
//! anew each time. The tests themselves are built without optimization, where nothing moves, and no weak memory shows this.
//!
//! Owns: compiling `protocol/barrier.rs`, as it stands, into a program of its own. Knows nothing of: rings.

use std::path::Path;
use std::process::{Command, Output};

use crate::harness::Dir;

/// All that the barrier imports, and a page that changes between looks.
const PROGRAM: &str = r#"
    extern crate self as rustix;
    pub mod thread {
        pub enum MembarrierCommand { GlobalExpedited, RegisterGlobalExpedited }
        pub fn membarrier(_: MembarrierCommand) -> Result<(), ()> { Ok(()) }
    }
    mod protocol {
        pub mod layout {
            use core::sync::atomic::AtomicU64;
            pub struct Park { pub wake_at: AtomicU64 }
            #[repr(C)]
            pub struct SidePage { pub tail: AtomicU64, pub park: (Park,) }
        }
        pub mod sync {
            use core::sync::atomic::AtomicU64;
            pub use core::sync::atomic::{Ordering, fence};
            #[derive(Clone, Copy)]
            pub struct Foreign<'a, T>(pub &'a T);
            impl<'a, T> Foreign<'a, T> {
                pub fn get(self) -> &'a T { self.0 }
                pub fn map<U>(self, to: impl FnOnce(&'a T) -> &'a U) -> Foreign<'a, U> {
                    Foreign(to(self.0))
                }
            }
            impl Foreign<'_, AtomicU64> {
                pub fn relaxed(self) -> u64 { self.0.load(Ordering::Relaxed) }
            }
        }
        #[path = "BARRIER"]
        pub mod barrier;
    }
    use core::sync::atomic::{AtomicU64, Ordering};
    use protocol::{barrier::light_then_load, layout::{Park, SidePage}, sync::Foreign};

    fn main() {
        let park = Park { wake_at: AtomicU64::new(1) };
        let page = SidePage { tail: AtomicU64::new(0), park: (park,) };
        let mut seen = [0; 4];
        for (n, seen) in (2..).zip(&mut seen) {
            *seen = light_then_load(true, Foreign(&page));
            page.park.0.wake_at.store(n, Ordering::Relaxed);
        }
        assert_eq!(seen, [1, 2, 3, 4], "a look is stale");
    }
"#;

#[track_caller]
fn succeed(output: &Output) {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn the_compiler_moves_no_look_of_a_waker_and_reuses_none() {
    let dir = Dir::new("compiled");
    let (source, program) = (dir.join("program.rs"), dir.join("program"));
    let barrier = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/protocol/barrier.rs");
    std::fs::write(&source, PROGRAM.replace("BARRIER", barrier.to_str().unwrap())).unwrap();
    for level in ["1", "2", "3"] {
        let compiler = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
        let mut command = Command::new(compiler);
        command.args(["--edition", "2024", "--cap-lints", "allow"]);
        succeed(
            &command
                .arg(format!("-Copt-level={level}"))
                .arg("-o")
                .arg(&program)
                .arg(&source)
                .output()
                .unwrap(),
        );
        succeed(&Command::new(&program).output().unwrap());
    }
}
