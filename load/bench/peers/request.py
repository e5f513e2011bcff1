"""The request of a peer that is written with FastAPI: apart from drawing, which the bare route must not import.

HTTP -> [request] -> fastapi_onnx, fastapi_torch, bare_route
"""

from typing import Literal

from pydantic import BaseModel, Field


class GenerateRequest(BaseModel):
    """`{"n": 64, "seed": 7, "format": "zip"}`."""

    n: int = Field(1, ge=1, le=10_000)
    seed: int | None = Field(None, ge=0)
    format: Literal["npy", "png", "zip", "json"] = "png"
