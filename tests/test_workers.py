"""Two workers on one port are one service: bytes, grades, rounds, metrics and status; one that is killed is replaced.

As in a container, where the end of an only worker ends the service, and that of one of two does not.
"""

import http.client
import json
import os
import re
import shutil
import signal
import threading
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from support.serving import Server, started

pytestmark = pytest.mark.slow

SECRET = "0123456789abcdef0123456789abcdef"
HEADERS = {"Authorization": f"Bearer {SECRET}", "Content-Type": "application/json"}
PICTURES = {"n": 70, "seed": 7, "format": "npy"}


class Client:
    """A connection that stays open, and so stays with one worker."""

    def __init__(self, server: Server) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
        self.worker = self.json("/status")["worker"]

    def send(self, path: str, body: Any = None) -> tuple[int, bytes]:
        """GET, or POST of JSON: status and body."""
        data = None if body is None else json.dumps(body)
        self._connection.request("POST" if data else "GET", path, data, HEADERS)
        response = self._connection.getresponse()
        return response.status, response.read()

    def json(self, path: str, body: Any = None) -> Any:
        """The JSON of an answer that says that all went well."""
        status, answer = self.send(path, body)
        assert status < 300, answer
        return json.loads(answer)

    def metric(self, name: str) -> float:
        """One of the metrics without labels."""
        found = re.search(rf"^{name} (\S+)$", self.send("/metrics")[1].decode(), re.M)
        assert found, name
        return float(found[1])

    def close(self) -> None:
        self._connection.close()


@pytest.fixture(scope="module")
def server(bundles: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Two workers that draw with `grey`."""
    folder = tmp_path_factory.mktemp("workers")
    shutil.copytree(bundles / "grey", folder / "models" / "grey")
    settings = {
        "ZOETROPE_WORKERS": "2",
        "ZOETROPE_DEFAULT_MODEL": "grey",
        "ZOETROPE_KEYS": f"ann:draw,rate,admin:{SECRET}",
        "ZOETROPE_RENEW_SECONDS": "0.2",
        "BENTOML_CONTAINERIZED": "true",
    }
    with started(folder / "models", folder / "log", **settings) as server:
        yield server


def states(server: Server) -> list[str]:
    return [one["state"] for one in json.loads(server.get("/status")[1])["workers"]]


@pytest.fixture
def both(server: Server) -> Iterator[list[Client]]:
    """A client of each worker, in the order of their numbers."""
    server.wait_until(lambda: states(server) == ["ready", "ready"], "ready with both workers")
    found: dict[int, Client] = {}
    opened = []
    while len(found) < 2 and len(opened) < 20:
        opened.append(Client(server))
        found.setdefault(opened[-1].worker, opened[-1])
    assert sorted(found) == [1, 2], "each has taken connections"
    yield [found[1], found[2]]
    for one in opened:
        one.close()


def test_both_draw_the_same_bytes(both: list[Client]):
    first, second = (one.send("/generate", PICTURES) for one in both)

    assert first == second
    assert first[0] == 200


def test_the_status_of_each_names_both_with_what_they_have(both: list[Client], server: Server):
    for client in both:
        found = client.json("/status")
        assert (found["state"], found["ready"], found["worker"]) == ("ready", True, client.worker)
        assert [one["number"] for one in found["workers"]] == [1, 2]
        assert sorted(one["pid"] for one in found["workers"]) == sorted(server.workers)
        assert {one["threads"] for one in found["workers"]} == {max(1, len(os.sched_getaffinity(0)) // 2)}
        for one in found["workers"]:
            assert (one["state"], one["reason"]) == ("ready", None)
            assert one["connections"] >= 1
            assert f"grey@{found['models'][-1]['version']}" in one["models"]


def test_metrics_are_sums_over_both(both: list[Client]):
    before = [one.metric("zoetrope_images_drawn_total") for one in both]
    for client, n in zip(both, (5, 11), strict=True):
        assert client.send("/generate", {"n": n, "format": "npy"})[0] == 200

    assert before[0] == before[1]
    assert [one.metric("zoetrope_images_drawn_total") for one in both] == [before[0] + 16] * 2
    assert [one.metric("zoetrope_workers_ready") for one in both] == [2, 2]


def test_grades_of_both_are_in_one_database(both: list[Client]):
    version = both[0].json("/models/grey")["card"]["version"]

    def grade(index: int) -> dict[str, Any]:
        address = {"model": "grey", "version": version, "seed": 7, "index": index}
        return {**address, "id": str(uuid.uuid4()), "score": 0.5, "grader": "ann"}

    grades = [grade(0), grade(1)]
    for client, one in zip(both, grades, strict=True):
        client.json("/ratings", [one])
    for client in both:
        assert client.json("/ratings/summary")["grades"] == 2
        assert client.json("/ratings", grades)["known"] == 2, "each knows what the other has stored"


def test_a_round_that_one_was_asked_for_is_taken_from_the_other_once(both: list[Client]):
    first, second = both
    asked = first.json("/rounds", {"model": "grey"})
    taken = second.json("/trainer/take", {"trainer": "desk"})["training"]

    assert taken["id"] == asked["id"]
    assert first.json("/trainer/take", {"trainer": "shelf"})["training"] is None, "its lease is the other's"
    assert first.json(f"/rounds/{asked['id']}")["state"] == "taken"
    report = {"lease": taken["lease"], "state": "failed", "reason": "a test"}
    first.json(f"/trainer/trainings/{asked['id']}", report)
    assert second.json(f"/rounds/{asked['id']}")["state"] == "failed"


def test_both_take_up_a_model_that_comes_later(both: list[Client], server: Server, bundles: Path):
    shutil.copytree(bundles / "colour", server.runs.parent / "models" / "colour")

    def have_it() -> bool:
        workers = json.loads(server.get("/status")[1])["workers"]
        return all(any(name.startswith("colour@") for name in one["models"]) for one in workers)

    server.wait_until(have_it, "drawing with it in both")
    first, second = (one.send("/generate", {**PICTURES, "model": "colour"}) for one in both)
    assert first == second
    assert first[0] == 200


@dataclass
class Load:
    """Requests for the same pictures, each over a connection of its own, until it is stopped."""

    server: Server
    expected: bytes
    answers: int = 0
    wrong: list[tuple[int, bytes]] = field(default_factory=list)
    cut: int = 0
    stopped: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        while not self.stopped.is_set():
            try:
                status, body = self.server.generate(json.dumps(PICTURES))
            except (OSError, http.client.HTTPException):
                self.cut += 1  # its worker was killed
                continue
            self.answers += 1
            if (status, body) != (200, self.expected):
                self.wrong.append((status, body[:200]))


def test_one_that_is_killed_under_load_is_replaced_while_the_other_answers(both: list[Client], server: Server):
    survivor, victim = both
    _, expected = survivor.send("/generate", PICTURES)
    pids = {one["number"]: one["pid"] for one in survivor.json("/status")["workers"]}
    starts, drawn = (survivor.metric(f"zoetrope_{name}_total") for name in ("worker_starts", "images_drawn"))
    loads = [Load(server, expected) for _ in range(2)]
    threads = [threading.Thread(target=load.run) for load in loads]
    for thread in threads:
        thread.start()
    os.kill(pids[victim.worker], signal.SIGKILL)
    seen = set()

    def is_replaced() -> bool:
        assert survivor.send("/generate", PICTURES) == (200, expected), "its client notices nothing"
        assert survivor.send("/readyz")[0] == 200
        (other,) = (one for one in survivor.json("/status")["workers"] if one["number"] == victim.worker)
        seen.add(other["state"])
        return other["pid"] not in (None, pids[victim.worker]) and other["state"] == "ready"

    server.wait_until(is_replaced, "replaced")
    for load, thread in zip(loads, threads, strict=True):
        load.stopped.set()
        thread.join()

    assert "starting" in seen
    assert min(load.answers for load in loads) > 0
    assert [load.wrong for load in loads] == [[], []], "none goes to a worker that loads its models"
    assert sum(load.cut for load in loads) <= 2, "those that it was answering"
    assert survivor.metric("zoetrope_worker_starts_total") == starts + 1
    assert survivor.metric("zoetrope_images_drawn_total") > drawn, "a sum over workers never falls"
    assert f"the worker {pids[victim.worker]} ended by signal 9; another one starts" in server.log


def test_one_that_is_told_to_stop_is_replaced_too_and_the_whole_stops_as_one(server: Server):
    """The last test of this server."""
    before = {one["pid"] for one in json.loads(server.get("/status")[1])["workers"]}
    (first, _) = sorted(before)
    os.kill(first, signal.SIGTERM)

    def is_replaced() -> bool:
        workers = json.loads(server.get("/status")[1])["workers"]
        return first not in {one["pid"] for one in workers} and [one["state"] for one in workers] == ["ready"] * 2

    server.wait_until(is_replaced, "replaced")
    server.process.terminate()
    assert server.process.wait(60) == 0
    assert "Traceback" not in server.log
