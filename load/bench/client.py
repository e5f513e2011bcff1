"""A light HTTP client: requests are bytes that were made before, sent over connections that stay open.

    sampler, stress -> [client] -> HTTP

A client that takes a third of the CPU would be measured in place of the server,
so this one knows no more of HTTP/1.1 than responses with a Content-Length or in
chunks. It reads the status and the length; what is in a body is checked
elsewhere.
"""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self
from urllib.parse import urlsplit

from load.server import authorization

_BUFFER_BYTES = 1 << 20
_NO_BODY = (204, 304)


class ClientError(Exception):
    """A response that is not complete: the connection ended, or it is not HTTP/1.1."""


@dataclass(frozen=True)
class Response:
    """Status, headers with names in lower case, and body."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def post(path: str, fields: Mapping[str, Any]) -> bytes:
    """The bytes of a POST with JSON."""
    body = json.dumps(fields).encode()
    fields_of_body = f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
    head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\n{_key()}{fields_of_body}\r\n"
    return head.encode() + body


def get(path: str) -> bytes:
    """The bytes of a GET."""
    return f"GET {path} HTTP/1.1\r\nHost: localhost\r\n{_key()}\r\n".encode()


class Connection:
    """A connection that stays open: one request at a time."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    @classmethod
    async def open(cls, url: str) -> Self:
        """Connect to http://HOST:PORT."""
        parts = urlsplit(url)
        return cls(*await asyncio.open_connection(parts.hostname, parts.port, limit=_BUFFER_BYTES))

    async def request(self, request: bytes) -> Response:
        """Send a request, read its whole response.

        Raises:
            ClientError: the response ended before it was complete.
        """
        self._writer.write(request)
        try:
            status, headers = _parse_head(await self._reader.readuntil(b"\r\n\r\n"))
            return Response(status, headers, await self._body(status, headers))
        except (asyncio.IncompleteReadError, ConnectionError) as error:
            raise ClientError(f"the connection ended within a response: {error!r}") from error

    def send(self, request: bytes) -> None:
        """Send a request whose response is never read."""
        self._writer.write(request)

    async def close(self) -> None:
        """Close the connection at once, whatever is still to come."""
        self._writer.transport.abort()

    async def _body(self, status: int, headers: Mapping[str, str]) -> bytes:
        if "content-length" in headers:
            return await self._reader.readexactly(int(headers["content-length"]))
        if headers.get("transfer-encoding") == "chunked":
            return await self._chunks()
        if status in _NO_BODY:
            return b""
        raise ClientError("a response with neither Content-Length nor chunks: its end is not known")

    async def _chunks(self) -> bytes:
        pieces = []
        while size := int((await self._reader.readuntil(b"\r\n")).split(b";")[0], 16):
            pieces.append(await self._reader.readexactly(size))
            await self._reader.readexactly(2)
        while await self._reader.readuntil(b"\r\n") != b"\r\n":
            pass  # trailers
        return b"".join(pieces)


async def request_once(url: str, request: bytes) -> Response:
    """One request over a connection of its own."""
    connection = await Connection.open(url)
    try:
        return await connection.request(request)
    finally:
        await connection.close()


def _key() -> str:
    return "".join(f"{name}: {value}\r\n" for name, value in authorization().items())


def _parse_head(head: bytes) -> tuple[int, dict[str, str]]:
    first, *lines = head.decode("latin-1").rstrip().split("\r\n")
    version, _, rest = first.partition(" ")
    if version != "HTTP/1.1":
        raise ClientError(f"not HTTP/1.1: the response begins with {first[:40]!r}")
    headers = {}
    for line in lines:
        name, _, value = line.partition(":")
        headers[name.lower()] = value.strip()
    return int(rest[:3]), headers
