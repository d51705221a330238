//! The ring in Go, both sides programs of `bindings/go/bench`: the parent builds that and makes the ring, and a side
//! becomes it once the floor is measured. It must not know what the program does with a workload.

use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use shm_ring::{Options, Region, Ring};

use super::{Fault, Handle, ITEMS, Made, fresh_name, items, with_words};
use crate::run::control::{Control, Measure};
use crate::run::spec::Spec;

/// What a comparison calls it.
pub(crate) const NAME: &str = "go";
/// The module, beside this crate.
const MODULE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../bindings/go");

/// A ring that has a name as long as a run lasts: Go opens no descriptors of others.
struct Named {
    name: String,
    holds: u64,
}

impl Made for Named {
    fn handle(&self) -> Handle {
        Handle { prefix: self.name.clone(), ..Handle::default() }
    }

    fn holds(&self) -> Option<u64> {
        Some(self.holds)
    }
}

impl Drop for Named {
    fn drop(&mut self) {
        // Both sides have ended, or will be killed, and lose nothing by it.
        let _ = std::fs::remove_file(Path::new("/dev/shm").join(&self.name));
    }
}

/// Makes a ring for messages of `bytes` bytes, as the one in Rust is.
pub(super) fn make(bytes: usize) -> Result<Box<dyn Made>, Fault> {
    static BUILT: OnceLock<Result<(), String>> = OnceLock::new();
    let built = BUILT.get_or_init(|| build().map_err(|fault| fault.to_string()));
    built.as_ref().map_err(|why| Fault::new("the program in Go", why))?;
    with_words!(bytes, W => named::<W>())
}

fn named<const W: usize>() -> Result<Box<dyn Made>, Fault> {
    let bytes = size_of::<[u64; W]>();
    let options = match bytes < 1024 {
        true => Options::new().items(ITEMS),
        false => Options::new().bytes(items(bytes) * bytes),
    };
    let name = fresh_name();
    let ring = Ring::<[u64; W]>::create(Region::named(name.as_str()), &options)
        .map_err(|error| Fault::new("creating the ring", error))?;
    Ok(Box::new(Named { name, holds: ring.limit_bytes() as u64 }))
}

/// The program stands beside this one, as no other comparison's does.
fn program() -> Result<PathBuf, Fault> {
    let this =
        std::env::current_exe().map_err(|error| Fault::new("finding this program", error))?;
    Ok(this.with_file_name("shm-ring-bench-go"))
}

fn build() -> Result<(), Fault> {
    let output = Command::new("go")
        .args(["build", "-o"])
        .arg(program()?)
        .arg("./bench")
        .current_dir(MODULE)
        .envs([("GOFLAGS", "-mod=mod"), ("GOPROXY", "off"), ("GOTOOLCHAIN", "local")])
        .output();
    match output {
        Ok(output) if output.status.success() => Ok(()),
        Ok(output) => {
            let said = String::from_utf8_lossy(&output.stderr);
            Err(Fault::new("go build", said.trim()))
        }
        Err(error) => {
            let hint = "is Go 1.19 or newer installed (Debian: apt-get install golang-go)?";
            Err(Fault::new("running go", format_args!("{error}: {hint}")))
        }
    }
}

/// Becomes the program in Go. That reads `json` as this one did, and writes what it measured to the places that it is given.
pub(crate) fn become_side(json: &str, spec: &Spec) -> Result<(), Fault> {
    if spec.no_system_calls || spec.counts_system_calls {
        return Err(Fault::new("counting system calls", "Go makes its own at any time"));
    }
    let places: serde_json::Map<_, _> = [
        Measure::Done,
        Measure::WallNs,
        Measure::CpuNs,
        Measure::QueuedNs,
        Measure::Verified,
        Measure::Switches,
        Measure::P50,
        Measure::P75,
        Measure::P90,
        Measure::P99,
        Measure::P999,
        Measure::P9999,
        Measure::Max,
    ]
    .into_iter()
    .map(|measure| (format!("{measure:?}"), Control::place(spec.side, measure).into()))
    .collect();
    let stages = [spec.side, spec.side.other()].map(Control::stage_place);
    let places =
        serde_json::json!({ "length": Control::LENGTH, "stages": stages, "measures": places });
    let error = Command::new(program()?).args([json, &places.to_string()]).exec();
    Err(Fault::new("becoming the program in Go", error))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::control::Side;

    #[test]
    fn the_two_sides_write_to_different_places() {
        let places = [Side::A, Side::B].map(|side| Control::place(side, Measure::WallNs));
        assert_ne!(places[0], places[1]);
        assert!(places.iter().all(|place| place % 8 == 0 && place + 8 <= Control::LENGTH));
    }
}
