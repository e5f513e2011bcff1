"""Codes to pixels: the one piece of code that runs a model.

    bundle, codes, engine_selection -> runtime -> uint8 pixels

Export checks a new bundle through this file, and the service draws with it, so
"it was right when it was exported" and "it is what people get" are the same
sentence. Knows neither HTTP nor torch.

Letters: N pictures    Z numbers in a code    K classes    H, W, C of a picture
"""

import threading
from collections.abc import Iterator, Sequence
from copy import copy
from pathlib import Path
from typing import Literal, Self

import numpy as np
from numpy.typing import NDArray

from models.bundle import ENCODER, GENERATOR, REWARD, Bundle, find_bundle, open_bundle
from models.card import Card
from models.codes import codes, labels
from models.engine import (
    REFERENCE,
    Device,
    Engine,
    EngineName,
    Library,
    Precision,
    Rows,
    batch_sizes,
    best_batch_size,
    pad_rows,
    reference_on,
)
from models.engine_selection import load_engine, select_engine
from models.errors import AddressError

_PROBES = 4
"""Batches of one size that are compared with the largest batch."""


def open_model(
    path_or_name: str | Path,
    engine: Library | Literal["auto"] = "auto",
    precision: Precision | Literal["auto"] = "auto",
    threads: int | None = None,
    device: Device = "cpu",
) -> "Runtime":
    """Open a bundle, select its engine by the rule, and warm it up: `open_model("models/mnist").generate(7, n=64)`.

    Args:
        path_or_name: a bundle's folder, or its name in `$ZOETROPE_MODELS`, by default `models`.
        engine, precision: pinned, or left to `models.engine_selection`.
        threads: CPU threads of one call; all cores that this process may use, if not given.

    Raises:
        BundleError: there is no whole, unaltered bundle.
        EngineUnavailable: the engine is not available; says why.
    """
    bundle = open_bundle(find_bundle(path_or_name))
    library = None if engine == "auto" else engine
    name = select_engine(bundle.card, device, library, None if precision == "auto" else precision)
    return Runtime(bundle, name, threads)


class Runtime:
    """A model, loaded and warm.

    Args:
        bundle: what to load.
        engine_name: the engine, which is never replaced by another.
        threads: CPU threads of one call; all cores that this process may use, if not given.
        warm_all: warm every batch size now. Otherwise only size 1 and the largest, and `warm_up_next` the others.

    Raises:
        EngineUnavailable: the engine is not available; says why.
        BundleDamaged: a graph is not what the card says.
    """

    def __init__(
        self,
        bundle: Bundle,
        engine_name: EngineName = REFERENCE,
        threads: int | None = None,
        warm_all: bool = True,
    ) -> None:
        self.card = bundle.card
        self.class_names = tuple(one.name for one in self.card.classes or ())
        shape, label = self.card.image, ["label int64 [N]"] * (self.card.classes is not None)
        z = f"z float32 [N, {self.card.code_size}]"
        images = f"images uint8 [N, {shape.height}, {shape.width}, {shape.channels}]"
        graded = [images, *label, "grade float32 [N]", "deviation float32 [N]"]

        def load(graph: bytes, file: str, name: EngineName, interface: list[str]) -> Engine:
            return load_engine(graph, bundle.path / file, name, threads, interface)

        self.generator = load(bundle.generator, GENERATOR, engine_name, [z, *label, images])
        """The engine that draws; `draw` gives it batches of the right sizes."""
        exact = reference_on(engine_name.device)  # what is not drawn is computed in float32
        self._encoder = load(bundle.encoder, ENCODER, exact, [images, *label, z]) if bundle.encoder else None
        self._reward = load(bundle.reward, REWARD, exact, graded) if bundle.reward else None
        self.engine = self.generator.description
        """Library, version, device and precision that draw."""
        self._device = engine_name.device
        sizes = batch_sizes(self._device, shape.height * shape.width * shape.channels)
        probe = codes(0, 0, sizes[-1], self.card.code_size), self.labels(0, 0, sizes[-1])
        self._warm_up = WarmUp(self.generator, sizes, *probe)
        while warm_all and self.warm_up_next():
            pass

    @property
    def batch_sizes(self) -> tuple[int, ...]:
        """The fixed batch sizes that are warm and reach the engine, ascending."""
        return self._warm_up.sizes

    def warm_up_next(self) -> bool:
        """Warm one further batch size, and use it from then on if its bytes agree with the largest size.

        Any thread may call this while others draw.

        Returns:
            False when no size is left.
        """
        return self._warm_up.warm_up_next()

    def with_card(self, card: Card) -> Self:
        """The same graphs, under another card of the same files."""
        other = copy(self)
        other.card = card
        return other

    def generate(
        self, seed: int, start: int = 0, n: int = 1, truncation: float = 1.0, label: int | Sequence[int] | None = None
    ) -> NDArray[np.uint8]:
        """The pictures [start, start + n) of a seed: (n, H, W, C) uint8.

        The bytes of a picture depend on its address and on nothing else.

        Raises:
            AddressError: see `models.codes` and `labels`.
        """
        labels_N = self.labels(seed, start, n, label)
        return self.draw(codes(seed, start, n, self.card.code_size, truncation), labels_N)

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
        return labels_of(self.card, seed, start, count, label)

    def draw(self, codes_NZ: NDArray[np.float32], labels_N: NDArray[np.int64] | None = None) -> NDArray[np.uint8]:
        """Pictures of these codes: (N, Z) float32 [and labels (N,) int64] -> (N, H, W, C) uint8."""
        shape = self.card.image
        pixels = np.empty((len(codes_NZ), shape.height, shape.width, shape.channels), np.uint8)
        for part, size in self._parts(len(codes_NZ)):
            given = labels_N if labels_N is None else labels_N[part]
            (pixels[part],) = run_padded(self.generator, size, codes_NZ[part], given)
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
            (codes_NZ[part],) = run_padded(self._encoder, size, images_NHWC[part], given)
        return codes_NZ

    @property
    def has_reward(self) -> bool:
        """Whether the model carries a reward model."""
        return self._reward is not None

    def grade(
        self, images_NHWC: NDArray[np.uint8], labels_N: NDArray[np.int64] | None = None
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """The grades that people are predicted to give to pictures (N, H, W, C) [of classes (N,)], with uncertainty.

        Returns:
            (N,) float32 from 0 to 1, and (N,) the deviation among the members of the reward ensemble.

        Raises:
            ValueError: the model has no reward model.
        """
        if self._reward is None:
            raise ValueError(f"{self.card.name} {self.card.version} was not graded, and has no reward.onnx")
        grades_N, deviations_N = np.empty(len(images_NHWC), np.float32), np.empty(len(images_NHWC), np.float32)
        for part, size in self._parts(len(images_NHWC)):
            given = labels_N if labels_N is None else labels_N[part]
            grades_N[part], deviations_N[part] = run_padded(self._reward, size, images_NHWC[part], given)
        return grades_N, deviations_N

    def best_size(self, waiting: int) -> int:
        """The batch size to draw so many waiting pictures with, 1 or more, or the first of them."""
        return best_batch_size(self._device, self.batch_sizes, waiting)

    def _parts(self, count: int) -> Iterator[tuple[slice, int]]:
        """Slices of up to a batch, each with the batch size that it is padded to."""
        done = 0
        while done < count:
            size = self.best_size(count - done)
            yield slice(done, min(done + size, count)), size
            done += size


def labels_of(
    card: Card, seed: int, start: int, count: int, label: int | Sequence[int] | None = None
) -> NDArray[np.int64] | None:
    """As `Runtime.labels`, for a model that is not loaded."""
    if card.classes is None:
        if label is not None:
            raise AddressError(f"label is {label}, but {card.name} has no classes; leave it out")
        return None
    if label is None:
        return labels(seed, start, count, [one.count for one in card.classes])
    given = [label] * count if isinstance(label, int) else list(label)
    if len(given) != count:
        raise AddressError(f"found {len(given)} labels for {count} pictures, expected one for all, or one a picture")
    wrong = next((one for one in given if not 0 <= one < len(card.classes)), None)
    if wrong is not None:
        raise AddressError(f"label is {wrong}; it must be 0 to {len(card.classes) - 1}")
    return np.array(given, np.int64)


class WarmUp:
    """The batch sizes of a runtime: each is run before it is used, and used if it draws the bytes of the largest size.

    Args:
        engine: draws.
        sizes: all that may be used, ascending; size 1 and the largest are warmed at once.
        codes_NZ, labels_N: of as many pictures as the largest size.
    """

    def __init__(
        self, engine: Engine, sizes: Sequence[int], codes_NZ: NDArray[np.float32], labels_N: NDArray[np.int64] | None
    ) -> None:
        self._engine, self._codes_NZ, self._labels_N = engine, codes_NZ, labels_N
        self._lock = threading.Lock()
        self._expected = self._run(0, sizes[-1])
        self.sizes: tuple[int, ...] = (sizes[-1],)
        """Warm and agreeing, ascending; replaced as a whole."""
        self._waiting = [*sizes[:-1][:1], *_middle_first(sizes[1:-1])]
        self.warm_up_next()  # size 1

    def warm_up_next(self) -> bool:
        """See `Runtime.warm_up_next`."""
        with self._lock:
            if not self._waiting:
                return False
            size = self._waiting.pop(0)
            if self._agrees(size):
                self.sizes = tuple(sorted((*self.sizes, size)))
            return True

    def _agrees(self, size: int) -> bool:
        largest = self.sizes[-1]
        starts = range(0, largest, max(size, largest // _PROBES))
        return all(np.array_equal(self._run(at, size), self._expected[at : at + size]) for at in starts)

    def _run(self, at: int, size: int) -> Rows:
        part = slice(at, at + size)
        labels_N = None if self._labels_N is None else self._labels_N[part]
        (pixels,) = run_padded(self._engine, size, self._codes_NZ[part], labels_N)
        return pixels


def run_padded(engine: Engine, size: int, rows: Rows, labels_N: NDArray[np.int64] | None) -> list[Rows]:
    """One call of an engine: rows padded to a batch of `size`, the padding's results left out."""
    given = [pad_rows(one, size) for one in (rows, labels_N) if one is not None]
    return [result[: len(rows)] for result in engine.run(*given)]


def _middle_first(sizes: Sequence[int]) -> list[int]:
    """Each size halves a gap between those before it, so that the first few serve any number of pictures well."""
    order, gaps = [], [list(sizes)]
    while gaps:
        gap = gaps.pop(0)
        if gap:
            middle = len(gap) // 2
            order.append(gap[middle])
            gaps += [gap[middle + 1 :], gap[:middle]]
    return order
