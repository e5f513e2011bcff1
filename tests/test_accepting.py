"""A thousand clients at once: the event loop accepts many in a turn, though libuv accepts one."""

import asyncio
import socket

import pytest
import uvicorn
import uvloop
from support.connecting import Api, head

from service.accepting import Acceptor
from service.connections import ConnectionMonitor
from service.protocol import BoundedHttpProtocol

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
