"""Pictures whose grades would teach the most, scored ahead by the model's own reward.

    gallery, runtime -> [informative] -> batch

The members of a reward ensemble disagree about what nobody has graded yet, so
the deviation among them tells what to ask about; some of the predicted grade is
added, because people would rather look at good pictures. Candidates are drawn by
the gallery's one engine, a chunk at a time among the questions of people, and
graded in a thread of their own. Knows no HTTP.
"""

import logging
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np

from models.bundle import REWARD
from models.runtime import Runtime
from service.address import address_of
from service.ratings.grade import Picture
from service.registry import Gallery
from service.schemas import GenerateRequest

CANDIDATES, KEPT, REFILLED_BELOW = 2_048, 512, 256
GRADE_WEIGHT = 0.3
_log = logging.getLogger("zoetrope")


@dataclass(eq=False)
class _Pool:
    """What may be handed out of one model, the most informative first."""

    runtime: Runtime
    pictures: list[Picture] = field(default_factory=list)
    filling: bool = False


class Informative:
    """Pools of the current versions that carry a reward."""

    def __init__(self, gallery: Gallery) -> None:
        self._gallery = gallery
        self._pools: dict[tuple[str, ...], _Pool] = {}
        self._lock = threading.Lock()
        self._scorer = ThreadPoolExecutor(1, thread_name_prefix="scorer")

    def renew(self) -> None:
        """Forget versions that are no longer current, and begin to score ahead for those that are new."""
        current = {_key(one): one for one in self._gallery.collection.current if one.has_reward}
        with self._lock:
            kept = self._pools
            self._pools = {key: kept.get(key) or _Pool(runtime) for key, runtime in current.items()}
            for pool in self._pools.values():
                self._refill(pool)

    def close(self) -> None:
        """Forget all; what is being scored stops before its next chunk."""
        with self._lock:
            self._pools = {}

    def take(self, runtime: Runtime, most: int) -> list[Picture]:
        """Up to so many informative pictures, each handed out once; never waits for any to be scored."""
        with self._lock:
            pool = self._pools.get(_key(runtime))
            if pool is None:
                return []
            taken, pool.pictures = pool.pictures[:most], pool.pictures[most:]
            self._refill(pool)
        return taken

    def _refill(self, pool: _Pool) -> None:
        if len(pool.pictures) < REFILLED_BELOW and not pool.filling:
            pool.filling = True
            self._scorer.submit(self._fill, pool)

    def _fill(self, pool: _Pool) -> None:
        try:
            fresh = self._best(pool)
            with self._lock:
                pool.pictures = fresh
        except Exception:  # it would be lost with this thread
            _log.exception("no informative pictures of %s %s", pool.runtime.card.name, pool.runtime.card.version)
        finally:
            pool.filling = False

    def _best(self, pool: _Pool) -> list[Picture]:
        """Of fresh candidates; none, once the pool has been forgotten."""
        candidates = address_of(GenerateRequest(n=CANDIDATES), pool.runtime)
        values: list[np.ndarray[tuple[int], np.dtype[np.float32]]] = []
        for images_NHWC in self._gallery.draw_aside(pool.runtime, candidates):
            if pool not in self._pools.values():
                return []
            at = sum(map(len, values))
            labels = None if candidates.labels is None else candidates.labels[at : at + len(images_NHWC)]
            grade_N, deviation_N = pool.runtime.grade(images_NHWC, labels)
            values.append(deviation_N + GRADE_WEIGHT * grade_N)
        best = np.argsort(-np.concatenate(values), kind="stable")[:KEPT]
        return [Picture.told(candidates.told_of(int(at))) for at in best]


def _key(runtime: Runtime) -> tuple[str, ...]:
    """A version may be graded anew: its pictures are the same then, and its reward is another."""
    return runtime.card.name, runtime.card.version, runtime.card.files.get(REWARD, "")
