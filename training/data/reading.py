"""What a person asks of the reading: which labels, which pictures, and what lies under transparency.

    options, a card -> [reading] -> folders, layout, parquet, decode

What evaluates a model or trains it further must read as its training did, so
these are settings of a run, and the card keeps them. Knows no files.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, cast, get_args

from training.config import Settings

Unlabelled = Literal["drop", "keep"]
ClassFolders = Literal["top", "leaf"]

FEWEST_TO_HOLD_OUT = 50
"""Smaller sets are trained on whole: a tenth of them would tell nothing, and would be missed. Runs and models from
before 2026-11-26 were trained on all of fewer than 500, and go on so."""
UNLABELLED = "unlabelled"
"""The class of pictures that have none, where they are kept."""
_NAMED_COLOURS = {"white": (255, 255, 255), "black": (0, 0, 0)}


@dataclass(frozen=True)
class Reading:
    """What a person asks for.

    Args:
        classes: look for labels; True: refuse pictures without them; False: take none.
        unlabelled: where some pictures have a class, leave the others out, or keep them as a class of their own.
        class_folders: with nested folders the first ones are the classes, or the innermost ones.
        background: what transparency is laid on: `white`, `black` or `#rrggbb`.
        hold_out_from: fewest pictures of which a tenth is held out, where the source has no test part.

    Raises:
        ValueError: names what is not valid.
    """

    classes: bool | None = None
    unlabelled: Unlabelled = "drop"
    class_folders: ClassFolders = "top"
    background: str = "white"
    hold_out_from: int = FEWEST_TO_HOLD_OUT

    @classmethod
    def parse(cls, classes: bool | None, unlabelled: str, class_folders: str, background: str) -> "Reading":
        """The reading that options ask for.

        Raises:
            ValueError: an option is not valid.
        """
        return cls(classes, cast(Unlabelled, unlabelled), cast(ClassFolders, class_folders), background)

    @classmethod
    def of_options(cls, options: Mapping[str, Any], classes: bool | None = None) -> "Reading":
        """As a card or a run keeps it; older ones, that lack these options, were read as the settings' defaults say."""
        names = ("unlabelled", "class_folders", "background", "hold_out_from")
        return cls(
            classes, **{"hold_out_from": Settings.hold_out_from} | {n: options[n] for n in names if n in options}
        )

    def __post_init__(self) -> None:
        for name, words in (("unlabelled", Unlabelled), ("class_folders", ClassFolders)):
            if getattr(self, name) not in get_args(words):
                raise ValueError(f"{name} is {getattr(self, name)!r}; it must be one of {', '.join(get_args(words))}")
        rgb_of(self.background)


def rgb_of(colour: str) -> tuple[int, int, int]:
    """The levels of a colour that is named, or written as `#rrggbb`.

    Raises:
        ValueError: it is neither.
    """
    if colour in _NAMED_COLOURS:
        return _NAMED_COLOURS[colour]
    if not re.fullmatch(r"#[0-9a-fA-F]{6}", colour):
        raise ValueError(f"background is {colour!r}; it must be white, black or like #7f7f7f")
    red, green, blue = bytes.fromhex(colour[1:])
    return red, green, blue
