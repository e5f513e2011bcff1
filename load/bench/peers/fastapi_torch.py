"""FastAPI, PyTorch and Pillow: the network as it was trained, behind a route.

    PEER_GENERATOR=.../generator.onnx PEER_THREADS=2 uvicorn --factory load.bench.peers.fastapi_torch:create_app

    generator.onnx -> an nn.Module with that file's weights -> images -> files

The network of an engineer who trains and serves with PyTorch. Its shape is read from
the names and sizes of the weights: `stages.S.B` is block B of stage S, `widen.S`
leads to the next stage.

Letters: N images    Z numbers in a code    H, W, C of an image
"""

import re
from itertools import pairwise
from pathlib import Path

import onnx
import torch
from fastapi import FastAPI, Response
from fastapi.responses import JSONResponse
from torch import Tensor, nn
from torch.nn import functional as F

from load.bench.peers.drawing import CALL_IMAGES, MEDIA_TYPES, encode, generator_path, threads
from load.bench.peers.request import GenerateRequest

_LEAK = 0.2
_AROUND = re.compile(r"^network\.(body\.)?|\.float16$")
"""What a file adds to the name of a weight; the end where it keeps the weight as float16 and casts it."""


class Block(nn.Module):
    """x + two convolutions of x."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first, self.second = (nn.Conv2d(width, width, 3, padding=1) for _ in range(2))

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, h, w) -> the same shape."""
        residual: Tensor = self.second(F.leaky_relu(self.first(F.leaky_relu(x, _LEAK)), _LEAK))
        return x + residual


class Network(nn.Module):
    """(N, Z) float32 and labels (N,) int64 -> images (N, H, W, C) uint8."""

    def __init__(self, weights: dict[str, Tensor], grid_CHW: tuple[int, ...]) -> None:
        super().__init__()
        widths = [weights[f"stages.{stage}.0.first.weight"].shape[0] for stage in range(_count(weights, "stages"))]
        blocks = _count(weights, "stages.0")
        self._grid_CHW = grid_CHW
        self.base = nn.Linear(weights["base.weight"].shape[1], weights["base.weight"].shape[0])
        self.label_base = nn.Embedding(*weights["label_base.weight"].shape)
        self.stages = nn.ModuleList(nn.Sequential(*(Block(width) for _ in range(blocks))) for width in widths)
        self.widen = nn.ModuleList(nn.Conv2d(a, b, 1) for a, b in pairwise(widths))
        self.to_pixels = nn.Conv2d(widths[-1], weights["to_pixels.weight"].shape[0], 3, padding=1)
        self.load_state_dict(weights)

    def forward(self, z: Tensor, label: Tensor) -> Tensor:
        """(N, Z), (N,) -> (N, H, W, C)."""
        x = (self.base(z) + self.label_base(label)).unflatten(1, self._grid_CHW)
        x = self.stages[0](x.contiguous(memory_format=torch.channels_last))
        for widen, stage in zip(self.widen, self.stages[1:], strict=True):
            x = stage(F.interpolate(widen(x), scale_factor=2.0))
        x = F.pixel_shuffle(self.to_pixels(F.leaky_relu(x, _LEAK)), 2).clamp(-1, 1)
        return (x * 127.5 + 127.5).round().to(torch.uint8).permute(0, 2, 3, 1)


def read_network(generator: Path) -> Network:
    """The network of a residual generator with classes whose sides need no cropping, ready to draw.

    Raises:
        ValueError: the file holds another network.
    """
    graph = onnx.load(generator).graph
    tensors = {one.name: torch.from_numpy(onnx.numpy_helper.to_array(one).copy()) for one in graph.initializer}
    weights = {_AROUND.sub("", name): value.float() for name, value in tensors.items() if name.startswith("network.")}
    reshape = next((node for node in graph.node if node.op_type == "Reshape"), None)
    if reshape is None or "label_base.weight" not in weights or any(node.op_type == "Slice" for node in graph.node):
        raise ValueError(
            f"{generator} is not a residual generator with classes and without cropping; measure mnist or eurosat"
        )
    grid_CHW = tuple(tensors[reshape.input[1]].tolist()[1:])
    network = Network(weights, grid_CHW)
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # torch's types lack it
    return network.eval()


def _count(weights: dict[str, Tensor], below: str) -> int:
    """How many different numbers come right below a name."""
    at = below.count(".") + 1
    return len({name.split(".")[at] for name in weights if name.startswith(f"{below}.")})


def create_app() -> FastAPI:
    """The server: one route, one network."""
    torch.set_num_threads(threads())
    app = FastAPI()
    network = read_network(generator_path())

    @app.post("/generate")
    def generate(request: GenerateRequest) -> Response:
        """Draw n images."""
        random = torch.Generator()
        random.seed() if request.seed is None else random.manual_seed(request.seed)
        z = torch.randn(request.n, network.base.in_features, generator=random)
        label = torch.randint(network.label_base.num_embeddings, (request.n,), generator=random)
        pairs = zip(torch.split(z, CALL_IMAGES), torch.split(label, CALL_IMAGES), strict=True)
        with torch.inference_mode():
            parts = [network(*pair) for pair in pairs]
        images_NHWC = torch.cat(parts).numpy()
        if request.format == "json":
            return JSONResponse(images_NHWC.tolist())
        return Response(encode(images_NHWC, request.format), media_type=MEDIA_TYPES[request.format])

    return app
