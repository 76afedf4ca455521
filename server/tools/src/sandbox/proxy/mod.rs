//! The way from a sandbox to the hosts that its command may reach: a proxy for HTTP and `CONNECT`, in the server.
//!
//! It listens on the loopback interface *inside*: init makes the socket there and hands it over, so there is nothing
//! else that a command could speak to, nothing that another command sees, and no name service inside. Each request is
//! checked here, its name resolved once, and only public addresses are connected to. What was asked for is recorded.

mod address;
mod hello;
mod request;
mod serve;
mod splice;

use std::fmt::Debug;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use futures::future::BoxFuture;
use interline_log::Visit;
use interline_policy::Reach;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// Connections of one command at once, and all in all.
const AT_ONCE: usize = 64;
const MOST: usize = 10_000;

/// How the proxy gets out: the port that tests stand in for.
pub trait Outside: Debug + Send + Sync {
    /// The addresses of a host.
    fn resolve(&self, host: String, port: u16) -> BoxFuture<'static, io::Result<Vec<SocketAddr>>>;
    /// A connection to one of them.
    fn connect(&self, to: SocketAddr) -> BoxFuture<'static, io::Result<TcpStream>>;
}

/// This machine's own name service and network.
#[derive(Debug)]
pub(crate) struct Internet;

impl Outside for Internet {
    fn resolve(&self, host: String, port: u16) -> BoxFuture<'static, io::Result<Vec<SocketAddr>>> {
        Box::pin(async move { Ok(tokio::net::lookup_host((host, port)).await?.collect()) })
    }

    fn connect(&self, to: SocketAddr) -> BoxFuture<'static, io::Result<TcpStream>> {
        Box::pin(TcpStream::connect(to))
    }
}

/// The proxy of one command. Dropping it closes all connections.
#[derive(Debug)]
pub(crate) struct Proxy {
    task: tokio::task::JoinHandle<()>,
    visits: Arc<Visits>,
}

/// What connections record.
#[derive(Debug, Default)]
struct Visits(Mutex<Vec<serve::Record>>);

impl Visits {
    fn add(&self, record: serve::Record) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(record);
    }
}

impl Proxy {
    /// Serves on a socket that listens inside a sandbox.
    pub(crate) fn start(
        listener: std::net::TcpListener,
        reach: Reach,
        outside: Arc<dyn Outside>,
    ) -> io::Result<Self> {
        listener.set_nonblocking(true)?;
        let listener = TcpListener::from_std(listener)?;
        let visits = Arc::new(Visits::default());
        let gate = Arc::new(serve::Gate {
            reach,
            outside,
            visits: Arc::clone(&visits),
        });
        let task = tokio::spawn(accept(listener, gate));
        Ok(Self { task, visits })
    }

    /// What was asked for until now, in its order. Ends all connections.
    pub(crate) fn finish(self) -> Vec<Visit> {
        self.task.abort();
        let records = self.visits.0.lock();
        let records = records.unwrap_or_else(PoisonError::into_inner);
        records.iter().map(serve::Record::visit).collect()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn accept(listener: TcpListener, gate: Arc<serve::Gate>) {
    // Ends with this task, and all connections with it.
    let mut open = JoinSet::new();
    let mut accepted = 0;
    while accepted < MOST {
        while open.len() >= AT_ONCE {
            open.join_next().await;
        }
        tokio::select! {
            Ok((stream, _)) = listener.accept() => {
                accepted += 1;
                let gate = Arc::clone(&gate);
                open.spawn(async move { gate.serve(stream).await });
            }
            Some(_) = open.join_next() => {}
            else => break,
        }
    }
    // Whoever asks once more is turned away by the closed socket.
    drop(listener);
    while open.join_next().await.is_some() {}
}
