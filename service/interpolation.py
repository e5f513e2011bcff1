"""Interpolation: codes of the client, and codes between two codes.

    schemas -> [interpolation] -> latents -> batching, encoders        [interpolation] <- spacing

Interpolation is spherical [White2016]: nearly all of a standard normal lies at
one distance from its middle, so a straight line between two codes passes through
places that the generator never learned. The mixture of an autoencoder is cut
into components, and a path jumps where it passes a cut. Class weights go straight
from end to end; a graph that takes one class a picture gets that of the nearer end.

Letters: N codes    P points of a path    Z numbers in a code    K classes

Paper:
    [White2016]  Sampling Generative Networks.  arXiv:1609.04468
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.class_weights import Label, PictureClasses, classes_of, one_hot
from models.codes import codes
from models.errors import AddressError
from models.runtime import Runtime
from service.errors import Problem
from service.latents import ClassSource, ExplicitCodes, label_numbers, require_drawable, require_label
from service.schemas import DecodeRequest, PathRequest, Point

_PARALLEL = 1e-6
"""Sine of an angle below which two codes are parallel: there the path is a straight line."""


def explicit_codes(body: DecodeRequest, runtime: Runtime) -> ExplicitCodes:
    """The codes of a request, as they are.

    Raises:
        Problem: 422, codes of another size than the model's, or a label that it does not have.
    """
    codes_NZ = np.stack([_checked(code, runtime, f"codes.{at}") for at, code in enumerate(body.codes)])
    return with_classes(codes_NZ, label_numbers(body.label, runtime.card), runtime, "label")


def with_classes(
    codes_NZ: NDArray[np.float32], label: Label | list[Label] | None, runtime: Runtime, field: str
) -> ExplicitCodes:
    """Codes (N, Z) and their classes as a source of pictures.

    Args:
        label: one for all, or one for each code; None for a model without classes.
        field: what the label is called in a request.

    Raises:
        Problem: 422, a label that the model does not have, or none where it needs one.
    """
    require_label(label is not None, runtime, field)
    try:
        classes = classes_of(runtime.card, 0, 0, len(codes_NZ), label)
    except AddressError as error:
        raise Problem(422, f"{error}.") from None
    require_drawable(classes, runtime)
    return ExplicitCodes(runtime.card.name, runtime.card.version, codes_NZ, classes, runtime.class_names)


def interpolated_codes(body: PathRequest, runtime: Runtime) -> ExplicitCodes:
    """The codes of a path past all points of a request: `frames` of them, at equal steps of the path.

    Raises:
        Problem: 422, a point that the model does not have.
    """
    path = path_of(body, runtime)
    return path.at(path.positions)


@dataclass(frozen=True)
class CodePath:
    """The way past all points of a request."""

    runtime: Runtime
    ends: NDArray[np.float32]
    """(P, Z) codes of the points, in their order; of a loop the first one again at the end."""
    classes: Sequence[PictureClasses | None]
    """The class or weights of each point."""
    positions: NDArray[np.float64]
    """(frames,) of frames at equal steps: 0 at the first point, 1 at the second, and so on."""

    @property
    def legs(self) -> int:
        """Ways from a point to the next one."""
        return len(self.ends) - 1

    def at(self, positions_N: NDArray[np.float64]) -> ExplicitCodes:
        """The pictures at these positions."""
        runtime = self.runtime
        starts_N = np.minimum(positions_N.astype(int), self.legs - 1)
        codes_NZ = slerp(self.ends[starts_N], self.ends[starts_N + 1], positions_N - starts_N)
        classes = _path_classes(self.classes, positions_N, runtime)
        return ExplicitCodes(runtime.card.name, runtime.card.version, codes_NZ, classes, runtime.class_names)


def path_of(body: PathRequest, runtime: Runtime) -> CodePath:
    """The path past all points of a request.

    Raises:
        Problem: 422, a point that the model does not have.
    """
    points = [*body.points, *body.points[: body.loop]]
    ends_PZ = np.stack([_code(point, runtime, f"points.{at}") for at, point in enumerate(points)])
    classes = [_classes(point, runtime, f"points.{at}") for at, point in enumerate(points)]
    steps = body.frames if body.loop else body.frames - 1
    return CodePath(runtime, ends_PZ, classes, np.arange(body.frames) * (len(points) - 1) / steps)


@dataclass(frozen=True)
class PathClasses:
    """The classes of the frames of a path, between those of its points; exact weights, expanded a batch at a time."""

    ends: NDArray[np.float64]
    """(P, K) rows of weights."""
    positions: NDArray[np.float64]
    """(n,) 0 at the first point, 1 at the second, and so on."""

    def __getitem__(self, part: slice) -> NDArray[np.float32]:
        """Rows of weights (N, K)."""
        return self._between(self.positions[part]).astype(np.float32)

    def label_of(self, at: int, names: Sequence[str]) -> str | dict[str, float]:
        """The name of the one class that has a weight, or name -> weight."""
        row_K = self._between(self.positions[at : at + 1])[0]
        found = {names[int(k)]: float(row_K[k]) for k in np.flatnonzero(row_K)}
        return next(iter(found)) if len(found) == 1 else found

    def _between(self, positions_N: NDArray[np.float64]) -> NDArray[np.float64]:
        starts_N = np.minimum(positions_N.astype(int), len(self.ends) - 2)
        along_N1 = (positions_N - starts_N)[:, None]
        rows_NK: NDArray[np.float64] = (1 - along_N1) * self.ends[starts_N] + along_N1 * self.ends[starts_N + 1]
        return rows_NK


def slerp(a_NZ: NDArray[np.float32], b_NZ: NDArray[np.float32], along_N: NDArray[np.float64]) -> NDArray[np.float32]:
    """Spherical linear interpolation: exactly the first code at 0, exactly the second at 1; lengths change linearly.

    Args:
        a_NZ, b_NZ: (N, Z) float32.
        along_N: (N,) 0 to 1.

    Returns:
        (N, Z) float32.
    """
    a, b, along = a_NZ.astype(np.float64), b_NZ.astype(np.float64), along_N[:, None]
    (length_a, towards_a), (length_b, towards_b) = _polar(a), _polar(b)
    angle = np.arccos(np.clip((towards_a * towards_b).sum(axis=1, keepdims=True), -1, 1))
    bent = (np.sin(angle) > _PARALLEL) & (length_a > 0) & (length_b > 0)
    arc = np.sin((1 - along) * angle) * towards_a + np.sin(along * angle) * towards_b
    arc *= ((1 - along) * length_a + along * length_b) / np.where(bent, np.sin(angle), 1)
    between: NDArray[np.float64] = np.where(bent, arc, (1 - along) * a + along * b)
    return between.astype(np.float32)


def _polar(ends_NZ: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Lengths (N, 1) and directions (N, Z); zero has none, and is left at zero."""
    lengths = np.linalg.norm(ends_NZ, axis=1, keepdims=True)
    return lengths, ends_NZ / np.where(lengths > 0, lengths, 1)


def _code(point: Point, runtime: Runtime, field: str) -> NDArray[np.float32]:
    if point.code is not None:
        return _checked(point.code, runtime, f"{field}.code")
    found: NDArray[np.float32] = codes(point.seed or 0, point.index, 1, runtime.card.code_size, point.truncation)[0]
    return found


def _checked(code: Sequence[float], runtime: Runtime, field: str) -> NDArray[np.float32]:
    size = runtime.card.code_size
    if len(code) != size:
        raise Problem(422, f"{field} has {len(code)} numbers; a code of {runtime.card.name} has {size}.")
    return np.array(code, dtype=np.float32)


def _classes(point: Point, runtime: Runtime, field: str) -> PictureClasses | None:
    """The class of one point; drawn by its address where none is named."""
    label = label_numbers(point.label, runtime.card)
    require_label(label is not None or point.code is None, runtime, f"{field}.label")
    try:
        classes = classes_of(runtime.card, point.seed or 0, point.index, 1, label)
    except AddressError as error:
        raise Problem(422, f"{field}: {error}.") from None
    require_drawable(classes, runtime)
    return classes


def _path_classes(
    points: Sequence[PictureClasses | None], positions_N: NDArray[np.float64], runtime: Runtime
) -> ClassSource | None:
    """The classes of all frames: labels where the points have one class, or the graph takes no weights."""
    given = [one for one in points if one is not None]
    if not given:
        return None
    labels_P = np.concatenate([one.labels for one in given])
    is_whole = not any(one.weights for one in given)
    if is_whole and ((labels_P == labels_P[0]).all() or not runtime.takes_class_weights):
        nearest_N = np.floor(positions_N + 0.5).astype(int)
        return PictureClasses(labels_P[nearest_N], given[0].classes)
    rows = [one[:] if one.weights else one_hot(one.labels, one.classes) for one in given]
    return PathClasses(np.concatenate(rows).astype(np.float64), positions_N)
