"""Codes to pixels: the one piece of code that runs a model.

    bundle, codes, engine_selection -> runtime -> uint8 pixels

Export checks a new bundle through this file, and the service draws with it, so
"it was right when it was exported" and "it is what people get" are the same
sentence. Knows neither HTTP nor torch.

Letters: N pictures    Z numbers in a code    K classes    H, W, C of a picture
"""

from collections.abc import Iterator, Mapping, Sequence
from copy import copy
from pathlib import Path
from typing import Literal, Self

import numpy as np
from numpy.typing import NDArray

from models.bundle import DIRECTIONS, ENCODER, GENERATOR, REWARD, Bundle, find_bundle, open_bundle
from models.card import Card
from models.class_weights import ClassRows, Label, classes_of, one_hot, weights_by_name
from models.codes import codes
from models.directions import decode_directions
from models.engine import (
    REFERENCE,
    Device,
    Engine,
    EngineName,
    Library,
    Precision,
    batch_sizes,
    best_batch_size,
    instruction_set,
    reference_on,
)
from models.engine_selection import load_engine, select_engine
from models.errors import AddressError, BundleDamaged
from models.generator_engine import load_generator
from models.graph_check import check_graph
from models.warm_up import WarmUp, run_padded

_PROBED = (0.5, 0.3, 0.2)
"""Weights of a class and its neighbours, with which batches are compared."""


def open_model(
    path_or_name: str | Path,
    engine: Library | Literal["auto"] = "auto",
    precision: Precision | Literal["auto"] = "auto",
    threads: int | None = None,
    device: Device = "cpu",
) -> "Runtime":
    """Open a bundle, select its engine by the rule, and warm it up: `open_model("models/mnist").generate(7, n=64)`.

    Args:
        path_or_name: a bundle's folder, its name in `$ZOETROPE_MODELS`, by default `models`, or `hf://owner/name` of
            the Hugging Face Hub, see `models.hub`.
        engine, precision: pinned, or left to `models.engine_selection`.
        threads: CPU threads of one call; all cores that this process may use, if not given.

    Raises:
        BundleError: there is no whole, unaltered bundle.
        HubError: the Hub has none, or cannot be reached.
        EngineUnavailable: the engine is not available; says why.
    """
    bundle = open_bundle(_found(path_or_name))
    library = None if engine == "auto" else engine
    name = select_engine(bundle.card, device, library, None if precision == "auto" else precision)
    return Runtime(bundle, name, threads)


def _found(path_or_name: str | Path) -> Path:
    if isinstance(path_or_name, str) and path_or_name.startswith("hf://"):
        from models.hub import HubAddress, cached  # most who open a model need no Hub

        return cached(HubAddress.parse(path_or_name))
    return find_bundle(path_or_name)


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

        self.parameters = check_graph(bundle.generator, bundle.path / GENERATOR)  # before it is read to be rewritten
        """How many floats the generator has."""

        def load_drawing(graph: bytes, classes: list[str]) -> Engine:
            return load(graph, GENERATOR, engine_name, [z, *classes, images])

        exactly = engine_name.precision == "float32"
        self.generator, self.takes_class_weights = load_generator(bundle, label, exactly, load_drawing)
        """The engine that draws; `draw` gives it batches of the right sizes. And whether a picture may be of several
        classes: graphs that our export did not make may take one alone."""
        exact = reference_on(engine_name.device)  # what is not drawn is computed in float32
        self._encoder = load(bundle.encoder, ENCODER, exact, [images, *label, z]) if bundle.encoder else None
        self._reward = load(bundle.reward, REWARD, exact, graded) if bundle.reward else None
        self.engine = self.generator.description
        """Library, version, device and precision that draw."""
        self.instruction_set = instruction_set(engine_name.device)
        """What of this machine decides how they round."""
        self.directions = _directions_of(bundle)
        """(Z, Z) float32 of `models.directions`; None where none were measured."""
        self._device = engine_name.device
        sizes = batch_sizes(self._device, shape.height * shape.width * shape.channels)
        probe = codes(0, 0, sizes[-1], self.card.code_size), self._probe_classes(sizes[-1])
        self._warm_up = WarmUp(self.generator, sizes, *probe)
        while warm_all and self.warm_up_next():
            pass

    @property
    def batch_sizes(self) -> tuple[int, ...]:
        """The fixed batch sizes that are warm and reach the engine, ascending."""
        return self._warm_up.sizes

    @property
    def full_batch_s(self) -> float:
        """Seconds of a batch of the largest size, by the quickest picture while the sizes were warmed up."""
        return self._warm_up.sizes[-1] * self._warm_up.quickest_image_s

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
        self,
        seed: int,
        start: int = 0,
        n: int = 1,
        truncation: float = 1.0,
        label: int | Sequence[int] | None = None,
        classes: Mapping[str, float] | Mapping[int, float] | None = None,
    ) -> NDArray[np.uint8]:
        """The pictures [start, start + n) of a seed: (n, H, W, C) uint8.

        The bytes of a picture depend on its address and on nothing else.

        Args:
            classes: in place of a label, the weights of several classes by name or number, `{"3": 1, "8": 1}`; they are
                rounded to whole thousandths as in `models.class_weights`.

        Raises:
            AddressError: see `models.codes`, `models.class_weights` and `labels`.
        """
        if classes is not None and label is not None:
            raise AddressError(f"found label {label} and classes {classes}, expected one of them")
        given: Label | Sequence[int] | None = label
        if classes is not None:
            numbers = {name: number for number, name in enumerate(self.class_names)}
            given = weights_by_name(classes, numbers, self.card.name)
        found = classes_of(self.card, seed, start, n, given)
        codes_NZ = codes(seed, start, n, self.card.code_size, truncation)
        return self.draw(codes_NZ, None if found is None else found[:])

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
        found = classes_of(self.card, seed, start, count, label)
        return None if found is None else found.labels

    def draw(self, codes_NZ: NDArray[np.float32], classes_N: ClassRows | None = None) -> NDArray[np.uint8]:
        """Pictures of these codes: (N, Z) float32 -> (N, H, W, C) uint8.

        Args:
            classes_N: labels (N,) int64, or weights (N, K) float32 whose rows sum to 1; None without classes.

        Raises:
            AddressError: weights, and the graph takes labels alone.
        """
        shape = self.card.image
        pixels = np.empty((len(codes_NZ), shape.height, shape.width, shape.channels), np.uint8)
        for part, size in self._parts(len(codes_NZ)):
            given = None if classes_N is None else self.class_rows(classes_N[part])
            (pixels[part],) = run_padded(self.generator, size, codes_NZ[part], given)
        return pixels

    def class_rows(self, classes_N: ClassRows) -> ClassRows:
        """Classes of a batch as the generator takes them: rows (N, K) float32, or labels (N,) if it takes no weights.

        Raises:
            AddressError: weights that it does not take; says what to do.
        """
        if self.takes_class_weights:
            return one_hot(classes_N, len(self.class_names)) if classes_N.ndim == 1 else classes_N
        if classes_N.ndim > 1:
            self.require_class_weights()
        return classes_N

    def require_class_weights(self) -> None:
        """Refuse to draw pictures of several classes where the graph takes one class a picture.

        Raises:
            AddressError: says what to do.
        """
        if not self.takes_class_weights:
            raise AddressError(
                f"the graph of {self.card.name} {self.card.version} takes one class a picture with {self.engine}, and "
                "no weights of several; export the model again"
            )

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

    def _probe_classes(self, count: int) -> ClassRows | None:
        """Classes to warm up with; every second picture is of several, where the graph takes weights."""
        labels_N = self.labels(0, 0, count)
        if labels_N is None or not self.takes_class_weights:
            return labels_N
        rows_NK = one_hot(labels_N, len(self.class_names))
        rows_NK[1::2] = sum(np.float32(weight) * np.roll(rows_NK[1::2], k, axis=1) for k, weight in enumerate(_PROBED))
        return rows_NK

    def _parts(self, count: int) -> Iterator[tuple[slice, int]]:
        """Slices of up to a batch, each with the batch size that it is padded to."""
        done = 0
        while done < count:
            size = self.best_size(count - done)
            yield slice(done, min(done + size, count)), size
            done += size


def _directions_of(bundle: Bundle) -> NDArray[np.float32] | None:
    if bundle.directions is None:
        return None
    try:
        return decode_directions(bundle.directions, bundle.card.code_size)
    except ValueError as error:
        found, _, expected = str(error).removeprefix("found ").partition(", expected ")
        raise BundleDamaged(bundle.path / DIRECTIONS, found=found, expected=expected) from None
