"""The life of a trainer: ask for work, do it, say how it ended; and every error becomes a sentence.

    service_client -> [loop] -> rounds, runs -> lease

What a person asked for is refused where the grades, the new version or the name do
not allow it, and fails where something here is in the way: the disk, the pictures,
an error of ours. Neither ends the trainer. A signal does: it gives its task back
first, and the next trainer resumes the run.
"""

import time
import traceback
from collections.abc import Callable

from training.device import ComputeContext
from training.errors import EXPECTED, OlderVersion, RefusedUnlessForced, Stopped, words_of
from training.feedback.ratings_client import RatingsUnavailable
from training.run import RunBusy
from training.trainer.lease import AGAIN_AFTER_S, LEASE_S, Lease
from training.trainer.place import Place
from training.trainer.rounds import train_round
from training.trainer.runs import Describe, train_run
from training.trainer.service_client import Outcome, ServiceAway, ServiceClient, Task

Tell = Callable[[str], object]
_REFUSALS = (ValueError, OlderVersion)
"""Contradictory grades, a new version that lost quality, a name that is taken: what is asked for cannot be."""
_PATIENCE_S = 5.0
"""A person who stops the trainer does not wait longer for a service that is away."""


class Trainer:
    """Works for one service.

    Args:
        service: gives the work.
        name: which no other process has at the same time.
        place: the folders.
        context: where it computes.
        describe: what `fit --dry-run` says of a plan.
        tell: gets lines for the terminal.
        lease_s: how long a task stays this trainer's after its last word.
    """

    def __init__(
        self,
        service: ServiceClient,
        name: str,
        place: Place,
        context: ComputeContext,
        describe: Describe,
        tell: Tell = print,
        lease_s: float = LEASE_S,
    ) -> None:
        self._service, self._name, self._place = service, name, place
        self._context, self._describe, self._tell, self._lease_s = context, describe, tell, lease_s

    def run(self, once: bool = False) -> None:
        """Work until a signal comes, or with `once` until one task is done.

        Raises:
            ServiceRefuses: it gives no work, for instance because the key is wrong; says why.
            KeyboardInterrupt: a signal came; what was under way is given back.
        """
        self._tell(f"the trainer {self._name} asks {self._service.shown} for work; Ctrl-C stops it")
        is_away = False
        while True:
            try:
                task = self._service.take(self._name, self._lease_s)
            except ServiceAway as error:
                if not is_away:
                    self._tell(f"{error}. It is asked again every {AGAIN_AFTER_S:g} s.")
                is_away = True
                time.sleep(AGAIN_AFTER_S)
                continue
            if is_away:
                self._tell(f"{self._service.shown} is there again")
            is_away = False
            if task is None:
                time.sleep(AGAIN_AFTER_S)
                continue
            self.work(task)
            if once:
                return

    def work(self, task: Task) -> None:
        """Do one task, and say how it ended.

        Raises:
            KeyboardInterrupt: a signal came; the task is given back.
        """
        self._tell(f"took the {task.kind} {task.id} of {task.model}")
        with Lease(self._service, task, self._tell, self._lease_s) as lease:
            try:
                outcome = self._outcome(task, lease)
            except KeyboardInterrupt:  # of a signal: what was saved stays, and the next trainer goes on from there
                lease.end("waiting", patience_s=_PATIENCE_S)
                raise
            if lease.end(outcome.state, outcome.reason, outcome.result):
                self._tell(f"{task.kind} of {task.model}: {outcome.state}. {outcome.reason or ''}".rstrip())

    def _outcome(self, task: Task, lease: Lease) -> Outcome:
        try:
            if task.kind == "run":
                return train_run(task, self._place, self._context, lease, self._describe)
            return train_round(task, self._service.ratings, self._place, self._context, lease)
        except Stopped:
            if not lease.stops():
                raise
            return Outcome("cancelled" if lease.wish == "cancel" else "stopped")
        except RefusedUnlessForced as error:
            return Outcome("refused", error.found, {"force_helps": True})
        except (OSError, *EXPECTED) as error:
            if isinstance(error, RatingsUnavailable):  # the service is restarted just now: all begins again
                return Outcome("waiting", words_of(error))
            refused = isinstance(error, _REFUSALS) and not isinstance(error, RunBusy)
            return Outcome("refused" if refused else "failed", words_of(error))
        except Exception as error:  # one task must not end the trainer: others wait
            self._tell(traceback.format_exc())
            return Outcome("failed", f"The trainer failed on it ({type(error).__name__}); its terminal says where.")
