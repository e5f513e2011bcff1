"""An index of training pictures, one of which an untrained model draws again: a copy that a person can find."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models import open_model
from models.bundle import read_card
from models.picture_index import IndexFacts, write_index

SEED, INDEX = 7, 3
"""The address of the copy."""
PLANTED = 123
"""Its place among the training pictures."""


def write_copied(path: Path, bundle: Path) -> NDArray[np.uint8]:
    """An index of noise, and the picture of that address in it; gives all its pictures."""
    card = read_card(bundle)
    shape = card.image.height, card.image.width, card.image.channels
    pictures = np.random.default_rng(0).integers(0, 256, (400, *shape), np.uint8)
    pictures[PLANTED] = open_model(bundle).generate(seed=SEED, n=INDEX + 1)[INDEX]
    facts = IndexFacts(data="squares", data_digest=card.training.data_digest, image=card.image, mirror=False)
    write_index(path, facts, pictures, np.linspace(2, 120, 500, dtype=np.float32))
    return pictures
