// SPDX-License-Identifier: BSD-2-Clause
//! The client with a running daemon, on a TEE device in software: $OM_FAKE_MEDIATORD is the
//! program (tests/mediatord/fake_daemon.c). The guest's driver is the few lines below.

use om_client::{is_mine, wanted, Channel, Daemon, Error, Outcome, Progress, Registers};
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::process::{Child, Command};
use std::thread::sleep;
use std::time::Duration;

const GPA: u64 = 0x8000_0000;
const SIZE: u64 = 1 << 20;
const RAM: u64 = 1;

// OP-TEE's messages, as the guest's driver writes them.
const OPEN_SESSION: u32 = 0;
const INVOKE: u32 = 1;
const CLOSE_SESSION: u32 = 2;
const REGISTER_SHM: u32 = 4;
const UNREGISTER_SHM: u32 = 5;
const VALUE_INPUT: u64 = 1;
const VALUE_INOUT: u64 = 3;
const RMEM_INPUT: u64 = 5;
const RMEM_INOUT: u64 = 7;
const TMEM_OUTPUT: u64 = 10;
const META: u64 = 1 << 8;
const NONCONTIG: u64 = 1 << 9;

const TA: [u8; 16] = [0xfa, 0x6e, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14];
const FUNC_VALUES: u32 = 1;
const FUNC_MEMORY: u32 = 2;

/// A daemon in a process of its own.
struct Process {
    child: Child,
    folder: PathBuf,
}

impl Process {
    fn start(name: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("om-client-{}-{name}", std::process::id()));
        std::fs::create_dir(&folder).unwrap();
        let program = std::env::var_os("OM_FAKE_MEDIATORD").expect("OM_FAKE_MEDIATORD");
        let child =
            Command::new(program).arg("--socket").arg(folder.join("socket")).spawn().unwrap();
        Process { child, folder }
    }

    fn connect(&self) -> Daemon {
        for _ in 0..1000 {
            match Daemon::connect(self.folder.join("socket")) {
                Ok(daemon) => return daemon,
                Err(_) => sleep(Duration::from_millis(10)),
            }
        }
        panic!("no daemon");
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// A vCPU that has registers, and a count of what was asked of them.
#[derive(Default)]
struct Vcpu {
    x: [u64; 8],
    read: Vec<usize>,
    written: Vec<usize>,
    reads: std::cell::RefCell<Vec<usize>>,
}

impl Registers for Vcpu {
    fn get(&self, n: usize) -> io::Result<u64> {
        self.reads.borrow_mut().push(n);
        Ok(self.x[n])
    }

    fn set(&mut self, n: usize, value: u64) -> io::Result<()> {
        self.written.push(n);
        self.x[n] = value;
        Ok(())
    }
}

/// A guest: memory, a vCPU, a driver.
struct Guest {
    daemon: Daemon,
    channel: Channel,
    ram: File,
    vcpu: Vcpu,
}

impl Guest {
    fn start(process: &Process) -> Self {
        let path = process.folder.join("ram");
        let ram =
            OpenOptions::new().read(true).write(true).create(true).open(path).unwrap();
        ram.set_len(SIZE).unwrap();
        let mut daemon = process.connect();
        daemon.add_memory(RAM, GPA, SIZE, &ram, 0).unwrap();
        let channel = daemon.open_vcpu(0).unwrap();
        Guest { daemon, channel, ram, vcpu: Vcpu::default() }
    }

    fn smc(&mut self, function: u32, x1: u64, x2: u64, x3: u64) -> Result<Outcome, Error> {
        self.vcpu = Vcpu { x: [function.into(), x1, x2, x3, 9, 9, 9, 9], ..Vcpu::default() };
        let outcome = self.channel.handle_exit(&mut self.vcpu, function.into());
        self.vcpu.read = self.vcpu.reads.take();
        outcome
    }

    fn write(&self, at: u64, values: &[u64]) {
        for (i, value) in values.iter().enumerate() {
            self.ram.write_all_at(&value.to_le_bytes(), at + 8 * i as u64).unwrap();
        }
    }

    fn read(&self, at: u64) -> u64 {
        let mut bytes = [0; 8];
        self.ram.read_exact_at(&mut bytes, at).unwrap();
        u64::from_le_bytes(bytes)
    }

    /// A message in the first page: command, function, session, parameters. Returns what OP-TEE
    /// returned.
    fn message(&mut self, cmd: u32, func: u32, session: u32, params: &[[u64; 4]]) -> u32 {
        let head = [
            u64::from(cmd) | u64::from(func) << 32,
            u64::from(session),
            0,
            (params.len() as u64) << 32,
        ];
        self.write(0, &head);
        for (i, param) in params.iter().enumerate() {
            self.write(32 + 32 * i as u64, param);
        }
        let outcome = self.smc(0x3200_0004, GPA >> 32, GPA & 0xffff_ffff, 0).unwrap();
        assert_eq!(outcome, Outcome::Handled);
        assert_eq!(self.vcpu.read, [1, 2]);
        while self.vcpu.x[0] == 0xffff_0004 {
            let id = self.vcpu.x[3];
            assert_eq!(self.smc(0x3200_0003, 0, 0, id).unwrap(), Outcome::Handled);
            assert_eq!(self.vcpu.read, [3]);
        }
        assert_eq!(self.vcpu.x[0], 0);
        self.result()
    }

    /// `ret` of the message.
    fn result(&self) -> u32 {
        (self.read(16) >> 32) as u32
    }

    fn open(&mut self) -> u32 {
        let uuid = |n: usize| u64::from_le_bytes(TA[n..n + 8].try_into().unwrap());
        let ta = [META | VALUE_INPUT, uuid(0), uuid(8), 0];
        let client = [META | VALUE_INPUT, 0, 0, 0];
        assert_eq!(self.message(OPEN_SESSION, 0, 0, &[ta, client]), 0);
        self.read(8) as u32
    }
}

#[test]
fn guest_uses_a_ta() {
    let process = Process::start("ta");
    let mut guest = Guest::start(&process);
    let session = guest.open();

    assert_eq!(guest.message(INVOKE, FUNC_VALUES, session, &[[VALUE_INOUT, 41, 0, 0]]), 0);
    assert_eq!(guest.read(32 + 8), 42);

    // Two pages, not in order, of which OP-TEE increments each octet.
    guest.write(0x4000, &[7]);
    guest.write(0x5000, &[7]);
    guest.write(0x1000, &[GPA + 0x5000, GPA + 0x4000]);
    let buffer = [TMEM_OUTPUT | NONCONTIG, GPA + 0x1000, 8192, 0x77];
    assert_eq!(guest.message(REGISTER_SHM, 0, 0, &[buffer]), 0);
    let whole = [RMEM_INOUT, 0, 8192, 0x77];
    assert_eq!(guest.message(INVOKE, FUNC_MEMORY, session, &[whole]), 0);
    assert_eq!(guest.read(0x4000), 0x0101_0101_0101_0108);
    assert_eq!(guest.read(0x5000), 0x0101_0101_0101_0108);

    // It is OP-TEE's now, until the guest takes it back.
    assert!(!guest.daemon.may_discard(GPA + 0x4000, 4096).unwrap());
    assert!(guest.daemon.may_discard(GPA + 0x6000, 4096).unwrap());
    assert_eq!(guest.daemon.remove_memory(RAM).unwrap(), Progress::Again);
    assert!(!guest.daemon.take_ready().unwrap());
    let ram = guest.ram.try_clone().unwrap();
    guest.daemon.add_memory(RAM + 1, GPA, SIZE, &ram, 0).unwrap();
    assert_eq!(guest.message(UNREGISTER_SHM, 0, 0, &[[RMEM_INPUT, 0, 0, 0x77]]), 0);
    while !guest.daemon.take_ready().unwrap() {
        sleep(Duration::from_millis(1));
    }
    assert_eq!(guest.daemon.remove_memory(RAM).unwrap(), Progress::Done);
    assert_eq!(guest.message(CLOSE_SESSION, 0, session, &[]), 0);
}

#[test]
fn reset_closes_sessions() {
    let process = Process::start("reset");
    let mut guest = Guest::start(&process);
    let session = guest.open();

    assert_eq!(guest.daemon.reset().unwrap(), Progress::Done);
    assert_ne!(guest.message(INVOKE, FUNC_VALUES, session, &[]), 0);
    guest.open();
}

#[test]
fn exits_of_others_are_not_touched() {
    let process = Process::start("others");
    let mut guest = Guest::start(&process);

    for function in [0x8400_0000, 0x3202_0000, 0xbf00_ff04] {
        assert!(!is_mine(function));
        assert_eq!(guest.smc(function, 1, 2, 3).unwrap(), Outcome::NotMine);
        assert!(guest.vcpu.read.is_empty() && guest.vcpu.written.is_empty());
    }
    assert_eq!(guest.smc(0xbf00_ff01, 0, 0, 0).unwrap(), Outcome::Handled);
    assert_eq!(guest.vcpu.x[0], 0x384f_b3e0);
    assert_eq!(guest.vcpu.written, [0, 1, 2, 3]);
    assert_eq!(wanted(0xb200_0009), [1]);
}

#[test]
fn errors_are_told() {
    let process = Process::start("errors");
    let mut guest = Guest::start(&process);
    let refused = |result: Result<(), Error>| match result {
        Err(Error::Refused(code)) => code,
        other => panic!("{other:?}"),
    };

    let ram = guest.ram.try_clone().unwrap();
    assert_eq!(refused(guest.daemon.add_memory(2, GPA, 4096, &ram, 0)), -3);
    assert_eq!(refused(guest.daemon.add_memory(2, 0, 4095, &ram, 0)), -1);
    assert_eq!(refused(guest.daemon.remove_memory(99).map(drop)), -4);
    assert_eq!(refused(guest.daemon.open_vcpu(64).map(drop)), -1);
    assert!(matches!(Daemon::connect("/nonexistent"), Err(Error::Io(_))));
    for code in -8..0 {
        assert!(!Error::Refused(code).to_string().is_empty());
    }
}

#[test]
fn guest_lives_on_when_the_daemon_dies() {
    let mut process = Process::start("dies");
    let mut guest = Guest::start(&process);

    process.child.kill().unwrap();
    process.child.wait().unwrap();
    while guest.smc(0xbf00_ff01, 0, 0, 0).is_ok() {
        sleep(Duration::from_millis(1));
    }
    assert_eq!(guest.vcpu.x[..4], [0xffff_ffff, 0, 0, 0]);
    assert!(guest.smc(0x3200_0004, 0, GPA, 0).is_err());
    assert_eq!(guest.vcpu.x[0], 7);
    // At any other answer to these Linux, which asks when it reboots, waits for ever.
    assert!(guest.smc(0xb200_000a, 0, 0, 0).is_err());
    assert_eq!(guest.vcpu.x[0], 7);
    assert!(guest.smc(0xb200_000b, 0, 0, 0).is_err());
    assert_eq!(guest.vcpu.x[0], 0);
    assert!(guest.daemon.reset().is_err());
}
