//! Not a part of the benchmark's program: `slow.rs` compiles this file by itself and preloads it into Interline. It stands
//! before the system's `fdatasync` and makes it as slow as a busy disk; every call leaves a byte in the file that
//! `SLOW_DISK_COUNT` names.

use std::ffi::{c_int, c_long};
use std::io::Write as _;
use std::time::Duration;

unsafe extern "C" {
    fn syscall(number: c_long, ...) -> c_long;
}

#[cfg(target_arch = "x86_64")]
const FDATASYNC: c_long = 75;
#[cfg(target_arch = "aarch64")]
const FDATASYNC: c_long = 83;

#[unsafe(no_mangle)]
pub extern "C" fn fdatasync(descriptor: c_int) -> c_int {
    std::thread::sleep(Duration::from_millis(200));
    let count = std::env::var_os("SLOW_DISK_COUNT")
        .and_then(|path| std::fs::OpenOptions::new().create(true).append(true).open(path).ok());
    if let Some(mut count) = count {
        let _ = count.write_all(b".");
    }
    // SAFETY: the system call takes one descriptor, whatever it is, and answers 0 or -1.
    unsafe { syscall(FDATASYNC, descriptor) as c_int }
}
