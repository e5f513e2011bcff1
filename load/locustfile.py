"""The users of the load test, how often they request, and the shape of the load. Only Locust imports this file.

    profiles, server, answers, goals -> [locustfile] -> Locust -> HTTP -> Locust's statistics

    LOAD_PROFILE=steady locust -f load/locustfile.py --headless --host http://localhost:3000

Every answer is checked; a wrong one is a failure, in words. Statistics are kept by stage and kind of request,
"batches, first: npy of 1,024", so one run holds many measurements. Knows HTTP, and nothing of what draws.
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

from load.answers import check_headers, check_npy, check_png, contact_sheet_shape
from load.goals import BATCH_IMAGES, throughput_per_s
from load.profiles import PROFILES, REQUEST_TIMEOUT_S, SPAWN_PER_S, Stage, stage_at
from load.server import ServedModel, authorization, default_model

PROFILE = os.environ.get("LOAD_PROFILE", "smoke")
SHEET_IMAGES, CONSISTENCY_IMAGES = 64, 100
MAX_FAILURES = 200
"""So many say what there is to say; the run ends."""

Check = Callable[[bytes], str | None]
"""A body -> what is wrong with it, or None."""


class ProfileShape(LoadTestShape):
    """The stages of the profile, one after the other."""

    stage: Stage = PROFILES[PROFILE][0]
    requests_per_s: float | None = None
    """The rate at which all users of this stage request, together (open loop); None: without a pause (closed loop)."""

    def tick(self) -> tuple[int, float, list[type[FastHttpUser]]] | None:  # type: ignore[override]  # list is invariant
        """Called by Locust every second: how many users of which class."""
        stage = stage_at(PROFILE, self.get_run_time())  # type: ignore[no-untyped-call]
        if stage is None or self._stats.total.num_failures >= MAX_FAILURES:
            return None
        if stage.user_count and stage is not self.stage:
            self.stage = stage
            self.requests_per_s = self._half_rate_of(stage.half_rate_of) if stage.half_rate_of else None
        return stage.user_count, SPAWN_PER_S, [user for user in USER_CLASSES if user.__name__ in stage.user_classes]

    def _half_rate_of(self, name: str) -> float:
        (stage,) = (stage for stage in PROFILES[PROFILE] if stage.name == name)
        entries = self._stats.entries.values()
        found = (entry.num_reqs_per_sec for entry in entries if entry.name.startswith(f"{name}: "))
        return sum(throughput_per_s(per_second, stage.seconds) for per_second in found) / 2

    @property
    def _stats(self) -> Any:
        assert self.runner is not None, "Locust sets the runner before the first tick"
        return self.runner.environment.stats


class ServiceUser(FastHttpUser):
    """Requests, checks the answer, and requests again."""

    abstract = True
    network_timeout = REQUEST_TIMEOUT_S
    connection_timeout = REQUEST_TIMEOUT_S
    model: ServedModel

    def __init__(self, environment: Environment) -> None:
        # Locust's own pool reads 4 KiB at a time: an answer of 800 kB would wake it 200 times on a core it shares.
        self.client_pool = HTTPClientPool(
            concurrency=1,
            block_size=65_536,
            network_timeout=REQUEST_TIMEOUT_S,
            connection_timeout=REQUEST_TIMEOUT_S,
        )
        super().__init__(environment)
        self._due_s: float | None = None

    def on_start(self) -> None:
        """Begin after a wait of one's own, not all users at once."""
        time.sleep(self.wait_time())

    def wait_time(self) -> float:
        """Seconds until this user's next request: none, or exponentially distributed around the stage's rate."""
        shape: ProfileShape = self.environment.shape_class
        if shape.requests_per_s is None:
            self._due_s = None
            return 0.0
        now_s = time.monotonic()
        self._due_s = (self._due_s or now_s) + random.expovariate(shape.requests_per_s / shape.stage.user_count)
        return max(0.0, self._due_s - now_s)

    def generate(self, kind: str, check: Check, accept: str = "*/*", **fields: Any) -> bytes | None:
        """One POST /generate; the body if nothing is wrong with it, else None and a failure with words."""
        fields.setdefault("seed", random.getrandbits(64))
        with self.client.post(
            "/generate",
            json=fields,
            headers={"Accept": accept, **authorization()},
            name=f"{self.environment.shape_class.stage.name}: {kind}",
            catch_response=True,
        ) as answer:
            if self._due_s is not None:
                # Timed from the due time: else a stall would hide the requests due in it (coordinated omission).
                answer.request_meta["response_time"] = (time.monotonic() - self._due_s) * 1000
            body = answer.content or b""
            fault = _check_status(answer) or check_headers(answer.headers or {}, body, fields["seed"]) or check(body)
            if fault is None:
                return body
            answer.failure(fault)
            return None

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """Height, width and channels of an image."""
        return self.model.height, self.model.width, self.model.channels


class SingleImageUser(ServiceUser):
    """Requests one image, as a browser does."""

    weight = 8

    @task
    def single_image(self) -> None:
        """Any image of any seed."""
        start = random.getrandbits(32)
        self.generate("single image", lambda body: check_png(body, self.image_shape), "image/png", n=1, start=start)


class ContactSheetUser(ServiceUser):
    """Requests many images as one PNG."""

    weight = 2

    @task
    def contact_sheet(self) -> None:
        """A contact sheet of 8 by 8."""
        expected = contact_sheet_shape(SHEET_IMAGES, self.image_shape)
        self.generate("contact sheet of 64", lambda body: check_png(body, expected), n=SHEET_IMAGES, format="png")


class BatchUser(ServiceUser):
    """Requests arrays."""

    weight = 1

    @task
    def batch(self) -> None:
        """An array of 1,024."""
        expected = (BATCH_IMAGES, *self.image_shape)
        self.generate("npy of 1,024", lambda body: check_npy(body, expected), n=BATCH_IMAGES, format="npy")


class ConsistencyUser(ServiceUser):
    """Requests an array, then one of its images alone, and compares their bytes."""

    weight = 1

    @task
    def compare(self) -> None:
        """An address decides all of an image, whatever is drawn in the same batch."""
        seed, start, index = random.getrandbits(64), random.getrandbits(32), random.randrange(CONSISTENCY_IMAGES)
        size = self.model.height * self.model.width * self.model.channels
        expected = (CONSISTENCY_IMAGES, *self.image_shape)
        address: dict[str, Any] = {"seed": seed, "format": "npy"}
        many = self.generate(
            "npy of 100", lambda body: check_npy(body, expected), n=CONSISTENCY_IMAGES, start=start, **address
        )
        if many is None:
            return
        end = len(many) - (CONSISTENCY_IMAGES - 1 - index) * size

        def check(body: bytes) -> str | None:
            equal = body[-size:] == many[end - size : end]
            return check_npy(body, (1, *self.image_shape)) or (None if equal else "not the image that the array had")

        self.generate("one of the 100 again", check, n=1, start=start + index, **address)


USER_CLASSES: tuple[type[ServiceUser], ...] = (SingleImageUser, ContactSheetUser, BatchUser, ConsistencyUser)


@events.test_start.add_listener  # type: ignore[untyped-decorator]  # Locust's
def read_default_model(environment: Environment, **_: Any) -> None:
    """What a right answer looks like depends on the model."""
    assert environment.host is not None, "--host is given"
    ServiceUser.model = default_model(environment.host)


def _check_status(answer: ResponseContextManager) -> str | None:
    if answer.status_code == 200:
        return None
    if answer.status_code == 0:
        return f"no answer: {getattr(answer, 'error', None)!r}"
    return f"status {answer.status_code}: {(answer.text or '')[:200]}"
