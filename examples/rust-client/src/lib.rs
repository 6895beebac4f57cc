// SPDX-License-Identifier: BSD-2-Clause
//! A VMM's side of optee-mediatord: OP-TEE for a guest, with nothing of it in the VMM's process.
//!
//! ```text
//! Daemon::connect  ->  add_memory, open_vcpu  ->  the SMCCC filter  ->  handle_exit at each exit
//! ```
//!
//! `docs/mediatord.md` describes the protocol. This is it in safe Rust, with the standard library
//! alone; what that cannot do on a stable compiler, passing descriptors, is in `sys`, where all
//! `unsafe` is.
#![deny(unsafe_code)]
#![warn(missing_docs)]

#[allow(unsafe_code)]
mod sys;

use std::fmt;
use std::io;
use std::os::unix::io::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;

/// The version of the protocol.
pub const VERSION: u64 = 1;

const HELLO: u32 = 1;
const ADD_MEMORY: u32 = 2;
const REMOVE_MEMORY: u32 = 3;
const MAY_DISCARD: u32 = 4;
const OPEN_VCPU: u32 = 5;
const RESET: u32 = 6;
const CALL: u32 = 7;
const READY: u32 = 256;

const OK: i32 = 0;
const NOT_MINE: i32 = 1;
const AGAIN: i32 = 2;
const NEW_DRIVER: i32 = 3;
const IN_USE: i32 = 4;

/// Why something did not come about.
#[derive(Debug)]
pub enum Error {
    /// The daemon has gone, or cannot be reached.
    Io(io::Error),
    /// The daemon's answer, an error of mediatord.h (ERR_ARGUMENT is -1).
    Refused(i32),
}

impl From<io::Error> for Error {
    fn from(error: io::Error) -> Self {
        Error::Io(error)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Io(error) => write!(f, "optee-mediatord: {error}"),
            Error::Refused(-1) => f.write_str("an argument is not what the protocol asks for"),
            Error::Refused(-2) => {
                f.write_str("the daemon is out of memory, regions, threads or descriptors")
            }
            Error::Refused(-3) => f.write_str("the guest has memory there, or of that id, already"),
            Error::Refused(-4) => f.write_str("there is no such memory"),
            Error::Refused(-5) => f.write_str("the TEE device failed"),
            Error::Refused(-6) => f.write_str("the daemon speaks another version of the protocol"),
            Error::Refused(-7) => f.write_str("a reset has begun and has not come to its end"),
            Error::Refused(other) => write!(f, "the daemon refused: {other}"),
        }
    }
}

impl std::error::Error for Error {}

/// What a request came to that can also be asked too early.
#[derive(Debug, PartialEq, Eq)]
pub enum Progress {
    /// It is done.
    Done,
    /// Not yet: ask again when `Daemon::take_ready()` says so.
    Again,
}

/// A message, as mediatord.h has it.
struct Message {
    kind: u32,
    result: i32,
    arg: [u64; 8],
}

impl Message {
    const SIZE: usize = 72;

    fn new(kind: u32, values: &[u64]) -> Self {
        let mut arg = [0; 8];
        arg[..values.len()].copy_from_slice(values);
        Message { kind, result: 0, arg }
    }

    fn to_bytes(&self) -> [u8; Self::SIZE] {
        let mut bytes = [0; Self::SIZE];
        bytes[..4].copy_from_slice(&self.kind.to_ne_bytes());
        bytes[4..8].copy_from_slice(&self.result.to_ne_bytes());
        for (place, value) in bytes[8..].chunks_exact_mut(8).zip(self.arg) {
            place.copy_from_slice(&value.to_ne_bytes());
        }
        bytes
    }

    fn from_bytes(bytes: &[u8; Self::SIZE]) -> Self {
        let word = |at: usize| [bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]];
        let mut arg = [0; 8];
        for (value, place) in arg.iter_mut().zip(bytes[8..].chunks_exact(8)) {
            let mut octets = [0; 8];
            octets.copy_from_slice(place);
            *value = u64::from_ne_bytes(octets);
        }
        Message {
            kind: u32::from_ne_bytes(word(0)),
            result: i32::from_ne_bytes(word(4)),
            arg,
        }
    }
}

fn receive(fd: BorrowedFd, flags: i32) -> io::Result<(Message, Option<OwnedFd>)> {
    let mut bytes = [0; Message::SIZE];
    match sys::receive(fd, &mut bytes, flags)? {
        (Message::SIZE, file) => Ok((Message::from_bytes(&bytes), file)),
        (0, _) => Err(io::ErrorKind::ConnectionReset.into()),
        _ => Err(io::ErrorKind::InvalidData.into()),
    }
}

/// The connection to the daemon, which is the guest: when it is dropped, the guest's sessions are
/// closed and its memory is given back.
#[derive(Debug)]
pub struct Daemon {
    socket: OwnedFd,
    ready: bool,
}

impl Daemon {
    /// Connects to the guest's socket. Waits while the daemon has not done with a guest that was
    /// there before.
    pub fn connect(path: impl AsRef<Path>) -> Result<Self, Error> {
        let mut daemon = Daemon { socket: sys::connect_to(path.as_ref())?, ready: false };
        daemon.request(Message::new(HELLO, &[VERSION]), None)?;
        Ok(daemon)
    }

    /// Sends a request and waits for its reply.
    fn request(
        &mut self,
        message: Message,
        file: Option<BorrowedFd>,
    ) -> Result<(i32, Option<OwnedFd>), Error> {
        sys::send(self.socket.as_fd(), &message.to_bytes(), file)?;
        loop {
            let (reply, came) = receive(self.socket.as_fd(), 0)?;
            if reply.kind == READY {
                self.ready = true;
            } else if reply.kind != message.kind {
                return Err(io::Error::from(io::ErrorKind::InvalidData).into());
            } else if reply.result < OK {
                return Err(Error::Refused(reply.result));
            } else {
                return Ok((reply.result, came));
            }
        }
    }

    fn progress(&mut self, message: Message) -> Result<Progress, Error> {
        match self.request(message, None)?.0 {
            AGAIN => Ok(Progress::Again),
            _ => Ok(Progress::Done),
        }
    }

    /// Lends a region of the guest's RAM: `size` bytes at `offset` of a memfd or another file
    /// that can be mapped shared. `id` is the VMM's own name for it.
    pub fn add_memory(
        &mut self,
        id: u64,
        gpa: u64,
        size: u64,
        file: impl AsFd,
        offset: u64,
    ) -> Result<(), Error> {
        let message = Message::new(ADD_MEMORY, &[id, gpa, size, offset]);
        self.request(message, Some(file.as_fd()))?;
        Ok(())
    }

    /// Takes a region back. `Again`: OP-TEE shares some of it; leave it as it is.
    pub fn remove_memory(&mut self, id: u64) -> Result<Progress, Error> {
        self.progress(Message::new(REMOVE_MEMORY, &[id]))
    }

    /// Whether these pages may be discarded (balloon) now.
    pub fn may_discard(&mut self, gpa: u64, size: u64) -> Result<bool, Error> {
        Ok(self.request(Message::new(MAY_DISCARD, &[gpa, size]), None)?.0 != IN_USE)
    }

    /// A channel for the calls of a vCPU; for the thread that runs it.
    pub fn open_vcpu(&mut self, number: u64) -> Result<Channel, Error> {
        match self.request(Message::new(OPEN_VCPU, &[number]), None)?.1 {
            Some(socket) => Ok(Channel { socket }),
            None => Err(io::Error::from(io::ErrorKind::InvalidData).into()),
        }
    }

    /// The guest starts over; all vCPUs are stopped. `Again`: a call is still in OP-TEE; call it
    /// again, and nothing else.
    pub fn reset(&mut self) -> Result<Progress, Error> {
        self.progress(Message::new(RESET, &[]))
    }

    /// Whether what was answered `Again` may now succeed. Does not wait: poll `as_fd()` first.
    pub fn take_ready(&mut self) -> Result<bool, Error> {
        loop {
            match receive(self.socket.as_fd(), sys::MSG_DONTWAIT) {
                Ok((message, _)) => self.ready |= message.kind == READY,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) => return Err(error.into()),
            }
        }
        Ok(std::mem::take(&mut self.ready))
    }
}

impl AsFd for Daemon {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

/// What a call or an exit came to.
#[derive(Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Handled: the vCPU goes on.
    Handled,
    /// Handled; but the guest runs another kernel (kexec): stop its vCPUs, `Daemon::reset()`.
    NewDriver,
    /// Not for OP-TEE: the VMM handles it.
    NotMine,
}

// OP-TEE's SMC interface.
const CALL_WITH_ARG: u32 = 0x3200_0004;
const RETURN_FROM_RPC: u32 = 0x3200_0003;
const EXCHANGE_CAPABILITIES: u32 = 0xb200_0009;
const DISABLE_SHM_CACHE: u32 = 0xb200_000a;
const ENABLE_SHM_CACHE: u32 = 0xb200_000b;
const CALLS_COUNT: u32 = 0xbf00_ff00;
const SVE_HINT: u32 = 1 << 16;
const FAST: u32 = 1 << 31;
const RETURN_FOREIGN_INTR: u64 = 0xffff_0004;
const RETURN_OK: u64 = 0;
const RETURN_NOT_AVAILABLE: u64 = 7;
const UNKNOWN_FUNCTION: u64 = 0xffff_ffff;

/// What a guest is told when nobody serves it. The two about the cache Linux asks again, for ever,
/// at any other answer: when it reboots, too.
fn answer_of_nobody(function: u32) -> u64 {
    match function & !SVE_HINT {
        DISABLE_SHM_CACHE => RETURN_NOT_AVAILABLE,
        ENABLE_SHM_CACHE => RETURN_OK,
        id if id & FAST != 0 => UNKNOWN_FUNCTION,
        _ => RETURN_NOT_AVAILABLE,
    }
}

/// What KVM has to give to the VMM: first function id and how many, for KVM_ARM_VM_SMCCC_FILTER
/// with action KVM_SMCCC_FILTER_FWD_TO_USER, before any vCPU has run.
pub const FILTER: [(u32, u32); 4] = [
    (0x3200_0000, 0x2_0000),
    (0xb200_0000, 0x2_0000),
    (CALLS_COUNT, 4),
    (CALLS_COUNT | SVE_HINT, 4),
];

/// Whether a function id is one of the filter's.
pub fn is_mine(function: u32) -> bool {
    FILTER.iter().any(|&(first, count)| function.wrapping_sub(first) < count)
}

/// The registers beside x0 that a function takes.
pub fn wanted(function: u32) -> &'static [usize] {
    match function & !SVE_HINT {
        CALL_WITH_ARG => &[1, 2],
        RETURN_FROM_RPC => &[3],
        EXCHANGE_CAPABILITIES => &[1],
        _ => &[],
    }
}

/// A vCPU's channel to the daemon.
#[derive(Debug)]
pub struct Channel {
    socket: OwnedFd,
}

impl Channel {
    fn exchange(&mut self, x: &mut [u64; 8]) -> Result<Outcome, Error> {
        sys::send(self.socket.as_fd(), &Message::new(CALL, &x[..]).to_bytes(), None)?;
        let (reply, _) = receive(self.socket.as_fd(), 0)?;
        if reply.kind != CALL {
            return Err(io::Error::from(io::ErrorKind::InvalidData).into());
        }
        if reply.result < OK {
            return Err(Error::Refused(reply.result));
        }
        x[..4].copy_from_slice(&reply.arg[..4]);
        Ok(match reply.result {
            NOT_MINE => Outcome::NotMine,
            NEW_DRIVER => Outcome::NewDriver,
            _ => Outcome::Handled,
        })
    }

    /// One call of the guest's: `x` is x0 to x7, of which those of `wanted()` are filled in; x0 to
    /// x3 become the results. Also on an error: then they are what an OP-TEE that is not there
    /// would say, so that the guest's clients get errors and the guest lives.
    pub fn call(&mut self, x: &mut [u64; 8]) -> Result<Outcome, Error> {
        let function = x[0] as u32;
        let outcome = self.exchange(x);
        if outcome.is_err() {
            x[0] = answer_of_nobody(function);
            x[1..4].fill(0);
        }
        outcome
    }

    /// Handles a KVM_EXIT_HYPERCALL of the vCPU. `function` is the exit's `nr`. On an error, too,
    /// the registers are written and the guest can go on.
    pub fn handle_exit(
        &mut self,
        vcpu: &mut impl Registers,
        function: u64,
    ) -> Result<Outcome, Error> {
        let id = function as u32;
        let mut x = [0; 8];

        if !is_mine(id) {
            return Ok(Outcome::NotMine);
        }
        x[0] = id.into();
        for &n in wanted(id) {
            x[n] = vcpu.get(n)?;
        }
        let outcome = self.call(&mut x);
        if matches!(outcome, Ok(Outcome::NotMine)) {
            return outcome;
        }
        // A resume leaves x1 to x3 as they are; a call that is interrupted returns its id in x3.
        let changed: &[usize] = match (id & FAST != 0, x[0]) {
            (true, _) => &[0, 1, 2, 3],
            (false, RETURN_FOREIGN_INTR) => &[0, 3],
            _ => &[0],
        };
        for &n in changed {
            vcpu.set(n, x[n])?;
        }
        outcome
    }
}

/// A vCPU's x0 to x7. With rust-vmm's kvm-ioctls:
///
/// ```ignore
/// struct Vcpu(kvm_ioctls::VcpuFd);
///
/// /// KVM_REG_ARM64 | KVM_REG_SIZE_U64 | KVM_REG_ARM_CORE | offset of x[n], in 32-bit words
/// fn core_register(n: usize) -> u64 {
///     0x6030_0000_0010_0000 + 2 * n as u64
/// }
///
/// impl om_client::Registers for Vcpu {
///     fn get(&self, n: usize) -> std::io::Result<u64> {
///         let mut value = [0; 8];
///         self.0.get_one_reg(core_register(n), &mut value)?;
///         Ok(u64::from_le_bytes(value))
///     }
///
///     fn set(&mut self, n: usize, value: u64) -> std::io::Result<()> {
///         self.0.set_one_reg(core_register(n), &value.to_le_bytes())?;
///         Ok(())
///     }
/// }
///
/// // In the loop of the vCPU's thread:
/// let function = match vcpu.0.run()? {
///     VcpuExit::Hypercall(exit) => exit.nr,
///     other => { handle(other); continue }
/// };
/// match channel.handle_exit(&mut vcpu, function) {
///     Ok(Outcome::Handled) => (),
///     Ok(Outcome::NewDriver) => ask_for_a_reset(),
///     Ok(Outcome::NotMine) => handle_other_hypercall(),
///     Err(error) => warn_once(error),     // the guest has errors in its registers, and lives
/// }
/// ```
pub trait Registers {
    /// The value of x[n].
    fn get(&self, n: usize) -> io::Result<u64>;
    /// Sets x[n].
    fn set(&mut self, n: usize, value: u64) -> io::Result<()>;
}
