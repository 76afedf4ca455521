//! The socket between the server and the launcher: the spec goes in as one frame, messages come out one a line.
//!
//! The launcher has the socket as its standard input; the program does not get it. While the server keeps its end
//! open the command may run: when it is closed, or the server dies, init ends everything.

use std::os::fd::OwnedFd;
use std::os::unix::process::ExitStatusExt as _;
use std::process::ExitStatus;

use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::UnixStream;

use super::Spec;

/// The most that a spec may take, in bytes.
pub(super) const MOST: usize = 8 << 20;
/// Asks all processes inside to end.
pub(super) const TERMINATE: u8 = b'T';

/// What the launcher says.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Message {
    /// The sandbox stands; the program is next.
    Ready(Ready),
    /// The sandbox does not stand. The program was not run.
    Failed(String),
    /// The sandbox stands, but the program could not be started.
    CantRun(String),
    /// The program has ended.
    Ended {
        /// As of `wait`.
        status: i32,
        left_running: bool,
        exceeded: Option<Exceeded>,
    },
}

/// What could be had of the parts that are not indispensable.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ready {
    /// As the kernel says: all of it, part, or none.
    pub landlock: String,
    /// `/proc` is one of its own; else only a few files of it are there.
    pub own_proc: bool,
}

/// A limit on all processes together that was passed; everything was ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Exceeded {
    /// Memory.
    Memory,
    /// Processes.
    Processes,
}

/// How a command in the sandbox ended.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) status: ExitStatus,
    pub(crate) left_running: bool,
    pub(crate) exceeded: Option<Exceeded>,
    pub(crate) ready: Ready,
}

/// The server's end. Dropping it ends the command.
#[derive(Debug)]
pub(crate) struct Control(UnixStream);

impl Control {
    /// Both ends; the other one is for the launcher's standard input.
    pub(crate) fn pair() -> std::io::Result<(Self, OwnedFd)> {
        let (ours, theirs) = UnixStream::pair()?;
        let theirs = theirs.into_std()?;
        theirs.set_nonblocking(false)?;
        Ok((Self(ours), theirs.into()))
    }

    /// Hands the spec over.
    pub(crate) async fn send(&mut self, spec: &Spec) -> std::io::Result<()> {
        let frame = frame(spec)?;
        self.0.write_all(&frame).await
    }

    /// Asks everything inside to end. It need not obey.
    pub(crate) fn terminate(&self) {
        // Full or closed: then there is a kill to come.
        let _ = self.0.try_write(&[TERMINATE]);
    }

    /// Waits for how it ended: then nobody inside is left. An error says why the program did not run.
    ///
    /// To be asked once; what an unfinished call has heard is lost.
    pub(crate) async fn outcome(&mut self) -> Result<Outcome, String> {
        let mut said = Said::default();
        let mut lines = BufReader::new(&mut self.0).lines();
        // A socket that broke has no more to say, like one that was closed.
        while let Ok(Some(line)) = lines.next_line().await {
            if let Some(outcome) = said.line(&line) {
                return outcome;
            }
        }
        said.nothing_more()
    }
}

fn frame(spec: &Spec) -> std::io::Result<Vec<u8>> {
    let body = serde_json::to_vec(spec)?;
    let too_long = || std::io::Error::other("the description of the sandbox is too long");
    let length = u32::try_from(body.len()).map_err(|_| too_long())?;
    if body.len() > MOST {
        return Err(too_long());
    }
    Ok([&length.to_le_bytes(), body.as_slice()].concat())
}

/// What the launcher has said so far.
#[derive(Default)]
struct Said {
    stands: Option<Ready>,
}

impl Said {
    /// The outcome, if the line brings it.
    fn line(&mut self, line: &str) -> Option<Result<Outcome, String>> {
        match serde_json::from_str(line) {
            Ok(Message::Ready(ready)) => {
                self.stands = Some(ready);
                None
            }
            Ok(Message::Failed(why)) => Some(Err(not_set_up(&why))),
            Ok(Message::CantRun(why)) => Some(Err(why)),
            Ok(Message::Ended {
                status,
                left_running,
                exceeded,
            }) => Some(match self.stands.take() {
                Some(ready) => Ok(Outcome {
                    status: ExitStatus::from_raw(status),
                    left_running,
                    exceeded,
                    ready,
                }),
                None => self.nothing_more(),
            }),
            Err(_) => Some(self.nothing_more()),
        }
    }

    fn nothing_more(&self) -> Result<Outcome, String> {
        Err(match self.stands {
            Some(_) => "the sandbox was ended from outside, and the command with it".to_owned(),
            None => not_set_up("its launcher ended before it was ready"),
        })
    }
}

fn not_set_up(why: &str) -> String {
    format!("the sandbox could not be set up: {why}. nothing was run; `interline doctor` says more")
}

#[cfg(test)]
mod tests {
    use super::{Outcome, Said};

    fn judge(text: &str) -> Result<Outcome, String> {
        let mut said = Said::default();
        let outcome = text.lines().find_map(|line| said.line(line));
        outcome.unwrap_or_else(|| said.nothing_more())
    }

    const READY: &str = r#"{"ready":{"landlock":"full","own_proc":true}}"#;
    const ENDED: &str = r#"{"ended":{"status":256,"left_running":false,"exceeded":null}}"#;

    #[test]
    fn only_a_sandbox_that_stood_has_an_outcome() {
        let done = judge(&format!("{READY}\n{ENDED}\n")).expect("it ran");
        assert_eq!(done.status.code(), Some(1));
        for lines in ["", ENDED, "nonsense", r#"{"failed":"no namespaces"}"#] {
            let error = judge(lines).expect_err("it did not stand");
            assert!(error.starts_with("the sandbox could not be set up: "));
        }
        let error = judge(READY).expect_err("it did not end");
        assert!(error.contains("from outside"));
    }
}
