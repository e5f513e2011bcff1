"""Rounds of a simulated grader: it grades, the model is fine-tuned, and what became of it is measured, again and again.

    simulation, finetuning_round -> [simulated_rounds] -> the command `simulate` (a row of its table each)

Works on a copy of the model, in a folder of its own. Knows no terminal.
"""

import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from training.config import UpdateName
from training.data.dataset import Pictures
from training.device import ComputeContext
from training.evaluation.evaluator import Evaluator
from training.evaluation.reference import RealPictures
from training.exporter.bundle import export_run
from training.feedback.finetuning_round import FineTuningRound, new_round
from training.feedback.grades import Grade
from training.feedback.reward_model import InconclusiveGrades
from training.feedback.simulation import SimulatedGrader, SimulationFigures, collect_grades, measure_model
from training.run import Run
from training.train import train


@dataclass(frozen=True)
class RoundResult:
    """A model after so many grades."""

    grades: int
    agreement: float | None
    """Share of held-out pairs that the reward model orders correctly; None before the first round."""
    figures: SimulationFigures
    seconds: float


@dataclass
class SimulatedRounds:
    """A copy of a model, and who grades it."""

    model: Path
    """Its bundle, which is not changed."""
    out: Path
    """Emptied first; the copy is in `models`, each round's run next to it."""
    data: Pictures
    real: RealPictures
    evaluator: Evaluator
    grader: SimulatedGrader
    context: ComputeContext
    update: UpdateName
    strength: float
    force: bool
    changes: Mapping[str, Any]
    """Settings of every round that are replaced; `seed` is also that of what the grader is asked."""
    report: Callable[[str], None]
    _given: list[Grade] = field(default_factory=list)

    @property
    def copy(self) -> Path:
        """The model that moves."""
        return self.out / "models" / self.model.name

    def begin(self) -> RoundResult:
        """Take the copy and measure it as it is."""
        shutil.rmtree(self.out, ignore_errors=True)
        shutil.copytree(self.model, self.copy)
        return RoundResult(0, None, self._measured(), 0)

    def run(self, rounds: int, grades: int) -> Iterator[RoundResult]:
        """Collect so many grades a round and fine-tune by all so far; a round whose grades decide nothing is told."""
        random = np.random.default_rng(self.changes["seed"])
        for number in range(1, rounds + 1):
            begun = time.monotonic()
            self.report(f"round {number} of {rounds}: {grades} grades, then fine-tuning")
            self._given += collect_grades(self.copy, self.grader, grades, int(random.integers(2**50)))
            try:
                one = self._new_round()
            except InconclusiveGrades as error:
                self.report(f"round {number}: {error}")
                continue
            self._learn(one, Run(self.out / f"round-{number}"))
            seconds = time.monotonic() - begun
            yield RoundResult(len(self._given), one.agreement.share, self._measured(), seconds)

    def _new_round(self) -> FineTuningRound:
        return new_round(
            self.copy,
            self._given,
            self.data,
            self.changes,
            context=self.context,
            update=self.update,
            strength=self.strength,
            force=self.force,
        )

    def _learn(self, one: FineTuningRound, run: Run) -> None:
        run.begin(one.settings, one.pictures)
        train(run, one.settings, one.pictures, self.context, prepare=one.prepare)
        export_run(run, self.copy, inspect=one.inspect(self.evaluator, self.force, self.report))

    def _measured(self) -> SimulationFigures:
        return measure_model(self.copy, self.real, self.evaluator, self.grader.liked)
