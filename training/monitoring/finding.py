"""One thing that a doctor sees: its name, the words for it, and what to change.

[sign] -> game, fidelity, doctor
"""

from dataclasses import dataclass
from typing import Literal

Verdict = Literal[
    "too early",
    "learning",
    "finished",
    "starved",
    "narrow",
    "held flat",
    "fooled",
    "still",
    "unsteady",
    "collapsing",
    "codes unused",
    "diverging",
    "diverged",
]


@dataclass(frozen=True)
class Finding:
    """What was seen."""

    verdict: Verdict
    words: str
    """With the figures that it was seen by."""
    advice: tuple[str, ...] = ()
    """What to change, the likeliest first."""
