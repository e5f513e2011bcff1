"""All connections of a process: how many there may be, which requests are under way, and the end of the service."""

# ruff: noqa: ARG001, every check is given the app, the connection and its transport
import pytest
from support.connecting import Transport, connected, head, settle
from uvicorn.server import ServerState

from service import connections
from service.connections import KEEP_ALIVE_S, SURPLUS_CONNECTIONS
from service.protocol import LINGER_S, BoundedHttpProtocol


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


@pytest.fixture
def soon_idle(monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection that says nothing is idle at once."""
    monkeypatch.setattr(connections, "UNTIL_IDLE_S", 0.0)


@pytest.mark.usefixtures("soon_idle")
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
async def test_one_that_was_just_answered_is_not_closed_for_the_next_because_its_next_request_may_be_under_way(
    api, connection, transport
):
    """Before: in a flood of new connections a client that asked one thing after another was hung up on."""
    connection.monitor.most_connections = 1
    api.go_on.set()
    connection.data_received(head("Host: x"))
    await settle()
    opened(connection)

    assert not transport.closed


@connected
async def test_one_that_has_just_come_is_not_closed_for_the_next_because_its_request_may_be_under_way(
    api, connection, transport
):
    """Before: of many that came at once the first were closed without an answer."""
    connection.monitor.most_connections = 2
    api.go_on.set()
    others = [opened(connection) for _ in range(9)]
    for one, _ in others:
        one.data_received(head("Host: x", line="GET /models HTTP/1.1"))
    await settle()

    assert [found.status for _, found in others] == [200] + [503] * 8
    assert not transport.closed


@connected
async def test_a_flood_of_slow_connections_beyond_that_pushes_out_its_own_and_probes_are_answered(
    api, connection, transport
):
    """Before: the flood was let stay, and `/livez` was hung up on for as long as headers may take."""
    connection.monitor.most_connections = 1
    api.go_on.set()
    connection.data_received(head("Host: x")[:-2])  # not idle, for as long as its headers may take
    slow = [opened(connection) for _ in range(SURPLUS_CONNECTIONS + 2)]
    for one, its_transport in slow:
        if not its_transport.written:
            one.data_received(b"G")
    probe, probe_transport = opened(connection)
    probe.data_received(head("Host: x", line="GET /livez HTTP/1.1"))
    await settle()

    refused = [its_transport for _, its_transport in slow if its_transport.written]
    assert refused == [its_transport for _, its_transport in slow[:3]]
    assert {one.status for one in refused} == {503}
    assert refused[0].problem["detail"] == "Connections in use: 1, and no more may be. Try again in 5 s."
    assert refused[0].written.count(b"connection: close") == 1
    assert b"retry-after: 5" in refused[0].written
    assert probe_transport.status == 200
    assert not transport.closed


@connected
async def test_a_client_that_is_refused_has_two_seconds_to_read_why_and_a_quarter_as_many_at_a_time(
    api, connection, transport
):
    """Before: it was closed while it still sent, so that it saw a reset in place of the 503."""
    connection.monitor.most_connections = 8
    connection.data_received(b"G")
    others = [opened(connection) for _ in range(7 + SURPLUS_CONNECTIONS)]
    for one, _ in others:
        one.data_received(b"G")  # none is idle
    for _ in range(3):
        opened(connection)[0].data_received(b"G")
    (_, first), (second, its_transport), (_, third) = others[7:10]
    second.data_received(head("Host: x", line="POST /generate HTTP/1.1"))  # what was on its way is discarded

    assert [one.status for one in (first, its_transport, third)] == [503] * 3
    assert [one.aborted for one in (first, its_transport, third)] == [True, False, False]
    second.check(connection.loop.time() + LINGER_S, 20.0, 30.0)
    assert its_transport.aborted


@connected
async def test_a_flood_of_probes_is_answered_as_far_as_there_is_room(api, connection, transport):
    connection.monitor.most_connections = 1
    connection.data_received(head("Host: x")[:-2])
    probes = [opened(connection) for _ in range(SURPLUS_CONNECTIONS)]
    for one, _ in probes:
        one.data_received(head("Host: x", line="GET /livez HTTP/1.1"))
    _, last = opened(connection)
    assert (last.status, last.ended) == (503, True)
    api.go_on.set()
    await settle()

    assert {its_transport.status for _, its_transport in probes} == {200}


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


@connected
async def test_where_another_worker_has_far_fewer_connections_an_answer_is_the_last_one_of_its_own(
    api, connection, transport
):
    class Crowded:
        def sends_away(self) -> bool:
            return True

        def count_opened(self, connections: int) -> None:
            pass

    connection.monitor.siblings = Crowded()
    api.go_on.set()
    connection.data_received(head("Host: x"))
    await settle()

    assert transport.written.startswith(b"HTTP/1.1 200 ")
    assert b"connection: close" in transport.written.lower()
    assert transport.closed
