"""A person and a trainer at a real service of digits that were learned: what they ask for, and what came of it."""

import io
import json
import os
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
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


class Learner:
    """A service of the learned digits, and what a person and a trainer do with it."""

    def __init__(self, server: Server, folder: Path, key: str | None = None) -> None:
        self.server, self.folder, self.key = server, folder, key

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
        command = [*prefix, sys.executable, "-m", "training", "trainer", "--service", self.server.url, *options]
        variables = os.environ | {"PYTHONPATH": str(ROOT), "ZOETROPE_MODELS": str(self.folder / "models")} | environment
        with (self.folder / log).open("w") as file:
            return subprocess.Popen(
                [*command, "--threads", "1", "--device", "cpu"],
                cwd=self.folder, env=variables, stdout=file, stderr=subprocess.STDOUT,
            )  # fmt: skip

    def by_command(self, *options: str) -> str:
        """The version that `finetune` makes of a copy of the model, of the same grades."""
        model = self.folder / "other" / "digits"
        command = [
            "finetune",
            "digits",
            "--from",
            model,
            "--ratings",
            self.server.url,
            "--run",
            "runs/by-hand",
            *options,
        ]
        subprocess.run(
            [sys.executable, "-m", "training", *command, "--threads", "1", "--device", "cpu"],
            cwd=self.folder, env=os.environ | {"PYTHONPATH": str(ROOT)}, check=True,
        )  # fmt: skip
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


def started_learner(folder: Path, models: Path, **environment: str) -> Any:
    shutil.copytree(models, folder / "models", dirs_exist_ok=True)
    return started(folder / "models", folder / "log", **environment)
