"""The ways in which a bundle is broken, in one table: each spoils a whole bundle, and says which words name it.

Most of them are what a stranger may send, or a copy that was cut; the digests of a spoilt graph are right where the
graph itself is to be looked at.
"""

import hashlib
import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import onnx
from onnx import TensorProto, helper

from models.card import ClassCount, ImageShape, version_of
from support.rewarded import brightness


@dataclass(frozen=True)
class Kind:
    """One way to break a bundle."""

    name: str
    spoil: Callable[[Path], object]
    words: str
    """A regular expression that its reason matches."""
    not_as_root: bool = False

    def __str__(self) -> str:
        return self.name


def edit_card(path: Path, **changes: Any) -> None:
    card = json.loads((path / "card.json").read_text()) | changes
    (path / "card.json").write_text(json.dumps(card))


def put(path: Path, file: str, data: bytes) -> None:
    """Write a file of a bundle, with its digest in the card and the version that follows from it."""
    (path / file).write_bytes(data)
    card = json.loads((path / "card.json").read_text())
    files = card["files"] | {file: hashlib.sha256(data).hexdigest()}
    classes = None if card["classes"] is None else [ClassCount(**one) for one in card["classes"]]
    edit_card(path, files=files, version=version_of(files["generator.onnx"], classes))


def graph(path: Path, data: bytes) -> None:
    put(path, "generator.onnx", data)


def regraph(path: Path, change: Callable[[onnx.ModelProto], object]) -> None:
    """Change the graph of a bundle."""
    model = onnx.load_model_from_string((path / "generator.onnx").read_bytes())
    change(model)
    graph(path, model.SerializeToString())


def flip_a_byte(path: Path) -> None:
    data = bytearray((path / "generator.onnx").read_bytes())
    data[len(data) // 2] ^= 1
    (path / "generator.onnx").write_bytes(data)


def cut(path: Path) -> bytes:
    return (path / "generator.onnx").read_bytes()[:-1000]


def replace(file: Path, make: Callable[[Path], object]) -> None:
    file.unlink()
    make(file)


def leave_the_folder(path: Path) -> None:
    outside = path.parent / ".outside.onnx"
    outside.write_bytes((path / "generator.onnx").read_bytes())
    replace(path / "generator.onnx", lambda file: file.symlink_to(outside))


def weights_elsewhere(model: onnx.ModelProto) -> None:
    tensor = max(model.graph.initializer, key=lambda one: len(one.raw_data))
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="weights.bin")


def nan(model: onnx.ModelProto) -> None:
    tensor = max(model.graph.initializer, key=lambda one: len(one.raw_data))
    tensor.raw_data = tensor.raw_data[:-4] + b"\x00\x00\xc0\x7f"


def loop_for_ever(model: onnx.ModelProto) -> None:
    """A Loop without a count, whose condition stays true."""
    body = helper.make_graph(
        [helper.make_node("Identity", ["go_on"], ["go_on_still"])],
        "body",
        [
            helper.make_tensor_value_info("turn", TensorProto.INT64, []),
            helper.make_tensor_value_info("go_on", TensorProto.BOOL, []),
        ],
        [helper.make_tensor_value_info("go_on_still", TensorProto.BOOL, [])],
    )
    model.graph.initializer.append(helper.make_tensor("true", TensorProto.BOOL, [], [True]))
    model.graph.node.append(helper.make_node("Loop", ["", "true"], [], body=body))


def branch(model: onnx.ModelProto) -> None:
    one = helper.make_tensor("one", TensorProto.FLOAT, [1], [1.0])
    end = helper.make_tensor_value_info("out", TensorProto.FLOAT, [1])
    body = helper.make_graph([helper.make_node("Constant", [], ["out"], value=one)], "body", [], [end])
    model.graph.initializer.append(helper.make_tensor("true", TensorProto.BOOL, [], [True]))
    model.graph.node.append(helper.make_node("If", ["true"], ["unused"], then_branch=body, else_branch=body))


def shapes_that_lie(path: Path) -> None:
    """Declares the pictures of the card, and computes others."""
    card = json.loads((path / "card.json").read_text())
    sizes = [card["image"][key] for key in ("height", "width", "channels")]
    graph_ = helper.make_graph(
        [
            helper.make_node("Cast", ["z"], ["bytes"], to=TensorProto.UINT8),
            helper.make_node("Reshape", ["bytes", "shape"], ["images"]),
        ],
        "liar",
        [helper.make_tensor_value_info("z", TensorProto.FLOAT, ["N", card["code_size"]])],
        [helper.make_tensor_value_info("images", TensorProto.UINT8, ["N", *sizes])],
        [helper.make_tensor("shape", TensorProto.INT64, [4], [-1, 1, 1, 1])],
    )
    model = helper.make_model(graph_, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    graph(path, model.SerializeToString())


def dynamic_sizes(model: onnx.ModelProto) -> None:
    model.graph.input[0].type.tensor_type.shape.dim[1].dim_param = "any"


def a_function(model: onnx.ModelProto) -> None:
    node = helper.make_node("Identity", ["x"], ["y"])
    model.functions.append(helper.make_function("mine", "F", ["x"], ["y"], [node], [helper.make_opsetid("", 17)]))


def foreign_operator(model: onnx.ModelProto) -> None:
    model.graph.node.append(helper.make_node("FusedConv", ["z"], ["unused"], domain="com.microsoft"))


def image_of(path: Path, **sizes: int) -> None:
    edit_card(path, image=json.loads((path / "card.json").read_text())["image"] | sizes)


def two_classes(path: Path) -> None:
    edit_card(path, classes=[{"name": "cat", "count": 1}, {"name": "cat", "count": 2}])


def without(path: Path, *fields: str) -> None:
    card = json.loads((path / "card.json").read_text())
    (path / "card.json").write_text(json.dumps({key: value for key, value in card.items() if key not in fields}))


def write_card(text: bytes) -> Callable[[Path], object]:
    return lambda path: (path / "card.json").write_bytes(text)


def digest_of_a_path(path: Path) -> None:
    files = json.loads((path / "card.json").read_text())["files"]
    edit_card(path, files=files | {"../../etc/passwd": "0" * 64})


_FOREIGN = brightness(ImageShape(height=8, width=8, channels=1), labels=False)

KINDS = (
    Kind("a flipped byte", flip_a_byte, r"generator\.onnx: found \d+ bytes with SHA-256"),
    Kind("a cut graph", lambda p: (p / "generator.onnx").write_bytes(cut(p)), r"Truncated or altered"),
    Kind("a graph that was cut before it was hashed", lambda p: graph(p, cut(p)), r"a graph that is cut"),
    Kind("an empty graph", lambda p: graph(p, b""), r"0 bytes without a graph"),
    Kind("a graph that is not ONNX", lambda p: graph(p, b"\xff" * 5000), r"bytes that are not ONNX"),
    Kind("the graph of something else", lambda p: graph(p, _FOREIGN), r"found images uint8 .*expected z float32"),
    Kind("weights in another file", lambda p: regraph(p, weights_elsewhere), r"weights in another file"),
    Kind("NaN weights", lambda p: regraph(p, nan), r"weights that are NaN"),
    Kind("a loop without end", lambda p: regraph(p, loop_for_ever), r"Loop, which holds a graph of its own"),
    Kind("a branch", lambda p: regraph(p, branch), r"If, which holds a graph of its own"),
    Kind("a function", lambda p: regraph(p, a_function), r"a function of its own"),
    Kind("an operator of one library", lambda p: regraph(p, foreign_operator), r"FusedConv of com\.microsoft"),
    Kind("shapes that lie", shapes_that_lie, r"generator\.onnx|images|shape"),
    Kind("codes of any size", lambda p: regraph(p, dynamic_sizes), r"found z float32 \[N, N\] .*expected"),
    Kind("a sparse graph of 3 GiB", lambda p: os.truncate(p / "generator.onnx", 3 << 30), r"found 3,221,225,472 bytes"),
    Kind("a wrong digest", lambda p: (p / "samples.png").write_bytes(b"other"), r"samples\.png: found 5 bytes"),
    Kind("a damaged reward", lambda p: put(p, "reward.onnx", b"grades"), r"reward\.onnx: found"),
    Kind("a file that is missing", lambda p: (p / "samples.png").unlink(), r"samples\.png: found no such file"),
    Kind("a folder in place of a file", lambda p: replace(p / "generator.onnx", Path.mkdir), r"found a folder"),
    Kind("a pipe in place of a file", lambda p: replace(p / "generator.onnx", os.mkfifo), r"found a named pipe"),
    Kind("a pipe in place of the card", lambda p: replace(p / "card.json", os.mkfifo), r"found a named pipe"),
    Kind("a link that leaves the folder", leave_the_folder, r"found a link that leaves the folder"),
    Kind(
        "a link to a device",
        lambda p: replace(p / "samples.png", lambda file: file.symlink_to("/dev/zero")),
        r"found a link that leaves the folder",
    ),
    Kind(
        "a link to nothing",
        lambda p: replace(p / "samples.png", lambda file: file.symlink_to("nothing")),
        r"samples\.png: found no such file",
    ),
    Kind("an unreadable file", lambda p: (p / "generator.onnx").chmod(0), r"found an error: Permission", True),
    Kind("no card", lambda p: (p / "card.json").unlink(), r"card\.json: found no such file"),
    Kind("a card that is not JSON", write_card(b"{"), r"card\.json: found invalid JSON"),
    Kind("a card that is not UTF-8", write_card(b'{"name": "\xff\xfe\xfa"}'), r"card\.json: found invalid JSON"),
    Kind("a gigantic card", write_card(b" " * 2**21), r"card\.json: found 2,097,152 bytes, expected at most"),
    Kind("a card of a thousand levels", write_card(b"[" * 10**5), r"card\.json: found invalid JSON"),
    Kind("a card of a later format", lambda p: edit_card(p, format=99), r"found format 99, .*Use a newer Zoetrope"),
    Kind("a card with NaN", lambda p: edit_card(p, scores={"fd_ratio": float("nan")}), r"card\.json: found invalid"),
    Kind("pictures of a billion pixels", lambda p: image_of(p, height=10**9), r"image\.height: .*4096"),
    Kind("codes of a billion numbers", lambda p: edit_card(p, code_size=10**9), r"code_size: .*65536"),
    Kind("other pictures than the graph's", lambda p: image_of(p, height=16), r"expected .* 16, 8, 1\]"),
    Kind("a card without fields", lambda p: without(p, "image", "training"), r"image: Field required"),
    Kind("a path in a key", digest_of_a_path, r"card\.json: found files"),
    Kind("a path as a name", lambda p: edit_card(p, name="../victim"), r"card\.json: found name"),
    Kind("the name of another model", lambda p: edit_card(p, name="good"), r"expected a card named 'victim'"),
    Kind("another version", lambda p: edit_card(p, version="0" * 16), r"found version 0000000000000000"),
    Kind("two classes of one name", two_classes, r"two classes are named 'cat'"),
)
