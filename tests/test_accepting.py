"""A thousand clients at once: the event loop accepts many in a turn, though libuv accepts one; workers share them."""

import asyncio
import errno
import socket
import time
from collections.abc import Callable

import pytest
import uvicorn
import uvloop
from support.connecting import Api, head

from service import accepting
from service.accepting import Acceptor, SharedListener
from service.connections import ConnectionMonitor
from service.protocol import BoundedHttpProtocol
from service.scoreboard import SLOT_BYTES, Scoreboard
from service.siblings import Siblings

CLIENTS = 600


class Listening:
    """A real server of `Api` in this event loop."""

    def __init__(self) -> None:
        self.protocol = type(
            "Protocol", (BoundedHttpProtocol,), {"monitor": ConnectionMonitor(), "acceptor": Acceptor()}
        )
        self.api = Api()
        self.api.go_on.set()
        self.server = uvicorn.Server(
            uvicorn.Config(self.api, port=0, log_config=None, http=self.protocol, lifespan="off")
        )

    async def __aenter__(self) -> "Listening":
        self.server.config.load()
        self.server.lifespan = self.server.config.lifespan_class(self.server.config)
        await self.server.startup()
        self.protocol.acceptor.listeners = lambda: [
            one.fileno() for server in self.server.servers for one in server.sockets
        ]
        return self

    async def __aexit__(self, *_: object) -> None:
        self.protocol.monitor.close()
        await self.server.shutdown()

    @property
    def address(self) -> tuple[str, int]:
        return self.server.servers[0].sockets[0].getsockname()

    @property
    def count(self) -> int:
        return len(self.protocol.monitor._connections)


def clients(address: tuple[str, int]) -> list[socket.socket]:
    """They connect to the kernel, while the event loop does something else."""
    return [socket.create_connection(address, timeout=10) for _ in range(CLIENTS)]


def asked(client: socket.socket) -> bytes:
    """The answer to a request; the connection ends."""
    with client:
        client.sendall(head("Host: x", "Connection: close"))
        return b"".join(iter(lambda: client.recv(1000), b""))


def status_of(answer: bytes) -> int:
    return int(answer.split()[1])


async def turns_until_all_are_accepted(listening: Listening) -> int:
    turns = 0
    while listening.count < CLIENTS and turns < 10 * CLIENTS:
        await asyncio.sleep(0)
        turns += 1
    return turns


@pytest.mark.parametrize("loop", [uvloop.new_event_loop, asyncio.new_event_loop], ids=["uvloop", "asyncio"])
def test_those_that_wait_are_accepted_together(loop):
    async def check() -> None:
        async with Listening() as listening:
            waiting = clients(listening.address)
            turns = await turns_until_all_are_accepted(listening)
            assert listening.count == CLIENTS
            assert turns <= 20, "some wait for turns of their own"
            assert {status_of(await asyncio.to_thread(asked, client)) for client in waiting} == {200}

    with asyncio.Runner(loop_factory=loop) as runner:
        runner.run(check())


class Sharing:
    """Workers in one event loop that listen on one socket, as far as accepting goes; `ready` says which of them are."""

    def __init__(self, workers: int = 2) -> None:
        memory = bytearray(workers * SLOT_BYTES)
        self.boards = [Scoreboard(memory, workers, number) for number in range(1, workers + 1)]
        self.ready = [True] * workers
        self.accepted = [0] * workers
        self.listening = socket.create_server(("127.0.0.1", 0), backlog=CLIENTS)
        self.siblings = [self._sibling(at) for at in range(workers)]
        self.listeners = [
            SharedListener([self.listening.dup()], one, self._protocol(at), None)
            for at, one in enumerate(self.siblings)
        ]

    def __enter__(self) -> "Sharing":
        for sibling in self.siblings:
            sibling.states()
        return self

    def __exit__(self, *_: object) -> None:
        for listener in self.listeners:
            listener.close()
        self.listening.close()

    def start(self, *which: int) -> None:
        for at in which:
            self.listeners[at].start()

    async def until(self, count: int) -> None:
        """Until so many are accepted in all."""
        end_s = time.monotonic() + 10
        while sum(self.accepted) < count and time.monotonic() < end_s:
            await asyncio.sleep(0.001)

    def _sibling(self, at: int) -> Siblings:
        def details() -> dict:
            return {"state": "ready" if self.ready[at] else "loading", "reason": None, "threads": 1, "models": []}

        return Siblings(self.boards[at], lambda: self.ready[at], lambda: 0, details)

    def _protocol(self, at: int) -> Callable[[], asyncio.Protocol]:
        def accept() -> asyncio.Protocol:
            self.accepted[at] += 1
            self.siblings[at].count_opened(self.accepted[at])
            return asyncio.Protocol()

        return accept


def in_loop(check: Callable) -> None:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(check())


def test_workers_that_share_a_port_get_equally_many_connections():
    async def check() -> None:
        with Sharing() as sharing:
            waiting = clients(sharing.listening.getsockname())
            sharing.start(0, 1)
            await sharing.until(CLIENTS)
            for client in waiting:
                client.close()
            assert sum(sharing.accepted) == CLIENTS
            assert abs(sharing.accepted[0] - sharing.accepted[1]) <= 2

    in_loop(check)


def test_one_that_is_busy_keeps_no_client_waiting_for_long():
    """It counts as ready, and does not come to accept: the other takes what waits, more and more of it."""

    async def check() -> None:
        with Sharing() as sharing:
            waiting = clients(sharing.listening.getsockname())
            sharing.start(0)
            await sharing.until(CLIENTS)
            for client in waiting:
                client.close()
            assert sharing.accepted == [CLIENTS, 0]

    in_loop(check)


def test_one_that_is_not_ready_takes_no_connection_until_none_is(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(accepting, "PAUSE_S", 0.01)

    async def check() -> None:
        with Sharing() as sharing:
            sharing.ready[1] = False
            sharing.siblings[1].states()
            waiting = clients(sharing.listening.getsockname())
            sharing.start(1)
            await asyncio.sleep(0.05)
            assert sharing.accepted == [0, 0]
            sharing.ready[0] = False
            sharing.siblings[0].states()
            await sharing.until(CLIENTS)
            for client in waiting:
                client.close()
            assert sharing.accepted == [0, CLIENTS], "one has to say that the service is not ready"

    in_loop(check)


def test_a_worker_that_can_open_no_further_file_tries_again_later(monkeypatch: pytest.MonkeyPatch):
    """Before it would have tried in every turn of its event loop."""
    tries = []

    def no_file(descriptor: int, most: int) -> tuple[list, int]:  # noqa: ARG001
        tries.append(descriptor)
        return [], errno.EMFILE

    async def check() -> None:
        with Sharing() as sharing, socket.create_connection(sharing.listening.getsockname()):
            with monkeypatch.context() as patched:
                patched.setattr(accepting, "_waiting", no_file)
                patched.setattr(accepting, "PAUSE_S", 0.02)
                sharing.start(0)
                for _ in range(100):
                    await asyncio.sleep(0)
                await asyncio.sleep(0.01)
                assert len(tries) == 1
            await sharing.until(1)
            assert sharing.accepted == [1, 0]

    in_loop(check)
