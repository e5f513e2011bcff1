"""How a run does, in words: from its log and settings alone.

    course, game, fidelity -> [doctor] -> report, the command `doctor`

What a log cannot tell is said, too: whether pictures are good is for eyes, or
for the judge.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import median

from training.config import GAMES, Settings
from training.monitoring import autoencoder_checks as fidelity
from training.monitoring import gan_checks as game
from training.monitoring.finding import Finding, Verdict
from training.monitoring.log_statistics import Line, LogStatistics

_FEWEST_LINES, _FEWEST_STEPS = 10, 100
_A_DAY_S = 86_400.0
_SLOWED = 0.5

_WELL: dict[Verdict, str] = {
    "too early": "There is too little in the log yet to say anything.",
    "learning": "Nothing is wrong that a log can show.",
    "finished": "It came to its end, and nothing is wrong that a log can show.",
}
_MILD: tuple[Verdict, ...] = ("starved", "narrow", "held flat", "fooled", "still", "unsteady")
CANNOT_KNOW = "A log cannot tell whether the pictures are good: look at the sheets, or judge the bundle."
NO_DIVERSITY = "This log has no figure for diversity, so a collapse cannot be seen in it: look at the sheets."


@dataclass(frozen=True)
class Diagnosis:
    """What the doctor says of a run."""

    verdict: Verdict
    words: str
    """A sentence or two, with the figures behind the verdict."""
    advice: tuple[str, ...]
    """What to change, the likeliest first; none where nothing is wrong."""
    also: tuple[str, ...]
    """What else was seen, and what cannot be known."""
    images_shown: int
    finished: bool
    seconds_left: float | None
    """Of training; None where no speed is known."""

    @property
    def well(self) -> bool:
        """Nothing to change."""
        return self.verdict in _WELL

    @property
    def mild(self) -> bool:
        """Something to change, though the run is not lost."""
        return self.verdict in _MILD


def examine(lines: Sequence[Line], settings: Settings) -> Diagnosis:
    """Read a run's log.

    Args:
        lines: of `log.jsonl`, oldest first; also of a run that is under way. None stands for what is no number.
        settings: those of the run.
    """
    course = LogStatistics(lines, settings)
    findings = list(_signs(course))
    first = findings[0]
    advice = first.advice
    also = [sign.words for sign in findings[1:] if sign.verdict not in _WELL]
    also += [words for words in (_slow(course), _slowed(course)) if words]
    if settings.method in GAMES and len(lines) >= _FEWEST_LINES and not course.all_of("diversity"):
        also.append(NO_DIVERSITY)
    return Diagnosis(
        first.verdict,
        first.words,
        advice,
        (*also, CANNOT_KNOW),
        course.images_shown,
        course.finished,
        course.seconds_left,
    )


def _signs(course: LogStatistics) -> Iterator[Finding]:
    if (sign := _diverged(course)) is not None:
        yield sign
        return
    steps = course.images_shown / course.settings.batch
    if not course.finished and (len(course.lines) < _FEWEST_LINES or steps < _FEWEST_STEPS):
        yield Finding("too early", _WELL["too early"])
        return
    if course.finished and steps < _FEWEST_STEPS:
        yield Finding(
            "starved",
            f"The run was {steps:,.0f} steps long. Whatever the settings, nothing is learned in so few.",
            (f"Show it more images: --kimg {max(10, course.settings.images_shown // 100)}.",),
        )
    yield from (game if course.settings.method in GAMES else fidelity).findings(course)
    verdict: Verdict = "finished" if course.finished else "learning"
    yield Finding(verdict, f"{_WELL[verdict]} {_figures(course)}".strip())


def _diverged(course: LogStatistics) -> Finding | None:
    lost = [name for name, value in (course.lines[-1] if course.lines else {}).items() if value is None]
    if not lost:
        return None
    advice = [f"Lower --learning-rate: it began at {course.settings.learning_rate[0]:g}."]
    if course.settings.method in GAMES:
        advice.append(f"Raise --gamma: it began at {course.settings.gamma[0]:g}.")
    return Finding(
        "diverged", f"{', '.join(lost)} became infinite after {course.images_shown:,} images.", tuple(advice)
    )


def _figures(course: LogStatistics) -> str:
    """The figures that a healthy run is known by."""
    said = []
    if (d_wins := course.recent("d_wins")) is not None:
        said.append(f"The discriminator orders {d_wins:.0%} of the pairs rightly.")
    if course.settings.method not in GAMES and (error := course.recent("reconstruction")) is not None:
        said.append(f"Pictures come back with {fidelity.decibels(error):.1f} dB.")
    if (kl := course.recent("kl")) is not None:
        said.append(f"A code tells {kl:.2g} nats of its picture.")
    if course.all_of("diversity"):
        said.append(f"Diversity is {course.all_of('diversity')[-1]:.2f}, where 1 is as different as the data.")
    return " ".join(said)


def _slow(course: LogStatistics) -> str | None:
    left = course.seconds_left
    if left is None or left <= 3 * _A_DAY_S:
        return None
    return (
        f"At this speed it takes {left / _A_DAY_S:.0f} more days. A shorter run (--kimg) has its schedules "
        "stretched to its length; a smaller --width or a GPU is faster."
    )


def _slowed(course: LogStatistics) -> str | None:
    now, speeds = course.images_per_second, course.all_of("images_per_second")
    if course.finished or now is None or now > _SLOWED * median(speeds):
        return None
    return (
        f"It makes {now:,.0f} images a second now, and made {median(speeds):,.0f} before: "
        "something else may be using the machine."
    )
