"""The doctor: a diagnosis of a run in words, from its log and its settings alone.

    log_statistics, checks -> doctor -> report, the command `doctor`
                                     -> runs/<name>/doctor.json -> a service's GET /runs

It also says what a log cannot tell: whether the pictures are good is for a
person, or for an evaluator, to say.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from statistics import median
from typing import Literal

from training.config import ADVERSARIAL_METHODS, Settings
from training.monitoring.checks import (
    Finding,
    Verdict,
    autoencoder_findings,
    gan_findings,
    memorising,
    reconstruction_psnr_db,
)
from training.monitoring.log_statistics import LogLine, LogStatistics
from training.run import Run

DIAGNOSIS = "doctor.json"
"""In a run's folder: the last diagnosis, for programs that import nothing from here."""
Severity = Literal["idle", "good", "warn", "bad"]
_FEWEST_LINES, _FEWEST_STEPS = 10, 100
_DAY_S = 86_400.0
_SLOWED = 0.5
"""Share of the usual speed below which a run has slowed down."""

_HEALTHY: dict[Verdict, str] = {
    "too early": "There are too few lines in the log yet to say anything.",
    "learning": "The log shows no problem.",
    "finished": "The run is complete, and the log shows no problem.",
}
_WARNINGS: tuple[Verdict, ...] = (
    "undertrained",
    "discriminator overpowers",
    "low diversity",
    "memorising",
    "over-regularised",
    "discriminator too weak",
    "plateau",
    "unstable",
)
LIMITS_OF_A_LOG = "A log cannot tell whether the pictures are good: look at the sample sheets, or evaluate the bundle."
NO_DIVERSITY = "This log has no diversity, so it cannot show mode collapse: look at the sample sheets."


@dataclass(frozen=True)
class Diagnosis:
    """What the doctor says of a run."""

    verdict: Verdict
    explanation: str
    """A sentence or two, with the figures behind the verdict."""
    advice: tuple[str, ...]
    """What to change, the likeliest first; empty where nothing is wrong."""
    notes: tuple[str, ...]
    """Further findings, and what cannot be known."""
    images_shown: int
    finished: bool
    seconds_left: float | None
    """Seconds of training; None while no speed is known."""

    @property
    def healthy(self) -> bool:
        """Nothing to change."""
        return self.verdict in _HEALTHY

    @property
    def warning(self) -> bool:
        """Something to change, though the run is not lost."""
        return self.verdict in _WARNINGS

    @property
    def severity(self) -> Severity:
        """In a word for a colour; `idle` where nothing can be said yet."""
        if self.verdict == "too early":
            return "idle"
        return "good" if self.healthy else "warn" if self.warning else "bad"


def diagnose(lines: Sequence[LogLine], settings: Settings) -> Diagnosis:
    """Diagnose a run by its log.

    Args:
        lines: of `log.jsonl`, oldest first; the run may still be training. None stands for NaN and infinity.
        settings: those of the run.
    """
    log = LogStatistics(lines, settings)
    first, *others = _findings(log)
    notes = [finding.explanation for finding in others if finding.verdict not in _HEALTHY]
    notes += [words for words in (_takes_days(log), _slowed_down(log)) if words]
    if settings.method in ADVERSARIAL_METHODS and len(lines) >= _FEWEST_LINES and not log.values("diversity"):
        notes.append(NO_DIVERSITY)
    return Diagnosis(
        first.verdict,
        first.explanation,
        first.advice,
        (*notes, LIMITS_OF_A_LOG),
        log.images_shown,
        log.finished,
        log.seconds_left,
    )


def write_diagnosis(run: Run) -> Diagnosis:
    """Diagnose a run, and write what is found into its folder.

    Raises:
        FileNotFoundError: the folder holds no run.
    """
    lines, settings = run.lines(), run.settings()
    found = diagnose(lines, settings)
    facts = {
        "images_planned": settings.images_shown,
        "images_per_second": LogStatistics(lines, settings).images_per_second,
        "severity": found.severity,
    }
    run.write(DIAGNOSIS, f"{json.dumps(asdict(found) | facts, indent=2)}\n".encode())
    return found


def _findings(log: LogStatistics) -> Iterator[Finding]:
    """At least one; the gravest first."""
    if (finding := _diverged(log)) is not None:
        yield finding
        return
    steps = log.images_shown / log.settings.batch
    if not log.finished and (len(log.lines) < _FEWEST_LINES or steps < _FEWEST_STEPS):
        yield Finding("too early", _HEALTHY["too early"])
        return
    if log.finished and steps < _FEWEST_STEPS:
        yield Finding(
            "undertrained",
            f"The run was {steps:,.0f} steps long. No settings learn in so few.",
            (f"Show it more images: --kimg {max(10, log.settings.images_shown // 100)}.",),
        )
    yield from (gan_findings if log.settings.method in ADVERSARIAL_METHODS else autoencoder_findings)(log)
    if (finding := memorising(log)) is not None:
        yield finding
    verdict: Verdict = "finished" if log.finished else "learning"
    yield Finding(verdict, f"{_HEALTHY[verdict]} {_key_metrics(log)}".strip())


def _diverged(log: LogStatistics) -> Finding | None:
    lost = [metric for metric, value in (log.lines[-1] if log.lines else {}).items() if value is None]
    if not lost:
        return None
    advice = [f"Lower --learning-rate: it began at {log.settings.learning_rate[0]:g}."]
    if log.settings.method in ADVERSARIAL_METHODS:
        advice.append(f"Raise --gamma: it began at {log.settings.gamma[0]:g}.")
    words = f"{', '.join(lost)} became NaN or infinite after {log.images_shown:,} images."
    return Finding("diverged", words, tuple(advice))


def _key_metrics(log: LogStatistics) -> str:
    """The metrics that show that a run is healthy."""
    words = []
    if (d_wins := log.recent_mean("d_wins")) is not None:
        words.append(f"The discriminator ranks {d_wins:.0%} of the pairs correctly.")
    if log.settings.method not in ADVERSARIAL_METHODS and (error := log.recent_mean("reconstruction")) is not None:
        words.append(f"Pictures are reconstructed with {reconstruction_psnr_db(error):.1f} dB.")
    if (kl := log.recent_mean("kl")) is not None:
        words.append(f"A code carries {kl:.2g} nats of information about its picture.")
    if diversity := log.values("diversity"):
        words.append(f"Diversity is {diversity[-1]:.2f}, where 1 is as different as the data.")
    return " ".join(words)


def _takes_days(log: LogStatistics) -> str | None:
    left = log.seconds_left
    if left is None or left <= 3 * _DAY_S:
        return None
    return (
        f"At this speed it takes {left / _DAY_S:.0f} more days. A shorter run (--kimg) has its schedules "
        "stretched to its length; a smaller --width or a GPU is faster."
    )


def _slowed_down(log: LogStatistics) -> str | None:
    now, speeds = log.images_per_second, log.values("images_per_second")
    if log.finished or now is None or now > _SLOWED * median(speeds):
        return None
    return (
        f"The throughput is {now:,.0f} images a second now, and was {median(speeds):,.0f} before: "
        "another program may be using the machine."
    )
