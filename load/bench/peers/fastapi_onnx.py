"""FastAPI, onnxruntime and Pillow: what a good engineer writes in an afternoon.

    PEER_GENERATOR=.../generator.onnx PEER_THREADS=2 uvicorn load.bench.peers.fastapi_onnx:app

The handler is a plain `def`, so FastAPI runs it in its thread pool and the event loop stays free.
"""

from fastapi import FastAPI, Response
from fastapi.responses import JSONResponse

from load.bench.peers.drawing import MEDIA_TYPES, Generator, codes, encode
from load.bench.peers.request import GenerateRequest

app = FastAPI()
generator = Generator()


@app.post("/generate")
def generate(request: GenerateRequest) -> Response:
    """Draw n images."""
    images_NHWC = generator.draw(*codes(request.n, request.seed, generator.code_size))
    if request.format == "json":
        return JSONResponse(images_NHWC.tolist())
    return Response(encode(images_NHWC, request.format), media_type=MEDIA_TYPES[request.format])
