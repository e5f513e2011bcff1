"""`python -m load.stress EXPERIMENT`: put the service under stress; what was expected, and what was found.

    harness -> an experiment -> check results -> [__main__] -> 0 or 1

Ends with 0 if all is as expected, 1 if something is not, 2 if nothing could be measured.
"""

import argparse
import signal
import sys
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from typing import Any

import uvloop

from load.check_result import CheckResult, exit_code, print_results
from load.server import MeasurementError, exit_on_signals
from load.stress.batching import batching_gain, fairness, hangup
from load.stress.crash import crash
from load.stress.determinism import determinism
from load.stress.harness import Target, running_target
from load.stress.overload import overload
from load.stress.soak import MEMORY_GROWTH, soak

RENAMED = {"callers": "batching", "same": "determinism"}
"""Names that experiments had before; each still runs."""


@dataclass(frozen=True)
class Lengths:
    """How long the experiments take, and how much memory may grow meanwhile."""

    overload_s: float = 60.0
    fairness_s: float = 20.0
    batching_iterations: int = 5
    kills: int = 50
    soak_minutes: float = 30.0
    memory_growth: float = MEMORY_GROWTH


SHORT = Lengths(overload_s=15.0, fairness_s=4.0, batching_iterations=2, kills=3, soak_minutes=0.5, memory_growth=1.3)
"""In seconds, for CI. In half a minute memory still warms up, so only a fast leak shows."""


def main() -> int:
    """Run one experiment, or all; 0 if all is as expected."""
    arguments = _arguments()
    exit_on_signals()
    names = list(_EXPERIMENTS) if arguments.experiment == "all" else [arguments.experiment]
    try:
        results = [result for name in names for result in _run(name, arguments)]
    except MeasurementError as error:
        print(f"Nothing was measured: {error}", file=sys.stderr)
        return 2
    return exit_code(results)


def lengths_of(arguments: argparse.Namespace) -> Lengths:
    """The lengths that the options ask for: `--seconds` and `--minutes` win over `--short`."""
    base = SHORT if arguments.short else Lengths()
    return Lengths(
        overload_s=arguments.seconds or base.overload_s,
        fairness_s=arguments.seconds or base.fairness_s,
        batching_iterations=base.batching_iterations,
        kills=base.kills,
        soak_minutes=arguments.minutes or base.soak_minutes,
        memory_growth=base.memory_growth,
    )


def _run(name: str, arguments: argparse.Namespace) -> list[CheckResult]:
    print(f"{name} of {arguments.model}", flush=True)
    results = _EXPERIMENTS[name](arguments, lengths_of(arguments))
    print_results(results)
    return results


def _on_target(model: str, experiment: Callable[[Target], Coroutine[Any, Any, list[CheckResult]]]) -> list[CheckResult]:
    with running_target(model) as target:
        return uvloop.run(experiment(target))


def _engine_settings(engines: Sequence[str]) -> dict[str, dict[str, str]]:
    """ "openvino:bfloat16" -> the settings that pin it; without any, the engine that the service chooses."""
    settings = {}
    for name in engines:
        library, _, precision = name.partition(":")
        settings[name] = {"ZOETROPE_ENGINE": library, "ZOETROPE_PRECISION": precision or "float32"}
    return settings or {"the engine that it chose": {}}


_EXPERIMENTS: dict[str, Callable[[argparse.Namespace, Lengths], list[CheckResult]]] = {
    "overload": lambda arguments, lengths: _on_target(
        arguments.model, lambda target: overload(target, lengths.overload_s, arguments.deadline_s)
    ),
    "fairness": lambda arguments, lengths: _on_target(
        arguments.model, lambda target: fairness(target, lengths.fairness_s)
    ),
    "hangup": lambda arguments, _: _on_target(arguments.model, hangup),
    "batching": lambda arguments, lengths: batching_gain(
        arguments.model, arguments.least_ratio, lengths.batching_iterations
    ),
    "determinism": lambda arguments, _: determinism(arguments.model, _engine_settings(arguments.engines)),
    "crash": lambda arguments, lengths: crash(arguments.model, lengths.kills),
    "hang": lambda arguments, lengths: crash(arguments.model, lengths.kills, signal.SIGSTOP),
    "soak": lambda arguments, lengths: _on_target(
        arguments.model, lambda target: soak(target, lengths.soak_minutes, lengths.memory_growth)
    ),
}


def _experiment(name: str) -> str:
    """An experiment by its name, or by the one that it had before."""
    if name in RENAMED:
        print(f"{name} is now called {RENAMED[name]}: python -m load.stress {RENAMED[name]}", file=sys.stderr)
    return RENAMED.get(name, name)


def _arguments(words: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m load.stress", description="Put the service under stress.")
    parser.add_argument("experiment", type=_experiment, choices=[*_EXPERIMENTS, "all"])
    parser.add_argument("--model", default="mnist")
    parser.add_argument("--short", action="store_true", help="each in seconds, as CI runs them")
    parser.add_argument("--seconds", type=float, help="of overload (default 60) and fairness (default 20)")
    parser.add_argument("--minutes", type=float, help="of soak (default 30)")
    parser.add_argument("--deadline-s", type=float, default=30.0, help="within which an admitted request is answered")
    parser.add_argument("--least-ratio", "--least", type=float, default=0.95, help="the ratio expected of batching")
    parser.add_argument(
        "--engines", nargs="*", default=[], help="of determinism, such as onnxruntime:float32 openvino:bfloat16"
    )
    return parser.parse_args(words)


if __name__ == "__main__":
    sys.exit(main())
