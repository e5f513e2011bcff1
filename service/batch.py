"""A batch: pictures of several requests that one call of the engine draws.

    pending -> [batch] -> batching

The codes of its parts are made here, on the engine thread, a batch at a time: a request of a million pictures holds
whole numbers until then. Knows neither the queue nor the engine.

Letters: N pictures    Z numbers in a code    K classes
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.class_weights import ClassRows
from models.runtime import Runtime
from service.pending import PendingRequest


@dataclass
class Batch:
    """One call of the engine, and the requests that it is for."""

    runtime: Runtime
    parts: dict[PendingRequest, range]
    codes: NDArray[np.float32]
    """(N, Z)."""
    classes: ClassRows | None
    """(N,) labels, or (N, K) weights."""


def batch_of(runtime: Runtime, parts: dict[PendingRequest, range]) -> Batch:
    """The batch of these parts, one after the other.

    Args:
        parts: which pictures of each request; all are of this model.
    """
    found = [request.source.codes(runtime, part.start, len(part)) for request, part in parts.items()]
    if len(found) == 1:
        return Batch(runtime, parts, *found[0])
    classes = [classes_N for _, classes_N in found if classes_N is not None]
    codes_NZ = np.concatenate([codes_NZ for codes_NZ, _ in found])
    return Batch(runtime, parts, codes_NZ, _concatenated(runtime, classes) if classes else None)


def _concatenated(runtime: Runtime, classes: list[ClassRows]) -> ClassRows:
    """Labels, or rows of weights where there are any."""
    has_weights = any(classes_N.ndim > 1 for classes_N in classes)
    rows: ClassRows = np.concatenate([runtime.class_rows(one) if has_weights else one for one in classes])
    return rows
