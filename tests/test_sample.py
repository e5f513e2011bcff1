"""A window counts what was answered in it, whole, and nothing else; against a server of a few lines."""

import asyncio
import os
from contextlib import suppress

from load.bench.client import post
from load.bench.process_stats import Meter
from load.bench.sample import Question, Window, play

RIGHT = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\npng"
REFUSED = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 4\r\n\r\nfull"


def played(replies: list[bytes], callers: int) -> Window:
    """One answer for each caller, and one to warm; each reply in turn, the last for ever."""

    handlers: list[asyncio.Task] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        handlers.append(asyncio.current_task())
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                await reader.readexactly(int(head.split(b"Content-Length: ")[1].split(b"\r\n")[0]))
                writer.write(replies.pop(0) if len(replies) > 1 else replies[0])
        writer.close()

    async def run() -> Window:
        async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            question = Question(post("/generate", {"n": 64}), 64, callers, 0.0)
            window = await play(f"http://127.0.0.1:{port}", question, Meter(os.getpid()), warm_s=0.0)
            await asyncio.gather(*handlers)
            return window

    return asyncio.run(run())


def test_what_was_asked_to_warm_is_not_counted():
    window = played([RIGHT], callers=3)

    assert (window.answers, window.images, window.body_bytes, window.faults) == (3, 192, 3, [])
    assert window.wall_s > 0


def test_a_refusal_is_a_fault_and_no_picture():
    window = played([RIGHT, REFUSED, RIGHT], callers=1)

    assert (window.answers, window.images) == (0, 0)
    assert window.faults == ["status 503: b'full'"]


def test_a_connection_that_ends_is_a_fault_and_ends_its_caller():
    window = played([RIGHT, b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n"], callers=1)

    assert window.answers == 0
    assert "its end is not known" in window.faults[0]
