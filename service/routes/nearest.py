"""`GET /models/{name}/{version}/nearest/{seed}/{index}`: is a drawn picture copied from a training picture?

    HTTP -> [nearest] -> images (addresses in URLs), batching -> training_pictures (in a thread)

The picture of the address is drawn, and the training pictures that are nearest to
it are given as thumbnails, next to what the distance of a real picture that the
model never saw usually is. It shows training pictures, so it needs the scope
`admin` where strangers can connect, unless ZOETROPE_OPEN_INDEX opens it. What it
shows is real, and has no mark that says otherwise.

Letters: N pictures    H, W, C of a picture
"""

import base64
from functools import partial
from typing import Annotated

import numpy as np
from fastapi import APIRouter, Query, Request, Response
from numpy.typing import NDArray

from models.nearest_pictures import Likeness, Neighbour, thumbnails
from models.picture_index import PictureIndex
from service.app import app_of
from service.encoders import encode_picture
from service.errors import NOT_KEPT
from service.formats import Format
from service.model_schemas import NearestPicture, NearestResponse, UnseenPictures
from service.query_schemas import NearestQuery
from service.routes.images import label_of_query, locate
from service.routes.permanent import Digits, ModelName, ModelVersion
from service.routes.responses import encode_all

router = APIRouter(tags=["models"])


@router.get("/models/{name}/{version}/nearest/{seed}/{index}")
async def find_nearest(
    request: Request,
    response: Response,
    name: ModelName,
    version: ModelVersion,
    seed: Digits,
    index: Digits,
    query: Annotated[NearestQuery, Query()],
) -> NearestResponse:
    """Find the training pictures that a picture is nearest to: is it copied?

    The distance is the root mean square over pixels, in levels of 0 to 255. What it means is said next to the
    distances of real pictures that the model never saw. For a model whose training pictures ZOETROPE_INDEX holds.
    """
    app = app_of(request)
    runtime = await app.registry.runtime(f"{name}@{version}")
    found = app.training_pictures.of(runtime.card)
    source = locate(runtime, seed, index, label_of_query(query, runtime.card), query)
    drawn_NHWC = await encode_all(request, runtime, source, _as_drawn)
    nearest = await app.compute(partial(_nearest, found, query.k, drawn_NHWC))  # no thread of the encoders waits for it
    response.headers.update(NOT_KEPT)
    first = nearest[0].distance_levels
    return NearestResponse(
        **(source.metadata() | source.metadata_of(0)),
        data=found.facts.data,
        pictures=len(found.pictures.pictures),
        likeness=found.unseen.likeness(first),
        explanation=_explanation(found, first),
        unseen=UnseenPictures.of(found.unseen),
        nearest=nearest,
    )


def _as_drawn(images_NHWC: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return images_NHWC


def _nearest(found: PictureIndex, k: int, images_NHWC: NDArray[np.uint8]) -> list[NearestPicture]:
    """A search takes milliseconds of a core; of large sets of photos up to a second."""
    neighbours = found.pictures.nearest(thumbnails(images_NHWC)[0], k, found.facts.mirror)
    return [_shown(found, one) for one in neighbours]


def _shown(found: PictureIndex, one: Neighbour) -> NearestPicture:
    pixels_hwC = found.pictures.pictures[one.number]
    if one.mirrored:
        pixels_hwC = pixels_hwC[:, ::-1]
    return NearestPicture(
        number=one.number,
        distance_levels=round(one.distance_levels, 3),
        unseen_farther=round(found.unseen.share_farther(one.distance_levels), 4),
        mirrored=one.mirrored,
        png=base64.b64encode(encode_picture(np.ascontiguousarray(pixels_hwC), Format.PNG)).decode(),
    )


def _explanation(found: PictureIndex, levels: float) -> str:
    """What the distance of the nearest picture means, in sentences."""
    unseen = found.unseen
    share = f"{100 * unseen.share_farther(levels):.1f}".removesuffix(".0")
    few = "" if unseen.near is not None else f" From {len(unseen.levels)} of them little can be told."
    return (
        f"{_IN_WORDS[unseen.likeness(levels)]} The nearest training picture is {levels:.1f} levels of 255 away, closer "
        f"than {share} % of real pictures that the model never saw are to theirs; half of those are farther than "
        f"{unseen.median:.1f}.{few}"
    )


_IN_WORDS = {
    Likeness.COPY: "It is a copy.",
    Likeness.NEAR: "It may be a copy: look at both.",
    Likeness.NEW: "By its pixels it is no copy.",
}
