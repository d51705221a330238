//! A TCP connection over the loopback interface, without Nagle's delay, used one way.

use std::io;
use std::net::{Ipv4Addr, TcpListener, TcpStream};

use super::pipe::End;
use super::{Fault, Handle, Inherited, Made, Transport};

pub(crate) struct Tcp;

/// Both ends of a new connection, connected by ourselves: the listener has a port of the kernel's choice
/// and is gone again afterwards.
fn connected() -> io::Result<[TcpStream; 2]> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let sends = TcpStream::connect(listener.local_addr()?)?;
    let ours = sends.local_addr()?;
    // Anybody on this machine may connect to a port that listens.
    let receives = loop {
        let (stream, from) = listener.accept()?;
        if from == ours {
            break stream;
        }
    };
    sends.set_nodelay(true)?;
    Ok([receives, sends])
}

impl Transport for Tcp {
    type Sender<const W: usize> = End;
    type Receiver<const W: usize> = End;

    fn make(_bytes: usize) -> Result<Box<dyn Made>, Fault> {
        let ends = connected().map_err(|error| Fault::new("connecting to 127.0.0.1", error))?;
        Ok(Box::new(Inherited::new(ends.map(Into::into).into()).holding(0)))
    }

    fn sender<const W: usize>(handle: &Handle) -> Result<End, Fault> {
        handle.descriptor(1).map(End::of)
    }

    fn receiver<const W: usize>(handle: &Handle) -> Result<End, Fault> {
        handle.descriptor(0).map(End::of)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ends_are_ours_on_loopback_and_nothing_is_delayed() {
        let [receives, sends] = connected().unwrap();
        assert_eq!(receives.peer_addr().unwrap(), sends.local_addr().unwrap());
        assert!(receives.local_addr().unwrap().ip().is_loopback());
        assert!(sends.nodelay().unwrap());
        let port = receives.local_addr().unwrap();
        assert!(TcpStream::connect(port).is_err(), "the listener is gone");
    }
}
