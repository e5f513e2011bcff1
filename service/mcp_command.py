"""`zoetrope mcp`: the tools for an agent on this machine, over stdin and stdout, without a server.

    zoetrope mcp
    zoetrope mcp --url https://pictures.example

    stdin -> mcp_server -> tools -> [mcp_command] -> sample -> stdout

An agent starts it and speaks the Model Context Protocol with it. Pictures are drawn
in this process, as `zoetrope sample` does, with a model that is loaded when it is
first named. Knows no HTTP; needs neither BentoML nor torch. Stdout is the
protocol's alone: what else is said goes to stderr.
"""

import argparse
import asyncio
import signal
import sys
from collections.abc import Sequence
from typing import Any

import numpy as np
from mcp.server.stdio import stdio_server

from models.command_line import OneLineParser
from models.errors import ModelError
from models.runtime import Runtime
from service.errors import Problem
from service.formats import Format
from service.latents import LatentSource, draw_batches
from service.mcp_server import server_of
from service.sample import load_runtime, one_line
from service.settings import Settings, read_settings
from service.snapshot import Snapshot
from service.tools import Encode

MOST_MODELS = 4
"""In memory at a time."""


def main(argv: Sequence[str]) -> int:
    """Run the command until its stdin ends or a person stops it, and return the exit status."""
    try:
        options = _parse(argv)
        settings = read_settings()
    except ValueError as error:
        print(f"error: {one_line(error)}", file=sys.stderr)
        return 1
    # The thread that waits for stdin cannot be interrupted, and there is nothing to save.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    asyncio.run(_serve(LocalStudio(settings, options.url)))
    return 0


async def _serve(studio: "LocalStudio") -> None:
    def studio_of(_: Any) -> "LocalStudio":
        return studio

    server = server_of(studio_of)
    async with stdio_server() as (read, write):
        await server.run(read, write, server.create_initialization_options())


class LocalStudio:
    """This process: one picture or sheet at a time, in a thread.

    Args:
        settings: the folder of models, and their engine.
        url: of a service of the same models, for links; without one they are paths of any service.
    """

    def __init__(self, settings: Settings, url: str | None = None) -> None:
        self._settings, self._url = settings, url
        self._runtimes: dict[str, Runtime] = {}
        self._turn = asyncio.Lock()

    @property
    def snapshot(self) -> Snapshot:
        """The models in the folder, as they are now."""
        return Snapshot.read(self._settings.models, self._settings.default_model)

    @property
    def marks(self) -> bool:
        """As the setting says."""
        return self._settings.marks

    async def runtime(self, model: str | None) -> Runtime:
        """The model; it is loaded when it is first named, and kept while others are not.

        Raises:
            Problem: there is none, or it cannot be loaded.
        """
        found = self.snapshot.find(model)
        name = f"{found.card.name}@{found.card.version}"
        async with self._turn:
            if name not in self._runtimes:
                try:
                    loaded = await asyncio.to_thread(load_runtime, str(found.path))
                except (ModelError, OSError, ValueError) as error:
                    raise Problem(503, f"{found} cannot be loaded: {one_line(error)}") from None
                if len(self._runtimes) >= MOST_MODELS:
                    self._runtimes.pop(next(iter(self._runtimes)))
                self._runtimes[name] = loaded
            return self._runtimes[name]

    async def drawn(self, runtime: Runtime, source: LatentSource, _: Format, encode: Encode) -> bytes:
        """In a thread, so that further messages are read."""
        async with self._turn:
            return await asyncio.to_thread(lambda: encode(np.concatenate([*draw_batches(runtime, source)])))

    def url(self, path: str) -> str:
        """At the service that was named; else the path."""
        return f"/{path}" if self._url is None else f"{self._url.rstrip('/')}/{path}"


def _parse(argv: Sequence[str]) -> argparse.Namespace:
    parser = OneLineParser(
        prog="zoetrope mcp",
        description="Draw for an agent, over stdin and stdout (Model Context Protocol), with the models in "
        "ZOETROPE_MODELS (./models).",
    )
    parser.add_argument("--url", help="service for permanent links: https://host (default: links are paths)")
    return parser.parse_args(argv)
