//! `rm`: names of rings taken away.

use shm_ring::{Error, Observer};

use crate::cli::Rm;
use crate::failure::{Code, Failure};

pub(crate) fn run(rm: &Rm) -> Result<(), Failure> {
    for target in &rm.targets {
        let region = target.region();
        if !rm.force {
            region.unlink_unused(&rm.trust.to_look()).map_err(refused)?;
            continue;
        }
        match Observer::open_with(target.region(), &rm.trust.to_look()) {
            // It begins as a ring, whatever else is wrong with it.
            Ok(_) | Err(Error::Header { .. } | Error::Incompatible { .. }) => {}
            Err(Error::Length { found, .. }) if found >= 256 => {}
            Err(error) => return Err(error.into()),
        }
        region.unlink()?;
    }
    Ok(())
}

fn refused(error: Error) -> Failure {
    match error {
        Error::RoleTaken { region, role, pid } => Failure::new(
            Code::Failure,
            format!("{region} is in use: its {role} is process {pid}"),
            "--force removes the name all the same; who is attached goes on without it",
        ),
        error => error.into(),
    }
}
