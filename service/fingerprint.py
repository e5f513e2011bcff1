"""What of this process decides the pixels of an address: eight hex digits that are equal where replicas agree.

    models.runtime -> [fingerprint] -> loader, GET /status, ETags

Engine, precision, release, instruction set and numpy; not the model, whose version
every URL has, and not the encoder, which decides the bytes of a file and no pixel.
A file of its own, because what is refused, what is told and what caches compare is
the same thing.
"""

import hashlib
from collections.abc import Sequence

import numpy as np

from models.errors import EngineUnavailable
from models.runtime import Runtime

_CODES_BY = f"numpy {np.__version__}"


def drawn_by(runtime: Runtime) -> tuple[str, str, str]:
    """Everything besides the model and the address that decides a pixel, in words."""
    return runtime.engine, runtime.instruction_set, _CODES_BY


def fingerprint_of(runtime: Runtime) -> str:
    """The same as eight hex digits."""
    return hashlib.sha256(repr(drawn_by(runtime)).encode()).hexdigest()[:8]


def check_fingerprint(runtime: Runtime, expected: Sequence[str]) -> None:
    """Refuse to draw other pixels than the replicas do.

    Args:
        expected: fingerprints, of which it has one; empty: any.

    Raises:
        EngineUnavailable: it has another; says which, and what to do.
    """
    found = fingerprint_of(runtime)
    if expected and found not in expected:
        raise EngineUnavailable(
            f"found fingerprint {found} ({runtime.engine}), expected {' or '.join(expected)}: this replica would draw "
            "other levels than the others. Give it their engine, releases and kind of processor (GET /status tells "
            "them), or name its fingerprint in ZOETROPE_FINGERPRINT too"
        )
