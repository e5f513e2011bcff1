"""The limits of one connection, with a transport that only remembers: sizes, times, and what is written."""

# ruff: noqa: ARG001, every check is given the app, the connection and its transport

from types import SimpleNamespace

import pytest
from support.connecting import connected, head, settle

from service.protocol import (
    LARGEST_DISCARDED_BYTES,
    LARGEST_HEAD_BYTES,
    LARGEST_URL_BYTES,
    LINGER_S,
    LONGEST_LINGER_S,
    MOST_HEADERS,
    MOST_PIPELINED,
    BoundedHttpProtocol,
)

REQUEST_S, WRITE_S = 20.0, 30.0


def later(connection: BoundedHttpProtocol, seconds: float) -> None:
    """What the monitor does that much later."""
    connection.check(connection.loop.time() + seconds, REQUEST_S, WRITE_S)


@connected
async def test_a_plain_request_is_answered(api, connection, transport):
    api.go_on.set()
    connection.data_received(head("Host: x"))
    await settle()

    assert transport.status == 200
    assert not transport.closed


@connected
async def test_as_many_headers_as_may_be_are_accepted(api, connection, transport):
    connection.data_received(head(*(f"a{k}: b" for k in range(MOST_HEADERS))))
    await settle()

    assert len(api.scopes[0]["headers"]) == MOST_HEADERS


@connected
async def test_one_header_more_is_431(api, connection, transport):
    connection.data_received(head(*(f"a{k}: b" for k in range(MOST_HEADERS + 1))))
    await settle()

    assert transport.problem["status"] == 431
    assert transport.problem["detail"] == f"The request has more than {MOST_HEADERS} headers, which is the limit."
    assert api.scopes == []


@pytest.mark.parametrize("piece_bytes", [1_000, 10_000, 1 << 20])
def test_a_header_without_an_end_is_431_before_it_ends(piece_bytes: int):
    """The parser collects it unseen; pieces come as a network would cut them."""

    @connected
    async def check(api, connection, transport):
        endless, sent = head("Accept: ")[:-4] + b"a" * (1 << 20), 0
        while sent < len(endless) and not transport.written:
            connection.data_received(endless[sent : sent + piece_bytes])
            sent += piece_bytes

        assert transport.problem["status"] == 431
        assert sent <= 2 * LARGEST_HEAD_BYTES + piece_bytes
        assert transport.ended

    check()


@connected
async def test_headers_of_64_kilobytes_together_are_431_and_a_little_less_is_not(api, connection, transport):
    value = "a" * 1_000
    connection.data_received(head(*(f"a{k:02}: {value}" for k in range(65))))
    connection.data_received(head(*(f"a{k:02}: {value}" for k in range(66))))
    await settle()

    assert len(api.scopes) == 1
    assert connection._problem.status == 431


@connected
async def test_a_long_body_is_not_taken_for_headers(api, connection, transport):
    body = b"b" * (3 * LARGEST_HEAD_BYTES)
    connection.data_received(head(f"Content-Length: {len(body)}", line="POST / HTTP/1.1") + body[:70_000])
    await settle()
    connection.data_received(body[70_000:])
    await settle()

    assert api.bodies == [body]


@connected
async def test_a_url_that_is_too_long_is_414(api, connection, transport):
    connection.data_received(head(line=f"GET /{'a' * LARGEST_URL_BYTES} HTTP/1.1"))

    assert transport.problem["status"] == 414


@pytest.mark.parametrize("trailer", [b"t: " + b"a" * 200_000, b"t: a\r\n" * 200], ids=["long", "many"])
def test_trailers_of_a_chunked_body_count_too(trailer: bytes):
    @connected
    async def check(api, connection, transport):
        connection.data_received(head("Transfer-Encoding: chunked", line="POST / HTTP/1.1") + b"2\r\nab\r\n0\r\n")
        await settle()
        connection.data_received(trailer)
        await settle()

        assert transport.problem["status"] == 431
        assert api.disconnected == 1

    check()


@connected
async def test_a_trailer_is_not_a_header(api, connection, transport):
    start = head("Transfer-Encoding: chunked", line="POST / HTTP/1.1")
    connection.data_received(start + b"2\r\nab\r\n0\r\nHost: other\r\n\r\n")
    await settle()

    assert api.scopes[0]["headers"] == [(b"transfer-encoding", b"chunked")]
    assert api.bodies == [b"ab"]


@connected
async def test_what_is_not_http_is_a_problem_too(api, connection, transport):
    connection.data_received(b"\x16\x03\x01 hello\r\n\r\n")

    assert transport.problem["status"] == 400


@connected
async def test_an_upgrade_does_not_leave_these_limits(api, connection, transport):
    api.go_on.set()
    connection.data_received(head("Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Key: x"))
    await settle()

    assert transport.status == 200
    assert [scope["type"] for scope in api.scopes] == ["http"]


@connected
async def test_a_refused_client_may_send_the_rest_but_not_for_ever(api, connection, transport):
    connection.data_received(head(line=f"GET /{'a' * LARGEST_URL_BYTES} HTTP/1.1"))
    connection.data_received(b"a" * LARGEST_DISCARDED_BYTES)

    assert not transport.closed
    connection.data_received(b"a")
    assert transport.aborted


@connected
async def test_a_refused_client_has_two_seconds_to_hang_up(api, connection, transport):
    connection.data_received(b"nonsense\r\n\r\n")
    later(connection, LINGER_S - 0.5)

    assert not transport.closed
    later(connection, LINGER_S + 0.5)
    assert transport.aborted


@connected
async def test_a_refused_client_that_goes_on_sending_has_ten_seconds(api, connection, transport):
    connection.data_received(b"nonsense\r\n\r\n")
    begin = connection.loop.time()
    for second in range(int(LONGEST_LINGER_S)):
        connection.loop = SimpleNamespace(time=lambda now=begin + second: now)
        connection.data_received(b"more")
        connection.check(begin + second + 0.9, REQUEST_S, WRITE_S)
        assert not transport.closed

    connection.check(begin + LONGEST_LINGER_S + 0.1, REQUEST_S, WRITE_S)
    assert transport.aborted


@connected
async def test_requests_behind_one_that_waits_are_bounded(api, connection, transport):
    """Each takes memory; the one that is under way is still answered, and then the connection ends."""
    connection.data_received(head("Host: x") * (MOST_PIPELINED + 3))
    await settle()
    api.go_on.set()
    await settle()

    assert len(api.scopes) == 1
    assert transport.status == 200
    assert transport.closed


@pytest.mark.parametrize(
    ("start", "late"),
    [
        (b"GET / HT", "headers"),
        (head("Host: x")[:-2], "headers"),
        (head("Content-Length: 9", line="POST / HTTP/1.1") + b"abc", "body"),
        (head("Transfer-Encoding: chunked", line="POST / HTTP/1.1") + b"5\r\nab", "body"),
        (head("Transfer-Encoding: chunked", line="POST / HTTP/1.1") + b"2\r\nab\r\n0\r\nt: ", "body"),
    ],
)
def test_a_request_that_does_not_arrive_is_408(start: bytes, late: str):
    @connected
    async def check(api, connection, transport):
        connection.data_received(start)
        await settle()
        later(connection, REQUEST_S - 1)
        assert not transport.written
        later(connection, REQUEST_S)
        await settle()

        assert transport.problem["status"] == 408
        assert transport.problem["detail"] == f"The {late} did not arrive within 20 s. Send it faster."
        assert api.disconnected == len(api.scopes)

    check()


@connected
async def test_single_bytes_do_not_stop_the_clock(api, connection, transport):
    connection.data_received(b"GET / HTTP/1.1\r\n")
    for k in range(5):
        connection.data_received(b"a")
        later(connection, k)
    later(connection, REQUEST_S)

    assert transport.problem["status"] == 408


@connected
async def test_a_client_that_sends_nothing_is_hung_up_on(api, connection, transport):
    later(connection, REQUEST_S - 1)
    assert not transport.closed
    later(connection, REQUEST_S)

    assert transport.closed
    assert transport.written == b""


@connected
async def test_a_request_that_waits_for_us_is_not_late(api, connection, transport):
    connection.data_received(head("Host: x") + b"GET /second HT")
    await settle()
    later(connection, 10 * REQUEST_S)

    assert not transport.closed
    api.go_on.set()
    await settle()
    later(connection, 10 * REQUEST_S + 1)  # the second request has its own twenty seconds, from here on
    assert transport.status == 200
    assert not transport.closed
    later(connection, 11 * REQUEST_S)
    assert b" 408 " in transport.written


@connected
async def test_between_requests_only_the_keep_alive_timeout_counts(api, connection, transport):
    api.go_on.set()
    connection.data_received(head("Host: x"))
    await settle()
    later(connection, 10 * REQUEST_S)

    assert not transport.closed
    assert connection.timeout_keep_alive_task is not None


@connected
async def test_a_client_that_takes_no_byte_is_dropped_and_its_request_cancelled(api, connection, transport):
    connection.data_received(head("Host: x"))
    await settle()
    transport.unsent_bytes = 1_000
    later(connection, 0)
    later(connection, WRITE_S - 1)
    assert not transport.closed
    later(connection, WRITE_S)
    connection.connection_lost(None)
    await settle()

    assert transport.aborted
    assert api.disconnected == 1


@connected
async def test_a_client_that_takes_one_byte_now_and_then_is_served(api, connection, transport):
    connection.data_received(head("Host: x"))
    for k in range(100):
        transport.unsent_bytes = 1_000 - k
        later(connection, k * (WRITE_S - 1))

    assert not transport.closed


@connected
async def test_a_client_that_has_taken_all_may_wait(api, connection, transport):
    connection.data_received(head("Host: x"))
    await settle()
    for k in range(10):
        later(connection, k * WRITE_S)

    assert not transport.closed


@connected
async def test_a_lost_connection_cancels_the_request_before_which_others_wait(api, connection, transport):
    connection.data_received(head("Host: x") * 3)
    await settle()
    connection.connection_lost(None)
    await settle()

    assert len(api.scopes) == 1
    assert api.disconnected == 1
    assert not connection.pipeline


@connected
async def test_an_old_client_gets_no_chunks_and_its_body_ends_with_the_connection(api, connection, transport):
    async def streaming(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": []})
        for piece in (b"ab", b"", b"cd"):
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": b"e"})

    connection.config.loaded_app = streaming
    connection.data_received(head("Host: x", line="GET /x HTTP/1.0"))
    await settle()
    headers, _, body = transport.written.partition(b"\r\n\r\n")

    assert b"transfer-encoding" not in headers
    assert b"connection: close" in headers
    assert body == b"abcde"
    assert transport.closed


@connected
async def test_an_old_client_gets_a_length_where_it_is_known(api, connection, transport):
    api.go_on.set()
    connection.data_received(head("Host: x", line="GET /x HTTP/1.0"))
    await settle()

    assert b"content-length: 2\r\n" in transport.written
    assert transport.written.endswith(b"\r\n\r\nok")
