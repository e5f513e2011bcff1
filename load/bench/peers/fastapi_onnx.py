"""FastAPI, onnxruntime and Pillow: what a good engineer writes in an afternoon.

    PEER_GENERATOR=.../generator.onnx PEER_THREADS=2 uvicorn load.bench.peers.fastapi_onnx:app

The handler is a plain `def`, so FastAPI runs it in its pool of threads and the loop stays free.
"""

from fastapi import FastAPI, Response
from fastapi.responses import JSONResponse

from load.bench.peers.files import MEDIA_TYPES, file_of
from load.bench.peers.generator import Generator, codes
from load.bench.peers.question import Question

app = FastAPI()
generator = Generator()


@app.post("/generate")
def generate(question: Question) -> Response:
    """Draw n pictures."""
    images_NHWC = generator.draw(*codes(question.n, question.seed, generator.code_size))
    if question.format == "json":
        return JSONResponse(images_NHWC.tolist())
    return Response(file_of(images_NHWC, question.format), media_type=MEDIA_TYPES[question.format])
