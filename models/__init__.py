"""THE BUNDLE: what training makes and the service serves; all that the two share.

    training -> bundle (card, files) -> engine_selection -> runtime (codes -> pixels) -> service

    card                what a bundle says of itself: `card.json`; `scores` is the part that `evaluate` writes
    files               files written atomically, digests
    bundle              a folder, opened whole or refused; `bundle_writer` writes it
    codes               the address of a picture -> its latent code
    class_weights       a picture of several classes: canonical weights -> rows of a batch
    cores               CPU cores that this process may use, within its container's quota
    engine              name, interface and batch sizes of an engine
    graph               counted and converted to float16
    graph_check         what a graph may hold: no control flow, no other files, no NaN
    label_input         a graph that takes one class a picture is made to take weights
    directions          along which directions of the code pictures change most: `directions.npy`
    wire_format         protocol buffers, field by field: what those three read graphs with
    onnx_fields         the numbers of the fields that they read
    onnxruntime_engine  the reference, on the CPU or CUDA
    openvino_engine     float32 and bfloat16 on the CPU
    engine_selection    the rule: which engine draws a model here
    generator_engine    the engine of a generator, with weights of classes where it draws as before
    warm_up             which batch sizes are used
    runtime             codes -> pixels
    sheet               pixels -> a contact sheet
    picture_index       training pictures as one file, for people who ask whether a drawn one is copied
    nearest_pictures    the nearest of many pictures, exactly
    hub                 bundles from and to the Hugging Face Hub; `hub_command` is `zoetrope pull` and `push`
    model_card          README.md of a model there, made of its card
    picture_folders     where pictures are: which folders a client may name, and which a model has learned from
    active_learning     which pictures are worth a person's grade
    command_line        usage errors of a command, in one line
    benchmark           speed and fidelity of the engines: `zoetrope benchmark NAME`
    errors              everything that can go wrong

The bundles themselves are next to this code: `models/<name>/`. This room knows
neither torch nor BentoML, and imports nothing from the other rooms. Importing
`models` loads no engine: what it exports is imported when it is first used.

    >>> from models import open_model
    >>> open_model("models/mnist").generate(seed=7, n=64).shape
    (64, 28, 28, 1)
"""

import os
from importlib import import_module
from typing import TYPE_CHECKING

# onnxruntime reports home by default; it reads this when it is imported, which only modules of this package do.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")  # of huggingface_hub, which `hub` imports

if TYPE_CHECKING:
    from models.bundle import Bundle, open_bundle
    from models.card import Card
    from models.errors import ModelError
    from models.runtime import Runtime, open_model
    from models.sheet import contact_sheet

    __version__: str

__all__ = ["Bundle", "Card", "ModelError", "Runtime", "__version__", "contact_sheet", "open_bundle", "open_model"]

_HOMES = {
    "Bundle": "bundle",
    "Card": "card",
    "ModelError": "errors",
    "Runtime": "runtime",
    "contact_sheet": "sheet",
    "open_bundle": "bundle",
    "open_model": "runtime",
}


def __getattr__(name: str) -> object:
    if name == "__version__":
        return _version()
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


def _version() -> str:
    """The version of the installed distribution; of pyproject.toml where the code runs from its repository."""
    import tomllib
    from importlib.metadata import PackageNotFoundError, version
    from pathlib import Path

    try:
        return version("zoetrope")
    except PackageNotFoundError:
        project = tomllib.loads((Path(__file__).parent.parent / "pyproject.toml").read_text())
        return str(project["project"]["version"])
