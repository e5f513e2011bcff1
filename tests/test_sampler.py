"""A sample counts what was answered in it, whole, and nothing else; a process tree counts all of its processes."""

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress

import psutil
import pytest

from load.bench.client import post
from load.bench.measurements import Sample
from load.bench.sampler import ClosedLoop, ProcessTree, take_sample

RIGHT = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\npng"
REFUSED = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 4\r\n\r\nfull"


def sampled(replies: list[bytes], concurrency: int) -> Sample:
    """One answer for each client, and one of the warm-up; each reply in turn, the last one without end."""

    handlers: list[asyncio.Task] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        handlers.append(asyncio.current_task())
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                await reader.readexactly(int(head.split(b"Content-Length: ")[1].split(b"\r\n")[0]))
                writer.write(replies.pop(0) if len(replies) > 1 else replies[0])
        writer.close()

    async def run() -> Sample:
        async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            loop = ClosedLoop(post("/generate", {"n": 64}), 64, concurrency, 0.0)
            sample = await take_sample(f"http://127.0.0.1:{port}", loop, ProcessTree(os.getpid()), warm_up_s=0.0)
            await asyncio.gather(*handlers)
            return sample

    return asyncio.run(run())


def test_requests_of_the_warm_up_are_not_counted():
    sample = sampled([RIGHT], concurrency=3)

    assert (sample.answers, sample.images, sample.body_bytes, sample.errors) == (3, 192, 3, [])
    assert sample.wall_s > 0


def test_a_refusal_is_an_error_and_not_an_image():
    sample = sampled([RIGHT, REFUSED, RIGHT], concurrency=1)

    assert (sample.answers, sample.images) == (0, 0)
    assert sample.errors == ["status 503: b'full'"]


def test_a_connection_that_ends_is_an_error_and_ends_its_client():
    sample = sampled([RIGHT, b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n"], concurrency=1)

    assert sample.answers == 0
    assert "its end is not known" in sample.errors[0]


PARENT = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'while True: pass'])"


@pytest.fixture
def busy() -> Iterator[subprocess.Popen]:
    """A parent that waits for a child that never ends."""
    process = subprocess.Popen([sys.executable, "-c", PARENT], stderr=subprocess.DEVNULL)
    try:
        yield process
    finally:
        members = ProcessTree(process.pid).members()
        for one in members[::-1]:
            one.kill()
        process.wait()


def until(holds: Callable[[], bool]) -> None:
    end = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_the_cpu_of_a_child_counts(busy: subprocess.Popen):
    tree = ProcessTree(busy.pid)

    until(lambda: len(tree.members()) == 2)
    before = tree.cpu_s()
    until(lambda: tree.cpu_s() > before + 0.05)


def test_a_tree_that_is_suspended_takes_nothing_until_it_is_resumed(busy: subprocess.Popen):
    tree = ProcessTree(busy.pid)
    until(lambda: len(tree.members()) == 2)

    tree.suspend()
    until(lambda: {one.status() for one in tree.members()} == {psutil.STATUS_STOPPED})
    stopped_s = tree.cpu_s()
    assert tree.cpu_s() == stopped_s
    tree.resume()

    until(lambda: tree.cpu_s() > stopped_s)


def test_memory_is_of_all_of_them(busy: subprocess.Popen):
    tree = ProcessTree(busy.pid)
    until(lambda: len(tree.members()) == 2)

    assert tree.resident_bytes() > psutil.Process(busy.pid).memory_info().rss > 0
