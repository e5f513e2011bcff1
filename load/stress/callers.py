"""64 callers of one picture each: drawn together against one by one, in rounds that take turns.

contenders -> [callers] -> verdicts
"""

import tempfile
from contextlib import ExitStack
from pathlib import Path
from statistics import median

import uvloop

from load.bench.client import post
from load.bench.servers import CHOSEN, LONERS, OURS, entered
from load.goals import Verdict
from load.stress.harness import at_least, at_most
from load.bench.sample import Question, Window, play

CALLERS, ROUNDS, WINDOW_S = 64, 5, 2.0
_MODEL_OF_SETTINGS = "mnist"


def callers(model: str, least: float) -> list[Verdict]:
    """Throughput with batching over throughput without it.

    Args:
        model: who draws.
        least: the ratio that is wanted: 1.5 where the engine gains from batches, 0.95 where it does not.

    Raises:
        ServiceTrouble: the service does not start, or has no such setting.
    """
    request = post("/generate", {"model": model, "n": 1, "format": "npy"})
    question = Question(request, 1, CALLERS, WINDOW_S)
    found: dict[str, list[Window]] = {CHOSEN: [], LONERS: []}
    with tempfile.TemporaryDirectory() as folder, ExitStack() as started:
        services = [
            started.enter_context(entered(one, _MODEL_OF_SETTINGS, Path(folder))) for one in OURS if one.name in found
        ]
        for _ in range(ROUNDS):
            for service in services:
                service.meter.let_go()
                window = uvloop.run(play(service.url, question, service.meter, 0.5))
                service.meter.hold()
                found[service.contender.name].append(window)
    rates = {name: [one.images / one.wall_s for one in windows] for name, windows in found.items()}
    for name, one in rates.items():
        print(f"{name}: {median(one):,.0f} images/s", flush=True)
    ratios = [on / off for on, off in zip(rates[CHOSEN], rates[LONERS], strict=True)]
    faults = sum(len(one.faults) for windows in found.values() for one in windows)
    return [
        at_least(f"{model}: {CALLERS} callers of n = 1, images a second / batching off", median(ratios), least),
        at_most("wrong answers", faults, 0),
    ]
