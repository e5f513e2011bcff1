"""Traces: a span of OpenTelemetry for each request, where OTEL_TRACES_EXPORTER is otlp; nothing at all otherwise.

    server -> [tracing] -> middleware -> app
                  `-> OTLP over HTTP -> a collector

Spans have the names and attributes of OpenTelemetry's stable conventions for HTTP
servers, and no others. The variables OTEL_* of its SDK say where spans go, which
are kept and what the service is called. A trace that a client or a proxy began goes
on here (`traceparent`). A span is named by its route, so there are few names. The
parent process asks here too whether there are traces, so no library is loaded where
there are none. Knows no pictures.
"""

import os
import threading
from collections.abc import Mapping
from functools import partial
from http import HTTPMethod
from importlib.util import find_spec
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider
    from starlette.types import ASGIApp, Scope

    from service.app import App

EXPORTER = "OTEL_TRACES_EXPORTER"
EXCLUDED = "OTEL_PYTHON_EXCLUDED_URLS"
_PROTOCOLS = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
_HTTP = "http/protobuf"
_UNTRACED = "/livez$,/readyz$,/metrics$"
"""Patterns of URLs that machines ask for every few seconds."""
_LAST_EXPORT_S = 2.0
"""What a service that stops gives the collector to take the last spans."""


def wants_traces(environment: Mapping[str, str] = os.environ) -> bool:
    """Whether requests are traced.

    Raises:
        ValueError: they would be, and cannot: another exporter or protocol, or the extra is not installed; says which.
    """
    exporter = environment.get(EXPORTER, "").strip().lower() or "none"
    if exporter not in ("otlp", "none"):
        raise ValueError(f"{EXPORTER} is {exporter!r}. Expected: otlp, or none.")
    if exporter == "none" or environment.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return False
    name, protocol = next(((one, environment[one]) for one in _PROTOCOLS if environment.get(one)), ("", _HTTP))
    if protocol.strip().lower() != _HTTP:
        raise ValueError(f"{name} is {protocol!r}. Expected: {_HTTP}; collectors take it at port 4318.")
    if not _is_installed():
        raise ValueError(
            f"{EXPORTER} is otlp, and the exporter is not installed. It comes with the extra otel: "
            f"pip install 'zoetrope[otel]'. Or set {EXPORTER}=none."
        )
    return True


def _is_installed() -> bool:
    try:
        return find_spec("opentelemetry.exporter.otlp.proto.http.trace_exporter") is not None
    except ModuleNotFoundError:  # of a package above it
        return False


def traced(app: "ASGIApp", api: "App") -> "ASGIApp":
    """The app with a span around each request, also one that is refused before routing; the app itself without traces.

    Args:
        app: all of the service.
        api: knows the routes; when it stops, the last spans are sent.

    Raises:
        ValueError: see `wants_traces`.
    """
    if not wants_traces():
        return app
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.instrumentation.asgi import OpenTelemetryMiddleware
    from opentelemetry.sdk.resources import OTELResourceDetector, Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    from models import __version__

    ours = Resource.create({"service.name": "zoetrope", "service.version": __version__})
    provider = TracerProvider(resource=ours.merge(OTELResourceDetector().detect()), shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    api.at_stop.append(partial(_close, provider))
    return OpenTelemetryMiddleware(
        app,
        excluded_urls=os.environ.get(EXCLUDED, _UNTRACED),
        default_span_details=partial(_span_details, api),
        tracer_provider=provider,
        exclude_spans=["receive", "send"],  # a span of its own for each message says nothing more
    )


def _span_details(api: "App", request: "Scope") -> tuple[str, dict[str, str]]:
    """Name and further attributes of the span of a request: `POST /generate`, and the client behind the proxies."""
    resolved = api.access.resolve({**request, "state": {}})
    method = request["method"] if request["method"] in HTTPMethod.__members__ else "HTTP"
    attributes = {"client.address": resolved["client"][0]} if resolved.get("client") else {}
    if host := _host_of(resolved):  # the library's own has the port in it
        attributes["server.address"] = host
    route = _route_of(api, {**resolved, "path": resolved.get("root_path", "") + resolved["path"]})
    return (f"{method} {route}", {**attributes, "http.route": route}) if route else (method, attributes)


def _host_of(request: "Scope") -> str | None:
    """The host that the client named, without its port."""
    named = next((value for name, value in request["headers"] if name == b"host"), b"").decode("latin-1")
    try:
        return urlsplit(f"//{named}").hostname
    except ValueError:
        return None


def _route_of(api: "App", request: "Scope") -> str | None:
    """The path of a route with its parameters unfilled; None where none has this path."""
    from starlette.routing import Match

    found = next((one for one in api.routes if one.matches(request)[0] is not Match.NONE), None)
    return getattr(found, "path", None)


def _close(provider: "TracerProvider") -> None:
    """Send the last spans; a collector that does not answer holds nothing up."""
    last = threading.Thread(target=provider.shutdown, name="last spans", daemon=True)
    last.start()
    last.join(_LAST_EXPORT_S)
