"""The pictures that were graded, drawn again from their addresses.

    grades, models/<name>/, models/<name>@<version>/ -> [graded] -> preference, methods

Each was drawn by some version of the model, and the same version draws it again,
to the last byte. Grades of versions that are no longer held cannot be used, and
are counted. Knows nothing of what is done with them.

Letters: G graded pictures    H, W, C of a picture
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from models.bundle import Bundle, open_bundle
from models.codes import codes
from models.runtime import Runtime
from training.feedback.grades import Grade
from training.methods.reward_weighted import GradedTensors


@dataclass(frozen=True)
class GradedPictures:
    """Grades with their pictures."""

    images: NDArray[np.uint8]
    """(G, H, W, C)."""
    labels: NDArray[np.int64] | None
    """(G,) classes; None where the model has none."""
    scores: NDArray[np.float32]
    """(G,) from 0 to 1."""
    grades: tuple[Grade, ...]
    """What they were drawn from."""
    lost: dict[str, int]
    """Versions that are not held, and how many grades went with each."""

    def tensors(self, device: torch.device) -> GradedTensors:
        """As a method takes them."""
        labels = None if self.labels is None else torch.from_numpy(self.labels).to(device)
        images = torch.from_numpy(self.images).permute(0, 3, 1, 2).contiguous()
        return GradedTensors(images.to(device), labels, torch.from_numpy(self.scores).to(device))


def draw_graded(model: Path, grades: Sequence[Grade], threads: int | None = None) -> GradedPictures:
    """Draw the pictures of these grades again.

    Args:
        model: the current version's folder; older ones lie beside it.
        threads: CPU threads; all cores, if not given.

    Raises:
        ValueError: no version that was graded is held, or a grade names a class that its version does not have.
        ModelError: a bundle is damaged.
    """
    current = open_bundle(model)
    by_version: dict[str, list[Grade]] = defaultdict(list)
    for grade in grades:
        by_version[grade.version].append(grade)
    held = {version: bundle for version in by_version if (bundle := _held(current, version)) is not None}
    if not held:
        found = ", ".join(sorted(by_version)) or "no grades"
        raise ValueError(f"{model}: found {found}, expected grades of {current.card.version} or of an older version")
    drawn = [_drawn(Runtime(bundle, threads=threads), by_version[version]) for version, bundle in held.items()]
    used = tuple(grade for version in held for grade in by_version[version])
    labels = [one for _, one in drawn if one is not None]
    return GradedPictures(
        np.concatenate([images for images, _ in drawn]),
        np.concatenate(labels) if labels else None,
        np.array([grade.score for grade in used], np.float32),
        used,
        {version: len(some) for version, some in by_version.items() if version not in held},
    )


def _held(current: Bundle, version: str) -> Bundle | None:
    if version == current.card.version:
        return current
    older = current.path.with_name(f"{current.path.name}@{version}")
    return open_bundle(older) if older.is_dir() else None


def _drawn(runtime: Runtime, grades: Sequence[Grade]) -> tuple[NDArray[np.uint8], NDArray[np.int64] | None]:
    size = runtime.card.code_size
    codes_GZ = np.concatenate([codes(one.seed, one.index, 1, size, one.truncation) for one in grades])
    labels_G = None
    if runtime.class_names:
        labels_G = np.concatenate([runtime.labels(one.seed, one.index, 1, _class(one, runtime)) for one in grades])
    return runtime.draw(codes_GZ, labels_G), labels_G


def _class(grade: Grade, runtime: Runtime) -> int | None:
    if grade.label is None:
        return None
    if grade.label not in runtime.class_names:
        known = ", ".join(runtime.class_names)
        raise ValueError(f"found a grade of class {grade.label!r}, expected one of {known} ({grade.version})")
    return runtime.class_names.index(grade.label)
