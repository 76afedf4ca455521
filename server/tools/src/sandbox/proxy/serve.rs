//! One connection of a command: what it asks for, whether it may, and the way there.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use interline_log::Visit;
use interline_policy::Reach;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::address::is_public;
use super::hello::Hello;
use super::request::{self, Refusal, Request, Way};
use super::splice::{IDLE, Traffic, splice};
use super::{Outside, Visits};

/// How long a head may take to come, and a connection to be made.
const HEAD: Duration = Duration::from_secs(20);
const CONNECT: Duration = Duration::from_secs(20);

/// What all connections of a command share.
pub(super) struct Gate {
    pub(super) reach: Reach,
    pub(super) outside: Arc<dyn Outside>,
    pub(super) visits: Arc<Visits>,
}

/// A visit that may still go on.
#[derive(Debug)]
pub(super) struct Record {
    host: String,
    port: u16,
    refused: Option<String>,
    traffic: Arc<Traffic>,
}

impl Record {
    fn new(asked: Option<&Request>, refused: Option<String>) -> Self {
        Self {
            host: asked.map_or_else(String::new, |request| request.host.clone()),
            port: asked.map_or(0, |request| request.port),
            refused,
            traffic: Arc::default(),
        }
    }

    pub(super) fn visit(&self) -> Visit {
        Visit {
            host: self.host.clone(),
            port: self.port,
            refused: self.refused.clone(),
            times: 1,
            sent: self.traffic.sent.load(Ordering::Relaxed),
            received: self.traffic.received.load(Ordering::Relaxed),
        }
    }
}

impl Gate {
    pub(super) async fn serve(&self, mut client: TcpStream) {
        let (asked, rest) = match read_head(&mut client).await {
            Ok(Some(read)) => read,
            // It asked for nothing.
            Ok(None) => return,
            Err(refusal) => return self.refuse(&mut client, None, refusal).await,
        };
        let mut server = match self.reach(&asked).await {
            Ok(server) => server,
            Err(refusal) => return self.refuse(&mut client, Some(&asked), refusal).await,
        };
        let record = Record::new(Some(&asked), None);
        let traffic = Arc::clone(&record.traffic);
        self.visits.add(record);
        let (first, left) = match &asked.way {
            Way::Tunnel => match open_tunnel(&mut client, &server, rest, &asked.host).await {
                Ok(first) => (first, None),
                Err(why) => return self.visits.add(Record::new(Some(&asked), Some(why))),
            },
            Way::Plain { head, body } => {
                let whole = usize::try_from(*body).unwrap_or(usize::MAX);
                let early = rest.get(..whole.min(rest.len())).unwrap_or_default();
                let left = body.saturating_sub(early.len() as u64);
                ([head.as_slice(), early].concat(), Some(left))
            }
        };
        if server.write_all(&first).await.is_ok() {
            traffic
                .sent
                .fetch_add(first.len() as u64, Ordering::Relaxed);
            splice(&mut client, &mut server, left, &traffic).await;
        }
    }

    /// The connection that was asked for, if it may be.
    async fn reach(&self, asked: &Request) -> Result<TcpStream, Refusal> {
        let (host, port) = (&asked.host, asked.port);
        let checked = self.reach.check(host, port);
        checked.map_err(|why| Refusal::new(403, why))?;
        let addresses = self.outside.resolve(host.clone(), port);
        let addresses = in_time(addresses).await;
        let addresses = addresses.map_err(|why| unreached(host, &why))?;
        let public = addresses.iter().filter(|address| is_public(address.ip()));
        let public: Vec<SocketAddr> = public.copied().collect();
        if public.is_empty() {
            let why = format!("{host} leads to no address of the public internet");
            return Err(Refusal::new(403, why));
        }
        let mut last = String::new();
        for address in public {
            // The very address that was looked at: no second look-up could lead elsewhere.
            match in_time(self.outside.connect(address)).await {
                Ok(server) => return Ok(server),
                Err(why) => last = why,
            }
        }
        Err(unreached(host, &last))
    }

    async fn refuse(&self, client: &mut TcpStream, asked: Option<&Request>, refusal: Refusal) {
        let body = format!("the sandbox's proxy: {}\n", refusal.why);
        let answer = format!(
            "HTTP/1.1 {} Refused\r\ncontent-type: text/plain; charset=utf-8\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
            refusal.status,
            body.len()
        );
        self.visits.add(Record::new(asked, Some(refusal.why)));
        // A client that is gone needs no answer. The rest of what it sends is read, or the answer could be lost.
        let _ = client.write_all(answer.as_bytes()).await;
        let _ = client.shutdown().await;
        let mut rest = vec![0; 4 << 10];
        let drained = async { while let Ok(1..) = client.read(&mut rest).await {} };
        let _ = tokio::time::timeout(Duration::from_secs(1), drained).await;
    }
}

/// Says that the tunnel is there, and reads on until it is known whom the client wants at its end. Gives what it has
/// said, of which the server knows nothing yet; the error says why it may not go on.
async fn open_tunnel(
    client: &mut TcpStream,
    server: &TcpStream,
    mut said: Vec<u8>,
    host: &str,
) -> Result<Vec<u8>, String> {
    let gone = |error: std::io::Error| format!("the tunnel broke: {error}");
    let there = b"HTTP/1.1 200 Connection established\r\n\r\n";
    client.write_all(there).await.map_err(gone)?;
    loop {
        let hello = Hello::read(&said);
        hello.check(host)?;
        if hello != Hello::Partial {
            return Ok(said);
        }
        let mut buffer = [0; 4 << 10];
        let more = tokio::select! {
            more = client.read(&mut buffer) => more.map_err(gone)?,
            // Where the server speaks first it is no TLS.
            _ = server.readable(), if said.is_empty() => return Ok(said),
            () = tokio::time::sleep(HEAD), if !said.is_empty() => {
                return Err("the tunnel begins like TLS and does not go on".to_owned());
            }
            () = tokio::time::sleep(IDLE) => return Err("nothing was said in the tunnel".to_owned()),
        };
        if more == 0 {
            return Ok(said);
        }
        said.extend(buffer.get(..more).unwrap_or_default());
    }
}

fn unreached(host: &str, why: &str) -> Refusal {
    Refusal::new(502, format!("{host} can't be reached: {why}"))
}

async fn in_time<T>(step: impl Future<Output = std::io::Result<T>>) -> Result<T, String> {
    match tokio::time::timeout(CONNECT, step).await {
        Ok(done) => done.map_err(|error| error.to_string()),
        Err(_) => Err("it took too long".to_owned()),
    }
}

/// The request, and what was read beyond its head. Nothing where the client says nothing.
async fn read_head(client: &mut TcpStream) -> Result<Option<(Request, Vec<u8>)>, Refusal> {
    let slow = |_| Refusal::new(408, "the request took too long");
    tokio::time::timeout(HEAD, read_on(client))
        .await
        .map_err(slow)?
}

async fn read_on(client: &mut TcpStream) -> Result<Option<(Request, Vec<u8>)>, Refusal> {
    let mut bytes = Vec::new();
    loop {
        let mut buffer = [0; 4 << 10];
        let length = client.read(&mut buffer).await.unwrap_or_default();
        if length == 0 {
            return if bytes.is_empty() {
                Ok(None)
            } else {
                Err(Refusal::new(400, "the request is cut short"))
            };
        }
        bytes.extend(buffer.get(..length).unwrap_or_default());
        if let Some(request) = Request::parse(&bytes)? {
            if request.length > request::MOST {
                break;
            }
            let rest = bytes.split_off(request.length.min(bytes.len()));
            return Ok(Some((request, rest)));
        }
        if bytes.len() >= request::MOST {
            break;
        }
    }
    Err(Refusal::new(
        431,
        "the head of the request is longer than 16 KiB",
    ))
}
