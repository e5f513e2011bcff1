"""Two processes of a group that trains one run, without what torchrun costs: three times the start of torch.

    test_distributed -> two_processes -> training.distributed

Both are forked from a process that has imported the trainer, and are told their place in the group as torchrun tells
it: by their environment. Knows no claim.
"""

import multiprocessing
import os
import signal
import socket
import sys
import traceback
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

IMPORTED_ONCE = ["training.train", "training.plan", "training.exporter.bundle", "training.cli.fit"]
ENDS_WITHIN_S = 300


def in_two_processes(log: Path, work: Callable[..., object], *arguments: object) -> list[int | None]:
    """Call a function of this module in both; what they print is added to `log`. Returns their exit codes."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(IMPORTED_ONCE)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    places = [
        {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
        for rank in ("0", "1")
    ]
    processes = [context.Process(target=_placed, args=(place, log, work, arguments)) for place in places]
    for process in processes:
        process.start()
    for process in processes:
        process.join(ENDS_WITHIN_S)
        process.kill()
    return [process.exitcode for process in processes]


def fit(words: list[str]) -> None:
    """`zoetrope fit` and these words."""
    from training.cli.app import app

    app(["fit", *words])


def fit_and_stop(words: list[str], after: int) -> None:
    """The same, with SIGINT to this process after the step that has shown so many images."""
    from training import train as loop

    take_step = loop.take_step

    def take_step_and_stop(settings, batches, state):
        seen = take_step(settings, batches, state)
        if state.images_shown == after:
            os.kill(os.getpid(), signal.SIGINT)
        return seen

    loop.take_step = take_step_and_stop
    fit(words)


def fit_and_see_one_loss(words: list[str], strengths: Path, loss: float, after: int) -> None:
    """The same; the second process sees this loss once, after so many images.

    Each writes the strength of its augmentation, which follows what is measured, to `p0` or `p1` in a folder.
    """
    from training import train as loop
    from training.methods import augmentation

    def quarter(_p, overfitting, _images):
        return 0.25 + overfitting / 4

    augmentation.moved = quarter
    rank = int(os.environ["RANK"])
    take_step, left = loop.take_step, [rank]

    def take_step_and_see(settings, batches, state):
        seen = take_step(settings, batches, state)
        (strengths / f"p{rank}").write_text(str(state.method.augmentation.p))
        if state.images_shown == after and left[0]:
            left[0] = 0
            seen["d_loss"] = seen["d_loss"] * 0 + loss
        return seen

    loop.take_step = take_step_and_see
    fit(words)


def _placed(place: dict[str, str], log: Path, work: Callable[..., object], arguments: tuple[object, ...]) -> None:
    os.environ.update(place)
    with log.open("a", buffering=1) as printed, redirect_stdout(printed), redirect_stderr(printed):
        try:
            work(*arguments)
        except SystemExit:
            raise
        except BaseException:
            traceback.print_exc()
            sys.exit(1)
