"""The pictures that a command or a call names, read as a model or an evaluator needs them.

    a path, a card -> [inputs] -> plan, api, cli

Shows a progress bar where a terminal is there and reading takes time. Imports no
torch until pictures were found.
"""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import rich
from rich.markup import escape
from rich.progress import Progress

from models.card import Card
from training.data.dataset import MOST_HELD_OUT, Pictures, open_pictures
from training.data.reading import Reading
from training.data.shape import Resize, Shape
from training.data.sources import printable
from training.data.splits import PREFIX, Part

if TYPE_CHECKING:
    from training.evaluation.reference import RealPictures

Report = Callable[[str], object]
"""Gets what a person should read, a line at a time."""


def open_with_progress(
    source: str, shape: Shape, part: Part = "train", classes: bool | None = None, reading: Reading = Reading()
) -> Pictures:
    """Read a data set behind a progress bar; arguments and errors are those of `open_pictures`."""
    with Progress(transient=True, disable=not rich.get_console().is_terminal) as bar:
        task = bar.add_task(f"reading {escape(printable(source))}", total=None)
        return open_pictures(
            source,
            shape,
            part,
            classes,
            progress=lambda done, total: bar.update(task, completed=done, total=total),
            reading=reading,
        )


def whole_path(source: str) -> str:
    """Where pictures are, whatever folder a later command is typed in; what is no path stays as it is."""
    return str(Path(source).absolute()) if Path(source).exists() else source


def with_held_out(pictures: Pictures, source: str, resize: Resize, reading: Reading) -> Pictures:
    """The same pictures with some of their test part, by which a run sees how much it overfits; a note says why not.

    Args:
        pictures: the training part.
        source, reading: as they were read.
        resize: as they were brought to their shape.
    """
    from training.monitoring.diversity import evenly_spaced

    _, height, width, channels = pictures.images.shape
    try:
        test = open_with_progress(source, Shape((height, width), channels, resize), "test", reading=reading)
    except ValueError as error:
        why = f"no picture is held out, so overfitting and memorisation cannot be seen ({error})"
        return replace(pictures, notes=(*pictures.notes, why))
    chosen = evenly_spaced(len(test.images), MOST_HELD_OUT)
    labels_N = None
    if pictures.classes is not None:
        if test.labels is None or test.classes is None:
            return replace(
                pictures, notes=(*pictures.notes, "the test part has no classes, so the run does not use it")
            )
        place = {name: number for number, name in enumerate(pictures.classes)}
        labels_N = np.array([place.get(test.classes[label], -1) for label in test.labels[chosen]], np.int64)
        chosen, labels_N = chosen[labels_N >= 0], labels_N[labels_N >= 0]
    held_out = replace(test, images=test.images[chosen], labels=labels_N, classes=pictures.classes, notes=())
    note = f"{len(test.images):,} pictures are in the test part, which no training sees"
    told = any("held out" in one for one in pictures.notes)
    return replace(pictures, held_out=held_out, notes=pictures.notes if told else (*pictures.notes, note))


def shape_of_model(card: Card, channels: int | None = None) -> Shape:
    """The shape that a model draws, reached by the same resizing as in its training."""
    resize = str(card.training.options.get("resize", "crop"))
    return Shape.parse(f"{card.image.height}x{card.image.width}", resize, channels or card.image.channels)


def reading_of_model(card: Card) -> Reading:
    """How the pictures of a model were read in its training."""
    return Reading.of_options(card.training.options)


def report_other_data(pictures: Pictures, source: str, card: Card, report: Report) -> bool:
    """Say where a model was trained on other pictures than these, or on other labels; returns whether it was."""
    if card.classes is None and pictures.labels is not None:
        pictures = open_with_progress(source, shape_of_model(card), "train", False, reading_of_model(card))
    other = pictures.digest != card.training.data_digest
    if other:
        report(f"{card.name} was trained on other pictures or labels ({card.training.data}) than these")
    return other


def real_pictures(train: Pictures, test: Pictures) -> "RealPictures":
    """Both parts of a data set, as an evaluator needs them."""
    from training.evaluation.reference import RealPictures

    return RealPictures(train.images, test.images, train.labels, test.labels, train.classes, train.name)


def real_pictures_for(source: str, card: Card, report: Report) -> "RealPictures":
    """Read both parts of a data set in the shape that a model draws; says where it was trained on other pictures."""
    single_digits = card.training.data.startswith("stacked-") and not source.startswith(PREFIX)
    shape = shape_of_model(card, 1 if single_digits else None)
    reading = reading_of_model(card)
    train, test = (open_with_progress(source, shape, part, reading=reading) for part in ("train", "test"))
    if not single_digits:
        report_other_data(train, source, card, report)
    return real_pictures(train, test)
