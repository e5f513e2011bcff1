"""Codes to pixels: the one piece of code that runs a model.

    codes, engine -> [runtime] -> uint8 pixels

Export checks a new bundle through this file, and the service draws with it, so
"it was right when it was exported" and "it is what people get" are the same
sentence. Knows neither HTTP nor torch.

Letters: N pictures    Z numbers in a code    K classes    H, W, C of a picture
"""

import time
from collections.abc import Iterator, Sequence
from copy import copy
from typing import Self

import numpy as np
from numpy.typing import NDArray

from models.bundle import Bundle
from models.card import Card
from models.codes import codes, labels
from models.engine import REFERENCE, Engine, EngineName, Rows, padded, reference_on
from models.errors import AddressError
from models.loading import load
from models.sizes import batch_sizes, best_size

_PROBES, _ROUNDS = 4, 3


class Runtime:
    """A model, loaded and warm.

    Args:
        bundle: what to load.
        name: the engine, which is never replaced by another.
        threads: CPU threads of one call; all cores that this process may use, if not given.

    Raises:
        EngineUnavailable: the engine is not here; says why.
        BundleDamaged: a graph is not what the card says.
    """

    def __init__(self, bundle: Bundle, name: EngineName = REFERENCE, threads: int | None = None) -> None:
        self.card = bundle.card
        self.class_names = tuple(one.name for one in self.card.classes or ())
        shape, label = self.card.image, ["label int64 [N]"] * (self.card.classes is not None)
        z = f"z float32 [N, {self.card.code_size}]"
        images = f"images uint8 [N, {shape.height}, {shape.width}, {shape.channels}]"
        graded = [images, *label, "grade float32 [N]", "deviation float32 [N]"]
        self.generator = load(bundle.generator, name, threads, [z, *label, images])
        """What draws; `draw` gives it batches of the right sizes."""
        beside = reference_on(name.device)  # what is not drawn
        self._encoder = load(bundle.encoder, beside, threads, [images, *label, z]) if bundle.encoder else None
        self._reward = load(bundle.reward, beside, threads, graded) if bundle.reward else None
        self.engine = self.generator.told
        seconds = self._warmed(batch_sizes(name.device, shape.height * shape.width * shape.channels))
        self.batch_sizes = tuple(seconds)
        """The fixed sizes of batches that reach the engine."""
        self._best_sizes = tuple(best_size(seconds, waiting) for waiting in range(1, self.batch_sizes[-1] + 1))

    def under(self, card: Card) -> Self:
        """The same graphs, under another card of the same files."""
        other = copy(self)
        other.card = card
        return other

    def generate(
        self, seed: int, start: int, count: int, truncation: float = 1.0, label: int | Sequence[int] | None = None
    ) -> NDArray[np.uint8]:
        """The pictures [start, start + count) of a seed: (count, H, W, C) uint8.

        The bytes of a picture depend on its address and on nothing else.

        Raises:
            AddressError: see `models.codes` and `labels`.
        """
        labels_N = self.labels(seed, start, count, label)
        return self.draw(codes(seed, start, count, self.card.code_size, truncation), labels_N)

    def labels(
        self, seed: int, start: int, count: int, label: int | Sequence[int] | None = None
    ) -> NDArray[np.int64] | None:
        """Classes of these pictures, (count,) int64: those that are given, else drawn as often as in training.

        Args:
            label: one for all, or one a picture; 0 to K - 1.

        Returns:
            None where the model has no classes.

        Raises:
            AddressError: a label for a model without classes, one that it does not have, or too many or few of them.
        """
        if self.card.classes is None:
            if label is not None:
                raise AddressError(f"label is {label}, but {self.card.name} has no classes; leave it out")
            return None
        if label is None:
            return labels(seed, start, count, [one.count for one in self.card.classes])
        given = [label] * count if isinstance(label, int) else list(label)
        if len(given) != count:
            raise AddressError(
                f"found {len(given)} labels for {count} pictures, expected one for all, or one a picture"
            )
        wrong = next((one for one in given if not 0 <= one < len(self.class_names)), None)
        if wrong is not None:
            raise AddressError(f"label is {wrong}; it must be 0 to {len(self.class_names) - 1}")
        return np.array(given, np.int64)

    def draw(self, codes_NZ: NDArray[np.float32], labels_N: NDArray[np.int64] | None = None) -> NDArray[np.uint8]:
        """Pictures of these codes: (N, Z) float32 [and labels (N,) int64] -> (N, H, W, C) uint8."""
        shape = self.card.image
        pixels = np.empty((len(codes_NZ), shape.height, shape.width, shape.channels), np.uint8)
        for part, size in self._parts(len(codes_NZ)):
            given = labels_N if labels_N is None else labels_N[part]
            (pixels[part],) = _run(self.generator, size, codes_NZ[part], given)
        return pixels

    @property
    def encodes(self) -> bool:
        """Whether the model has a way back from pictures to codes."""
        return self._encoder is not None

    def encode(self, images_NHWC: NDArray[np.uint8], labels_N: NDArray[np.int64] | None = None) -> NDArray[np.float32]:
        """The codes that draw these pictures again: (N, H, W, C) uint8 [and labels (N,) int64] -> (N, Z) float32.

        Raises:
            ValueError: the model has no encoder.
        """
        if self._encoder is None:
            raise ValueError(f"{self.card.name} ({self.card.method}) has no encoder")
        codes_NZ = np.empty((len(images_NHWC), self.card.code_size), np.float32)
        for part, size in self._parts(len(images_NHWC)):
            given = labels_N if labels_N is None else labels_N[part]
            (codes_NZ[part],) = _run(self._encoder, size, images_NHWC[part], given)
        return codes_NZ

    @property
    def has_reward(self) -> bool:
        """Whether the model carries what people like."""
        return self._reward is not None

    def grade(
        self, images_NHWC: NDArray[np.uint8], labels_N: NDArray[np.int64] | None = None
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """The grades that people would give to pictures (N, H, W, C) [of classes (N,)], and how unsure that is.

        Returns:
            (N,) float32 from 0 to 1, and (N,) the deviation among the members of the reward ensemble.

        Raises:
            ValueError: nobody graded the model.
        """
        if self._reward is None:
            raise ValueError(f"{self.card.name} {self.card.version} was not graded, and has no reward.onnx")
        grades_N, deviations_N = np.empty(len(images_NHWC), np.float32), np.empty(len(images_NHWC), np.float32)
        for part, size in self._parts(len(images_NHWC)):
            given = labels_N if labels_N is None else labels_N[part]
            grades_N[part], deviations_N[part] = _run(self._reward, size, images_NHWC[part], given)
        return grades_N, deviations_N

    def best_size(self, waiting: int) -> int:
        """The batch size to draw so many waiting pictures with, 1 or more, or the first of them."""
        return self._best_sizes[min(waiting, len(self._best_sizes)) - 1]

    def _parts(self, count: int) -> Iterator[tuple[slice, int]]:
        """Slices of up to a batch, each with the batch size that it is padded to."""
        done = 0
        while done < count:
            size = self.best_size(count - done)
            yield slice(done, min(done + size, count)), size
            done += size

    def _warmed(self, sizes: Sequence[int]) -> dict[int, float]:
        """Run every batch size, and keep those that draw the very bytes that the largest draws.

        Returns:
            Seconds that a batch of each size takes, the quickest of a few: the largest size is the last.
        """
        largest = sizes[-1]
        probe, labels_N = codes(0, 0, largest, self.card.code_size), self.labels(0, 0, largest)

        def run(at: int, size: int) -> NDArray[np.uint8]:
            part = slice(at, at + size)
            (pixels,) = _run(self.generator, size, probe[part], None if labels_N is None else labels_N[part])
            return pixels

        def seconds_of(size: int) -> float:
            run(0, size)  # so that its weights are in the caches, as in a row of such batches
            begun_s = time.perf_counter()
            run(0, size)
            return time.perf_counter() - begun_s

        reference = run(0, largest)
        agreeing = [
            size
            for size in sizes
            if all(
                np.array_equal(run(at, size), reference[at : at + size])
                for at in range(0, largest, max(size, largest // _PROBES))
            )
        ]
        rounds = [[seconds_of(size) for size in agreeing] for _ in range(_ROUNDS)]
        return dict(zip(agreeing, map(min, zip(*rounds, strict=True)), strict=True))


def _run(engine: Engine, size: int, rows: Rows, labels_N: NDArray[np.int64] | None) -> list[Rows]:
    """One call of an engine: rows padded to a batch of `size`, the padding's results left out."""
    given = [padded(one, size) for one in (rows, labels_N) if one is not None]
    return [result[: len(rows)] for result in engine.run(*given)]
