"""The directions of a bundle are the singular vectors of its generator, with the change of levels as their norms."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper
from support.untrained import write_untrained, write_with_graph

from models.bundle import Bundle, open_bundle
from models.bundle_writer import write_directions
from models.directions import decode_directions, encode_directions, measure_directions
from models.errors import BundleDamaged
from models.runtime import Runtime

ROOT = Path(__file__).parent.parent
HEIGHT, WIDTH, CODE_SIZE = 3, 4, 5


def linear(path: Path, changes_ZP: np.ndarray, rounds: bool = True) -> Bundle:
    """A generator whose levels are 100 + code x changes, (Z, H x W)."""
    constants = {
        "changes": changes_ZP.astype(np.float32),
        "grey": np.float32([100]),
        "shape": np.int64([-1, 1, HEIGHT, WIDTH]),
    }
    nodes = [
        helper.make_node("MatMul", ["z", "changes"], ["moved"]),
        helper.make_node("Add", ["moved", "grey"], ["flat"]),
        helper.make_node("Reshape", ["flat", "shape"], ["levels"]),
        helper.make_node("Round" if rounds else "Floor", ["levels"], ["whole"]),
        helper.make_node("Cast", ["whole"], ["bytes"], to=TensorProto.UINT8),
        helper.make_node("Transpose", ["bytes"], ["images"], perm=[0, 2, 3, 1]),
    ]
    z = helper.make_tensor_value_info("z", TensorProto.FLOAT, ["N", CODE_SIZE])
    images = helper.make_tensor_value_info("images", TensorProto.UINT8, ["N", HEIGHT, WIDTH, 1])
    tensors = [numpy_helper.from_array(values, name) for name, values in constants.items()]
    graph = helper.make_graph(nodes, "linear", [z], [images], tensors)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)
    return write_with_graph(path / "linear", model.SerializeToString(), HEIGHT, WIDTH, 1, CODE_SIZE)


def test_directions_of_a_linear_generator_are_its_singular_vectors(tmp_path: Path):
    changes_ZP = np.random.default_rng(0).normal(size=(CODE_SIZE, HEIGHT * WIDTH))
    vectors_ZZ, singular_Z, _ = np.linalg.svd(changes_ZP)
    found_ZZ = measure_directions(linear(tmp_path, changes_ZP), threads=1)
    norms_Z = np.linalg.norm(found_ZZ, axis=1)

    assert found_ZZ.dtype == np.float32
    np.testing.assert_allclose(norms_Z, singular_Z / np.sqrt(HEIGHT * WIDTH), rtol=1e-3)
    np.testing.assert_allclose(np.abs(np.diag(found_ZZ / norms_Z[:, None] @ vectors_ZZ)), 1, atol=1e-3)
    assert all(row[np.abs(row).argmax()] > 0 for row in found_ZZ)


def test_a_change_that_no_level_shows_counts_too(tmp_path: Path):
    """Differences are taken before the rounding: a hundredth of a level is no zero."""
    changes_ZP = np.zeros((CODE_SIZE, HEIGHT * WIDTH))
    changes_ZP[2] = 0.01
    found_ZZ = measure_directions(linear(tmp_path, changes_ZP), threads=1)

    np.testing.assert_allclose(found_ZZ[0], [0, 0, 0.01, 0, 0], atol=2e-4)


def test_a_graph_that_does_not_round_has_no_directions(tmp_path: Path):
    assert measure_directions(linear(tmp_path, np.ones((CODE_SIZE, HEIGHT * WIDTH)), rounds=False)) is None


@pytest.mark.parametrize("classes", [(), ("cat", "dog")])
def test_a_step_along_the_first_direction_changes_pictures_more_than_along_the_last(tmp_path: Path, classes: tuple):
    bundle = write_untrained(tmp_path / "pets", 8, 8, 1, code_size=4, classes=classes)
    found_ZZ = measure_directions(bundle, threads=1)
    runtime = Runtime(bundle, threads=1)
    code_1Z = np.zeros((1, 4), np.float32)
    labels_N = np.int64([1]) if classes else None

    def changed(row_Z: np.ndarray) -> float:
        ahead, behind = (
            runtime.draw(code_1Z + sign * row_Z / np.linalg.norm(row_Z), labels_N).astype(float) for sign in (1, -1)
        )
        return float(np.square(ahead - behind).mean())

    assert changed(found_ZZ[0]) > 1.5 * changed(found_ZZ[-1])


def test_the_file_is_part_of_the_bundle_and_leaves_its_version(grey: Path):
    before = open_bundle(grey)
    rows_ZZ = measure_directions(before, threads=1)
    for _ in range(2):  # also where there is one already
        after = write_directions(grey, encode_directions(rows_ZZ))

    assert after.card.version == before.card.version
    assert np.array_equal(decode_directions(after.directions, after.card.code_size), rows_ZZ)
    (grey / "directions.npy").write_bytes(b"other")
    with pytest.raises(BundleDamaged, match="directions"):
        open_bundle(grey)


@given(st.binary(max_size=400) | st.sampled_from([(2, 2), (3, 4), (0, 0), (4,)]))
def test_another_file_is_refused_in_words(data: bytes | tuple[int, ...]):
    data = data if isinstance(data, bytes) else encode_directions(np.zeros(data, np.float32))
    with pytest.raises(ValueError, match=r"found another file, expected directions of numpy, float32 \(3, 3\)"):
        decode_directions(data, 3)


def test_directions_that_are_no_numbers_are_refused():
    rows_ZZ = np.eye(3, dtype=np.float32)
    rows_ZZ[1, 1] = np.nan
    with pytest.raises(ValueError, match="not finite"):
        decode_directions(encode_directions(rows_ZZ), 3)


@pytest.mark.parametrize("model", ["mnist", "eurosat"])
def test_eight_directions_of_a_shipped_model_hold_most_of_what_a_code_changes(model: str):
    bundle = open_bundle(ROOT / "models" / model)
    squares_Z = np.square(decode_directions(bundle.directions, bundle.card.code_size)).sum(axis=1)

    assert squares_Z[:8].sum() > 0.8 * squares_Z.sum()
    assert list(squares_Z) == sorted(squares_Z, reverse=True)
