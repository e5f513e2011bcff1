"""Which judge is for these pictures, and where it is kept.

    real pictures -> [shelf] -> judges/<name>.safetensors (committed), runs/judges/<digest16>.safetensors (fitted)

A judge that was fitted to these very pictures comes first; then a committed one
of their shape and classes, which `reference` refuses where it does not know
them; then the one by wavelets, which says so in the scores.
"""

from collections.abc import Callable
from pathlib import Path

import torch

from training.evaluation.evaluator import Evaluator, load_evaluator
from training.evaluation.reference import AnyEvaluator, RealPictures
from training.evaluation.train_evaluator import CPU, data_digest, train_evaluator
from training.evaluation.wavelets import WaveletEvaluator

SHIPPED = Path(__file__).parent / "judges"
FITTED = Path("runs/judges")


def shipped_evaluator(name: str) -> Evaluator:
    """The committed judge of this name: `mnist` or `eurosat`."""
    return load_evaluator(SHIPPED / f"{name}.safetensors")


def find_evaluator(
    real: RealPictures,
    *,
    fit: bool = False,
    device: torch.device = CPU,
    folder: Path = FITTED,
    report: Callable[[str], object] | None = None,
) -> AnyEvaluator:
    """The judge for these pictures.

    Args:
        real: with labels and the names of their classes, or without.
        fit: fit one, if none was fitted to these pictures before.
        device, report: see `fit_judge`.
        folder: where fitted judges are kept.

    Raises:
        ValueError: `fit` without labels.
    """
    if real.train_labels is None or real.classes is None:
        if fit:
            raise ValueError("found pictures without labels, expected labels to fit a judge to. Leave out --fit.")
        return _wavelets("these pictures have no labels", report)
    path = folder / f"{data_digest(real.train, real.train_labels, real.classes)[:16]}.safetensors"
    if path.is_file():
        return load_evaluator(path)
    if fit:
        test = None if real.test_labels is None else (real.test, real.test_labels)
        return train_evaluator(path, real.train, real.train_labels, real.classes, test, device=device, report=report)
    return _shipped_for(real) or _wavelets("no judge knows these classes (--fit makes one)", report)


def _wavelets(reason: str, report: Callable[[str], object] | None) -> WaveletEvaluator:
    if report:
        report(f"{reason}: judged by wavelets, which know frequencies and not what is in a picture")
    return WaveletEvaluator()


def _shipped_for(real: RealPictures) -> Evaluator | None:
    judges = [load_evaluator(path) for path in sorted(SHIPPED.glob("*.safetensors"))]
    kind = (*real.train.shape[1:], real.classes)
    return next((one for one in judges if (*one.facts.shape, one.facts.classes) == kind), None)
