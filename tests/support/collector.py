"""A collector of OpenTelemetry's, as far as it takes spans: OTLP over HTTP on a free port of this machine."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest

from support.hosted import answering


@dataclass
class Collector:
    """What has arrived."""

    url: str
    resources: list[dict[str, Any]] = field(default_factory=list)
    """Attributes of what the spans are of."""
    spans: list[dict[str, Any]] = field(default_factory=list)
    """Each with its name, kind, status, trace, parent, and its attributes by their names."""

    def wait_for(self, count: int) -> list[dict[str, Any]]:
        """The spans, when there are so many."""
        end = time.monotonic() + 30
        while len(self.spans) < count:
            assert time.monotonic() < end, f"found {len(self.spans)} spans, expected {count}"
            time.sleep(0.01)
        return self.spans


@contextmanager
def collecting() -> Iterator[Collector]:
    """Take spans within the block."""
    messages = pytest.importorskip("opentelemetry.proto.collector.trace.v1.trace_service_pb2")

    def take(body: bytes) -> None:
        sent = messages.ExportTraceServiceRequest.FromString(body)
        for of_resource in sent.resource_spans:
            collector.resources.append(_values(of_resource.resource.attributes))
            collector.spans += [_span(one) for scope in of_resource.scope_spans for one in scope.spans]

    with answering(_handler(take)) as url:
        collector = Collector(url)
        yield collector


def _handler(take: Callable[[bytes], None]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            assert self.path == "/v1/traces"
            take(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Nothing."""

    return Handler


def _span(one: Any) -> dict[str, Any]:
    return {
        "name": one.name,
        "kind": one.kind,
        "status": one.status.code,
        "trace": one.trace_id.hex(),
        "parent": one.parent_span_id.hex(),
        "attributes": _values(one.attributes),
    }


def _values(attributes: Any) -> dict[str, Any]:
    return {one.key: getattr(one.value, one.value.WhichOneof("value")) for one in attributes}
