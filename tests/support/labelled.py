"""Labelled pictures that need no file, and evaluators of them that train in half a minute, once for all processes."""

import fcntl
import os
import shutil
from functools import cache
from pathlib import Path
from tempfile import gettempdir

import numpy as np
from sklearn.datasets import load_digits

from training.data.dataset import data_digest
from training.data.shape import Shape
from training.evaluation.evaluator import Evaluator, load_evaluator
from training.evaluation.evaluator_store import TRAINED, train_evaluator
from training.evaluation.reference import RealPictures
from training.inputs import open_with_progress, real_pictures

CLASSES = tuple("0123456789")


@cache
def real_digits() -> RealPictures:
    """scikit-learn's 8 x 8 digits: 1,200 to train on, 597 to test."""
    bunch = load_digits()
    images = (bunch.images * (255 / 16)).round().astype(np.uint8)[..., None]
    labels = bunch.target.astype(np.int64)
    return RealPictures(images[:1200], images[1200:], labels[:1200], labels[1200:], CLASSES)


@cache
def digits_evaluator() -> Evaluator:
    """An evaluator trained on them."""
    return load_evaluator(_trained_once(real_digits(), "digits"))


def put_digits_evaluator(folder: Path) -> None:
    """Where a command that runs in this folder finds the evaluator that it would train on `digits`, as one types it."""
    shape = Shape()
    train, test = (open_with_progress("digits", shape, part) for part in ("train", "test"))
    real = real_pictures(train, test)
    assert real.train_labels is not None
    name = data_digest(real.train, real.train_labels, CLASSES)[:16]
    (folder / TRAINED).mkdir(parents=True, exist_ok=True)
    shutil.copy(_trained_once(real, name), folder / TRAINED)


def _trained_once(real: RealPictures, name: str) -> Path:
    """The file of their evaluator, which the first process of this run of pytest trains and the others wait for."""
    assert real.train_labels is not None
    assert real.test_labels is not None
    run = os.environ.get("PYTEST_XDIST_TESTRUNUID") or str(os.getpid())
    folder = Path(gettempdir()) / f"evaluators-{run}"
    folder.mkdir(exist_ok=True)
    path = folder / f"{name}.safetensors"
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "trained" / path.name).exists():
            train_evaluator(path, real.train, real.train_labels, CLASSES, (real.test, real.test_labels))
            (folder / "trained").mkdir(exist_ok=True)
            path.rename(folder / "trained" / path.name)
    return folder / "trained" / path.name
