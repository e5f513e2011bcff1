"""What a new bundle would be written over: the name is checked first, and another's model is not replaced unasked.

    --out, models/ -> [replacement] -> plan -> cli (asks on a terminal, else refuses)

The version that is there is never lost: `models.bundle` keeps it as `<name>@<version>`.
But a service draws with the new one, so whose model it was must be meant.
Imports no torch: it speaks before anything is read.
"""

import re
from collections.abc import Collection
from pathlib import Path

import models
from models.bundle import CARD, read_card
from models.card import NAME_PATTERN, NAME_RULE, Card

SHIPPED = ("eurosat", "mnist")
"""Bundles that come with this code, next to the package `models`."""


class WouldReplace(ValueError):
    """The bundle that is there is shipped, or of another data set, and --replace was not given."""


def check_out(out: Path | None) -> None:
    """Refuse a place that no bundle can be written to, before anything is read.

    Raises:
        ValueError: its name is not that of a model, with the rule in words; or something else is there.
    """
    if out is None:
        return
    if not re.fullmatch(NAME_PATTERN, out.name):
        instead = re.sub(r"[^a-z0-9_-]+", "-", out.name.lower()).strip("-_")[:63] or "mine"
        use = out.with_name(instead) if out.name else instead
        raise ValueError(f"{out}: found the name {out.name!r}, expected {NAME_RULE}. Use --out {use}.")
    if out.exists() and not (out / CARD).is_file():
        what = "a folder that is no bundle" if out.is_dir() else "a file"
        raise ValueError(f"{out}: found {what}, expected a bundle or nothing. Use another --out, or remove it.")


def question(out: Path, digests: Collection[str], next_version: bool = False) -> str | None:
    """Whose model a new bundle would replace, as a sentence; None where nothing need be asked.

    Args:
        digests: of the data that are trained on now, and were before within the same run.
        next_version: the model that is there is fine-tuned, and not trained from the beginning.

    Raises:
        BundleDamaged: what is there cannot be read.
    """
    if not (out / CARD).is_file():
        return None
    card = read_card(out)
    of_other_data = card.training.data_digest not in digests
    if not of_other_data and (next_version or not is_shipped(out)):
        return None
    whose = "comes with this code" if is_shipped(out) else _trained_on(card)
    return (
        f"{out}: found version {card.version}, which {whose}; expected a name that is free. "
        f"With --replace the new model takes its name, and it stays as {out.name}@{card.version}. Or use another --out."
    )


def is_shipped(out: Path) -> bool:
    """Whether this is the place of a bundle that comes with the code."""
    return out.name in SHIPPED and out.resolve().parent == Path(models.__file__).resolve().parent


def _trained_on(card: Card) -> str:
    return f"was trained on other pictures or labels ({card.training.data}, {card.training.data_images:,} pictures)"
