//! Pairs of Unix sockets that keep messages apart, used one way: of the kind `SOCK_SEQPACKET` and of the
//! kind `SOCK_DGRAM`, which between two such sockets differ in nothing but how they are connected.

use std::marker::PhantomData;
use std::os::fd::OwnedFd;

use rustix::net::sockopt::{set_socket_send_buffer_size, socket_send_buffer_size};
use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, recv, send, socketpair,
};
use zerocopy::IntoBytes;

use super::{Fault, Handle, Inherited, Made, Receiver, Sender, Transport};

/// Which kind of socket.
pub(crate) trait Kind {
    const TYPE: SocketType;
}

pub(crate) struct Seqpacket;
pub(crate) struct Datagram;

impl Kind for Seqpacket {
    const TYPE: SocketType = SocketType::SEQPACKET;
}
impl Kind for Datagram {
    const TYPE: SocketType = SocketType::DGRAM;
}

/// A pair of sockets of one kind.
pub(crate) struct UnixPackets<K>(PhantomData<K>);

pub(crate) struct End(OwnedFd);

/// Makes sure that a message of `bytes` bytes passes at all: the kernel counts what it keeps with it
/// too, and refuses for good what the send buffer could not hold.
fn make_room(socket: &OwnedFd, bytes: usize) -> Result<(), Fault> {
    let fault = |error| Fault::new("SO_SNDBUF", error);
    let (wanted, size) = (2 * bytes, || socket_send_buffer_size(socket).map_err(fault));
    if size()? < wanted {
        set_socket_send_buffer_size(socket, wanted).map_err(fault)?;
    }
    match size()? {
        size if size >= wanted => Ok(()),
        size => {
            let why =
                format_args!("{size} bytes where {wanted} are needed: raise net.core.wmem_max");
            Err(Fault::new("SO_SNDBUF", why))
        }
    }
}

impl<K: Kind> Transport for UnixPackets<K> {
    type Sender<const W: usize> = End;
    type Receiver<const W: usize> = End;

    fn make(bytes: usize) -> Result<Box<dyn Made>, Fault> {
        let (receives, sends) =
            socketpair(AddressFamily::UNIX, K::TYPE, SocketFlags::CLOEXEC, None)
                .map_err(|error| Fault::new("socketpair", error))?;
        make_room(&sends, bytes)?;
        Ok(Box::new(Inherited::new(vec![receives, sends]).holding(0)))
    }

    fn sender<const W: usize>(handle: &Handle) -> Result<End, Fault> {
        handle.descriptor(1).map(End)
    }

    fn receiver<const W: usize>(handle: &Handle) -> Result<End, Fault> {
        handle.descriptor(0).map(End)
    }
}

impl<const W: usize> Sender<W> for End {
    fn send(&mut self, message: &[u64; W]) -> Result<(), Fault> {
        // All of it or nothing.
        rustix::io::retry_on_intr(|| send(&self.0, message.as_bytes(), SendFlags::NOSIGNAL))
            .map(|_| ())
            .map_err(|error| Fault::new("send", error))
    }
}

impl<const W: usize> Receiver<W> for End {
    fn receive(&mut self, message: &mut [u64; W]) -> Result<(), Fault> {
        let due = size_of::<[u64; W]>();
        let came = rustix::io::retry_on_intr(|| {
            // With the length of what came, even if there was no room for it.
            recv(&self.0, message.as_mut_bytes(), RecvFlags::TRUNC)
        });
        match came.map_err(|error| Fault::new("recv", error))? {
            (_, came) if came == due => Ok(()),
            (_, came) => Err(Fault::new("recv", format_args!("{came} bytes came, {due} were due"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_of_another_size_is_an_error_with_both() {
        for made in [UnixPackets::<Seqpacket>::make(64), UnixPackets::<Datagram>::make(64)] {
            let handle = made.as_ref().unwrap().handle();
            let mut tx = UnixPackets::<Datagram>::sender::<1>(&handle).unwrap();
            let mut rx = UnixPackets::<Datagram>::receiver::<1>(&handle).unwrap();
            Sender::<2>::send(&mut tx, &[1, 2]).unwrap();
            Sender::<1>::send(&mut tx, &[3]).unwrap();
            let mut message = [0; 1];
            let said = Receiver::<1>::receive(&mut rx, &mut message).unwrap_err().to_string();
            assert_eq!(said, "recv: 16 bytes came, 8 were due");
            Receiver::<1>::receive(&mut rx, &mut message).unwrap();
            assert_eq!(message, [3]);
        }
    }

    #[test]
    fn what_no_buffer_can_hold_is_refused_with_what_to_raise() {
        let said = UnixPackets::<Datagram>::make(1 << 28).err().unwrap().to_string();
        assert!(said.contains("net.core.wmem_max"), "{said}");
    }
}
