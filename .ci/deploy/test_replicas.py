"""Two services behind nginx are one: restarted in turn, killed, unlike, and with a cache in front.

    nginx (deploy/nginx.conf) -> two `bentoml serve` -> PostgreSQL

Real processes on free ports of this machine. A client compares every byte that it gets
with what was drawn before. Part of .ci/run and not of `make test`: it takes a minute
or two, and nginx must be installed; where it is not it says so, and in CI that is a
failure. What a cache and a second service are worth is measured by measure.py.
"""

import io
import itertools
import json
import os
import signal
import threading
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from email.message import Message
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from support.databases import Postgres
from support.hosted import free_port
from support.nginx import program, running
from support.serving import ROOT, Server, started

from models import open_model

SECRET = "0123456789abcdef0123456789abcdef"
CLIENTS, IMAGES, SEED = 4, 8, 7
LONGEST_REQUEST_S = 60
MODELS = ("mnist",)


class Replicas:
    """Two services and nginx in front of them.

    Args:
        folder: of models, logs and the cache.
        grades: the database that both share.
    """

    def __init__(self, folder: Path, grades: str) -> None:
        self.folder, self._grades = folder, grades
        self.models = folder / "models"
        self.models.mkdir()
        for name in MODELS:
            (self.models / name).symlink_to(ROOT / "models" / name)
        self.ports = free_port(), free_port()
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.servers: dict[int, Server] = {}
        self._stack, self._starts = ExitStack(), itertools.count()

    def __enter__(self) -> "Replicas":
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def start(self, at: int, **settings: str) -> Server:
        """Start one of the two, which need not be ready yet."""
        log = self.folder / f"replica-{next(self._starts)}"
        log.mkdir()
        settings = {
            "ZOETROPE_GRADES": self._grades,
            "ZOETROPE_PROXIES": "127.0.0.1",
            "ZOETROPE_KEYS": f"ann:draw,rate,admin:{SECRET}",
            "ZOETROPE_THREADS": "1",
            "ZOETROPE_GRADES_PER_MINUTE": "1000000",
            **settings,
        }
        server = self._stack.enter_context(started(self.models, log / "serve.log", port=self.ports[at], **settings))
        self.servers[at] = server
        return server

    def start_both(self, **settings: str) -> None:
        """Start both, and nginx; until they are ready."""
        for server in [self.start(at, **settings) for at in (0, 1)]:
            server.wait_for("/readyz")
        self.front()

    def front(self) -> None:
        """Start nginx."""
        self.nginx = self._stack.enter_context(running(self.folder, self.port, self.ports))


@pytest.fixture
def replicas(postgres: Postgres, tmp_path: Path) -> Iterator[Replicas]:
    """Not started."""
    if program() is None:
        reason = "no nginx here: apt-get install nginx-light"
        pytest.fail(reason) if os.environ.get("CI") == "true" else pytest.skip(reason)
    with Replicas(tmp_path, postgres.database()) as replicas:
        yield replicas


def ask(url: str, body: Any = None, **headers: str) -> tuple[int, Message, bytes]:
    """Status, headers and body of a GET, or of a POST of JSON with the key; a body that is cut short is an error."""
    data = None if body is None else json.dumps(body).encode()
    given = {"Authorization": f"Bearer {SECRET}", "Content-Type": "application/json"} if data else {}
    request = urllib.request.Request(url, data, {**given, **headers})
    try:
        with urllib.request.urlopen(request, timeout=LONGEST_REQUEST_S) as response:
            return response.status, response.headers, response.read()
    except urllib.error.HTTPError as error:
        return error.code, error.headers, error.read()


@dataclass
class Load:
    """People who draw, look and grade, each without a pause, and what they got."""

    url: str
    version: str
    expected: np.ndarray
    """The pictures of the seed from index 0 on: (N, H, W, C) uint8."""
    answered: int = 0
    wrong: int = 0
    failed: list[str] = field(default_factory=list)
    graded: list[str] = field(default_factory=list)
    _stopped: threading.Event = field(default_factory=threading.Event)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @contextmanager
    def going_on(self) -> Iterator["Load"]:
        """Within the block."""
        threads = [threading.Thread(target=self._ask_on, args=(at,), daemon=True) for at in range(CLIENTS)]
        for thread in threads:
            thread.start()
        try:
            self.wait_for(self.answered + 20)
            yield self
            self.wait_for(self.answered + 20)
        finally:
            self._stopped.set()
            for thread in threads:
                thread.join(LONGEST_REQUEST_S)

    def wait_for(self, count: int) -> None:
        """Until so many requests are answered."""
        end = time.monotonic() + 2 * LONGEST_REQUEST_S
        while self.answered < count:
            assert time.monotonic() < end, f"{self.answered} of {count} requests were answered, then none"
            time.sleep(0.05)

    def _ask_on(self, at: int) -> None:
        kinds: tuple[Callable[[int], None], ...] = (self._draw, self._look, self._grade)
        for turn in itertools.count():
            if self._stopped.is_set():
                return
            start = (at * 1_000 + turn * IMAGES) % (len(self.expected) - IMAGES)
            try:
                kinds[turn % len(kinds)](start)
                with self._lock:
                    self.answered += 1
            except Exception as error:
                with self._lock:
                    self.failed.append(f"{kinds[turn % len(kinds)].__name__}: {type(error).__name__}: {error}")

    def _draw(self, start: int) -> None:
        fields = {"n": IMAGES, "seed": SEED, "start": start, "format": "npy"}
        status, _, body = ask(f"{self.url}/generate", fields)
        assert status == 200, (status, body[:200])
        header = len(body) - IMAGES * self.expected[0].size
        self.wrong += body[header:] != self.expected[start : start + IMAGES].tobytes()

    def _look(self, start: int) -> None:
        status, _, body = ask(f"{self.url}/models/mnist/{self.version}/images/{SEED}/{start}.png")
        assert status == 200, (status, body[:200])
        with Image.open(io.BytesIO(body)) as image:
            self.wrong += not np.array_equal(np.asarray(image), self.expected[start, ..., 0])

    def _grade(self, start: int) -> None:
        one = str(uuid.uuid4())
        address = {"model": "mnist", "version": self.version, "seed": SEED, "index": start}
        status, _, body = ask(f"{self.url}/ratings", [{"id": one, **address, "score": 0.5, "grader": "ann"}])
        assert status in (200, 201), (status, body[:200])
        with self._lock:
            self.graded.append(one)


@pytest.fixture(scope="module")
def expected() -> np.ndarray:
    """What every replica draws."""
    return open_model(ROOT / "models" / "mnist", "onnxruntime", "float32").generate(seed=SEED, n=2_000)


@pytest.fixture
def load(replicas: Replicas, expected: np.ndarray) -> Load:
    """On both services, which are started for it."""
    replicas.start_both()
    version = json.loads(ask(f"{replicas.url}/models/mnist")[2])["card"]["version"]
    return Load(replicas.url, version, expected)


def kept_grades(replicas: Replicas) -> list[str]:
    """The ids of all grades in the database."""
    text = ask(f"{replicas.url}/ratings", Authorization=f"Bearer {SECRET}", Accept="text/csv")[2].decode()
    header, *rows = text.splitlines()
    at = header.split(",").index("id")
    return [row.split(",")[at] for row in rows]


def test_a_rolling_restart_fails_no_request_and_loses_no_grade(replicas: Replicas, load: Load):
    with load.going_on():
        for at in (0, 1):
            replicas.servers[at].process.send_signal(signal.SIGTERM)
            assert replicas.servers[at].process.wait(40) == 0
            load.wait_for(load.answered + 20)  # the other one alone
            replicas.start(at).wait_for("/readyz")
            load.wait_for(load.answered + 20)
    kept = kept_grades(replicas)

    assert load.failed == []
    assert load.wrong == 0
    assert sorted(kept) == sorted(load.graded)


def test_one_that_is_killed_gives_no_wrong_byte(replicas: Replicas, load: Load):
    """What it was answering at that moment is answered by the other one, or not at all."""
    with load.going_on():
        killed = replicas.servers[0]
        for pid in (killed.process.pid, killed.worker):
            os.kill(pid, signal.SIGKILL)
        load.wait_for(load.answered + 60)

    assert load.wrong == 0
    assert len(load.failed) <= CLIENTS, load.failed
    assert set(kept_grades(replicas)) >= set(load.graded)


def test_replicas_that_differ_are_told_and_refused_by_the_setting(replicas: Replicas):
    pytest.importorskip("openvino")
    first = replicas.start(0)
    first.wait_for("/readyz")
    (model,) = json.loads(first.get("/status")[1])["models"]
    second = replicas.start(1, ZOETROPE_ENGINE="openvino", ZOETROPE_FINGERPRINT=model["fingerprint"])
    second.wait_until(lambda: b"found fingerprint" in second.get("/readyz")[1], "refused")
    status = json.loads(second.get("/status")[1])
    replicas.front()
    answers = [ask(f"{replicas.url}/generate", {"n": 2, "seed": SEED, "format": "npy"}) for _ in range(10)]

    assert model["engine"].startswith("onnxruntime-")
    assert not status["ready"]
    assert "openvino-" in status["refused"][0]["reason"]
    assert {(code, headers["X-Engine"], body) for code, headers, body in answers} == {
        (200, model["engine"], answers[0][2])
    }


def test_a_permanent_url_is_drawn_once_and_then_comes_from_the_cache(replicas: Replicas):
    replicas.start_both()
    version = json.loads(ask(f"{replicas.url}/models/mnist")[2])["card"]["version"]
    url = f"{replicas.url}/models/mnist/{version}/images/7/3.png"
    (_, first, drawn), (_, second, kept) = ask(url), ask(url)
    unchanged, _, _ = ask(url, **{"If-None-Match": first["ETag"]})
    for server in replicas.servers.values():
        server.process.terminate()
        server.process.wait(40)
    without, _, still = ask(url)

    assert (first["X-Cache"], second["X-Cache"]) == ("MISS", "HIT")
    assert first["Cache-Control"] == "public, max-age=31536000, immutable"
    assert drawn == kept == still
    assert (unchanged, without) == (304, 200)


def test_what_needs_a_key_is_not_kept_for_those_without(replicas: Replicas):
    replicas.start_both(ZOETROPE_DRAW_NEEDS_KEY="true")
    version = json.loads(ask(f"{replicas.url}/models/mnist")[2])["card"]["version"]
    url = f"{replicas.url}/models/mnist/{version}/images/7/3.png"
    with_key = [ask(url, Authorization=f"Bearer {SECRET}") for _ in range(2)]

    assert [(code, headers["X-Cache"]) for code, headers, _ in with_key] == [(200, "MISS")] * 2
    assert ask(url)[0] == 401


def test_the_service_knows_by_which_name_it_is_reached(replicas: Replicas):
    replicas.start_both()
    fields = {"prompt": "7", "response_format": "url"}
    (answer,) = json.loads(ask(f"{replicas.url}/v1/images/generations", fields)[2])["data"]

    assert answer["url"].startswith(f"{replicas.url}/models/mnist/")
    assert ask(answer["url"])[0] == 200
