//! The proxy: what a command reaches by it, and all that it must not reach.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::future::BoxFuture;
use interline_log::Visit;
use interline_policy::{HostPattern, Reach};
use interline_tools::sandbox::{self, Ended, Network, Outside};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

use crate::place::{Place, code, launcher};

/// A name service with a few names, and one server that answers at every address.
#[derive(Clone, Debug)]
pub(crate) struct Small {
    server: SocketAddr,
    connected: Arc<Mutex<Vec<SocketAddr>>>,
    resolved: Arc<Mutex<Vec<String>>>,
}

impl Outside for Small {
    fn resolve(&self, host: String, port: u16) -> BoxFuture<'static, io::Result<Vec<SocketAddr>>> {
        let addresses: &[&str] = match host.as_str() {
            "inside.example.com" => &["127.0.0.1", "::1", "10.0.0.1", "169.254.169.254"],
            "mapped.example.com" => &["::ffff:127.0.0.1", "64:ff9b::7f00:1"],
            "mixed.example.com" => &["127.0.0.1", "93.184.216.34"],
            "none.example.com" => &[],
            _ => &["93.184.216.34"],
        };
        self.resolved.lock().unwrap().push(host);
        let addresses = addresses
            .iter()
            .map(|address| SocketAddr::new(address.parse().unwrap(), port));
        let addresses = addresses.collect();
        Box::pin(async { Ok(addresses) })
    }

    fn connect(&self, to: SocketAddr) -> BoxFuture<'static, io::Result<TcpStream>> {
        self.connected.lock().unwrap().push(to);
        Box::pin(TcpStream::connect(self.server))
    }
}

impl Small {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let server = listener.local_addr().unwrap();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(answer(stream));
            }
        });
        Self {
            server,
            connected: Arc::default(),
            resolved: Arc::default(),
        }
    }

    pub(crate) fn connected(&self) -> Vec<String> {
        let addresses = self.connected.lock().unwrap();
        addresses.iter().map(ToString::to_string).collect()
    }
}

/// Says what it was sent, up to the end of the head.
async fn answer(mut stream: TcpStream) {
    let mut seen = Vec::new();
    while !seen.windows(4).any(|end| end == b"\r\n\r\n") {
        let mut buffer = [0; 1_024];
        match stream.read(&mut buffer).await {
            Ok(length @ 1..) => seen.extend(&buffer[..length]),
            _ => return,
        }
    }
    let redirected = seen.starts_with(b"GET /away ");
    let (status, more) = if redirected {
        ("302 Found", "location: http://evil.org/\r\n")
    } else {
        ("200 OK", "")
    };
    let head = format!(
        "HTTP/1.1 {status}\r\n{more}connection: close\r\ncontent-length: {}\r\n\r\n",
        seen.len()
    );
    let _ = stream.write_all(&[head.as_bytes(), &seen].concat()).await;
}

async fn run(
    place: &Place,
    outside: &Small,
    rules: &Reach,
    program: &str,
    arguments: &[&str],
) -> Ended {
    let mut spec = place.spec(program, arguments);
    spec.network = Network::Hosts(rules.clone());
    let outside = Arc::new(outside.clone());
    let limit = Duration::from_secs(60);
    let never = CancellationToken::new();
    sandbox::run_towards(launcher(), &spec, limit, &never, outside)
        .await
        .unwrap()
}

fn rules() -> Reach {
    let hosts = ["example.com", ".example.com", "ports.org:8080"];
    Reach::of(hosts.map(|host| HostPattern::parse(host).unwrap()).into())
}

fn refused(visits: &[Visit]) -> Vec<bool> {
    visits.iter().map(|visit| visit.refused.is_some()).collect()
}

/// Sends each argument to the proxy as it stands, and prints the answers' first and last lines.
const RAW: &str = r"
import os, socket, sys
host, port = os.environ['http_proxy'].removeprefix('http://').split(':')
for request in sys.argv[1:]:
    s = socket.create_connection((host, int(port)))
    s.sendall(request.encode().decode('unicode_escape').encode('latin-1'))
    got = b''
    while chunk := s.recv(65536): got += chunk
    lines = got.decode().splitlines()
    print(lines[0] if lines else 'nothing', '|', lines[-1] if lines else '')
";

#[tokio::test]
async fn an_allowed_host_is_reached_and_recorded() {
    let (place, outside) = (Place::new(), Small::start().await);
    let script = "curl -sS --max-time 20 http://example.com/a?b && curl -sS --max-time 20 -p http://www.example.com/tunnel; env | grep -ci _proxy";
    let ended = run(&place, &outside, &rules(), "/bin/bash", &["-c", script]).await;
    if ended.stderr.contains("curl: command not found") {
        return;
    }
    let said = &ended.stdout;
    assert!(
        said.starts_with("GET /a?b HTTP/1.1\r\nhost: example.com\r\nconnection: close\r\n"),
        "{ended:?}"
    );
    assert!(!said.to_lowercase().contains("proxy-connection"), "{said}");
    assert!(
        said.contains("GET /tunnel HTTP/1.1") && said.ends_with("15\n"),
        "{said}"
    );
    assert_eq!(
        outside.connected(),
        ["93.184.216.34:80", "93.184.216.34:80"]
    );
    let [one, two] = ended.visits.as_slice() else {
        panic!("{:?}", ended.visits);
    };
    assert_eq!(
        (one.host.as_str(), one.port, &one.refused),
        ("example.com", 80, &None)
    );
    assert_eq!(
        (two.host.as_str(), two.port, &two.refused),
        ("www.example.com", 80, &None)
    );
    assert!(one.sent > 20 && one.received > one.sent && two.sent > 20 && two.received > 0);
}

#[tokio::test]
async fn all_other_requests_are_refused_with_a_reason() {
    let (place, outside) = (Place::new(), Small::start().await);
    let long = format!(
        "GET http://example.com/ HTTP/1.1\\r\\nA: {}\\r\\n\\r\\n",
        "x".repeat(17 << 10)
    );
    let wanted = [
        (
            "CONNECT evil.org:443 HTTP/1.1",
            "403",
            "no rule allows evil.org:443",
        ),
        (
            "GET http://evil.org/ HTTP/1.1",
            "403",
            "no rule allows evil.org:80",
        ),
        ("CONNECT badexample.com:443 HTTP/1.1", "403", "no rule"),
        (
            "CONNECT example.com.evil.org:443 HTTP/1.1",
            "403",
            "no rule",
        ),
        (
            "CONNECT example.com:22 HTTP/1.1",
            "403",
            "no rule allows example.com:22",
        ),
        (
            "CONNECT 93.184.216.34:443 HTTP/1.1",
            "403",
            "addresses are not allowed",
        ),
        (
            "CONNECT [2606:2800::1]:443 HTTP/1.1",
            "403",
            "addresses are not allowed",
        ),
        (
            "GET http://0x5db8d822/ HTTP/1.1",
            "403",
            "addresses are not allowed",
        ),
        ("CONNECT example.com%00.evil.org:443 HTTP/1.1", "403", "'%'"),
        (
            "CONNECT example.com\\x00.evil.org:443 HTTP/1.1",
            "400",
            "not understood",
        ),
        ("GET http://user@example.com/ HTTP/1.1", "403", "user"),
        (
            "CONNECT inside.example.com:443 HTTP/1.1",
            "403",
            "no address of the public internet",
        ),
        (
            "CONNECT mapped.example.com:443 HTTP/1.1",
            "403",
            "no address of the public internet",
        ),
        (
            "CONNECT none.example.com:443 HTTP/1.1",
            "403",
            "no address of the public internet",
        ),
        ("GET http://ports.org/ HTTP/1.1", "403", "no rule"),
        ("CONNECT ports.org:443 HTTP/1.1", "403", "no rule"),
        ("GET / HTTP/1.1", "400", "this is a proxy"),
        (
            "POST http://example.com/ HTTP/1.1\\r\\nTransfer-Encoding: chunked",
            "411",
            "content-length",
        ),
        ("nonsense", "400", "not understood"),
    ];
    let requests: Vec<_> = wanted
        .iter()
        .map(|(request, ..)| format!("{request}\\r\\n\\r\\n"))
        .collect();
    let mut arguments = vec!["-c", RAW];
    arguments.extend(requests.iter().map(String::as_str));
    arguments.push(&long);
    let ended = run(&place, &outside, &rules(), "/usr/bin/python3", &arguments).await;
    let lines: Vec<_> = ended.stdout.lines().collect();
    assert_eq!(
        lines.len(),
        wanted.len() + 1,
        "{}{}",
        ended.stdout,
        ended.stderr
    );
    let long = ("a long head", "431", "16 KiB");
    for ((request, status, why), line) in wanted.iter().chain([&long]).zip(lines) {
        assert!(
            line.starts_with(&format!("HTTP/1.1 {status} ")) && line.contains(why),
            "{request}: {line}"
        );
    }
    assert!(outside.connected().is_empty(), "{:?}", outside.connected());
    assert_eq!(refused(&ended.visits), vec![true; wanted.len() + 1]);
    assert!(
        ended
            .visits
            .iter()
            .any(|visit| visit.host == "evil.org" && visit.port == 443)
    );
}

#[tokio::test]
async fn names_are_resolved_once_and_only_public_addresses_are_used() {
    let (place, outside) = (Place::new(), Small::start().await);
    let request = "GET http://mixed.example.com/ HTTP/1.1\\r\\n\\r\\n";
    let allowed = "GET http://ports.org:8080/api/v1 HTTP/1.1\\r\\nHost: evil.org\\r\\n\\r\\nGET http://evil.org/ HTTP/1.1\\r\\n\\r\\n";
    let ended = run(
        &place,
        &outside,
        &rules(),
        "/usr/bin/python3",
        &["-c", RAW, request, allowed],
    )
    .await;
    assert_eq!(
        outside.connected(),
        ["93.184.216.34:80", "93.184.216.34:8080"],
        "{ended:?}"
    );
    assert_eq!(
        *outside.resolved.lock().unwrap(),
        ["mixed.example.com", "ports.org"]
    );
    // A second request behind the first one, and its host, go nowhere.
    assert!(!ended.stdout.contains("evil"), "{}", ended.stdout);
    assert_eq!(refused(&ended.visits), [false, false]);
}

/// Opens a tunnel to the first name, and begins TLS in it for each of the others.
const TLS: &str = r"
import os, socket, ssl, sys
proxy = os.environ['https_proxy'].removeprefix('http://').split(':')
for name in sys.argv[2:]:
    s = socket.create_connection((proxy[0], int(proxy[1])))
    s.sendall(f'CONNECT {sys.argv[1]}:443 HTTP/1.1\r\n\r\n'.encode())
    print(s.recv(65536).split()[1].decode())
    s.settimeout(1)
    try: ssl._create_unverified_context().wrap_socket(s, server_hostname=name)
    except (OSError, ssl.SSLError) as error: pass
";

#[tokio::test]
async fn tls_is_for_the_host_of_its_tunnel() {
    let (place, outside) = (Place::new(), Small::start().await);
    let arguments = ["-c", TLS, "example.com", "example.com", "evil.org"];
    let ended = run(&place, &outside, &rules(), "/usr/bin/python3", &arguments).await;
    assert_eq!(ended.stdout, "200\n200\n", "{}", ended.stderr);
    let [right, opened, wrong] = ended.visits.as_slice() else {
        panic!("{:?}", ended.visits);
    };
    assert!(right.refused.is_none() && right.sent > 100, "{right:?}");
    assert_eq!((&opened.refused, opened.sent), (&None, 0));
    let why = "the tunnel is to example.com, but its TLS is for evil.org";
    assert_eq!(wrong.refused.as_deref(), Some(why));
}

#[tokio::test]
async fn a_redirect_is_a_new_request() {
    let (place, outside) = (Place::new(), Small::start().await);
    let script = "curl -sSL --max-time 20 http://example.com/away";
    let ended = run(&place, &outside, &rules(), "/bin/bash", &["-c", script]).await;
    if ended.stderr.contains("curl: command not found") {
        return;
    }
    assert!(
        ended.stdout.contains("no rule allows evil.org:80"),
        "{ended:?}"
    );
    assert_eq!(outside.connected(), ["93.184.216.34:80"]);
    assert_eq!(refused(&ended.visits), [false, true]);
}

#[tokio::test]
async fn there_is_no_other_way_out() {
    let (place, outside) = (Place::new(), Small::start().await);
    let port = outside.server.port().to_string();
    let script = r"
import socket, sys
def tried(label, act):
    try: act(); print('REACHED', label)
    except OSError as error: print('no', label)
def tcp(address):
    s = socket.socket(); s.settimeout(2); s.connect(address)
tried('real server', lambda: tcp(('127.0.0.1', int(sys.argv[1]))))
tried('tcp', lambda: tcp(('93.184.216.34', 80)))
tried('udp', lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x', ('93.184.216.34', 53)))
tried('names', lambda: socket.getaddrinfo('example.com', 80))
";
    let ended = run(
        &place,
        &outside,
        &rules(),
        "/usr/bin/python3",
        &["-c", script, &port],
    )
    .await;
    assert_eq!(
        ended.stdout, "no real server\nno tcp\nno udp\nno names\n",
        "{}",
        ended.stderr
    );
    assert!(ended.visits.is_empty() && outside.connected().is_empty());
    // The socket is the server's alone: no process inside has it, and no file leads to it.
    let holders = "cat /proc/net/tcp | grep -c ' 0A '; ls -l /proc/[0-9]*/fd 2>/dev/null | grep -c socket; find / -xdev -type s 2>/dev/null | wc -l";
    let ended = run(&place, &outside, &rules(), "/bin/bash", &["-c", holders]).await;
    assert_eq!(ended.stdout, "1\n0\n0\n", "{}", ended.stderr);
}

#[tokio::test]
async fn without_hosts_there_is_no_proxy_and_the_next_command_has_none_left() {
    let (place, outside) = (Place::new(), Small::start().await);
    let script = "env | grep -ci proxy; cat /proc/net/tcp | tail -n +2 | wc -l; echo $http_proxy";
    let with = run(&place, &outside, &rules(), "/bin/bash", &["-c", script]).await;
    let port = with.stdout.trim().rsplit(':').next().unwrap().to_owned();
    assert!(
        with.stdout.starts_with("15\n1\nhttp://127.0.0.1:"),
        "{with:?}"
    );
    let without = run(
        &place,
        &outside,
        &Reach::default(),
        "/bin/bash",
        &["-c", script],
    )
    .await;
    assert_eq!(without.stdout, "0\n0\n\n", "{}", without.stderr);
    let again = format!("exec 3<>/dev/tcp/127.0.0.1/{port} && echo REACHED");
    let ended = run(
        &place,
        &outside,
        &Reach::default(),
        "/bin/bash",
        &["-c", &again],
    )
    .await;
    assert_eq!((code(&ended), ended.stdout.as_str()), (Some(1), ""));
}

#[tokio::test]
async fn what_was_asked_is_told_of_a_command_that_was_ended() {
    let (place, outside) = (Place::new(), Small::start().await);
    let mut spec = place.spec(
        "/usr/bin/python3",
        &[
            "-c",
            &format!("{RAW}\nimport time; time.sleep(60)"),
            "CONNECT evil.org:1 HTTP/1.1\\r\\n\\r\\n",
        ],
    );
    spec.network = Network::Hosts(rules());
    let (limit, never) = (Duration::from_secs(2), CancellationToken::new());
    let ended = sandbox::run_towards(launcher(), &spec, limit, &never, Arc::new(outside)).await;
    let ended = ended.unwrap();
    assert_eq!((ended.status, refused(&ended.visits)), (None, vec![true]));
}
