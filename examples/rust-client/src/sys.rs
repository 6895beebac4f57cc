// SPDX-License-Identifier: BSD-2-Clause
//! What the standard library cannot do on a stable compiler: sockets of type SOCK_SEQPACKET,
//! and descriptors that go along with a message. All `unsafe` of this crate is here. Must not
//! know the protocol.
//!
//! Declared for Linux on 64-bit machines, where glibc and musl agree on these structures.

#[cfg(not(all(target_os = "linux", target_pointer_width = "64")))]
compile_error!("the structures in sys.rs are those of 64-bit Linux");

use std::ffi::c_void;
use std::io;
use std::mem::size_of;
use std::os::raw::c_int;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::io::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::path::Path;
use std::ptr::null_mut;

const AF_UNIX: c_int = 1;
const SOCK_SEQPACKET: c_int = 5;
const SOCK_CLOEXEC: c_int = 0o2000000;
const SOL_SOCKET: c_int = 1;
const SCM_RIGHTS: c_int = 1;
const MSG_NOSIGNAL: c_int = 0x4000;
const MSG_CMSG_CLOEXEC: c_int = 0x4000_0000;
pub const MSG_DONTWAIT: c_int = 0x40;

/// `struct sockaddr_un`
#[repr(C)]
struct Address {
    family: u16,
    path: [u8; 108],
}

/// `struct iovec`
#[repr(C)]
struct Bytes {
    start: *mut c_void,
    length: usize,
}

/// `struct msghdr`
#[repr(C)]
struct Head {
    name: *mut c_void,
    name_length: u32,
    bytes: *mut Bytes,
    bytes_count: usize,
    control: *mut c_void,
    control_length: usize,
    flags: c_int,
}

/// `struct cmsghdr`, with one descriptor and what aligns its end.
#[repr(C)]
struct Control {
    length: usize,
    level: c_int,
    kind: c_int,
    descriptor: c_int,
    padding: c_int,
}

/// CMSG_LEN(sizeof(int))
const CONTROL_LENGTH: usize = size_of::<usize>() + 3 * size_of::<c_int>();

extern "C" {
    fn socket(domain: c_int, kind: c_int, protocol: c_int) -> c_int;
    fn connect(fd: c_int, address: *const Address, length: u32) -> c_int;
    fn sendmsg(fd: c_int, head: *const Head, flags: c_int) -> isize;
    fn recvmsg(fd: c_int, head: *mut Head, flags: c_int) -> isize;
}

fn head(bytes: &mut Bytes, control: Option<&mut Control>) -> Head {
    let control_length = if control.is_some() { size_of::<Control>() } else { 0 };
    Head {
        name: null_mut(),
        name_length: 0,
        bytes,
        bytes_count: 1,
        control: control.map_or(null_mut(), |c| c as *mut Control as *mut c_void),
        control_length,
        flags: 0,
    }
}

/// Again for as long as a signal comes between.
fn patiently(mut call: impl FnMut() -> isize) -> io::Result<usize> {
    loop {
        let n = call();
        if n >= 0 {
            return Ok(n as usize);
        }
        let error = io::Error::last_os_error();
        if error.kind() != io::ErrorKind::Interrupted {
            return Err(error);
        }
    }
}

/// A connection to the socket at `path`.
pub fn connect_to(path: &Path) -> io::Result<OwnedFd> {
    let name = path.as_os_str().as_bytes();
    let mut address = Address { family: AF_UNIX as u16, path: [0; 108] };

    if name.len() >= address.path.len() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "the path is too long"));
    }
    address.path[..name.len()].copy_from_slice(name);
    // SAFETY: takes numbers only.
    let fd = unsafe { socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0) };
    if fd < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the descriptor is new and nobody else's.
    let fd = unsafe { OwnedFd::from_raw_fd(fd) };
    // SAFETY: the address lives through the call, and its length is its own.
    patiently(|| unsafe {
        connect(fd.as_raw_fd(), &address, size_of::<Address>() as u32) as isize
    })?;
    Ok(fd)
}

/// Sends the bytes as one message, with a descriptor if there is one.
pub fn send(fd: BorrowedFd, bytes: &[u8], file: Option<BorrowedFd>) -> io::Result<()> {
    let mut part = Bytes { start: bytes.as_ptr() as *mut c_void, length: bytes.len() };
    let mut control = file.map(|file| Control {
        length: CONTROL_LENGTH,
        level: SOL_SOCKET,
        kind: SCM_RIGHTS,
        descriptor: file.as_raw_fd(),
        padding: 0,
    });
    let head = head(&mut part, control.as_mut());
    // SAFETY: head leads to `part` and `control`, and these to `bytes`; all of them live through
    // the call, which only reads them. Both descriptors are borrowed, so they are open.
    let sent = patiently(|| unsafe { sendmsg(fd.as_raw_fd(), &head, MSG_NOSIGNAL) })?;
    if sent == bytes.len() {
        Ok(())
    } else {
        Err(io::ErrorKind::WriteZero.into())
    }
}

/// Receives one message into `bytes`, and a descriptor if one comes along. Returns the message's
/// length, 0 at the end.
pub fn receive(fd: BorrowedFd, bytes: &mut [u8], flags: c_int) -> io::Result<(usize, Option<OwnedFd>)> {
    let mut part = Bytes { start: bytes.as_mut_ptr() as *mut c_void, length: bytes.len() };
    let mut control = Control { length: 0, level: 0, kind: 0, descriptor: -1, padding: -1 };
    let mut head = head(&mut part, Some(&mut control));
    // SAFETY: as in send(); the call writes no more than the lengths say, into what is borrowed
    // mutably here. Any value is valid for the fields of Control.
    let n = patiently(|| unsafe {
        recvmsg(fd.as_raw_fd(), &mut head, flags | MSG_CMSG_CLOEXEC)
    })?;
    let came = head.control_length >= CONTROL_LENGTH
        && control.length >= CONTROL_LENGTH
        && control.level == SOL_SOCKET
        && control.kind == SCM_RIGHTS;
    // SAFETY: the kernel has just made this descriptor for us; nobody else has it.
    let file = came.then(|| unsafe { OwnedFd::from_raw_fd(control.descriptor) });
    if control.length > CONTROL_LENGTH && came {
        // SAFETY: the same, of a second one, for which there is room but no use.
        drop(unsafe { OwnedFd::from_raw_fd(control.padding) });
    }
    Ok((n, file))
}
