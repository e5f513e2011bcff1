"""Which pictures a person is asked to grade next: random, repeated and informative ones.

    registry, models.active_learning -> [candidates] -> routes/ratings

Random pictures show what the model draws now. Pictures that this person graded
before show how far they agree with themselves. Informative pictures, for models
that carry a reward, are those whose grades would teach it the most; they are
drawn by the registry's one engine, a chunk at a time between the requests of
people, and scored in a background thread, ahead of the request. Knows no HTTP.
"""

import logging
import random
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from models.active_learning import acquisition, most_informative
from models.bundle import REWARD
from models.runtime import Runtime
from service.latents import resolve_address
from service.ratings.grade import Picture, Why
from service.registry import ModelRegistry
from service.schemas import GenerateRequest

CANDIDATES, POOL_SIZE, REFILL_BELOW = 2_048, 512, 256
"""So many fresh pictures are scored, the best are pooled, and the pool is refilled when fewer are left."""
REPEATED_SHARE = 16
"""One in so many pictures of a batch is repeated, at most."""
_log = logging.getLogger("zoetrope")


@dataclass(frozen=True)
class Candidate:
    """A picture to ask about, and the reason."""

    picture: Picture
    why: Why


def sample_batch(
    n: int, runtime: Runtime, repeated: Sequence[Picture], informative: Sequence[Picture]
) -> list[Candidate]:
    """These pictures and fresh random ones, n in all, none twice, shuffled.

    Args:
        n: 1 or more, and not fewer than are given.
        repeated, informative: pictures of this model.
    """
    why: dict[Picture, Why] = dict.fromkeys(informative, "informative")
    why |= dict.fromkeys(repeated, "repeat")
    fresh = resolve_address(GenerateRequest(n=n), runtime.card)
    for at in range(n):
        if len(why) < n:
            why.setdefault(Picture.at_address(fresh.metadata_of(at)), "random")
    batch = [Candidate(picture, reason) for picture, reason in why.items()]
    random.shuffle(batch)
    return batch


@dataclass(eq=False)
class _Pool:
    """Informative pictures of one model that were not handed out yet, the most informative first."""

    runtime: Runtime
    pictures: list[Picture] = field(default_factory=list)
    filling: bool = False


class CandidatePools:
    """Informative pictures of every current model that carries a reward, scored ahead."""

    def __init__(self, registry: ModelRegistry) -> None:
        self._registry = registry
        self._pools: dict[tuple[str, ...], _Pool] = {}
        self._lock = threading.Lock()
        self._scorer = ThreadPoolExecutor(1, thread_name_prefix="scorer")

    def refresh(self) -> None:
        """Drop the pools of versions that are no longer current, and begin to fill pools for new ones."""
        current = {_key(one): one for one in self._registry.current_runtimes if one.has_reward}
        with self._lock:
            known = self._pools
            self._pools = {key: known.get(key) or _Pool(runtime) for key, runtime in current.items()}
            for pool in self._pools.values():
                self._refill(pool)

    def close(self) -> None:
        """Drop all pools; scoring in the background stops before its next chunk."""
        with self._lock:
            self._pools = {}

    def take(self, runtime: Runtime, n: int) -> list[Picture]:
        """Up to n informative pictures, each handed out once; never waits for scoring."""
        with self._lock:
            pool = self._pools.get(_key(runtime))
            if pool is None:
                return []
            taken, pool.pictures = pool.pictures[:n], pool.pictures[n:]
            self._refill(pool)
        return taken

    def _refill(self, pool: _Pool) -> None:
        if len(pool.pictures) < REFILL_BELOW and not pool.filling:
            pool.filling = True
            self._scorer.submit(self._fill, pool)

    def _fill(self, pool: _Pool) -> None:
        try:
            best = self._score(pool)
            with self._lock:
                pool.pictures = best
        except Exception:  # the thread pool would drop it silently
            _log.exception("no informative pictures of %s %s", pool.runtime.card.name, pool.runtime.card.version)
        finally:
            pool.filling = False

    def _score(self, pool: _Pool) -> list[Picture]:
        """The best of fresh candidates; none when the pool was dropped meanwhile."""
        candidates = resolve_address(GenerateRequest(n=CANDIDATES), pool.runtime.card)
        values: list[NDArray[np.float32]] = []
        for images_NHWC in self._registry.batcher.draw_in_background(pool.runtime, candidates):
            if pool not in self._pools.values():
                return []
            at = sum(map(len, values))
            labels_N = None if candidates.classes is None else candidates.classes.labels[at : at + len(images_NHWC)]
            values.append(acquisition(pool.runtime, images_NHWC, labels_N))
        best = most_informative(np.concatenate(values), POOL_SIZE)
        return [Picture.at_address(candidates.metadata_of(int(at))) for at in best]


def _key(runtime: Runtime) -> tuple[str, ...]:
    """The digest of the reward is in it: new grades can change the reward of a version, and not its pictures."""
    return runtime.card.name, runtime.card.version, runtime.card.files.get(REWARD, "")
