"""Byte-level mutations: ten thousand requests that are valid but for some bytes, each over a connection of its own.

    harness, watch -> [mutations] -> check results

Whatever comes back must not be an error of the service: no 5xx but a 503 that says when to try again. Every connection
must come to an end, or be answered. The number of a mutant makes it again.
"""

import asyncio
import json
import random
import re
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from load.check_result import CheckResult, at_least, at_most
from load.stress.harness import Target
from load.stress.watch import watched

MUTATIONS, CLIENTS, MOST_CHANGES = 10_000, 64, 6
END_TIMEOUT_S = 100.0
"""A connection has ended by then: the service's limits are 20 s for a request, 30 s for the pictures to be begun."""
QUIET_S = 1.0
"""An answer that pauses for so long is taken for complete: a mutant may have asked to keep the connection."""
_STATUS = re.compile(rb"HTTP/1\.[01] (\d{3}) ")
_PIECES = (
    b"\r\n", b"\n", b"\0", b":", b",", b" ", b"\xff", b"\xed\xa0\x80", b"%", b"%00", b"%2e%2e/", b"..", b"//", b"0",
    b"-1", b"1e999", b"18446744073709551616", b"[", b"]", b"{", b"}", b'"', b"\\", b"null", b"NaN",
    b"HTTP/1.1", b"HTTP/9.9",
    b"Transfer-Encoding: chunked\r\n", b"Content-Length: 5\r\n", b"Expect: 100-continue\r\n", b"Upgrade: websocket\r\n",
    b"Host: a\r\n", b"Content-Encoding: gzip\r\n", b"Range: bytes=0-1\r\n", b"\xf0\x9f\x8e\x9e", b"a" * 70_000,
)  # fmt: skip


@dataclass
class Outcomes:
    """What came back."""

    statuses: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)
    """Mutants that were answered with an error of the service."""
    hung: list[str] = field(default_factory=list)
    """Mutants whose connection was neither answered nor closed."""

    def add(self, number: int, answer: bytes, ended: bool) -> None:
        """Count what one mutant got."""
        found = _STATUS.findall(answer)
        self.statuses.update(status.decode() for status in found)
        if not found:
            self.statuses["closed" if ended else "hung"] += 1
        if not ended and not found:
            self.hung.append(f"mutant {number}")
        for status in found:
            told = status == b"503" and b"retry-after" in answer.lower()
            if status.startswith(b"5") and not told and status != b"507":
                self.faults.append(f"mutant {number}: {answer[:300]!r}")


async def mutations(target: Target, count: int = MUTATIONS) -> list[CheckResult]:
    """Send mutants, many at a time.

    Args:
        target: the service.
        count: how many.
    """
    requests, outcomes, numbers = valid_requests(target), Outcomes(), iter(range(count))
    begin_s = time.perf_counter()

    async def client() -> None:
        for number in numbers:
            outcomes.add(number, *await exchange(target.url, mutant(requests, number)))

    async with watched(target) as notes:
        await asyncio.gather(*(client() for _ in range(CLIENTS)))
    print(f"{count:,} mutants in {time.perf_counter() - begin_s:.0f} s: {dict(outcomes.statuses.most_common())}")
    for line in [*outcomes.faults[:10], *outcomes.hung[:10]]:
        print(f"ERROR {line}", flush=True)
    return [
        at_least("mutants that were answered or refused", outcomes.statuses.total() - len(outcomes.hung), 1),
        at_most("errors of the service", len(outcomes.faults), 0),
        at_most("connections without an end", len(outcomes.hung), 0),
        *notes.checks(),
    ]


def valid_requests(target: Target) -> list[bytes]:
    """One request of each route, and of each kind of body; all of them close the connection."""
    address: dict[str, object] = {"model": target.model, "n": 3, "seed": 7}
    picture = f"/models/{target.model}/{target.version}/images/7/0"
    grade = {"model": target.model, "version": target.version, "seed": 7, "index": 0, "score": 0.5, "grader": "ann"}
    code = [0.5] * target.code_size
    decode: dict[str, object] = {"model": target.model, "codes": [code]}
    tensors: list[dict[str, object]] = [{"name": "z", "shape": [1, len(code)], "datatype": "FP32", "data": code}]
    if target.classes:
        decode["label"] = 0
        tensors.append({"name": "label", "shape": [1], "datatype": "INT64", "data": [0]})
    gets = (
        "/", "/docs", "/openapi.json", "/livez", "/readyz", "/status", "/metrics", "/models", f"/models/{target.model}",
        f"{picture}.png", f"{picture}.jpg?truncation=0.5", f"{picture}.webp", "/ratings", "/ratings/summary",
        "/ratings/batch?n=2", "/v1/models", f"/v1/models/{target.model}", "/v2", "/v2/health/ready",
        f"/v2/models/{target.model}", f"/models/{target.model}/{target.version}/codes/7/0",
        f"/models/{target.model}/{target.version}/directions", f"/rounds?model={target.model}", "/picture-folders",
        f"{picture}.png?size=512&scaling=smooth", f"/models/{target.model}/{target.version}/sheets/7/0/4.png",
        f"/models/{target.model}/{target.version}/interpolation.gif?at=7/0&at=7/1/0.5&frames=4&seconds=1&loop=true",
        f"/view/{target.model}/{target.version}/7/0", f"/view/{target.model}/{target.version}/7/0/4",
        f"/view/{target.model}/{target.version}/interpolation?at=7/0&at=7/1&frames=4",
    )  # fmt: skip
    posts: tuple[tuple[str, object], ...] = (
        *(("/generate", {**address, "format": one}) for one in ("png", "jpeg", "webp", "zip", "npy", "json")),
        ("/generate", {**address, "truncation": 0.7, "start": 5}),
        ("/decode", decode),
        ("/interpolate", {"model": target.model, "points": [{"seed": 1}, {"seed": 2}], "frames": 4}),
        ("/collect", {"pictures": [{"model": target.model, "seed": one, "index": 1} for one in (7, 8)]}),
        ("/ratings", [grade]),
        ("/ratings/withdrawals", {"grader": "ann"}),
        ("/trainer/take", {"trainer": "desk", "lease_seconds": 1}),
        (f"/models/{target.model}/current", {"version": target.version}),
        (
            "/v1/images/generations",
            {"model": target.model, "prompt": target.classes[0] if target.classes else "any", "n": 2},
        ),
        ("/verify", "not a picture"),
        (f"/v2/models/{target.model}/infer", {"inputs": tensors}),
        ("/mcp", {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {}}),
    )
    return [_request("GET", path) for path in gets] + [_request("POST", path, fields) for path, fields in posts]


def mutant(requests: Sequence[bytes], number: int) -> bytes:
    """One of these requests with one to six changes; the same number gives the same bytes.

    Half of them are changed in the body or the path alone, and say how long their body is: others seldom come so far.
    """
    choices = random.Random(number)
    request = choices.choice(requests)
    head, _, body = request.partition(b"\r\n\r\n")
    method, path, rest = head.split(b" ", 2)
    where = choices.choice((request, request, body or path, path))
    changed = bytearray(where)
    for _ in range(choices.randint(1, MOST_CHANGES)):
        choices.choice(_CHANGES)(changed, choices, requests)
    if where is request:
        return bytes(changed)
    if where is path:
        return b" ".join([method, bytes(changed), rest]) + b"\r\n\r\n" + body
    rest = re.sub(rb"Content-Length: \d+", b"Content-Length: %d" % len(changed), rest)
    return b" ".join([method, path, rest]) + b"\r\n\r\n" + bytes(changed)


def _request(method: str, path: str, fields: object = None) -> bytes:
    body = b"" if fields is None else json.dumps(fields).encode()
    head = [f"{method} {path} HTTP/1.1", "Host: localhost", "Connection: close", "Accept: */*"]
    if fields is not None:
        head += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
    return "\r\n".join([*head, "", ""]).encode() + body


async def exchange(url: str, data: bytes) -> tuple[bytes, bool]:
    """Send bytes over a connection of their own.

    Returns:
        The first bytes that came back, and whether the connection has ended or was answered.
    """
    parts = urlsplit(url)
    answer = bytearray()
    with suppress(OSError):
        reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
        try:
            writer.write(data)
            async with asyncio.timeout(END_TIMEOUT_S):
                while piece := await asyncio.wait_for(reader.read(1 << 16), QUIET_S if answer else None):
                    answer += piece[: max(1, 4_096 - len(answer))]
        except TimeoutError:
            return bytes(answer), bool(answer)
        finally:
            writer.transport.abort()
    return bytes(answer), True


def _span(data: bytearray, choices: random.Random) -> slice:
    start = choices.randrange(len(data) + 1)
    return slice(start, start + choices.randint(1, 40))


def _flip(data: bytearray, choices: random.Random, _: Sequence[bytes]) -> None:
    if data:
        data[choices.randrange(len(data))] ^= 1 << choices.randrange(8)


def _insert(data: bytearray, choices: random.Random, _: Sequence[bytes]) -> None:
    at = choices.randrange(len(data) + 1)
    data[at:at] = choices.choice(_PIECES)


def _replace(data: bytearray, choices: random.Random, _: Sequence[bytes]) -> None:
    data[_span(data, choices)] = choices.choice(_PIECES)


def _randomize(data: bytearray, choices: random.Random, _: Sequence[bytes]) -> None:
    span = _span(data, choices)
    data[span] = choices.randbytes(len(data[span]))


def _delete(data: bytearray, choices: random.Random, _: Sequence[bytes]) -> None:
    del data[_span(data, choices)]


def _repeat(data: bytearray, choices: random.Random, _: Sequence[bytes]) -> None:
    span = _span(data, choices)
    data[span] = data[span] * choices.choice((2, 3, 200))


def _truncate(data: bytearray, choices: random.Random, _: Sequence[bytes]) -> None:
    del data[choices.randrange(len(data) + 1) :]


def _splice(data: bytearray, choices: random.Random, requests: Sequence[bytes]) -> None:
    """Go on with another request from somewhere."""
    other = choices.choice(requests)
    data[choices.randrange(len(data) + 1) :] = other[choices.randrange(len(other)) :]


def _number(data: bytearray, choices: random.Random, _: Sequence[bytes]) -> None:
    """Another number in place of one that is there."""
    if found := list(re.finditer(rb"\d+", data)):
        one = choices.choice(found)
        data[one.start() : one.end()] = str(
            choices.choice((0, 2**63, 2**64, -1, 10**30, choices.randrange(300)))
        ).encode()


_CHANGES: tuple[Callable[[bytearray, random.Random, Sequence[bytes]], None], ...] = (
    _flip, _flip, _insert, _replace, _randomize, _delete, _repeat, _truncate, _splice, _number,
)  # fmt: skip
