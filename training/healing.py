"""Healing: a run notices that it goes wrong, goes back to where it was well, and goes on more gently.

    what steps saw -> HealthCheck -> monitoring.window_checks -> Trouble -> heal -> run (config.json), checkpoint
                        ^                                                                 |
    train  -------------+---------------------------- resumes there  <--------------------+

Maxima stay on the device; they are read once in 500 images, before each line of the
log and before each checkpoint, so a checkpoint never holds trouble that had been
visible. It may hold trouble that was not yet: a run therefore goes back by 2,000 images
at least, for which two earlier checkpoints are kept. All processes decide alike: what
they look at is the largest of all, and the first one's sheets by its word.
"""

import shutil
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from training.checkpoint import TrainingState, images_shown_in
from training.config import HEALING_STEPS, Settings, healed_settings
from training.data.batches import Batches
from training.errors import Diverged
from training.methods.method import Method
from training.monitoring.checks import Finding
from training.monitoring.diversity import evenly_spaced
from training.monitoring.window_checks import GRADIENTS, Window, window_finding
from training.pixels import from_bytes
from training.run import Run

MARGIN_IMAGES = 2_000
"""Trouble that is seen began at most so long ago; a checkpoint that is older is good."""
_WORTH_KEEPING_IMAGES = 20_000
"""From here on a checkpoint that may be too young is a better place to go back to than the start."""
_SAMPLE = 1_000
"""Pictures by which the data's deviation is known."""


@dataclass(frozen=True)
class Trouble:
    """What a health check found, and where."""

    finding: Finding
    images_shown: int
    seconds: float
    """Of training, up to here."""


class HealthCheck:
    """Sees every step of a run, and says now and then whether it goes wrong.

    Args:
        settings: of the run, as they are after earlier healing.
        batches: the data and the processes that share the run.
    """

    def __init__(self, settings: Settings, batches: Batches) -> None:
        self._settings, self._distributed = settings, batches.distributed
        self._device = batches.images.device
        sample = from_bytes(batches.images[torch.from_numpy(evenly_spaced(len(batches.images), _SAMPLE))]).float()
        self._data_deviation = float(sample.std(correction=0))
        self._data_spread = float(sample.std(dim=0, correction=0).mean())
        self._names: tuple[str, ...] = ()
        self._largest: Tensor | None = None
        self._sum, self._steps = torch.zeros(()), 0

    def add(self, seen: Mapping[str, Tensor]) -> None:
        """What one step saw; nothing is read from the device."""
        values = (
            torch.stack([value.float() for value in seen.values()]).abs().nan_to_num(nan=torch.inf, posinf=torch.inf)
        )
        if self._largest is None:
            self._names, self._largest, self._sum, self._steps = tuple(seen), values, values, 1
            return
        self._largest, self._sum = torch.maximum(self._largest, values), self._sum + values
        self._steps += 1

    def look(self, state: TrainingState, diversity: Sequence[float]) -> Trouble | None:
        """Judge the steps since the last look; all processes get the same answer.

        Args:
            diversity: of the last sample sheets, oldest first; empty in all processes but the first.
        """
        if self._largest is None:
            return None
        largest = dict(zip(self._names, self._largest.unbind(), strict=True)) | gradient_norms(state.method)
        means = dict(zip(self._names, (self._sum / self._steps).unbind(), strict=True))
        self._largest = None
        window = Window(
            state.images_shown,
            {name: float(value) for name, value in self._distributed.largest(largest).items()},
            {name: float(value) for name, value in self._distributed.average(means).items()},
            tuple(diversity),
            self._data_deviation,
            self._data_spread,
        )
        finding = window_finding(window, self._settings)
        if not self._distributed.any(finding is not None, self._device):
            return None
        return Trouble(
            finding or Finding("mode collapse", "The first process saw it."), state.images_shown, state.seconds
        )


def gradient_norms(method: Method) -> dict[str, Tensor]:
    """Optimizer -> norm of its gradients over the last steps, from Adam's second moments: no step pays for it."""
    norms = {}
    for name, adam in method.optimizers.items():
        moments = [moments["exp_avg_sq"] for moments in adam.state.values()]
        if moments:
            squares = torch.stack(torch._foreach_norm(moments, 1)).sum()
            norms[f"{name}{GRADIENTS}"] = squares.sqrt().nan_to_num(nan=torch.inf, posinf=torch.inf)
    return norms


def keep_earlier(checkpoint: Path) -> None:
    """Call before a checkpoint is replaced: keeps up to two earlier ones, `MARGIN_IMAGES` or more apart."""
    if not checkpoint.exists():
        return
    newer, older = _earlier(checkpoint)
    if not newer.exists() or images_shown_in(checkpoint) - images_shown_in(newer) >= MARGIN_IMAGES:
        if newer.exists():
            newer.replace(older)
        _copy(checkpoint, newer)


def last_good(checkpoint: Path, noticed_images: int, before: Mapping[str, Any] | None) -> Path | None:
    """The checkpoint to go back to; None for the start of the run.

    Args:
        noticed_images: where trouble was seen.
        before: the last healing of this run. Where trouble came back before the run got past it, that
            checkpoint was not good.
    """
    candidates = sorted(
        (path for path in (checkpoint, *_earlier(checkpoint)) if path.exists()), key=images_shown_in, reverse=True
    )
    old_enough = [path for path in candidates if images_shown_in(path) <= noticed_images - MARGIN_IMAGES]
    if before is not None and noticed_images <= before["images_shown"] + MARGIN_IMAGES:
        old_enough = [path for path in old_enough if images_shown_in(path) < before["returned_to"]]
    if old_enough:
        return old_enough[0]
    oldest = candidates[-1] if candidates else None
    return oldest if oldest is not None and images_shown_in(oldest) > _WORTH_KEEPING_IMAGES else None


def heal(run: Run, settings: Settings, trouble: Trouble, steps: int) -> list[str]:
    """Put the run back to where it was well, and record why; returns what a person should read.

    Args:
        settings: as they were asked for, before any healing.
        steps: of healing that were taken before.

    Raises:
        Diverged: that were enough steps; the run is put back, and the message says what to try.
    """
    healings = run.healings()
    good = last_good(run.checkpoint, trouble.images_shown, healings[-1] if healings else None)
    returned_to = 0 if good is None else images_shown_in(good)
    _put_back(run.checkpoint, good, returned_to)
    found = f"after {trouble.images_shown:,} images: {trouble.finding.verdict}. {trouble.finding.explanation}"
    if steps >= HEALING_STEPS:
        raise Diverged(_gave_up(run, found, trouble.finding, returned_to))
    was, now = healed_settings(settings, steps), healed_settings(settings, steps + 1)
    run.record_healing(
        {
            "images_shown": trouble.images_shown,
            "returned_to": returned_to,
            "verdict": trouble.finding.verdict,
            "explanation": trouble.finding.explanation,
            "learning_rate": list(now.learning_rate),
            "gamma": list(now.gamma),
        }
    )
    penalty = f" and gamma {now.gamma[0]:g} (was {was.gamma[0]:g})" if now.gamma != was.gamma else ""
    return [
        found,
        f"healing, step {steps + 1} of {HEALING_STEPS}: back to {_place(returned_to)}, with learning rate "
        f"{now.learning_rate[0]:.2g} (was {was.learning_rate[0]:.2g}){penalty}",
    ]


def follow(steps: int) -> list[str]:
    """What the other processes do while the first one heals the run: they stop where it stops."""
    if steps >= HEALING_STEPS:
        raise Diverged("the first process says what went wrong")
    return []


def _gave_up(run: Run, found: str, finding: Finding, returned_to: int) -> str:
    advice = " ".join(finding.advice)
    return (
        f"{found} It was healed {HEALING_STEPS} times and goes wrong again. {advice} Or take fewer pixels by --size. "
        f"The same command with these options goes on from {_place(returned_to)}; --run starts another one in place "
        f"of {run.path}."
    )


def _place(images_shown: int) -> str:
    return f"image {images_shown:,}" if images_shown else "its start"


def _earlier(checkpoint: Path) -> tuple[Path, Path]:
    """Newer and older one."""
    return checkpoint.with_stem(f"{checkpoint.stem}-earlier"), checkpoint.with_stem(f"{checkpoint.stem}-earliest")


def _put_back(checkpoint: Path, good: Path | None, returned_to: int) -> None:
    """Make `good` the checkpoint, and drop what is younger."""
    if good is None:
        checkpoint.unlink(missing_ok=True)
    elif good != checkpoint:
        _copy(good, checkpoint)
    for path in _earlier(checkpoint):
        if path.exists() and (good is None or images_shown_in(path) > returned_to):
            path.unlink()


def _copy(source: Path, target: Path) -> None:
    """The same content under another name, atomically; without copying where the file system has hard links."""
    draft = target.with_suffix(".draft")
    draft.unlink(missing_ok=True)
    try:
        draft.hardlink_to(source)
    except OSError:
        with suppress(FileNotFoundError):
            shutil.copyfile(source, draft)
    draft.replace(target)
