"""Crash and hang: `kill -9` or SIGSTOP of a worker under load, over and over, next to a broken bundle.

    harness, bench.client -> [crash] -> check results

A worker that is killed or stands still is replaced, and its clients ask again.
Every response that arrives complete is compared with the bytes that the first
worker drew.
"""

import asyncio
import json
import os
import random
import shutil
import signal
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

import psutil
import uvloop

from load.bench.client import ClientError, Connection, Response, request_once
from load.check_result import CheckResult, at_least, at_most
from load.server import ROOT, MeasurementError
from load.stress.harness import Target, running_target

CLIENTS, SEED = 8, 20_261_125
IMAGES, ADDRESSES = 32, 16
NOTICE_TIMEOUT_S, START_TIMEOUT_S, REQUEST_TIMEOUT_S = 3.0, 120.0, 60.0
LOAD_S = (0.3, 1.5)
"""For how long a worker answers before it is killed, at random."""
_RETRY_S, _POLL_S = 0.05, 0.01
_NO_RESPONSE = (ClientError, OSError, TimeoutError)


@dataclass(frozen=True)
class Restart:
    """What followed one signal."""

    noticed_s: float
    """From the signal until another worker ran."""
    start_s: float
    """From there until it drew."""


@dataclass
class Responses:
    """What the clients got."""

    compared: int = 0
    wrong: int = 0
    refused: int = 0
    """With 503, while a model is loaded."""
    interrupted: int = 0
    """Not complete: the worker ended meanwhile."""
    unexpected: list[int] = field(default_factory=list)
    """Statuses that are neither 200 nor 503."""

    def add(self, response: Response, expected: bytes) -> bool:
        """Count a complete response; whether it drew the expected bytes."""
        if response.status == 503:
            self.refused += 1
        elif response.status != 200:
            self.unexpected.append(response.status)
        else:
            self.compared += 1
            self.wrong += response.body != expected
            return response.body == expected
        return False


def crash(model: str, kills: int, number: int = signal.SIGKILL) -> list[CheckResult]:
    """Start the service with a good and a broken bundle, and kill or stop its worker under load.

    Args:
        model: a folder of models/.
        kills: how often, 1 or more.
        number: the signal that the worker gets.

    Raises:
        MeasurementError: the service does not start.
    """
    with tempfile.TemporaryDirectory() as folder:
        models = Path(folder)
        shutil.copytree(ROOT / "models" / model, models / model)
        break_bundle(shutil.copytree(models / model, models / "broken"))
        with running_target(model, {"ZOETROPE_MODELS": folder}) as target:
            return strike(target, kills, number)


def strike(target: Target, kills: int, number: int) -> list[CheckResult]:
    """Send the worker of a running service a signal, over and over."""
    restarts, responses = uvloop.run(_crash(target, kills, number))
    return check_crash(restarts, responses, kills)


def break_bundle(folder: Path) -> None:
    """Give it the name of its folder, and cut its largest file in half, as a copy that was interrupted."""
    card = folder / "card.json"
    card.write_text(json.dumps(json.loads(card.read_text()) | {"name": folder.name}))
    largest = max(folder.iterdir(), key=lambda path: path.stat().st_size)
    os.truncate(largest, largest.stat().st_size // 2)


def check_crash(restarts: Sequence[Restart], responses: Responses, kills: int) -> list[CheckResult]:
    """Compare what was found with what is expected."""
    noticed_s, start_s = [one.noticed_s for one in restarts], [one.start_s for one in restarts]
    if restarts:
        print(
            f"another worker runs after {median(noticed_s):.2f} s (median) and draws {median(start_s):.2f} s later, "
            f"{max(start_s):.2f} s at most; {responses.interrupted} responses were cut, {responses.refused} refused"
        )
    return [
        at_least("workers that were killed and replaced", len(restarts), kills),
        at_most("longest time until another worker runs", max(noticed_s, default=None), NOTICE_TIMEOUT_S, " s"),
        at_least("complete responses that were compared", responses.compared, kills),
        at_most("of these, with a wrong byte", responses.wrong, 0),
        at_most(
            "requests that failed because a worker ended, by kill", _each(responses.interrupted, kills), CLIENTS + 1
        ),
        at_most("responses that are neither pictures nor 503", len(responses.unexpected), 0),
    ]


def _each(count: int, kills: int) -> float:
    return count / max(1, kills)


async def _crash(target: Target, kills: int, number: int) -> tuple[list[Restart], Responses]:
    requests = [target.generate(IMAGES, "npy", seed=SEED, start=IMAGES * number) for number in range(ADDRESSES)]
    references = [(request, await _reference(target.url, request)) for request in requests]
    responses, restarts = Responses(), list[Restart]()
    clients = [asyncio.create_task(_client(target.url, references, responses, number)) for number in range(CLIENTS)]
    try:
        for _ in range(kills):
            await asyncio.sleep(random.uniform(*LOAD_S))
            restarts.append(await _restart(target, number, references, responses))
    except MeasurementError as error:
        print(f"after {len(restarts)} of {kills}: {error}")
    finally:
        for client in clients:
            client.cancel()
        await asyncio.gather(*clients, return_exceptions=True)
    return restarts, responses


async def _reference(url: str, request: bytes) -> bytes:
    response = await request_once(url, request)
    if response.status != 200:
        raise MeasurementError(f"the first worker answers with {response.status}: {response.body[:200]!r}")
    return response.body


async def _client(url: str, references: Sequence[tuple[bytes, bytes]], responses: Responses, number: int) -> None:
    """Request one address after another, over a connection that is opened again when it is lost."""
    connection: Connection | None = None
    while True:
        number = (number + 1) % len(references)
        request, expected = references[number]
        try:
            connection = connection or await Connection.open(url)
            if responses.add(await connection.request(request), expected):
                continue
        except _NO_RESPONSE:
            responses.interrupted += 1
            connection = None
        await asyncio.sleep(_RETRY_S)


async def _restart(
    target: Target, number: int, references: Sequence[tuple[bytes, bytes]], responses: Responses
) -> Restart:
    """Send the worker a signal, and wait until another one draws.

    Raises:
        MeasurementError: there is no other one, or it does not draw.
    """
    killed, begin_s = _worker(target), time.perf_counter()
    if killed is None:
        raise MeasurementError("there is no worker to kill")
    killed.send_signal(number)
    while _worker(target, killed.pid) is None:
        await asyncio.sleep(_POLL_S)
        if time.perf_counter() - begin_s > START_TIMEOUT_S:
            raise MeasurementError(f"no other worker within {START_TIMEOUT_S:g} s")
    noticed_s = time.perf_counter()
    while not await _draws(target.url, *references[0], responses):
        await asyncio.sleep(_RETRY_S)
        if time.perf_counter() - begin_s > START_TIMEOUT_S:
            raise MeasurementError(f"the worker did not draw within {START_TIMEOUT_S:g} s")
    return Restart(noticed_s - begin_s, time.perf_counter() - noticed_s)


def _worker(target: Target, killed: int | None = None) -> psutil.Process | None:
    """The process below the root, other than one that was killed."""
    return next((one for one in target.processes.members()[1:] if one.pid != killed), None)


async def _draws(url: str, request: bytes, expected: bytes, responses: Responses) -> bool:
    try:
        async with asyncio.timeout(REQUEST_TIMEOUT_S):
            return responses.add(await request_once(url, request), expected)
    except _NO_RESPONSE:
        responses.interrupted += 1
        return False
