"""`GET /models/{name}/{version}/bundle.zip` and `POST /models/{name}/current`: take a bundle, or put an older one back.

    HTTP -> [bundles] -> bundle_zip
                     `-> models.bundle_writer -> the folder of models -> reloader

Both are about folders and not about pictures, and both need the scope `admin` where
strangers can connect. A version is made the current one on the disk alone: every
service that reads the folder takes it up as it takes up one that was trained.
"""

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from fastapi import APIRouter, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from models.bundle_writer import restore_version
from models.card import Card
from models.errors import BundleError
from service.app import App, app_of
from service.body import JsonRoute
from service.bundle_zip import BundleZip
from service.errors import Problem
from service.model_schemas import CurrentVersionRequest, CurrentVersionResponse
from service.refusals import reason_of
from service.routes.permanent import IfNoneMatch, ModelName, ModelVersion, is_known
from service.routes.responses import cancelled_on_disconnect

MOST_ZIPS = 4
"""That are sent at a time: each holds the files of a bundle open."""
_RETRY_AFTER_S = 5
_SERVED_WITHIN_S = 10.0
_LOOK_S = 0.05
router = APIRouter(tags=["models"], route_class=JsonRoute)
_log = logging.getLogger("zoetrope")


@router.get("/models/{name}/{version}/bundle.zip", response_class=Response)
async def download_bundle(
    request: Request, name: ModelName, version: ModelVersion, if_none_match: IfNoneMatch = None
) -> Response:
    """Download a model: its bundle as a zip, which is served where it is unpacked into a folder of models.

    Every file is compared with its SHA-256 in the card before the first byte is sent.
    """
    app = app_of(request)
    found = app.registry.find(f"{name}@{version}")
    if app.zips_under_way >= MOST_ZIPS:
        headers = {"Retry-After": str(_RETRY_AFTER_S)}
        raise Problem(503, f"{MOST_ZIPS} bundles are being downloaded. Try again in {_RETRY_AFTER_S} s.", headers)
    app.zips_under_way += 1
    try:
        archive = await asyncio.get_running_loop().run_in_executor(app.encoder_pool, BundleZip, found)
    except BaseException:
        app.zips_under_way -= 1
        raise

    def close() -> None:
        app.zips_under_way -= 1
        archive.close()

    headers = {
        "ETag": f'"{archive.digest}"',
        "Cache-Control": "private, no-cache",
        "X-Model": found.card.name,
        "X-Model-Version": found.card.version,
        "Content-Disposition": f'attachment; filename="{found.card.name}-{found.card.version}.zip"',
    }
    if is_known(headers["ETag"], if_none_match):
        close()
        return Response(status_code=304, headers=headers)
    return _SentZip(app.encoder_pool, archive, close, headers)


@router.post("/models/{name}/current")
async def set_current_version(name: ModelName, body: CurrentVersionRequest, request: Request) -> CurrentVersionResponse:
    """Make an older version of a model the one that draws where only the model is named; the other one stays.

    It is done in the folder of models, atomically, and every service of that folder takes it up. To undo it, send the
    version that the answer names as `replaced`.
    """
    app = app_of(request)
    found = app.registry.find(f"{name}@{body.version}")
    if found.fault:
        raise Problem(409, f"{found} cannot be drawn, so it is not made the current one: {found.fault}")
    card = found.card
    try:
        replaced = await app.compute(lambda: restore_version(app.settings.models / card.name, card.version))
    except BundleError as error:
        raise Problem(409, f"{found} is not made the current one: {reason_of(error)}") from None
    except OSError as error:
        raise _unwritable(card, app.settings.models.name, error) from None
    if replaced.version != card.version:
        key = app.access.key_name(request.scope)
        whose = f"the key {key}" if key else "a person here"
        _log.info("%s made %s the current version, in place of %s", whose, found, replaced.version)
    served = await _is_served(app, card)
    return CurrentVersionResponse(name=card.name, version=card.version, replaced=replaced.version, is_served=served)


async def _is_served(app: App, card: Card) -> bool:
    """Whether the reloader has taken the version up within a few seconds."""
    loop = asyncio.get_running_loop()
    end_s = loop.time() + (_SERVED_WITHIN_S if app.settings.renew_seconds else 0)
    while True:
        current = {one.card.name: one for one in app.registry.snapshot.current}.get(card.name)
        if current is not None and current.card.version == card.version and current.runtime is not None:
            return True
        if loop.time() >= end_s:
            return False
        await asyncio.sleep(_LOOK_S)


def _unwritable(card: Card, folder: str, error: OSError) -> Problem:
    """The folder of models cannot be changed from here: what to do in place of it."""
    why = error.strerror or str(error) or type(error).__name__
    return Problem(
        409,
        f"The folder of models cannot be changed from here ({why}); {card.name} is as it was. Let the service write "
        f"there; or, where it can be written, rename {folder}/{card.name} to {folder}/{card.name}@VERSION, by its own "
        f"version, and {folder}/{card.name}@{card.version} to {folder}/{card.name}.",
    )


class _SentZip(Response):
    """A zip that is read piece by piece, as fast as its client takes them."""

    def __init__(
        self, pool: ThreadPoolExecutor, archive: BundleZip, close: Callable[[], None], headers: dict[str, str]
    ) -> None:
        self._pool, self._archive, self._close = pool, archive, close
        super().__init__(headers={**headers, "Content-Length": str(archive.length)}, media_type="application/zip")

    async def __call__(self, _: Scope, receive: Receive, send: Send) -> None:
        """Send it; the files are closed at the end, also where the client leaves."""
        loop, pieces = asyncio.get_running_loop(), self._archive.pieces()
        try:
            await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
            with cancelled_on_disconnect(receive, self._archive):
                while piece := await loop.run_in_executor(self._pool, next, pieces, b""):
                    await send({"type": "http.response.body", "body": piece, "more_body": True})
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        finally:
            self._close()
