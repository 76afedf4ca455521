//! Bytes from here to there and back, counted, until both sides have ended or nothing moves any more.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// Nothing moves for so long: it is over. Servers may think for a while before they answer.
pub(super) const IDLE: Duration = Duration::from_mins(5);

/// Bytes of one connection.
#[derive(Debug, Default)]
pub(super) struct Traffic {
    pub(super) sent: AtomicU64,
    pub(super) received: AtomicU64,
}

impl Traffic {
    fn all(&self) -> u64 {
        self.sent.load(Ordering::Relaxed) + self.received.load(Ordering::Relaxed)
    }
}

/// Of the client's bytes `most` are sent on; where that is `None`, all, and then the server hears that it was all.
pub(super) async fn splice(
    client: &mut TcpStream,
    server: &mut TcpStream,
    most: Option<u64>,
    traffic: &Traffic,
) {
    let (from_client, mut to_client) = client.split();
    let (from_server, mut to_server) = server.split();
    let up = async {
        let from_client = from_client.take(most.unwrap_or(u64::MAX));
        pump(from_client, &mut to_server, &traffic.sent).await?;
        match most {
            None => to_server.shutdown().await,
            // Many servers take the end of a request's connection for a client that has gone away.
            Some(_) => Ok(()),
        }
    };
    let down = async {
        pump(from_server, &mut to_client, &traffic.received).await?;
        to_client.shutdown().await
    };
    let both = async {
        // A side that breaks takes the other one with it; one that has only ended does not.
        let _ = tokio::try_join!(up, down);
    };
    tokio::select! {
        () = both => {}
        () = idle(traffic) => {}
    }
}

async fn pump(
    mut from: impl AsyncRead + Unpin,
    to: &mut (impl AsyncWrite + Unpin),
    count: &AtomicU64,
) -> io::Result<()> {
    let mut buffer = vec![0; 16 << 10];
    loop {
        let length = from.read(&mut buffer).await?;
        if length == 0 {
            return Ok(());
        }
        to.write_all(buffer.get(..length).unwrap_or_default())
            .await?;
        count.fetch_add(length as u64, Ordering::Relaxed);
    }
}

async fn idle(traffic: &Traffic) {
    let mut before = u64::MAX;
    while before != traffic.all() {
        before = traffic.all();
        tokio::time::sleep(IDLE).await;
    }
}
