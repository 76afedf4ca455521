//! What a long answer costs: 50,000 deltas of each wire from the socket to the last event.
//!
//! The bar is 0.15 s of CPU for the whole process; the server's side of the loopback is in these figures too.

use std::convert::Infallible;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;

use bytes::Bytes;
use futures::StreamExt;
use interline_model::{ModelClient, ModelEvent, ModelSpec, Provider};

const DELTAS: usize = 50_000;

fn main() {
    divan::main();
}

/// As a proxy sends it that gathers what it gets.
#[divan::bench(args = [Provider::Anthropic, Provider::OpenaiChat, Provider::OpenaiResponses], sample_count = 20)]
fn in_one_piece(bencher: divan::Bencher<'_, '_>, provider: Provider) {
    run(bencher, provider, Framing::Whole);
}

/// As most servers send it: each event in an HTTP chunk of its own.
#[divan::bench(args = [Provider::Anthropic, Provider::OpenaiChat, Provider::OpenaiResponses], sample_count = 20)]
fn in_a_chunk_each(bencher: divan::Bencher<'_, '_>, provider: Provider) {
    run(bencher, provider, Framing::Chunked);
}

/// From a specification to the end of a short answer: what a new process pays for HTTP.
#[divan::bench(sample_count = 50)]
fn a_first_answer(bencher: divan::Bencher<'_, '_>) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let spec = client(Provider::OpenaiChat, Framing::Whole, 1)
        .spec()
        .clone();
    bencher.bench_local(|| {
        let client = interline_model::client(spec.clone()).expect("a client");
        let events = runtime.block_on(client.send(Bytes::from_static(b"{}")).count());
        assert_eq!(events, 3);
    });
}

#[derive(Clone, Copy)]
enum Framing {
    Whole,
    Chunked,
}

fn run(bencher: divan::Bencher<'_, '_>, provider: Provider, framing: Framing) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let client = client(provider, framing, DELTAS);
    bencher.bench_local(|| {
        runtime.block_on(async {
            let events = client.send(Bytes::from_static(b"{}"));
            let length = events
                .fold(0, |length, event| async move {
                    match event.expect("an answer") {
                        ModelEvent::TextDelta(text) => length + text.len(),
                        _ => length,
                    }
                })
                .await;
            assert_eq!(length, DELTAS * "word ".len());
        });
    });
}

fn client(provider: Provider, framing: Framing, deltas: usize) -> Arc<dyn ModelClient> {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let base_url = format!("http://{}", listener.local_addr().expect("an address"));
    let answer = response(&answer(provider, deltas), framing);
    std::thread::spawn(move || {
        for socket in listener.incoming().flatten() {
            let answer = answer.clone();
            std::thread::spawn(move || serve(socket, &answer));
        }
    });
    let spec = ModelSpec {
        provider,
        base_url,
        ..ModelSpec::builtin()
    };
    interline_model::client(spec).expect("a client")
}

/// Answers each request on a connection until it closes.
fn serve(mut socket: TcpStream, answer: &str) -> std::io::Result<Infallible> {
    let mut reader = BufReader::new(socket.try_clone()?);
    loop {
        let mut length = 0;
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line)? == 0 {
                return Err(std::io::ErrorKind::UnexpectedEof.into());
            }
            if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().unwrap_or(0);
            }
            if line == "\r\n" {
                break;
            }
        }
        reader.read_exact(&mut vec![0; length])?;
        socket.write_all(answer.as_bytes())?;
    }
}

fn response(answer: &str, framing: Framing) -> String {
    let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n";
    match framing {
        Framing::Whole => format!("{head}content-length: {}\r\n\r\n{answer}", answer.len()),
        Framing::Chunked => {
            let events = answer.split_inclusive("\n\n");
            let chunks: String = events
                .map(|event| format!("{:x}\r\n{event}\r\n", event.len()))
                .collect();
            format!("{head}transfer-encoding: chunked\r\n\r\n{chunks}0\r\n\r\n")
        }
    }
}

fn answer(provider: Provider, deltas: usize) -> String {
    let (begin, delta, end) = match provider {
        Provider::Anthropic => (
            r#"{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}"#,
            r#"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"word "}}"#,
            r#"{"type":"message_stop"}"#,
        ),
        Provider::OpenaiResponses => (
            r#"{"type":"response.created","response":{"id":"resp_1"}}"#,
            r#"{"type":"response.output_text.delta","sequence_number":1,"item_id":"msg_1","output_index":0,"content_index":0,"delta":"word "}"#,
            r#"{"type":"response.completed","response":{"output":[]}}"#,
        ),
        _ => (
            r#"{"id":"1","object":"chat.completion.chunk","created":1,"model":"m","choices":[]}"#,
            r#"{"id":"1","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{"content":"word "},"logprobs":null,"finish_reason":null}]}"#,
            "[DONE]",
        ),
    };
    let frame = |data: &str| format!("data: {data}\n\n");
    format!(
        "{}{}{}",
        frame(begin),
        frame(delta).repeat(deltas),
        frame(end)
    )
}
