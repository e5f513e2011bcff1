"""A person and a trainer at a real service: what they ask for, and what came of it.

STUDIO_THREADS says with how many threads trainers compute, and the commands that do the same: 1, or as many as cores.
"""

import io
import json
import os
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
from PIL import Image

from models.bundle import open_bundle
from support.labelled import real_digits
from support.serving import ROOT, Server, started
from training.feedback.simulation import SimulatedGrader

WITHIN_S = 300
_ENDS_WITHIN_S = 30
_COMPUTES = ("--threads", os.environ.get("STUDIO_THREADS", "1"), "--device", "cpu")


class Learner:
    """A service of models, and what a person and trainers do with it."""

    def __init__(self, server: Server, folder: Path, key: str | None = None) -> None:
        self.server, self.folder, self.key = server, folder, key
        self._trainers: list[subprocess.Popen] = []

    def ask(self, path: str, body: Any = None) -> Any:
        headers = {"content-type": "application/json"} | ({"authorization": f"Bearer {self.key}"} if self.key else {})
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.server.url + path, data, headers)
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)

    def grade(self, count: int = 200) -> None:
        """As the page does it, by one who likes sevens."""
        grader = SimulatedGrader(real_digits(), "7", flips=0.05, seed=0)
        batch = self.ask(f"/ratings/batch?model=digits&n={count}&grader=sim")["pictures"]
        drawn = [np.array(Image.open(io.BytesIO(self.server.get("/" + one["url"])[1])).convert("L")) for one in batch]
        scores = grader.grade(np.stack(drawn)[..., None])
        fields = ("model", "version", "seed", "index", "label", "truncation")
        self.ask(
            "/ratings",
            [
                {"id": str(uuid4()), "score": float(score), "grader": "sim", **{name: one[name] for name in fields}}
                for one, score in zip(batch, scores, strict=True)
            ],
        )

    def trainer(self, log: str, *options: str, prefix: tuple[str, ...] = (), **environment: str) -> subprocess.Popen:
        """Start one; `end_trainers` ends it."""
        command = [*prefix, sys.executable, "-m", "training", "trainer", "--service", self.server.url, *options]
        variables = os.environ | {"PYTHONPATH": str(ROOT), "ZOETROPE_MODELS": str(self.folder / "models")} | environment
        with (self.folder / log).open("w") as file:
            process = subprocess.Popen(
                [*command, *_COMPUTES], cwd=self.folder, env=variables, stdout=file, stderr=subprocess.STDOUT
            )
        self._trainers.append(process)
        return process

    def end_trainers(self) -> None:
        """End those that still run; also those that do not hear of it."""
        for process in self._trainers:
            process.terminate()
        for process in self._trainers:
            try:
                process.wait(_ENDS_WITHIN_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def by_command(self, *options: str, name: str = "digits", pictures: str = "digits", run: str = "by-hand") -> str:
        """The version that `finetune` makes of the copy of a model in other/, of the same grades."""
        model = self.folder / "other" / name
        places = ["--from", model, "--ratings", self.server.url, "--run", f"runs/{run}"]
        done = subprocess.run(
            [sys.executable, "-m", "training", "finetune", pictures, *places, *options, *_COMPUTES],
            cwd=self.folder, env=os.environ | {"PYTHONPATH": str(ROOT)}, capture_output=True, text=True,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        return open_bundle(model).card.version

    def until(self, asked: str, *states: str, shown: int = 0) -> dict:
        end = time.monotonic() + WITHIN_S
        while time.monotonic() < end:
            try:
                found = self.ask(f"/rounds/{asked}")
            except (OSError, urllib.error.HTTPError):
                found = {"state": "away"}
            if found["state"] in states and (found["progress"]["images_shown"] or 0) >= shown:
                return found
            time.sleep(0.2)
        raise AssertionError(f"{found}\n{[path.read_text() for path in self.folder.glob('*.log')]}\n{self.server.log}")


@contextmanager
def started_learner(folder: Path, models: Path, key: str | None = None, **environment: str) -> Iterator[Learner]:
    """A service that is ready, of a copy of these models; at the end no trainer runs on.

    Args:
        key: that is sent with what is asked for.
        environment: further settings of the service.
    """
    shutil.copytree(models, folder / "models", dirs_exist_ok=True)
    with started(folder / "models", folder / "log", **environment) as server:
        learner = Learner(server, folder, key)
        try:
            server.wait_for("/readyz")
            yield learner
        finally:
            learner.end_trainers()
