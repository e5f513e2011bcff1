"""The index of training pictures that a setting names: opened in the background, again when it changes, or refused.

    ZOETROPE_INDEX -> [training_pictures] (models.picture_index) -> routes/nearest, GET /status, GET /models

A service without an index, or with one that is broken, draws as any other: what is
wrong becomes a reason, which GET /status and the route give. An index is mapped into
memory and not read into it. Knows files and cards; knows no HTTP but the problems
that it raises.
"""

import logging
import os
import threading
from collections.abc import Sequence
from pathlib import Path

from models.card import Card
from models.picture_index import PictureIndex, open_index
from service.errors import Problem
from service.refusals import in_words, reason_of
from service.status_schemas import IndexState

_RETRY_AFTER_S = 2
_OPENING = "It is being opened."
_COMMAND = "zoetrope evaluate {name} PICTURES --index FILE, and ZOETROPE_INDEX=FILE"
_log = logging.getLogger("zoetrope")


class TrainingPictures:
    """The index of a service; any thread may ask, one at a time opens.

    Args:
        path: of the file, which may be missing or broken; None: no setting names one.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._index: PictureIndex | None = None
        self._reason: str | None = _OPENING
        self._known: tuple[int, ...] | None = None
        self._opening = threading.Lock()

    def start(self) -> None:
        """Open the index in a thread of its own: checking a large one takes seconds."""
        if self._path is not None:
            threading.Thread(target=self.refresh, name="index", daemon=True).start()

    def refresh(self) -> None:
        """Open the file again where it has changed; what is wrong with it then becomes the reason why there is none."""
        if self._path is None:
            return
        with self._opening:
            found = _identity(self._path)
            if found == self._known:
                return
            self._known = found
            try:
                index, reason = open_index(self._path), None
            except Exception as error:
                index, reason = None, reason_of(error)
                _log.error("ZOETROPE_INDEX is refused until it changes: %s", in_words(error))
            self._index, self._reason = index, reason
        if index is not None:
            _log.info("training pictures: %d of %s can be searched", len(index.pictures.pictures), index.facts.data)

    def fits(self, card: Card) -> bool:
        """Whether the index is of the pictures that a model has learned from."""
        return self._index is not None and self._index.fits(card)

    def of(self, card: Card) -> PictureIndex:
        """The index of the pictures that a model has learned from.

        Raises:
            Problem: 404, there is none; 503, it is broken, or still being opened. Says what to do.
        """
        command = _COMMAND.format(name=card.name)
        index, reason = self._index, self._reason
        if self._path is None:
            raise Problem(404, f"There is no index of training pictures here. Make one: {command}.")
        if index is None and reason == _OPENING:
            headers = {"Retry-After": str(_RETRY_AFTER_S)}
            raise Problem(503, f"The index is being opened. Try again in {_RETRY_AFTER_S} s.", headers)
        if index is None:
            raise Problem(503, f"The index of training pictures cannot be used: {reason} Make one: {command}.")
        if not index.fits(card):
            raise Problem(404, f"The index here is {_other(index, card)}. Make one: {command}.")
        return index

    def state(self, cards: Sequence[Card]) -> IndexState | None:
        """What GET /status says of it; None where no setting names one.

        Args:
            cards: of the current models.
        """
        if self._path is None:
            return None
        index, reason = self._index, self._reason
        if index is None:
            return IndexState(state="loading" if reason == _OPENING else "refused", reason=reason)
        models = [card.name for card in cards if index.fits(card)]
        return IndexState(
            state="ready",
            reason=None if models else "It is of pictures that no model here has learned from.",
            data=index.facts.data,
            pictures=len(index.pictures.pictures),
            models=models,
        )


def _identity(path: Path) -> tuple[int, ...]:
    """What changes with a file; empty where there is none."""
    try:
        found = os.stat(path)
    except OSError:
        return ()
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns


def _other(index: PictureIndex, card: Card) -> str:
    """How an index differs from what a model needs."""
    facts, own = index.facts, card.training
    if facts.data_digest == own.data_digest:
        one, other = (f"{image.width} x {image.height} x {image.channels}" for image in (facts.image, card.image))
        return f"of pictures of {one}, and {card.name} draws {other}"
    return (
        f"of other pictures ({facts.data}, digest {facts.data_digest[:12]}) than {card.name} has learned from "
        f"({own.data}, digest {own.data_digest[:12]})"
    )
