"""Which pictures a person is asked about.

    store, informative -> [batch] -> routes/grading

Random ones show what the model draws now; some that this person graded before
tell how far they agree with themselves; informative ones, where grades have
taught the model a taste, are those that it is unsure of.
"""

import random
from dataclasses import dataclass
from typing import Literal

from models.runtime import Runtime
from service.address import address_of
from service.ratings.grade import Picture
from service.schemas import GenerateRequest

REPEATED, INFORMATIVE = 16, 2
"""One in so many, at most."""

Why = Literal["random", "repeat", "informative"]


@dataclass(frozen=True)
class Choice:
    """A picture to ask about."""

    picture: Picture
    why: Why


def mix(n: int, runtime: Runtime, repeats: list[Picture], informative: list[Picture]) -> list[Choice]:
    """These pictures and fresh ones, n in all, none twice, in any order.

    Args:
        n: 1 or more, and no fewer than are given.
        repeats, informative: of this model.
    """
    why: dict[Picture, Why] = dict.fromkeys(informative, "informative")
    why |= dict.fromkeys(repeats, "repeat")
    fresh = address_of(GenerateRequest(n=n), runtime)
    for at in range(n):
        if len(why) < n:
            why.setdefault(Picture.told(fresh.told_of(at)), "random")
    mixed = [Choice(picture, reason) for picture, reason in why.items()]
    random.shuffle(mixed)
    return mixed
