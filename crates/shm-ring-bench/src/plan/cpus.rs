//! Which processors the two sides are pinned to. It must not know what runs there.

use crate::complaint::Complaint;

/// The processors that a comparison is pinned to.
pub(crate) fn pinned(asked: Option<[usize; 2]>) -> Result<[usize; 2], Complaint> {
    let chosen = allowed().and_then(|allowed| choose(asked, &allowed));
    chosen.map_err(|why| Complaint::usage(why, "`shm-ring-bench doctor` says what they are like"))
}

/// The two processors asked for, or the first two of those that we may use; one twice, if there is
/// only one.
fn choose(asked: Option<[usize; 2]>, allowed: &[usize]) -> Result<[usize; 2], String> {
    let Some(asked) = asked else {
        return match *allowed {
            [] => Err("we may use no processor".to_owned()),
            [only] => Ok([only, only]),
            [first, second, ..] => Ok([first, second]),
        };
    };
    match asked.iter().find(|cpu| !allowed.contains(cpu)) {
        None => Ok(asked),
        Some(cpu) => {
            let allowed: Vec<String> = allowed.iter().map(ToString::to_string).collect();
            let allowed = allowed.join(", ");
            Err(format!("processor {cpu} is none that we may use; allowed are {allowed}"))
        }
    }
}

/// The processors that this process may use.
fn allowed() -> Result<Vec<usize>, String> {
    let set = rustix::thread::sched_getaffinity(None)
        .map_err(|error| format!("asking which processors we may use: {error}"))?;
    Ok((0..rustix::thread::CpuSet::MAX_CPU).filter(|&cpu| set.is_set(cpu)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_two_allowed_processors_are_taken_unless_others_are_asked_for() {
        assert_eq!(choose(None, &[2, 5, 7]), Ok([2, 5]));
        assert_eq!(choose(Some([7, 2]), &[2, 5, 7]), Ok([7, 2]));
        assert_eq!(choose(None, &[3]), Ok([3, 3]));
    }

    #[test]
    fn a_processor_that_we_may_not_use_is_refused_with_those_that_we_may() {
        let why = choose(Some([2, 99]), &[2, 5]).unwrap_err();
        assert_eq!(why, "processor 99 is none that we may use; allowed are 2, 5");
    }
}
