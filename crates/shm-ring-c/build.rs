//! Owns: the name by which programs ask for the shared library. Knows nothing of: where it is installed.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    // Before 1.0 each minor release may break the interface, so it is part of the name.
    let (major, minor) = (env!("CARGO_PKG_VERSION_MAJOR"), env!("CARGO_PKG_VERSION_MINOR"));
    let abi = if major == "0" { format!("0.{minor}") } else { major.to_owned() };
    println!("cargo:rustc-cdylib-link-arg=-Wl,-soname,libshmring.so.{abi}");
}
