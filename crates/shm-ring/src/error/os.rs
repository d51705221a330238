//! Owns: what a failed system call is reported as: the table of what can be done about an errno, and where that depends
//! on the call, about that. Knows nothing of: why the call was made.

use std::io;

use rustix::io::Errno;

use super::Error;

/// A failed call on `region`.
pub(crate) fn os(region: &str, call: &'static str, errno: Errno) -> Error {
    let region = region.to_owned();
    Error::Os { region, call, source: io::Error::from(errno), hint: hint(call, errno) }
}

/// [`os`] for what the standard library reports.
pub(crate) fn io(region: &str, call: &'static str, source: io::Error) -> Error {
    let hint = Errno::from_io_error(&source).map_or(UNKNOWN, |errno| hint(call, errno));
    Error::Os { region: region.to_owned(), call, source, hint }
}

const UNKNOWN: &str = "the manual page of the call says what that means";
const MEMLOCK: &str =
    "raise RLIMIT_MEMLOCK (ulimit -l); the data counts twice, since it is mapped twice";
const LOCKS: &str = "the kernel (3.15 or newer) and the file system must support open file description locks, and \
                     a sandbox must let them through";

/// What can be done. The errno says what is wrong; the call only what it was wanted for.
fn hint(call: &str, errno: Errno) -> &'static str {
    match (errno, call) {
        (Errno::MFILE, _) => {
            "this process has as many descriptors open as it may: close some, or raise RLIMIT_NOFILE (ulimit -n)"
        }
        (Errno::NFILE, _) => {
            "the machine has as many files open as it may: close some, or raise fs.file-max"
        }
        // A limit of 0 is EPERM.
        (Errno::NOMEM | Errno::AGAIN | Errno::PERM, "mlock") => MEMLOCK,
        (Errno::AGAIN, "mmap" | "madvise(MADV_POPULATE)") => {
            "this process locks all of its memory (mlockall) and may lock no more: raise RLIMIT_MEMLOCK (ulimit -l)"
        }
        (Errno::NOMEM, "mmap") => {
            "there must be addresses for the region and its mirror (RLIMIT_AS, ulimit -v), and mappings left \
             (vm.max_map_count)"
        }
        (Errno::NOMEM | Errno::FAULT, "madvise(MADV_POPULATE)") => {
            "memory is full: free some, or attach without Options::prefault"
        }
        (Errno::NOMEM, _) => "memory is full: free some",
        (Errno::NODEV | Errno::ACCESS | Errno::PERM, "mmap") => {
            "files there cannot be mapped shared: use a file system that can, such as /dev/shm"
        }
        (Errno::NOSPC | Errno::DQUOT, _) => {
            "the file system or the quota is full: free some room (`shm-ring gc`), or ask for fewer items"
        }
        (Errno::FBIG, _) => {
            "no file may be that long there (RLIMIT_FSIZE, ulimit -f, or the file system): ask for fewer items"
        }
        (Errno::IO, _) => "the disk failed: the kernel's log says more",
        (Errno::ROFS, _) => "the file system is mounted for reading only",
        (Errno::PERM, "fchown") => {
            "only a member of a group may give it a file: add this user to it (usermod -aG) and log in again, or \
             name a group that `id` lists"
        }
        (Errno::INVAL, "fchown") => "the group has no number in this user namespace",
        (Errno::PERM, "unlink" | "renameat") => {
            "in a directory such as /dev/shm only the owner of a file may remove or replace it"
        }
        (
            Errno::ACCESS,
            "unlink" | "renameat" | "renameat2" | "open(O_TMPFILE)" | "open(O_CREAT)" | "linkat",
        ) => "this user must have the right to write the directory",
        (Errno::ACCESS | Errno::PERM, "open" | "stat") => {
            "its owner and its mode, and those of the directories above it, must let this user in"
        }
        (Errno::ACCESS | Errno::PERM, "open(/proc/self/fd)") => {
            "this user must have the right to read and write the region, and a sandbox must let the call through"
        }
        (Errno::ACCESS | Errno::PERM, "open(/proc/PID/fd)") => {
            "it takes the right to debug that process"
        }
        (Errno::PERM | Errno::NOSYS | Errno::ACCESS, "memfd_create") => {
            "a sandbox may refuse it: use a name instead"
        }
        (Errno::NOENT, "linkat" | "open(/proc/self/fd)" | "open(/proc/PID/fd)") => {
            "/proc must be mounted"
        }
        (Errno::NOENT | Errno::NOTDIR, _) => "the directory must exist",
        (Errno::LOOP | Errno::NAMETOOLONG, _) => "another path must be used",
        (Errno::NOLCK, _) => {
            "no more locks are left on the machine that serves the file system: use /dev/shm"
        }
        (_, "fcntl(F_OFD_SETLK)") => LOCKS,
        (Errno::BADF, _) => "the descriptor must be open",
        (Errno::PERM | Errno::ACCESS | Errno::NOSYS, _) => {
            "a sandbox may refuse the call, or the kernel is too old for it"
        }
        _ => UNKNOWN,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each was wrong while the call alone decided.
    #[test]
    fn the_errno_decides_before_the_call() {
        for (call, errno, word) in [
            ("open", Errno::MFILE, "RLIMIT_NOFILE"),
            ("open(/proc/self/fd)", Errno::MFILE, "RLIMIT_NOFILE"),
            ("memfd_create", Errno::MFILE, "RLIMIT_NOFILE"),
            ("open(O_TMPFILE)", Errno::NFILE, "fs.file-max"),
            ("mmap", Errno::AGAIN, "RLIMIT_MEMLOCK"),
            ("mlock", Errno::AGAIN, "RLIMIT_MEMLOCK"),
            ("mlock", Errno::NOMEM, "RLIMIT_MEMLOCK"),
            ("mlock", Errno::PERM, "RLIMIT_MEMLOCK"),
            ("mmap", Errno::NOMEM, "vm.max_map_count"),
            ("madvise(MADV_POPULATE)", Errno::NOMEM, "prefault"),
            ("fcntl(F_DUPFD_CLOEXEC)", Errno::NOMEM, "memory"),
            ("open(O_TMPFILE)", Errno::ACCESS, "the directory"),
            ("open", Errno::ACCESS, "mode"),
            ("open(O_TMPFILE)", Errno::ROFS, "reading only"),
            ("pwrite", Errno::NOSPC, "full"),
            ("ftruncate", Errno::FBIG, "RLIMIT_FSIZE"),
            ("pread", Errno::IO, "disk"),
            ("fchown", Errno::PERM, "group"),
            ("unlink", Errno::PERM, "owner"),
            ("linkat", Errno::NOENT, "/proc"),
            ("memfd_create", Errno::NOSYS, "name"),
            ("fcntl(F_OFD_SETLK)", Errno::INVAL, "open file description locks"),
            ("fcntl(F_OFD_SETLK)", Errno::NOLCK, "no more locks"),
        ] {
            let text = os("/dev/shm/x", call, errno).to_string();
            assert!(text.contains(word) && text.contains(call), "{text}");
        }
    }
}
