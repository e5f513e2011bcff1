"""What people want, how often they ask, and the shape of the load. Only Locust imports this file.

    stages -> [locustfile] -> HTTP -> answers -> Locust's figures

    LOAD_PROFILE=steady locust -f load/locustfile.py --headless --host http://localhost:3000

Every answer is looked into; a wrong one is a failure, with words. Figures are kept by stage and kind,
"batches alone: npy of 1,024", so one run holds many measurements. Knows HTTP, and nothing of what draws.
"""

from locust import FastHttpUser, LoadTestShape, events, task

import os
import random
import time
from collections.abc import Callable
from typing import Any

from geventhttpclient.client import HTTPClientPool
from locust.contrib.fasthttp import ResponseContextManager
from locust.env import Environment

from load.answers import headers_fault, npy_fault, png_fault, sheet_shape
from load.goals import BATCH_IMAGES, rate_per_s
from load.server import Drawer, default_drawer
from load.profiles import ANSWER_WITHIN_S, PROFILES, SPAWN_PER_S, Stage, stage_at

PROFILE = os.environ.get("LOAD_PROFILE", "smoke")
SHEET_IMAGES, DOUBTED_IMAGES = 64, 100
ENOUGH_FAILURES = 200
"""So many say what there is to say; the run ends."""

Fault = Callable[[bytes], str | None]


class Played(LoadTestShape):
    """The stages of the profile, one after the other."""

    stage: Stage = PROFILES[PROFILE][0]
    asks_per_s: float | None = None
    """How often all people of this stage ask, together; as often as they can, if None."""

    def tick(self) -> tuple[int, float, list[type[FastHttpUser]]] | None:
        """Called by Locust every second: how many people of which kind."""
        stage = stage_at(PROFILE, self.get_run_time())
        stats = self.runner.environment.stats
        if stage is None or stats.total.num_failures >= ENOUGH_FAILURES:
            return None
        if stage.people and stage is not self.stage:
            self.stage = stage
            self.asks_per_s = self._half_of(stage.half_of) if stage.half_of else None
        return stage.people, SPAWN_PER_S, [person for person in PEOPLE if person.__name__ in stage.who]

    def _half_of(self, name: str) -> float:
        (stage,) = (stage for stage in PROFILES[PROFILE] if stage.name == name)
        entries = self.runner.environment.stats.entries.values()
        found = (entry.num_reqs_per_sec for entry in entries if entry.name.startswith(f"{name}: "))
        return sum(rate_per_s(per_second, stage.seconds) for per_second in found) / 2


class Person(FastHttpUser):
    """Someone who asks, looks at the answer, and asks again."""

    abstract = True
    network_timeout = ANSWER_WITHIN_S
    connection_timeout = ANSWER_WITHIN_S
    drawer: Drawer

    def __init__(self, environment: Environment) -> None:
        # Locust's own pool reads 4 KiB at a time: an answer of 800 kB would wake it 200 times on a core it shares.
        self.client_pool = HTTPClientPool(
            concurrency=1, block_size=65_536, network_timeout=ANSWER_WITHIN_S, connection_timeout=ANSWER_WITHIN_S
        )
        super().__init__(environment)
        self._due_s: float | None = None

    def on_start(self) -> None:
        """Come at a time of one's own, not all at once."""
        time.sleep(self.wait_time())

    def wait_time(self) -> float:
        """Seconds until this person asks again: none, or as chance has it, so that all ask at the stage's rate."""
        played: Played = self.environment.shape_class
        if played.asks_per_s is None:
            self._due_s = None
            return 0.0
        now_s = time.monotonic()
        self._due_s = (self._due_s or now_s) + random.expovariate(played.asks_per_s / played.stage.people)
        return max(0.0, self._due_s - now_s)

    def ask(self, kind: str, fault: Fault, accept: str = "*/*", **question: Any) -> bytes | None:
        """One question; its answer if nothing is wrong with it, else a failure with words."""
        question.setdefault("seed", random.getrandbits(64))
        with self.client.post(
            "/generate",
            json=question,
            headers={"Accept": accept},
            name=f"{self.environment.shape_class.stage.name}: {kind}",
            catch_response=True,
        ) as answer:
            if self._due_s is not None:
                # Waiting for one's turn counts: a stall would hide those who would have asked in it.
                answer.request_meta["response_time"] = (time.monotonic() - self._due_s) * 1000
            body = answer.content or b""
            words = _refusal(answer) or headers_fault(answer.headers or {}, body, question["seed"]) or fault(body)
            if words is None:
                return body
            answer.failure(words)
            return None

    @property
    def picture(self) -> tuple[int, int, int]:
        """Height, width and channels of a picture."""
        return self.drawer.height, self.drawer.width, self.drawer.channels


class OnePicture(Person):
    """Wants a picture, as a browser does."""

    weight = 8

    @task
    def look(self) -> None:
        """Any picture of any seed."""
        start = random.getrandbits(32)
        self.ask("one picture", lambda body: png_fault(body, self.picture), "image/png", n=1, start=start)


class Sheet(Person):
    """Wants to see many at once."""

    weight = 2

    @task
    def look(self) -> None:
        """A sheet of 8 by 8."""
        expected = sheet_shape(SHEET_IMAGES, self.picture)
        self.ask("sheet of 64", lambda body: png_fault(body, expected), n=SHEET_IMAGES, format="png")


class Batch(Person):
    """Wants numbers to work with."""

    weight = 1

    @task
    def fetch(self) -> None:
        """An array of 1,024."""
        expected = (BATCH_IMAGES, *self.picture)
        self.ask("npy of 1,024", lambda body: npy_fault(body, expected), n=BATCH_IMAGES, format="npy")


class Doubter(Person):
    """Asks for many, and then for one of them alone: it must be the same to the byte."""

    weight = 1

    @task
    def compare(self) -> None:
        """An address says all of a picture, whatever is drawn beside it."""
        seed, start, index = random.getrandbits(64), random.getrandbits(32), random.randrange(DOUBTED_IMAGES)
        size = self.drawer.height * self.drawer.width * self.drawer.channels
        expected = (DOUBTED_IMAGES, *self.picture)
        address: dict[str, Any] = {"seed": seed, "format": "npy"}
        many = self.ask("npy of 100", lambda body: npy_fault(body, expected), n=DOUBTED_IMAGES, start=start, **address)
        if many is None:
            return
        end = len(many) - (DOUBTED_IMAGES - 1 - index) * size

        def fault(body: bytes) -> str | None:
            same = body[-size:] == many[end - size : end]
            return npy_fault(body, (1, *self.picture)) or (None if same else "not the picture that the array had")

        self.ask("one of them again", fault, n=1, start=start + index, **address)


PEOPLE = (OnePicture, Sheet, Batch, Doubter)


@events.test_start.add_listener
def look_at_the_model(environment: Environment, **_: Any) -> None:
    """What a right answer looks like depends on who draws."""
    Person.drawer = default_drawer(environment.host)


def _refusal(answer: ResponseContextManager) -> str | None:
    if answer.status_code == 200:
        return None
    if answer.status_code == 0:
        return f"no answer: {getattr(answer, 'error', None)!r}"
    return f"status {answer.status_code}: {(answer.text or '')[:200]}"
