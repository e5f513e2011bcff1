"""One round of fine-tuning: a model and people's grades -> its next version, next to it.

    grades, pretrained, reward_model, reweighting, acceptance -> finetuning_round -> train -> export -> models/<name>/

The name of a run's folder is a digest of everything that decides it, so the same
command resumes the same round, and starts another one when there are other
grades or a newer model.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from models.card import AcceptanceFigures, Card, Lineage
from models.runtime import Runtime
from training.checkpoint import TrainingState
from training.config import ON_A_GPU, PENALTY_EVERY, PRESETS, Settings, UpdateName, finetuning_settings
from training.data.dataset import Pictures
from training.device import ComputeContext, resolve_precision
from training.evaluation.reference import AnyEvaluator
from training.exporter.bundle import Inspect
from training.feedback.acceptance import AcceptanceTest, acceptance_lines, check_acceptance
from training.feedback.grades import Grade, GradedPictures, draw_graded, grades_digest
from training.feedback.pretrained import Pretrained
from training.feedback.reward_model import Agreement, DoubtfulGrades, fit_reward, predict_grades
from training.feedback.reweighting import Reweighting, reweight
from training.methods.reward_weighted import RewardWeighted
from training.networks.reward import Reward

GRADES_A_STEP = 256
"""Of the update `literal`: as many as the lecture's person gives before each step."""


@dataclass(frozen=True)
class FineTuningRound:
    """Everything that is known before the first step."""

    parent: Pretrained
    graded: GradedPictures
    reward: Reward
    agreement: Agreement
    reweighting: Reweighting
    pictures: Pictures
    """The data, with the weights of the reweighting where the update uses them."""
    settings: Settings

    @property
    def name(self) -> str:
        """Name of its run; it differs where model, grades or settings differ."""
        decided_by = repr((self.settings, self.pictures.digest)).encode()
        return f"{self.parent.bundle.card.name}-{hashlib.sha256(decided_by).hexdigest()[:8]}"

    def lines(self) -> list[str]:
        """What a person should know before the first step: whose grades these are, and what they move."""
        graded, shown = self.graded, self.reweighting
        graders = len({grade.grader for grade in graded.grades})
        left_out = [
            f"left out {count:,} grades of version {version}, which is not next to {self.parent.bundle.path}"
            for version, count in graded.left_out.items()
        ]
        return [
            f"{len(graded.grades):,} grades by {graders} grader(s), mean {graded.scores.mean():.2f}; of two held-out "
            f"pictures with different grades the better one is known in {self.agreement.share:.0%}",
            *left_out,
            f"strength {self.settings.strength:g}: the mean predicted grade of the pictures that are shown goes from "
            f"{shown.mean_grade_before:.2f} to {shown.mean_grade_after:.2f}; the effective sample size is "
            f"{shown.effective_images:,.0f}",
        ]

    def prepare(self, state: TrainingState) -> None:
        """Initialise a new run from the pretrained model and the reward."""
        method = state.method
        if not isinstance(method, RewardWeighted):
            raise TypeError(f"found a run of {type(method).__name__}, expected RewardWeighted, which has a reward")
        self.parent.load_into(state)
        method.reward.load_state_dict(self.reward.state_dict())
        method.graded = self.graded.tensors(state.random.device)

    def inspect(self, evaluator: AnyEvaluator, force: bool, notify: Callable[[str], object]) -> Inspect:
        """The acceptance test, as `export_run` calls it before it writes the bundle.

        Args:
            evaluator: compares pictures before and after.
            force: accept a model that fails.
            notify: gets a line for each figure, with what it means.
        """

        def inspected(runtime: Runtime) -> Lineage:
            test = AcceptanceTest(self.pictures, evaluator, self.reward)
            before = self._measure_parent(test)
            after = test.measure(runtime, self.pictures.weights)
            for line in acceptance_lines(before, after):
                notify(line)
            if not force:
                check_acceptance(before, after)
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

        return inspected

    def _measure_parent(self, test: AcceptanceTest) -> AcceptanceFigures:
        """A parent that was fine-tuned itself had other target pictures; its card holds the ratio to those."""
        found = test.measure(Runtime(self.parent.bundle))
        lineage = self.parent.bundle.card.lineage
        return found if lineage is None else found.model_copy(update={"target_fd_ratio": lineage.after.target_fd_ratio})


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
    """Fit the reward model to the grades, and reweight the data by it.

    Args:
        model: folder of the bundle that was graded.
        grades: of this version or of older ones.
        pictures: the data that it was trained on, in its shape.
        changes: to the settings of the round; None changes nothing.
        context: where it will be trained.
        update, strength: see `Settings`.
        force: accept grades that are inconclusive.

    Raises:
        InconclusiveGrades: too few grades, or all equal.
        DoubtfulGrades: the grades do not say what is liked, or the model learned from them already.
        ValueError: the pictures do not fit the model, or it cannot be fine-tuned.
    """
    parent = Pretrained.open(model)
    _check(parent, pictures)
    if not force:
        check_newer_grades(parent.bundle.card, grades)
    graded = draw_graded(model, grades)
    reward = parent.new_reward()
    agreement = fit_reward(reward, graded.images, graded.labels, graded.scores, force)
    old = parent.settings if context.device.type == "cuda" else _without_a_gpu(parent.settings)
    settings = finetuning_settings(old, update, parent.bundle.card.version, grades_digest(grades))
    settings = resolve_precision(settings.with_changes(strength=strength, **changes), context.device)
    labels = pictures.labels if settings.conditional else None
    reweighting = reweight(*predict_grades(reward, pictures.images, labels), settings.strength)
    if settings.update in ("tilted", "both"):
        pictures = replace(pictures, weights=reweighting.weights)
    if settings.update == "literal":
        batch = min(GRADES_A_STEP, len(graded.grades))
        settings = settings.with_changes(batch=batch, images_shown=len(graded.grades) // batch * batch)
    return FineTuningRound(parent, graded, reward, agreement, reweighting, pictures, settings)


def _without_a_gpu(settings: Settings) -> Settings:
    """Twice the images a second of a model that a GPU trained, where there is none."""
    if settings.preset != ON_A_GPU:
        return settings
    return settings.with_changes(batch=PRESETS["medium"].batch, penalty_every=PENALTY_EVERY)


def check_newer_grades(card: Card, grades: Sequence[Grade]) -> None:
    """Refuse to fine-tune a model with the very grades that it was fine-tuned with.

    Raises:
        DoubtfulGrades: they teach it nothing that it has not learned.
    """
    if card.lineage is not None and card.training.options.get("grades") == grades_digest(grades):
        raise DoubtfulGrades(
            f"found 0 grades that are newer than {card.name} {card.version}: it learned from these {len(grades):,} "
            f"already, when it was fine-tuned from {card.lineage.parent}. Expected new ones: grade more pictures at "
            "its page first.",
            "--force goes on with the same grades.",
        )


def _check(parent: Pretrained, pictures: Pictures) -> None:
    card = parent.bundle.card
    shape = card.image.height, card.image.width, card.image.channels
    if pictures.images.shape[1:] != shape:
        raise ValueError(f"found pictures of {pictures.images.shape[1:]}, expected {shape}, as {card.name} draws")
    names = None if card.classes is None else tuple(one.name for one in card.classes)
    if names is not None and names != pictures.classes:
        found = ", ".join(pictures.classes or ("no classes",))
        raise ValueError(f"found {found}, expected the classes of {card.name}: {', '.join(names)}")
