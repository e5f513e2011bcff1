"""Processes of the trainer without what starting them costs: seconds of imports each.

    test_train, test_cli -> [forked] <- two_processes

Each is forked from a process that has imported the trainer once. It is a process of its own in every other respect: it
can be sent a signal, killed, or told by its environment that it is one of several. Knows no claim.
"""

import multiprocessing
import os
import sys
import traceback
from collections.abc import Callable, Mapping
from contextlib import redirect_stderr, redirect_stdout
from multiprocessing.process import BaseProcess
from pathlib import Path

IMPORTED_ONCE = [
    *("training.train", "training.plan", "training.exporter.bundle", "training.cli.fit", "training.execution"),
    # And what these import when it is first needed: by Adam, digits, the events of a run, the exporter.
    *("torch._dynamo", "sklearn.datasets", "torch.utils.tensorboard", "torch.onnx._internal.exporter._core"),
    *("onnxscript.rewriter", "networkx"),
]


def begin(log: Path, work: Callable[..., object], *arguments: object, place: Mapping[str, str] = {}) -> BaseProcess:
    """Call a function of a module in a process of its own; what it prints is added to `log`.

    Args:
        place: added to its environment.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(IMPORTED_ONCE)
    process = context.Process(target=_printing, args=(place, log, work, arguments))
    process.start()
    return process


def fit(*words: object) -> None:
    """`zoetrope fit` and these words."""
    from training.cli.app import app

    app(["fit", *map(str, words)])


def _printing(place: Mapping[str, str], log: Path, work: Callable[..., object], arguments: tuple[object, ...]) -> None:
    os.environ.update(place)
    with log.open("a", buffering=1) as printed, redirect_stdout(printed), redirect_stderr(printed):
        try:
            work(*arguments)
        except SystemExit:
            raise
        except BaseException:
            traceback.print_exc()
            sys.exit(1)
