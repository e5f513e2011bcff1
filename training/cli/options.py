"""How every command reads pictures: the same words, the same options, the same bar.

fit, rating, rehearse, judge, compare -> [reading] -> pictures
"""

import re
from typing import Annotated

import rich
import typer
from rich.progress import Progress

from models.card import Card
from training.cli.console import tell_plainly
from training.data.dataset import Pictures, open_pictures
from training.data.parts import Part
from training.data.shape import Shape
from training.evaluation.reference import RealPictures

PicturesArgument = Annotated[
    str, typer.Argument(help="Folder or zip of pictures, idx or parquet files, `digits`, or stacked:PICTURES.")
]
SizeOption = Annotated[str | None, typer.Option(metavar="H[xW]", help="Pixels to bring them to.  (their own, or 64)")]
ResizeOption = Annotated[str, typer.Option(help="crop the centre, pad with black, or stretch.")]


def shape_of(size: str | None, resize: str, channels: int | None) -> Shape:
    """The shape that the options ask for.

    Raises:
        ValueError: an option cannot be understood.
    """
    if size is None:
        return Shape(None, channels, resize)
    if not (match := re.fullmatch(r"(\d+)(?:x(\d+))?", size)):
        raise ValueError(f"size is {size!r}; it must be like 64 or 48x80 (height x width)")
    return Shape((int(match[1]), int(match[2] or match[1])), channels, resize)


def shape_like(card: Card, channels: int | None = None) -> Shape:
    """The shape that a model draws, reached in the way that its training did."""
    size, resize = (card.image.height, card.image.width), str(card.training.options.get("resize", "crop"))
    return Shape(size, channels or card.image.channels, resize)


def tell_if_others(pictures: Pictures, source: str, card: Card) -> None:
    """Say where a model was trained on other pictures than these, or on other labels."""
    if card.classes is None and pictures.labels is not None:
        pictures = open_with_progress(source, shape_like(card), classes=False)
    if pictures.digest != card.training.data_digest:
        tell_plainly(f"{card.name} was trained on other pictures or labels ({card.training.data}) than these")


def real_of(train: Pictures, test: Pictures) -> RealPictures:
    """Both parts of a data set, as a judge needs them."""
    return RealPictures(train.images, test.images, train.labels, test.labels, train.classes)


def open_with_progress(source: str, shape: Shape, part: Part = "train", classes: bool = True) -> Pictures:
    """Read a data set behind a bar, which shows itself only where reading takes time and a person looks on."""
    with Progress(transient=True, disable=not rich.get_console().is_terminal) as bar:
        task = bar.add_task(f"reading {source}", total=None)
        return open_pictures(
            source, shape, part, classes, progress=lambda done, total: bar.update(task, completed=done, total=total)
        )
