//! `rm`: names of rings taken away.

use shm_ring::{Error, Observer};

use crate::cli::Rm;
use crate::failure::{Code, Failure};
use crate::target::Target;

/// All that can be removed is, and the last failure is how it ends; those before it are said.
pub(crate) fn run(rm: &Rm) -> Result<(), Failure> {
    let failures = rm.targets.iter().filter_map(|target| remove(rm, target).err());
    let mut failures: Vec<Failure> = failures.collect();
    let last = failures.pop();
    for failure in failures {
        failure.report();
    }
    last.map_or(Ok(()), Err)
}

fn remove(rm: &Rm, target: &Target) -> Result<(), Failure> {
    let (region, options) = (target.region(), rm.trust.to_look());
    if !rm.force {
        let removed = match rm.unread {
            true => region.unlink_unused_and_discard(&options),
            false => region.unlink_unused(&options),
        };
        return removed.map_err(refused);
    }
    match Observer::open_with(target.region(), &rm.trust.to_look()) {
        // It begins as a ring, whatever else is wrong with it.
        Ok(_) | Err(Error::InvalidHeader { .. } | Error::Incompatible { .. }) => {}
        Err(Error::WrongLength { found, .. }) if found >= 256 => {}
        Err(error) => return Err(error.into()),
    }
    Ok(region.unlink()?)
}

fn refused(error: Error) -> Failure {
    match error {
        Error::RoleTaken { region, role, pid } => Failure::new(
            Code::Failure,
            match pid {
                None => format!("{region} is in use: it has a {role}"),
                Some(pid) => format!("{region} is in use: its {role} is process {pid}"),
            },
            format!(
                "`shm-ring rm --force {region}` removes the name all the same; who is attached goes on without it"
            ),
        ),
        Error::BlockedByReader { region, .. } => Failure::new(
            Code::Failure,
            format!(
                "{region} is in use: a process that may read it holds a lock (lslocks shows it)"
            ),
            format!("`shm-ring rm --force {region}` removes the name all the same"),
        ),
        error => error.into(),
    }
}
