"""FastAPI, PyTorch and Pillow: the network as it was trained, behind a route.

PEER_GENERATOR=.../generator.onnx PEER_THREADS=2 uvicorn load.bench.peers.fastapi_torch:app
"""

import torch
from fastapi import FastAPI, Response
from fastapi.responses import JSONResponse

from load.bench.peers.drawing import CALL_IMAGES, MEDIA_TYPES, encode, generator_path, threads
from load.bench.peers.network import read_network
from load.bench.peers.request import GenerateRequest

torch.set_num_threads(threads())
app = FastAPI()
network = read_network(generator_path())


@app.post("/generate")
def generate(request: GenerateRequest) -> Response:
    """Draw n images."""
    random = torch.Generator()
    random.seed() if request.seed is None else random.manual_seed(request.seed)
    z = torch.randn(request.n, network.base.in_features, generator=random)
    label = torch.randint(network.label_base.num_embeddings, (request.n,), generator=random)
    pairs = zip(torch.split(z, CALL_IMAGES), torch.split(label, CALL_IMAGES), strict=True)
    with torch.inference_mode():
        parts = [network(*pair) for pair in pairs]
    images_NHWC = torch.cat(parts).numpy()
    if request.format == "json":
        return JSONResponse(images_NHWC.tolist())
    return Response(encode(images_NHWC, request.format), media_type=MEDIA_TYPES[request.format])
