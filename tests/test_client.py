"""The light client against a server of a few lines, whose every byte is known."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from load.bench.client import ClientError, Connection, Response, get, post


def responses_to(replies: list[bytes], requests: int = 1) -> list[Response]:
    """What the client makes of what a server sends, one reply for each request."""

    async def run() -> list[Response]:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            for reply in replies:
                await reader.readuntil(b"\r\n\r\n")
                writer.write(reply)
            await writer.drain()
            writer.close()

        return await talked(serve, lambda connection: requested(connection, requests))

    return asyncio.run(run())


async def requested(connection: Connection, requests: int) -> list[Response]:
    return [await connection.request(get("/")) for _ in range(requests)]


async def talked(serve: Callable, talk: Callable[[Connection], Awaitable]) -> object:
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        connection = await Connection.open(f"http://127.0.0.1:{port}")
        try:
            return await talk(connection)
        finally:
            await connection.close()


def test_a_body_of_known_length_is_read_to_its_end_and_no_further():
    one = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-Seed: 7\r\n\r\nfirst"
    other = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nRetry-After: 1\r\n\r\n"

    first, second = responses_to([one, other], requests=2)

    assert (first.status, first.body, first.headers["x-seed"]) == (200, b"first", "7")
    assert (second.status, second.body, second.headers["retry-after"]) == (503, b"", "1")


def test_a_body_in_chunks_is_put_together_and_its_trailers_are_skipped():
    chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;x=1\r\nzoe\r\n5\r\ntrope\r\n0\r\nT: 1\r\n\r\n"

    first, second = responses_to([chunked, chunked], requests=2)

    assert first.body == second.body == b"zoetrope"


@pytest.mark.parametrize(
    ("reply", "words"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nfir", "the connection ended within a response"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfir", "the connection ended within a response"),
        (b"", "the connection ended within a response"),
        (b"SSH-2.0-OpenSSH\r\n\r\n", "not HTTP/1.1"),
        (b"HTTP/1.1 200 OK\r\n\r\nuntil I hang up", "its end is not known"),
    ],
)
def test_a_response_that_is_not_complete_is_an_error(reply: bytes, words: str):
    with pytest.raises(ClientError, match=words):
        responses_to([reply])


def test_a_request_says_how_long_it_is():
    head, _, body = post("/generate", {"n": 64}).partition(b"\r\n\r\n")

    assert head.startswith(b"POST /generate HTTP/1.1\r\n")
    assert b"Content-Length: 9" in head
    assert body == b'{"n": 64}'


def test_a_request_has_the_key_of_the_environment_where_there_is_one(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("ZOETROPE_CLIENT_KEY", raising=False)
    without = post("/generate", {}) + get("/metrics")
    monkeypatch.setenv("ZOETROPE_CLIENT_KEY", "secret-of-a-key")

    assert b"Authorization" not in without
    for request in (post("/generate", {}), get("/metrics")):
        assert b"\r\nAuthorization: Bearer secret-of-a-key\r\n" in request


def test_hanging_up_is_seen_by_the_server():
    async def run() -> bytes:
        heard: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            try:
                heard.set_result(await reader.read())
            except ConnectionResetError:
                heard.set_result(b"")
            writer.close()

        async def talk(connection: Connection) -> None:
            connection.send(get("/"))
            await asyncio.sleep(0)
            await connection.close()
            await heard

        await talked(serve, talk)
        return heard.result()

    assert asyncio.run(run()) == b""
