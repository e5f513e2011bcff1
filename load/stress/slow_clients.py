"""Clients that are slow or idle, hundreds at a time: headers, bodies and readers (slow loris), and open connections.

    harness, watch -> [slow_clients] -> check results

Meanwhile `/livez` is answered, and each of the slow must have come to its end a little after the limit that the service
states: 20 s for headers and body; 30 s for a client that reads nothing, from its first bytes on.
"""

import asyncio
import resource
import select
import socket
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress
from urllib.parse import urlsplit

from load.bench.client import ClientError, Connection, get, request_once
from load.check_result import CheckResult, at_least, at_most
from load.stress.harness import Target
from load.stress.watch import watched

CLIENTS, IDLE = 300, 2_000
REQUEST_LIMIT_S, BEGIN_LIMIT_S, WRITE_LIMIT_S = 20.0, 30.0, 30.0
"""The service's defaults: for a request to come, for its pictures to be begun, and for a client that reads nothing."""
LATE_S = 15.0
"""What a busy machine may add."""
BYTE_INTERVAL_S = 0.5
READER_IMAGES = 1_024
DRAWS_S = 0.2
_READER_BUFFER_BYTES = 8_192
_HEAD = b"POST /generate HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nConnection: close\r\n"


async def slow_headers(target: Target, clients: int = CLIENTS) -> list[CheckResult]:
    """Clients that send a request line and headers, a byte every half second, for ever."""
    return await _slow(target, "headers", clients, REQUEST_LIMIT_S, lambda: drip_headers(target.url))


async def slow_bodies(target: Target, clients: int = CLIENTS) -> list[CheckResult]:
    """Clients that promise a body, and send a byte of it every half second."""
    head = _HEAD + b"Content-Length: 5000\r\n\r\n"
    return await _slow(
        target, "bodies", clients, REQUEST_LIMIT_S, lambda: _drip(target.url, head + b" " * 5_000, len(head))
    )


async def slow_readers(target: Target, clients: int = CLIENTS) -> list[CheckResult]:
    """Clients that request many pictures and read none."""
    request = target.generate(READER_IMAGES, "npy")
    return await _slow(
        target, "readers", clients, BEGIN_LIMIT_S + WRITE_LIMIT_S, lambda: read_nothing(target.url, request)
    )


async def idle(target: Target, connections: int = IDLE) -> list[CheckResult]:
    """So many connections that say nothing, next to a client that draws, which is answered."""
    _raise_file_limit(connections + 500)
    opened: list[Connection] = []
    counts: Counter[str] = Counter()
    async with watched(target) as notes:
        drawing = asyncio.create_task(_draw_meanwhile(target, counts))
        for _ in range(connections):
            with suppress(OSError):
                opened.append(await Connection.open(target.url))
        await asyncio.sleep(2.0)
        late = await _answered(target.url)
        drawing.cancel()
        await asyncio.gather(drawing, return_exceptions=True)
        for one in opened:
            await one.close()
    print(f"{len(opened):,} of {connections:,} opened; {dict(counts)}", flush=True)
    return [
        at_least("connections that were opened", len(opened), connections),
        at_least("pictures drawn meanwhile", counts["200"], 1),
        at_most("draws that failed meanwhile", counts.total() - counts["200"] - counts["503"], 0),
        at_most("seconds until a new client is answered", late, 1.0, " s"),
        *notes.checks(),
    ]


async def drip_headers(url: str) -> str:
    """Send headers without end, a byte every half second, until the service ends it; its status."""
    return await _drip(url, _HEAD + b"X-Slow: " + b"a" * 10_000)


async def _slow(
    target: Target, what: str, clients: int, limit_s: float, attack: Callable[[], Awaitable[str]]
) -> list[CheckResult]:
    """Many of one kind at once: each returns how it ended."""
    counts: Counter[str] = Counter()
    begin_s = time.perf_counter()
    async with watched(target) as notes:
        drawing = asyncio.create_task(_draw_meanwhile(target, counts))
        ends = asyncio.gather(*(_ended(attack, limit_s + LATE_S) for _ in range(clients)))
        ended = Counter(await ends)
        longest_s = time.perf_counter() - begin_s
        drawing.cancel()
        await asyncio.gather(drawing, return_exceptions=True)
    print(f"slow {what}: {dict(ended)} within {longest_s:.1f} s; meanwhile {dict(counts)}", flush=True)
    return [
        at_most(f"slow {what} that were not ended", ended["not ended"], 0),
        at_most("seconds until all were ended", longest_s, limit_s + LATE_S, " s"),
        at_most("5xx but a told 503", ended["fault"], 0),
        at_most("draws that failed meanwhile", counts.total() - counts["200"] - counts["503"], 0),
        *notes.checks(),
    ]


async def _ended(attack: Callable[[], Awaitable[str]], limit_s: float) -> str:
    try:
        async with asyncio.timeout(limit_s):
            return await attack()
    except TimeoutError:
        return "not ended"
    except OSError:
        return "closed"


async def _drip(url: str, data: bytes, at_once: int = 0) -> str:
    """Send the first bytes at once and the others one by one, until the service ends it; its status."""
    parts = urlsplit(url)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    writer.write(data[:at_once])
    answer = asyncio.create_task(reader.read(4_096))
    try:
        for at in range(at_once, len(data)):
            writer.write(data[at : at + 1])
            done, _ = await asyncio.wait([answer], timeout=BYTE_INTERVAL_S)
            if done:
                break
        return _named(await answer)
    finally:
        answer.cancel()
        writer.transport.abort()


async def read_nothing(url: str, request: bytes) -> str:
    """Send a request and read nothing, until the service gives up; how it ended."""
    parts = urlsplit(url)
    loop = asyncio.get_running_loop()
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _READER_BUFFER_BYTES)
        client.setblocking(False)
        await loop.sock_connect(client, (parts.hostname, parts.port))
        await loop.sock_sendall(client, request.replace(b"\r\n", b"\r\nConnection: close\r\n", 1))
        ends = select.poll()
        ends.register(client, select.POLLHUP | select.POLLERR | select.POLLRDHUP)
        while not ends.poll(0):
            await asyncio.sleep(0.1)
        try:
            return _named(client.recv(4_096))
        except (ConnectionResetError, BrokenPipeError):
            return "dropped"


def _named(answer: bytes) -> str:
    if not answer:
        return "closed"
    status = answer[9:12].decode("latin-1")
    told = status == "503" and b"retry-after" in answer.lower()
    return "fault" if status.startswith("5") and not told else status


async def _draw_meanwhile(target: Target, counts: Counter[str]) -> None:
    """One picture after another, each over a connection of its own."""
    while True:
        try:
            response = await request_once(target.url, target.generate(1, "png"))
            counts[str(response.status)] += 1
        except (ClientError, OSError) as error:
            counts[type(error).__name__] += 1
        await asyncio.sleep(DRAWS_S)


async def _answered(url: str) -> float | None:
    begin_s = time.perf_counter()
    with suppress(ClientError, OSError):
        if (await request_once(url, get("/status"))).status == 200:
            return time.perf_counter() - begin_s
    return None


def _raise_file_limit(files: int) -> None:
    """Of this process; the service has its own."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < files:
        resource.setrlimit(
            resource.RLIMIT_NOFILE, (files if hard == resource.RLIM_INFINITY else min(files, hard), hard)
        )
