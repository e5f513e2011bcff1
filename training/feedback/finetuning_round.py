"""One round: a model and people's grades -> its next version, beside it.

    grades, graded, parent, preference, tilt -> [round] -> loop -> export -> models/<name>/

A run's folder is named by all that decides it, so the same command goes on with
the same round, and begins another one when there are other grades or there is a
newer model.
"""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from models.card import Lineage, Standing
from models.runtime import Runtime
from training.checkpoint import TrainingState
from training.config import Settings, UpdateName, finetuning_settings
from training.data.dataset import Pictures
from training.device import ComputeContext, resolve_precision
from training.evaluation.reference import AnyEvaluator
from training.export.bundle import Inspect
from training.feedback.acceptance import AcceptanceTest, check
from training.feedback.agreement import Agreement
from training.feedback.graded import GradedPictures, draw_graded
from training.feedback.grades import Grade, digest_of
from training.feedback.pretrained import Pretrained
from training.feedback.reward_inputs import predict_grades
from training.feedback.reward_model import fit_reward
from training.feedback.reweighting import Reweighting, reweight
from training.networks.reward import Reward

GRADES_A_STEP = 256
"""Of `literal`: as many as the lecture's person grades before each step."""


@dataclass(frozen=True)
class FineTuningRound:
    """Everything that is known before the first step."""

    parent: Pretrained
    graded: GradedPictures
    reward: Reward
    agreement: Agreement
    tilt: Reweighting
    pictures: Pictures
    """The data, each picture shown as often as the grades say."""
    settings: Settings

    @property
    def name(self) -> str:
        """Of its run: another one where model, grades or settings are others."""
        decided = repr((self.settings, self.pictures.digest)).encode()
        return f"{self.parent.bundle.card.name}-{hashlib.sha256(decided).hexdigest()[:8]}"

    def prepare(self, state: TrainingState) -> None:
        """Give a new run what it begins with."""
        self.parent.give(state)
        state.method.reward.load_state_dict(self.reward.state_dict())
        state.method.graded = self.graded.tensors(state.random.device)

    def inspect(self, evaluator: AnyEvaluator, force: bool, tell: Callable[[str], object]) -> Inspect:
        """What looks at the new model, and refuses it where it lost what its parent had."""

        def looked(runtime: Runtime) -> Lineage:
            standings = AcceptanceTest(self.pictures, evaluator, self.reward)
            before = self._parent_stands(standings)
            after = standings.of(runtime, self.pictures.weights)
            tell(
                f"predicted grade {before.predicted_grade:.2f} -> {after.predicted_grade:.2f}, "
                f"FD ratio {before.fd_ratio:.2f} -> {after.fd_ratio:.2f}, "
                f"diversity {before.diversity:.2f} -> {after.diversity:.2f}"
            )
            if not force:
                check(before, after)
            settings = self.settings
            return Lineage(
                parent=settings.parent,
                grades=len(self.graded.grades),
                update=settings.update,
                strength=settings.strength,
                agreement=self.agreement.share,
                before=before,
                after=after,
            )

        return looked

    def _parent_stands(self, standings: AcceptanceTest) -> Standing:
        """A parent that was moved by grades itself had other pictures to draw: its card knows how near it came."""
        found = standings.of(Runtime(self.parent.bundle))
        lineage = self.parent.bundle.card.lineage
        return found if lineage is None else found.model_copy(update={"fd_ratio": lineage.after.fd_ratio})


def new_round(
    model: Path,
    grades: list[Grade],
    pictures: Pictures,
    changes: Mapping[str, Any],
    *,
    context: ComputeContext,
    update: UpdateName | None = None,
    strength: float | None = None,
    force: bool = False,
) -> FineTuningRound:
    """Learn what is liked, and tilt the data towards it.

    Args:
        model: the folder of the bundle that was graded.
        grades: of this version or of older ones.
        pictures: what it learned from, in its shape.
        changes: to the settings that it goes on with; None changes nothing.
        context: where it will be trained.
        update, strength: see `Settings`.
        force: go on with grades that decide nothing.

    Raises:
        Undecided: the grades do not say what is liked.
        ValueError: the pictures are not like those of the model, or it cannot go on.
    """
    parent = Pretrained.open(model)
    _check(parent, pictures)
    graded = draw_graded(model, grades)
    reward = parent.reward()
    agreement = fit_reward(reward, graded.images, graded.labels, graded.scores, force)
    settings = finetuning_settings(parent.settings, update, parent.bundle.card.version, digest_of(grades))
    settings = resolve_precision(settings.with_changes(strength=strength, **changes), context.device)
    labels = pictures.labels if settings.conditional else None
    tilted = reweight(*predict_grades(reward, pictures.images, labels), settings.strength)
    if settings.update in ("tilted", "both"):
        pictures = replace(pictures, weights=tilted.weights)
    if settings.update == "literal":
        batch = min(GRADES_A_STEP, len(graded.grades))
        settings = settings.with_changes(batch=batch, images_shown=len(graded.grades) // batch * batch)
    return FineTuningRound(parent, graded, reward, agreement, tilted, pictures, settings)


def _check(parent: Pretrained, pictures: Pictures) -> None:
    card = parent.bundle.card
    shape = card.image.height, card.image.width, card.image.channels
    if pictures.images.shape[1:] != shape:
        raise ValueError(f"found pictures of {pictures.images.shape[1:]}, expected {shape}, as {card.name} draws")
    names = None if card.classes is None else tuple(one.name for one in card.classes)
    if names is not None and names != pictures.classes:
        found = ", ".join(pictures.classes or ("no classes",))
        raise ValueError(f"found {found}, expected the classes of {card.name}: {', '.join(names)}")
