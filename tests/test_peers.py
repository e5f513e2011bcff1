"""The peers draw what the file draws, and each answers as its framework does."""

import asyncio
import io
import json
import zipfile
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch
from PIL import Image

from load.bench.client import Response, request_once
from load.bench.peers.drawing import contact_sheet, encode
from load.bench.peers.fastapi_torch import read_network
from load.bench.servers import HTTP_ONLY, PEERS, ServerUnderTest, started
from load.bench.workloads import saturated

ROOT = Path(__file__).parent.parent
THREE = 3


def answers_of(server: ServerUnderTest, folder: Path) -> dict[str, Response]:
    """Three images in every format that it offers."""

    with started(server, "mnist", folder) as running:
        running.processes.resume()
        workloads = [saturated("mnist", 1024, format_name) for format_name in server.routes]
        requests = [server.closed_loop(one, 1.0).request.replace(b'"n": 1024', b'"n":    3') for one in workloads]
        answers = [asyncio.run(request_once(running.url, request)) for request in requests]
    return dict(zip(server.routes, answers, strict=True))


@pytest.mark.parametrize("model", ["mnist", "eurosat"])
def test_the_network_in_torch_draws_what_the_file_draws(model: str):
    """Within one level of 255: two libraries round differently."""
    path = ROOT / "models" / model / "generator.onnx"
    z, label = np.random.default_rng(5).standard_normal((16, 64), np.float32), np.arange(16) % 10
    session = onnxruntime.InferenceSession(path)
    early = "label" in [given.name for given in session.get_inputs()]
    classes = {"label": label} if early else {"classes": np.eye(10, dtype=np.float32)[label]}
    (reference,) = session.run(None, {"z": z} | classes)

    with torch.inference_mode():
        found = read_network(path)(torch.from_numpy(z), torch.from_numpy(label)).numpy()

    assert found.dtype == np.uint8
    assert np.abs(found.astype(int) - reference).max() <= 1


def test_a_network_of_another_shape_is_refused(bundles: Path):
    with pytest.raises(ValueError, match="measure mnist or eurosat"):
        read_network(bundles / "colour" / "generator.onnx")


@pytest.mark.slow
@pytest.mark.parametrize("server", PEERS, ids=lambda one: one.name)
def test_a_peer_answers_in_every_format_that_it_offers(server: ServerUnderTest, tmp_path: Path):
    answers = answers_of(server, tmp_path)

    assert {answer.status for answer in answers.values()} == {200}
    numbers = np.array(json.loads(answers["json"].body))
    assert numbers.shape == (THREE, 28, 28, 1)
    assert 0 <= numbers.min() < numbers.max() <= 255
    assert Image.open(io.BytesIO(answers["png"].body)).size == (56, 56)
    if "npy" in answers:
        assert np.load(io.BytesIO(answers["npy"].body)).shape == numbers.shape
        names = zipfile.ZipFile(io.BytesIO(answers["zip"].body)).namelist()
        assert names == ["0.png", "1.png", "2.png"]


@pytest.mark.slow
def test_the_bare_route_answers_with_as_many_bytes_as_one_image_has(tmp_path: Path):
    answers = answers_of(HTTP_ONLY[0], tmp_path)

    assert len(answers["npy"].body) == 128 + 28 * 28


def test_a_contact_sheet_is_as_square_as_it_can_be_and_black_where_nothing_is():
    images = np.arange(1, 4, dtype=np.uint8)[:, None, None, None] * np.ones((1, 2, 2, 1), np.uint8)

    assert contact_sheet(images)[::2, ::2, 0].tolist() == [[1, 2], [3, 0]]


def test_a_png_has_the_very_pixels():
    images = np.random.default_rng(0).integers(0, 256, (1, 4, 6, 3), np.uint8)

    assert np.array_equal(np.asarray(Image.open(io.BytesIO(encode(images, "png")))), images[0])
