"""Accept all connections that wait in the kernel, many in one turn of the event loop; or this worker's share of them.

    uvicorn's servers -> [accepting] -> protocol
    listening, siblings -> [accepting] -> protocol

libuv, and so uvloop, accepts one connection in a turn (libuv 1.45 and later,
https://github.com/libuv/libuv/pull/3696). A turn of a busy service delivers a batch
of pictures and takes tens of milliseconds, so of a thousand clients that come at
once the last would wait for half a minute before its request is read. Each
connection that the loop accepts is followed here by those that wait behind it.

Where several workers listen on one socket the first to wake would have them all, and
keep them as long as their clients stay; so each takes as many as brings it level with
the one that has the fewest. Where that one is too busy to take what waits, the others
do, few at first. Knows no HTTP, and not how many connections there may
be: `connections` does.
"""

import asyncio
import errno
import socket
from asyncio import BaseProtocol, TimerHandle
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import partial
from ssl import SSLContext
from typing import TYPE_CHECKING

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

if TYPE_CHECKING:
    from service.siblings import Siblings

MOST_PER_TURN = 256
"""A turn of the loop stays short: a connection takes about 0.1 ms."""
YIELD_S = 0.005
"""For how long what waits is left to a worker that has fewer connections, each time."""
PAUSE_S = 0.05
"""After so long a worker looks again that was not ready while another was, or that could open no further file."""
_YIELDS_OF_A_SIZE, _MOST_YIELDS = 4, 32
"""After so many times in a row twice as many are taken; and no more than that."""
_OUT_OF_MEMORY = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)


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
            for connection in _waiting(descriptor)[0]:
                task = accepted.loop.create_task(_join(protocol, connection, accepted.config.ssl))
                self._joining.add(task)
                task.add_done_callback(self._joining.discard)

    def _begin_turn(self) -> None:
        self._has_accepted = False


class SharedListener:
    """Sockets on which other workers listen too; all methods are called in the event loop.

    Args:
        sockets: that listen.
        siblings: whose turn it is.
        protocol: makes what answers a connection.
        tls: None for plain HTTP.
    """

    def __init__(
        self,
        sockets: Iterable[socket.socket],
        siblings: "Siblings",
        protocol: Callable[[], BaseProtocol],
        tls: SSLContext | None,
    ) -> None:
        self._sockets, self._siblings, self._protocol, self._tls = tuple(sockets), siblings, protocol, tls
        self._loop = asyncio.get_running_loop()
        self._joining = set[asyncio.Task[None]]()
        self._pauses = dict[socket.socket, TimerHandle]()
        self._yields = 0
        """How often in a row what waits was left to others."""

    def start(self) -> None:
        """Accept from here on."""
        for listener in self._sockets:
            listener.setblocking(False)
            self._loop.add_reader(listener, self._accept, listener)

    def close(self) -> None:
        """Accept no more; the sockets are closed."""
        for listener in self._sockets:
            if listener in self._pauses:
                self._pauses.pop(listener).cancel()
            if listener.fileno() >= 0:
                self._loop.remove_reader(listener)
                listener.close()

    def _accept(self, listener: socket.socket) -> None:
        """Some connections wait there, or another worker has taken them meanwhile."""
        if not self._siblings.may_accept():
            self._pause(listener, PAUSE_S)
            return
        room = self._siblings.room()
        if room:
            self._yields = 0
        most = min(room or self._insisted(), MOST_PER_TURN)
        found, why = _waiting(listener.fileno(), most)
        self._join(found)
        if why in _OUT_OF_MEMORY:
            self._pause(listener, PAUSE_S)
        elif why:  # none waits any more
            self._yields = 0
        elif not room:
            self._yields = min(self._yields + 1, _MOST_YIELDS)
            self._pause(listener, YIELD_S)

    def _insisted(self) -> int:
        """How many to take though another worker has fewer: none at first, then 1 a few times, 2 a few times, 4."""
        return 1 << (self._yields - 1) // _YIELDS_OF_A_SIZE if self._yields else 0

    def _join(self, connections: Iterable[socket.socket]) -> None:
        for connection in connections:
            task = self._loop.create_task(_join(self._protocol, connection, self._tls))
            self._joining.add(task)
            task.add_done_callback(self._joined)
        self._siblings.count_joining(len(self._joining))

    def _joined(self, task: asyncio.Task[None]) -> None:
        self._joining.discard(task)
        self._siblings.count_joining(len(self._joining))

    def _pause(self, listener: socket.socket, seconds: float) -> None:
        self._loop.remove_reader(listener)
        self._pauses[listener] = self._loop.call_later(seconds, self._resume, listener)

    def _resume(self, listener: socket.socket) -> None:
        del self._pauses[listener]
        self._loop.add_reader(listener, self._accept, listener)


def _waiting(descriptor: int, most: int = MOST_PER_TURN) -> tuple[list[socket.socket], int]:
    """Connections of a listening socket that the kernel has, at most so many; and the error that ended them, else 0."""
    listener, found = socket.socket(fileno=descriptor), list[socket.socket]()
    try:
        listener.setblocking(False)
        while len(found) < most:
            found.append(listener.accept()[0])
    except OSError as error:  # none waits, the client has gone, or this process may open no further file
        return found, error.errno or errno.EAGAIN
    finally:
        listener.detach()  # it stays the loop's
    return found, 0


async def _join(protocol: Callable[[], BaseProtocol], connection: socket.socket, tls: SSLContext | None) -> None:
    connection.setblocking(False)
    with suppress(OSError):  # a client that has gone meanwhile, or whose TLS fails, is no failure of ours
        await asyncio.get_running_loop().connect_accepted_socket(protocol, connection, ssl=tls)
