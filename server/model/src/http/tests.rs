//! Attempts against a small server on loopback that behaves as badly as servers do.

use std::sync::atomic::{AtomicUsize, Ordering};

use interline_log::{Message, SessionId, StopReason, UserBlock};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::*;
use crate::client::Remote;
use crate::{ErrorClass, ModelClient, Provider, Request, Secret};

const STREAM: &str = include_str!("../codec/fixtures/anthropic.sse");
const OK: &str =
    "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";

/// What the server does with a connection's n-th request.
#[derive(Clone, Copy)]
enum Act {
    /// The whole stream, in HTTP chunks of this many bytes.
    Stream(usize),
    /// This text as the raw response; the connection closes.
    Raw(&'static str),
    /// The stream's first bytes, then the connection closes.
    Cut(usize),
    /// The stream's first bytes, then the body ends as if all were well.
    End(usize),
    /// Nothing more.
    Hang,
    /// Signs of life, but no answer.
    Ping,
}

struct Server {
    client: Remote,
    connections: Arc<AtomicUsize>,
    requests: Arc<AtomicUsize>,
}

/// A server that does one act per request, and a client for it.
async fn server(acts: &'static [Act]) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let connections = Arc::new(AtomicUsize::new(0));
    let requests = Arc::new(AtomicUsize::new(0));
    let (opened, received) = (Arc::clone(&connections), Arc::clone(&requests));
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            opened.fetch_add(1, Ordering::SeqCst);
            tokio::spawn(serve(socket, acts, Arc::clone(&received)));
        }
    });
    let spec = ModelSpec {
        provider: Provider::Anthropic,
        base_url: format!("http://{address}"),
        api_key: Some(Secret::new("sk-1")),
        ..ModelSpec::builtin()
    };
    let clocks = Clocks {
        silent: Duration::from_millis(300),
        content: Duration::from_millis(600),
    };
    let client = Remote(Arc::new(Endpoint::new(spec, clocks).unwrap()));
    Server {
        client,
        connections,
        requests,
    }
}

async fn serve(mut socket: TcpStream, acts: &'static [Act], received: Arc<AtomicUsize>) {
    while let Some(head) = request(&mut socket).await {
        assert!(
            head.starts_with("post /v1/messages http/1.1") && head.contains("x-api-key: sk-1"),
            "{head}"
        );
        let act = acts[received.fetch_add(1, Ordering::SeqCst)];
        let open = match act {
            Act::Stream(size) => {
                send(&mut socket, OK).await;
                chunks(&mut socket, STREAM, size).await;
                send(&mut socket, "0\r\n\r\n").await;
                true
            }
            Act::Raw(response) => {
                send(&mut socket, response).await;
                false
            }
            Act::Cut(length) | Act::End(length) => {
                send(&mut socket, OK).await;
                chunks(&mut socket, &STREAM[..length], 1000).await;
                if matches!(act, Act::End(_)) {
                    send(&mut socket, "0\r\n\r\n").await;
                }
                false
            }
            Act::Hang => {
                send(&mut socket, OK).await;
                std::future::pending().await
            }
            Act::Ping => {
                send(&mut socket, OK).await;
                loop {
                    chunks(
                        &mut socket,
                        "event: ping\ndata: {\"type\":\"ping\"}\n\n",
                        1000,
                    )
                    .await;
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            }
        };
        if !open {
            return;
        }
    }
}

/// Reads a request; gives its head in lower case.
async fn request(socket: &mut TcpStream) -> Option<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(socket.read_u8().await.ok()?);
    }
    let head = String::from_utf8(head).unwrap().to_lowercase();
    let length = head
        .split_once("content-length: ")?
        .1
        .lines()
        .next()?
        .parse()
        .ok()?;
    let mut body = vec![0; length];
    socket.read_exact(&mut body).await.ok()?;
    Some(head)
}

async fn send(socket: &mut TcpStream, text: &str) {
    let _ = socket.write_all(text.as_bytes()).await;
}

async fn chunks(socket: &mut TcpStream, text: &str, size: usize) {
    let mut out = Vec::new();
    for chunk in text.as_bytes().chunks(size) {
        out.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
        out.extend_from_slice(chunk);
        out.extend_from_slice(b"\r\n");
    }
    let _ = socket.write_all(&out).await;
}

impl Server {
    async fn ask(&self) -> Result<Vec<ModelEvent>, ModelError> {
        let request = Request {
            tools: Arc::new([]),
            system: String::new(),
            messages: vec![Message::User {
                content: vec![UserBlock::Text {
                    text: "hi".to_owned(),
                }],
            }],
            max_output: None,
            session: SessionId::new(),
        };
        let body = self.client.encode(&request).unwrap();
        let events: Vec<_> = self.client.send(body).collect().await;
        let last = events.len().saturating_sub(1);
        for (at, event) in events.iter().enumerate() {
            let ends = matches!(event, Err(_) | Ok(ModelEvent::Stopped { .. }));
            assert_eq!(
                ends,
                at == last,
                "a stream ends with its first error or its stop"
            );
        }
        events.into_iter().collect()
    }

    async fn fails(&self) -> ModelError {
        self.ask().await.unwrap_err()
    }
}

#[tokio::test]
async fn answers_come_whole_over_one_connection_however_they_are_cut() {
    let server = server(&[Act::Stream(1000), Act::Stream(3), Act::Stream(100_000)]).await;
    for _ in 0..3 {
        let events = server.ask().await.unwrap();
        assert!(matches!(
            events.last(),
            Some(ModelEvent::Stopped {
                reason: StopReason::ToolUse,
                ..
            })
        ));
        assert_eq!(
            events
                .iter()
                .filter(|event| matches!(event, ModelEvent::Block(_)))
                .count(),
            6
        );
        // The end of the body may come after the end of the answer.
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(server.connections.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_cut_is_a_cut_and_is_never_sent_again_by_itself() {
    let server = server(&[Act::Cut(2000), Act::End(2000), Act::Cut(0), Act::Raw("")]).await;
    for requests in 1..=4 {
        let error = server.fails().await;
        assert_eq!(
            (error.kind, error.class()),
            (ErrorKind::Cut, ErrorClass::Retry),
            "{requests}"
        );
        assert_eq!(server.requests.load(Ordering::SeqCst), requests);
    }
}

#[tokio::test]
async fn refusals_carry_the_providers_words_and_wishes() {
    let server = server(&[
        Act::Raw("HTTP/1.1 429 Too Many\r\nretry-after: 3\r\ncontent-length: 58\r\n\r\n{\"error\":{\"type\":\"rate_limit_error\",\"message\":\"slow down\"}}"),
        Act::Raw("HTTP/1.1 529 \r\nx-should-retry: false\r\ncontent-length: 0\r\n\r\n"),
        Act::Raw("HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n"),
        Act::Raw("HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: 13\r\n\r\n<html>hi</htm"),
    ])
    .await;
    let limited = server.fails().await;
    assert_eq!(
        (limited.kind, limited.status),
        (ErrorKind::RateLimited, Some(429))
    );
    assert_eq!(limited.retry_after, Some(Duration::from_secs(3)));
    assert!(limited.message.contains("slow down"), "{limited}");
    assert_eq!(server.fails().await.class(), ErrorClass::Fatal);
    assert_eq!(server.fails().await.kind, ErrorKind::Config);
    let page = server.fails().await;
    assert_eq!(
        (page.kind, page.class()),
        (ErrorKind::Protocol, ErrorClass::Fatal)
    );
}

#[tokio::test]
async fn silence_and_pings_without_an_answer_end_by_their_own_clocks() {
    let server = server(&[Act::Hang, Act::Ping]).await;
    let silent = server.fails().await;
    assert_eq!(
        (silent.kind, silent.message.contains("went silent")),
        (ErrorKind::Silent, true),
        "{silent}"
    );
    let pinging = server.fails().await;
    assert_eq!(
        (pinging.kind, pinging.message.contains("alive")),
        (ErrorKind::Silent, true),
        "{pinging}"
    );
}

#[tokio::test]
async fn nobody_there_is_said_with_the_address() {
    let address = TcpListener::bind("127.0.0.1:0")
        .await
        .unwrap()
        .local_addr()
        .unwrap();
    let spec = ModelSpec {
        provider: Provider::OpenaiChat,
        base_url: format!("http://{address}"),
        ..ModelSpec::builtin()
    };
    let endpoint = Arc::new(Endpoint::new(spec, Clocks::default()).unwrap());
    let events: Vec<_> = endpoint.attempt(Bytes::new()).collect().await;
    let [Err(error)] = events.as_slice() else {
        panic!("{events:?}")
    };
    assert_eq!(error.kind, ErrorKind::Unreachable);
    assert!(error.message.contains(&address.to_string()), "{error}");
}

#[tokio::test]
async fn dropping_the_stream_ends_the_connection() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let spec = ModelSpec {
        provider: Provider::Anthropic,
        base_url: format!("http://{}", listener.local_addr().unwrap()),
        ..ModelSpec::builtin()
    };
    let endpoint = Arc::new(Endpoint::new(spec, Clocks::default()).unwrap());
    let mut stream = endpoint.attempt(Bytes::from_static(b"{}"));
    let (mut socket, _) = tokio::select! {
        accepted = listener.accept() => accepted.unwrap(),
        event = stream.next() => panic!("{event:?}"),
    };
    drop(stream);
    let mut rest = Vec::new();
    // Ends only if the client closed its side.
    let _ = socket.read_to_end(&mut rest).await;
}

#[tokio::test]
async fn a_tls_client_can_be_made() {
    build(true, false).unwrap();
}
