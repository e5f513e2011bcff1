"""A program with the client that openapi-generator makes in Python: python with_openapi_generator.py URL FOLDER."""

import json
import sys
from pathlib import Path

from zoetrope_api import ApiClient, Configuration, ModelsApi, PicturesApi, RatingsApi
from zoetrope_api.exceptions import ApiException
from zoetrope_api.models import (
    ClassLabel,
    DecodeRequest,
    Format,
    GenerateRequest,
    InterpolateRequest,
    Label,
    Labels,
    Pictures,
    Point,
    Problem,
    RatingRequest,
)

client, saved = ApiClient(Configuration(host=sys.argv[1])), Path(sys.argv[2])
pictures, ratings = PicturesApi(client), RatingsApi(client)


def request(**fields) -> GenerateRequest:
    """For the model of these checks."""
    return GenerateRequest(model="mnist", **fields)


# Draw: files of five formats, and one URL. This generator names one type in `Accept`, so `format` says which.
(saved / "generated.png").write_bytes(pictures.generate(request(seed=7, format=Format.PNG)))
(saved / "range.npy").write_bytes(pictures.generate(request(seed=7, start=5, n=10, format=Format.NPY)))
(saved / "pictures.zip").write_bytes(pictures.generate(request(seed=7, n=3, format=Format.ZIP)))
mixed = Labels(Label({"3": 1, "8": 1}))
(saved / "mixed.jpg").write_bytes(pictures.generate(request(seed=7, label=mixed, format=Format.JPEG)))
listed = Pictures.from_json(pictures.generate(request(seed=8, n=2, format=Format.JSON)).decode())
assert (listed.seed, [one.index for one in listed.images]) == (8, [0, 1])
(saved / "listed.base64").write_text(listed.images[0].png)
card = ModelsApi(client).get_model("mnist").card
(saved / "permanent.png").write_bytes(pictures.get_picture("mnist", card.version, 7, 0, "png"))

# A fresh seed, which the headers name, leads to a URL.
fresh = pictures.generate_with_http_info(request(format=Format.PNG))
(saved / "fresh.png").write_bytes(fresh.data)
named = fresh.headers["x-model"], fresh.headers["x-model-version"], int(fresh.headers["x-seed"])
(saved / "fresh-permanent.png").write_bytes(pictures.get_picture(*named, 0, "png"))

# Decode and interpolate.
code = [round(0.1 * (at % 7) - 0.3, 1) for at in range(card.code_size)]
body = DecodeRequest(model="mnist", codes=[code], label=Labels(Label("3")), format=Format.PNG)
(saved / "decoded.png").write_bytes(pictures.decode(body))
points = [Point(seed=7), Point(seed=7, index=1)]
walk = InterpolateRequest(model="mnist", points=points, frames=5, format=Format.WEBP)
(saved / "walk.webp").write_bytes(pictures.interpolate(walk))

# Grade, and get the grades back.
grades = [
    RatingRequest(
        model="mnist", version=card.version, seed=7, index=index, label=ClassLabel(label), score=score,
        grader="openapi-generator",
    )
    for index, (label, score) in enumerate((("3", 1.0), (8, 0.25)))
]  # fmt: skip
assert ratings.add_ratings(grades).added == 2
(saved / "grades.csv").write_text(ratings.download_ratings())

# What is refused has fields.
try:
    pictures.generate(GenerateRequest(model="unknown"))
except ApiException as error:
    problem = Problem.from_json(error.body)
    assert problem is not None
    (saved / "problem.json").write_text(json.dumps({"status": problem.status, "detail": problem.detail}))
