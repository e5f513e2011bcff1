"""A word of the command line -> a recipe to train, or a bundle that is there.

    names -> [entries] -> commands.compare

All are looked at before the first is trained: what is wrong with the last word
should not be found after an hour. Reads bundles; trains and judges nothing.
"""

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from models.bundle import open_bundle
from training.comparison.recipes import RECIPES, Recipe
from training.data.dataset import Pictures
from training.run import Run


@dataclass(frozen=True)
class Entry:
    """One row to be."""

    name: str
    """As it was typed."""
    bundle: Path
    """Where the bundle is, or will be."""
    recipe: Recipe | None = None
    """None for a bundle that is taken as it is."""
    minutes: float | None = None
    """How long it may learn; None: as many images as its recipe says."""
    seed: int = 0
    """Of weights, codes and order."""

    @property
    def learns(self) -> bool:
        """Whether there is anything to train."""
        return self.recipe is not None and self.recipe.learns

    def made_by(self, run: Run) -> bool:
        """Whether the bundle is what this run, which has begun, leads to."""
        if not self.bundle.is_dir():
            return False
        made, config, settings = open_bundle(self.bundle).card.training, run.config(), run.settings()
        planned = settings.images_shown if self.learns else 0
        asked = config["data"]["digest"], config["settings"]
        return made.images_shown >= planned and (made.data_digest, made.options) == asked


def entries_named(names: Sequence[str], models: Path, pictures: Pictures) -> list[Entry]:
    """What is to be compared, in the order given; every recipe, if nothing is.

    Args:
        names: words of recipes, and folders of bundles.
        models: the folder for the bundles of recipes.
        pictures: what all of them draw.

    Raises:
        ValueError: a name that is neither, one that comes twice, or a bundle that draws another shape.
        ModelError: a bundle that is not whole.
    """
    names = [name.rstrip("/") or name for name in names] or list(RECIPES)
    if twice := [name for name in dict.fromkeys(names) if names.count(name) > 1]:
        raise ValueError(f"{', '.join(twice)} is named more than once; name each method once")
    entries = [_entry(name, models) for name in names]
    for entry in entries:
        if entry.recipe is None:
            _check_shape(entry, pictures)
    return entries


def spread(entries: Iterable[Entry], minutes: Sequence[float], seeds: Sequence[int]) -> list[Entry]:
    """Every recipe once for each number of minutes and each seed, named by what it is; bundles as they are.

    Args:
        minutes: none: a recipe has its own length.
        seeds: at least one.
    """
    return [
        one
        for entry in entries
        for one in ([entry] if entry.recipe is None else _spread(entry, minutes or [None], seeds))
    ]


def _spread(entry: Entry, minutes: Sequence[float | None], seeds: Sequence[int]) -> Iterable[Entry]:
    for length in minutes if entry.learns else [None]:
        for seed in seeds:
            words = [entry.name]
            words += [f"{length:g}min"] if length is not None else []
            words += [f"seed{seed}"] if len(seeds) > 1 else []
            name = "-".join(words).replace(".", "_")
            bundle = entry.bundle.with_name(name)
            yield replace(entry, name=name, bundle=bundle, minutes=length, seed=seed)


def _entry(name: str, models: Path) -> Entry:
    if name in RECIPES:
        return Entry(name, models / name, RECIPES[name])
    if not os.path.isdir(name):  # which takes a word that cannot be a path for what it is: no folder
        raise ValueError(
            f"{name!r} is no recipe and no folder. Expected one of {', '.join(RECIPES)}, which are trained here, "
            "or the folder of a bundle, such as models/mnist"
        )
    return Entry(name, Path(name))


def _check_shape(entry: Entry, pictures: Pictures) -> None:
    shape = open_bundle(entry.bundle).card.image
    found, expected = (shape.height, shape.width, shape.channels), pictures.images.shape[1:]
    if found != expected:
        raise ValueError(
            f"{entry.name}: found a bundle that draws {_by(found)}, expected {_by(expected)}, the shape of "
            f"{pictures.name}. Leave it out, or bring the pictures to its shape with --size."
        )


def _by(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape))
