"""An index of a model's training pictures, so that people see whether a drawn picture is copied from one.

    training and unseen pictures, a card -> [index_writer] -> models.picture_index -> ZOETROPE_INDEX of the service

Made of the pictures that the model learned from, and refused for others. Next to
their thumbnails it holds how far pictures that the model never saw are from the
nearest of them: what the distance of a drawn picture is read against. It holds
training pictures, so it is as private as they are. Knows no evaluator.

Letters: N training pictures    M unseen pictures    H, W, C of a picture    h, w of its thumbnail
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.card import Card, ImageShape
from models.nearest_pictures import thumbnails
from models.picture_index import IndexFacts, write_index
from training.evaluation.in_use import is_own
from training.evaluation.quality_metrics import nearest_distances
from training.evaluation.reference import RealPictures
from training.monitoring.diversity import evenly_spaced

MOST_UNSEEN = 2_000
"""Enough for a share of a thousandth; comparing them with 60,000 digits takes a core some seconds."""
_AT_A_TIME = 1_024


def check_index(path: Path, card: Card, real: RealPictures) -> None:
    """Refuse what cannot be an index of these pictures for this model, before anything takes time.

    Raises:
        ValueError: the model has learned from other pictures, or the file cannot be written there; says which.
    """
    if path.is_dir():
        raise ValueError(f"--index: found a folder at {path}, expected the name of a file to write")
    if not path.absolute().parent.is_dir():
        raise ValueError(f"--index: found no folder {path.absolute().parent}, expected one to write {path.name} into")
    if not is_own(real, card):
        raise ValueError(
            f"--index: found pictures that {card.name} has not learned from ({real.name}), expected those that it was "
            f"trained on ({card.training.data}): of others no picture that it draws can be a copy"
        )


def write_index_of(path: Path, card: Card, real: RealPictures, report: Callable[[str], object] | None = None) -> None:
    """Write the index of a model's training pictures; see `check_index` for what is refused.

    Args:
        path: the file, which is replaced atomically.
        card: of a model that learned from them; every model and version with this digest of the data shares it.
        real: the training pictures, and the test pictures as unseen ones.
        report: gets a line that says what was written.
    """
    mirror = bool(card.training.options.get("mirror", False))
    learned_NhwC = _thumbnails(real.train)
    chosen = evenly_spaced(len(real.test), MOST_UNSEEN)
    unseen_M = _distances(_thumbnails(real.test[chosen]), learned_NhwC, mirror)
    facts = IndexFacts(
        data=card.training.data,
        data_digest=card.training.data_digest,
        image=ImageShape.model_validate(dict(zip(("height", "width", "channels"), real.train.shape[1:], strict=True))),
        mirror=mirror,
    )
    write_index(path, facts, learned_NhwC, unseen_M.astype(np.float32))
    if report:
        report(
            f"{path} has thumbnails of {len(learned_NhwC):,} training pictures, and how near {len(unseen_M):,} unseen "
            f"ones come to them: ZOETROPE_INDEX={path} zoetrope serve shows them next to what it draws"
        )


def _thumbnails(images_NHWC: NDArray[np.uint8]) -> NDArray[np.uint8]:
    parts = [images_NHWC[at : at + _AT_A_TIME] for at in range(0, len(images_NHWC), _AT_A_TIME)]
    return np.concatenate([thumbnails(part) for part in parts])


def _distances(unseen_MhwC: NDArray[np.uint8], learned_NhwC: NDArray[np.uint8], mirror: bool) -> NDArray[np.float64]:
    """(M,) in levels, to the nearest one or its mirror image, as the search measures them."""
    found = nearest_distances(unseen_MhwC, learned_NhwC)
    if mirror:
        mirrored = np.ascontiguousarray(unseen_MhwC[:, :, ::-1])
        found = np.minimum(found, nearest_distances(mirrored, learned_NhwC))
    return found
