//! A FIFO with a name, in a directory of its own: what a pipe is to two programs that are not related.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::os::unix::fs::DirBuilderExt;
use std::path::PathBuf;

use rustix::fs::{CWD, FileType, Mode, mknodat};

use super::pipe::End;
use super::{Fault, Handle, Made, Transport, fresh_name};

pub(crate) struct Fifo;

const NAME: &str = "fifo";

/// The directory, until the FIFO needs no name any more.
struct Named {
    directory: PathBuf,
    /// Open in both directions, so that neither side waits for the other when it opens its end: in echo
    /// both would wait.
    both: Option<File>,
}

impl Made for Named {
    fn handle(&self) -> Handle {
        Handle { prefix: self.directory.to_string_lossy().into_owned(), ..Handle::default() }
    }

    fn holds(&self) -> Option<u64> {
        // The kernel keeps the messages.
        Some(0)
    }

    fn attached(&mut self) {
        if self.both.take().is_some() {
            let _ = fs::remove_dir_all(&self.directory);
        }
    }
}

impl Drop for Named {
    fn drop(&mut self) {
        self.attached();
    }
}

fn open(handle: &Handle, options: &mut OpenOptions) -> Result<End, Fault> {
    let path = PathBuf::from(&handle.prefix).join(NAME);
    let file = options.open(&path);
    file.map(End::of).map_err(|error| Fault::new(&format!("opening {}", path.display()), error))
}

impl Transport for Fifo {
    type Sender<const W: usize> = End;
    type Receiver<const W: usize> = End;

    fn make(_bytes: usize) -> Result<Box<dyn Made>, Fault> {
        let directory = std::env::temp_dir().join(fresh_name());
        let fault = |error| Fault::new(&format!("making {}", directory.display()), error);
        DirBuilder::new().mode(0o700).create(&directory).map_err(fault)?;
        let path = directory.join(NAME);
        let opened = mknodat(CWD, &path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0)
            .map_err(Into::into)
            .and_then(|()| OpenOptions::new().read(true).write(true).open(&path));
        match opened {
            Ok(both) => Ok(Box::new(Named { directory, both: Some(both) })),
            Err(error) => {
                let _ = fs::remove_dir_all(&directory);
                Err(fault(error))
            }
        }
    }

    fn sender<const W: usize>(handle: &Handle) -> Result<End, Fault> {
        open(handle, OpenOptions::new().write(true))
    }

    fn receiver<const W: usize>(handle: &Handle) -> Result<End, Fault> {
        open(handle, OpenOptions::new().read(true))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::transport::{Receiver, Sender};

    #[test]
    fn the_name_is_for_us_alone_and_gone_when_both_are_attached() {
        let mut made = Fifo::make(64).unwrap();
        let handle = made.handle();
        let directory = PathBuf::from(&handle.prefix);
        let mode = std::os::unix::fs::PermissionsExt::mode(
            &fs::metadata(&directory).unwrap().permissions(),
        );
        assert_eq!(mode & 0o777, 0o700);
        let (mut tx, mut rx) =
            (Fifo::sender::<8>(&handle).unwrap(), Fifo::receiver::<8>(&handle).unwrap());
        made.attached();
        assert!(!directory.exists());
        let mut message = [0; 8];
        tx.send(&[7; 8]).unwrap();
        rx.receive(&mut message).unwrap();
        assert_eq!(message, [7; 8]);
        let said = Fifo::sender::<8>(&handle).err().unwrap().to_string();
        assert!(said.contains("fifo"), "{said}");
    }

    #[test]
    fn a_fifo_that_nobody_attached_to_leaves_nothing() {
        let made = Fifo::make(64).unwrap();
        let directory = PathBuf::from(made.handle().prefix);
        assert!(directory.exists());
        drop(made);
        assert!(!directory.exists());
    }
}
