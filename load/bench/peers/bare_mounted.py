"""The bare route, mounted on a BentoML service with all that can be switched off: what BentoML costs.

PEER_BODY_BYTES=912 bentoml serve load.bench.peers.bare_mounted:Peer
"""

import bentoml

from load.bench.peers.bare_route import app


@bentoml.service(
    name="bare",
    metrics={"enabled": False},
    logging={"access": {"enabled": False}},
    tracing={"excluded_urls": ".*"},
)
@bentoml.asgi_app(app.__call__)
class Peer:
    """Nothing but the app."""
