"""Codes by address: every picture has a seed and an index, and so its latent code.

    (seed, index) -> codes -> z -> runtime -> picture

A slice [start, start + n) of a seed's endless sequence of codes is computed
directly, on any machine, in any split: nothing before it has to be drawn. The random
words are those of Philox4x64-10 [Salmon2011], a generator without state, keyed
by (seed, stream) and counted by image. This file knows numbers only:
neither bundles nor networks.

Letters: N codes in the slice    Z numbers in a code    B counter blocks a code

Paper:
    [Salmon2011]  Parallel Random Numbers: As Easy as 1, 2, 3.  SC 2011.
"""

import threading
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.errors import AddressError

CODE_SCHEME = "philox4x64-10/box-muller/1"
"""Names the rules of this file. It is part of every bundle's version: changing a rule means changing this."""

ADDRESS_END = 2**64
"""Seeds and indices are unsigned 64-bit integers: 0 to 2^64 - 1."""

TRUNCATION_MAX = 2.0
"""Truncation multiplies a code: 0 draws the average picture, 1 follows the training data, 2 exaggerates."""

_WORDS_PER_BLOCK = 4
_CODE_STREAM, _LABEL_STREAM = 0, 1
_WORD = 2**64 - 1


def codes(seed: int, start: int, count: int, code_size: int, truncation: float = 1.0) -> NDArray[np.float32]:
    """Latent codes of the pictures [start, start + count) of a seed.

    Args:
        seed: 0 to 2^64 - 1.
        start: index of the first picture; start + count may not pass 2^64.
        count: how many, 0 or more.
        code_size: Z, the numbers in one code; any positive integer.
        truncation: 0 to 2, multiplies every number.

    Returns:
        (count, code_size) float32, standard normal times `truncation`.

    Raises:
        AddressError: an argument is out of its range.
    """
    check_address(seed, start, count, truncation)
    blocks = -(-code_size // _WORDS_PER_BLOCK)
    words_NW = _words(seed, _CODE_STREAM, start, count, blocks)
    uniform_NW = (words_NW >> np.uint64(11)).astype(np.float64) * 2.0**-53
    radius = np.sqrt(-2.0 * np.log(1.0 - uniform_NW[:, 0::2]))
    angle = 2.0 * np.pi * uniform_NW[:, 1::2]
    normal_NW = np.empty_like(uniform_NW)
    normal_NW[:, 0::2] = radius * np.cos(angle)
    normal_NW[:, 1::2] = radius * np.sin(angle)
    return normal_NW[:, :code_size].astype(np.float32) * np.float32(truncation)


def labels(seed: int, start: int, count: int, class_counts: Sequence[int]) -> NDArray[np.int64]:
    """Labels of the same pictures, drawn in proportion to `class_counts`.

    Returns:
        (count,) int64, each in [0, len(class_counts)).

    Raises:
        AddressError: the address is out of range, or the counts sum to 0 or past 2^32.
    """
    check_address(seed, start, count)
    cumulative_K = _cumulative(tuple(class_counts))
    first_word_N = _words(seed, _LABEL_STREAM, start, count, blocks=1)[:, 0]
    ticket_N = ((first_word_N >> np.uint64(32)) * cumulative_K[-1]) >> np.uint64(32)
    return np.asarray(cumulative_K.searchsorted(ticket_N, side="right"), np.int64)


@lru_cache
def _cumulative(class_counts: tuple[int, ...]) -> NDArray[np.uint64]:
    total = sum(class_counts)
    if not 0 < total < 2**32 or min(class_counts) < 0:
        raise AddressError(f"class counts sum to {total}; each must be 0 or more and their sum 1 to 2^32 - 1")
    return np.cumsum(class_counts).astype(np.uint64)


def check_address(seed: int, start: int, count: int, truncation: float = 1.0) -> None:
    """Refuse an address outside its range.

    Raises:
        AddressError: names the argument, its value and its range.
    """
    if not 0 <= seed < ADDRESS_END:
        raise AddressError(f"seed is {seed}; it must be 0 to {ADDRESS_END - 1}")
    if start < 0 or count < 0 or start + count > ADDRESS_END:
        raise AddressError(f"start {start} with {count} pictures is outside the indices 0 to {ADDRESS_END - 1}")
    if not 0.0 <= truncation <= TRUNCATION_MAX:  # also refuses NaN
        raise AddressError(f"truncation is {truncation}; it must be 0 to {TRUNCATION_MAX}")


class _Generator(threading.local):
    """One Philox for each thread, set to an address: to make a new one takes four times as long."""

    def __init__(self) -> None:
        self.philox = np.random.Philox(0)
        self.state: Any = self.philox.state

    def at(self, key: tuple[int, int], counter: int) -> np.random.Philox:
        """The generator, as if it was made with this key, of two words, and this counter, below 2^256."""
        words, keys = self.state["state"]["counter"], self.state["state"]["key"]
        keys[0], keys[1] = key
        words[0], words[1], words[2], words[3] = (counter >> shift & _WORD for shift in (0, 64, 128, 192))
        self.philox.state = self.state
        return self.philox


_generator = _Generator()


def _words(seed: int, stream: int, start: int, count: int, blocks: int) -> NDArray[np.uint64]:
    words_per_image = _WORDS_PER_BLOCK * blocks
    # start * blocks is a Python integer and may pass 2^64; Philox counts to 2^256.
    philox = _generator.at((seed, stream), int(start) * blocks)
    return philox.random_raw(words_per_image * count).reshape(count, words_per_image)
