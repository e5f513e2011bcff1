"""One process on a node of a cluster: it draws shards where it draws and writes as the job was begun, else not at all.

    cluster_run -> [shard_actor], on a node -> shards -> store

What it is given travels to the node: the job, the place to write to, and how a
model is opened there. A node may have another processor, other libraries or
another folder in the same place; all of that is compared before the first picture
is drawn. Knows no Ray.
"""

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field

from models.card import Card
from models.runtime import Runtime
from service.bulk.job import Job, written_by
from service.bulk.manifest import ShardRecord, found_job
from service.bulk.shards import Evaluator, JobRuntime, filter_of, make_shard
from service.bulk.store import Store


@dataclass(frozen=True)
class Assignment:
    """What an actor needs; it can be pickled.

    Args:
        model: the folder of the bundle, the same on every node.
        open_runtime: a folder -> the model with the engine that the settings of the node select.
        open_evaluator: of a job with a filter.
    """

    job: Job
    store: Store
    model: str
    open_runtime: Callable[[str], Runtime]
    open_evaluator: Callable[[Card], Evaluator] | None = None


@dataclass
class ShardActor:
    """Makes shards; `open` comes first, `close` last."""

    assignment: Assignment
    _work: JobRuntime | None = field(default=None, init=False)
    _scratch: ExitStack = field(default_factory=ExitStack, init=False)
    """Where shards are written that do not stay on this machine: as long as the process lives."""

    def open(self) -> str | None:
        """Load the model, and compare; returns why nothing can be drawn here, or None where it can.

        A reason and no exception: those of engines cannot all be sent to another process.
        """
        try:
            self._work = open_work(self.assignment)
            if not self.assignment.store.stays_on_disk:  # else the command has locked it
                self._scratch.enter_context(self.assignment.store.locked())
        except Exception as error:
            return " ".join(str(error).split()) or type(error).__name__
        return None

    def make(self, shard: int, expected: ShardRecord | None = None) -> ShardRecord:
        """Make one shard, as `make_shard`.

        Raises:
            WrongShard, OSError: as there.
        """
        if self._work is None:
            raise RuntimeError("found no model, expected `open` before `make`")
        return make_shard(self._work, self.assignment.store, shard, expected)

    def close(self) -> None:
        """Remove what was written on this machine alone; nothing is made after it."""
        self._scratch.close()


def open_work(given: Assignment) -> JobRuntime:
    """All that draws the job on this machine.

    Raises:
        ValueError: this machine would draw or write other bytes, or elsewhere.
        ModelError: the model cannot be opened here.
    """
    if found_job(given.store) != given.job:
        raise ValueError(
            "found no such job where the data set lies, expected the place that the command writes to; it must be the "
            "same one on every machine, under the same path"
        )
    runtime = given.open_runtime(given.model)
    evaluator = None if given.job.filter is None else _evaluator(given, runtime.card)
    work = JobRuntime(given.job, runtime, evaluator)
    require_same_bytes(work)
    return work


def _evaluator(given: Assignment, card: Card) -> Evaluator:
    if given.open_evaluator is None:
        raise ValueError("found a job with a filter, but no evaluator can be opened from here")
    return given.open_evaluator(card)


def require_same_bytes(work: JobRuntime) -> None:
    """Refuse to draw a job where pictures or files would have other bytes than the job says.

    Raises:
        ValueError: says what differs: version, engine with its precision, instruction set, evaluator or encoders.
    """
    job, runtime = work.job, work.runtime
    here = job.model_copy(
        update={
            "model": runtime.card.name,
            "version": runtime.card.version,
            "engine": runtime.engine,
            "instruction_set": runtime.instruction_set,
            "filter": None if work.evaluator is None else filter_of(work.evaluator, runtime.card),
            "written_by": written_by(job.kind, job.raw, job.marks),
        }
    )
    if wrong := here.differences(job):
        raise ValueError(
            f"found {wrong}, expected what the job was begun with: the same model, engine, libraries and processor"
        )
