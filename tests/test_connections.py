"""All connections of a process: how many there may be, which requests are under way, and the end of the service."""

# ruff: noqa: ARG001, every check is given the app, the connection and its transport
import pytest
from support.connecting import Transport, connected, head, settle
from uvicorn.server import ServerState

from service.connections import KEEP_ALIVE_S, SURPLUS_CONNECTIONS
from service.protocol import BoundedHttpProtocol


@connected
async def test_requests_under_way_are_counted_from_their_headers_to_their_last_byte(api, connection, transport):
    monitor = connection.monitor
    assert monitor.requests_under_way == 0
    connection.data_received(head("Host: x") * 2)
    await settle()
    assert monitor.requests_under_way == 1  # the second one waits for the first
    api.go_on.set()
    await settle()
    assert transport.written.count(b"HTTP/1.1 200") == 2
    assert monitor.requests_under_way == 0


@connected
async def test_a_request_whose_client_has_gone_is_not_under_way(api, connection, transport):
    connection.data_received(head("Host: x"))
    await settle()
    connection.connection_lost(None)
    assert connection.monitor.requests_under_way == 0


def opened(first: BoundedHttpProtocol) -> tuple[BoundedHttpProtocol, Transport]:
    """Another connection to the process of the first one."""
    another, transport = type(first)(first.config, ServerState(), {}, first.loop), Transport()
    another.connection_made(transport)
    return another, transport


@connected
async def test_one_connection_too_many_closes_the_one_that_is_idle_the_longest(api, connection, transport):
    connection.monitor.most_connections = 3
    api.go_on.set()
    (_, second_transport), (_, third_transport) = opened(connection), opened(connection)
    connection.data_received(head("Host: x"))  # used a moment ago: now the second is idle the longest
    await settle()
    _, fourth_transport = opened(connection)

    assert second_transport.closed
    assert not any(one.closed for one in (transport, third_transport, fourth_transport))


@connected
async def test_where_all_connections_are_in_use_a_new_one_is_503_and_the_probe_is_answered(api, connection, transport):
    connection.monitor.most_connections = 1
    connection.data_received(head("Host: x"))
    await settle()
    refused, refused_transport = opened(connection)
    refused.data_received(head("Host: x", line="POST /generate HTTP/1.1"))
    probe, probe_transport = opened(connection)
    probe.data_received(head("Host: x", line="GET /livez HTTP/1.1"))
    api.go_on.set()
    await settle()

    assert refused_transport.status == 503
    assert refused_transport.problem["detail"] == "Connections in use: 1, and no more may be. Try again in 5 s."
    assert probe_transport.status == 200
    assert transport.status == 200, "what was under way is answered"


@connected
async def test_a_flood_of_connections_beyond_that_is_hung_up_on(api, connection, transport):
    connection.monitor.most_connections = 1
    connection.data_received(head("Host: x")[:-2])  # not idle, for as long as its headers may take
    for _ in range(SURPLUS_CONNECTIONS):
        surplus, surplus_transport = opened(connection)
        surplus.data_received(b"G")
        assert not surplus_transport.closed
    _, last = opened(connection)

    assert last.aborted


@connected
async def test_an_idle_connection_stays_for_the_time_of_the_monitor(api, connection, transport):
    assert connection.timeout_keep_alive == KEEP_ALIVE_S == 75.0


@connected
async def test_while_it_stops_what_is_under_way_goes_on_and_the_rest_is_503(api, connection, transport):
    connection.data_received(head("Host: x"))
    await settle()
    connection.monitor.drain()
    assert connection.monitor.requests_under_way == 1
    api.go_on.set()
    await settle()

    assert transport.status == 200
    assert transport.closed
    assert connection.monitor.requests_under_way == 0


@pytest.mark.parametrize(
    ("path", "status"),
    [("/livez", 200), ("/readyz", 200), ("/status", 200), ("/generate", 503)],  # the app answers the first three
)
def test_while_it_stops_a_further_request_is_503_and_its_state_is_told(path: str, status: int):
    @connected
    async def check(api, connection, transport):
        api.go_on.set()
        connection.monitor.drain()
        transport.closed = False  # as a connection that comes now
        connection.data_received(head("Host: x", line=f"GET {path} HTTP/1.1"))
        await settle()

        assert transport.status == status
        if status == 503:
            assert transport.problem["detail"] == "The service is stopping. Try again in 5 s."
            assert b"retry-after: 5" in transport.written

    check()
