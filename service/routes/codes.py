"""`GET /models/{name}/{version}/codes/{seed}/{index}` and `.../directions`: what the page's instrument moves.

    HTTP -> [codes] -> images (addresses in URLs), registry

The code of an address can be changed along directions and drawn by POST /decode.
No engine decides these numbers, but a class can get another name and directions
can be measured again under one version, so caches keep them for a day.
"""

from typing import Annotated

import numpy as np
from fastapi import APIRouter, Query, Request, Response
from numpy.typing import NDArray

from models.directions import LEADING
from service.app import app_of
from service.errors import Problem
from service.query_schemas import ImageQuery
from service.routes.images import label_of_query, locate
from service.routes.permanent import Digits, ModelName, ModelVersion, cache_control
from service.schemas import CodeResponse, DirectionResponse, DirectionsResponse

router = APIRouter(tags=["models"])


@router.get("/models/{name}/{version}/codes/{seed}/{index}")
async def get_code(
    request: Request,
    response: Response,
    name: ModelName,
    version: ModelVersion,
    seed: Digits,
    index: Digits,
    query: Annotated[ImageQuery, Query()],
) -> CodeResponse:
    """Give the latent code of one address, and its class: what POST /decode draws as the address's picture."""
    runtime = await app_of(request).registry.runtime(f"{name}@{version}")
    source = locate(runtime, seed, index, label_of_query(query, runtime.card), query)
    codes_1Z, _ = source.codes(runtime, 0, 1)
    response.headers["Cache-Control"] = cache_control(app_of(request), immutable=False)
    return CodeResponse(**(source.metadata() | source.metadata_of(0)), code=_numbers(codes_1Z[0]))


@router.get("/models/{name}/{version}/directions")
async def get_directions(
    request: Request, response: Response, name: ModelName, version: ModelVersion
) -> DirectionsResponse:
    """Give the directions of the code space along which pictures change most, the first one most."""
    runtime = await app_of(request).registry.runtime(f"{name}@{version}")
    rows_ZZ = runtime.directions
    if rows_ZZ is None:
        advice = f"Measure them: zoetrope benchmark {name} --write"
        raise Problem(404, f"{name} {version} has no directions. {advice}")
    norms_Z = np.linalg.norm(rows_ZZ.astype(np.float64), axis=1)
    shares_Z = np.square(norms_Z) / max(np.square(norms_Z).sum(), np.finfo(np.float32).tiny)
    response.headers["Cache-Control"] = cache_control(app_of(request), immutable=False)
    found = [
        DirectionResponse(
            direction=_numbers(row_Z / np.float32(max(norm, np.finfo(np.float32).tiny))),
            levels=round(float(norm), 3),
            share=round(float(share), 4),
        )
        for row_Z, norm, share in zip(rows_ZZ[:LEADING], norms_Z, shares_Z, strict=False)
    ]
    return DirectionsResponse(model=runtime.card.name, version=runtime.card.version, directions=found)


def _numbers(code_Z: NDArray[np.float32]) -> list[float]:
    """The shortest decimals that are these float32 again."""
    return [float(str(number)) for number in code_Z.astype(np.float32)]
