"""The averaged generator: what is drawn in sheets, exported and served.

    gan -> [ema] -> sheets, export

Weights of a GAN circle around their goal; their average over the last images
shown is nearer to it than they are. The average is set by its half-life in
images, the number that a person can picture, and does not depend on the batch.
"""

import torch

from training.networks import Generator

SHARE_OF_RUN = 0.05
"""The half-life is never more than this share of the images shown so far, so a young average forgets its beginnings."""


def update_average(
    average: Generator, generator: Generator, batch: int, images_shown: int, half_life_images: int
) -> None:
    """Move the average towards the generator by one batch's worth.

    Args:
        average: changed in place.
        batch: images shown since the last call.
        images_shown: by the run so far, this batch included.
        half_life_images: after as many images an old weight counts half.
    """
    half_life = min(half_life_images, SHARE_OF_RUN * images_shown)
    keep = 0.5 ** (batch / half_life)
    with torch.no_grad():
        for old, new in zip(average.parameters(), generator.parameters(), strict=True):
            old.lerp_(new, 1 - keep)
