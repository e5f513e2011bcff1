"""Accept all connections that wait in the kernel, many in one turn of the event loop.

    uvicorn's servers -> [accepting] -> protocol

libuv, and so uvloop, accepts one connection in a turn (libuv 1.45 and later,
https://github.com/libuv/libuv/pull/3696). A turn of a busy service delivers a batch
of pictures and takes tens of milliseconds, so of a thousand clients that come at
once the last would wait for half a minute before its request is read. Each
connection that the loop accepts is followed here by those that wait behind it.
Knows no HTTP, and not how many there may be: `connections` does.
"""

import asyncio
import socket
from asyncio import BaseProtocol
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import partial
from ssl import SSLContext

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

MOST_PER_TURN = 256
"""A turn of the loop stays short: a connection takes about 0.1 ms."""


class Acceptor:
    """The listening sockets of a process; all methods are called in its event loop."""

    def __init__(self) -> None:
        self.listeners: Callable[[], Iterable[int]] = tuple
        """Gives the file descriptors of the listening sockets; none before there are any, and after they are closed."""
        self._joining = set[asyncio.Task[None]]()
        self._has_accepted = False
        """In this turn of the loop."""

    def accept_waiting(self, accepted: HttpToolsProtocol) -> None:
        """A connection was accepted: accept those that wait, too, as uvicorn would."""
        if self._has_accepted:
            return
        self._has_accepted = True
        accepted.loop.call_soon(self._begin_turn)
        protocol = partial(
            type(accepted), accepted.config, accepted.server_state, accepted.app_state, _loop=accepted.loop
        )
        for descriptor in self.listeners():
            for connection in _waiting(descriptor):
                task = accepted.loop.create_task(_join(protocol, connection, accepted.config.ssl))
                self._joining.add(task)
                task.add_done_callback(self._joining.discard)

    def _begin_turn(self) -> None:
        self._has_accepted = False


def _waiting(descriptor: int) -> list[socket.socket]:
    """Connections of a listening socket that the kernel has, as many as a turn may take."""
    listener, found = socket.socket(fileno=descriptor), list[socket.socket]()
    try:
        listener.setblocking(False)
        with suppress(OSError):  # none waits, the client has gone, or this process may open no further file
            while len(found) < MOST_PER_TURN:
                found.append(listener.accept()[0])
    finally:
        listener.detach()  # it stays the loop's
    return found


async def _join(protocol: Callable[[], BaseProtocol], connection: socket.socket, tls: SSLContext | None) -> None:
    connection.setblocking(False)
    with suppress(OSError):  # a client that has gone meanwhile, or whose TLS fails, is no failure of ours
        await asyncio.get_running_loop().connect_accepted_socket(protocol, connection, ssl=tls)
