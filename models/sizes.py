"""The few batch sizes that reach an engine, and which of them is the best for so many pictures.

    engine -> [sizes] -> runtime

A kernel is chosen by the shape of what it computes, and another kernel may round
differently: so batches have one of a few sizes, and are filled up with zeros.
"""

import math
from collections.abc import Mapping

from models.engine import Device

_LARGEST = 256
_LARGEST_VALUES: dict[Device, float] = {"cpu": 2**20, "cuda": math.inf}

_AS_GOOD = 1.25


def batch_sizes(device: Device, picture_values: int) -> tuple[int, ...]:
    """Powers of two: up to 256, and on a CPU up to about a million values, so that nobody waits long behind a batch.

    What a batch costs beyond the engine is the same for one of any size, so a large
    one is cheaper. By the shape and not by the time: a slow day would change which
    sizes there are, and so perhaps the bytes.

    Args:
        picture_values: H x W x C of one picture.
    """
    largest = min(_LARGEST, _LARGEST_VALUES[device] / picture_values)
    return tuple(1 << power for power in range(max(1, int(largest)).bit_length()))


def best_size(seconds_by_size: Mapping[int, float], waiting: int) -> int:
    """The batch size to draw so many waiting pictures with, or the first of them.

    The largest that they fill, of those that are about as good: whoever calls has some work for each batch as well.
    One that they do not fill, where a larger batch costs hardly more, as on a GPU; but never instead of one that they
    just fill, whatever was measured: rows that nobody asked for cost whoever else has the processor.

    Args:
        seconds_by_size: what a batch of each size takes, from the smallest size to the largest.
        waiting: pictures, 1 or more.
    """
    seconds = seconds_by_size
    rates = {size: taken / size for size, taken in seconds.items() if size <= waiting}
    good = max((size for size in rates if rates[size] <= _AS_GOOD * min(rates.values())), default=max(seconds))
    larger = min((size for size in seconds if size > waiting), default=good)
    return larger if good != waiting and seconds[larger] / waiting < seconds[good] / min(good, waiting) else good
