"""Clients that send too much, too slowly, or do not read, against a real `bentoml serve`; and how it stops."""

import io
import json
import os
import select
import signal
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import numpy as np
import pytest
from support.serving import Server, started

from service.protocol import LINGER_S

REQUEST_S, WRITE_S = 1.0, 1.5
LATE_S = 10.0  # what a busy machine may add
STREAMED = '{"n": 10000, "seed": 1, "model": "colour", "format": "npy"}'
STREAMED_BYTES = 10_000 * 12 * 20 * 3
CLIENTS = 10
LARGEST_GROWTH_BYTES = 30e6


@pytest.fixture(scope="module")
def server(bundles: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    log = tmp_path_factory.mktemp("log") / "serve.log"
    settings = {"ZOETROPE_REQUEST_TIMEOUT_SECONDS": str(REQUEST_S), "ZOETROPE_WRITE_TIMEOUT_SECONDS": str(WRITE_S)}
    with started(bundles, log, ZOETROPE_DEFAULT_MODEL="grey", **settings) as server:
        server.wait_for("/readyz")
        yield server


@contextmanager
def connected(server: Server) -> Iterator[socket.socket]:
    """A connection whose client has little memory for what it does not read."""
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8_192)
        client.settimeout(30)
        client.connect(("127.0.0.1", server.port))
        yield client


def post(body: str, *headers: str) -> bytes:
    lines = ["POST /generate HTTP/1.1", "Host: localhost", "Content-Type: application/json", *headers]
    return "\r\n".join([*lines, f"Content-Length: {len(body)}", "", body]).encode()


def read(client: socket.socket) -> bytes:
    """All until the server hangs up, in whatever way."""
    found = b""
    try:
        while piece := client.recv(1 << 16):
            found += piece
    except ConnectionResetError:
        pass
    return found


def problem_of(answer: bytes) -> dict:
    head, _, body = answer.partition(b"\r\n\r\n")
    assert b"application/problem+json" in head, answer[:200]
    return json.loads(body)


def send_all(client: socket.socket, data: bytes) -> None:
    """As much as the server takes."""
    with suppress(BrokenPipeError, ConnectionResetError):
        client.sendall(data)


class Prober:
    """Asks for /livez all the time, and keeps the longest wait."""

    def __init__(self, server: Server) -> None:
        self._server, self._over = server, threading.Event()
        self.longest_s = 0.0
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> "Prober":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._over.wait(0.02):
            begin = time.monotonic()
            assert self._server.get("/livez")[0] == 200
            self.longest_s = max(self.longest_s, time.monotonic() - begin)


@pytest.mark.parametrize(
    "headers",
    [b"a: b\r\n" * (4 << 20), b"Accept: " + b"a/b," * (2 << 20), b"a" * (16 << 20)],
    ids=["many", "long", "nameless"],
)
def test_megabytes_of_headers_are_431_and_take_no_memory_and_no_time_of_others(server: Server, headers: bytes):
    """Before: 64 MiB of headers took 1.8 GB, and an 8 MiB `Accept` stalled everyone for two seconds."""
    before = server.resident_bytes()
    with Prober(server) as prober, connected(server) as client:
        send_all(client, b"POST /generate HTTP/1.1\r\nHost: localhost\r\n" + headers)
        answer = read(client)

    assert problem_of(answer)["status"] == 431
    assert server.resident_bytes() - before < LARGEST_GROWTH_BYTES
    assert prober.longest_s < 1


def test_a_refused_client_that_still_sends_reads_its_answer(server: Server):
    """Before: what took more than two seconds to send was answered by a reset, which hides the answer."""
    with connected(server) as client:
        client.sendall(b"GET /livez HTTP/1.1\r\nHost: localhost\r\n" + b"a: b\r\n" * 200)
        begin = time.monotonic()
        while time.monotonic() - begin < 2 * LINGER_S:
            client.sendall(b"c: d\r\n")
            time.sleep(0.2)
        answer = read(client)

    assert problem_of(answer)["status"] == 431


@pytest.mark.parametrize("name", ["Accept", "If-None-Match", "Content-Type", "Cookie"])
def test_the_longest_header_that_is_accepted_holds_up_no_one(server: Server, name: str):
    with Prober(server) as prober:
        for _ in range(20):
            with connected(server) as client:
                client.sendall(post('{"n": 1}', f"{name}: {'a/b;q=1,' * 8_000}", "Connection: close"))
                assert read(client).startswith(b"HTTP/1.1 ")

    assert prober.longest_s < 1


@pytest.mark.parametrize(
    ("start", "drip"),
    [(b"GET /livez HTTP/1.1\r\n", b"a"), (post(" " * 99)[:-99], b" "), (b"\r\n", b"\r\n")],
    ids=["headers", "body", "line breaks"],
)
def test_a_request_that_comes_byte_by_byte_is_ended_in_time(server: Server, start: bytes, drip: bytes):
    with connected(server) as client:
        begin = time.monotonic()
        client.sendall(start)
        while not select.select([client], [], [], 0.1)[0] and time.monotonic() - begin < REQUEST_S + LATE_S:
            client.sendall(drip)
        answer = read(client)

    assert REQUEST_S <= time.monotonic() - begin < REQUEST_S + LATE_S
    if drip == b"\r\n":
        assert answer == b""  # no request has begun
    else:
        assert problem_of(answer)["status"] == 408
    assert "Traceback" not in server.log


def counter(server: Server, name: str) -> float:
    lines = server.get("/metrics")[1].decode().splitlines()
    return float(next(line for line in lines if line.startswith(f"zoetrope_{name}_total")).split()[1])


def is_open(client: socket.socket) -> bool:
    """Whether the server has not hung up, also where what it sent before is not read."""
    established = 1
    return client.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0] == established


def test_clients_that_do_not_read_are_dropped_with_their_pictures_and_memory(server: Server):
    """Before: each held its place for ever; 600 of them held a gigabyte."""
    before, dropped = server.resident_bytes(), counter(server, "images_dropped")
    with ExitStack() as stack:
        clients = []
        for _ in range(CLIENTS):
            clients.append(stack.enter_context(connected(server)))
            clients[-1].sendall(post(STREAMED))
        server.wait_until(lambda: not any(map(is_open, clients)), "dropping those clients")
        answers = [read(client) for client in clients]

    assert all(answer.startswith(b"HTTP/1.1 200 ") for answer in answers)
    assert all(len(answer) < STREAMED_BYTES for answer in answers)  # what was in the client's own kernel
    assert counter(server, "images_dropped") - dropped > CLIENTS * 8_500
    assert server.resident_bytes() - before < 2 * LARGEST_GROWTH_BYTES
    assert "Traceback" not in server.log


def test_a_slow_reader_is_served_to_the_end(server: Server):
    """It takes several times the timeout, but never stops."""
    begin = time.monotonic()
    with connected(server) as client:
        client.sendall(post(STREAMED.replace("10000", "2000"), "Connection: close"))
        answer = b""
        while piece := client.recv(8_192):
            answer += piece
            time.sleep(0.02)

    assert time.monotonic() - begin > 2 * WRITE_S
    assert np.load(io.BytesIO(answer.partition(b"\r\n\r\n")[2])).shape == (2_000, 12, 20, 3)


@pytest.fixture
def stopping(bundles: Path, tmp_path: Path) -> Iterator[Server]:
    """A service of its own for each test, with a client that has a request under way and does not read."""
    settings = {"ZOETROPE_SHUTDOWN_SECONDS": "4", "ZOETROPE_WRITE_TIMEOUT_SECONDS": "60"}
    with started(bundles, tmp_path / "log", ZOETROPE_DEFAULT_MODEL="grey", **settings) as server:
        server.wait_for("/readyz")
        yield server


def begin_answer(client: socket.socket, n: int = 10_000) -> bytes:
    """Ask for many pictures, and read no more than the first bytes of the answer."""
    client.sendall(post(STREAMED.replace("10000", str(n)), "Connection: close"))
    return client.recv(100)


def worker_of(server: Server) -> int:
    pid = server.process.pid
    return int(Path(f"/proc/{pid}/task/{pid}/children").read_text().split()[0])


def test_sigterm_refuses_what_is_new_and_ends_what_does_not_end(stopping: Server):
    """Before: `/readyz` was not answered, and one client that does not read kept the process alive for ever."""
    with connected(stopping) as stuck, connected(stopping) as idle:
        begin_answer(stuck)
        idle.sendall(b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n")
        alive = b""
        while not alive.endswith(b"\r\n\r\n\n"):
            alive += idle.recv(1_000)
        begin = time.monotonic()
        stopping.process.send_signal(signal.SIGTERM)
        stopping.wait_until(lambda: stopping.get("/readyz")[0] == 503, "not ready")
        assert stopping.get("/readyz")[1] == b"the service is stopping\n"
        state = json.loads(stopping.get("/status")[1])
        assert (state["state"], state["ready"], state["reason"]) == ("stopping", False, "the service is stopping")
        assert stopping.get("/livez")[0] == 200
        assert stopping.generate('{"n": 1}')[0] == 503
        assert time.monotonic() - begin < 4, "all that while the request under way goes on"
        idle.settimeout(1)
        assert idle.recv(1_000) == b""

        assert stopping.process.wait(4 + LATE_S) == 0
        assert time.monotonic() - begin >= 4
        assert "stopping: 1 requests took longer than that; their connections close" in stopping.log


def test_a_request_under_way_is_answered_to_its_end(stopping: Server):
    """Also after Ctrl-C, which a terminal sends to parent and worker, and the parent to the worker once more."""
    worker = worker_of(stopping)
    with connected(stopping) as client:
        answer = begin_answer(client, 1_000)
        for pid in (stopping.process.pid, worker):
            os.kill(pid, signal.SIGINT)
        time.sleep(0.5)
        answer += read(client)

    assert stopping.process.wait(LATE_S) == 0
    assert np.load(io.BytesIO(answer.partition(b"\r\n\r\n")[2])).shape == (1_000, 12, 20, 3)
    assert "took longer" not in stopping.log


def test_a_second_signal_ends_it_at_once(bundles: Path, tmp_path: Path):
    with started(bundles, tmp_path / "log", ZOETROPE_SHUTDOWN_SECONDS="60") as server:
        server.wait_for("/readyz")
        worker = worker_of(server)
        with connected(server) as stuck:
            begin_answer(stuck)
            server.process.send_signal(signal.SIGTERM)
            time.sleep(1.5)
            assert server.process.poll() is None
            server.process.send_signal(signal.SIGTERM)
            server.process.wait(LATE_S)

        assert not Path(f"/proc/{worker}").exists()
