"""What a comparison compares: recipes that it trains, and bundles that it takes as they are.

    config (presets) -> recipes -> compare (trains, evaluates) -> table

A recipe is a difference from a preset, and a length after which its result shows:
on `small`, five to eight minutes of one CPU core each. All names are checked
before the first recipe is trained: an error in the last one does not appear after
an hour. Reads bundles; trains and evaluates nothing.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from models.bundle import find_bundle, open_bundle
from models.errors import BundleMissing
from training.config import EDITION, LossName, MethodName, NetworkName, Settings
from training.data.dataset import Pictures
from training.defaults import default_settings
from training.run import Run


@dataclass(frozen=True)
class Recipe:
    """One way to train."""

    word: str
    method: MethodName
    network: NetworkName | None
    """None: the preset's; the same for `loss` and `gamma`."""
    loss: LossName | None
    gamma: tuple[float, float] | None
    kimg: dict[str, float]
    """Preset -> thousand images to show, 0 for an untrained network; the preset's own, where it is missing."""
    what: str
    """A sentence for a person."""

    @property
    def learns(self) -> bool:
        """False for a network that stays untrained."""
        return any(self.kimg.values())

    def settings(
        self, pictures: Pictures, preset: str | None = None, kimg: float | None = None, edition: int = EDITION
    ) -> Settings:
        """The settings of a run.

        Args:
            preset: a row of the table of presets; by the pictures, if there is none.
            edition: of the presets.
            kimg: thousand images to show, in place of the recipe's own length; ignored by an untrained network.

        Raises:
            ValueError: no such preset, or a length below one batch.
        """
        settings = default_settings(pictures, preset, self.method, self.network, edition)
        settings = settings.with_changes(loss=self.loss, gamma=self.gamma)
        wanted = self.kimg.get(settings.preset) if kimg is None else kimg
        if not self.learns or wanted is None:
            return settings
        return settings.with_changes(images_shown=round(1000 * wanted))


_NOISE = "A generator before its first step: how bad it starts."
_AUTOENCODER = "Encoder and decoder reconstruct pictures; the decoder draws from codes of a fitted mixture."
_DENOISING = "The same, shown noisy pictures and asked for the clean ones."
_VARIATIONAL = "Codes are trained to be standard normal, so the decoder draws from standard normal numbers."
_DCGAN = "The GAN of 2014 as in the lecture: strided convolutions, the minimax loss, no penalty."
_GAN = "The default GAN: residual networks, the relativistic loss, R1 and R2."

_Row = tuple[str, MethodName, NetworkName | None, LossName | None, tuple[float, float] | None, tuple[float, float], str]
# fmt: off
_TABLE: tuple[_Row, ...] = (
    # word           method         network loss       gamma       kimg of tiny, of small and medium
    ("untrained",   "gan",         None,    None,      None,       (  0,   0), _NOISE),
    ("autoencoder", "autoencoder", None,    None,      None,       (200, 450), _AUTOENCODER),
    ("denoising",   "denoising",   None,    None,      None,       (200, 450), _DENOISING),
    ("variational", "variational", None,    None,      None,       (200, 300), _VARIATIONAL),
    ("dcgan",       "gan",         "dcgan", "minimax", (0.0, 0.0), (200, 350), _DCGAN),
    ("gan",         "gan",         None,    None,      None,       (200, 150), _GAN),
)
# fmt: on

RECIPES = {
    word: Recipe(word, method, network, loss, gamma, {"tiny": kimg[0], "small": kimg[1], "medium": kimg[1]}, what)
    for word, method, network, loss, gamma, kimg, what in _TABLE
}
"""Word -> recipe, in the order of the lecture."""


@dataclass(frozen=True)
class Entry:
    """One row of a comparison, before it is trained or evaluated."""

    name: str
    """As it was typed."""
    bundle: Path
    """Where the bundle is, or will be."""
    recipe: Recipe | None = None
    """None for a bundle that is taken as it is."""
    minutes: float | None = None
    """Training budget; None: as many images as its recipe says."""
    seed: int = 0
    """Of weights, codes and order."""

    @property
    def learns(self) -> bool:
        """Whether there is anything to train."""
        return self.recipe is not None and self.recipe.learns

    def made_by(self, run: Run) -> bool:
        """Whether the bundle is the complete result of this run."""
        from training.checkpoint import images_shown_in  # with torch, which a wrong name in a command does not wait for
        from training.exporter.record import is_exported

        planned = run.settings().images_shown if self.learns else 0
        return images_shown_in(run.checkpoint) >= planned and is_exported(run, self.bundle)


def entries_named(names: Sequence[str], models: Path, pictures: Pictures) -> list[Entry]:
    """The entries of a comparison, in the order given; every recipe, without names.

    Args:
        names: words of recipes, and folders of bundles.
        models: the folder for the bundles of recipes.
        pictures: the data that all of them draw.

    Raises:
        ValueError: a name that is neither, one that appears twice, or a bundle that draws another shape.
        ModelError: a damaged bundle.
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
    """Every recipe once for each training budget and each seed, named after both; bundles as they are.

    Args:
        minutes: training budgets; empty: the recipe's own length.
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
    try:
        return Entry(name, find_bundle(name))
    except (BundleMissing, OSError, ValueError) as error:  # a word may be none that can be a path
        raise ValueError(
            f"{name!r} is not a recipe and not a model. Expected one of {', '.join(RECIPES)}, which are trained here, "
            f"or a model to take as it is: a folder, or a name in ZOETROPE_MODELS ({error})"
        ) from None


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
