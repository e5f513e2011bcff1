"""A job on a Ray cluster: which node makes which shard, and what becomes of the shards of a node that is gone.

    command, cluster -> [cluster_run] -> shard_actor, on every node -> shards -> store

An actor takes one shard after another; only their numbers and records go through
Ray. The first actor of a node says whether the node draws as the job was begun,
and the others follow. A shard is a pure function and appears whole or not at all,
so one whose actor died is made by another one. Nodes that join are used. Knows no
options, and no pictures.
"""

import math
import signal
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

from models.card import Card
from models.runtime import Runtime
from service.bulk.cluster import Cluster, Share, environment_of
from service.bulk.manifest import ShardRecord
from service.bulk.run import DrawRest, OnShard, Records, Say
from service.bulk.shard_actor import Assignment, ShardActor
from service.bulk.shards import Evaluator, JobRuntime
from service.bulk.store import Store
from service.settings import Settings

MOST_DEATHS = 5
"""Actors that may die over one shard: then the shard, and not the machine, is to blame."""
_LOOKS_EVERY_S = 2.0
"""For nodes that joined."""
_CLOSES_WITHIN_S = 5.0


@dataclass(frozen=True)
class Node:
    """A machine of the cluster.

    Args:
        actors: that it has room for.
    """

    id: str
    address: str
    actors: int


@dataclass(eq=False)
class _Actor:
    """An actor, with what is known of it here."""

    handle: Any
    node: Node
    is_first: bool
    """Of its node: the others follow when it has opened the model."""
    is_dead: bool = False


def draws_on(
    cluster: Cluster,
    settings: Settings,
    model: Path,
    open_runtime: Callable[[str], Runtime],
    open_evaluator: Callable[[Card], Evaluator] | None,
    say: Say,
) -> DrawRest:
    """What draws the rest of a job, on a cluster.

    Args:
        cluster: connected.
        model: the folder of the bundle; every machine has it at the same path.
        open_runtime: opens it with the engine of the settings, and can be imported by that name elsewhere.
        say: gets a line where a node draws nothing, or is gone.
    """
    share = Share.of(settings)
    environment = environment_of(settings, share) | cluster.variables

    def draw(work: JobRuntime, store: Store, whole: Records, gone: Records, on_shard: OnShard) -> list[ShardRecord]:
        asked = open_evaluator if work.job.filter else None
        assignment = Assignment(work.job, store, str(model.absolute()), open_runtime, asked)

        def counted(record: ShardRecord) -> None:
            work.on_images(record.n)
            on_shard(record)

        with interruptible() as check:
            run = ClusterRun(cluster.ray, assignment, share, environment, say)
            return run.draw_rest(whole, gone, counted, check)

    return draw


@contextmanager
def interruptible() -> Iterator[Callable[[], None]]:
    """Give a function that raises KeyboardInterrupt where SIGINT has come and nothing came of it.

    Python raises it wherever the main thread is, and where that is one of Ray's callbacks it is printed and forgotten.
    """
    came = threading.Event()

    def check() -> None:
        if came.is_set():
            raise KeyboardInterrupt

    def note(number: int, frame: FrameType | None) -> None:
        came.set()
        signal.default_int_handler(number, frame)

    if threading.current_thread() is not threading.main_thread():
        yield check
        return
    before = signal.signal(signal.SIGINT, note)
    try:
        yield check
    finally:
        signal.signal(signal.SIGINT, before)


class ClusterRun:
    """One run of a job on a cluster.

    Args:
        ray: connected.
        assignment: what actors are given.
        share: of a node, for each actor.
        environment: variables of an actor.
        say: gets a line where a node draws nothing, or is gone.
    """

    def __init__(self, ray: Any, assignment: Assignment, share: Share, environment: dict[str, str], say: Say) -> None:
        self._ray, self._share, self._say = ray, share, say
        self._job, self._assignment = assignment.job, assignment
        self._actor = ray.remote(ShardActor)
        self._options: dict[str, Any] = {
            "num_cpus": share.cpus,
            "num_gpus": share.gpus,
            "max_concurrency": share.shards,
            "max_restarts": 0,
            "runtime_env": {"env_vars": environment},
        }
        self._nodes: list[Node] = []
        self._looked_s = -math.inf
        self._known: set[str] = set()
        self._reasons: list[str] = []
        self._left: deque[int] = deque()
        self._idle: list[_Actor] = []
        self._running: dict[Any, tuple[_Actor, int | None]] = {}
        """What is under way: an actor that opens the model (None), or makes a shard."""
        self._deaths: Counter[int] = Counter()

    def draw_rest(
        self, whole: Records, gone: Records, on_shard: OnShard, check: Callable[[], None] = lambda: None
    ) -> list[ShardRecord]:
        """Make all shards that are not whole; returns the records of all, in order.

        Args:
            gone: records of shards that were finished, and whose files are missing.
            on_shard: told of each that was made.
            check: called every few seconds; what it raises ends the run.

        Raises:
            WrongShard, OSError: of the first shard that failed; what is finished stays.
            ConnectionError: no node is left that draws, or actors die over one shard again and again.
        """
        records = dict(whole)
        self._left.extend(shard for shard in range(self._job.shards) if shard not in whole)
        try:
            while len(records) < self._job.shards:
                check()
                self._begin(gone)
                for reference in self._ray.wait([*self._running], timeout=_LOOKS_EVERY_S)[0]:
                    actor, shard = self._running.pop(reference)
                    if shard is None:
                        self._opened(actor, reference)
                    elif (record := self._made(actor, shard, reference)) is not None:
                        records[shard] = record
                        on_shard(record)
            closed = [actor.handle.close.remote() for actor in {*self._idle}]
            self._ray.wait(closed, num_returns=len(closed), timeout=_CLOSES_WITHIN_S)
        finally:
            for actor in {*self._idle, *(actor for actor, _ in self._running.values())}:
                self._end(actor)
        return [records[shard] for shard in range(self._job.shards)]

    def _begin(self, gone: Records) -> None:
        """Give shards to actors that have nothing to do, and start actors where none is yet.

        Raises:
            ConnectionError: there are none, and nowhere to start them.
        """
        while self._left and self._idle:
            shard, actor = self._left.popleft(), self._idle.pop()
            self._running[actor.handle.make.remote(shard, gone.get(shard))] = actor, shard
        if not self._running or time.monotonic() - self._looked_s > _LOOKS_EVERY_S:
            self._look()
        for node in self._nodes:
            if node.id not in self._known and self._are_wanted():
                self._known.add(node.id)
                self._start(node, is_first=True)
        if not self._running:
            why = "; ".join(self._reasons) or f"none has {self._share}"
            raise ConnectionError(f"found no node of the cluster that draws this job: {why}")

    def _look(self) -> None:
        """Which nodes there are now."""
        self._looked_s = time.monotonic()
        found = [
            Node(one["NodeID"], one["NodeManagerAddress"], self._share.fits(one["Resources"]))
            for one in self._ray.nodes()
            if one["Alive"]
        ]
        self._nodes = [node for node in found if node.actors]

    def _are_wanted(self) -> bool:
        """Whether there are more shards than actors for them, with those that come."""
        coming = sum(self._share.shards for _, shard in self._running.values() if shard is None)
        return len(self._left) > len(self._idle) + coming

    def _start(self, node: Node, is_first: bool = False) -> None:
        where = self._ray.util.scheduling_strategies.NodeAffinitySchedulingStrategy(node.id, soft=False)
        handle = self._actor.options(**self._options, scheduling_strategy=where).remote(self._assignment)
        self._running[handle.open.remote()] = _Actor(handle, node, is_first), None

    def _opened(self, actor: _Actor, reference: Any) -> None:
        """Use an actor, and let those of its node follow; or say why it draws nothing."""
        try:
            reason = self._ray.get(reference)
        except self._ray.exceptions.ActorUnschedulableError:
            reason = "it is gone"
        except self._ray.exceptions.RayError as error:
            reason = f"its process ended ({_in_few_words(error)})"
        if reason is not None:
            self._reasons.append(f"node {actor.node.address}: {reason}")
            self._say(f"node {actor.node.address} draws nothing: {reason}")
            self._end(actor)
            return
        self._idle += [actor] * self._share.shards
        for _ in range(actor.node.actors - 1 if actor.is_first else 0):
            if self._are_wanted():
                self._start(actor.node)

    def _made(self, actor: _Actor, shard: int, reference: Any) -> ShardRecord | None:
        """The record of a shard; None where its actor died, and another one makes it."""
        errors = self._ray.exceptions
        try:
            record: ShardRecord = self._ray.get(reference)
        except errors.RayTaskError as error:
            raise error.cause or error from None
        except errors.RayError as error:
            self._lost(actor, shard, _in_few_words(error))
            return None
        if not actor.is_dead:
            self._idle.append(actor)
        return record

    def _lost(self, actor: _Actor, shard: int, reason: str) -> None:
        self._left.appendleft(shard)
        self._deaths[shard] += 1
        where, file = actor.node.address, self._job.file_of(shard)
        if self._deaths[shard] == MOST_DEATHS:
            raise ConnectionError(
                f"found {MOST_DEATHS} actors that died over {file}, the last on node {where} ({reason}); look for what "
                "ended them, such as memory: a smaller --shard-images takes less, in another folder"
            )
        if actor.is_dead:
            return
        self._say(f"an actor on node {where} died ({reason}): {file} is drawn again")
        self._end(actor)
        self._start(actor.node)

    def _end(self, actor: _Actor) -> None:
        """Take nothing more from an actor; where only the connection to it was lost, it stops, too."""
        actor.is_dead = True
        self._idle = [one for one in self._idle if one is not actor]
        self._ray.kill(actor.handle)


def _in_few_words(error: Exception) -> str:
    """Ray's reason without what it adds: the first line, or the last one of a traceback."""
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return lines[-1 if "creation task" in lines[0] else 0].strip(" .:")
