"""Labelled pictures that need no file, and an evaluator of them that trains in seconds."""

from functools import cache
from pathlib import Path
from tempfile import mkdtemp

import numpy as np
from sklearn.datasets import load_digits

from training.evaluation.evaluator import Evaluator
from training.evaluation.evaluator_store import train_evaluator
from training.evaluation.reference import RealPictures

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
    real = real_digits()
    path = Path(mkdtemp()) / "digits.safetensors"
    return train_evaluator(path, real.train, real.train_labels, CLASSES, (real.test, real.test_labels))
