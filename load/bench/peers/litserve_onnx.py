"""LitServe, with its own batching: requests that come together are drawn together.

    PEER_GENERATOR=.../generator.onnx PEER_THREADS=2 python -m load.bench.peers.litserve_onnx 8000

The steps are those of LitServe's documentation: decode, batch, predict, unbatch, encode. A
request is n codes, so a batch is all codes one after another, cut again where a request ends.
"""

import sys

import litserve
import numpy as np
from fastapi import Response

from load.bench.peers.files import MEDIA_TYPES, file_of
from load.bench.peers.generator import Generator, codes

MAX_REQUESTS, WAIT_S = 8, 0.01


class Peer(litserve.LitAPI):
    """Draws with one generator."""

    def setup(self, device):  # noqa: ARG002  (LitServe calls it so)
        """Load it, in the process that draws."""
        self.generator = Generator()

    def decode_request(self, request):
        """A question -> its codes and labels, and the format of its answer."""
        z, label = codes(request.get("n", 1), request.get("seed"), self.generator.code_size)
        return z, label, request.get("format", "png")

    def batch(self, inputs):
        """Several questions -> one."""
        z, label, wanted = zip(*inputs, strict=True)
        ends = np.cumsum([len(one) for one in z])
        return np.concatenate(z), np.concatenate(label), ends[:-1], wanted

    def predict(self, x):
        """All pictures at once."""
        z, label, ends, wanted = x
        return np.split(self.generator.draw(z, label), ends), wanted

    def unbatch(self, output):
        """One answer -> one for each question."""
        return list(zip(*output, strict=True))

    def encode_response(self, output):
        """Pictures -> the file that was asked for."""
        images_NHWC, wanted = output
        if wanted == "json":
            return images_NHWC.tolist()
        return Response(file_of(images_NHWC, wanted), media_type=MEDIA_TYPES[wanted])


if __name__ == "__main__":
    api = Peer(max_batch_size=MAX_REQUESTS, batch_timeout=WAIT_S, api_path="/generate")
    server = litserve.LitServer(api, accelerator="cpu")
    server.run(host="127.0.0.1", port=int(sys.argv[1]), generate_client_file=False, access_log=False)
