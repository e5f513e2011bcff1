"""A light HTTP client: bytes that were made before, sent over connections that stay open.

    window, siege -> [client] -> HTTP

A client that takes a third of the CPU would be measured in place of the server,
so this one knows no more of HTTP/1.1 than answers with a Content-Length or in
chunks. It looks at the status and the length; what is in an answer is looked at
elsewhere.
"""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self
from urllib.parse import urlsplit

_BUFFER_BYTES = 1 << 20
_NO_BODY = (204, 304)


class ClientTrouble(Exception):
    """An answer that is none: the connection ended, or it is not HTTP/1.1."""


@dataclass(frozen=True)
class Answer:
    """What came back; names of headers in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def post(path: str, question: Mapping[str, Any]) -> bytes:
    """The bytes of a POST with JSON."""
    body = json.dumps(question).encode()
    head = (
        f"POST {path} HTTP/1.1\r\nHost: load\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def get(path: str) -> bytes:
    """The bytes of a GET."""
    return f"GET {path} HTTP/1.1\r\nHost: load\r\n\r\n".encode()


class Connection:
    """A connection that stays open: one question at a time."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    @classmethod
    async def open(cls, url: str) -> Self:
        """Connect to http://HOST:PORT."""
        parts = urlsplit(url)
        return cls(*await asyncio.open_connection(parts.hostname, parts.port, limit=_BUFFER_BYTES))

    async def ask(self, question: bytes) -> Answer:
        """Send a question, read its whole answer.

        Raises:
            ClientTrouble: the answer ended before it was whole.
        """
        self._writer.write(question)
        try:
            status, headers = _head(await self._reader.readuntil(b"\r\n\r\n"))
            return Answer(status, headers, await self._body(status, headers))
        except (asyncio.IncompleteReadError, ConnectionError) as error:
            raise ClientTrouble(f"the connection ended within an answer: {error!r}") from error

    def send(self, question: bytes) -> None:
        """Send a question whose answer nobody will read."""
        self._writer.write(question)

    async def close(self) -> None:
        """Hang up, whatever is still to come."""
        self._writer.transport.abort()

    async def _body(self, status: int, headers: Mapping[str, str]) -> bytes:
        if "content-length" in headers:
            return await self._reader.readexactly(int(headers["content-length"]))
        if headers.get("transfer-encoding") == "chunked":
            return await self._chunks()
        if status in _NO_BODY:
            return b""
        raise ClientTrouble("an answer with neither Content-Length nor chunks: its end is not known")

    async def _chunks(self) -> bytes:
        pieces = []
        while size := int((await self._reader.readuntil(b"\r\n")).split(b";")[0], 16):
            pieces.append(await self._reader.readexactly(size))
            await self._reader.readexactly(2)
        while await self._reader.readuntil(b"\r\n") != b"\r\n":
            pass  # trailers
        return b"".join(pieces)


async def ask_once(url: str, question: bytes) -> Answer:
    """One question over a connection of its own."""
    connection = await Connection.open(url)
    try:
        return await connection.ask(question)
    finally:
        await connection.close()


def _head(head: bytes) -> tuple[int, dict[str, str]]:
    first, *lines = head.decode("latin-1").rstrip().split("\r\n")
    version, _, rest = first.partition(" ")
    if version != "HTTP/1.1":
        raise ClientTrouble(f"not HTTP/1.1: the answer begins with {first[:40]!r}")
    headers = {}
    for line in lines:
        name, _, value = line.partition(":")
        headers[name.lower()] = value.strip()
    return int(rest[:3]), headers
