"""The table of training/LOG.md, 2026-11-26: whether evaluators order planted controls rightly, and what they then say.

    nice python -m tests.support.controls_table OUT --data ../shared/data
    python -m tests.support.controls_table OUT --print

For MNIST, CIFAR-10 (JPEG copy), EuroSAT and clothes, at full size and at 2,000, 1,000, 200 and 46 test pictures with up
to nine times as many training pictures (all parts together, shuffled): an evaluator that is fitted as `evaluate --fit`
does, wavelets, and ImageNet features. Where a shipped model draws such pictures, five seeds of it and of an untrained
one are scored too. Adds one line of JSON a cell to OUT/table.jsonl, the quick cells first; cells that are there are
skipped, so it may be stopped at any moment. `--only mnist-46` takes the cells whose name contains that.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import numpy as np
import torch

from models.bundle import open_bundle
from models.runtime import Runtime
from tests.support.resumable_table import fill, table_parser
from tests.support.untrained import write_untrained
from training.data.dataset import open_pictures
from training.data.shape import Shape
from training.evaluation.controls import EvaluatorRefused, checked_controls
from training.evaluation.evaluate import score
from training.evaluation.evaluator_store import find_evaluator
from training.evaluation.reference import RealPictures, Reference

SETS = {"mnist": (28, 1), "clothes": (64, 3), "cifar10": (32, 3), "eurosat": (64, 3)}
COUNTS = (46, 200, 1_000, 2_000, None)
KINDS = ("wavelets", "evaluator", "imagenet")
SEEDS = range(5)
CONTROLS = ("real", "blur 1", "blur 2", "noise", "blocks", "one repeated")


@dataclass(frozen=True)
class Cell:
    """One evaluator on one set."""

    source: str
    count: int | None
    kind: str

    @property
    def name(self) -> str:
        """Of its line."""
        return f"{self.source}-{self.count or 'full'}-{self.kind}"


def cells() -> Iterator[Cell]:
    """All of the table, small ones first."""
    for count in COUNTS:
        for kind in KINDS:
            yield from (Cell(source, count, kind) for source in SETS)


def pictures(cell: Cell, data: Path) -> RealPictures:
    """Both parts of a set, or so many test pictures of all of it and up to nine times as many to train on."""
    side, channels = SETS[cell.source]
    shape = Shape.parse(str(side), "crop", channels)
    train, test = (open_pictures(str(data / cell.source), shape, part, True) for part in ("train", "test"))
    images, labels = (np.concatenate(pair) for pair in ((test.images, train.images), (test.labels, train.labels)))
    if cell.count is None:
        return RealPictures(train.images, test.images, train.labels, test.labels, train.classes, cell.source)
    order = np.random.default_rng(3).permutation(len(images))[: 10 * cell.count]
    first, rest = np.split(order, [cell.count])
    return RealPictures(images[rest], images[first], labels[rest], labels[first], train.classes, cell.source)


def measure(cell: Cell, out: Path, data: Path) -> dict[str, Any]:
    """The line of a cell."""
    real = pictures(cell, data)
    began = time.process_time()
    fitted = cell.kind == "evaluator"
    features = None if fitted else cell.kind
    evaluator = find_evaluator(real, fit=fitted, features=features or "evaluator", folder=out / "evaluators")
    line: dict[str, Any] = {"cell": cell.name, "train": len(real.train), "test": len(real.test)}
    line |= {"fit_cpu_s": round(time.process_time() - began, 1), "accuracy": None, "silent": None}
    if fitted:
        line["accuracy"] = evaluator.info.test_accuracy  # type: ignore[union-attr]
    said: list[str] = []
    try:
        line["controls"] = checked_controls(evaluator, real, report=said.append)
        line["silent"] = " ".join(said) or None
    except EvaluatorRefused as error:
        line |= {"silent": str(error), "controls": evaluator.info.controls}  # type: ignore[union-attr]
        return line
    return line | models(cell, real, Reference(real, evaluator))


def models(cell: Cell, real: RealPictures, reference: Reference) -> dict[str, Any]:
    """FD ratios of five seeds of the shipped model and of an untrained one, with their intervals."""
    shipped = Path("models") / cell.source
    if not shipped.is_dir():
        return {}
    _, height, width, channels = real.train.shape
    other = write_untrained(Path(mkdtemp()) / "untrained", height, width, channels, code_size=5)
    found: dict[str, Any] = {}
    for name, bundle in (("trained", open_bundle(shipped)), ("untrained", other)):
        runtime = Runtime(bundle, threads=1)
        scores = [score(runtime.generate(seed, 0, reference.images), reference) for seed in SEEDS]
        found[name] = [one["fd_ratio"] for one in scores]
        found[f"{name} intervals"] = [(one["intervals"] or {}).get("fd_ratio") for one in scores]
        found[f"{name} too few"] = [one["too_few"] for one in scores]
    return found


def as_markdown(lines: list[dict[str, Any]]) -> str:
    """The table for LOG.md."""
    text = "| set, test pictures, features | train | accuracy | " + " | ".join(CONTROLS)
    text += " | precision of blocks | trained | untrained | says |\n|---|" + "---:|" * (len(CONTROLS) + 5) + "---|\n"
    for line in lines:
        controls = line["controls"] or {}
        figures = [f"{controls[name]:.3g}" if name in controls else "" for name in CONTROLS]
        precision = f"{controls['blocks precision']:.2f}" if "blocks precision" in controls else ""
        accuracy = "" if line["accuracy"] is None else f"{line['accuracy']:.1%}"
        drawn = [_range(line.get(name)) for name in ("trained", "untrained")]
        row = [line["cell"], f"{line['train']:,}", accuracy, *figures, precision, *drawn, line["silent"] or "speaks"]
        text += f"| {' | '.join(row)} |\n"
    return text


def _range(ratios: list[float] | None) -> str:
    return f"{min(ratios):.3g} to {max(ratios):.3g}" if ratios else ""


def main() -> None:
    """Measure what is missing."""
    given = table_parser(__doc__).parse_args()
    torch.set_num_threads(1)
    fill(given, cells(), lambda cell: measure(cell, given.out, given.data), as_markdown)


if __name__ == "__main__":
    main()
