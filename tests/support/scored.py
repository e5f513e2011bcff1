"""What the tests of scores share: a runtime of given pictures, and the table of scores as text."""

from io import StringIO

import numpy as np
from rich.console import Console

from models.bundle import Bundle
from models.card import ClassCount
from models.scores import Scores
from training.evaluation.scores_table import scores_table


class Draws:
    """A runtime of given pictures and labels."""

    engine = "none"
    encodes = False

    def __init__(self, bundle: Bundle, images_NHWC: np.ndarray, labels_N: np.ndarray, classes: tuple[str, ...]) -> None:
        counted = tuple(ClassCount(name=name, count=1) for name in classes)
        self.card = bundle.card.model_copy(update={"classes": counted})
        self.images_NHWC, self.labels_N = images_NHWC, labels_N

    def generate(self, _seed: int, start: int, count: int) -> np.ndarray:
        return self.images_NHWC[(start + np.arange(count)) % len(self.images_NHWC)]

    def labels(self, _seed: int, start: int, count: int) -> np.ndarray:
        return self.labels_N[start : start + count]


def printed(scores: Scores, width: int = 200) -> str:
    console = Console(width=width, record=True, file=StringIO())
    console.print(scores_table("mnist", scores))
    return console.export_text()
