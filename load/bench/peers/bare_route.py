"""A FastAPI route that draws nothing and answers with a body of a given size: what HTTP alone costs.

PEER_BODY_BYTES=912 uvicorn load.bench.peers.bare_route:app
"""

import os

from fastapi import FastAPI, Response

from load.bench.peers.request import GenerateRequest

app = FastAPI()
body = bytes(int(os.environ["PEER_BODY_BYTES"]))


@app.post("/generate")
async def generate(request: GenerateRequest) -> Response:
    """The same bytes for every request."""
    return Response(body, media_type="application/x-npy", headers={"X-N": str(request.n)})
