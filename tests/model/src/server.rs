//! The server: a thread with its own runtime, so that its work never shows in the times that a test measures,
//! and a test that pauses its clock does not pause the server's.

use std::fs::File;
use std::io::{self, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Instant;

use bytes::BytesMut;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{oneshot, watch};

use crate::check::Violation;
use crate::http::{self, Request};
use crate::play::{End, play};
use crate::record::RecordedRequest;
use crate::script::Script;
use crate::session::Session;

/// A running server. Dropping it ends it, and fails the test if a request broke a rule and nobody has called
/// [`take_violations`](Self::take_violations).
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    shared: Arc<Shared>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

struct Shared {
    session: Mutex<Session>,
    record: Option<Mutex<File>>,
    start: Instant,
    arrived: watch::Sender<usize>,
    ended: watch::Sender<usize>,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared").finish_non_exhaustive()
    }
}

impl Server {
    /// Starts on a free port of 127.0.0.1.
    ///
    /// # Panics
    /// If the machine has no port or no thread left.
    pub async fn start(script: Script) -> Self {
        Self::launch(script, None).expect("a free port on loopback")
    }

    /// Starts on a free port of 127.0.0.1 and writes what happens to `record`, as JSON Lines.
    pub fn launch(script: Script, record: Option<File>) -> io::Result<Self> {
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            session: Mutex::new(Session::new(script)),
            record: record.map(Mutex::new),
            start: Instant::now(),
            arrived: watch::Sender::new(0),
            ended: watch::Sender::new(0),
        });
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let (stop, stopped) = oneshot::channel();
        let served = Arc::clone(&shared);
        let thread = std::thread::Builder::new()
            .name("scripted-model".to_owned())
            .spawn(move || {
                runtime.block_on(async {
                    tokio::select! {
                        _ = stopped => {}
                        _ = accept(listener, served) => {}
                    }
                });
            })?;
        Ok(Self {
            address,
            shared,
            stop: Some(stop),
            thread: Some(thread),
        })
    }

    /// `http://127.0.0.1:PORT`, without a path.
    pub fn base_url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The requests so far, in the order of their arrival.
    pub fn requests(&self) -> Vec<RecordedRequest> {
        self.shared.session().requests.clone()
    }

    /// What requests did wrong so far.
    pub fn violations(&self) -> Vec<Violation> {
        self.shared.session().violations.clone()
    }

    /// What requests did wrong so far; a test that provokes violations takes them, so that they no longer fail it.
    pub fn take_violations(&self) -> Vec<Violation> {
        std::mem::take(&mut self.shared.session().violations)
    }

    /// Steps that no request has asked for yet (rules and a loop don't count).
    pub fn steps_left(&self) -> usize {
        self.shared.session().steps_left()
    }

    /// Waits until `n` requests have arrived.
    pub async fn wait_for_requests(&self, n: usize) {
        // The sender lives as long as `self`, so this cannot fail.
        let _ = self
            .shared
            .arrived
            .subscribe()
            .wait_for(|count| *count >= n)
            .await;
    }

    /// Waits until `n` answers have ended, by whatever cause.
    pub async fn wait_for_answers(&self, n: usize) {
        let _ = self
            .shared
            .ended
            .subscribe()
            .wait_for(|count| *count >= n)
            .await;
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
        let violations = self.take_violations();
        if !violations.is_empty() && !std::thread::panicking() {
            let list: Vec<String> = violations.iter().map(Violation::to_string).collect();
            panic!("requests broke rules:\n{}", list.join("\n"));
        }
    }
}

impl Shared {
    fn session(&self) -> MutexGuard<'_, Session> {
        self.session.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Files a line; a full disk must not change what the client under test sees.
    fn write(&self, line: &serde_json::Value) {
        if let Some(file) = &self.record {
            let mut file = file.lock().unwrap_or_else(PoisonError::into_inner);
            let _ = file.write_all(format!("{line}\n").as_bytes());
        }
    }
}

async fn accept(listener: std::net::TcpListener, shared: Arc<Shared>) -> io::Result<()> {
    let listener = TcpListener::from_std(listener)?;
    loop {
        let (socket, _) = listener.accept().await?;
        socket.set_nodelay(true)?;
        tokio::spawn(serve(socket, Arc::clone(&shared)));
    }
}

async fn serve(mut socket: TcpStream, shared: Arc<Shared>) {
    let mut buffer = BytesMut::new();
    loop {
        match http::read(&mut socket, &mut buffer).await {
            Ok(Some(request)) => {
                if answer(&mut socket, &request, &shared).await != End::Answered {
                    return;
                }
            }
            Ok(None) | Err(_) => return,
        }
    }
}

async fn answer(socket: &mut TcpStream, request: &Request, shared: &Shared) -> End {
    let (plan, index, line) = {
        let mut session = shared.session();
        let plan = session.answer(request);
        let index = session.requests.len() - 1;
        let line = shared
            .record
            .is_some()
            .then(|| arrival(&session, index, shared.start));
        (plan, index, line)
    };
    if let Some(line) = line {
        shared.write(&line);
    }
    shared.arrived.send_modify(|count| *count += 1);
    let end = play(plan, socket).await;
    let now = Instant::now();
    let line = {
        let mut session = shared.session();
        session.requests.get_mut(index).map(|request| {
            request.answered_at = (end != End::ClientGone).then_some(now);
            request.client_gone = end == End::ClientGone;
            request.end_line(index, shared.start)
        })
    };
    if let Some(line) = line {
        shared.write(&line);
    }
    shared.ended.send_modify(|count| *count += 1);
    end
}

fn arrival(session: &Session, index: usize, start: Instant) -> serde_json::Value {
    let mine = session
        .violations
        .iter()
        .filter(|violation| violation.request == index);
    let violations: Vec<String> = mine.map(Violation::to_string).collect();
    session
        .requests
        .get(index)
        .map(|request| request.arrival_line(index, start, &violations))
        .unwrap_or_default()
}
