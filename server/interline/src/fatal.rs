//! The handler of fatal signals: it writes a crash file of what is known without asking anybody, and lets the process
//! die as it would have.
//!
//! In the handler only what POSIX allows there: no lock, no memory, no call but `mkdir`, `open`, `write`, `fsync`,
//! `clock_gettime`, `sigaction` and `raise`. Numbers and names are formatted by `core::fmt` into a buffer on the stack,
//! which takes neither. It runs on the alternate stack that the standard library gives each of its threads, and hands on
//! to the handler that it found, which is how the standard library tells of a stack overflow. With
//! `server/tools/src/sandbox/launch/system.rs` the only unsafe code of the repository.

use std::ffi::{CStr, CString};
use std::fmt::{self, Write as _};
use std::io;
use std::os::unix::ffi::OsStringExt as _;
use std::path::Path;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use interline_log::{CrashId, Crashes, recent};

const SIGNALS: [(libc::c_int, &str); 5] = [
    (libc::SIGSEGV, "SIGSEGV"),
    (libc::SIGBUS, "SIGBUS"),
    (libc::SIGILL, "SIGILL"),
    (libc::SIGFPE, "SIGFPE"),
    (libc::SIGABRT, "SIGABRT"),
];

/// What the handler needs, made before.
static BOX: OnceLock<BlackBox> = OnceLock::new();
/// A second signal, such as the abort after a stack overflow, has nothing to add.
static WRITTEN: AtomicBool = AtomicBool::new(false);

struct BlackBox {
    folder: CString,
    file: CString,
    /// The file's text up to the time.
    head: String,
    /// The handlers that were there, in the order of [`SIGNALS`].
    before: [libc::sigaction; 5],
}

/// From here on a fatal signal leaves a crash file below `state`. The first call counts.
pub(crate) fn watch(version: &str, state: &Path) {
    let crashes = Crashes::new(state);
    let path = |path: &Path| CString::new(path.as_os_str().to_owned().into_vec());
    let (Ok(folder), Ok(file)) = (path(crashes.folder()), path(&crashes.path(CrashId::new())))
    else {
        return;
    };
    let process = std::process::id();
    let version = serde_json::Value::from(version);
    let black_box = BlackBox {
        folder,
        file,
        head: format!(r#"{{"version":{version},"process":{process},"fatal":true,"ts":"#),
        before: SIGNALS.map(|(signal, _)| action(signal)),
    };
    if BOX.set(black_box).is_ok() {
        for (signal, _) in SIGNALS {
            handle(signal);
        }
    }
}

/// What happens at this signal now.
fn action(signal: libc::c_int) -> libc::sigaction {
    #[expect(
        unsafe_code,
        reason = "no kept crate looks at an action without setting one"
    )]
    // SAFETY: zeroes are a valid `sigaction` (the default action, an empty mask), which the call overwrites; a null
    // new action changes nothing.
    unsafe {
        let mut now = std::mem::zeroed::<libc::sigaction>();
        libc::sigaction(signal, std::ptr::null(), &raw mut now);
        now
    }
}

fn handle(signal: libc::c_int) {
    #[expect(
        unsafe_code,
        reason = "signal-hook-registry and rustix handle no fatal signal"
    )]
    // SAFETY: `on_signal` has the type that SA_SIGINFO asks for and does only what may be done in a handler (above);
    // the structure is initialised and outlives the call.
    unsafe {
        let mut ours = std::mem::zeroed::<libc::sigaction>();
        ours.sa_sigaction = on_signal as *const () as usize;
        ours.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK;
        libc::sigemptyset(&raw mut ours.sa_mask);
        libc::sigaction(signal, &raw const ours, std::ptr::null_mut());
    }
}

extern "C" fn on_signal(
    signal: libc::c_int,
    info: *mut libc::siginfo_t,
    context: *mut libc::c_void,
) {
    let Some(black_box) = BOX.get() else { return };
    let Some(at) = SIGNALS.iter().position(|(known, _)| *known == signal) else {
        return;
    };
    if !WRITTEN.swap(true, Ordering::Relaxed) {
        let _ = black_box.write(SIGNALS.get(at).map_or("", |(_, name)| name));
    }
    let Some(before) = black_box.before.get(at) else {
        return;
    };
    #[expect(unsafe_code, reason = "what a handler must do to let its process die")]
    // SAFETY: sigaction and raise may be called in a handler, and `before` is what the system gave us. A handler that
    // is neither the default nor to ignore was set with SA_SIGINFO by the standard library (checked), so it has this
    // type; it gets what the system gave us.
    unsafe {
        libc::sigaction(signal, before, std::ptr::null_mut());
        let chained = before.sa_flags & libc::SA_SIGINFO != 0;
        if chained && before.sa_sigaction != libc::SIG_DFL && before.sa_sigaction != libc::SIG_IGN {
            type Handler = extern "C" fn(libc::c_int, *mut libc::siginfo_t, *mut libc::c_void);
            let handler = std::mem::transmute::<usize, Handler>(before.sa_sigaction);
            // Ends the process at a stack overflow; at anything else it restores the default.
            handler(signal, info, context);
        }
        // Blocked until we return, then it is the end: also of one that another process has sent.
        libc::raise(signal);
    }
}

impl BlackBox {
    fn write(&self, cause: &str) -> fmt::Result {
        let mut out = Out::create(&self.folder, &self.file).ok_or(fmt::Error)?;
        write!(
            out,
            r#"{}{},"cause":"{cause}","events":["#,
            self.head,
            now()
        )?;
        for (index, event) in recent().enumerate() {
            let comma = if index == 0 { "" } else { "," };
            write!(
                out,
                r#"{comma}{{"session":"{}","seq":{},"ts":{},"type":"{}"}}"#,
                event.session,
                event.seq,
                event.ts,
                event.kind()
            )?;
        }
        out.write_str("]}\n")?;
        out.sync();
        Ok(())
    }
}

/// Milliseconds since the Unix epoch.
fn now() -> u64 {
    let mut now = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    #[expect(
        unsafe_code,
        reason = "the standard library does not promise that its clock may be read in a handler"
    )]
    // SAFETY: the structure outlives the call.
    unsafe {
        libc::clock_gettime(libc::CLOCK_REALTIME, &raw mut now);
    }
    let seconds = u64::try_from(now.tv_sec).unwrap_or(0);
    seconds * 1000 + u64::try_from(now.tv_nsec).unwrap_or(0) / 1_000_000
}

/// A new file, written as it comes.
struct Out(libc::c_int);

impl Out {
    fn create(folder: &CStr, file: &CStr) -> Option<Self> {
        let flags = libc::O_WRONLY | libc::O_CREAT | libc::O_EXCL | libc::O_CLOEXEC;
        #[expect(unsafe_code, reason = "std::fs takes memory")]
        // SAFETY: both are C strings that outlive the calls.
        let descriptor = unsafe {
            libc::mkdir(folder.as_ptr(), 0o700);
            libc::open(file.as_ptr(), flags, 0o600)
        };
        (descriptor >= 0).then_some(Self(descriptor))
    }

    fn sync(&self) {
        #[expect(unsafe_code, reason = "see the head of this file")]
        // SAFETY: it touches no memory.
        unsafe {
            libc::fsync(self.0);
        }
    }
}

impl fmt::Write for Out {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let mut rest = text.as_bytes();
        while !rest.is_empty() {
            #[expect(unsafe_code, reason = "see the head of this file")]
            // SAFETY: the bytes are there for as long as the call takes.
            let written = unsafe { libc::write(self.0, rest.as_ptr().cast(), rest.len()) };
            let interrupted = || io::Error::last_os_error().kind() == io::ErrorKind::Interrupted;
            match usize::try_from(written) {
                Ok(0) => return Err(fmt::Error),
                Ok(written) => rest = rest.get(written..).unwrap_or_default(),
                Err(_) if interrupted() => {}
                Err(_) => return Err(fmt::Error),
            }
        }
        Ok(())
    }
}
