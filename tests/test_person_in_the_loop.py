"""A person grades over HTTP, one command learns from it, and the running service shows what came of it."""

import io
import json
import shutil
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from uuid import uuid4

import numpy as np
import pytest
from PIL import Image
from support.labelled import CLASSES, digits_evaluator, real_digits
from support.serving import ROOT, Server, started

from training.feedback.simulation import SimulatedGrader

GRADES_A_BATCH, VERSIONS, MOST_BATCHES = 100, 2, 6
NOTICED_WITHIN_S = 30


@pytest.fixture
def server(learned_digits: Path, tmp_path: Path):
    shutil.copytree(learned_digits, tmp_path / "models")
    with started(tmp_path / "models", tmp_path / "log") as server:
        server.wait_for("/readyz")
        yield server


def asked(server: Server, path: str) -> dict:
    status, body = server.get(path)
    assert status == 200, body
    return json.loads(body)


def grade_a_batch(server: Server, grader: SimulatedGrader) -> str:
    """As the page does it; returns the version that was graded."""
    batch = asked(server, f"/ratings/batch?model=digits&n={GRADES_A_BATCH}&grader=sim")
    pictures = batch["pictures"]
    drawn = [np.array(Image.open(io.BytesIO(server.get("/" + one["url"])[1])).convert("L")) for one in pictures]
    scores = grader.grade(np.stack(drawn)[..., None])
    fields = ("model", "version", "seed", "index", "label", "truncation")
    grades = [
        {"id": str(uuid4()), "score": float(score), "grader": "sim", **{name: one[name] for name in fields}}
        for one, score in zip(pictures, scores, strict=True)
    ]
    request = urllib.request.Request(
        server.url + "/ratings", json.dumps(grades).encode(), {"content-type": "application/json"}, method="POST"
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        assert answer.status == 201
    return batch["version"]


def learn(server: Server, folder: Path) -> bool:
    """True where there is a new version; False where the grades did not suffice yet, and a person would go on."""
    command = [sys.executable, "-m", "training", "fit", "digits", "--from", folder / "models" / "digits"]
    options = ["--ratings", server.url, "--strength", "0.9", "--kimg", "24", "--threads", "1", "--device", "cpu"]
    run = folder / f"run-{time.monotonic_ns()}"
    done = subprocess.run([*command, *options, "--run", run], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0 or "grades that say little" in done.stdout, done.stdout + done.stderr
    return done.returncode == 0


def shown_next(server: Server, before: str) -> str:
    """The version that the service shows when it has noticed the new one."""
    end = time.monotonic() + NOTICED_WITHIN_S
    while time.monotonic() < end:
        version = asked(server, "/models/digits")["card"]["version"]
        if version != before:
            return version
        time.sleep(0.2)
    raise AssertionError(f"{before} is still shown; the service printed:\n{server.log}")


def share_of_sevens(server: Server, model: str) -> tuple[float, float]:
    """Of a thousand pictures, by the evaluator's classes; and the Frechet distance of those to real sevens."""
    status, body = server.generate(json.dumps({"model": model, "n": 1000, "seed": 1, "format": "npy"}))
    assert status == 200
    features = digits_evaluator().extract(np.load(io.BytesIO(body)))
    real = real_digits()
    sevens = digits_evaluator().extract(real.train[real.train_labels == 7])
    drawn = features.vectors[features.classes == 7]
    return float((features.classes == 7).mean()), digits_evaluator().distance(features._replace(vectors=drawn), sevens)


def test_a_few_hundred_grades_move_the_model_that_is_being_served(server: Server, tmp_path: Path):
    grader = SimulatedGrader(real_digits(), "7", flips=0.05, seed=0)
    first = version = asked(server, "/models/digits")["card"]["version"]
    share_before, apart_before = share_of_sevens(server, "digits")

    batches = versions = 0
    while versions < VERSIONS and batches < MOST_BATCHES:
        assert grade_a_batch(server, grader) == version
        batches += 1
        if learn(server, tmp_path):
            version = shown_next(server, version)
            versions += 1

    grades = GRADES_A_BATCH * batches
    share, apart = share_of_sevens(server, "digits")
    assert share_before < 0.2
    assert share > 0.75
    assert apart < 1.5 * apart_before
    card = asked(server, "/models/digits")["card"]
    assert versions == VERSIONS
    assert card["lineage"]["grades"] == grades
    assert share_of_sevens(server, f"digits@{first}")[0] == share_before  # the old version is drawn as it was
    summary = asked(server, "/ratings/summary?model=digits&grader=sim")
    assert summary["grades"] == grades
    assert summary["versions"][-1]["mean_score"] > summary["versions"][0]["mean_score"] + 0.2
    batch = asked(server, "/ratings/batch?model=digits&n=64&grader=sim")
    assert batch["version"] == version
    assert "random" in {one["why"] for one in batch["pictures"]}
    assert set(CLASSES) >= {one["label"] for one in batch["pictures"]}
