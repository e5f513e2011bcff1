"""`python -m load.stress EXPERIMENT`: put the service under stress; what was expected, and what was found.

    harness -> an experiment -> check results -> record -> [__main__] -> 0 or 1

Ends with 0 if all is as expected, 1 if something is not, 2 if nothing could be measured.
"""

import argparse
import signal
import sys
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import uvloop

from load.check_result import CheckResult, exit_code
from load.server import MeasurementError, exit_on_signals
from load.stress.batching import batching_gain, fairness, hangup
from load.stress.bulk import IMAGES, KILLS, bulk
from load.stress.contract import CASES, contract
from load.stress.crash import crash
from load.stress.determinism import determinism
from load.stress.harness import Target, attached_target, running_target
from load.stress.mutations import MUTATIONS, mutations
from load.stress.overload import LOADS, Load, overload
from load.stress.record import recorded
from load.stress.slow_clients import CLIENTS, IDLE, idle, slow_bodies, slow_headers, slow_readers
from load.stress.soak import MEMORY_GROWTH, soak
from load.stress.trainer import next_to_a_trainer

RENAMED = {"callers": "batching", "same": "determinism"}
"""Names that experiments had before; each still runs."""
FEW_FILES = 256
"""What `ulimit -n` says to the service of few-files."""


@dataclass(frozen=True)
class Lengths:
    """How long the experiments take, and how much memory may grow meanwhile."""

    overload_s: float = 60.0
    fairness_s: float = 20.0
    batching_iterations: int = 5
    kills: int = 50
    soak_minutes: float = 30.0
    memory_growth: float = MEMORY_GROWTH
    mutants: int = MUTATIONS
    slow_clients: int = CLIENTS
    idle_connections: int = IDLE
    contract_cases: int = CASES
    bulk_images: int = IMAGES
    bulk_kills: int = KILLS
    trainer_s: float = 10.0
    trainer_iterations: int = 3


SHORT = Lengths(
    overload_s=15.0, fairness_s=4.0, batching_iterations=2, kills=3, soak_minutes=0.5, memory_growth=1.3, mutants=500,
    slow_clients=30, idle_connections=200, contract_cases=300, bulk_images=100_000, bulk_kills=3,
    trainer_s=4.0, trainer_iterations=1,
)  # fmt: skip
"""In seconds, for CI. In half a minute memory still warms up, so only a fast leak shows."""

Part = Callable[[argparse.Namespace, Lengths], list[CheckResult]]


def main() -> int:
    """Run one experiment, or all; 0 if all is as expected."""
    arguments = _arguments()
    exit_on_signals()
    try:
        names = _GROUPS.get(arguments.experiment, (arguments.experiment,))
        return exit_code([result for name in names for result in _run(name, arguments)])
    except MeasurementError as error:
        print(f"Nothing was measured: {error}", file=sys.stderr)
        return 2


def lengths_of(arguments: argparse.Namespace) -> Lengths:
    """The lengths that the options ask for: `--seconds`, `--minutes` and `--count` win over `--short`."""
    base = SHORT if arguments.short else Lengths()
    return replace(
        base,
        overload_s=arguments.seconds or base.overload_s,
        fairness_s=arguments.seconds or base.fairness_s,
        trainer_s=arguments.seconds or base.trainer_s,
        soak_minutes=arguments.minutes or base.soak_minutes,
        kills=arguments.count or base.kills,
        mutants=arguments.count or base.mutants,
        slow_clients=arguments.count or base.slow_clients,
        idle_connections=arguments.count or base.idle_connections,
        contract_cases=arguments.count or base.contract_cases,
        bulk_images=arguments.count or base.bulk_images,
    )


def _run(name: str, arguments: argparse.Namespace) -> list[CheckResult]:
    lengths = lengths_of(arguments)
    if name != "overloads":
        return _recorded(f"{name}-{arguments.model}", arguments, lambda: _EXPERIMENTS[name](arguments, lengths))
    return [
        result
        for model in arguments.models
        for load in LOADS
        if arguments.only in load.name
        for result in _recorded(f"overload-{model}-{load.name}", arguments, _overload(arguments, lengths, model, load))
    ]


def _recorded(name: str, arguments: argparse.Namespace, run: Callable[[], list[CheckResult]]) -> list[CheckResult]:
    print(name, flush=True)
    return recorded(arguments.out, name, run)


def _overload(
    arguments: argparse.Namespace, lengths: Lengths, model: str, load: Load
) -> Callable[[], list[CheckResult]]:
    chosen = argparse.Namespace(**{**vars(arguments), "model": model})
    return lambda: _on_target(
        chosen,
        lambda target: overload(target, lengths.overload_s, arguments.deadline_s, load),
        environment=load.environment,
    )


def _on_target(
    arguments: argparse.Namespace,
    experiment: Callable[[Target], Coroutine[Any, Any, list[CheckResult]]],
    most_files: int | None = None,
    environment: Mapping[str, str] = MappingProxyType({}),
) -> list[CheckResult]:
    """Run it against a service that is started for it, or against one that runs."""
    if arguments.url:
        return uvloop.run(experiment(attached_target(arguments.url, arguments.pid, arguments.model)))
    with running_target(arguments.model, environment, arguments.service, most_files) as target:
        return uvloop.run(experiment(target))


async def _few_files(target: Target, lengths: Lengths) -> list[CheckResult]:
    """A service that may open few files: more idle connections than that, slow clients, mutants; it goes on."""
    return [
        *await idle(target, 2 * FEW_FILES),
        *await slow_headers(target, FEW_FILES),
        *await mutations(target, lengths.mutants // 10),
        *await idle(target, 2 * FEW_FILES),
    ]


def _engine_settings(engines: Sequence[str]) -> dict[str, dict[str, str]]:
    """ "openvino:bfloat16" -> the settings that pin it; without any, the engine that the service chooses."""
    settings = {}
    for name in engines:
        library, _, precision = name.partition(":")
        settings[name] = {"ZOETROPE_ENGINE": library, "ZOETROPE_PRECISION": precision or "float32"}
    return settings or {"the engine that it chose": {}}


_EXPERIMENTS: dict[str, Part] = {
    "overload": lambda arguments, lengths: _overload(arguments, lengths, arguments.model, Load())(),
    "fairness": lambda arguments, lengths: _on_target(arguments, lambda target: fairness(target, lengths.fairness_s)),
    "hangup": lambda arguments, _: _on_target(arguments, hangup),
    "batching": lambda arguments, lengths: batching_gain(
        arguments.model, arguments.least_ratio, lengths.batching_iterations
    ),
    "determinism": lambda arguments, _: determinism(arguments.model, _engine_settings(arguments.engines)),
    "crash": lambda arguments, lengths: crash(arguments.model, lengths.kills),
    "hang": lambda arguments, lengths: crash(arguments.model, lengths.kills, signal.SIGSTOP),
    "mutations": lambda arguments, lengths: _on_target(arguments, lambda target: mutations(target, lengths.mutants)),
    "slow-headers": lambda arguments, lengths: _on_target(
        arguments, lambda target: slow_headers(target, lengths.slow_clients)
    ),
    "slow-bodies": lambda arguments, lengths: _on_target(
        arguments, lambda target: slow_bodies(target, lengths.slow_clients)
    ),
    "slow-readers": lambda arguments, lengths: _on_target(
        arguments, lambda target: slow_readers(target, lengths.slow_clients)
    ),
    "idle": lambda arguments, lengths: _on_target(arguments, lambda target: idle(target, lengths.idle_connections)),
    "few-files": lambda arguments, lengths: _on_target(
        arguments, lambda target: _few_files(target, lengths), FEW_FILES
    ),
    "contract": lambda arguments, lengths: _on_target(
        arguments, lambda target: contract(target, arguments.schemathesis, lengths.contract_cases, arguments.out)
    ),
    "soak": lambda arguments, lengths: _on_target(
        arguments, lambda target: soak(target, lengths.soak_minutes, lengths.memory_growth)
    ),
    "bulk": lambda arguments, lengths: bulk(arguments.model, lengths.bulk_images, lengths.bulk_kills),
    "trainer": lambda arguments, lengths: next_to_a_trainer(
        arguments.model, arguments.pictures, lengths.trainer_s, lengths.trainer_iterations
    ),
}
_ATTACKS = ("mutations", "slow-headers", "slow-bodies", "slow-readers", "idle")
_GROUPS: dict[str, tuple[str, ...]] = {
    "attacks": _ATTACKS,
    "all": tuple(name for name in _EXPERIMENTS if name != "contract"),  # which needs a program of others
}
"""Names that stand for several experiments."""


def _experiment(name: str) -> str:
    """An experiment by its name, or by the one that it had before."""
    if name in RENAMED:
        print(f"{name} is now called {RENAMED[name]}: python -m load.stress {RENAMED[name]}", file=sys.stderr)
    return RENAMED.get(name, name)


def _arguments(words: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m load.stress", description="Put the service under stress.")
    parser.add_argument("experiment", type=_experiment, choices=[*_EXPERIMENTS, "overloads", *_GROUPS])
    parser.add_argument("--model", default="mnist")
    parser.add_argument("--models", nargs="*", default=["mnist", "eurosat"], help="of overloads (mnist eurosat)")
    parser.add_argument("--only", default="", help="of overloads those whose name has this in it, as in 20x-1024-png")
    parser.add_argument("--short", action="store_true", help="each in seconds, as CI runs them")
    parser.add_argument(
        "--seconds", type=float, help="of overload and overloads (60 each), fairness (20), a turn of trainer (10)"
    )
    parser.add_argument("--minutes", type=float, help="of soak (default 30)")
    parser.add_argument(
        "--count", type=int, help="kills, mutants, slow clients, idle connections, cases, or pictures of bulk"
    )
    parser.add_argument("--pictures", type=Path, help="what trainer learns from (digits, which need no file)")
    parser.add_argument("--out", type=Path, help="a folder that keeps results; what it has is not run again")
    parser.add_argument("--url", help="a service that runs already, as in a container; with --pid")
    parser.add_argument("--pid", type=int, help="its first process, as this machine counts")
    parser.add_argument("--service", help="what `bentoml serve` runs in place of this service, as module:Service")
    parser.add_argument("--schemathesis", default="schemathesis", help="that program, for contract")
    parser.add_argument("--deadline-s", type=float, default=30.0, help="within which an admitted request is answered")
    parser.add_argument("--least-ratio", "--least", type=float, default=0.95, help="the ratio expected of batching")
    parser.add_argument(
        "--engines", nargs="*", default=[], help="of determinism, such as onnxruntime:float32 openvino:bfloat16"
    )
    found = parser.parse_args(words)
    if bool(found.url) != bool(found.pid):
        parser.error("--url and --pid are given together")
    return found


if __name__ == "__main__":
    sys.exit(main())
