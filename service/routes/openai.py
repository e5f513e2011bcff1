"""OpenAI's images API: `POST /v1/images/generations`, `GET /v1/models`, `GET /v1/models/{id}`; for its clients.

    HTTP -> [openai] -> latents -> responses -> HTTP

The prompt names a class. The pictures are those of `POST /generate` for the same
seed, and have the same marks. Fields that mean nothing here are accepted and
change nothing; what would change the answer and cannot be had is refused. Errors
have OpenAI's form, on all paths under /v1.
"""

import secrets
import time
from base64 import b64encode
from dataclasses import dataclass
from typing import Literal

import numpy as np
from fastapi import APIRouter, Request
from numpy.typing import NDArray
from pydantic import BaseModel, Field
from starlette.responses import JSONResponse

from models.card import Card
from models.codes import ADDRESS_END
from service.app import app_of
from service.body import JsonRoute
from service.encoders import encode_picture
from service.encoders.marks import Marks
from service.enlargement import Enlargement
from service.errors import FORMS, ErrorForm, Problem, cut
from service.formats import Format
from service.latents import FRESH_SEED_END, AddressRange, address_range
from service.permanent_urls import path_at
from service.routes.responses import encode_all, marks_of
from service.schemas import strict_config
from service.validation import BoundedModel

MOST_IMAGES = 10
"""Of one request, as OpenAI has it."""
LARGEST_SIDE_PIXELS = 2_048
"""Of a picture that is enlarged by repeating its pixels."""


class ImagesRequest(BoundedModel):
    """What OpenAI's clients send; `seed` is ours."""

    model_config = strict_config({"prompt": "7", "n": 1, "size": "auto", "seed": 7})

    prompt: str = Field(max_length=32_000, description="The name of a class; empty or `any`: as often as in training.")
    model: str | None = Field(default=None, max_length=200, description="An id from GET /v1/models; else the default.")
    n: int | None = Field(default=1, ge=1, le=MOST_IMAGES, description="How many pictures.")
    size: str | None = Field(
        default="auto", max_length=20, description="auto, or WIDTHxHEIGHT: the model's own, or a whole multiple of it."
    )
    output_format: Literal["png", "jpeg", "webp"] | None = Field(default="png", description="Format of the files.")
    response_format: Literal["b64_json", "url"] | None = Field(
        default="b64_json", description="The file itself, or the permanent URL of the picture."
    )
    seed: int | None = Field(
        default=None, ge=0, lt=ADDRESS_END, description="The pictures are those of POST /generate for this seed."
    )
    stream: bool | None = Field(default=None, description="true is refused: a picture is drawn at once.")
    background: str | None = Field(default=None, max_length=20, description="transparent is refused.")
    quality: str | None = Field(default=None, max_length=20, description="Changes nothing.")
    style: str | None = Field(default=None, max_length=20, description="Changes nothing.")
    moderation: str | None = Field(default=None, max_length=20, description="Changes nothing.")
    user: str | None = Field(default=None, max_length=500, description="Changes nothing.")
    output_compression: int | None = Field(default=None, description="Changes nothing.")
    partial_images: int | None = Field(default=None, description="Changes nothing.")


class ImageData(BaseModel):
    """One picture."""

    b64_json: str | None = None
    url: str | None = Field(default=None, description="The permanent URL.")
    revised_prompt: str | None = Field(default=None, description="The class that was drawn.")


class ImagesResponse(BaseModel):
    """The pictures, and their address."""

    created: int = Field(description="Unix time of this answer.")
    data: list[ImageData]
    output_format: str
    size: str
    seed: int = Field(description="Not in OpenAI's: the pictures are 0 to n - 1 of this seed.")


class OpenAIModel(BaseModel):
    """A model that can draw."""

    id: str
    object: Literal["model"] = "model"
    created: int = Field(default=0, description="Not known: 0.")
    owned_by: str = "zoetrope"


class OpenAIModels(BaseModel):
    """All models that can draw."""

    object: Literal["list"] = "list"
    data: list[OpenAIModel]


class ErrorDetail(BaseModel):
    """What is wrong."""

    message: str
    type: str
    param: str | None
    code: str | None


class ErrorResponse(BaseModel):
    """An error in OpenAI's form."""

    error: ErrorDetail


def _error(problem: Problem, _: str) -> JSONResponse:
    """A problem as OpenAI's clients expect it: 422 is 400 there."""
    status = 400 if problem.status == 422 else problem.status.value
    kind = "invalid_request_error" if status < 500 else "server_error"
    code = "model_not_found" if status in (404, 410) else None
    error = ErrorDetail(message=problem.words, type=kind, param=None, code=code)
    return JSONResponse(ErrorResponse(error=error).model_dump(), status, problem.headers)


FORMS["/v1"] = ErrorForm(_error, ErrorResponse)
router = APIRouter(prefix="/v1", tags=["openai"], route_class=JsonRoute)


@router.get("/models")
async def list_openai_models(request: Request) -> OpenAIModels:
    """List every model that can draw, as OpenAI does."""
    return OpenAIModels(data=[OpenAIModel(id=one.card.name) for one in app_of(request).registry.current_runtimes])


@router.get("/models/{name}")
async def get_openai_model(name: str, request: Request) -> OpenAIModel:
    """Describe one model, as OpenAI does."""
    runtime = await app_of(request).registry.runtime(name)
    return OpenAIModel(id=runtime.card.name)


@router.post("/images/generations")
async def generate_openai_images(body: ImagesRequest, request: Request) -> ImagesResponse:
    """Draw pictures of the class that the prompt names, as OpenAI's clients ask for them."""
    _refuse_what_cannot_be_had(body)
    runtime = await app_of(request).registry.runtime(body.model)
    card, chosen = runtime.card, Format(body.output_format or "png")
    times = _times(body.size or "auto", card)
    if times > 1 and body.response_format == "url":
        raise Problem(
            422, f"size is {cut(str(body.size))}, but a URL has the model's own size; ask for auto or b64_json."
        )
    seed = secrets.randbelow(FRESH_SEED_END) if body.seed is None else body.seed
    source = address_range(card, seed, 0, body.n or 1, _class_of(body.prompt, card), 1.0)
    enlargement = Enlargement(times)
    answer = _Answer(source, chosen, enlargement, marks_of(request, runtime, source, enlargement))
    if body.response_format == "url":
        files = [ImageData(url=f"{request.base_url}{path_at(source, at, chosen)}") for at in range(source.n)]
    else:
        files = await encode_all(request, runtime, source, answer.files)
    for at, file in enumerate(files):
        file.revised_prompt = answer.class_of(at)
    size = f"{card.image.width * times}x{card.image.height * times}"
    return ImagesResponse(created=int(time.time()), data=files, output_format=chosen.value, size=size, seed=seed)


def _refuse_what_cannot_be_had(body: ImagesRequest) -> None:
    if body.stream:
        raise Problem(422, "stream is true; pictures are drawn at once: leave it out.")
    if body.background == "transparent":
        raise Problem(422, "background is transparent; these pictures have none: leave it out.")


def _class_of(prompt: str, card: Card) -> int | None:
    """The number of the class that a prompt names, in any case.

    Raises:
        Problem: 422, no class has this name; lists those that there are.
    """
    wanted = prompt.strip().casefold()
    if wanted in ("", "any", card.name.casefold()):
        return None
    names = [one.name for one in card.classes or ()]
    for number, name in enumerate(names):
        if name.casefold() == wanted:
            return number
    allowed = f"a class of {card.name}: {', '.join(names)}; or any" if names else f"any: {card.name} has no classes"
    raise Problem(422, f"prompt is {cut(prompt.strip())!r}; it must be {allowed}.")


def _times(size: str, card: Card) -> int:
    """How often each pixel is repeated.

    Raises:
        Problem: 422, another size; lists those that can be had.
    """
    height, width = card.image.height, card.image.width
    most = max(1, LARGEST_SIDE_PIXELS // max(height, width))
    sizes = {f"{width * times}x{height * times}": times for times in range(1, most + 1)} | {"auto": 1}
    if size not in sizes:
        allowed = ", ".join(["auto", *list(sizes)[:8]]) + (f", ... {list(sizes)[-2]}" if most > 8 else "")
        raise Problem(422, f"size is {cut(size)!r}; it must be the model's own or a whole multiple of it: {allowed}.")
    return sizes[size]


@dataclass(frozen=True)
class _Answer:
    """Pictures as files in base64."""

    source: AddressRange
    format: Format
    enlargement: Enlargement
    marks: Marks | None

    def files(self, images_NHWC: NDArray[np.uint8]) -> list[ImageData]:
        """One for each picture."""
        return [ImageData(b64_json=self._encoded(at, image)) for at, image in enumerate(images_NHWC)]

    def class_of(self, at: int) -> str | None:
        """Of picture `at`; None where the model has no classes."""
        label = None if self.source.classes is None else self.source.classes.label_of(at, self.source.class_names)
        return label if isinstance(label, str) else None

    def _encoded(self, at: int, image_HWC: NDArray[np.uint8]) -> str:
        mark = b"" if self.marks is None else self.marks.of_picture(at)
        return b64encode(encode_picture(self.enlargement.apply(image_HWC), self.format, mark)).decode()
