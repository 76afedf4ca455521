//! The socket between the server and the launcher: the spec goes in as one frame, messages come out one a line.
//!
//! The launcher has the socket as its standard input; the program does not get it. While the server keeps its end
//! open the command may run: when it is closed, or the server dies, init ends everything.

use std::io::IoSliceMut;
use std::mem::MaybeUninit;
use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::os::unix::process::ExitStatusExt as _;
use std::process::ExitStatus;

use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, recvmsg};
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncWriteExt as _, Interest};
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
    /// With it comes a socket that listens inside, for the proxy.
    Proxy,
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

/// What init has to say.
#[derive(Debug)]
pub(crate) enum Word {
    /// The program is about to start; this is what it takes for its proxy.
    Proxy(TcpListener),
    /// Nobody inside is left.
    Ended(Outcome),
}

/// The server's end. Dropping it ends the command.
#[derive(Debug)]
pub(crate) struct Control {
    socket: UnixStream,
    said: Said,
    /// What has come and was not understood yet.
    bytes: Vec<u8>,
    listener: Option<OwnedFd>,
}

impl Control {
    /// Both ends; the other one is for the launcher's standard input.
    pub(crate) fn pair() -> std::io::Result<(Self, OwnedFd)> {
        let (ours, theirs) = UnixStream::pair()?;
        let theirs = theirs.into_std()?;
        theirs.set_nonblocking(false)?;
        let control = Self {
            socket: ours,
            said: Said::default(),
            bytes: Vec::new(),
            listener: None,
        };
        Ok((control, theirs.into()))
    }

    /// Hands the spec over.
    pub(crate) async fn send(&mut self, spec: &Spec) -> std::io::Result<()> {
        let frame = frame(spec)?;
        self.socket.write_all(&frame).await
    }

    /// Asks everything inside to end. It need not obey.
    pub(crate) fn terminate(&self) {
        // Full or closed: then there is a kill to come.
        let _ = self.socket.try_write(&[TERMINATE]);
    }

    /// Waits for the next word. An error says why the program did not run, or that its end is not known.
    ///
    /// May be dropped and asked again: nothing is lost.
    pub(crate) async fn hear(&mut self) -> Result<Word, String> {
        loop {
            while let Some(line) = self.line() {
                if let Some(word) = self.said.line(&line, &mut self.listener) {
                    return word;
                }
            }
            // A socket that broke has no more to say, like one that was closed.
            if !self.fill().await.is_ok_and(|length| length > 0) {
                return self.said.nothing_more();
            }
        }
    }

    fn line(&mut self) -> Option<Vec<u8>> {
        let end = self.bytes.iter().position(|byte| *byte == b'\n')?;
        let rest = self.bytes.split_off(end + 1);
        Some(std::mem::replace(&mut self.bytes, rest))
    }

    async fn fill(&mut self) -> std::io::Result<usize> {
        let mut buffer = [0; 4 << 10];
        let receive = || receive(&self.socket, &mut buffer);
        let (length, listener) = self.socket.async_io(Interest::READABLE, receive).await?;
        self.bytes.extend(buffer.get(..length).unwrap_or_default());
        self.listener = listener.or(self.listener.take());
        Ok(length)
    }
}

/// Bytes, and the descriptor that came with them.
fn receive(socket: &UnixStream, buffer: &mut [u8]) -> std::io::Result<(usize, Option<OwnedFd>)> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let mut slices = [IoSliceMut::new(buffer)];
    let came = recvmsg(socket, &mut slices, &mut control, CLOSE_ON_EXEC)?;
    let descriptors = control.drain().filter_map(|message| match message {
        RecvAncillaryMessage::ScmRights(descriptors) => Some(descriptors),
        _ => None,
    });
    Ok((came.bytes, descriptors.flatten().next()))
}

#[cfg(target_os = "linux")]
const CLOSE_ON_EXEC: RecvFlags = RecvFlags::CMSG_CLOEXEC;
#[cfg(not(target_os = "linux"))]
const CLOSE_ON_EXEC: RecvFlags = RecvFlags::empty();

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
#[derive(Debug, Default)]
struct Said {
    stands: Option<Ready>,
}

impl Said {
    /// What the line brings for those who wait.
    fn line(
        &mut self,
        line: &[u8],
        listener: &mut Option<OwnedFd>,
    ) -> Option<Result<Word, String>> {
        match serde_json::from_slice(line) {
            Ok(Message::Proxy) => Some(match listener.take() {
                Some(listener) => Ok(Word::Proxy(listener.into())),
                None => self.nothing_more(),
            }),
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
                Some(ready) => Ok(Word::Ended(Outcome {
                    status: ExitStatus::from_raw(status),
                    left_running,
                    exceeded,
                    ready,
                })),
                None => self.nothing_more(),
            }),
            Err(_) => Some(self.nothing_more()),
        }
    }

    fn nothing_more(&self) -> Result<Word, String> {
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
    use super::{Outcome, Said, Word};

    fn judge(text: &str) -> Result<Outcome, String> {
        let mut said = Said::default();
        let word = text
            .lines()
            .find_map(|line| said.line(line.as_bytes(), &mut None));
        match word.unwrap_or_else(|| said.nothing_more())? {
            Word::Ended(outcome) => Ok(outcome),
            Word::Proxy(_) => panic!("no socket came"),
        }
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
