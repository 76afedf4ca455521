"""Judges what Interline exports: tests/telemetry/run starts it with the programs, and has made its environment.

A turn on a scripted model is exported twice: straight to a receiver here, and by way of a collector that isn't ours.
Both are decoded with the OpenTelemetry project's own types, none of which Interline has anything to do with.
"""

import contextlib
import gzip
import http.server
import json
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

INTERLINE, SCRIPTED, COLLECTOR, ROOT = sys.argv[1:]
SECRET, KEY, WORDS, ANSWER = "s3cr3t-of-the-judge-31", "test-key-5678", "please rename the sum", "so it is done"
PRICE = {"input": 3.0, "output": 15.0}
# Seconds that anything may take.
PATIENCE = 60


def step(usage, **said):
    return {"usage": {"input": usage[0], "output": usage[1]}, **said}


SCRIPT = {
    "steps": [
        step((100, 20), calls=[{"tool": "read", "input": {"path": "src/main.rs"}}]),
        step((200, 30), calls=[{"tool": "read", "input": {"path": "no/such/place.rs"}}, {"tool": "grep", "input": {"pattern": "sum"}}]),
        step((300, 40), say=ANSWER),
    ]
}
TOKENS = {"input": 600, "output": 90}
COST = (TOKENS["input"] * PRICE["input"] + TOKENS["output"] * PRICE["output"]) / 1e6


def wait(what, done):
    end = time.monotonic() + PATIENCE
    while not (found := done()):
        if time.monotonic() > end:
            raise AssertionError(f"waited in vain for {what}")
        time.sleep(0.05)
    return found


class Receiver(http.server.ThreadingHTTPServer):
    """OTLP/HTTP on a free port: keeps what comes."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Receipt)
        self.traces, self.metrics, self.bodies = [], [], []
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def address(self):
        return f"http://127.0.0.1:{self.server_port}"

    def spans(self):
        return [span for request in self.traces for of in request.resource_spans for scope in of.scope_spans for span in scope.spans]

    def streams(self):
        """The figures as they were last, by name."""
        found = {}
        for request in self.metrics[-1:]:
            for of in request.resource_metrics:
                for scope in of.scope_metrics:
                    for metric in scope.metrics:
                        assert metric.name not in found, f"{metric.name} comes twice in one export"
                        found[metric.name] = metric
        return found


class Receipt(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    KINDS = {"/v1/traces": ("traces", ExportTraceServiceRequest), "/v1/metrics": ("metrics", ExportMetricsServiceRequest)}

    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        if self.headers["content-encoding"] == "gzip":
            body = gzip.decompress(body)
        name, kind = self.KINDS[self.path]
        request = kind()
        request.ParseFromString(body)
        self.server.bodies.append(body)
        getattr(self.server, name).append(request)
        self.send_response(200)
        self.send_header("content-type", "application/x-protobuf")
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


@contextlib.contextmanager
def program(arguments, **options):
    """A process that lives as long as the block."""
    process = subprocess.Popen(arguments, **options)
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def free_port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def listens(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@contextlib.contextmanager
def collector(place, receiver):
    """Rotel between Interline and the receiver: takes, decodes, batches, encodes and sends on."""
    grpc, port = free_port(), free_port()
    arguments = [
        *(COLLECTOR, "start", "--environment", "test", "--exporter", "otlp", "--otlp-exporter-protocol", "http"),
        *("--otlp-exporter-endpoint", receiver.address),
        *("--otlp-grpc-endpoint", f"127.0.0.1:{grpc}", "--otlp-http-endpoint", f"127.0.0.1:{port}"),
        *("--pid-file", place / "collector.pid", "--log-file", place / "collector.log"),
    ]
    with open(place / "collector.out", "wb") as out, program(arguments, stdout=out, stderr=out, cwd=place) as process:
        wait("the collector", lambda: process.poll() is None and listens(port))
        yield f"http://127.0.0.1:{port}"


def turn(place, endpoint):
    """One turn of the real program with telemetry on; the session's log."""
    home, project, script = place / "home", place / "project", place / "script.json"
    shutil.copytree(pathlib.Path(ROOT) / "tests/fixtures/greeter", project)
    script.write_text(json.dumps(SCRIPT))
    (home / "config").mkdir(parents=True)
    with program([SCRIPTED, script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as model:
        base = model.stdout.readline().strip()
        (home / "config/config.toml").write_text(
            f'model = "m"\n[telemetry]\nendpoint = "{endpoint}"\n'
            f'[models.m]\nprovider = "anthropic"\nid = "claude-of-the-judge"\nbase_url = "{base}"\napi_key_env = "THE_KEY"\n'
            f'price = {{ input = {PRICE["input"]}, output = {PRICE["output"]}, cache_read = 0.3, cache_write = 3.75 }}\n'
        )
        env = {**os.environ, "INTERLINE_HOME": str(home), "THE_KEY": KEY, "MY_TOKEN": SECRET, "NO_PROXY": "127.0.0.1"}
        command = [INTERLINE, "run", "--diff", f"{WORDS} with {SECRET}"]
        ran = subprocess.run(command, cwd=project, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=PATIENCE)
        assert ran.returncode == 0, ran.stdout + ran.stderr
    exported = subprocess.run([INTERLINE, "sessions"], cwd=project, env=env, capture_output=True, text=True, timeout=PATIENCE)
    session = exported.stdout.split()[0]
    log = subprocess.run([INTERLINE, "sessions", "export", session], cwd=project, env=env, capture_output=True, text=True, timeout=PATIENCE)
    return session, [json.loads(line) for line in log.stdout.splitlines()]


def attributes(of):
    return {it.key: getattr(it.value, it.value.WhichOneof("value")) for it in of.attributes}


def spans_are_the_turn(receiver, session, log):
    spans = receiver.spans()
    by_id = {span.span_id: span for span in spans}
    assert len(by_id) == len(spans) and all(len(span.span_id) == 8 and len(span.trace_id) == 16 for span in spans), spans
    [root] = [span for span in spans if not span.parent_span_id]
    assert root.name == "invoke_agent interline" and attributes(root)["gen_ai.conversation.id"] == session
    assert attributes(root)["interline.outcome"] == "done" and root.status.code != Status.STATUS_CODE_ERROR
    assert {span.trace_id for span in spans} == {root.trace_id}
    parents = {}
    for span in spans:
        if span.parent_span_id:
            parent = by_id[span.parent_span_id]
            parents.setdefault(parent.name.split()[0], []).append(span.name)
            assert parent.start_time_unix_nano <= span.start_time_unix_nano <= span.end_time_unix_nano <= parent.end_time_unix_nano
    chat, steps = "chat claude-of-the-judge", [span for span in spans if span.name.startswith("step")]
    assert len(parents["invoke_agent"]) == len(steps) == 3, parents
    assert sorted(parents["step"]) == [chat] * 3 + ["execute_tool grep"] + ["execute_tool read"] * 2, parents
    assert {span.kind for span in spans if span.name == chat} == {Span.SPAN_KIND_CLIENT}
    used = [attributes(span) for span in spans if span.name == chat]
    for kind, count in TOKENS.items():
        assert sum(usage[f"gen_ai.usage.{kind}_tokens"] for usage in used) == count, used
    failed = [span for span in spans if span.status.code == Status.STATUS_CODE_ERROR]
    assert [span.name for span in failed] == ["execute_tool read"], failed
    # The same moments as on record.
    began = next(event["ts"] for event in log if event["type"] == "input.user")
    assert abs(root.start_time_unix_nano // 1_000_000 - began) <= 1000


def figures_are_the_turn(receiver, _session, _log):
    streams = receiver.streams()
    usage = streams["gen_ai.client.token.usage"]
    assert usage.unit == "{token}" and usage.WhichOneof("data") == "histogram"
    points = {attributes(point)["gen_ai.token.type"]: point for point in usage.histogram.data_points}
    assert {kind: point.sum for kind, point in points.items()} == TOKENS, usage
    for point in points.values():
        assert point.count == sum(point.bucket_counts) == 3 and len(point.bucket_counts) == len(point.explicit_bounds) + 1
    [cost] = streams["interline.cost"].sum.data_points
    assert abs(cost.as_double - COST) < 1e-9 and streams["interline.cost"].sum.is_monotonic, cost
    [ended] = streams["interline.turns"].sum.data_points
    assert (attributes(ended), ended.as_double) == ({"interline.outcome": "done"}, 1)
    assert sum(point.count for point in streams["interline.tool.duration"].histogram.data_points) == 3
    assert "gen_ai.client.operation.duration" in streams


def resources_say_who(receiver, _session, _log):
    of = [it.resource for request in receiver.traces for it in request.resource_spans]
    of += [it.resource for request in receiver.metrics for it in request.resource_metrics]
    assert of and all(attributes(resource)["service.name"] == "interline" for resource in of), of


def nothing_was_said(receiver, _session, _log):
    everything = b"".join(receiver.bodies)
    assert everything
    for word in [SECRET, KEY, WORDS, ANSWER, "no/such/place.rs", "main.rs"]:
        assert word.encode() not in everything, word


CHECKS = [spans_are_the_turn, figures_are_the_turn, resources_say_who, nothing_was_said]


def main():
    passed = failed = 0
    for way, between in [("straight", None), ("by a collector", collector)]:
        receiver = Receiver()
        with tempfile.TemporaryDirectory() as folder:
            place = pathlib.Path(folder)
            seen = None
            for check in CHECKS:
                name = f"{way}: {check.__name__.replace('_', ' ')}"
                try:
                    if seen is None:
                        with between(place, receiver) if between else contextlib.nullcontext(receiver.address) as endpoint:
                            seen = turn(place, endpoint)
                            wait("the turn's last span", lambda: any(not span.parent_span_id for span in receiver.spans()))
                            wait("the turn's figures", lambda: "interline.turns" in receiver.streams())
                    check(receiver, *seen)
                except Exception as error:  # A failure is one line, and the next check's turn.
                    failed += 1
                    print(f"FAILED  telemetry: {name}: {type(error).__name__}: {error}")
                    for log in place.glob("collector.*"):
                        print(log.read_text(errors="replace")[-2000:])
                    if seen is None:
                        break
                else:
                    passed += 1
                    print(f"ok      telemetry: {name}")
        receiver.shutdown()
    print(f"{passed} passed, {failed} failed")
    return 0 if passed and not failed else 1


sys.exit(main())
