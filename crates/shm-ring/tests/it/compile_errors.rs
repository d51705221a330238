//! What the compiler says of programs that cannot be, and that it infers what they say once.
//!
//! Owns: running `rustc` on a few lines with the library as it was built for these tests. Knows nothing of: rings.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use crate::harness::Dir;

/// Where the library and all that it stands on were built for this program.
fn libraries() -> PathBuf {
    std::env::current_exe().unwrap().parent().unwrap().to_owned()
}

/// The builds of the library that are there, the newest first: other settings and other compilers leave theirs.
fn builds() -> Vec<PathBuf> {
    let is_ours = |path: &PathBuf| {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        name.starts_with("libshm_ring-") && name.ends_with(".rlib")
    };
    let entries = std::fs::read_dir(libraries()).unwrap().flatten();
    let mut builds: Vec<PathBuf> = entries.map(|entry| entry.path()).filter(is_ours).collect();
    builds.sort_by_key(|path| path.metadata().and_then(|data| data.modified()).ok());
    builds.reverse();
    builds
}

/// Checks `program` against `library`.
fn check(library: &Path, program: &str) -> Output {
    let dir = Dir::new("compile");
    let source = dir.join("program.rs");
    std::fs::write(&source, program).unwrap();
    let compiler = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    Command::new(compiler)
        .args(["--edition", "2024", "--crate-type", "lib", "--emit", "metadata", "--extern"])
        .arg(format!("shm_ring={}", library.display()))
        .arg(format!("-Ldependency={}", libraries().display()))
        .arg("--out-dir")
        .arg(dir.path())
        .arg(source)
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

/// Nothing names the type of what crosses but the values that are pushed.
const INFERRED: &str = r#"
    use shm_ring::{MessageRing, Options, Ring};
    pub fn run() -> Result<(), Box<dyn std::error::Error>> {
        let (mut tx, mut rx) = Ring::pair(&Options::new())?;
        tx.push(7)?;
        let item: u32 = rx.pop()?;
        assert_eq!(item, 7);
        let ring = Ring::create("/inferred", &Options::new())?;
        let mut tx = ring.producer()?;
        tx.push(7_u64)?;
        tx.push_slice(&[8, 9])?;
        let (mut tx, mut rx) = MessageRing::pair(&Options::new())?;
        tx.push(b"seven")?;
        tx.push_all(&["begin", "end"])?;
        for message in &mut rx {
            println!("{}", message?.len());
        }
        Ok(())
    }
"#;

/// A build that a program that is right compiles against.
fn library() -> PathBuf {
    let mut told = String::new();
    for build in builds() {
        let output = check(&build, INFERRED);
        if output.status.success() {
            return build;
        }
        told += &String::from_utf8_lossy(&output.stderr);
    }
    panic!("a program that is right does not compile: {told}");
}

#[test]
fn the_type_of_what_crosses_is_inferred_from_what_is_pushed() {
    library();
}

#[test]
fn a_type_that_may_not_cross_is_told_what_to_derive() {
    let library = library();
    let wrong = [
        "pub struct Tick { pub price: u64 }",
        "#[repr(C)] pub struct Tick { pub price: u64, pub size: u32 }",
        "pub type Tick = &'static u64;",
        "pub type Tick = bool;",
    ];
    let uses = [
        "pub fn open() { let _ = shm_ring::Producer::<Tick>::open(\"/ticks\"); }",
        "pub fn open() { let _ = shm_ring::Ring::<Tick>::open(\"/ticks\"); }",
        "pub fn open() { let _ = shm_ring::Latest::<Tick>::open(\"/ticks\"); }",
        "pub struct Feed { pub ticks: shm_ring::Consumer<Tick> }",
    ];
    for (wrong, used) in wrong.iter().flat_map(|wrong| uses.map(|used| (wrong, used))) {
        let output = check(&library, &format!("{wrong}\n{used}\n"));
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success(), "{wrong} {used} compiles");
        for expected in [
            "error[E0277]",
            "cannot cross to another process",
            "not an `Item`",
            "derive `FromBytes`, `IntoBytes` and `Immutable` of the crate `zerocopy`",
        ] {
            assert!(told.contains(expected), "{wrong} {used}: no {expected:?} in {told}");
        }
    }
}
