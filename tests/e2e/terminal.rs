//! `interline` on a terminal: a pseudo-terminal with somebody at it who reads and types.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::process::{Child, Stdio};
use std::sync::{Arc, Mutex};

use rustix::fs::{Mode, OFlags};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

use crate::place::{Place, wait};

/// A program on a terminal of its own.
pub(crate) struct Screen {
    process: Child,
    keyboard: File,
    shown: Arc<Mutex<String>>,
}

impl Screen {
    /// `interline ARGS` in the project, at a terminal.
    pub(crate) fn interline(place: &Place, args: &[&str]) -> Self {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        let name = ptsname(&master, Vec::new()).unwrap();
        let line = rustix::fs::open(name, OFlags::RDWR | OFlags::NOCTTY, Mode::empty()).unwrap();
        let line = File::from(line);
        let end = || Stdio::from(line.try_clone().unwrap());
        let mut command = place.command(env!("CARGO_BIN_EXE_interline"));
        command.args(args).stdin(end()).stdout(end()).stderr(end());
        let process = command.spawn().unwrap();
        let keyboard = File::from(master);
        let shown = Arc::new(Mutex::new(String::new()));
        let (mut screen, text) = (keyboard.try_clone().unwrap(), shown.clone());
        std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            // The read fails once nobody has the other end any more.
            while let Ok(count @ 1..) = screen.read(&mut bytes) {
                let part = String::from_utf8_lossy(bytes.get(..count).unwrap_or_default());
                text.lock().unwrap().push_str(&part);
            }
        });
        Self {
            process,
            keyboard,
            shown,
        }
    }

    /// Waits until this stands there; all that was shown.
    #[track_caller]
    pub(crate) fn shows(&self, part: &str) -> String {
        let text = || self.shown.lock().unwrap().clone();
        wait(&format!("`{part}` on the terminal"), || {
            text().contains(part)
        });
        text()
    }

    pub(crate) fn types(&mut self, line: &str) {
        self.keyboard
            .write_all(format!("{line}\n").as_bytes())
            .unwrap();
    }

    /// Waits for its end; the code.
    pub(crate) fn ends(mut self) -> i32 {
        let mut ended = None;
        wait("the program to end", || {
            ended = self.process.try_wait().unwrap();
            ended.is_some()
        });
        ended.and_then(|status| status.code()).unwrap_or(-1)
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
