"""FastAPI, PyTorch and Pillow: the network as it was trained, behind a route.

PEER_GENERATOR=.../generator.onnx PEER_THREADS=2 uvicorn load.bench.peers.fastapi_torch:app
"""

import torch
from fastapi import FastAPI, Response
from fastapi.responses import JSONResponse

from load.bench.peers.files import MEDIA_TYPES, file_of
from load.bench.peers.generator import CALL_IMAGES, path, threads
from load.bench.peers.network import read_network
from load.bench.peers.question import Question

torch.set_num_threads(threads())
app = FastAPI()
network = read_network(path())


@app.post("/generate")
def generate(question: Question) -> Response:
    """Draw n pictures."""
    random = torch.Generator()
    random.seed() if question.seed is None else random.manual_seed(question.seed)
    z = torch.randn(question.n, network.base.in_features, generator=random)
    label = torch.randint(network.label_base.num_embeddings, (question.n,), generator=random)
    with torch.inference_mode():
        parts = [network(*one) for one in zip(z.split(CALL_IMAGES), label.split(CALL_IMAGES), strict=True)]
    images_NHWC = torch.cat(parts).numpy()
    if question.format == "json":
        return JSONResponse(images_NHWC.tolist())
    return Response(file_of(images_NHWC, question.format), media_type=MEDIA_TYPES[question.format])
