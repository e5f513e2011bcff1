"""LitServe, with its own batching: requests that come together are drawn together.

    PEER_GENERATOR=.../generator.onnx PEER_THREADS=2 python -m load.bench.peers.litserve_onnx 8000

The steps are those of LitServe's documentation: decode, batch, predict, unbatch, encode. A
request is n codes, so a batch is all codes one after another, split again where a request ends.
"""

import sys
from collections.abc import Mapping, Sequence
from typing import Any

import litserve.server
import numpy as np
from fastapi import Response
from numpy.typing import NDArray

from load.bench.peers.drawing import MEDIA_TYPES, Generator, codes, encode

MAX_REQUESTS, BATCH_TIMEOUT_S = 8, 0.01
# With the package mcp and without fastmcp it starts a server of agents whose class it has not imported.
litserve.server._MCP_AVAILABLE = False

Codes = NDArray[np.float32]
Labels = NDArray[np.int64]
Images = NDArray[np.uint8]


class Peer(litserve.LitAPI):  # type: ignore[misc]  # LitServe has no types
    """Draws with one generator."""

    def setup(self, device: str) -> None:  # noqa: ARG002  (LitServe names it so)
        """Load it, in the process that draws."""
        self.generator = Generator()

    def decode_request(self, request: Mapping[str, Any]) -> tuple[Codes, Labels, str]:
        """A request -> its codes (n, Z) and labels (n,), and the format of its answer."""
        z, label = codes(request.get("n", 1), request.get("seed"), self.generator.code_size)
        return z, label, request.get("format", "png")

    def batch(
        self, inputs: Sequence[tuple[Codes, Labels, str]]
    ) -> tuple[Codes, Labels, NDArray[np.int64], tuple[str, ...]]:
        """Several requests -> all codes and labels, where the requests end, and their formats."""
        z, label, formats = zip(*inputs, strict=True)
        ends = np.cumsum([len(one) for one in z])
        return np.concatenate(z), np.concatenate(label), ends[:-1], formats

    def predict(self, x: tuple[Codes, Labels, NDArray[np.int64], tuple[str, ...]]) -> tuple[list[Images], Any]:
        """All images at once."""
        z, label, ends, formats = x
        return np.split(self.generator.draw(z, label), ends), formats

    def unbatch(self, output: tuple[list[Images], Any]) -> list[tuple[Images, str]]:
        """One output -> one for each request."""
        return list(zip(*output, strict=True))

    def encode_response(self, output: tuple[Images, str]) -> Any:
        """Images -> a file in the requested format."""
        images_NHWC, format_name = output
        if format_name == "json":
            return images_NHWC.tolist()
        return Response(encode(images_NHWC, format_name), media_type=MEDIA_TYPES[format_name])


if __name__ == "__main__":
    api = Peer(max_batch_size=MAX_REQUESTS, batch_timeout=BATCH_TIMEOUT_S, api_path="/generate")
    server = litserve.LitServer(api, accelerator="cpu")
    server.run(host="127.0.0.1", port=int(sys.argv[1]), generate_client_file=False, access_log=False)
