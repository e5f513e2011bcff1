"""What a request asks to draw: an address range, codes of its own, or the code that an encoder finds for a picture.

    schemas -> [latents] -> batching, encoders, routes

The engine thread and the encoders see a `LatentSource` and nothing else of a
request. Knows models by their cards; knows no HTTP but the problems that it raises.

Letters: N pictures    Z numbers in a code    K classes
"""

import secrets
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from models.card import Card
from models.class_weights import ClassRows, Label, PictureClasses, classes_of, weights_by_name
from models.codes import ADDRESS_END, codes
from models.errors import AddressError
from models.runtime import Runtime
from service.errors import Problem
from service.schemas import GenerateRequest, LabelRequest

MIXED = "mixed"
"""In the place of one class for all: each picture was given its own."""
FRESH_SEED_END = 2**53  # every JSON reader keeps an integer below this one


class LatentSource(Protocol):
    """Pictures of one version of a model that a request asks for."""

    @property
    def model(self) -> str:
        """Name of the model."""

    @property
    def version(self) -> str:
        """Version of the model."""

    @property
    def n(self) -> int:
        """Number of pictures."""

    @property
    def start(self) -> int:
        """Number of the first picture, for file names."""

    def codes(self, runtime: Runtime, at: int, count: int) -> tuple[NDArray[np.float32], ClassRows | None]:
        """Codes (count, Z) and classes of the pictures [at, at + count), counted from 0.

        The classes are labels (count,) or rows of weights (count, K), and None where the model has none.
        """

    def metadata(self) -> dict[str, Any]:
        """JSON members that describe all pictures."""

    def metadata_of(self, at: int) -> dict[str, Any]:
        """JSON members that describe picture `at`, counted from 0."""


class ClassSource(Protocol):
    """The classes of n pictures, expanded a batch at a time."""

    def __getitem__(self, part: slice) -> ClassRows:
        """Labels (N,) or rows of weights (N, K) of these pictures."""

    def label_of(self, at: int, names: Sequence[str]) -> str | dict[str, float]:
        """The class of picture `at`, or its weights by class."""


@dataclass(frozen=True)
class AddressRange:
    """The pictures [start, start + n) of a seed, as one version of a model draws them."""

    model: str
    version: str
    seed: int
    start: int
    n: int
    truncation: float
    classes: PictureClasses | None = None
    """The class of each picture, requested or drawn; None where the model has no classes."""
    class_names: tuple[str, ...] = ()
    requested: str | None = None
    """The class that was requested for all, by number, or its weights; `MIXED`: a class for each; None: drawn ones."""

    def codes(self, runtime: Runtime, at: int, count: int) -> tuple[NDArray[np.float32], ClassRows | None]:
        """(count, Z) codes, and the classes."""
        codes_NZ = codes(self.seed, self.start + at, count, runtime.card.code_size, self.truncation)
        return codes_NZ, None if self.classes is None else self.classes[at : at + count]

    def metadata(self) -> dict[str, Any]:
        """The model and the seed."""
        return {"model": self.model, "version": self.version, "seed": self.seed}

    def metadata_of(self, at: int) -> dict[str, Any]:
        """The address of one picture, and its class where the model has classes."""
        label = {} if self.classes is None else {"label": self.classes.label_of(at, self.class_names)}
        return {"seed": self.seed, "index": self.start + at, "truncation": self.truncation, **label}


class _WithoutAddress:
    """What is said of pictures whose codes follow from no seed."""

    model: str
    version: str
    classes: ClassSource | None
    class_names: tuple[str, ...]

    def metadata(self) -> dict[str, Any]:
        """The model."""
        return {"model": self.model, "version": self.version}

    def metadata_of(self, at: int) -> dict[str, Any]:
        """The class, where the model has classes."""
        return {} if self.classes is None else {"label": self.classes.label_of(at, self.class_names)}


@dataclass(frozen=True)
class ExplicitCodes(_WithoutAddress):
    """Pictures of codes without an address: sent by the client, or interpolated between two addresses."""

    model: str
    version: str
    all_codes: NDArray[np.float32]
    """(n, Z)."""
    classes: ClassSource | None
    """The class of each picture; None where the model has no classes."""
    class_names: tuple[str, ...] = ()
    start: int = 0

    @property
    def n(self) -> int:
        """Number of pictures."""
        return len(self.all_codes)

    def codes(self, _: Runtime, at: int, count: int) -> tuple[NDArray[np.float32], ClassRows | None]:
        """(count, Z) codes, and the classes."""
        some = slice(at, at + count)
        return self.all_codes[some], None if self.classes is None else self.classes[some]


@dataclass
class EncodedPicture(_WithoutAddress):
    """A picture that a client sends, by way of the code that the model's encoder finds for it."""

    model: str
    version: str
    images: NDArray[np.uint8]
    """(1, H, W, C)."""
    classes: PictureClasses | None
    """Its class; None where the model has none."""
    class_names: tuple[str, ...] = ()
    code: NDArray[np.float32] | None = None
    """(Z,), once the engine thread has encoded it."""
    n: int = 1
    start: int = 0

    def codes(self, runtime: Runtime, at: int, count: int) -> tuple[NDArray[np.float32], ClassRows | None]:
        """(1, Z) codes, and the class; encodes, so it takes about as long as to draw."""
        labels_N = None if self.classes is None else self.classes.labels
        codes_NZ = runtime.encode(self.images, labels_N)
        self.code = codes_NZ[0]
        return codes_NZ[at : at + count], labels_N


def resolve_address(body: GenerateRequest, card: Card) -> AddressRange:
    """The address range of a request, with a fresh seed and drawn classes where it names none.

    Raises:
        Problem: 422, past the last index, or a label that the model does not have.
    """
    if body.start + body.n > ADDRESS_END:
        raise Problem(422, f"start {body.start} + n {body.n} passes the last index, {ADDRESS_END - 1}.")
    seed = fresh_seed() if body.seed is None else body.seed
    return address_range(card, seed, body.start, body.n, label_numbers(body.label, card), body.truncation)


def fresh_seed() -> int:
    """A seed that nothing has used: below 2^53."""
    return secrets.randbelow(FRESH_SEED_END)


def address_range(
    card: Card, seed: int, start: int, n: int, label: Label | list[Label] | None, truncation: float
) -> AddressRange:
    """The pictures [start, start + n) of a seed, with drawn classes where there is no label.

    Raises:
        Problem: 422, a label that the model does not have.
    """
    try:
        classes = classes_of(card, seed, start, n, label)
    except AddressError as error:
        raise Problem(422, f"{error}.") from None
    names = tuple(one.name for one in card.classes or ())
    requested = None if label is None else MIXED if isinstance(label, list) else str(label)
    return AddressRange(card.name, card.version, seed, start, n, truncation, classes, names, requested)


def draw_batches(runtime: Runtime, source: LatentSource) -> Iterator[NDArray[np.uint8]]:
    """The pictures of a source, in chunks of the engine's largest batch: (N, H, W, C) uint8 each."""
    largest = runtime.batch_sizes[-1]
    for at in range(0, source.n, largest):
        yield runtime.draw(*source.codes(runtime, at, min(largest, source.n - at)))


def require_drawable(classes: PictureClasses | None, runtime: Runtime) -> None:
    """Refuse weights of several classes where the graph takes one class a picture.

    Raises:
        Problem: 422, says what to do.
    """
    if classes is not None and classes.weights:
        try:
            runtime.require_class_weights()
        except AddressError as error:
            raise Problem(422, f"label has weights, but {error}.") from None


def require_label(given: bool, runtime: Runtime, field: str, alone: str = "a code") -> None:
    """Refuse what has no class of its own where the model has classes.

    Args:
        alone: what comes without a class.

    Raises:
        Problem: 422, names the classes.
    """
    names = runtime.class_names
    if names and not given:
        raise Problem(
            422,
            f"{field} is not given, and {alone} alone has no class. The classes of {runtime.card.name} are "
            f"{', '.join(names)}.",
        )


def label_numbers(label: LabelRequest | list[LabelRequest] | None, card: Card) -> Label | list[Label] | None:
    """Class names as class numbers, and weights in canonical form.

    Raises:
        Problem: 422, the model has no class of this name, or the weights are all 0.
    """
    if label is None:
        return None
    numbers = {one.name: number for number, one in enumerate(card.classes or ())}
    return [_number(one, card, numbers) for one in label] if isinstance(label, list) else _number(label, card, numbers)


def _number(label: LabelRequest, card: Card, numbers: Mapping[str, int]) -> Label:
    if isinstance(label, int):
        return label
    if isinstance(label, dict):
        try:
            return weights_by_name(label, numbers, card.name)
        except AddressError as error:
            raise Problem(422, f"label: {error}.") from None
    if not numbers:
        raise Problem(422, f"label is {label[:80]!r}, but {card.name} has no classes; leave it out.")
    if label not in numbers:
        raise Problem(422, f"label is {label[:80]!r}; the classes of {card.name} are {', '.join(numbers)}.")
    return numbers[label]
