"""`python -m load.stress EXPERIMENT`: make it hard for the service, and say what was wanted and what was found.

    stand -> an experiment -> verdicts -> 0 or 1

Ends with 0 if all is as wanted, 1 if something is not, 2 if nothing could be measured.
"""

import argparse
import signal
import sys
from collections.abc import Callable, Coroutine
from typing import Any

import uvloop

from load.goals import Verdict
from load.server import ServiceTrouble
from load.stress.callers import callers
from load.stress.fairness import fairness
from load.stress.hangup import hangup
from load.stress.overload import overload
from load.stress.determinism import same
from load.stress.soak import soak
from load.stress.harness import Stand, standing

Experiment = Callable[[Stand], Coroutine[Any, Any, list[Verdict]]]


def main() -> int:
    """Run one experiment; 0 if all is as wanted."""
    asked = _arguments()
    for stop in (signal.SIGINT, signal.SIGTERM):
        signal.signal(stop, lambda number, _: sys.exit(128 + number))  # so that the service is stopped too
    try:
        verdicts = _EXPERIMENTS[asked.experiment](asked)
    except ServiceTrouble as trouble:
        print(f"Nothing was measured: {trouble}", file=sys.stderr)
        return 2
    for one in verdicts:
        print(f"{'pass' if one.passed else 'MISS'}  {one.sentence:60} wanted: {one.wanted:18} found: {one.found}")
    return 0 if all(one.passed for one in verdicts) else 1


def _on_stand(asked: argparse.Namespace, experiment: Experiment) -> list[Verdict]:
    with standing(asked.model) as stand:
        return uvloop.run(experiment(stand))


def _pins(engines: list[str]) -> dict[str, dict[str, str]]:
    """ "openvino:bfloat16" -> the settings that pin it; none named is the engine that the service chooses."""
    pinned = {}
    for one in engines:
        engine, _, precision = one.partition(":")
        pinned[one] = {"ZOETROPE_ENGINE": engine, "ZOETROPE_PRECISION": precision or "float32"}
    return pinned or {"the engine that it chose": {}}


_EXPERIMENTS: dict[str, Callable[[argparse.Namespace], list[Verdict]]] = {
    "overload": lambda asked: _on_stand(asked, lambda stand: overload(stand, asked.seconds or 60, asked.deadline_s)),
    "fairness": lambda asked: _on_stand(asked, lambda stand: fairness(stand, asked.seconds or 20)),
    "hangup": lambda asked: _on_stand(asked, hangup),
    "callers": lambda asked: callers(asked.model, asked.least),
    "same": lambda asked: same(asked.model, _pins(asked.engines)),
    "soak": lambda asked: _on_stand(asked, lambda stand: soak(stand, asked.minutes)),
}


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m load.stress", description="Make it hard for the service.")
    parser.add_argument("experiment", choices=_EXPERIMENTS)
    parser.add_argument("--model", default="mnist")
    parser.add_argument("--seconds", type=float, help="of overload (60 if none) and fairness (20)")
    parser.add_argument("--deadline-s", type=float, default=30.0, help="within which an admitted question is answered")
    parser.add_argument("--least", type=float, default=0.95, help="the ratio wanted of callers")
    parser.add_argument("--minutes", type=float, default=30.0, help="of soak")
    parser.add_argument(
        "--engines", nargs="*", default=[], help="of same, such as onnxruntime:float32 openvino:bfloat16"
    )
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
