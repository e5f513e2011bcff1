"""The server of a worker: uvicorn's, which listens on a socket that other workers of this service may listen on too.

    BentoML -> uvicorn -> [listening] -> accepting

The parent opens the socket and every worker inherits it, so what is sent while one
of them is replaced waits for the others. The alternative, a socket of its own for
each (SO_REUSEPORT), deals connections out by a hash: a worker that dies takes those
that wait for it along, and one that loads gets as many as one that draws. Here a
worker decides how many it takes: `accepting` has the rule. With one worker all is
uvicorn's. Imports nothing heavy, because the parent imports it.
"""

import socket
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

import uvicorn

if TYPE_CHECKING:
    from service.accepting import SharedListener


class WorkerServer(uvicorn.Server):
    """Called by BentoML, in place of uvicorn's."""

    shares_port: ClassVar[bool] = False
    """Whether other workers listen there too."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.shared_sockets: list[socket.socket] = []
        """Those that other workers listen on too; none before it listens."""
        self._listener: SharedListener | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start the app, then listen."""
        if not self.shares_port or sockets is None:
            await super().startup(sockets)
            return
        await super().startup([])
        from service.accepting import SharedListener

        of_connection: Any = self.config.http_protocol_class
        protocol = partial(
            of_connection, config=self.config, server_state=self.server_state, app_state=self.lifespan.state
        )
        self.shared_sockets = sockets
        self._listener = SharedListener(sockets, of_connection.monitor.siblings, protocol, self.config.ssl)
        self._listener.start()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop listening, then do as uvicorn does."""
        self.close_shared()
        await super().shutdown(sockets)

    def close_shared(self) -> None:
        """Listen no more on what other workers listen on too."""
        if self._listener is not None:
            self._listener.close()
        self.shared_sockets = []
