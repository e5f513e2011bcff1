"""The frames of an interpolation, spaced as a request wants them; what equal changes need is drawn first.

    generate -> [frames] -> interpolation, spacing -> batching

The coarse pass waits its turn in the queue as all pictures do, and no more than a
few of its pictures are in memory. For the limits of its caller both passes count
before the first, or one whose limit is small would be refused after each first one.
"""

import asyncio
from functools import partial

import numpy as np
from fastapi import Request
from numpy.typing import NDArray

from models.runtime import Runtime
from service.access.rules import COUNTED_IN_ADVANCE
from service.app import app_of
from service.interpolation import path_of
from service.latents import ExplicitCodes, LatentSource
from service.routes.responses import cancelled_on_disconnect
from service.schemas import InterpolateRequest
from service.spacing import COARSE_STEPS, changes, coarse_positions, positions_by_change

_INLINE_N = 256
"""Codes and classes of so many frames are computed on the event loop, in about a millisecond."""


async def frames_of(request: Request, body: InterpolateRequest, runtime: Runtime) -> ExplicitCodes:
    """The codes of all frames, with their classes.

    Raises:
        Problem: 422, a point that the model does not have; 503, the queue is full; 429, the caller draws too much.
        ClientDisconnected: the client has gone.
    """
    compute = app_of(request).compute
    inline = body.frames <= _INLINE_N
    path = await compute(partial(path_of, body, runtime), inline)
    positions_N = path.positions
    if body.spacing == "change":
        coarse = partial(path.at, coarse_positions(path.legs))
        drawn = await compute(coarse, path.legs * COARSE_STEPS <= _INLINE_N)
        with app_of(request).access.pictures_charged(request.scope, drawn.n + body.frames):
            positions_N = positions_by_change(positions_N, await _changes_along(request, runtime, drawn))
        request.scope.setdefault("state", {})[COUNTED_IN_ADVANCE] = body.frames
    return await compute(partial(path.at, positions_N), inline)


async def _changes_along(request: Request, runtime: Runtime, source: LatentSource) -> NDArray[np.float64]:
    """Change from each picture of a source to the next one, as `spacing` measures it."""
    app, loop = app_of(request), asyncio.get_running_loop()
    found: list[float] = []
    pending = app.registry.batcher.submit(runtime, source)
    with cancelled_on_disconnect(request.receive, pending):
        last_1HWC = None
        async for chunk in pending:
            images_NHWC = chunk if last_1HWC is None else np.concatenate([last_1HWC, chunk])
            found += await loop.run_in_executor(app.encoder_pool, changes, images_NHWC)
            last_1HWC = chunk[-1:]
    return np.array(found)
