"""A service of this process whose trainer is the test: it takes what the page asks for, and says how it goes."""

import json
import sqlite3
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from service.app import App
from support.hosted import free_port, hosted
from support.in_process import started_app
from support.untrained import write_untrained


@dataclass
class Trainer:
    """A service at `url`, and what a trainer says to it. `folder` has models/, all of noise, runs/ and pictures/."""

    folder: Path
    app: App
    url: str
    model: str = "grey"
    """The one that is graded."""
    task: dict | None = None
    """What was taken last, with its lease."""
    serving: ExitStack = field(default_factory=ExitStack)

    @property
    def _port(self) -> int:
        return int(self.url.rpartition(":")[2])

    def start_service(self) -> None:
        """Let it answer."""
        self.serving.enter_context(hosted(self.app, self._port))

    def stop_service(self) -> None:
        """Let it answer no more, until it is started again."""
        self.serving.close()

    def ask(self, path: str, body: Any = None) -> Any:
        """JSON of the service."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, {"content-type": "application/json"})
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)

    def grade(self, count: int, grader: str) -> None:
        """As the page does it."""
        picture = {"model": self.model, "version": self.version, "seed": 5, "score": 0.5, "grader": grader}
        self.ask("/ratings", [picture | {"index": at} for at in range(count)])

    @property
    def version(self) -> str:
        """The current one of the model."""
        return self.ask(f"/models/{self.model}")["card"]["version"]

    def take(self, lease_seconds: float = 60) -> dict:
        """What the page has asked for."""
        self.task = self.ask("/trainer/take", {"trainer": "desk", "lease_seconds": lease_seconds})["training"]
        assert self.task is not None
        return self.task

    def say(self, state: str, **facts: Any) -> None:
        """How far it is, or how it ended."""
        assert self.task is not None
        body = {"lease": self.task["lease"], "state": state, **facts}
        self.ask(f"/trainer/trainings/{self.task['id']}", body)

    def forget(self) -> None:
        """Leave nothing open, and let it be a while since a trainer was here."""
        while task := self.ask("/trainer/take", {"trainer": "desk"})["training"]:
            self.task = task
            self.say("failed", reason="Nothing more comes of it.")
        with closing(sqlite3.connect(self.folder / "grades.db")) as database, database:
            database.execute("DELETE FROM trainers")

    def write_version(self, seed: int, models: str = "models") -> str:
        """A new version of the model, as a round writes it, where the service finds it or `elsewhere`."""
        return write_untrained(self.folder / models / self.model, 8, 8, 1, code_size=5, seed=seed).card.version


@contextmanager
def hosted_trainer(folder: Path, models: Sequence[str] = ("grey",), **settings: object) -> Iterator[Trainer]:
    """A service with models of noise, in `folder`; it looks at them often."""
    for name in ("runs", "pictures"):
        (folder / name).mkdir()
    for name in models:
        write_untrained(folder / "models" / name, 8, 8, 1, code_size=5, seed=1)
    grades = f"sqlite:///{folder / 'grades.db'}"
    places = {"runs": folder / "runs", "pictures": folder / "pictures", "renew_seconds": 0.2}
    app = started_app(folder / "models", grades, **{**places, **settings})
    one = Trainer(folder, app, f"http://127.0.0.1:{free_port()}")
    with one.serving:
        one.start_service()
        yield one
    app.stop()
