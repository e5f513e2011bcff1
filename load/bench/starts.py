"""How long a start takes: until `/livez` and the page answer and until each model draws, next to an empty service.

    servers, load.server -> [starts] -> check results -> __main__

The empty service is BentoML around a bare FastAPI route: what a start takes whatever it
serves. All are started in turns, one at a time. What has not answered yet is requested
again every few milliseconds, from one thread, so a time is at most a few of these late.
"""

import json
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from load.bench.servers import DEFAULT, HTTP_ONLY, MOUNTED, OURS, ServerUnderTest, environment_of
from load.bench.workloads import SHAPES_HWC
from load.check_result import CheckResult, at_most, exit_code, print_results
from load.server import MeasurementError, running_server

ITERATIONS, POLL_S, TIMEOUT_S = 5, 0.01, 60.0
MOST_OF_EMPTY, MOST_UNTIL_PICTURE_S, MOST_WITH_OLDER = 1.3, 3.0, 1.2
EMPTY, OLDER = "an empty service", f"{DEFAULT}, older versions"
LIVE, PAGE = "/livez", "/"

Times = dict[str, float]
"""What was requested, a path or a model -> seconds from the start of the process to its first answer."""


@dataclass(frozen=True)
class Startable:
    """A service, and what is requested of it until everything has answered."""

    name: str
    server: ServerUnderTest
    paths: Sequence[str]
    models: Sequence[str] = ()
    environment: Mapping[str, str] = field(default_factory=dict)


def run_starts(models_with_older: Path | None = None) -> int:
    """Measure and print; 0 if every start is as short as it has to be.

    Args:
        models_with_older: a folder with the same models and older versions of them; None: not measured.

    Raises:
        MeasurementError: a service does not answer everything within `TIMEOUT_S`.
    """
    (empty,) = (server for server in HTTP_ONLY if server.name == MOUNTED)
    ours = Startable(DEFAULT, OURS[0], (LIVE, PAGE), tuple(SHAPES_HWC))
    services = [Startable(EMPTY, empty, (LIVE,)), ours]
    if models_with_older:
        older = {"ZOETROPE_MODELS": str(models_with_older.absolute())}
        services.append(Startable(OLDER, ours.server, ours.paths, ours.models, older))
    found: dict[str, list[Times]] = {service.name: [] for service in services}
    for iteration in range(ITERATIONS):
        for service in services:
            found[service.name].append(times := measure_start(service))
            told = ", ".join(f"{name} {seconds:.2f} s" for name, seconds in times.items())
            print(f"  iteration {iteration + 1} of {ITERATIONS}, {service.name}: {told}", flush=True)
    results = [*check_starts(found)]
    print_results(results)
    return exit_code(results)


def check_starts(found: Mapping[str, Sequence[Times]]) -> Iterator[CheckResult]:
    """Medians against the limits.

    Args:
        found: name of a service -> the times of each of its starts.
    """

    def of(service: str, what: str) -> float:
        return median(times[what] for times in found[service])

    for path in (LIVE, PAGE):
        name = f"{path} answers {of(DEFAULT, path):.2f} s after the start / {EMPTY}"
        yield at_most(name, of(DEFAULT, path) / of(EMPTY, LIVE), MOST_OF_EMPTY, digits=".2f")
    answering_s = max(of(DEFAULT, path) for path in (LIVE, PAGE))
    for model in SHAPES_HWC:
        until_picture_s = of(DEFAULT, model) - answering_s
        yield at_most(f"{model}: first picture after that", until_picture_s, MOST_UNTIL_PICTURE_S, " s", ".2f")
    if OLDER in found:
        for what in (PAGE, *SHAPES_HWC):
            name = f"{what} with older versions / without"
            yield at_most(name, of(OLDER, what) / of(DEFAULT, what), MOST_WITH_OLDER, digits=".2f")


def measure_start(service: Startable) -> Times:
    """Start a service, and stop it as soon as everything has answered.

    Raises:
        MeasurementError: something does not answer within `TIMEOUT_S`; names it.
    """
    with tempfile.TemporaryDirectory() as folder:
        environment = {**environment_of(next(iter(SHAPES_HWC)), Path(folder)), **service.environment}
        start_s = time.monotonic()
        with running_server(service.server.command, None, Path(folder) / "log", environment) as (url, _):
            pending = {
                **{path: urllib.request.Request(url + path) for path in service.paths},
                **{model: _one_picture(url, model) for model in service.models},
            }
            times: Times = {}
            while pending:
                if time.monotonic() - start_s > TIMEOUT_S:
                    raise MeasurementError(f"{service.name}: no answer within {TIMEOUT_S:g} s: {', '.join(pending)}")
                for what in [what for what, request in pending.items() if _answers(request)]:
                    times[what] = time.monotonic() - start_s
                    del pending[what]
                time.sleep(POLL_S)
    return times


def _one_picture(url: str, model: str) -> urllib.request.Request:
    body = json.dumps({"model": model, "n": 1, "seed": 7, "format": "png"}).encode()
    return urllib.request.Request(f"{url}/generate", body, {"Content-Type": "application/json"})


def _answers(request: urllib.request.Request) -> bool:
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:
            answer.read()
    except OSError:  # refused while nothing listens, 503 while a model is loaded
        return False
    return True
