"""A program with the client that openapi-python-client makes: python with_openapi_python_client.py URL FOLDER."""

import json
import sys
from pathlib import Path

from zoetrope_client import Client
from zoetrope_client.api.models import get_model
from zoetrope_client.api.pictures import decode, generate, get_picture, interpolate
from zoetrope_client.api.ratings import add_ratings, download_ratings
from zoetrope_client.models import (
    ClassWeights,
    DecodeRequest,
    Format,
    GenerateRequest,
    GetPictureSuffix,
    GradesFormat,
    InterpolateRequest,
    Pictures,
    Point,
    Problem,
    RatingRequest,
)
from zoetrope_client.types import File

client, saved = Client(base_url=sys.argv[1]), Path(sys.argv[2])


def save(name: str, file: File | Problem | None) -> None:
    """Bytes that came."""
    assert isinstance(file, File), file
    (saved / name).write_bytes(file.payload.read())


def request(**fields) -> GenerateRequest:
    """For the model of these checks."""
    return GenerateRequest(model="mnist", **fields)


# Draw: files of five formats, and one URL.
save("generated.png", generate.sync(client=client, body=request(seed=7, format_=Format.PNG)))
save("range.npy", generate.sync(client=client, body=request(seed=7, start=5, n=10, format_=Format.NPY)))
save("pictures.zip", generate.sync(client=client, body=request(seed=7, n=3, format_=Format.ZIP)))
mixed = ClassWeights.from_dict({"3": 1, "8": 1})
save("mixed.jpg", generate.sync(client=client, body=request(seed=7, label=mixed, format_=Format.JPEG)))
answer = generate.sync_detailed(client=client, body=request(seed=8, n=2, format_=Format.JSON))
pictures = Pictures.from_dict(json.loads(answer.content))
assert (pictures.seed, [one.index for one in pictures.images]) == (8, [0, 1])
(saved / "listed.base64").write_text(pictures.images[0].png)
card = get_model.sync("mnist", client=client).card
save("permanent.png", get_picture.sync("mnist", card.version, 7, 0, GetPictureSuffix.PNG, client=client))

# A fresh seed, which the headers name, leads to a URL.
fresh = generate.sync_detailed(client=client, body=request(format_=Format.PNG))
save("fresh.png", fresh.parsed)
named = fresh.headers["x-model"], fresh.headers["x-model-version"], int(fresh.headers["x-seed"])
save("fresh-permanent.png", get_picture.sync(*named, 0, GetPictureSuffix.PNG, client=client))

# Decode and interpolate.
code = [round(0.1 * (at % 7) - 0.3, 1) for at in range(card.code_size)]
body = DecodeRequest(model="mnist", codes=[code], label="3", format_=Format.PNG)
save("decoded.png", decode.sync(client=client, body=body))
points = [Point(seed=7), Point(seed=7, index=1)]
walk = InterpolateRequest(model="mnist", points=points, frames=5, format_=Format.WEBP)
save("walk.webp", interpolate.sync(client=client, body=walk))

# Grade, and get the grades back.
grades = [
    RatingRequest(model="mnist", version=card.version, seed=7, index=index, score=score, grader="openapi-python-client")
    for index, score in enumerate((1.0, 0.25))
]
assert add_ratings.sync(client=client, body=grades).added == 2
(saved / "grades.csv").write_text(download_ratings.sync(client=client, format_=GradesFormat.CSV))

# What is refused has fields.
problem = generate.sync(client=client, body=GenerateRequest(model="unknown"))
assert isinstance(problem, Problem)
(saved / "problem.json").write_text(json.dumps({"status": problem.status, "detail": problem.detail}))
